"""Factorisations of matrices that are whole in a tile: NumPy's and SciPy's, with their dtypes, shapes and errors.

The last two axes are the matrix, those before them a batch. Flops are the leading terms for real numbers, of LAPACK
Working Note 41 and of Golub and Van Loan, "Matrix Computations", 4th edition; complex ones take four times as many.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from .fortran import lapack
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]


def sizes(a: Shape) -> tuple[int, int, int]:
    """How many matrices there are, and their sizes, the longer one first.

    >>> sizes((5, 3, 4))
    (5, 4, 3)
    """
    return math.prod(a[:-2]), max(a[-2:]), min(a[-2:])


def cubes(count: float) -> Any:
    """The flop count of what takes `count` n^3 for a matrix of n by n.

    >>> cubes(2 / 3)((7, 3, 3))
    126
    """

    def flops(a: Shape, *_: Any, **__: Any) -> int:
        return round(count * math.prod(a) * a[-1])

    return flops


def lu_flops(a: Shape, *_: Any, **__: Any) -> int:
    """Those of getrf: m n^2 - n^3 / 3."""
    batch, m, n = sizes(a)
    return batch * (m * n * n - n**3 // 3)


def svd_flops(a: Shape, *_: Any, full_matrices: bool = True, **__: Any) -> int:
    """Those of the Golub-Reinsch algorithm for singular values and vectors, all or as many as values."""
    batch, m, n = sizes(a)
    return batch * (4 * m * m * n + 8 * m * n * n + 9 * n**3 if full_matrices else 14 * m * n * n + 8 * n**3)


def svdvals_flops(a: Shape, *_: Any, **__: Any) -> int:
    """Those of singular values alone: 4 m n^2 - 4 n^3 / 3."""
    batch, m, n = sizes(a)
    return batch * (4 * m * n * n - 4 * n**3 // 3)


def _qr_flops(a: Shape, *, mode: str = "reduced", **_: Any) -> int:
    """Those of geqrf, and of orgqr where Q is made."""
    (batch, long, k), m = sizes(a), a[-2]
    columns = {"reduced": k, "complete": m}.get(mode, 0)
    made = 4 * m * columns * k - 2 * (m + columns) * k * k + 4 * k**3 // 3 if columns else 0
    return batch * (2 * long * k * k - 2 * k**3 // 3 + made)


@kernel(flops=cubes(1 / 3), uses_blas=True)
def cholesky(a: Array, *, upper: bool = False, start: int = 0, overwrite: bool = False) -> Array:
    """The triangular factor of Hermitian positive definite matrices; LinAlgError names the minor that is not.

    `start` is how many rows of the whole matrix stand before those of `a`. With `overwrite` the factor of one matrix
    may be made in its memory.

    >>> cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2., 0.],
           [1., 2.]])
    """
    is_square = a.shape[-2:-1] == a.shape[-1:]
    if a.ndim == 2 and is_square:
        return _potrf(a, upper, start, overwrite)
    try:
        return np.linalg.cholesky(a, upper=upper)
    except np.linalg.LinAlgError:
        for matrix in a.reshape(-1, *a.shape[-2:]) if is_square else ():
            _potrf(matrix, upper, start, False)
        raise


def _potrf(a: Array, upper: bool, start: int, overwrite: bool) -> Array:
    """The factor of one matrix, four times as fast as NumPy, which copies it to Fortran's order and back."""
    kind = np.linalg.cholesky(np.eye(1, dtype=a.dtype)).dtype
    out = np.array(a, kind, order="C", copy=None if overwrite else True)
    # Rows are columns to Fortran, so that the triangle has its other name.
    minor = lapack("potrf", out.dtype, "L" if upper else "U", len(out), out, len(out)) if out.size else 0
    if minor:
        raise np.linalg.LinAlgError(f"{start + minor}-th leading minor of the array is not positive definite")
    for n, row in enumerate(out):
        row[slice(n) if upper else slice(n + 1, None)] = 0
    return out


