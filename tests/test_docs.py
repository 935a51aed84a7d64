"""The documentation is true: its Python blocks run, its commands and links exist."""

from __future__ import annotations

import doctest
import re
import shlex
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
COMMAND = re.compile(r"^(?: {4})?(?:\$ )?(?:\.venv/bin/)?((?:make|lambdarray) .*)$")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, line, language and text, and why it is not run where it is not."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        reason = NOT_RUN.search(before)
        found.append(Block(page, before.count("\n") + 1, match[1], match[2], reason[1] if reason else ""))
    return found


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_python_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__docs__"}
    for block in blocks(page):
        if block.language == "python" and not block.not_run:
            _run(block, names)


def _run(block: Block, names: dict[str, object]) -> None:
    if ">>> " in block.text:
        test = doctest.DocTestParser().get_doctest(block.text, names, name_of(block.page), str(block.page), block.line)
        problems: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(test, out=problems.append, clear_globs=False)
        names.update(test.globs)
        assert not problems, "".join(problems)
    else:
        code = compile("\n" * block.line + block.text, str(block.page), "exec")
        exec(code, names)


def commands() -> list[tuple[str, list[str]]]:
    """Every `make` and `lambdarray` that stands in a block of its own, fenced or indented, with its place."""
    found = []
    for page in PAGES:
        for number, line in enumerate(page.read_text().replace("\\\n", " ").splitlines(), 1):
            if match := COMMAND.match(line):
                found.append((f"{name_of(page)}:{number}", shlex.split(match[1], comments=True)))
    return found


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for where, words in commands():
        if words[0] == "make":
            target = words[1]
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"{where}: make {target}"


def test_every_command_line_that_is_shown_is_understood() -> None:
    from lambdarray import cli, demo, scenarios

    own = {"demo": demo.make_parser, "simulate": scenarios.make_parser}

    for where, words in commands():
        if words[0] != "lambdarray" or words[1] == "cloud":
            continue
        parser = own.get(words[1], cli.make_parser)()
        try:
            parser.parse_args(words[2:] if words[1] in own else words[1:])
        except SystemExit as refused:
            pytest.fail(f"{where}: {shlex.join(words)} is refused ({refused})")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_python_block_that_is_not_run_says_why(page: Path) -> None:
    for block in blocks(page):
        assert block.language, f"{name_of(page)}:{block.line}: name the block's language"
        if block.not_run:
            assert block.language == "python", "only Python blocks are run"


def test_the_readme_has_every_setting() -> None:
    from lambdarray.config import Config

    text = (ROOT / "README.md").read_text()
    assert not [f.name for f in fields(Config) if f"`{f.name}`" not in text]


def test_the_page_on_errors_has_every_error() -> None:
    from lambdarray import errors

    text = (ROOT / "docs/errors.md").read_text()
    assert not [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and f"`{name}`" not in text and name != "LambdarrayError"
    ]


def test_the_readme_shows_both_commands_first() -> None:
    first = blocks(ROOT / "README.md")[0].text
    assert "make demo" in first
    assert "make test" in first
