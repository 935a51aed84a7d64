"""Two matrices from the library's own generator, their product, its sum."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import dgemm, spec

CHUNK = 2048


def _outcome(x: Any, y: Any, run: Any, total: Any) -> Outcome:
    """Time `run`, and compare the sum with that of the factors' sums: 1'(XY)1 = (1'X)(Y1)."""
    seconds, value = timed(run)
    columns, rows = total(x, 0), total(y, 1)
    return Outcome(seconds, bool(np.isclose(float(value), float(columns @ rows), rtol=1e-9)))


def ours(n: int, folder: Path, chunks: int) -> Outcome:
    import lambdarray as la

    def make() -> Any:
        rng = la.random.default_rng(0)
        return [rng.random((n, n), chunks=min(n, chunks)) for _ in range(2)]

    x, y = make()
    return _outcome(x, y, lambda: (x @ y).sum().compute(), lambda a, axis: a.sum(axis=axis).compute())


def dask(n: int, folder: Path, chunks: int) -> Outcome:
    import dask.array as da

    rng = da.random.default_rng(0)
    x, y = (rng.random((n, n), chunks=min(n, chunks)) for _ in range(2))
    return _outcome(x, y, lambda: (x @ y).sum().compute(), lambda a, axis: a.sum(axis=axis).compute())


def cubed(n: int, folder: Path, chunks: int) -> Outcome:
    import cubed.array_api as xp
    import cubed.random

    x, y = (cubed.random.random((n, n), chunks=min(n, chunks), spec=spec(folder)) for _ in range(2))
    return _outcome(x, y, lambda: xp.sum(xp.matmul(x, y)).compute(), lambda a, axis: xp.sum(a, axis=axis).compute())


def numpy(n: int, folder: Path) -> Outcome:
    made: list[np.ndarray] = []

    def run() -> float:
        rng = np.random.default_rng(0)
        made.extend(rng.random((n, n)) for _ in range(2))
        return float((made[0] @ made[1]).sum())

    seconds, value = timed(run)
    check = made[0].sum(axis=0) @ made[1].sum(axis=1)
    return Outcome(seconds, bool(np.isclose(value, check, rtol=1e-9)))


def case(chunks: int, title: str) -> Case:
    """The case with tiles of `chunks` by `chunks` for every library that has tiles."""
    return Case(
        title=title,
        size=8192,
        quick=1024,
        contenders={
            "lambdarray": partial(ours, chunks=chunks),
            "numpy": numpy,
            "dask": partial(dask, chunks=chunks),
            "cubed": partial(cubed, chunks=chunks),
            "dgemm": dgemm,
        },
        goals={"numpy": 1.0, "dask": 1.0, "cubed": 1.0},
    )


CASE = case(CHUNK, "random, matmul, sum; 8192 x 8192")
