"""A fused elementwise chain and its mean, on two arrays of 10^8 elements that are there already."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed

# Elements of a block of the fastest that NumPy can do by hand: with its two buffers it lies in a core's L2 cache.
BLOCK = 1 << 14


def chain(x: Any, y: Any) -> Any:
    return ((np.sin(x) * 2 + x**2 - y) / (1 + abs(y))).mean()


def expected(x: np.ndarray, y: np.ndarray) -> float:
    """The mean by blocks, so that the judge needs little memory."""
    step = 1 << 20
    blocks = [slice(i, i + step) for i in range(0, len(x), step)]
    return float(sum(chain(x[b], y[b]) * len(x[b]) for b in blocks) / len(x))


def measure(n: int, run: Callable[[np.ndarray, np.ndarray], float]) -> Outcome:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(n), rng.standard_normal(n)
    seconds, value = timed(lambda: float(run(x, y)))
    return Outcome(seconds, bool(np.isclose(value, expected(x, y), rtol=1e-9)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return measure(n, lambda x, y: chain(la.from_array(x), la.from_array(y)).compute())


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    # name=False: without hashing the arrays, which would take longer than the chain.
    return measure(n, lambda x, y: chain(da.from_array(x, name=False), da.from_array(y, name=False)).compute())


def blocked(x: np.ndarray, y: np.ndarray) -> float:
    """What a patient user of NumPy would write: a thread for each core, blocks that fit its cache, the same buffers."""
    threads = len(os.sched_getaffinity(0))
    parts = [slice(len(x) * i // threads, len(x) * (i + 1) // threads) for i in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda part: _sum(x[part], y[part]), parts)) / len(x)


def _sum(x: np.ndarray, y: np.ndarray) -> float:
    total, over, under = 0.0, np.empty(BLOCK), np.empty(BLOCK)
    for i in range(0, len(x), BLOCK):
        u, v = x[i : i + BLOCK], y[i : i + BLOCK]
        a, b = over[: len(u)], under[: len(u)]
        np.sin(u, out=a)
        a *= 2
        np.square(u, out=b)
        a += b
        a -= v
        np.abs(v, out=b)
        b += 1
        a /= b
        total += float(a.sum())
    return total


CASE = Case(
    title="mean of (sin(x)*2 + x^2 - y) / (1 + abs(y)), 10^8 elements in memory",
    size=10**8,
    quick=10**6,
    contenders={
        "lambdarray": ours,
        "numpy-1": lambda n, folder: measure(n, chain),
        "numpy, by hand": lambda n, folder: measure(n, blocked),
        "dask": dask,
    },
    goals={"dask": 1.5, "numpy-1": 2.5, "numpy, by hand": 1 / 1.3},
)
