"""Arrays turned, rolled, repeated and stretched."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.exceptions import AxisError

from .array import Array
from .axes import axis_of
from .creation import asarray, zeros
from .manipulation import broadcast_to, concat, flip, moveaxis, ravel, reshape, swapaxes

# Up to so many copies are joined as they are read; more are one broadcast axis, so that a plan stays short.
JOINED = 16


def roll(a: Any, shift: Any, axis: Any = None) -> Array:
    """Elements moved along axes by `shift` places, those from the end to the beginning; flattened where axis is None.

    >>> import lambdarray as la
    >>> la.roll(la.arange(5), 2).compute()
    array([3, 4, 0, 1, 2])
    """
    x = asarray(a)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    moves = np.broadcast(shift, axis)
    if moves.ndim > 1:
        raise ValueError(f"'shift' and 'axis' should be scalars or 1D sequences, not {shift!r} and {axis!r}")
    shifts = dict.fromkeys(range(x.ndim), 0)
    for n, d in moves:
        shifts[axis_of(d, x.ndim)] += int(n)
    for d, n in shifts.items():
        x = _rolled(x, n % (x.shape[d] or 1), d)
    return x


def _rolled(x: Array, shift: int, axis: int) -> Array:
    if not shift:
        return x
    lead = (slice(None),) * axis
    return concat([x[(*lead, slice(-shift, None))], x[(*lead, slice(None, -shift))]], axis)


def rollaxis(a: Any, axis: int, start: int = 0) -> Array:
    """One axis moved back to stand before `start`; `moveaxis` says the same more plainly."""
    x = asarray(a)
    source = axis_of(axis, x.ndim)
    target = start + x.ndim if start < 0 else start
    if not 0 <= target <= x.ndim:
        raise AxisError(f"'start' arg requires {-x.ndim} <= start < {x.ndim + 1}, but {start} was passed in")
    return moveaxis(x, source, target - (source < target))


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Turned by 90 degrees `k` times, from the first of two axes towards the second."""
    x, turned = asarray(m), tuple(axes)
    if len(turned) != 2:
        raise ValueError(f"len(axes) must be 2: {axes!r}")
    if any(not -x.ndim <= d < x.ndim for d in turned):
        raise ValueError(f"Axes={axes} out of range for array of ndim={x.ndim}.")
    first, second = (axis_of(d, x.ndim) for d in turned)
    if first == second:
        raise ValueError(f"Axes must be different: {axes}")
    if k % 4 in (1, 2):
        x = flip(x, second)
    if k % 4 in (2, 3):
        x = flip(x, first)
    return swapaxes(x, first, second) if k % 2 else x


def fliplr(m: Any) -> Array:
    """Columns in reverse order."""
    x = asarray(m)
    if x.ndim < 2:
        raise ValueError(f"Input must be >= 2-d, not {x.shape}")
    return flip(x, 1)


def flipud(m: Any) -> Array:
    """Rows in reverse order."""
    x = asarray(m)
    if x.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(x, 0)


def tile(A: Any, reps: Any) -> Array:
    """Copies of an array side by side: `reps` of them along each axis.

    >>> import lambdarray as la
    >>> la.tile(la.arange(2), (2, 2)).compute()
    array([[0, 1, 0, 1],
           [0, 1, 0, 1]])
    """
    x = asarray(A)
    counts = tuple(int(n) for n in reps) if hasattr(reps, "__len__") else (int(reps),)
    x = reshape(x, (1,) * (len(counts) - x.ndim) + x.shape)
    for d, n in enumerate((1,) * (x.ndim - len(counts)) + counts):
        x = copies(x, n, d)
    return x


def copies(x: Array, count: int, axis: int) -> Array:
    """`x` so many times, one after the other along an axis."""
    if count < 0:
        raise ValueError(f"negative dimensions are not allowed: {count} copies")
    if 0 < count <= JOINED:
        return concat([x] * count, axis)
    new = (slice(None),) * axis + (None,)
    shape = (*x.shape[:axis], count, *x.shape[axis:])
    return _merged(broadcast_to(x[new], shape), axis)


def _merged(x: Array, axis: int) -> Array:
    """An axis and the next made one."""
    return reshape(x, (*x.shape[:axis], x.shape[axis] * x.shape[axis + 1], *x.shape[axis + 2 :]))


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Array:
    """Each element, or each part along an axis, `repeats` times."""
    x = asarray(a)
    if np.size(repeats) != 1 or np.ndim(repeats) > 1:
        raise ValueError(f"repeats={repeats!r} must be one integer")
    count = int(np.reshape(repeats, ())[()])
    x, d = (ravel(x), 0) if axis is None else (x, axis_of(axis, x.ndim)) if x.ndim else (x[None], axis_of(axis, 1))
    if count < 0 and x.shape[d]:
        raise ValueError(f"negative dimensions are not allowed: repeats={count}")
    new = x[(slice(None),) * (d + 1) + (None,)]
    return _merged(broadcast_to(new, (*x.shape[: d + 1], max(count, 0), *x.shape[d + 1 :])), d)


def resize(a: Any, new_shape: Any) -> Array:
    """The elements in C order, again and again, as far as `new_shape` has room; zeros where there are none."""
    x = asarray(a)
    shape = (int(new_shape),) if isinstance(new_shape, int | np.integer) else tuple(int(n) for n in new_shape)
    if any(n < 0 for n in shape):
        raise ValueError(f"all elements of `new_shape` must be non-negative: {shape}")
    size = math.prod(shape)
    if not x.size or not size:
        return zeros(shape, x.dtype)
    return reshape(copies(ravel(x), -(-size // x.size), 0)[:size], shape)
