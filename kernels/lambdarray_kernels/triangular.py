"""Products with the inverse of a triangular tile."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .fortran import blas
from .registry import Shape, kernel
from .updates import gemm_update, leading

Array = np.ndarray[Any, Any]

# Triangles of at most so many rows are solved by BLAS's own routine, which is much slower than its products.
SMALL = 64


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
    out = np.array(b, dtype=np.result_type(a, b), order="C", copy=None if overwrite else True)
    if out.size:
        a, lower, trans = _in_rows(a.astype(out.dtype, copy=False), lower, trans)
        _solve(a, out, _Solve(right, lower, trans, unit_diagonal))
    return out


class _Solve(NamedTuple):
    """What of a triangle is asked: the letters of BLAS, as truth values but for `trans`."""

    right: bool
    lower: bool
    trans: str
    unit_diagonal: bool


def _in_rows(a: Array, lower: bool, trans: str) -> tuple[Array, bool, str]:
    """A triangle whose rows are contiguous, and which one it is: its transpose, where that is so and as good."""
    flipped = {"N": "T", "T": "N"}.get(trans)
    if flipped and a.flags.f_contiguous and not a.flags.c_contiguous:
        return a.T, not lower, flipped
    return np.ascontiguousarray(a), lower, trans


def _solve(a: Array, out: Array, what: _Solve) -> None:
    """Solve in the memory of `out`, by halves: all but small triangles is products, at twice BLAS's speed for these."""
    k = len(a)
    if k <= SMALL:
        _small(a, out, what)
        return
    h = -(-k // 2 // SMALL) * SMALL
    near, far = (out[:, :h], out[:, h:]) if what.right else (out[:h], out[h:])
    # The half that is solved first: the first one of lower triangles on the left, and of upper ones on the right.
    forwards = (what.lower == (what.trans == "N")) != what.right
    between = a[h:, :h] if what.lower else a[:h, h:]
    first, then = (near, far) if forwards else (far, near)
    one, other = (a[:h, :h], a[h:, h:]) if forwards else (a[h:, h:], a[:h, :h])
    _solve(one, first, what)
    if what.right:
        gemm_update(then, first, between, trans="N" + what.trans)
    else:
        gemm_update(then, between, first, trans=what.trans + "N")
    _solve(other, then, what)


def _small(a: Array, out: Array, what: _Solve) -> None:
    if what.right:
        # x op(a) = b as its transpose, or its adjoint: from that side BLAS is nearly twice as fast.
        adjoint = what.trans == "C" and a.dtype.kind == "c"
        turned = np.array((out.conj() if adjoint else out).T, order="C")
        _small(a, turned, what._replace(right=False, trans="T" if what.trans == "N" else "N"))
        out[...] = turned.conj().T if adjoint else turned.T
        return
    # The rows of `out` are columns to Fortran, to which all matrices here are transposed: x op(a)^T = b^T.
    (m, n), uplo, diagonal = out.shape, "U" if what.lower else "L", "U" if what.unit_diagonal else "N"
    blas("trsm", out.dtype, "R", uplo, what.trans, diagonal, n, m, 1.0, a, leading(a), out, leading(out))
