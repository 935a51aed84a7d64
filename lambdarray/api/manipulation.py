"""Axes permuted, added, dropped, joined and cut anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import Concat, Op, Rechunk, Reshape, Shape, View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import axes_of, axis_of
from .chunks import tiling_for
from .creation import asarray

# The longest row of a reshape that a block may have to hold whole.
MOST_ROW_BYTES = 256 << 20


def permute_dims(x: Any, axes: Any = None) -> Array:
    """Axes in another order; reversed where None. ValueError where `axes` is not a permutation."""
    x = asarray(x)
    order = tuple(reversed(range(x.ndim))) if axes is None else tuple(axis_of(a, x.ndim) for a in axes)
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"axes don't match array: {axes} is not a permutation of the {x.ndim} axes")
    if order == tuple(range(x.ndim)):
        return Array(x._op)
    maps = tuple(AxisMap(order.index(d)) for d in range(x.ndim))
    return Array(View((x._op,), Tiling(tuple(x._op.tiling.axes[d] for d in order)), x.dtype, maps=maps))


def transpose(x: Any, axes: Any = None) -> Array:
    """As `permute_dims`."""
    return permute_dims(x, axes)


def matrix_transpose(x: Any) -> Array:
    """The last two axes swapped."""
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError(f"matrix transpose with ndim < 2 is undefined: shape {x.shape}")
    return swapaxes(x, -1, -2)


def swapaxes(x: Any, axis1: int, axis2: int) -> Array:
    """Two axes exchanged."""
    x = asarray(x)
    order = list(range(x.ndim))
    a, b = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    order[a], order[b] = order[b], order[a]
    return permute_dims(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Array:
    """Axes moved to new places, the others in their order."""
    x = asarray(x)
    sources = [axis_of(a, x.ndim) for a in (source if isinstance(source, Sequence) else [source])]
    targets = [axis_of(a, x.ndim) for a in (destination if isinstance(destination, Sequence) else [destination])]
    if len(sources) != len(targets):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise ValueError("repeated axis in `source` or `destination` argument")
    order = [d for d in range(x.ndim) if d not in sources]
    for target, s in sorted(zip(targets, sources, strict=True)):
        order.insert(target, s)
    return permute_dims(x, order)


def expand_dims(x: Any, axis: Any) -> Array:
    """New axes of length 1 at `axis`."""
    x = asarray(x)
    wanted = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = x.ndim + len(wanted)
    new = axes_of(tuple(wanted), ndim)
    kept = [d for d in range(ndim) if d not in new]
    axes = [Cuts(1, 1)] * ndim
    for d, c in zip(kept, x._op.tiling.axes, strict=True):
        axes[d] = c
    return Array(View((x._op,), Tiling(tuple(axes)), x.dtype, maps=tuple(AxisMap(d) for d in kept)))


def squeeze(x: Any, axis: Any = None) -> Array:
    """Without axes of length 1; ValueError where a named axis is longer."""
    from .folds import drop

    x = asarray(x)
    axes = tuple(d for d, n in enumerate(x.shape) if n == 1) if axis is None else axes_of(axis, x.ndim)
    long = [d for d in axes if x.shape[d] != 1]
    if long:
        raise ValueError(
            f"cannot select an axis to squeeze out which has size not equal to one: axis {long[0]} of {x.shape}"
        )
    return drop(x, axes)


def broadcast_to(x: Any, shape: Any, *, chunks: Any = None) -> Array:
    """`x` repeated along new axes and axes of length 1; ValueError where that does not give `shape`."""
    x = asarray(x)
    target = (int(shape),) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    skip = len(target) - x.ndim
    if skip < 0 or any(n not in (1, m) for n, m in zip(x.shape, target[max(skip, 0) :], strict=False)):
        raise ValueError(f"cannot broadcast an array of shape {x.shape} to shape {target}")
    same = [d >= skip and x.shape[d - skip] == n for d, n in enumerate(target)]
    wanted = [list(x.chunks[d - skip]) and tuple(x.chunks[d - skip]) if s else "auto" for d, s in enumerate(same)]
    tiling = tiling_for(target, wanted if chunks is None else chunks, x.dtype)
    maps = tuple(AxisMap(d + skip) if same[d + skip] else AxisMap(-1) for d in range(x.ndim))
    return Array(View((x._op,), tiling, x.dtype, maps=maps))


def broadcast_shapes(*shapes: Any) -> Shape:
    """The shape that arrays of these shapes have together; ValueError where they do not fit."""
    return np.broadcast_shapes(*shapes)


def broadcast_arrays(*arrays: Any) -> tuple[Array, ...]:
    """Arrays broadcast against one another."""
    from .elementwise import broadcast_shape

    made = [asarray(a) for a in arrays]
    shape = broadcast_shape([a.shape for a in made])
    return tuple(Array(a._op) if a.shape == shape else broadcast_to(a, shape) for a in made)


def rechunk(x: Any, chunks: Any = "auto") -> Array:
    """The same array with its stored results cut into other tiles.

    >>> import lambdarray as la
    >>> la.ones((4, 4), chunks=2).rechunk((4, 1)).numblocks
    (1, 4)
    """
    x = asarray(x)
    tiling = tiling_for(x.shape, chunks, x.dtype, x._op.tiling)
    return Array(x._op if tiling == x._op.tiling else Rechunk((x._op,), tiling, x.dtype))


def _full_shape(x: Array, shape: Any) -> Shape:
    wanted = [int(n) for n in ([shape] if isinstance(shape, int | np.integer) else shape)]
    known = math.prod(n for n in wanted if n != -1)
    free = [d for d, n in enumerate(wanted) if n == -1]
    if len(free) > 1:
        raise ValueError("can only specify one unknown dimension")
    if free and known > 0 and x.size % known == 0:
        wanted[free[0]] = x.size // known
    if math.prod(wanted) != x.size or any(n < 0 for n in wanted):
        raise ValueError(f"cannot reshape array of size {x.size} (shape {x.shape}) into shape {shape}")
    return tuple(wanted)


def reshape(x: Any, shape: Any, order: str = "C", *, copy: bool | None = None) -> Array:
    """The same elements in C order, or in Fortran's ("F"), under another shape; one length may be -1.

    An array of ours has no order in memory, so that "A" is "C". Raises ValueError with both shapes where the numbers
    of elements differ.
    """
    from lambdarray_kernels.movement import reshape_groups

    x = asarray(x, copy=copy)
    if order == "F":
        return permute_dims(reshape(permute_dims(x), _full_shape(x, shape)[::-1]))
    if order not in ("C", "A"):
        raise ValueError(f"order={order!r} is not permitted for reshaping; only 'C', 'F' and 'A' are")
    target = _full_shape(x, shape)
    if target == x.shape:
        return Array(x._op)
    if [n for n in target if n != 1] == [n for n in x.shape if n != 1]:
        return _with_ones(x, target)
    groups = [(left, right) for left, right in reshape_groups(x.shape, target) if left and right]
    for left, right in groups:
        if x.itemsize * math.prod(x.shape[d] for d in left[1:]) > MOST_ROW_BYTES:
            return reshape(_rows_joined(x, left), target)
        if x.itemsize * math.prod(target[d] for d in right[1:]) > MOST_ROW_BYTES:
            return _rows_apart(x, left, target, right)
    axes: list[Cuts] = [Cuts(n, max(n, 1)) for n in target]
    for sources, targets in groups:
        if len(sources) == len(targets) == 1:
            axes[targets[0]] = x._op.tiling.axes[sources[0]]
            continue
        block = math.prod(x._op.tiling.max_tile[s] for s in sources)
        rows = max(1, block // max(1, math.prod(target[t] for t in targets[1:])))
        axes[targets[0]] = Cuts(target[targets[0]], min(rows, max(target[targets[0]], 1)))
    return Array(Reshape((x._op,), Tiling(tuple(axes)), x.dtype))


def _rows_joined(x: Array, axes: Sequence[int]) -> Array:
    """Neighbouring axes made one, row after row: a row is too long for a block."""
    before, rest = (slice(None),) * axes[0], x.shape[: axes[0]]
    after = x.shape[axes[-1] + 1 :]
    rows = [reshape(x[(*before, i)], (*rest, -1, *after)) for i in range(x.shape[axes[0]])]
    return concat(rows, axes[0])


def _rows_apart(x: Array, left: Sequence[int], target: Shape, right: Sequence[int]) -> Array:
    """One axis made several, row after row: a row is too long for a block."""
    at, size = left[0], math.prod(target[d] for d in right[1:])
    flat = reshape(x, (*x.shape[:at], -1, *x.shape[left[-1] + 1 :])) if len(left) > 1 else x
    before, count = (slice(None),) * at, target[right[0]]
    rows = [flat[(*before, slice(i * size, (i + 1) * size))] for i in range(count)]
    shape = (*target[: right[0]], 1, *target[right[0] + 1 :])
    return concat([reshape(row, shape) for row in rows], right[0])


def _with_ones(x: Array, target: Shape) -> Array:
    """A reshape that only adds or drops axes of length 1."""
    source_axes = [d for d, n in enumerate(x.shape) if n != 1]
    target_axes = [d for d, n in enumerate(target) if n != 1]
    follows = dict(zip(source_axes, target_axes, strict=True))
    maps = tuple(AxisMap(follows.get(d, -1)) for d in range(x.ndim))
    axes = [Cuts(1, 1)] * len(target)
    for s, t in follows.items():
        axes[t] = x._op.tiling.axes[s]
    return Array(View((x._op,), Tiling(tuple(axes)), x.dtype, maps=maps))


def ravel(x: Any, order: str = "C") -> Array:
    """One axis with all elements in C order, or in Fortran's ("F"); "A" and "K" are "C"."""
    return reshape(x, (-1,), order="C" if order == "K" else order)


