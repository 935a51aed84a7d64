"""Elements repeated, moved round and taken apart along axes, from views alone."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..ops import Shape
from .array import Array
from .axes import axis_of
from .creation import asarray
from .manipulation import broadcast_to, concat, expand_dims, moveaxis, ravel, reshape


def roll(x: Any, shift: Any, axis: Any = None) -> Array:
    """Elements moved along axes, those past the end to the front; of the flattened array where `axis` is None.

    >>> import lambdarray as la
    >>> la.roll(la.arange(5), 2).compute()
    array([3, 4, 0, 1, 2])
    """
    x = asarray(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    shifts, axes = np.broadcast_arrays(np.asarray(shift), np.asarray(axis))
    if shifts.ndim > 1:
        raise ValueError("'shift' and 'axis' should be scalars or 1D sequences")
    by = dict.fromkeys(range(x.ndim), 0)
    for n, a in zip(shifts.ravel(), axes.ravel(), strict=True):
        by[axis_of(a, x.ndim)] += int(n)
    out: Array = x
    for a, n in by.items():
        out = _rolled(out, n, a)
    return out


def _rolled(x: Array, shift: int, axis: int) -> Array:
    size = x.shape[axis]
    cut = -shift % size if size else 0
    return concat([part(x, axis, cut, None), part(x, axis, 0, cut)], axis) if cut else x


def part(x: Array, axis: int, start: int | None, stop: int | None) -> Array:
    """The elements from start to stop along an axis."""
    return x[(*[slice(None)] * axis, slice(start, stop))]


def tile(x: Any, reps: Any) -> Array:
    """The array repeated as a whole, `reps` times along each axis; missing axes are added in front.

    >>> import lambdarray as la
    >>> la.tile(la.arange(2), (2, 2)).compute()
    array([[0, 1, 0, 1],
           [0, 1, 0, 1]])
    """
    x = asarray(x)
    times = tuple(map(operator.index, reps)) if isinstance(reps, tuple | list | np.ndarray) else (operator.index(reps),)
    times = (1,) * (x.ndim - len(times)) + times
    x = reshape(x, (1,) * (len(times) - x.ndim) + x.shape)
    return _copies(x, times, 0)


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Array:
    """Each element `repeats` times in a row along an axis, or of the flattened array where it is None.

    >>> import lambdarray as la
    >>> la.repeat(la.arange(3), 2).compute()
    array([0, 0, 1, 1, 2, 2])
    """
    x = ravel(x) if axis is None else asarray(x)
    at = axis_of(0 if axis is None else axis, x.ndim)
    times = [1] * x.ndim
    times[at] = int(np.asarray(repeats).item())
    return _copies(x, tuple(times), 1)


def _copies(x: Array, times: Shape, after: int) -> Array:
    """Each axis `times` over: with `after` 0 the axis as a whole, with 1 each of its elements."""
    if any(n < 0 for n in times):
        raise ValueError(f"negative dimensions are not allowed: {times}")
    pairs = [(n, x.shape[d])[:: -1 if after else 1] for d, n in enumerate(times)]
    new = tuple(2 * d + after for d in range(x.ndim))
    spread = broadcast_to(expand_dims(x, new), tuple(n for pair in pairs for n in pair))
    return reshape(spread, tuple(math.prod(pair) for pair in pairs))


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The arrays that make up `x` along an axis, without that axis."""
    x = asarray(x)
    if not x.ndim:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(moveaxis(x, axis, 0))


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """Differences of neighbours along an axis, `n` times over; of booleans, whether they differ.

    >>> import lambdarray as la
    >>> la.diff(la.asarray([1, 4, 9])).compute()
    array([3, 5])
    """
    out: Array = asarray(x)
    if n == 0:
        return out
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if not out.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    at = axis_of(axis, out.ndim)
    before, after = ([] if v is None else [_edge(v, out, at)] for v in (prepend, append))
    out = concat([*before, out, *after], at)
    change: Any = np.not_equal if out.dtype == bool else np.subtract
    for _ in range(n):
        out = change(part(out, at, 1, None), part(out, at, None, -1))
    return out


def _edge(value: Any, x: Array, axis: int) -> Array:
    """What comes before or after: an array, or a number for each line along the axis."""
    edge = asarray(value)
    return edge if edge.ndim else broadcast_to(edge, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
