"""Linear systems, inverses, determinants, powers and functions of matrices."""

from __future__ import annotations

import math
import operator
from typing import Any, NamedTuple

import numpy as np
from numpy.linalg import LinAlgError

from ..algorithms import claims
from ..algorithms.checks import verifiable
from .array import Array
from .axes import axis_of
from .creation import asarray, zeros
from .elementwise import where
from .factors import cholesky, complex_kind, svd
from .grids import eye, tril, triu
from .manipulation import broadcast_to, expand_dims, moveaxis, reshape, squeeze
from .matrices import adjoint, matrices, of_matrices, of_matrix, square
from .products import matmul
from .reductions import max as max_


class SlogdetResult(NamedTuple):
    """Of `slogdet`."""

    sign: Array
    logabsdet: Array


@verifiable(claims.of_inverse)
def inv(a: Any, *, tile: int | None = None) -> Array:
    """The inverse of matrices; LinAlgError from the task that finds a singular one.

    `tile` is the side of the tiles that a matrix is worked on in; by default a large one is.

    >>> import lambdarray as la
    >>> la.linalg.inv(la.asarray([[2.0, 0.0], [0.0, 4.0]])).compute()
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    from ..algorithms.lu import inv as by_tiles
    from ..algorithms.tiles import panel_side

    x = square(a)
    length = panel_side(x, tile)
    return of_matrix("inv", x, x.shape[-2:]) if length is None or not x.size else by_tiles(x, length)


# What `assume_a` may say, by SciPy's names, and how it is solved: bands as any matrix is.
STRUCTURES: dict[str | None, str] = {
    **dict.fromkeys((None, "gen", "general", "banded", "tridiagonal"), "gen"),
    **dict.fromkeys(("sym", "symmetric"), "sym"),
    **dict.fromkeys(("her", "hermitian"), "her"),
    **dict.fromkeys(("pos", "positive definite"), "pos"),
    **dict.fromkeys(("diagonal", "upper triangular"), "upper"),
    "lower triangular": "lower",
}


@verifiable(claims.of_solution)
def solve(a: Any, b: Any, *, assume_a: str | None = None, lower: bool = False, tile: int | None = None) -> Array:
    """x with a @ x = b; `b` is a vector where it has one axis, else matrices. LinAlgError where a matrix is singular.

    `assume_a` is what is known of the matrices, as scipy.linalg.solve has it: "gen" (nothing, the default), "pos"
    (Hermitian positive definite: half the work), "sym", "her", "diagonal", "upper triangular", "lower triangular". Of
    symmetric ones the upper triangle is read, or with `lower` the other one. `tile` is the side of the tiles that
    one matrix is worked on in; by default a large one is, in tiles that suit its size.

    >>> import lambdarray as la
    >>> la.linalg.solve(la.asarray([[2.0, 0.0], [0.0, 4.0]]), la.asarray([2.0, 2.0]), assume_a="pos").compute()
    array([1. , 0.5])
    """
    x, right = square(a), asarray(b)
    if assume_a not in STRUCTURES:
        known = ", ".join(repr(name) for name in STRUCTURES if name)
        raise ValueError(f"assume_a={assume_a!r} is no structure of matrices that is known: {known}")
    structure = STRUCTURES[assume_a]
    if structure == "pos":
        return cho_solve(cho_factor(x, lower=lower, tile=tile), right, tile=tile)
    if structure in ("upper", "lower"):
        return solve_triangular(x, right, lower=structure == "lower", tile=tile)
    if structure in ("sym", "her"):
        half: Any = tril(x) if lower else triu(x)
        other = tril(x, -1) if lower else triu(x, 1)
        x = half + (adjoint(other) if structure == "her" else other.mT)
    length = _side(x, right, tile, panels=True)
    if length is not None:
        from ..algorithms.lu import solve_general

        return solve_general(x, right, length)
    return _solved("solve", x, right)


def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True, *, tile: int | None = None
) -> tuple[Array, bool]:
    """The Cholesky factor of matrices and which triangle it is, for `cho_solve`, as scipy.linalg's.

    The other triangle has zeros. `overwrite_a` and `check_finite` are SciPy's, and change nothing here.
    """
    return cholesky(a, upper=not lower, tile=tile), bool(lower)


def cho_solve(
    c_and_lower: tuple[Any, bool],
    b: Any,
    overwrite_b: bool = False,
    check_finite: bool = True,
    *,
    tile: int | None = None,
) -> Array:
    """x with a @ x = b, by what `cho_factor` made of a. `overwrite_b` and `check_finite` are SciPy's.

    >>> import lambdarray as la
    >>> factor = la.linalg.cho_factor(la.asarray([[4.0, 2.0], [2.0, 5.0]]))
    >>> la.linalg.cho_solve(factor, la.asarray([6.0, 7.0])).compute()
    array([1., 1.])
    """
    factor, lower = c_and_lower
    half = solve_triangular(factor, b, "N" if lower else "C", lower, tile=tile)
    return solve_triangular(factor, half, "C" if lower else "N", lower, tile=tile)


def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    *,
    tile: int | None = None,
) -> Array:
    """As `solve` for triangular matrices, of which the other triangle is not read, as scipy.linalg's.

    LinAlgError names the first number on the diagonal that is 0. `overwrite_b` and `check_finite` are SciPy's, and
    change nothing here; `tile` is that of `solve`.

    >>> import lambdarray as la
    >>> la.linalg.solve_triangular(la.asarray([[2.0, 9.0], [1.0, 4.0]]), la.asarray([2.0, 5.0]), lower=True).compute()
    array([1., 1.])
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans={trans!r} is none of 0, 1, 2, 'N', 'T' and 'C'")
    x, right = square(a), asarray(b)
    params: dict[str, Any] = {"lower": bool(lower), "trans": trans, "unit_diagonal": bool(unit_diagonal)}
    length = _side(x, right, tile)
    if length is None:
        return _solved("solve_triangular", x, right, **params)
    from ..algorithms.triangular import solve_triangular as by_tiles

    params["trans"] = trans if isinstance(trans, str) else "NTC"[trans]
    made = by_tiles(x, _columns("solve_triangular", x, right), length, **params)
    return squeeze(made, -1) if right.ndim == 1 else made


