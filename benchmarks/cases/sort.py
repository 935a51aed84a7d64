"""A long vector given in memory, sorted; neither Dask nor Cubed has a sort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import Case, Outcome, timed


def _measure(n: int, run: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    x = np.random.default_rng(0).standard_normal(n)
    seconds, value = timed(lambda: run(x))
    x.sort()
    return Outcome(seconds, bool(np.array_equal(value, x)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run(x: np.ndarray) -> np.ndarray:
        value: np.ndarray = la.sort(la.from_array(x)).compute()
        return value

    return _measure(n, run)


CASE = Case(
    title="sort of 10^8 elements in memory",
    size=10**8,
    quick=10**6,
    contenders={"lambdarray": ours, "numpy": lambda n, folder: _measure(n, np.sort)},
    goals={"numpy": 1.0},
)
