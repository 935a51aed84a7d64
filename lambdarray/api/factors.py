"""Factorisations: Cholesky, QR, LU, singular values and eigenvalues."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..algorithms import claims
from ..algorithms.checks import verifiable
from .array import Array
from .matrices import adjoint, matrices, of_matrices, of_matrix, sample, square
from .products import matmul


class EigResult(NamedTuple):
    """Of `eig`."""

    eigenvalues: Array
    eigenvectors: Array


class EighResult(NamedTuple):
    """Of `eigh`."""

    eigenvalues: Array
    eigenvectors: Array


class QRResult(NamedTuple):
    """Of `qr`."""

    Q: Array
    R: Array


class SVDResult(NamedTuple):
    """Of `svd`."""

    U: Array
    S: Array
    Vh: Array


@verifiable(claims.of_cholesky)
def cholesky(a: Any, /, *, upper: bool = False, tile: int | None = None) -> Array:
    """The lower (or upper) triangular factor of Hermitian positive definite matrices, of which that triangle is read.

    LinAlgError from the task that finds a leading minor which is not positive definite. `tile` is the side of the
    tiles that a matrix is factorised in; by default a large one is, in tiles that suit its size.

    >>> import lambdarray as la
    >>> la.linalg.cholesky(la.asarray([[4.0, 2.0], [2.0, 5.0]])).compute()
    array([[2., 0.],
           [1., 2.]])
    """
    from ..algorithms.cholesky import cholesky as by_tiles
    from ..algorithms.tiles import side
    from ..algorithms.updates import LEAST_TILE
    from ..cost.factors import CHOLESKY

    x = square(a)
    length = side(x, tile, LEAST_TILE, CHOLESKY)
    if length is None:
        return of_matrix("cholesky", x, x.shape[-2:], upper=bool(upper))
    return by_tiles(x, length, upper=bool(upper))


@verifiable(claims.of_qr)
def qr(a: Any, mode: str = "reduced", *, tile: int | None = None) -> Any:
    """Q with orthonormal columns and upper triangular R, as numpy.linalg.qr.

    The blocks of rows of a tall matrix are factorised each, and then their R together; another large one is factorised
    in tiles, of the side `tile` where that is given. With the mode "r" no Q is formed, and "raw" is one task's always.

    >>> import lambdarray as la
    >>> q, r = la.linalg.qr(la.ones((5, 2), chunks=2))
    >>> q.shape, r.shape
    ((5, 2), (2, 2))
    """
    from ..algorithms.qr import factorised

    x = matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    if mode not in ("reduced", "complete", "r", "raw"):
        raise ValueError(f"Unrecognized mode {mode!r}: 'reduced', 'complete', 'r' and 'raw' are known")
    if mode == "raw":
        if tile is not None:
            raise ValueError(
                f"tile={tile}: with mode 'raw' the reflectors are LAPACK's, of the whole matrix in one task"
            )
        return of_matrices("qr", [x], [(n, m), (k,)], mode=mode)
    if (made := factorised(x, mode, tile)) is not None:
        return made[0] if mode == "r" else QRResult(*made)
    if mode == "r":
        return of_matrix("qr", x, (k, n), mode=mode)
    return QRResult(*of_matrices("qr", [x], [(m, k), (k, n)] if mode == "reduced" else [(m, m), (m, n)], mode=mode))


@verifiable(claims.of_lu)
def lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
    *,
    tile: int | None = None,
) -> tuple[Array, ...]:
    """P, L and U with a = P @ L @ U, as scipy.linalg.lu: P @ L for P and L, or P as row numbers, where asked.

    `tile` is the side of the tiles that a matrix is factorised in, with pivots from a tournament; by default a large
    one is. `overwrite_a` and `check_finite` are SciPy's, and change nothing here.

    >>> import lambdarray as la
    >>> p, l, u = la.linalg.lu(la.asarray([[0.0, 2.0], [4.0, 1.0]]), tile=1)
    >>> (p @ l @ u).compute()
    array([[0., 2.],
           [4., 1.]])
    """
    from ..algorithms.lu import lu as by_tiles
    from ..algorithms.tiles import panel_side

    x = matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    params = {"permute_l": bool(permute_l), "p_indices": bool(p_indices) and not permute_l}
    length = panel_side(x, tile)
    if length is not None and k:
        return by_tiles(x, length, **params)
    first = [] if permute_l else [(m,) if p_indices else (m, m)]
    return of_matrices("lu", [x], [*first, (m, k), (k, n)], **params)


def lu_factor(
    a: Any, overwrite_a: bool = False, check_finite: bool = True, *, tile: int | None = None
) -> tuple[Array, Array]:
    """L and U in one matrix, and the pivots: with which row each row changed its place, as scipy.linalg's.

    Nothing is said of a matrix that is found to be singular. The other arguments are those of `lu`.

    >>> import lambdarray as la
    >>> packed, pivots = la.linalg.lu_factor(la.asarray([[0.0, 2.0], [4.0, 1.0]]))
    >>> pivots.compute()
    array([1, 1], dtype=int32)
    """
    from ..algorithms.lu import lu_factor as by_tiles
    from ..algorithms.tiles import panel_side

    x = matrices(a)
    length = panel_side(x, tile)
    if length is not None and x.size:
        return by_tiles(x, length)
    packed, pivots = of_matrices("lu_factor", [x], [x.shape[-2:], (min(x.shape[-2:]),)])
    return packed, pivots


@verifiable(claims.of_svd)
def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    *,
    tile: int | None = None,
) -> Any:
    """U, the singular values, greatest first, and the conjugate transpose of V; the values alone where asked.

    A large matrix, or one for which `tile` says the side of the tiles, is divided by its spectrum, for which runs are
    made now; they are refused under `la.config(eager=False)`. Values alone are left to be computed. A matrix that is
    tall or wide is factorised by QR first.

    >>> import lambdarray as la
    >>> la.linalg.svd(la.asarray([[0.0, 2.0], [3.0, 0.0]])).S.compute()
    array([3., 2.])
    """
    x = square(a) if hermitian else matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    if not hermitian and not (compute_uv and full_matrices):
        from ..algorithms.tsqr import is_tall

        if is_tall(x):
            return _tall_svd(x, compute_uv)
        if is_tall(x.mT):
            made = _tall_svd(x.mT, compute_uv)
            return SVDResult(made.Vh.mT, made.S, made.U.mT) if compute_uv else made
    if cut := _cutting(x, tile):
        from ..algorithms import svd as by_tiles

        if hermitian:
            made = by_tiles.of_hermitian(x, *cut, vectors=compute_uv)
        else:
            made = by_tiles.svd(x, *cut, full=full_matrices, vectors=compute_uv)
        return SVDResult(*made) if compute_uv else made.s
    if not compute_uv:
        return of_matrix("svdvals", x, (k,), hermitian=bool(hermitian))
    cores = [(m, m), (k,), (n, n)] if full_matrices else [(m, k), (k,), (k, n)]
    params = {"full_matrices": bool(full_matrices), "hermitian": bool(hermitian)}
    return SVDResult(*of_matrices("svd", [x], cores, **params))


def _tall_svd(x: Array, compute_uv: bool) -> Any:
    """By that of R: Q is multiplied with the vectors as it is formed."""
    from ..algorithms.tsqr import folded, tall

    if not compute_uv:
        return svd(folded(x).r, False, False)
    tree = tall(x)
    made = svd(tree.r, False)
    return SVDResult(tree.q(made.U), made.S, made.Vh)


def _cutting(x: Array, tile: int | None) -> tuple[int, int] | None:
    """How a matrix is divided by its spectrum, None for one that is a task's."""
    from ..algorithms.eigh import cutting

    return cutting(x, tile)


