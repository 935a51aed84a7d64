"""Linear systems, norms and functions of matrices that are whole in a tile, as NumPy and SciPy compute them.

The last two axes are the matrix, those before them a batch. Flops are counted as in `lapack`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .lapack import cubes, lu_flops, sizes, svd_flops, svdvals_flops
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Ord = int | float | str | None


def _batch(a: Shape, b: Shape) -> int:
    """How many systems two batches make together."""
    return math.prod(np.broadcast_shapes(a[:-2], b[:-2]))


def _columns(a: Shape, b: Shape) -> tuple[Shape, int]:
    """A right-hand side as matrices, and how many columns each has."""
    whole = (*b, 1) if len(b) == 1 else b
    return whole, whole[-1]


def _solve_flops(a: Shape, b: Shape, **_: Any) -> int:
    """Those of getrf and getrs."""
    b, columns = _columns(a, b)
    return lu_flops(a) + 2 * a[-1] ** 2 * columns * _batch(a, b)


def _triangular_flops(a: Shape, b: Shape, **_: Any) -> int:
    """Those of trtrs."""
    b, columns = _columns(a, b)
    return a[-1] ** 2 * columns * _batch(a, b)


def _pinv_flops(a: Shape, **_: Any) -> int:
    """Those of a thin svd and a product."""
    batch, m, n = sizes(a)
    return svd_flops(a, full_matrices=False) + 2 * batch * m * n * n


def _lstsq_flops(a: Shape, *_: Any, **__: Any) -> int:
    """Those of least squares by singular values: 4 m n^2 + 8 n^3."""
    long, short = sizes(a)[1:]
    return 4 * long * short**2 + 8 * short**3


def _power_flops(a: Shape, *, n: int) -> int:
    """Those of the products of repeated squaring, and of an inverse where n is negative."""
    products = max(abs(n).bit_length() + abs(n).bit_count() - 2, 0)
    return (products + (n < 0)) * int(cubes(2)(a))


def _norm_flops(a: Shape, *, ord: Ord = None, **_: Any) -> int:
    """Two for each element, or those of singular values."""
    return svdvals_flops(a) if ord in (2, -2, "nuc") and len(a) > 1 else 2 * math.prod(a)


@kernel(flops=cubes(2), uses_blas=True)
def inv(a: Array) -> Array:
    """The inverse; LinAlgError where a matrix is exactly singular.

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return np.linalg.inv(a)


@kernel(flops=_pinv_flops, uses_blas=True)
def pinv(a: Array, *, rtol: float | None = None, hermitian: bool = False) -> Array:
    """The Moore-Penrose inverse; singular values up to `rtol` times the greatest count as 0.

    >>> pinv(np.array([[2.0], [0.0]]))
    array([[0.5, 0. ]])
    """
    limit: Any = {} if rtol is None else {"rcond": rtol}
    return np.linalg.pinv(a, hermitian=hermitian, **limit)