def concat(
    arrays: Any, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Array:
    """Arrays joined along an axis that exists; flattened first where `axis` is None.

    Raises ValueError with both shapes where the other axes differ, TypeError where `dtype` cannot be cast to.
    """
    from .folds import refuse_out

    refuse_out(out, "concatenate")
    made = [asarray(a) for a in arrays]
    if not made:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        made, axis = [ravel(a) for a in made], 0
    if made[0].ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    at = axis_of(axis, made[0].ndim)
    for n, a in enumerate(made):
        same = a.ndim == made[0].ndim and all(
            d == at or p == q for d, (p, q) in enumerate(zip(a.shape, made[0].shape, strict=True))
        )
        if not same:
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly: "
                f"array 0 has shape {made[0].shape} and array {n} has shape {a.shape}, joined along axis {at}"
            )
    kind = np.result_type(*(a.dtype for a in made)) if dtype is None else np.dtype(dtype)
    for a in made:
        if not np.can_cast(a.dtype, kind, casting):
            raise TypeError(f"Cannot cast array data from {a.dtype!r} to {kind!r} according to the rule {casting!r}")
    return joined([a.astype(kind)._op for a in made], at)


def joined(ops: Sequence[Op], axis: int) -> Array:
    """Values of one dtype, and of one shape but for this axis, one after the other."""
    first = ops[0]
    if len(ops) == 1:
        return Array(first)
    cuts = Cuts.ragged([n for op in ops for n in op.tiling.axes[axis].chunks])
    tiling = Tiling((*first.tiling.axes[:axis], cuts, *first.tiling.axes[axis + 1 :]))
    return Array(Concat(tuple(ops), tiling, first.dtype, axis=axis))


concatenate = concat


def stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind") -> Array:
    """Arrays of one shape joined along a new axis."""
    made = [asarray(a) for a in arrays]
    if not made:
        raise ValueError("need at least one array to stack")
    if any(a.shape != made[0].shape for a in made):
        shapes = ", ".join(sorted({str(a.shape) for a in made}))
        raise ValueError(f"all input arrays must have the same shape: {shapes}")
    at = axis_of(axis, made[0].ndim + 1)
    return concat([expand_dims(a, at) for a in made], at, out, dtype=dtype, casting=casting)


def flip(x: Any, axis: Any = None) -> Array:
    """Elements in reverse order along axes; all of them where None."""
    x = asarray(x)
    axes = axes_of(axis, x.ndim)
    flipped: Array = x[tuple(slice(None, None, -1) if d in axes else slice(None) for d in range(x.ndim))]
    return flipped


def part(x: Array, axis: int, start: int | None, stop: int | None) -> Array:
    """The elements from start to stop along an axis."""
    return x[(*[slice(None)] * axis, slice(start, stop))]