def svdvals(x: Any, /, *, tile: int | None = None) -> Array:
    """The singular values alone, greatest first; `tile` as for `svd`."""
    values: Array = svd(x, compute_uv=False, tile=tile)
    return values


def svd_compressed(
    a: Any,
    k: int,
    iterator: str = "power",
    n_power_iter: int = 0,
    n_oversamples: int = 10,
    seed: Any = None,
    compute: bool = False,
    coerce_signs: bool = True,
) -> SVDResult:
    """The `k` greatest singular values and their vectors, nearly: of the matrix on a random subspace.

    `n_power_iter` more products with the matrix and its transpose make them better where values fall slowly
    (N. Halko et al., "Finding structure with randomness", SIAM Review 53, 2011). `compute` is Dask's, and not needed.

    >>> import lambdarray as la
    >>> u, s, vh = la.linalg.svd_compressed(la.ones((50, 40), chunks=20), 1, seed=0)
    >>> s.compute().round(6)
    array([44.72136])
    """
    from .generator import Generator

    if iterator not in ("power", "QR", "none"):
        raise ValueError(f"iterator={iterator!r} is none of 'power', 'QR' and 'none'")
    x = matrices(a)
    if x.ndim != 2 or not 0 < k <= min(x.shape):
        raise ValueError(f"{k} singular values of an array of shape {x.shape}: it must be a matrix of at least as many")
    size = min(k + n_oversamples, *x.shape)
    (kind,) = sample("svdvals", [x], {})
    columns = Generator(seed).standard_normal((x.shape[1], size), chunks=(x.chunks[1], size)).astype(kind)
    q = qr(matmul(x, columns)).Q
    for _ in range(0 if iterator == "none" else n_power_iter):
        q = qr(matmul(x, qr(matmul(adjoint(x), q)).Q)).Q
    # The small matrix as a tall one: its rows are as many as the columns of `a`.
    v, s, uh = svd(matmul(adjoint(x), q), full_matrices=False)
    u, vh = matmul(q, adjoint(uh))[:, :k], adjoint(v)[:k]
    return SVDResult(*(_same_signs(u, s[:k], vh) if coerce_signs else (u, s[:k], vh)))


