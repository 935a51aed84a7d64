"""`x[key]` for every key that NumPy takes, and the functions that take elements by index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import View, sliced
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import axis_of
from .counting import unraveled
from .creation import asarray, zeros
from .elementwise import clip
from .gathering import gather, most_points
from .keys import parse, within
from .manipulation import broadcast_to, moveaxis, reshape
from .stages import In, Out, Stage, at_most, lines


def getitem(x: Array, key: Any) -> Array:
    """`x[key]`: a view for slices, integers, `...` and `None`, else a gathering; IndexError as NumPy's.

    A mask is counted now, so that the shape is known; the elements are taken when the result is computed.

    >>> import lambdarray as la
    >>> x = la.arange(6).reshape(2, 3)
    >>> x[1, [2, 0]].compute(), x[x > 3].compute()
    (array([5, 3]), array([4, 5]))
    """
    found = parse(x.shape, key)
    seen = view(x, found.basic)
    if not found.joint:
        return seen
    axes = [axis for axis, _ in found.joint]
    if found.mask is not None:
        from .counting import chosen

        return moveaxis(chosen(seen, found.mask, axes[0]), axes[0], found.at)
    return gather(seen, axes, [index for _, index in found.joint], found.at)


def view(x: Array, entries: Any) -> Array:
    """What slices, integers from 0 and new axes make of an array, one entry for each axis."""
    maps: list[AxisMap] = []
    axes: list[Cuts] = []
    for entry in entries:
        if entry is None:
            axes.append(Cuts(1, 1))
            continue
        d = len(maps)
        if isinstance(entry, slice):
            start, stop, step = entry.indices(x.shape[d])
            size = len(range(start, stop, step))
            maps.append(AxisMap(len(axes), start if size else 0, step if size else 1))
            axes.append(sliced(x._op.tiling.axes[d], start, step, size))
        else:
            maps.append(AxisMap(-1, entry))
    if len(axes) == x.ndim and maps == [AxisMap(d) for d in range(x.ndim)] and tuple(c.size for c in axes) == x.shape:
        return Array(x._op)
    return Array(View((x._op,), Tiling(tuple(axes)), x.dtype, maps=tuple(maps)))


def integers(index: Any, casting: Any = "same_kind") -> Any:
    """An index as an array of integers, ours or NumPy's; TypeError for an array of what is none."""
    if not isinstance(index, Array | np.ndarray | np.generic):
        return np.asarray(index, np.intp)  # numbers in a list are cut off, as NumPy does
    if not np.can_cast(index.dtype, np.intp, casting):
        raise TypeError(
            f"Cannot cast array data from {index.dtype!r} to dtype('int64') according to the rule '{casting}'"
        )
    return index.astype(np.intp)


def in_mode(index: Any, size: int, mode: str) -> Any:
    """An index into an axis of `size` as `mode` has it: "raise", "wrap" or "clip"."""
    if mode not in ("raise", "wrap", "clip"):
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    if mode == "wrap":
        return index % max(size, 1)
    if mode == "clip":
        return clip(index, 0, max(size - 1, 0)) if isinstance(index, Array) else index.clip(0, max(size - 1, 0))
    return index


def take(a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Array:
    """The elements at `indices` along an axis, or of the flattened array; `mode` is for those out of range.

    >>> import lambdarray as la
    >>> la.take(la.arange(6).reshape(2, 3), [2, 0], axis=1).compute()
    array([[2, 0],
           [5, 3]])
    """
    x, index = asarray(a), integers(indices)
    at = None if axis is None else axis_of(axis, x.ndim)
    size = x.size if at is None else x.shape[at]
    index = in_mode(index, size, mode)
    shape = index.shape if at is None else (*x.shape[:at], *index.shape, *x.shape[at + 1 :])
    if 0 in shape:  # where nothing is taken NumPy does not look at the index
        return zeros(shape, x.dtype)
    if not size:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    taken: Array = x[(*(slice(None),) * at, index)] if at is not None else flat(x, index)
    return taken


def flat(x: Array, index: Any) -> Array:
    """The elements at these places of the flattened array."""
    x = x if x.ndim else reshape(x, (1,))
    return getitem(x, unraveled(within(index, x.size, 0), x.shape))


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Array:
    """Along an axis the elements that `indices`, which has as many axes, points to: for each line its own.

    >>> import lambdarray as la
    >>> x = la.asarray([[3, 1, 2], [4, 6, 5]])
    >>> la.take_along_axis(x, la.argmin(x, axis=1, keepdims=True), axis=1).compute()
    array([[1],
           [4]])
    """
    x, index, at = along(arr, indices, axis)
    if at is None:
        return flat(x, index)
    kept = tuple(1 if d == at else n for d, n in enumerate(x.shape))
    shape = list(_broadcast(kept, tuple(1 if d == at else n for d, n in enumerate(index.shape))))
    x = broadcast_to(x, [x.shape[d] if d == at else n for d, n in enumerate(shape)])
    shape[at] = index.shape[at]
    index = broadcast_to(index, shape)
    if not index.size:
        return zeros(shape, x.dtype)
    grid = lines(x, ())
    loop, grid[at] = grid[at], at_most(index._op.tiling.axes[at], most_points(x, at, 1))
    stage = Stage("take along axis", [*grid, loop], x.ndim)
    stage.extra_bytes = math.prod(c.max_chunk for c in grid) * (8 * (x.ndim + 2) + x.itemsize)
    stage.call("gather", ("y",), ("r0", "r1"), loop=True, at=[x.ndim], axis=at, along=True)
    maps = [x.ndim if d == at else d for d in range(x.ndim)]
    return stage.make([In(x, maps), In(index, range(x.ndim))], Out("y", range(x.ndim), x.dtype))


def along(arr: Any, indices: Any, axis: int | None) -> tuple[Array, Any, int | None]:
    """The array, the index and the axis of `take_along_axis` and its like; None for the flattened array."""
    x, index = asarray(arr), indices if isinstance(indices, Array) else np.asarray(indices)
    if index.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if axis is None:
        if index.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        return x, index, None
    at = axis_of(axis, x.ndim)
    if index.ndim != x.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    same = [d != at and n == x.shape[d] for d, n in enumerate(index.shape)]
    chunks = tuple(c if s else "auto" for c, s in zip(x.chunks, same, strict=True))
    return x, asarray(within(index, x.shape[at], at), chunks=chunks), at


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise IndexError(f"shape mismatch: indexing arrays could not be broadcast together: {error}") from None
