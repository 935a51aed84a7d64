"""A general system with one right-hand side, in memory."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome

# Dask's answers are less exact than others': its pivots are of a diagonal block only.
NEAR = 1e-6


def right(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> bool:
    return bool(np.linalg.norm(a @ x - b) <= NEAR * np.linalg.norm(b))


def given(n: int) -> tuple[np.ndarray, np.ndarray]:
    return factors.normal(n, n), factors.vectors(n)[:, 0]


def ours(n: int, folder: object) -> Outcome:
    return factors.ours(lambda la, a, b: la.linalg.solve(a, b, tile=factors.tile_of(n)), right, *given(n))


CASE = Case(
    title="solve, 8192 x 8192",
    size=8192,
    quick=512,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: factors.theirs(np.linalg.solve, right, *given(n)),
        "scipy": lambda n, folder: factors.theirs(scipy.linalg.solve, right, *given(n)),
        "dask": lambda n, folder: factors.dask(
            lambda da, a, b: da.linalg.solve(a, b), right, *given(n), chunks=max(1, n // 8)
        ),
    },
    goals={"limit": 5.0},
)
