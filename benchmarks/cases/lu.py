"""The LU factorisation of a matrix in memory; Dask's pivots within a diagonal block only."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome


def right(a: np.ndarray, packed: np.ndarray, pivots: np.ndarray) -> bool:
    x = factors.vectors(len(a))
    product = np.triu(packed) @ x
    product = np.tril(packed, -1) @ product + product
    rows = np.arange(len(a))
    for n, other in enumerate(pivots):
        rows[[n, other]] = rows[[other, n]]
    return factors.near(product, (a @ x)[rows])


def right_apart(a: np.ndarray, p: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> bool:
    x = factors.vectors(len(a))
    return factors.near(p @ (lower @ (upper @ x)), a @ x)


def ours(n: int, folder: object) -> Outcome:
    return factors.ours(lambda la, a: la.linalg.lu_factor(a, tile=factors.tile_of(n)), right, factors.normal(n, n))


CASE = Case(
    title="lu, 8192 x 8192",
    size=8192,
    quick=512,
    contenders={
        "lambdarray": ours,
        "scipy": lambda n, folder: factors.theirs(scipy.linalg.lu_factor, right, factors.normal(n, n)),
        # In chunks of one size, which Dask needs.
        "dask": lambda n, folder: factors.dask(
            lambda da, a: da.linalg.lu(a), right_apart, factors.normal(n, n), chunks=max(1, n // 8)
        ),
    },
    goals={"limit": 5.0},
)
