"""Fourier transforms: of lines that are whole in a tile by NumPy, and what longer lines need between those.

A line of n = n1 n2 elements, seen as a matrix of n1 rows, is transformed in four steps (D. H. Bailey, "FFTs in external
or hierarchical memory", J. Supercomputing 4, 1990): transform the columns; multiply element (j, k) by the root of unity
of exponent j k (`twiddle`); transform the rows; read the result by columns. Each step has whole lines of n1 or of n2.

Where n has no divisors near its root, the line becomes a convolution, whose length we choose (L. I. Bluestein, "A
linear filtering approach to the computation of discrete Fourier transform", IEEE Trans. Audio Electroacoustics 18,
1970): multiply by the `chirp`, fill up with zeros, convolve with the `chirp_filter`, and multiply the first n elements
by the `chirp`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]

KINDS = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
# Elements that are multiplied at a time: what is made for them stays in the cache.
PIECE = 1 << 14


def _fft_flops(x: Shape, *, kind: str = "fft", n: int | None = None, axis: int = -1, **_: Any) -> int:
    """The usual count 5 n log2 n of a complex line, half of it where one side is real."""
    whole = kind in ("irfft", "hfft")
    length = n or (2 * (x[axis] - 1) if whole else x[axis])
    lines = math.prod(x) // max(x[axis], 1)
    count = int(5 * length * math.log2(max(length, 1))) * lines
    return count if kind in ("fft", "ifft") else count // 2


@kernel(flops=_fft_flops)
def fft(x: Array, *, kind: str = "fft", n: int | None = None, axis: int = -1, norm: str | None = None) -> Array:
    """`numpy.fft`'s function `kind` along one axis; those over several axes are its repetition.

    >>> fft(np.array([1, 2], "f4"))
    array([ 3.+0.j, -1.+0.j], dtype=complex64)
    """
    if kind not in KINDS:
        raise ValueError(f"no transform {kind!r} along one axis; there are {', '.join(KINDS)}")
    return np.asarray(getattr(np.fft, kind)(x, n, axis, norm))


def split_length(n: int) -> tuple[int, int]:
    """The two factors of n that are nearest to its root, the smaller one first.

    >>> split_length(2**27), split_length(360), split_length(97)
    ((8192, 16384), (18, 20), (1, 97))
    """
    candidates = np.arange(1, math.isqrt(n) + 1)
    first = int(candidates[n % candidates == 0][-1])
    return first, n // first


def convolution_length(n: int) -> int:
    """The power of two that a convolution needs for a transform of n elements by `chirp`.

    >>> convolution_length(97)
    256
    """
    return 1 << (2 * n - 2).bit_length()


def roots(exponent: Array, n: int, inverse: bool = False) -> Array:
    """exp(-2 pi i e / n) for integers e, to the last bit but one; the conjugate where `inverse`.

    >>> roots(np.array([0, 1, 2, 9]), 4)
    array([ 1.+0.j,  0.-1.j, -1.+0.j,  0.-1.j])
    """
    turned = exponent if inverse else -exponent
    reduced = turned - turned // n * n
    # The nearest quarter of a turn, and the rest, which is at most an eighth and exact until it is divided.
    quarter = (8 * reduced + n) // (2 * n)
    rest = (4 * reduced - quarter * n) / n * (math.pi / 2)
    out = np.empty(rest.shape, np.complex128)
    out.real, out.imag = np.cos(rest), np.sin(rest)
    out *= np.array([1, 1j, -1, -1j])[quarter & 3]
    return out


def _twiddle_flops(x: Shape, **_: Any) -> int:
    """Two complex products for each element."""
    return 12 * math.prod(x)


@kernel(flops=_twiddle_flops, needs_block=True)
def twiddle(
    x: Array, *, block: Sequence[Span], shape: Sequence[int], axes: Sequence[int] = (0, 1), inverse: bool = False
) -> Array:
    """A tile of a matrix of n1 by n2 in the plane of two axes, element (j, k) times exp(-2 pi i j k / (n1 n2)).

    >>> twiddle(np.ones((1, 2)), block=[(1, 2), (1, 3)], shape=[2, 4]).round(3)
    array([[0.707-0.707j, 0.   -1.j   ]])
    """
    out = np.empty(x.shape, np.result_type(x.dtype, np.complex64))
    source, target = (np.moveaxis(y, axes, (-2, -1)) for y in (x, out))
    (lo, hi), columns = block[axes[0]], block[axes[1]]
    step = max(1, PIECE // max(columns[1] - columns[0], 1))
    for start in range(lo, hi, step):
        rows = (start, min(start + step, hi))
        factors = _factors(rows, columns, shape[axes[0]] * shape[axes[1]], inverse)
        part = (..., slice(rows[0] - lo, rows[1] - lo), slice(None))
        np.multiply(source[part], factors.astype(out.dtype, copy=False), out=target[part])
    return out


def _factors(rows: Span, columns: Span, n: int, inverse: bool) -> Array:
    """The roots of exponents j k, from two tables a row: columns are counted as h s + l.

    Their product is as good as each to a bit, and takes a fraction of the time of a sine and a cosine.
    """
    j, count = np.arange(*rows)[:, None], columns[1] - columns[0]
    # Longer than the root, since the product's inner loop runs along it.
    s = 1 << (count.bit_length() // 2 + 2)
    low = roots(j * np.arange(s), n, inverse)
    high = roots(j * np.arange(*columns, s), n, inverse)
    return (high[:, :, None] * low[:, None, :]).reshape(j.size, high.shape[1] * s)[:, :count]


@kernel(flops=_twiddle_flops, needs_block=True)
def chirp(x: Array, *, block: Sequence[Span], shape: Sequence[int], axis: int = 0, inverse: bool = False) -> Array:
    """A tile of a line of n elements, element j times exp(-pi i j^2 / n).

    >>> chirp(np.ones(2), block=[(1, 3)], shape=[4]).round(3)
    array([ 0.707-0.707j, -1.   +0.j   ])
    """
    axis %= x.ndim
    out = np.empty(x.shape, np.result_type(x.dtype, np.complex64))
    factors = _chirp(*block[axis], shape[axis], inverse).astype(out.dtype, copy=False)
    np.multiply(x, factors.reshape([-1 if d == axis else 1 for d in range(x.ndim)]), out=out)
    return out


@kernel(flops=lambda *_, block, **__: 12 * (block[0][1] - block[0][0]), needs_block=True)
def chirp_filter(
    *, block: Sequence[Span], shape: Sequence[int], n: int, inverse: bool = False, dtype: str = "<c16"
) -> Array:
    """The elements `block` of what the chirped line is convolved with: exp(pi i j^2 / n) for -n < j < n.

    It is periodic with the length of the convolution, `shape`: j = -1 is its last element. Between those it is 0.

    >>> chirp_filter(block=[(6, 9)], shape=[9], n=3).round(3)
    array([ 0. +0.j   , -0.5-0.866j,  0.5+0.866j])
    """
    (lo, hi), length = block[0], shape[0]
    out = np.zeros(hi - lo, dtype)
    if lo < n:
        out[: n - lo] = _chirp(lo, min(hi, n), n, not inverse)
    if hi > (first := max(lo, length - n + 1)):
        out[first - lo :] = _chirp(length - hi + 1, length - first + 1, n, not inverse)[::-1]
    return out


def _chirp(lo: int, hi: int, n: int, inverse: bool) -> Array:
    """The roots of exponents j^2 / 2 for lo <= j < hi, whatever their size."""
    parts = [np.empty(0, np.complex128)]
    for start in range(lo, hi, PIECE):
        # From the start's square, which may have more than 64 bits, by steps that have not.
        i = np.arange(min(PIECE, hi - start))
        square = start * start % (2 * n) + 2 * start % (2 * n) * i + i * i
        parts.append(roots(square, 2 * n, inverse))
    return np.concatenate(parts)
