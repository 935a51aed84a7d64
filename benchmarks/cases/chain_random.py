"""The fused chain on random arrays that are made as they are needed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec

from cases.chain import chain, expected

PARTS = 20


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    rng = la.random.default_rng(0)
    x, y = rng.random(n), rng.random(n)
    return _lazy(x, y)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    rng = da.random.default_rng(0)
    x, y = rng.random(n), rng.random(n)
    return _lazy(x, y)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed.array_api as xp
    import cubed.random

    x, y = (cubed.random.random((n,), chunks=max(1, n // PARTS), spec=spec(folder)) for _ in range(2))
    mean = xp.mean((xp.sin(x) * 2 + x**2 - y) / (1 + xp.abs(y)))
    seconds, value = timed(lambda: float(mean.compute()))
    return Outcome(seconds, bool(np.isclose(value, expected(x.compute(), y.compute()), rtol=1e-9)))


def _lazy(x: Any, y: Any) -> Outcome:
    seconds, value = timed(lambda: float(chain(x, y).compute()))
    return Outcome(seconds, bool(np.isclose(value, expected(x.compute(), y.compute()), rtol=1e-9)))


def numpy(n: int, folder: Path) -> Outcome:
    start = time.perf_counter()
    rng = np.random.default_rng(0)
    x, y = rng.random(n), rng.random(n)
    value = chain(x, y)
    seconds = time.perf_counter() - start
    return Outcome(seconds, bool(np.isclose(value, expected(x, y), rtol=1e-9)))


CASE = Case(
    title="the same chain on arrays from the library's own generator",
    size=10**8,
    quick=10**6,
    contenders={"lambdarray": ours, "numpy-1": numpy, "dask": dask, "cubed": cubed},
    goals={"dask": 1.5, "cubed": 1.0},
)
