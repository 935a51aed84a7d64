"""A small expression again and again: what the library itself costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, steady
from peers import spec


def _measure(run: Any, n: int, warm: int = 20, repeat: int = 100) -> Outcome:
    seconds, value = steady(run, warm, repeat)
    return Outcome(seconds, float(value) == 2.0 * n * n)


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(lambda: (la.ones((n, n)) + 1).sum().compute(), n)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    return _measure(lambda: (da.ones((n, n)) + 1).sum().compute(), n)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed.array_api as xp

    return _measure(lambda: xp.sum(xp.ones((n, n), spec=spec(folder)) + 1).compute(), n, 2, 10)


CASE = Case(
    title="(ones((1000, 1000)) + 1).sum(), steady",
    size=1000,
    quick=1000,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: _measure(lambda: (np.ones((n, n)) + 1).sum(), n),
        "dask": dask,
        "cubed": cubed,
    },
    goals={"limit": 0.002, "dask": 1.0, "cubed": 1.0},
)
