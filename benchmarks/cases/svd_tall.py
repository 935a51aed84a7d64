"""The singular values and vectors of a tall matrix in memory."""

from __future__ import annotations

import factors
import numpy as np
from harness import Case, Outcome

COLUMNS = 64


def ours(m: int, folder: object) -> Outcome:
    tile = None if m > 100_000 else m // factors.TILES_A_SIDE

    def run(la: object, a: object) -> object:
        return tuple(la.linalg.svd(a, full_matrices=False, tile=tile))

    return factors.ours(run, factors.is_svd, factors.normal(m, COLUMNS))


CASE = Case(
    title="svd, 2,000,000 x 64",
    size=2_000_000,
    quick=5000,
    contenders={
        "lambdarray": ours,
        "numpy": lambda m, folder: factors.theirs(
            lambda a: tuple(np.linalg.svd(a, full_matrices=False)), factors.is_svd, factors.normal(m, COLUMNS)
        ),
        "dask": lambda m, folder: factors.dask(
            lambda da, a: da.linalg.svd(a),
            factors.is_svd,
            factors.normal(m, COLUMNS),
            chunks=(max(1, m // 16), COLUMNS),
        ),
        "cubed": lambda m, folder: factors.cubed(
            lambda xp, a: xp.linalg.svd(a, full_matrices=False),
            factors.is_svd,
            factors.normal(m, COLUMNS),
            folder,
            (-(-m // 16), COLUMNS),
        ),
    },
    goals={"limit": 2.5, "dask": 1.0, "cubed": 1.0},
    rounds=1,
)
