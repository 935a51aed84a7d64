"""The layer table of the design, held by a scan of every import, and what importing the package may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    "lambdarray": ROOT / "lambdarray",
    "lambdarray_kernels": ROOT / "kernels/lambdarray_kernels",
    "lambdarray_layer": ROOT / "lambda_layer/lambdarray_layer",
}

# A module may import what stands in its own row or in one above.
LAYERS = (
    ("lambdarray_kernels",),
    ("lambdarray._version", "lambdarray.errors", "lambdarray.config", "lambdarray.tiling", "lambdarray.numbering"),
    ("lambdarray.task", "lambdarray.cost", "lambdarray.profiles", "lambdarray.store", "lambdarray.scratch"),
    ("lambdarray.ops",),
    # What is deployed: a run asks it what the function is and was granted.
    ("lambdarray_layer",),
    ("lambdarray.planner", "lambdarray.runtime"),
    ("lambdarray.api", "lambdarray.algorithms", "lambdarray.futures"),
    ("lambdarray.report", "lambdarray.calibration", "lambdarray.bench", "lambdarray.cloud"),
    ("lambdarray", "lambdarray.demo", "lambdarray.scenarios"),
    ("lambdarray.cli", "lambdarray.__main__"),
)
# These meet only in what both import.
STRANGERS = {frozenset({"lambdarray.planner", "lambdarray.runtime"})}
# Places that put the parts together: what each may import from further down.
ROOTS: dict[str, set[str]] = {
    # NumPy's functions find ours by name.
    "lambdarray.api.dispatch": {"lambdarray"},
    # A run's report writes itself, whoever has it.
    "lambdarray.runtime.summary": {"lambdarray.report"},
}

# The whole of a cold start: what the worker and the Lambda handler are made of.
COLD = {
    "lambdarray_kernels",
    "lambdarray._version",
    "lambdarray.errors",
    "lambdarray.config",
    "lambdarray.tiling",
    "lambdarray.numbering",
    "lambdarray.task",
    "lambdarray.store",
    "lambdarray.runtime",
}
HEAVY = ("boto3", "botocore", "dask", "asyncio", "aiohttp", "obstore", "scipy", "moto", "zarr", "cloudpickle")


@cache
def modules() -> dict[str, Path]:
    """Every module of the three packages, by name."""
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            names = parts[:-1] if parts[-1] == "__init__" else parts
            found[".".join((package, *names))] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, anywhere in its text."""
    tree = ast.parse(modules()[module].read_text())
    return frozenset(name for node in ast.walk(tree) for name in _named(module, node) if _ours(name))


def _ours(name: str) -> bool:
    return name.split(".")[0] in SOURCES


def _named(module: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_existing(alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _base(module, node)
        for alias in node.names:
            whole = f"{base}.{alias.name}"
            yield whole if whole in modules() else _existing(base)


def _base(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.split(".") if modules()[module].name == "__init__.py" else module.split(".")[:-1]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def _existing(name: str) -> str:
    if _ours(name):
        assert name in modules(), f"{name} is imported and does not exist"
    return name


def layer(module: str) -> tuple[int, str]:
    """The row of a module, and the entry of the table that it belongs to."""
    entries = {entry: row for row, entries in enumerate(LAYERS) for entry in entries}
    if module == "lambdarray":
        return entries[module], module
    while module not in entries or module == "lambdarray":
        module = module.rpartition(".")[0]
        assert module not in ("", "lambdarray"), "a module that the layer table does not have"
    return entries[module], module


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_only_what_stands_to_its_left(module: str) -> None:
    row, entry = layer(module)
    allowed = ROOTS.get(module, set())
    for other in imports(module):
        other_row, other_entry = layer(other)
        if other_entry in allowed or other in allowed:
            continue
        assert other_row <= row, f"{module} imports {other}, which stands to its right"
        assert frozenset({entry, other_entry}) not in STRANGERS, (
            f"{module} imports {other}; they meet in lambdarray.task"
        )


def test_every_composition_root_still_needs_its_exception() -> None:
    for module, allowed in ROOTS.items():
        used = {layer(other)[1] for other in imports(module)} | imports(module)
        assert allowed <= used, f"{module} no longer imports {sorted(allowed - used)}"


@pytest.mark.parametrize("module", sorted(m for m in modules() if m.startswith("lambdarray_kernels")))
def test_kernels_import_numpy_scipy_and_the_standard_library_only(module: str) -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "scipy", "lambdarray_kernels"}
    tree = ast.parse(modules()[module].read_text())
    for node in ast.walk(tree):
        for name in _named(module, node):
            assert name.split(".")[0] in allowed, f"{module} imports {name}"


@pytest.mark.parametrize("module", ["lambdarray.runtime.worker", "lambdarray.runtime.handler"])
def test_the_worker_and_the_handler_reach_only_the_cold_start_set(module: str) -> None:
    if module not in modules():
        pytest.fail(f"{module} is not built")
    reached, todo = {module}, [module]
    while todo:
        for other in imports(todo.pop()) - reached:
            reached.add(other)
            todo.append(other)
    outside = {m for m in reached if layer(m)[1] not in COLD}
    assert not outside, f"{module} reaches {sorted(outside)}"


def loaded_by(module: str) -> set[str]:
    """The modules that a fresh interpreter has after importing one, beyond those that NumPy loads."""
    code = (
        f"import sys, numpy; before = set(sys.modules)\nimport {module}\nprint('\\n'.join(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    found = loaded_by("lambdarray")
    assert not [name for name in HEAVY if name in found]


def test_importing_the_handler_loads_neither_client_nor_planner() -> None:
    found = loaded_by("lambdarray.runtime.handler")
    unwanted = ("boto3", "botocore", "aiohttp", "asyncio", "scipy.linalg", "lambdarray.planner", "lambdarray.api")
    assert not [name for name in unwanted if name in found]


def test_importing_the_package_starts_no_thread_and_reads_no_setting() -> None:
    code = (
        "import threading, lambdarray\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "import lambdarray.config as c\n"
        "assert sys.modules['lambdarray.config']._current is None"
    )
    subprocess.run([sys.executable, "-c", "import sys\n" + code], check=True, cwd=ROOT)
