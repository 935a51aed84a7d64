"""Least squares by QR: a long matrix becomes its triangle together with the right-hand side; Q is not formed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..api.elementwise import where
from ..api.grids import eye
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, of_matrices
from ..api.products import matmul
from ..api.reductions import count_nonzero
from ..api.reductions import max as max_
from ..api.reductions import sum as sum_
from ..cost.factors import QR
from .qr import minus, tiled_qr
from .tiles import side
from .tsqr import Folded, as_float, folded, is_tall, tall


class Solved(NamedTuple):
    """The solution, the sums of its squared residuals, the rank and the singular values."""

    x: Array
    residuals: Array | None
    rank: Array
    s: Array


def in_parts(x: Array, tile: int | None = None) -> bool:
    """Whether a matrix is more than one task's.

    >>> import lambdarray as la
    >>> in_parts(la.ones((50, 1000))), in_parts(la.ones((50, 1_000_000))), in_parts(la.ones((50, 1000)), 20)
    (False, True, True)
    """
    return x.size > 0 and (side(x, tile) is not None or is_tall(x) or is_tall(x.mT))


def reduced(x: Array, y: Array, tile: int | None = None) -> Folded:
    """The least squares of a long matrix as those of its triangle."""
    length, n = side(x, tile, how=QR), x.shape[1]
    if length is None or n <= length:
        return folded(x, y, tile)
    made = tiled_qr(x, length)
    z = made.apply(y.astype(made.r.dtype), transposed=True)
    return Folded(made.r, z[:n], squares(z[n:]))


def spanned(x: Array, tile: int | None = None) -> tuple[Array, Callable[[Array], Array]]:
    """The triangle of a long matrix, and what multiplies Q with a matrix."""
    length, (m, n) = side(x, tile, how=QR), x.shape
    if length is None or n <= length:
        made = tall(x, tile)
        return made.r, made.q
    parts = tiled_qr(x, length)
    return parts.r, lambda c: parts.apply(concatenate([c, zeros((m - n, c.shape[1]), dtype=c.dtype)]))


def squares(x: Array) -> Array:
    """The sum of squares of each column."""
    made: Any = np.square(np.abs(x))  # type: ignore[call-overload]
    return sum_(made, 0)


def lstsq(x: Array, y: Array, rcond: float, tile: int | None = None) -> Solved:
    """Least squares with a matrix that is more than one task's; the shortest solution where there are many.

    >>> import lambdarray as la
    >>> made = lstsq(la.asarray([[3.0, 4.0]]), la.asarray([[5.0]]), 1e-15, tile=1)
    >>> made.x.compute().round(3), made.rank.compute()
    (array([[0.6],
           [0.8]]), array(1, dtype=int32))
    """
    (m, n), dtype = x.shape, as_float(x, y).dtype
    x, y = x.astype(dtype), y.astype(dtype)
    if m < n:
        r, times = spanned(adjoint(x), tile)
        made = _of_square(adjoint(r), y, rcond)
        return made._replace(x=times(made.x))
    r, z, left = reduced(x, y, tile)
    made = _of_square(r, z, rcond)
    total: Any = left + squares(minus(z, r, made.x))  # type: ignore[operator]
    return made._replace(residuals=total if m > n else None)


def _of_square(r: Array, z: Array, rcond: float) -> Solved:
    """The same for a matrix of as many rows as columns: one task's, or by its singular values."""
    n, k = r.shape[0], z.shape[1]
    if side(r) is None:
        found, rank, s = of_matrices("lstsq", [r, z], [(n, k), None, (), (n,)], rcond=rcond)
        return Solved(found, None, rank, s)
    from ..api.factors import svd

    u, s, vh = svd(r, full_matrices=False)
    large: Any = s > rcond * max_(s)  # type: ignore[operator]
    inverse: Any = where(large, 1 / where(large, s, s.dtype.type(1)), s.dtype.type(0))  # type: ignore[operator]
    found = matmul(adjoint(vh), inverse[:, None] * matmul(adjoint(u), z))
    # LAPACK counts in its own integers.
    return Solved(found, None, count_nonzero(large).astype(np.intc), s)


def ridge(x: Array, y: Array, alpha: float, tile: int | None = None) -> Array:
    """What makes |x w - y|^2 + alpha |w|^2 least, by QR of `x` over a multiple of the identity.

    Of a wide matrix the conjugate transpose is taken: w is Q R^-H y then, of which Q's rows for `x` are wanted.

    >>> import lambdarray as la
    >>> ridge(la.eye(2), la.ones((2, 1)), 1.0).compute().round(3)
    array([[0.5],
           [0.5]])
    """
    from ..api.systems import solve_triangular

    dtype = as_float(x, y).dtype
    x, y, (m, n) = x.astype(dtype), y.astype(dtype), x.shape
    weight = eye(min(m, n), dtype=dtype) * dtype.type(math.sqrt(alpha))
    if m < n:
        r, times = spanned(concatenate([adjoint(x), weight]), tile)
        return times(solve_triangular(r, y, trans="C"))[:n]
    if is_tall(x, tile):
        x, y, _ = folded(x, y, tile)
    r, z, _ = reduced(concatenate([x, weight]), concatenate([y, zeros((n, y.shape[1]), dtype=dtype)]), tile)
    return solve_triangular(r, z)
