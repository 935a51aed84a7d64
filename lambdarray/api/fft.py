"""Discrete Fourier transforms, with numpy.fft's names, along axes of any length and chunks."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import arange, asarray
from .elementwise import where
from .folds import refuse_out
from .shaping import roll
from .transforms import transform


def _one(kind: str, a: Any, n: Any, axis: int, norm: str | None, out: None) -> Array:
    refuse_out(out, kind)
    return transform(a, [(kind, n, axis)], norm)


def fft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The transform along an axis, cut or filled with zeros to `n` elements first.

    >>> import lambdarray as la
    >>> la.fft.fft(la.asarray([1.0, 2.0])).compute()
    array([ 3.+0.j, -1.+0.j])
    """
    return _one("fft", a, n, axis, norm, out)


def ifft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The inverse of `fft`."""
    return _one("ifft", a, n, axis, norm, out)


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The transform of real elements: the first n // 2 + 1, of which the others are conjugates.

    >>> import lambdarray as la
    >>> la.fft.rfft(la.arange(4.0)).compute()
    array([ 6.+0.j, -2.+2.j, -2.+0.j])
    """
    return _one("rfft", a, n, axis, norm, out)


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The inverse of `rfft`: `n` real elements, by default an even number."""
    return _one("irfft", a, n, axis, norm, out)


def hfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The transform of a Hermitian line, of which the first half is given: `n` real elements."""
    return _one("hfft", a, n, axis, norm, out)


def ihfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: None = None) -> Array:
    """The inverse of `hfft`."""
    return _one("ihfft", a, n, axis, norm, out)


def fftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Array:
    """The transform along several axes, all by default, cut or filled with zeros to the lengths `s`."""
    return transform(a, _turns("fft", "fft", a, s, axes, out)[::-1], norm)


def ifftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Array:
    """The inverse of `fftn`."""
    return transform(a, _turns("ifft", "ifft", a, s, axes, out)[::-1], norm)


def rfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Array:
    """As `fftn` of real elements: half of them along the last of the axes."""
    return transform(a, _turns("rfft", "fft", a, s, axes, out)[::-1], norm)


def irfftn(a: Any, s: Any = None, axes: Any = None, norm: str | None = None, out: None = None) -> Array:
    """The inverse of `rfftn`."""
    return transform(a, _turns("irfft", "ifft", a, s, axes, out), norm)


def fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Array:
    """The transform along two axes.

    >>> import lambdarray as la
    >>> la.fft.fft2(la.ones((2, 2))).real.compute()
    array([[4., 0.],
           [0., 0.]])
    """
    return fftn(a, s, axes, norm, out)


def ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Array:
    """The inverse of `fft2`."""
    return ifftn(a, s, axes, norm, out)


def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Array:
    """As `fft2` of real elements: half of them along the last of the axes."""
    return rfftn(a, s, axes, norm, out)


def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: None = None) -> Array:
    """The inverse of `rfft2`."""
    return irfftn(a, s, axes, norm, out)


def _turns(last: str, others: str, a: Any, s: Any, axes: Any, out: None) -> list[tuple[str, Any, int]]:
    """For each axis, in order, its transform and how long that is: by default what `a` has there."""
    refuse_out(out, f"{last}n")
    shape = a.shape if isinstance(a, Array) else np.shape(a)
    if axes is None:
        axes = range(len(shape)) if s is None else range(-len(s), 0)
    axes = list(axes)
    if s is not None and len(s) != len(axes):
        raise ValueError(f"Shape and axes have different lengths: {tuple(s)} and {tuple(axes)}.")
    if not axes and last != others:
        raise IndexError(f"{last}n takes at least one axis")
    own = [shape[axis_of(d, len(shape))] for d in axes]
    lengths = own if s is None else [n if m == -1 else m for n, m in zip(own, s, strict=True)]
    if s is None and last == "irfft":
        lengths[-1] = 2 * (lengths[-1] - 1)
    kinds = [others] * (len(axes) - 1) + [last]
    return list(zip(kinds, lengths, axes, strict=False))


def fftfreq(n: int, d: float = 1.0, device: Any = None, *, dtype: Any = None, chunks: Any = "auto") -> Array:
    """The frequencies of the elements of `fft`, in cycles for a unit of the sample spacing `d`.

    >>> import lambdarray as la
    >>> la.fft.fftfreq(4).compute()
    array([ 0.  ,  0.25, -0.5 , -0.25])
    """
    index, size = _counted(n, lambda n: n, device, chunks), operator.index(n)
    return _frequencies(where(index <= (size - 1) // 2, index, index - size), size, d, dtype)  # type: ignore[operator]


def rfftfreq(n: int, d: float = 1.0, device: Any = None, *, dtype: Any = None, chunks: Any = "auto") -> Array:
    """The frequencies of the elements of `rfft`, in cycles for a unit of the sample spacing `d`."""
    return _frequencies(_counted(n, lambda n: n // 2 + 1, device, chunks), n, d, dtype)


def _counted(n: Any, count: Any, device: Any, chunks: Any) -> Array:
    if not isinstance(n, int | np.integer):
        raise ValueError(f"n should be an integer, not {n!r}")
    return arange(count(int(n)), device=device, chunks=chunks)


def _frequencies(index: Array, n: int, d: Any, dtype: Any) -> Array:
    made: Any = index * (1.0 / (n * d))  # type: ignore[operator]
    return made if dtype is None else made.astype(dtype)  # type: ignore[no-any-return]


def fftshift(x: Any, axes: Any = None) -> Array:
    """The element of frequency 0 moved to the middle, along all axes or these.

    >>> import lambdarray as la
    >>> la.fft.fftshift(la.arange(5)).compute()
    array([3, 4, 0, 1, 2])
    """
    return _shifted(x, axes, lambda n: n // 2)


def ifftshift(x: Any, axes: Any = None) -> Array:
    """The inverse of `fftshift`."""
    return _shifted(x, axes, lambda n: -(n // 2))


def _shifted(x: Any, axes: Any, by: Any) -> Array:
    x = asarray(x)
    chosen = range(x.ndim) if axes is None else axes if isinstance(axes, tuple | list) else [axes]
    moved = [axis_of(d, x.ndim) for d in chosen]
    return roll(x, [by(x.shape[d]) for d in moved], moved) if moved else x


__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]