@kernel(flops=_solve_flops, uses_blas=True)
def solve(a: Array, b: Array) -> Array:
    """x with a x = b; `b` is a vector only where it has one axis.

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    return np.linalg.solve(a, b)


@kernel(flops=_triangular_flops, uses_blas=True)
def solve_triangular(
    a: Array, b: Array, *, lower: bool = False, trans: int | str = 0, unit_diagonal: bool = False
) -> Array:
    """x with a x = b for triangular matrices, of which the other triangle is not read; batches broadcast.

    >>> solve_triangular(np.array([[2.0, 9.0], [1.0, 4.0]]), np.array([2.0, 5.0]), lower=True)
    array([1., 1.])
    """
    from scipy import linalg

    def one(matrix: Array, right: Array) -> Array:
        made: Array = linalg.solve_triangular(
            matrix, right, trans=trans, lower=lower, unit_diagonal=unit_diagonal, check_finite=False
        )
        return made

    return one(a, b) if a.ndim == 2 and b.ndim <= 2 else _each(one, a, b)


@kernel(flops=lu_flops, uses_blas=True)
def det(a: Array) -> Array:
    """The determinant.

    >>> det(np.array([[[2.0, 0.0], [0.0, 4.0]]]))
    array([8.])
    """
    return np.asarray(np.linalg.det(a))


@kernel(flops=lu_flops, uses_blas=True)
def slogdet(a: Array) -> tuple[Array, Array]:
    """The sign of the determinant, and the logarithm of its size.

    >>> slogdet(np.array([[[-1.0, 0.0], [0.0, 1.0]]]))
    (array([-1.]), array([0.]))
    """
    sign, logarithm = np.linalg.slogdet(a)
    return np.asarray(sign), np.asarray(logarithm)


@kernel(flops=_lstsq_flops, uses_blas=True)
def lstsq(a: Array, b: Array, *, rcond: float | None = None) -> tuple[Array, ...]:
    """The least-squares solution, its residuals, the rank of `a` and its singular values; of one matrix.

    There are no residuals where the rank is less than the columns, or there are no more rows than columns.

    >>> [part.shape for part in lstsq(np.eye(4, 2), np.ones((4, 3)))]
    [(2, 3), (3,), (), (2,)]
    """
    return tuple(np.asarray(part) for part in np.linalg.lstsq(a, b, rcond))


@kernel(flops=svdvals_flops, uses_blas=True)
def matrix_rank(a: Array, *, tol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Array:
    """How many singular values are above a limit; int64.

    >>> matrix_rank(np.ones((2, 3, 3)))
    array([1, 1])
    """
    return np.asarray(np.linalg.matrix_rank(a, tol, hermitian, rtol=rtol)).astype(np.int64, copy=False)


@kernel(flops=_power_flops, uses_blas=True)
def matrix_power(a: Array, *, n: int) -> Array:
    """The product of n times the matrix.

    >>> matrix_power(np.array([[1, 1], [0, 1]]), n=5)
    array([[1, 5],
           [0, 1]])
    """
    return np.linalg.matrix_power(a, n)


@kernel(flops=_norm_flops, uses_blas=True)
def norm(a: Array, *, ord: Ord = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Array:
    """`np.linalg.norm` along one axis or two; an infinite `ord` is "inf" or "-inf".

    >>> norm(np.array([[3.0, 4.0], [6.0, 8.0]]), axis=1, ord="inf")
    array([4., 8.])
    """
    axes: Any = axis if axis is None or isinstance(axis, int) else tuple(axis)
    return np.asarray(np.linalg.norm(a, _order(ord), axes, keepdims))


@kernel(flops=svdvals_flops, uses_blas=True)
def cond(a: Array, *, p: Ord = None) -> Array:
    """The condition number in the norm `p`, as `ord` of `norm`.

    >>> cond(np.array([[[2.0, 0.0], [0.0, 4.0]]]))
    array([2.])
    """
    return np.asarray(np.linalg.cond(a, _order(p)))


def _order(ord: Ord) -> Any:
    """An order of norms from plain data, which has no infinities."""
    return float(ord) if ord in ("inf", "-inf") else ord


@kernel(flops=cubes(20), uses_blas=True)
def expm(a: Array) -> Array:
    """The exponential, by scaling and squaring: about ten products.

    >>> expm(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    from scipy import linalg

    return np.asarray(linalg.expm(a))


@kernel(flops=cubes(85 / 3), uses_blas=True)
def sqrtm(a: Array, *, dtype: str | None = None) -> Array:
    """The principal square root, by a Schur form.

    SciPy gives real numbers where the root is real; with `dtype` it has that. Flops are those of N. J. Higham,
    "Functions of Matrices", 2008.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])
    """
    from scipy import linalg

    return _typed(_each(linalg.sqrtm, a), dtype)


@kernel(flops=cubes(85 / 3), uses_blas=True)
def logm(a: Array, *, dtype: str | None = None) -> Array:
    """The principal logarithm, in double precision as SciPy's, by roots of a Schur form; `dtype` as for `sqrtm`.

    >>> logm(np.eye(2))
    array([[0., 0.],
           [0., 0.]])
    """
    from scipy import linalg

    # SciPy warns of every single-precision matrix that its logarithm is not exact to double precision.
    return _typed(_each(linalg.logm, a.astype(np.result_type(a, np.float64), copy=False)), dtype)


def _each(function: Callable[..., Array], *arrays: Array) -> Array:
    """A function of matrices for each of a batch; the results have a common dtype."""
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    wide = [np.broadcast_to(a, batch + a.shape[-2:]) for a in arrays]
    made = [np.asarray(function(*(a[index] for a in wide))) for index in np.ndindex(batch)]
    if not made:
        return np.zeros(batch + arrays[-1].shape[-2:], np.result_type(*arrays, np.float32))
    return np.stack(made).reshape(batch + made[0].shape)


def _typed(x: Array, dtype: str | None) -> Array:
    return x if dtype is None else x.astype(dtype, copy=False)
