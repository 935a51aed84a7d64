"""Tournament pivoting: the rows that a panel of an LU factorisation eliminates with, and rows that change places.

Blocks of a panel's rows are factorised, each with partial pivoting, and the rows that are pivots there meet those of
other blocks, until as many are left as there are columns (L. Grigori, J. Demmel and H. Xiang, "CALU: a communication
optimal LU factorization algorithm", SIAM J. Matrix Anal. Appl. 32, 2011). Candidates carry their row numbers in
columns of their own, so that both are one tile and agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from .fortran import INT, lapack
from .lapack import lu_flops
from .registry import Shape, kernel
from .row_orders import interchanged, interchanges, inverse_order, packed, unpacked
from .triangular import trsm
from .updates import gemm_update

Array = np.ndarray[Any, Any]
Span = tuple[int, int]

# Fewer columns than twice as many are left to LAPACK.
FEW_COLUMNS = 128


@kernel(flops=lu_flops, uses_blas=True, needs_block=True)
def choose_pivots(strip: Array, *, block: Sequence[Span], shape: Sequence[int], last: bool = False) -> Array:
    """The rows of a block of a panel that are its pivots, in order, with their numbers in the panel.

    With `last` there is no other block: all rows come, factorised, those after the pivots as rows of L.

    >>> strip = np.array([[1.0], [4.0], [2.0]])
    >>> unpacked(choose_pivots(strip, block=[(6, 9), (0, 1)], shape=[9, 1]))
    (array([[4.]]), array([7]))
    """
    return _chosen(strip, np.arange(*block[0]), last)


@kernel(flops=lu_flops, uses_blas=True)
def join_pivots(candidates: Array, *, last: bool = False) -> Array:
    """The same, of the candidates of several blocks, one below the other; of the last ones only the pivots.

    >>> candidates = packed(np.array([[4.0], [-8.0]]), np.array([7, 2]))
    >>> unpacked(join_pivots(candidates, last=True))
    (array([[-8.]]), array([2]))
    """
    rows, numbers = unpacked(candidates)
    return _chosen(rows, numbers, last)[: rows.shape[1]]


def _chosen(rows: Array, numbers: Array, last: bool) -> Array:
    made, width = packed(rows, numbers), rows.shape[1]
    order = factorise(made[:, :width])
    if last:
        made[:, width:] = made[order, width:]
        return made
    first = order[:width]
    return packed(rows[first], numbers[first])


def factorise(a: Array) -> Array:
    """Put L and U in the place of a matrix, with partial pivoting; the order of its rows.

    Its columns are halved as long as they are many: what is done then are products (S. Toledo, 1997).

    >>> a = np.array([[1.0, 3.0], [2.0, 4.0]])
    >>> factorise(a), a
    (array([1, 0]), array([[2. , 4. ],
           [0.5, 1. ]]))
    """
    half = min(a.shape) // 2
    if half < FEW_COLUMNS:
        return _factorise_few(a)
    left, right = a[:, :half], a[:, half:]
    order = factorise(left)
    _put_in_order(right, order)
    right[:half] = trsm(left[:half], right[:half], unit_diagonal=True)
    later = factorise(gemm_update(right[half:], left[half:], right[:half], trans="NN"))
    _put_in_order(left[half:], later)
    order[half:] = order[half:][later]
    return order


def _factorise_few(a: Array) -> Array:
    """The same by LAPACK, of whose columns each is contiguous. (getrf)"""
    m, n = a.shape
    made, pivots = np.empty(a.shape, a.dtype, order="F"), np.zeros(min(m, n), INT)
    _copy(a, made)
    if made.size:
        lapack("getrf", made.dtype, m, n, made, m, pivots)
    _copy(made, a)
    order: Array = interchanged(pivots - 1, length=m)
    return order


def _copy(a: Array, out: Array) -> None:
    """Between rows and columns few rows at a time: else each element is in another page of memory than the last."""
    for start in range(0, len(a), 32):
        out[start : start + 32] = a[start : start + 32]


def _put_in_order(a: Array, order: Array) -> None:
    """Rows in another order, of which most are where they were."""
    moved = np.flatnonzero(order != np.arange(len(order)))
    a[moved] = a[order[moved]]


@kernel(flops=lambda rows, pivots: rows[0] * rows[1] ** 2, uses_blas=True)
def eliminate(rows: Array, pivots: Array) -> Array:
    """What rows of a panel are of its pivots' U: the rows of L below the pivots.

    Where a pivot is nothing but rounding, so is all that these rows have left in its column: L has zeros there, since
    the quotient of two roundings may be large.

    >>> eliminate(np.array([[1.0], [3.0]]), packed(np.array([[4.0]]), np.array([0])))
    array([[0.25],
           [0.75]])
    """
    u = unpacked(pivots)[0]
    if (nothing := _negligible(u)).size:
        u = u.copy()
        u[nothing, nothing] = np.inf
    made: Array = trsm(u, rows, right=True, lower=False)
    return made


def _negligible(factor: Array) -> Array:
    """The pivots that are no larger than the rounding of the sums that they are left of.

    >>> _negligible(np.array([[1.0, 1.0], [1.0, 1e-20]])), _negligible(np.array([[1.0, 1.0], [1e-20, 1e-20]]))
    (array([1]), array([], dtype=int64))
    """
    size, eps = np.abs(factor), np.finfo(factor.dtype).eps
    pivots = size.diagonal()
    small = np.flatnonzero(pivots <= eps * len(size) * size.max(0))  # L's elements are at most 1
    return np.array([i for i in small if pivots[i] <= eps * (size[i, :i] @ size[:i, i])], np.int64)


@kernel(flops=lambda a: 0)
def regular(a: Array) -> Array:
    """The triangle itself; LinAlgError where it has a zero on its diagonal.

    >>> regular(np.eye(1))
    array([[1.]])
    """
    if (a.diagonal() == 0).any():
        raise LinAlgError("Singular matrix")
    return a


@kernel(flops=lu_flops, uses_blas=True)
def lu_factor(a: Array) -> tuple[Array, Array]:
    """L and U of matrices, each in one matrix, and the pivots of getrf, from 0.

    >>> lu_factor(np.array([[1.0, 3.0], [2.0, 4.0]]))[1]
    array([1, 1], dtype=int32)
    """
    a = a.astype(np.result_type(a, np.float32) if a.dtype.kind in "fc" else float, copy=False)
    k = min(a.shape[-2:])
    out, pivots = np.empty_like(a, order="C"), np.empty((*a.shape[:-2], k), INT)
    for index in np.ndindex(a.shape[:-2]):
        out[index] = a[index]
        pivots[index] = interchanges(factorise(out[index]), count=k)
    return out, pivots


def _lu_solve_flops(lu: Shape, b: Shape, pivots: Shape, **_: Any) -> int:
    return 2 * math.prod(np.broadcast_shapes(lu[:-2], b[:-2])) * lu[-1] ** 2 * b[-1]


@kernel(flops=_lu_solve_flops, uses_blas=True)
def lu_solve(lu: Array, b: Array, pivots: Array, *, trans: int = 0) -> Array:
    """What op(a) is of matrices, by what `lu_factor` made of a; the pivots are a column.

    >>> lu_solve(*lu_factor(np.array([[0.0, 2.0], [4.0, 0.0]]))[:1], np.array([[2.0], [2.0]]), np.array([[1], [1]])).T
    array([[0.5, 1. ]])
    """
    kind = np.result_type(lu, b, np.float32 if lu.dtype.kind in "fc" and b.dtype.kind in "fc" else float)
    batch = np.broadcast_shapes(lu.shape[:-2], b.shape[:-2])
    lu, b, pivots = (np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (lu.astype(kind), b.astype(kind), pivots))
    out = np.empty(b.shape, kind)
    for index in np.ndindex(batch):
        order = interchanged(pivots[index][:, 0], length=lu.shape[-1])
        out[index] = _solve_one(lu[index], b[index], order, "NTC"[trans])
    return out


def _solve_one(lu: Array, b: Array, order: Array, op: str) -> Array:
    """What op(a) is of one matrix."""
    if op == "N":
        y = trsm(lu, b[order], unit_diagonal=True)
        return np.asarray(trsm(lu, y, lower=False))
    y = trsm(lu, trsm(lu, b, lower=False, trans=op), trans=op, unit_diagonal=True)
    return np.asarray(y[inverse_order(order)])