@kernel(flops=_qr_flops, uses_blas=True)
def qr(a: Array, *, mode: Literal["reduced", "complete", "r", "raw"] = "reduced") -> Array | tuple[Array, ...]:
    """Q with orthonormal columns and upper triangular R; R alone with "r", reflectors and their factors with "raw".

    >>> [part.shape for part in qr(np.ones((5, 3)))]
    [(5, 3), (3, 3)]
    """
    made: Any = np.linalg.qr(a, mode)
    return made if mode == "r" else tuple(made)


@kernel(flops=lu_flops, uses_blas=True)
def lu(a: Array, *, permute_l: bool = False, p_indices: bool = False) -> tuple[Array, ...]:
    """P, L and U of `scipy.linalg.lu`, with a = P L U.

    >>> p, l, u = lu(np.array([[0.0, 2.0], [4.0, 1.0]]), p_indices=True)
    >>> p, u
    (array([1, 0], dtype=int32), array([[4., 1.],
           [0., 2.]]))
    """
    from scipy import linalg

    made: Any = linalg.lu(a, permute_l=permute_l, p_indices=p_indices, check_finite=False)
    return tuple(made)


@kernel(flops=svd_flops, uses_blas=True)
def svd(a: Array, *, full_matrices: bool = True, hermitian: bool = False) -> tuple[Array, ...]:
    """U, the singular values, greatest first, and the conjugate transpose of V.

    >>> [part.shape for part in svd(np.ones((5, 3)), full_matrices=False)]
    [(5, 3), (3,), (3, 3)]
    """
    return tuple(np.linalg.svd(a, full_matrices=full_matrices, hermitian=hermitian))


@kernel(flops=svdvals_flops, uses_blas=True)
def svdvals(a: Array, *, hermitian: bool = False) -> Array:
    """The singular values alone, greatest first.

    >>> svdvals(np.array([[0.0, 2.0], [3.0, 0.0]]))
    array([3., 2.])
    """
    return np.linalg.svd(a, compute_uv=False, hermitian=hermitian)


@kernel(flops=cubes(9), uses_blas=True)
def eigh(a: Array, *, uplo: Literal["L", "U"] = "L") -> tuple[Array, ...]:
    """Eigenvalues, least first, and eigenvectors of Hermitian matrices, of which one triangle is read.

    >>> eigh(np.array([[2.0, 0.0], [0.0, 1.0]]))[0]
    array([1., 2.])
    """
    return tuple(np.linalg.eigh(a, uplo))


@kernel(flops=cubes(4 / 3), uses_blas=True)
def eigvalsh(a: Array, *, uplo: Literal["L", "U"] = "L") -> Array:
    """The eigenvalues alone, least first.

    >>> eigvalsh(np.array([[2.0, 0.0], [0.0, 1.0]]))
    array([1., 2.])
    """
    return np.linalg.eigvalsh(a, uplo)


@kernel(flops=cubes(25), uses_blas=True)
def eig(a: Array, *, dtype: str | None = None) -> tuple[Array, ...]:
    """Eigenvalues and right eigenvectors of any square matrices.

    NumPy gives real numbers where no eigenvalue of the tile is complex; with `dtype` both have that.

    >>> [part.dtype.name for part in eig(np.eye(2), dtype="<c16")]
    ['complex128', 'complex128']
    """
    return tuple(part if dtype is None else part.astype(dtype, copy=False) for part in np.linalg.eig(a))


@kernel(flops=cubes(10), uses_blas=True)
def eigvals(a: Array, *, dtype: str | None = None) -> Array:
    """The eigenvalues alone; `dtype` as for `eig`.

    >>> eigvals(np.array([[0.0, -1.0], [1.0, 0.0]]))
    array([0.+1.j, 0.-1.j])
    """
    values = np.linalg.eigvals(a)
    return values if dtype is None else values.astype(dtype, copy=False)
