"""The product of two NumPy arrays that are there already, as a NumPy array."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import Case, Outcome, timed
from peers import dgemm

CHUNK = 2048


def _measure(n: int, run: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Outcome:
    rng = np.random.default_rng(0)
    a, b, x = rng.standard_normal((n, n)), rng.standard_normal((n, n)), rng.standard_normal((n, 3))
    seconds, c = timed(lambda: run(a, b))
    right = a @ (b @ x)
    return Outcome(seconds, bool(np.allclose(c @ x, right, rtol=0, atol=1e-10 * abs(right).max())))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(n, lambda a, b: (la.from_array(a) @ la.from_array(b)).compute())


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    # name=False: without hashing the arrays, which would cost more than it is worth here.
    def run(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        x, y = (da.from_array(v, chunks=min(n, CHUNK), name=False) for v in (a, b))
        value: np.ndarray = (x @ y).compute()
        return value

    return _measure(n, run)


CASE = Case(
    title="matmul of NumPy arrays, 8192 x 8192",
    size=8192,
    quick=1024,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: _measure(n, np.matmul),
        "dask": dask,
        "dgemm": dgemm,
    },
    # Within 6% of what its flops take.
    goals={"dask": 1.0, "dgemm": 1 / 1.06},
)