def _side(a: Array, b: Array, tile: int | None, panels: bool = False) -> int | None:
    """As `side` or `panel_side`, for a system: one task's where the right-hand side is a batch."""
    from ..algorithms.tiles import panel_side, side
    from ..algorithms.updates import LEAST_TILE
    from ..cost.factors import CHOLESKY

    if b.ndim <= 2:
        return panel_side(a, tile) if panels else side(a, tile, LEAST_TILE, CHOLESKY)
    if tile is not None:
        raise ValueError(f"tile={tile}: a right-hand side in tiles is one matrix, not an array of shape {b.shape}")
    return None


def _columns(kernel: str, a: Array, b: Array) -> Array:
    """A right-hand side as matrices; ValueError where it does not fit."""
    right = expand_dims(b, -1) if b.ndim == 1 else matrices(b)
    if a.shape[-1] != right.shape[-2]:
        raise ValueError(f"{kernel}: matrices of {a.shape} and a right-hand side of {b.shape} do not fit")
    return right


def _solved(kernel: str, a: Array, b: Array, **params: Any) -> Array:
    right = _columns(kernel, a, b)
    (x,) = of_matrices(kernel, [a, right], [right.shape[-2:]], **params)
    return squeeze(x, -1) if b.ndim == 1 else x


@verifiable(claims.of_least_squares)
def lstsq(a: Any, b: Any, rcond: Any = None, *, tile: int | None = None) -> tuple[Array, Array, Array, Array]:
    """The least-squares solution, the sums of its squared residuals, the rank of `a` and its singular values.

    There are no residuals where `a` has no more rows than columns; where its rank is found to be less than its columns
    NumPy leaves them out too, and here they are given. A large `a` goes through QR, in tiles of the side `tile` where
    that is given; Q is not formed.

    >>> import lambdarray as la
    >>> x, residuals, rank, s = la.linalg.lstsq(la.asarray([[3.0], [4.0]]), la.asarray([1.0, 0.0]))
    >>> x.compute().round(3), residuals.compute().round(3), int(rank)
    (array([0.12]), array([0.64]), 1)
    """
    from ..algorithms import least_squares
    from ..algorithms.qr import minus

    x, y, vector = _least_squares(a, b)
    (m, n), columns = x.shape, y.shape[1]
    if columns == 0:
        # The rank is asked for even so.
        found, residuals, *rest = lstsq(x, broadcast_to(zeros(1, dtype=y.dtype), (m, 1)), rcond, tile=tile)
        return found[:, :0], residuals[:0], rest[0], rest[1]
    squares: Any
    if least_squares.in_parts(x, tile):
        limit = max(m, n) * float(np.finfo(np.result_type(x, y, np.float32)).eps) if rcond is None else float(rcond)
        found, squares, rank, values = least_squares.lstsq(x, y, limit, tile)
    else:
        cores = [(n, columns), None, (), (min(m, n),)]
        found, rank, values = of_matrices("lstsq", [x, y], cores, rcond=None if rcond is None else float(rcond))
        squares = least_squares.squares(minus(y, x, found)) if m > n else None
    squares = zeros(0, dtype=values.dtype) if squares is None else squares
    return squeeze(found, -1) if vector else found, squares, rank, values


