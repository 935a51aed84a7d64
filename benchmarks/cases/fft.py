"""The transform of a long vector given in memory, in chunks; Dask has to make it one chunk, Cubed has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import Case, Outcome, timed

CHUNKS = 16


def _measure(n: int, run: Callable[[np.ndarray], np.ndarray]) -> Outcome:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    seconds, value = timed(lambda: run(x))
    right = np.fft.fft(x)
    return Outcome(seconds, bool(abs(value - right).max() <= 1e-10 * abs(right).max()))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run(x: np.ndarray) -> np.ndarray:
        value: np.ndarray = la.fft.fft(la.from_array(x, chunks=n // CHUNKS)).compute()
        return value

    return _measure(n, run)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    def run(x: np.ndarray) -> np.ndarray:
        chunked = da.from_array(x, chunks=n // CHUNKS, name=False)
        value: np.ndarray = da.fft.fft(chunked.rechunk(-1)).compute()
        return value

    return _measure(n, run)


CASE = Case(
    title="fft of 2^26 complex points in memory",
    size=2**26,
    quick=2**18,
    contenders={"lambdarray": ours, "numpy": lambda n, folder: _measure(n, np.fft.fft), "dask": dask},
    goals={"dask": 1.0},
)
