"""The singular values and vectors of a square matrix in memory."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome


def ours(n: int, folder: object) -> Outcome:
    def run(la: object, a: object) -> object:
        return tuple(la.linalg.svd(a, full_matrices=False, tile=factors.tile_of(n)))

    return factors.ours(run, factors.is_svd, factors.normal(n, n))


CASE = Case(
    title="svd, 4096 x 4096",
    size=4096,
    quick=300,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: factors.theirs(
            lambda a: tuple(np.linalg.svd(a)), factors.is_svd, factors.normal(n, n)
        ),
        "scipy": lambda n, folder: factors.theirs(scipy.linalg.svd, factors.is_svd, factors.normal(n, n)),
    },
    goals={"scipy": 0.4},
    rounds=1,
)
