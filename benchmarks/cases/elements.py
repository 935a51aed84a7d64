"""The elements of a small result, one after the other, as Python's numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, steady


def _measure(result: Any, n: int) -> Outcome:
    seconds, value = steady(lambda: sum(float(result[i]) for i in range(n) if result[i] > 0), warm=2, repeat=10)
    return Outcome(seconds, value == n * (n - 1))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(la.asarray(list(range(n))) * 2.0, n)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    return _measure(da.asarray(list(range(n))) * 2.0, n)


CASE = Case(
    title="100 elements of a small result, with a condition on each",
    size=100,
    quick=10,
    contenders={"lambdarray": ours, "numpy": lambda n, folder: _measure(np.arange(n) * 2.0, n), "dask": dask},
    goals={"limit": 0.02, "dask": 1.0},
)
