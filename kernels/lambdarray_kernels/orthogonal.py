"""Householder's QR of tall tiles as products: Q = I - V T V^H, and blocks of rows folded to one triangle.

A block is cut into leaves that fit the cache. Each is factorised, then their triangles, stacked, in the same way
(J. Demmel et al., "Communication-optimal parallel and sequential QR and LU factorizations", 2012).
All that a block leaves is one flat array: R, then V and T of each leaf, level by level, each in column-major order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from .fortran import lapack
from .registry import Shape, kernel, memory
from .triangular import trsm

Array = np.ndarray[Any, Any]

# Leaves of so many bytes stay in the cache of a core while LAPACK goes over their columns.
LEAF_BYTES = 512 << 10


def leaves(rows: int, n: int, itemsize: int) -> list[list[tuple[int, int]]]:
    """For each level, the first one first, the rows of its leaves.

    >>> leaves(2500, 64, 8)
    [[(0, 1024), (1024, 2048), (2048, 2500)], [(0, 192)]]
    """
    longest = max(4 * n, LEAF_BYTES // (n * itemsize))
    levels = [[(lo, min(lo + longest, rows)) for lo in range(0, rows, longest)]]
    while len(levels[-1]) > 1:
        levels += leaves(len(levels[-1]) * n, n, itemsize)
    return levels


def _heights(rows: int, n: int, itemsize: int = 8) -> list[int]:
    """The rows of all leaves, of all levels, with zeros up to a square.

    >>> _heights(2500, 64)
    [1024, 1024, 452, 192]
    """
    return [max(hi - lo, n) for level in leaves(rows, n, itemsize) for lo, hi in level]


def packed_size(rows: int, n: int, itemsize: int) -> int:
    """The elements of what `reflect` makes of so many rows.

    >>> packed_size(1000, 64, 8) == 64 * 64 + 1000 * 64 + 64 * 64
    True
    """
    return n * n + sum((height + n) * n for height in _heights(rows, n, itemsize))


def _flops(rows: int, n: int, others: int = 0) -> int:
    """What a block takes: R, V and T of each leaf, and what these make of its other columns; leaves are as of float64.

    R and V take 2 h n^2 - 2 n^3 / 3 (LAPACK's geqrf), T another h n^2 - n^3 / 3.
    """
    return sum(n * n * (3 * h - n) + n * others * (4 * h + n) for h in _heights(rows, n))


def _reflect_flops(a: Shape, *, columns: int, **_: Any) -> int:
    return _flops(math.prod(a) // columns, columns)


def _unfold_flops(_packed: Shape, top: Shape, *, block: Sequence[tuple[int, int]], columns: int, **_: Any) -> int:
    """For each leaf, those of the first rows of V^H, of T and of V."""
    (first, last), n = block[0], columns
    return sum(2 * n * top[-1] * (h + 2 * n) for h in _heights(last - first, n))


def _fold_flops(a: Shape, *_: Any, columns: int, **__: Any) -> int:
    return _flops(math.prod(a) // max(a[-1], 1), columns, a[-1] - columns)


@kernel(flops=_reflect_flops, uses_blas=True, takes_out=True)
def reflect(a: Array, *, columns: int, size: int, out: Array | None = None) -> Array:
    """QR of a block as one row of `size`: R, then V and T of each leaf.

    `a` is a matrix of so many columns, or has one in each of its rows.

    >>> packed = reflect(np.array([[3.0], [4.0]]), columns=1, size=4)
    >>> packed[0, 0]
    np.float64(-5.0)
    """
    n, rest = columns, a.reshape(-1, columns)
    packed, upper = memory(out, (1, size), a.dtype), _upper(n)
    room, identity = np.empty(0, a.dtype), np.eye(n, dtype=a.dtype)
    at = n * n
    for level in leaves(len(rest), n, a.itemsize):
        triangles = np.zeros((len(level), n, n), a.dtype)
        for triangle, (lo, hi) in zip(triangles, level, strict=True):
            # LAPACK goes over memory that stays in the cache, which the packed reflectors do not.
            room, leaf = _loaded(room, [rest], lo, hi, n)
            v, t, at = _leaf(packed[0], at, len(leaf), n)
            t[...] = 0
            if len(leaf) > 1:  # one row is R: what LAPACK makes of it is real, where it was complex, and rounded twice
                _geqrt(leaf, t)
            np.copyto(triangle, leaf[:n], where=upper)
            np.copyto(leaf[:n], identity, where=upper)
            v[...] = leaf
        rest = triangles.reshape(-1, n)
    packed[0, : n * n], packed[0, at:] = rest.ravel(), 0
    return packed


@kernel(flops=_unfold_flops, uses_blas=True, needs_block=True, takes_out=True)
def unfold(
    packed: Array,
    top: Array,
    *,
    block: Sequence[tuple[int, int]],
    shape: Sequence[int],
    columns: int,
    out: Array | None = None,
) -> Array:
    """The rows of Q times `top`, for a block that `reflect` has packed; `columns` matrices stand below one another.

    >>> packed = reflect(np.array([[3.0], [4.0]]), columns=1, size=4)
    >>> unfold(packed, np.eye(1), block=[(0, 2)], shape=[2], columns=1).round(3)
    array([[-0.6],
           [-0.8]])
    """
    n, k, (first, last) = columns, top.shape[1], block[0]
    levels = leaves(last - first, n, packed.itemsize)
    starts = np.cumsum([n * n, *(sum((max(hi - lo, n) + n) * n for lo, hi in level) for level in levels)]).tolist()
    for number in reversed(range(len(levels))):
        rows, at = levels[number][-1][1], starts[number]
        made = memory(out if number == 0 else None, (rows, k), packed.dtype)
        for place, (lo, hi) in enumerate(levels[number]):
            v, t, at = _leaf(packed[0], at, max(hi - lo, n), n)
            piece = top[place * n : (place + 1) * n]
            np.matmul(v[: hi - lo], -(t @ (v[:n].conj().T @ piece)), out=made[lo:hi])
            made[lo : min(lo + n, hi)] += piece[: hi - lo]
        top = made
    return top


@kernel(flops=_fold_flops, uses_blas=True)
def fold(a: Array, *carried: Array, columns: int) -> tuple[Array, Array]:
    """R of a block's first columns with Q^H times the others, and the sums of squares of what is left of those.

    >>> r, left = fold(np.array([[3.0], [4.0]]), np.array([[1.0], [0.0]]), columns=1)
    >>> r.round(3), left.round(3)
    (array([[-5. , -0.6]]), array([[0.64]]))
    """
    parts = [a, *carried]
    n, width = columns, sum(part.shape[1] for part in parts)
    left, upper, room = np.zeros((1, width - n), a.real.dtype), _upper(n), np.empty(0, a.dtype)
    for level in leaves(len(a), n, a.itemsize):
        a = np.zeros((len(level) * n, width), a.dtype)
        for place, (lo, hi) in enumerate(level):
            room, leaf = _loaded(room, parts, lo, hi, n)
            left += _transform(leaf, n)
            top = a[place * n : (place + 1) * n]
            np.copyto(top[:, :n], leaf[:n, :n], where=upper)
            top[:, n:] = leaf[:n, n:]
        parts = [a]
    return parts[0], left


def _transform(leaf: Array, n: int) -> Array:
    """Make a leaf [R, Q^H b] in place in its first rows; the sums of squares below the latter are returned."""
    v, rest = leaf[:, :n], leaf[:, n:]
    t = np.empty((n, n), leaf.dtype, order="F")
    _geqrt(v, t)
    m, k = rest.shape
    if k:
        adjoint, work = "C" if leaf.dtype.kind == "c" else "T", np.empty(n * k, leaf.dtype)
        lapack("gemqrt", leaf.dtype, "L", adjoint, m, k, n, n, v, m, t, n, rest, m, work)
    sums: Array = np.square(np.abs(rest[n:])).sum(axis=0)
    return sums


def _loaded(room: Array, parts: Sequence[Array], lo: int, hi: int, least: int) -> tuple[Array, Array]:
    """The rows from `lo` to `hi` of parts side by side, column-major, with zeros up to `least` rows; in `room`."""
    height, width = max(hi - lo, least), sum(part.shape[1] for part in parts)
    room = room if room.size >= height * width else np.empty(height * width, parts[0].dtype)
    leaf, at = room[: height * width].reshape(width, height).T, 0
    for part in parts:
        leaf[: hi - lo, at : at + part.shape[1]] = part[lo:hi]
        at += part.shape[1]
    leaf[hi - lo :] = 0
    return room, leaf


@cache
def _upper(n: int) -> Array:
    """Where an upper triangle is."""
    return np.tri(n, dtype=bool).T


@kernel(flops=lambda a, **_: 4 * a[0] * a[1] ** 2, uses_blas=True)
def wy(a: Array) -> Array:
    """R over Y over X of a tall matrix, with Q = I - X Y^H: Y are Householder's reflectors, X = Y T.

    >>> wy(np.array([[0.0], [2.0]]))
    array([[-2.],
           [ 1.],
           [ 1.],
           [ 1.],
           [ 1.]])
    """
    m, n = a.shape
    packed = np.empty((n + 2 * m, n), a.dtype)
    v, t = np.array(a, order="F"), np.empty((n, n), a.dtype, order="F")
    _geqrt(v, t)
    packed[:n] = np.triu(v[:n])
    v[:n] = np.tril(v[:n], -1) + np.eye(n, dtype=a.dtype)
    packed[n : n + m] = v
    np.matmul(v, np.triu(t), out=packed[n + m :])
    return packed


@kernel(flops=lambda q, r: q[0] ** 3, uses_blas=True)
def signed_lu(q: Array, r: Array) -> Array:
    """L and U of Q - S, in one square, over S R: the signs S make all pivots at least 1 in size.

    G. Ballard et al., "Reconstructing Householder vectors from tall-skinny QR", 2014.

    >>> signed_lu(np.array([[0.6]]), np.array([[2.0]]))
    array([[ 1.6],
           [-2. ]])
    """
    lu = np.array(q)
    _eliminate(lu)
    return np.concatenate([lu, _signs(lu)[:, None] * r])


@kernel(flops=lambda q, lu, **_: 2 * q[0] * q[1] ** 2, uses_blas=True, needs_block=True)
def reconstruct(q: Array, lu: Array, *, block: Sequence[tuple[int, int]], shape: Sequence[int]) -> tuple[Array, Array]:
    """A block of rows of Y and of X, of the orthogonal matrix that has Q S^H as its first columns.

    >>> lu = signed_lu(np.array([[0.6]]), np.array([[2.0]]))
    >>> y, x = reconstruct(np.array([[0.6], [0.8]]), lu[:1], block=[(0, 2)], shape=[2])
    >>> y.ravel(), x.ravel().round(3)
    (array([1. , 0.5]), array([1.6, 0.8]))
    """
    n, first = len(lu), block[0][0]
    signs, d = _signs(lu), np.array(q)
    on = np.arange(min(max(n - first, 0), len(q)))
    d[on, first + on] -= signs[first + on]
    y = trsm(lu, d, right=True, lower=False)
    # The zeros over the unit diagonal are exact.
    y[on] = (np.tril(lu, -1) + np.eye(n, dtype=lu.dtype))[first + on]
    return y, -trsm(lu, d * signs.conj(), right=True, trans="C", unit_diagonal=True)


def _signs(lu: Array) -> Array:
    """The signs that an elimination took, which are those of its pivots turned round."""
    pivots = np.diagonal(lu)
    signs: Array = -pivots / np.abs(pivots)
    return signs


def _eliminate(a: Array) -> None:
    """L and U of `a` minus its signs in place, by halves."""
    n = len(a)
    if n > 8:
        h = n // 2
        _eliminate(a[:h, :h])
        a[:h, h:] = trsm(a[:h, :h], a[:h, h:], unit_diagonal=True)
        a[h:, :h] = trsm(a[:h, :h], a[h:, :h], right=True, lower=False)
        a[h:, h:] -= a[h:, :h] @ a[:h, h:]
        return _eliminate(a[h:, h:])
    for i in range(n):
        size = abs(a[i, i])
        a[i, i] += a[i, i] / size if size else 1
        a[i + 1 :, i] /= a[i, i]
        a[i + 1 :, i + 1 :] -= np.outer(a[i + 1 :, i], a[i, i + 1 :])
    return None


def _geqrt(a: Array, t: Array) -> None:
    """Reflectors and R in place of a column-major matrix, and T."""
    m, n = a.shape
    if n:
        lapack("geqrt", a.dtype, m, n, n, a, m, t, n, np.empty(n * n, a.dtype))


def _leaf(packed: Array, at: int, height: int, n: int) -> tuple[Array, Array, int]:
    """V and T of a leaf, which begin at `at`, and where the next one does."""
    middle, end = at + height * n, at + (height + n) * n
    return packed[at:middle].reshape(n, height).T, packed[middle:end].reshape(n, n).T, end
