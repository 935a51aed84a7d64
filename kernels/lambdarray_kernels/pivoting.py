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

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


@kernel(flops=lu_flops, uses_blas=True, needs_block=True)
def choose_pivots(strip: Array, *, block: Sequence[Span], shape: Sequence[int], last: bool = False) -> Array:
    """The rows of a block of a panel that are its pivots, in order, with their numbers in the panel.

    With `last` there is no other block, and they come factorised.

    >>> strip = np.array([[1.0], [4.0], [2.0]])
    >>> unpacked(choose_pivots(strip, block=[(6, 9), (0, 1)], shape=[9, 1]))
    (array([[4.]]), array([7]))
    """
    return _chosen(strip, np.arange(*block[0]), last)


@kernel(flops=lu_flops, uses_blas=True)
def join_pivots(candidates: Array, *, last: bool = False) -> Array:
    """The same, of the candidates of several blocks, one below the other.

    >>> candidates = packed(np.array([[4.0], [-8.0]]), np.array([7, 2]))
    >>> unpacked(join_pivots(candidates, last=True))
    (array([[-8.]]), array([2]))
    """
    return _chosen(*unpacked(candidates), last)


def _chosen(rows: Array, numbers: Array, last: bool) -> Array:
    factor, order = factorised(rows)
    chosen = order[: rows.shape[1]]
    return packed(factor[: len(chosen)] if last else rows[chosen], numbers[chosen])


def factorised(a: Array) -> tuple[Array, Array]:
    """L and U in one matrix, and the order of rows that partial pivoting finds. (LAPACK: getrf)

    >>> factorised(np.array([[1.0, 3.0], [2.0, 4.0]]))
    (array([[2. , 4. ],
           [0.5, 1. ]]), array([1, 0]))
    """
    m, n = a.shape
    made, pivots = _in_columns(a), np.zeros(min(m, n), INT)
    if made.size:
        lapack("getrf", made.dtype, m, n, made, m, pivots)
    order = list(range(m))
    for i, p in enumerate(pivots.tolist()):
        order[i], order[p - 1] = order[p - 1], order[i]
    return made, np.array(order, np.int64)


def _in_columns(a: Array) -> Array:
    """A copy in column-major order, of few rows at a time: NumPy's goes to another page of memory with each element."""
    out = np.empty(a.shape, a.dtype, order="F")
    for start in range(0, len(a), 32):
        out[start : start + 32] = a[start : start + 32]
    return out


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
        out[index], order = factorised(a[index])
        pivots[index] = interchanges(order, count=k)
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
