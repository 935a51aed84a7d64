"""Factorisations: Cholesky, QR, LU, singular values and eigenvalues."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..tiling import AxisMap, Cuts
from .array import Array
from .matrices import adjoint, matrices, of_matrices, of_matrix, sample, square
from .products import matmul
from .stages import In, Out, Stage, single, whole

# A matrix of more bytes is factorised in blocks of so many rows, where it is tall.
MOST_TALL_BYTES = 32 << 20


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

    x = square(a)
    length = side(x, tile, LEAST_TILE)
    if length is None:
        return of_matrix("cholesky", x, x.shape[-2:], upper=bool(upper))
    return by_tiles(x, length, upper=bool(upper))


def qr(a: Any, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and upper triangular R, as numpy.linalg.qr.

    The blocks of rows of a tall matrix are factorised each, and then their R together.

    >>> import lambdarray as la
    >>> q, r = la.linalg.qr(la.ones((5, 2), chunks=2))
    >>> q.shape, r.shape
    ((5, 2), (2, 2))
    """
    x = matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    if mode not in ("reduced", "complete", "r", "raw"):
        raise ValueError(f"Unrecognized mode {mode!r}: 'reduced', 'complete', 'r' and 'raw' are known")
    if mode in ("reduced", "r") and is_tall(x):
        made = _tall(x)
        return made if mode == "reduced" else made.R
    if mode == "r":
        return of_matrix("qr", x, (k, n), mode=mode)
    if mode == "raw":
        return of_matrices("qr", [x], [(n, m), (k,)], mode=mode)
    return QRResult(*of_matrices("qr", [x], [(m, k), (k, n)] if mode == "reduced" else [(m, m), (m, n)], mode=mode))


def is_tall(x: Array) -> bool:
    """Whether this is one matrix of so many rows that blocks of them are factorised."""
    return x.ndim == 2 and x.nbytes > MOST_TALL_BYTES and x.shape[0] >= 4 * x.shape[1] > 0


def _tall(x: Array) -> QRResult:
    """QR by blocks of rows (J. Demmel et al., "Communication-optimal parallel and sequential QR", 2012)."""
    from lambdarray_kernels import get

    m, n = x.shape
    dtypes = sample("qr", [x], {})
    # At least twice as many rows as columns, so that the triangles together have half as many or fewer.
    count = max(2, min(-(-x.nbytes // MOST_TALL_BYTES), m // (2 * n)))
    rows = Cuts.from_bounds(np.arange(count + 1) * m // count)
    stage = Stage("qr of rows", [rows, single(n)], flops=get("qr").flops((rows.max_chunk, n)))
    stage.call("qr", ("q", "r"), ("r0",))
    kept = [Out("q", [0, 1], dtypes[0]), Out("r", [0, 1], dtypes[1], [n, 0])]
    q, triangles = stage.make_all([In(x, [0, whole(n)])], kept)
    top, r = qr(triangles)
    product = Stage("q of rows", [rows, single(n), single(n)], grid_ndim=2)
    product.call("gemm", ("y",), ("r0", "r1"), loop=True, dtype=dtypes[0].str)
    parts = [In(q, [0, 2]), In(top, [AxisMap(0, step=n, size=n, by_block=True), 1])]
    return QRResult(product.make(parts, Out("y", [0, 1], dtypes[0])), r)


def lu(a: Any, permute_l: bool = False, p_indices: bool = False) -> tuple[Array, ...]:
    """P, L and U with a = P @ L @ U, as scipy.linalg.lu: P @ L for P and L, or P as row numbers, where asked."""
    x = matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    first = [] if permute_l else [(m,) if p_indices else (m, m)]
    params = {"permute_l": bool(permute_l), "p_indices": bool(p_indices)}
    return of_matrices("lu", [x], [*first, (m, k), (k, n)], **params)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """U, the singular values, greatest first, and the conjugate transpose of V; the values alone where asked.

    >>> import lambdarray as la
    >>> la.linalg.svd(la.asarray([[0.0, 2.0], [3.0, 0.0]])).S.compute()
    array([3., 2.])
    """
    x = square(a) if hermitian else matrices(a)
    m, n = x.shape[-2:]
    k = min(m, n)
    if not hermitian and not (compute_uv and full_matrices):
        if is_tall(x):
            return _tall_svd(x, compute_uv)
        if is_tall(x.mT):
            made = _tall_svd(x.mT, compute_uv)
            return SVDResult(made.Vh.mT, made.S, made.U.mT) if compute_uv else made
    if not compute_uv:
        return of_matrix("svdvals", x, (k,), hermitian=bool(hermitian))
    cores = [(m, m), (k,), (n, n)] if full_matrices else [(m, k), (k,), (k, n)]
    params = {"full_matrices": bool(full_matrices), "hermitian": bool(hermitian)}
    return SVDResult(*of_matrices("svd", [x], cores, **params))


def _tall_svd(x: Array, compute_uv: bool) -> Any:
    """By that of R."""
    q, r = _tall(x)
    made = svd(r, False, compute_uv)
    return SVDResult(matmul(q, made.U), made.S, made.Vh) if compute_uv else made


def svdvals(x: Any, /) -> Array:
    """The singular values alone, greatest first."""
    values: Array = svd(x, compute_uv=False)
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


def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues, least first, and eigenvectors of Hermitian matrices, of which one triangle is read.

    >>> import lambdarray as la
    >>> la.linalg.eigh(la.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.compute()
    array([1., 2.])
    """
    x = square(a)
    cores = [x.shape[-1:], x.shape[-2:]]
    return EighResult(*of_matrices("eigh", [x], cores, uplo=_triangle(UPLO)))


def eigvalsh(a: Any, UPLO: str = "L") -> Array:
    """The eigenvalues of Hermitian matrices alone, least first."""
    x = square(a)
    return of_matrix("eigvalsh", x, x.shape[-1:], uplo=_triangle(UPLO))


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