def _same_signs(u: Array, s: Array, vh: Array) -> tuple[Any, Array, Any]:
    """Vectors such that the sum of each pair's elements has no negative real part."""
    from .elementwise import where
    from .reductions import sum as sum_

    total: Any = sum_(u, 0) + sum_(vh, 1)  # type: ignore[operator]
    sign: Any = where(total.real < 0, -1, 1).astype(u.dtype)
    return u * sign, s, vh * sign[:, None]  # type: ignore[operator]


@verifiable(claims.of_eigh)
def eigh(a: Any, UPLO: str = "L", *, tile: int | None = None) -> EighResult:
    """Eigenvalues, least first, and eigenvectors of Hermitian matrices, of which one triangle is read.

    A large matrix, or one for which `tile` says the side of the tiles, is divided by its spectrum, for which runs are
    made now; they are refused under `la.config(eager=False)`.

    >>> import lambdarray as la
    >>> la.linalg.eigh(la.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.compute()
    array([1., 2.])
    """
    x, uplo = square(a), _triangle(UPLO)
    if cut := _cutting(x, tile):
        from ..algorithms.eigh import eigh as by_tiles

        values, vectors = by_tiles(x, *cut, uplo=uplo)
        assert vectors is not None
        return EighResult(values, vectors)
    return EighResult(*of_matrices("eigh", [x], [x.shape[-1:], x.shape[-2:]], uplo=uplo))


def eigvalsh(a: Any, UPLO: str = "L", *, tile: int | None = None) -> Array:
    """The eigenvalues of Hermitian matrices alone, least first; `tile` as for `eigh`."""
    x, uplo = square(a), _triangle(UPLO)
    if cut := _cutting(x, tile):
        from ..algorithms.eigh import eigh as by_tiles

        return by_tiles(x, *cut, uplo=uplo, vectors=False).values
    return of_matrix("eigvalsh", x, x.shape[-1:], uplo=uplo)


def _triangle(uplo: str) -> str:
    if uplo.upper() not in ("L", "U"):
        raise ValueError(f"UPLO argument must be 'L' or 'U', not {uplo!r}")
    return uplo.upper()


def eig(a: Any) -> EigResult:
    """Eigenvalues and right eigenvectors of any square matrices: complex always, as the array API standard has them.

    NumPy gives real ones where no eigenvalue has an imaginary part, which is known only when they are computed.
    """
    x = square(a)
    cores = [x.shape[-1:], x.shape[-2:]]
    return EigResult(*of_matrices("eig", [x], cores, dtype=complex_kind("eigvals", x)))


def eigvals(a: Any) -> Array:
    """The eigenvalues alone; complex as those of `eig`."""
    x = square(a)
    return of_matrix("eigvals", x, x.shape[-1:], dtype=complex_kind("eigvals", x))


def complex_kind(kernel: str, x: Array) -> str:
    """The complex dtype of what a kernel may find to be real."""
    return np.result_type(*sample(kernel, [x], {}), np.complex64).str