def ridge(a: Any, b: Any, alpha: float, *, tile: int | None = None) -> Array:
    """The x that makes |a x - b|^2 + alpha |x|^2 least, for each column of `b`: least squares that prefer small x.

    By QR of `a` over a multiple of the identity, never by a^H a. ValueError where `alpha` is negative or not finite;
    with 0 it is the x of `lstsq`. Large matrices and `tile` as there.

    >>> import lambdarray as la
    >>> la.linalg.ridge(la.asarray([[3.0], [4.0]]), la.asarray([1.0, 0.0]), 5.0).compute().round(3)
    array([0.1])
    """
    from ..algorithms import least_squares

    x, y, vector = _least_squares(a, b)
    weight = float(alpha)
    if not 0 <= weight < math.inf:
        raise ValueError(f"alpha={alpha}: what small solutions are worth is a finite number, 0 or more")
    if weight == 0 or 0 in (*x.shape, y.shape[1]):
        return lstsq(a, b, tile=tile)[0]
    found = least_squares.ridge(x, y, weight, tile)
    return squeeze(found, -1) if vector else found


def _least_squares(a: Any, b: Any) -> tuple[Array, Array, bool]:
    """A matrix, right-hand sides as columns, and whether there is one that is a vector; LinAlgError as NumPy's."""
    x, right = asarray(a), asarray(b)
    vector = right.ndim == 1
    y = expand_dims(right, -1) if vector else right
    for given in (x, y):
        if given.ndim != 2:
            raise LinAlgError(f"{given.ndim}-dimensional array given. Array must be two-dimensional")
    if y.shape[0] != x.shape[0]:
        raise LinAlgError(f"Incompatible dimensions: {x.shape[0]} rows and a right-hand side of {y.shape[0]}")
    return x, y, vector


