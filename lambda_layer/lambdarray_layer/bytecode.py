"""Compiling for a function's Python: `.pyc` files more than halve its cold start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from lambdarray.errors import LambdarrayError


class BuildError(LambdarrayError, RuntimeError):
    """A layer or package that cannot be built."""


@cache
def interpreter(python: str) -> str | None:
    """The path of a Python of minor version `python`: the running one, or `pythonX.Y` on PATH; None where neither is.

    >>> interpreter("%d.%d" % sys.version_info[:2]) == sys.executable
    True
    """
    if python == running_python():
        return sys.executable
    path = shutil.which(f"python{python}")
    return path if path and _says_version(path, python) else None


def running_python() -> str:
    """The minor version that runs, as in "3.12"."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _says_version(path: str, python: str) -> bool:
    # A version manager may put a stub on PATH that only says that the version is not chosen.
    asked = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == python


def compile_folder(folder: Path, python: str) -> bool:
    """Write `.pyc` files of minor version `python` beside the sources; False where no such Python is at hand.

    The files are marked as never to be checked against their sources, which saves a stat and a hash a module.
    """
    path = interpreter(python)
    if path is None:
        return False
    # A fixed hash seed and stripped paths (-s after the module) make the same sources give the same bytes.
    command = [path, "-P", "-s", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    done = run_tool([*command, "-s", str(folder), str(folder)], {"PYTHONHASHSEED": "0"}, timeout_s=600)
    if done.returncode != 0:
        raise BuildError(f"compiling {folder} with {path} failed:\n{(done.stdout + done.stderr).strip()}")
    return True


def run_tool(command: list[str], variables: dict[str, str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command for a bounded time, without the PYTHON* variables of this process: they are not for it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        return subprocess.run(
            command,
            env=environ | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BuildError(f"{' '.join(command[:4])} ... took longer than {timeout_s:g} s; try again") from None
