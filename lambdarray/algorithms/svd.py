"""The singular values and vectors of one large matrix: of its polar factors.

A = U H with U an isometry and H Hermitian, whose eigenvalues are the singular values and whose eigenvectors are those
on the right (Y. Nakatsukasa and N. J. Higham, SIAM J. Sci. Comput. 35, 2013).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..api.diagonals import diagonal
from ..api.elementwise import where
from ..api.grids import eye
from ..api.indexing import take
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, of_matrices, of_matrix, sample
from ..api.norms import norm
from ..api.products import matmul
from ..api.sorting import argsort, sort
from ..api.tensors import vecdot
from . import band
from .eigh import MOST_BAND, eigh, parts
from .polar import Matrix, polar
from .qr import tiled_qr
from .spectrum import scaled, spectrum
from .tiles import tiled

WHAT = "the parts of a spectrum"


class Triple(NamedTuple):
    """U, the singular values, greatest first, and V^H; the values alone have None beside them."""

    u: Any
    s: Array
    vh: Any


def svd(a: Array, tile: int, most: int, *, full: bool = False, vectors: bool = True) -> Triple:
    """Of a matrix of any shape; with `full` all of U and V^H. Runs now where `eigh` does.

    >>> import lambdarray as la, numpy as np
    >>> svd(la.asarray(np.diag([3.0, -1.0, 4.0, 1.5, 0.0])), tile=2, most=4).s.compute().round(12)
    array([4. , 3. , 1.5, 1. , 0. ])
    """
    (m, n), x = a.shape, a.astype(sample("svd", [a], {})[0])
    if m < n:
        u, s, vh = svd(adjoint(x), tile, most, full=full, vectors=vectors)
        return Triple(adjoint(vh), s, adjoint(u)) if vectors else Triple(None, s, None)
    if m > n:
        made = tiled_qr(tiled(x, tile), tile)
        inner = svd(made.r[:n], tile, most, vectors=vectors)
        return inner if not vectors else Triple(_widened(made.q(m if full else n), inner.u), inner.s, inner.vh)
    if n <= most:
        return _whole(x, vectors)
    x = tiled(x, tile)
    return _square(x, tile, most, vectors) if vectors or 2 * n > MOST_BAND else Triple(None, _values(x, tile), None)


def of_hermitian(a: Array, tile: int, most: int, *, vectors: bool = True) -> Triple:
    """Of a Hermitian matrix, whose lower triangle is read: by its eigenvalues, with their signs in V^H."""
    values, basis = eigh(a, tile, most, vectors=vectors)
    size: Any = np.abs(values)  # type: ignore[call-overload]
    order = argsort(size, descending=True)
    s = take(size, order)
    if basis is None:
        return Triple(None, s, None)
    u: Any = take(basis, order, axis=1)
    sign: Any = where(np.less(take(values, order), 0), -1, 1).astype(u.dtype)
    return Triple(u, s, adjoint(u * sign))


def _widened(q: Matrix, u: Array) -> Array:
    """The first columns of Q turned by U, the others as they are."""
    n = len(u)
    turned: Any = q[:, :n] @ u
    return concatenate([turned, q[:, n:]], 1) if q.shape[1] > n else turned


def _whole(x: Array, vectors: bool) -> Triple:
    """By LAPACK, in one task."""
    n = len(x)
    if not vectors:
        return Triple(None, of_matrix("svdvals", x, (n,)), None)
    return Triple(*of_matrices("svd", [x], [(n, n), (n,), (n, n)]))


def _values(x: Array, tile: int) -> Array:
    """The eigenvalues from 0 on of [[0, A^H], [A, 0]] (G. H. Golub and W. Kahan, "Calculating the singular values and
    pseudo-inverse of a matrix", 1965)."""
    none = zeros(x.shape, x.dtype, chunks=tile)
    both = concatenate([concatenate([none, adjoint(x)], 1), concatenate([x, none], 1)])
    values: Any = np.maximum(band.eigvalsh(both, tile)[: len(x) - 1 : -1], 0)
    return values  # type: ignore[no-any-return]


def _square(x: Matrix, tile: int, most: int, vectors: bool) -> Triple:
    given, power = scaled(x, WHAT, "SVD did not converge")
    x, size, found = spectrum(lambda v: matmul(adjoint(given), matmul(given, v)), given, norm(given), WHAT)
    n = len(x)
    one, eps = eye(n, dtype=x.dtype, chunks=tile), float(np.finfo(x.dtype).eps)
    if not size:
        return Triple(one, zeros(n, dtype=x.real.dtype), one)
    start: Any = x / (1.1 * found.size**0.5)
    factor = polar(start, tile, WHAT, n * eps)
    product: Any = adjoint(factor.u) @ x
    h: Any = tiled((product + adjoint(product)) / 2, tile)
    values, right = parts(h, tile, most, vectors)
    if right is None:
        s: Any = np.maximum(values[::-1], 0)
        return Triple(None, s * power, None)
    v: Any = right[:, ::-1]
    images = tiled(x @ v, tile)
    # Where singular values are as good as 0 the factor is no isometry; the columns of A V then are the rows of
    # a triangle that is diagonal but for rounding errors.
    u = factor.u @ v if factor.error <= n * eps else _turned(images, tile)
    return Triple(u, _quotients(u, images, v) * power, adjoint(v))


def _quotients(u: Matrix, images: Matrix, v: Matrix) -> Matrix:
    """The singular values with which U and V are nearest to A, whose `images` A V are: those of H have its errors, and
    the columns' norms are 1 but for theirs."""
    along: Any = vecdot(u, images, axis=0).real
    size: Any = vecdot(u, u, axis=0).real * vecdot(v, v, axis=0).real  # type: ignore[operator]
    return sort(np.maximum(along / size, 0), descending=True)


def _turned(x: Array, tile: int) -> Matrix:
    """The orthonormal columns along those of a matrix, which are orthogonal but for rounding errors."""
    made = tiled_qr(x, tile)
    middle: Any = diagonal(made.r)
    size: Any = np.abs(middle)
    q: Any = made.q(len(x))
    return q * where(size > 0, middle / where(size > 0, size, 1), 1).astype(x.dtype)
