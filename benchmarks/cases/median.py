"""The exact median of a long vector given in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed


def _measure(n: int, run: Callable[[np.ndarray], Any]) -> Outcome:
    x = np.random.default_rng(0).standard_normal(n)
    seconds, value = timed(lambda: float(run(x)))
    return Outcome(seconds, value == float(np.median(x)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(n, lambda x: la.median(la.from_array(x)).compute())


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    # Dask's is exact along an axis that it first makes one chunk.
    return _measure(n, lambda x: da.median(da.from_array(x, name=False), axis=0).compute())


CASE = Case(
    title="exact median of 10^8 elements in memory",
    size=10**8,
    quick=10**6,
    contenders={"lambdarray": ours, "numpy": lambda n, folder: _measure(n, np.median), "dask": dask},
    goals={"dask": 1.0},
)
