"""What importing costs until the first function is at hand, beside NumPy's import: fresh interpreters, in turns."""

from __future__ import annotations

import os
import subprocess
import sys

from harness import Case, Outcome

CODE = "import time; t = time.perf_counter(); import {0}; {0}.ones; print(time.perf_counter() - t, {0}.__name__)"


def _import(module: str) -> Outcome:
    command = [sys.executable, "-c", CODE.format(module)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    # After the first time the files are in the page cache and the bytecode is written.
    for _ in range(2):
        printed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return Outcome(float(printed.split()[0]), printed.split()[1] == module)


CASE = Case(
    title="import, and a function of it",
    size=1,
    quick=1,
    contenders={
        "lambdarray": lambda n, folder: _import("lambdarray"),
        "numpy": lambda n, folder: _import("numpy"),
        "dask": lambda n, folder: _import("dask.array"),
    },
    goals={"numpy": 1 / 1.5},
    rounds=15,
)
