"""The eigenvalues and eigenvectors of a symmetric matrix in memory."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome


def right(a: np.ndarray, values: np.ndarray, v: np.ndarray) -> bool:
    x = factors.vectors(len(a))
    return factors.near((v * values) @ (v.T @ x), a @ x) and factors.is_identity(v)


def ours(n: int, folder: object) -> Outcome:
    def run(la: object, a: object) -> object:
        return tuple(la.linalg.eigh(a, tile=factors.tile_of(n)))

    return factors.ours(run, right, factors.symmetric(n))


CASE = Case(
    title="eigh, 4096 x 4096",
    size=4096,
    quick=300,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: factors.theirs(lambda a: tuple(np.linalg.eigh(a)), right, factors.symmetric(n)),
        "scipy": lambda n, folder: factors.theirs(scipy.linalg.eigh, right, factors.symmetric(n)),
    },
    goals={"scipy": 0.4},
    rounds=1,
)
