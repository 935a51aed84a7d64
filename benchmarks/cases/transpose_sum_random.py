"""A random matrix plus its transpose, summed: each value is needed twice and made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec

CHUNK = 2048


def _measure(n: int, run: Callable[[], Any]) -> Outcome:
    """The sum of n^2 pairs is normal with a deviation of 2 n, and each of them is there."""
    seconds, (value, count) = timed(run)
    return Outcome(seconds, bool(abs(float(value)) < 12 * n and int(count) == n * n))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run() -> Any:
        a = la.random.default_rng(0).standard_normal((n, n), chunks=min(n, CHUNK))
        s: Any = a + a.T
        return la.compute(s.sum(), np.isfinite(s).sum())

    return _measure(n, run)


def dask(n: int, folder: Path) -> Outcome:
    import dask
    import dask.array as da

    def run() -> Any:
        a = da.random.default_rng(0).standard_normal((n, n), chunks=min(n, CHUNK))
        s = a + a.T
        return dask.compute(s.sum(), np.isfinite(s).sum())

    return _measure(n, run)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed
    import cubed.array_api as xp
    import cubed.random

    def run() -> Any:
        a = cubed.random.random((n, n), chunks=min(n, CHUNK), spec=spec(folder))
        s = a + a.T - 1
        return cubed.compute(xp.sum(s), xp.sum(xp.isfinite(s)))

    return _measure(n, run)


def numpy(n: int, folder: Path) -> Outcome:
    def run() -> Any:
        a = np.random.default_rng(0).standard_normal((n, n))
        s = a + a.T
        return s.sum(), np.isfinite(s).sum()

    return _measure(n, run)


CASE = Case(
    title="(a + a.T).sum() of 16384 x 16384 random values",
    size=16_384,
    quick=1_024,
    contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
    goals={"dask": 1.0, "cubed": 1.0},
)
