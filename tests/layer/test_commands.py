"""Deploy and destroy as commands: what they print, ask and return."""

from __future__ import annotations

import io
import sys

import pytest
from lambdarray_layer.target import Target

from lambdarray import cli

from .conftest import Cloud


class Terminal(io.StringIO):
    """Somebody at the keyboard, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def words(cloud: Cloud, target: Target) -> list[str]:
    return target.command().split()[1:]


def test_deploying_twice_says_that_there_is_nothing_to_change(
    words: list[str], capsys: pytest.CaptureFixture[str], target: Target
) -> None:
    assert cli.main([*words, "--yes"]) == 0
    assert f"function:{target.function}" in capsys.readouterr().out.splitlines()[-1]
    assert cli.main([*words, "--yes"]) == 0
    assert capsys.readouterr().out == "nothing to change\n"


def test_a_dry_run_prints_the_policy_and_changes_nothing(
    words: list[str], capsys: pytest.CaptureFixture[str], cloud: Cloud, target: Target
) -> None:
    assert cli.main([*words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert '"Sid": "Write"' in out
    assert "lambda.create_function(" in out
    assert cloud.account().find("lambda", "get_function", FunctionName=target.function) is None


def test_who_says_no_gets_no_change(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cloud: Cloud, target: Target
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert cli.main(words) == 1
    assert "nothing was changed" in capsys.readouterr().out
    assert cloud.account().find("lambda", "get_function", FunctionName=target.function) is None


def test_destroy_without_a_terminal_needs_yes(
    words: list[str], capsys: pytest.CaptureFixture[str], target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert cli.main(words) == 0
    assert cli.main(["destroy", "--function", target.function]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert cli.main(["destroy", "--function", target.function, "--yes"]) == 0
    capsys.readouterr()
    assert cli.main(["destroy", "--function", target.function, "--yes"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to change"


def test_the_doctor_of_nothing_returns_1(cloud: Cloud, target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--function", target.function]) == 1
    assert "FAIL  function" in capsys.readouterr().out
    assert cli.main(["doctor", "--function", target.function, "--json"]) == 1
    assert capsys.readouterr().out.startswith("[")