def pinv(
    a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue, tile: int | None = None
) -> Array:
    """The Moore-Penrose inverse of matrices; singular values up to `rtol` times the greatest count as 0.

    `rcond` is its older name. NumPy's default is 1e-15, and None stands for the larger size times the rounding error.
    `tile` is that of `svd`.
    """
    x = matrices(a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    m, n = x.shape[-2:]
    if x.size == 0:
        return of_matrix("pinv", x, (n, m))
    u, s, vh = svd(x, full_matrices=False, hermitian=hermitian, tile=tile)
    limit = (1e-15 if rcond is None else rcond) if rtol is np._NoValue else rtol
    limit = max(m, n) * np.finfo(s.dtype).eps if limit is None else limit
    large: Any = s > np.expand_dims(limit, -1) * max_(s, -1, keepdims=True)
    inverse: Any = where(large, np.reciprocal(where(large, s, s.dtype.type(1))), s.dtype.type(0))
    return matmul(adjoint(vh), np.multiply(inverse[..., None], adjoint(u)))


def lu_solve(
    lu_and_piv: tuple[Any, Any],
    b: Any,
    trans: Any = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
    *,
    tile: int | None = None,
) -> Array:
    """x with a @ x = b by what `lu_factor` made of a; a.T @ x = b with `trans` 1, its conjugate with 2.

    `tile` is as for `lu_factor`; `overwrite_b` and `check_finite` are SciPy's, and change nothing here.

    >>> import lambdarray as la
    >>> la.linalg.lu_solve(la.linalg.lu_factor(la.asarray([[0.0, 2.0], [4.0, 0.0]])), la.asarray([2.0, 2.0])).compute()
    array([0.5, 1. ])
    """
    from ..algorithms.lu import lu_solve as by_tiles
    from ..algorithms.tiles import panel_side

    if trans not in (0, 1, 2):
        raise ValueError(f"trans={trans!r} is none of 0, 1 and 2")
    lu, pivots, given = square(lu_and_piv[0]), asarray(lu_and_piv[1]), asarray(b)
    vector = given.ndim == 1
    right = expand_dims(given, -1) if vector else matrices(given)
    if lu.shape[-1] != right.shape[-2] or pivots.shape != lu.shape[:-1]:
        raise ValueError(
            f"Shapes of lu {lu.shape}, its pivots {pivots.shape} and the right-hand side {given.shape} are incompatible"
        )
    length = panel_side(lu, tile)
    if length is None or right.ndim > 2 or not (lu.size and right.size):
        (x,) = of_matrices("lu_solve", [lu, right, expand_dims(pivots, -1)], [right.shape[-2:]], trans=trans)
    else:
        x = by_tiles(lu, pivots, right, "NTC"[trans], length)
    return squeeze(x, -1) if vector else x


def det(a: Any, *, tile: int | None = None) -> Array:
    """The determinant of matrices; `tile` as for `inv`.

    >>> import lambdarray as la
    >>> la.linalg.det(la.asarray([[2.0, 0.0], [0.0, 4.0]])).compute()
    array(8.)
    """
    from ..algorithms.lu import det as by_tiles
    from ..algorithms.tiles import panel_side

    x = square(a)
    length = panel_side(x, tile)
    return of_matrix("det", x, ()) if length is None or not x.size else by_tiles(x, length)


def slogdet(a: Any, *, tile: int | None = None) -> SlogdetResult:
    """The sign of the determinant of matrices, and the logarithm of its size; `tile` as for `inv`."""
    from ..algorithms.lu import slogdet as by_tiles
    from ..algorithms.tiles import panel_side

    x = square(a)
    length = panel_side(x, tile)
    if length is None or not x.size:
        return SlogdetResult(*of_matrices("slogdet", [x], [(), ()]))
    return SlogdetResult(*by_tiles(x, length))


def matrix_power(a: Any, n: Any, *, verify: bool | None = None) -> Array:
    """The product of n times the matrix, by repeated squaring; of its inverse where n is negative.

    With `verify` each product is checked, as `matmul` has it.

    >>> import lambdarray as la
    >>> la.linalg.matrix_power(la.asarray([[1, 1], [0, 1]]), 5).compute()
    array([[1, 5],
           [0, 1]])
    """
    x = square(a)
    try:
        count = operator.index(n)
    except TypeError:
        raise TypeError("exponent must be an integer") from None
    if count == 0:
        return broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape)
    base = inv(x, verify=verify) if count < 0 else x
    power: Array | None = None
    for bit in reversed(f"{abs(count):b}"):
        if bit == "1":
            power = base if power is None else matmul(power, base, verify=verify)
        base = matmul(base, base, verify=verify)
    assert power is not None
    return power


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Array:
    """x with tensordot(a, x, x.ndim) = b; `axes` of `a` are moved to its end first."""
    a, b = asarray(a), asarray(b)
    if axes is not None:
        chosen = [axis_of(d, a.ndim) for d in axes]
        a = moveaxis(a, chosen, list(range(a.ndim - len(chosen), a.ndim)))
    shape = a.shape[b.ndim :]
    size = math.prod(shape)
    if a.size != size**2:
        raise LinAlgError(
            f"Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim]), not {a.shape}"
        )
    return reshape(solve(reshape(a, (size, size)), b.ravel()), shape)


def tensorinv(a: Any, ind: int = 2) -> Array:
    """The inverse of an array as a matrix whose rows are its first `ind` axes."""
    x = asarray(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rows, columns = x.shape[:ind], x.shape[ind:]
    return reshape(inv(reshape(x, (math.prod(columns), -1))), (*columns, *rows))


def expm(a: Any) -> Array:
    """The exponential of matrices, as scipy.linalg's."""
    x = square(a)
    return of_matrix("expm", x, x.shape[-2:])


def sqrtm(a: Any) -> Array:
    """The principal square root of matrices: complex always, since SciPy's is where the data make it so."""
    return _complex("sqrtm", square(a))


def logm(a: Any) -> Array:
    """The principal logarithm of matrices: complex always, as `sqrtm`."""
    return _complex("logm", square(a))


def _complex(kernel: str, x: Array) -> Array:
    return of_matrix(kernel, x, x.shape[-2:], dtype=complex_kind(kernel, x))
