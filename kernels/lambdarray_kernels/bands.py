"""Eigenvalues of Hermitian band matrices that are whole in a tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fortran import lapack
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]


def _flops(strips: Shape, **_: Any) -> int:
    """Those of sbtrd: 6 n^2 times the width."""
    return 3 * strips[0] ** 2 * strips[1]


@kernel(flops=_flops)
def band_eigenvalues(strips: Array) -> Array:
    """The eigenvalues, least first, of a band of half as many rows below the diagonal as `strips` has columns.

    Row i of `strips` is column i of the matrix, from the first row of its panel on; panels are as wide as the band.
    (LAPACK: sbtrd and hbtrd, sterf)

    >>> band_eigenvalues(np.array([[2.0, 1.0], [2.0, 0.0]]))
    array([1., 3.])
    """
    n, width = len(strips), strips.shape[1] // 2
    if not np.isfinite(strips).all():
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    below = min(width, n - 1)
    places = np.arange(n)[:, None] % width + np.arange(below + 1)
    band = np.take_along_axis(strips, places, 1)
    diagonal, beside = np.empty(n, band.real.dtype), np.empty(n, band.real.dtype)
    name = "hbtrd" if band.dtype.kind == "c" else "sbtrd"
    unused, work = np.empty(1, band.dtype), np.empty(n, band.dtype)
    lapack(name, band.dtype, "N", "L", n, below, band, below + 1, diagonal, beside, unused, 1, work)
    if lapack("sterf", diagonal.dtype, n, diagonal, beside):
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    return diagonal
