"""The two-dimensional transform of a matrix given in memory, in chunks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import Case, Outcome, timed

CHUNK = 2048


def _measure(n: int, run: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    x = np.random.default_rng(0).standard_normal((n, n))
    seconds, value = timed(lambda: run(x))
    right = np.fft.fft2(x)
    return Outcome(seconds, bool(abs(value - right).max() <= 1e-10 * abs(right).max()))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run(x: np.ndarray) -> np.ndarray:
        value: np.ndarray = la.fft.fft2(la.from_array(x, chunks=min(n, CHUNK))).compute()
        return value

    return _measure(n, run)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    def run(x: np.ndarray) -> np.ndarray:
        # Dask's fft2 wants both axes whole; one after the other it needs only one of them.
        chunked = da.from_array(x, chunks=min(n, CHUNK), name=False)
        along = da.fft.fft(chunked.rechunk((min(n, CHUNK), -1)), axis=1)
        value: np.ndarray = da.fft.fft(along.rechunk((-1, min(n, CHUNK))), axis=0).compute()
        return value

    return _measure(n, run)


CASE = Case(
    title="fft2 of 8192 x 8192 in memory",
    size=8192,
    quick=512,
    contenders={"lambdarray": ours, "numpy": lambda n, folder: _measure(n, np.fft.fft2), "dask": dask},
    goals={"dask": 1.0},
)
