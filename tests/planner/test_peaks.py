"""Tasks of built-in kernels take no more memory than was predicted, each measured in a fresh process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from peaks import CASES, Peak

MIB = 16
# Those of `python benchmarks/peaks.py` without what another one here has too, for time.
LEFT_OUT = {
    *("cast", "compare", "complex", "two results", "modf", "filled", "argmax", "max", "any", "three at once"),
    *("quantiles", "median", "histogram", "matmul of float32", "einsum", "reshape of cube", "rechunk of rows"),
    *("take along", "roll", "pad", "argsort lines", "argsort", "partition", "digitize", "rfft", "irfft", "fft2"),
    *("fft of all", "integers", "float32", "choice", "r of tall qr", "tall svd", "lstsq", "inv", "small cholesky"),
    *("small qr", "small eigh", "isin", "std of columns", "var of rows", "cumsum of all", "lu"),
}
TESTED = [case for case in CASES if case not in LEFT_OUT]


@pytest.fixture(scope="module")
def measured() -> list[Peak]:
    """Every case's tasks on tiles of 16 MiB."""
    command = [sys.executable, sys.modules["peaks"].__file__, "--mib", str(MIB), "--json", "--only", *TESTED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return [Peak(**row) for row in json.loads(done.stdout)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", TESTED)
def test_no_task_takes_more_than_was_predicted(case: str, measured: list[Peak]) -> None:
    found = [p for p in measured if p.case == case]
    assert found, "no task of the case touches a whole tile"
    assert [p for p in found if p.measured > p.predicted] == []


@pytest.mark.timeout(600)
def test_predictions_are_at_most_half_too_high_at_the_median(measured: list[Peak]) -> None:
    assert statistics.median(p.ratio for p in measured) <= 1.5
