"""Axis arguments as NumPy takes them."""

from __future__ import annotations

from typing import Any

from numpy.exceptions import AxisError


def axis_of(axis: Any, ndim: int) -> int:
    """One axis as a number from 0; AxisError where it is out of range, TypeError where it is no integer."""
    try:
        n = int(axis.__index__())
    except AttributeError:
        raise TypeError(f"an axis must be an integer, not {axis!r}") from None
    if not -ndim <= n < ndim:
        raise AxisError(n, ndim)
    return n % ndim if ndim else n


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes, in order: all for None; ValueError for one that is named twice."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, tuple | list):
        return (axis_of(axis, ndim),)
    out = tuple(axis_of(a, ndim) for a in axis)
    if len(set(out)) != len(out):
        raise ValueError("duplicate value in 'axis'")
    return tuple(sorted(out))


def reduced_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes of a reduction: of a 0-d array NumPy also takes 0 and -1, which name none."""
    return () if ndim == 0 and axis in (0, -1) and not isinstance(axis, bool) else axes_of(axis, ndim)
