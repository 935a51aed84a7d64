"""The Cholesky factor of a matrix in memory."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome


def right(a: np.ndarray, factor: np.ndarray) -> bool:
    x = factors.vectors(len(a))
    return factors.near(factor @ (factor.T @ x), a @ x)


def ours(n: int, folder: object) -> Outcome:
    return factors.ours(lambda la, a: la.linalg.cholesky(a, tile=factors.tile_of(n)), right, factors.positive(n))


CASE = Case(
    title="cholesky, 8192 x 8192",
    size=8192,
    quick=512,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: factors.theirs(np.linalg.cholesky, right, factors.positive(n)),
        "scipy": lambda n, folder: factors.theirs(
            lambda a: scipy.linalg.cholesky(a, lower=True), right, factors.positive(n)
        ),
        "dask": lambda n, folder: factors.dask(
            lambda da, a: da.linalg.cholesky(a, lower=True), right, factors.positive(n)
        ),
    },
    goals={"limit": 2.6},
)
