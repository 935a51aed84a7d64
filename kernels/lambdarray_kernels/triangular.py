"""Products with the inverse of a triangular tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fortran import blas
from .registry import Shape, kernel
from .updates import in_rows, leading

Array = np.ndarray[Any, Any]


def _trsm_flops(a: Shape, b: Shape, *, right: bool = False, **_: Any) -> int:
    return b[0] * b[1] * a[0]


@kernel(flops=_trsm_flops, uses_blas=True)
def trtrs(a: Array, b: Array, *, start: int = 0, unit_diagonal: bool = False, **params: Any) -> Array:
    """As `trsm`, and LinAlgError where a number on the diagonal is 0; `start` is the place of the first. (trtrs)

    >>> trtrs(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([[2.0], [5.0]]))
    array([[1.],
           [1.]])
    """
    zero = np.flatnonzero(a.diagonal() == 0)
    if zero.size and not unit_diagonal:
        raise np.linalg.LinAlgError(f"singular matrix: resolution failed at diagonal {start + zero[0]}")
    return trsm(a, b, unit_diagonal=unit_diagonal, **params)  # type: ignore[no-any-return]


@kernel(flops=_trsm_flops, uses_blas=True)
def trsm(
    a: Array,
    b: Array,
    *,
    right: bool = False,
    lower: bool = True,
    trans: str = "N",
    unit_diagonal: bool = False,
    overwrite: bool = False,
) -> Array:
    """op(a)^-1 b, or b op(a)^-1 with `right`; op is what `trans` says: "N", "T" or "C". (BLAS: trsm)

    The other triangle of `a` is not read, nor with `unit_diagonal` the diagonal. With `overwrite` the result may be
    made in the memory of `b`.

    >>> trsm(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([[2.0], [5.0]]))
    array([[1.],
           [1.]])
    """
    kind = np.result_type(a, b)
    out = in_rows(b, kind)[0] if overwrite else np.array(b, kind, order="C")
    if not out.size:
        return out
    a, lower, trans = _in_rows(a.astype(out.dtype, copy=False), lower, trans)
    # Rows are columns to Fortran, to which all matrices here are transposed: x a = b is a^T x^T = b^T.
    (m, n), side, uplo, diagonal = out.shape, "LR"[not right], "LU"[lower], "NU"[unit_diagonal]
    blas("trsm", out.dtype, side, uplo, trans, diagonal, n, m, 1.0, a, leading(a), out, leading(out))
    return out


def _in_rows(a: Array, lower: bool, trans: str) -> tuple[Array, bool, str]:
    """A triangle whose rows are contiguous, and which one it is: its transpose, where that is so and as good."""
    flipped = {"N": "T", "T": "N"}.get(trans)
    if flipped and a.flags.f_contiguous and not a.flags.c_contiguous:
        return a.T, not lower, flipped
    return np.ascontiguousarray(a), lower, trans
