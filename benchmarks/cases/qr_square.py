"""QR of a square matrix in memory, with Q; Dask and Cubed have it of tall matrices alone."""

from __future__ import annotations

import factors
import numpy as np
import scipy.linalg
from harness import Case, Outcome


def ours(n: int, folder: object) -> Outcome:
    return factors.ours(
        lambda la, a: tuple(la.linalg.qr(a, tile=factors.tile_of(n))), factors.is_qr, factors.normal(n, n)
    )


CASE = Case(
    title="qr with Q, 8192 x 8192",
    size=8192,
    quick=512,
    contenders={
        "lambdarray": ours,
        "numpy": lambda n, folder: factors.theirs(
            lambda a: tuple(np.linalg.qr(a)), factors.is_qr, factors.normal(n, n)
        ),
        "scipy": lambda n, folder: factors.theirs(scipy.linalg.qr, factors.is_qr, factors.normal(n, n)),
    },
    goals={"scipy": 1.0},
    rounds=1,
)
