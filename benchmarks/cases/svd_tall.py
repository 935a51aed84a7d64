"""The singular values and vectors of a tall matrix in memory."""

from __future__ import annotations

import factors
import numpy as np
from harness import Case, Outcome

COLUMNS = 64


def right(a: np.ndarray, u: np.ndarray, s: np.ndarray, vh: np.ndarray) -> bool:
    x = factors.vectors(COLUMNS)
    return factors.near((u * s) @ (vh @ x), a @ x) and factors.is_identity(u) and factors.is_identity(vh.T)


def ours(m: int, folder: object) -> Outcome:
    tile = None if m > 100_000 else m // factors.TILES_A_SIDE

    def run(la: object, a: object) -> object:
        return tuple(la.linalg.svd(a, full_matrices=False, tile=tile))

    return factors.ours(run, right, factors.normal(m, COLUMNS))


CASE = Case(
    title="svd, 2,000,000 x 64",
    size=2_000_000,
    quick=5000,
    contenders={
        "lambdarray": ours,
        "numpy": lambda m, folder: factors.theirs(
            lambda a: tuple(np.linalg.svd(a, full_matrices=False)), right, factors.normal(m, COLUMNS)
        ),
        "dask": lambda m, folder: factors.dask(
            lambda da, a: da.linalg.svd(a), right, factors.normal(m, COLUMNS), chunks=(max(1, m // 16), COLUMNS)
        ),
    },
    goals={"limit": 2.5},
    rounds=1,
)
