"""QR of a tall matrix in memory, with Q."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome

COLUMNS = 64


def ours(m: int, folder: object) -> Outcome:
    tile = None if m > 100_000 else m // factors.TILES_A_SIDE
    return factors.ours(lambda la, a: tuple(la.linalg.qr(a, tile=tile)), factors.is_qr, factors.normal(m, COLUMNS))


CASE = Case(
    title="qr with Q, 2,000,000 x 64",
    size=2_000_000,
    quick=5000,
    contenders={
        "lambdarray": ours,
        "numpy": lambda m, folder: factors.theirs(
            lambda a: tuple(np.linalg.qr(a)), factors.is_qr, factors.normal(m, COLUMNS)
        ),
        "scipy": lambda m, folder: factors.theirs(
            lambda a: scipy.linalg.qr(a, mode="economic"), factors.is_qr, factors.normal(m, COLUMNS)
        ),
        "dask": lambda m, folder: factors.dask(
            lambda da, a: da.linalg.qr(a), factors.is_qr, factors.normal(m, COLUMNS), chunks=(max(1, m // 16), COLUMNS)
        ),
        "cubed": lambda m, folder: factors.cubed(
            lambda xp, a: xp.linalg.qr(a), factors.is_qr, factors.normal(m, COLUMNS), folder, (-(-m // 16), COLUMNS)
        ),
    },
    goals={"limit": 2.5, "dask": 1.0, "cubed": 1.0},
    rounds=1,
)
