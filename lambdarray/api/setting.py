"""`x[key] = value`: the array becomes another expression, in which only what the key meets is new.

A box lies over what was there, so that tiles beside it stay what they are, not computed or copied. All else is made
in the box around it: steps by a stage that reads the values beside the tiles they go to, integer arrays by one that
puts each value into its tile, masks by a choice, or by one that counts which values a tile takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops import Patch, Shape, sliced
from ..tiling import AxisMap
from .array import Array
from .counting import counted, is_long
from .creation import asarray, from_array, full
from .elementwise import unify, where
from .gathering import gather, in_order
from .indexing import view
from .keys import Key, parse
from .manipulation import broadcast_to, moveaxis, ravel, rechunk, reshape
from .stages import In, Out, Stage, lines, single

RESULT_MISMATCH = "shape mismatch: value array of shape {} could not be broadcast to indexing result of shape {}"


def setitem(x: Array, key: Any, value: Any) -> None:
    """`x[key] = value`, cast as NumPy casts it; other arrays that were made of `x` keep what they had.

    >>> import lambdarray as la
    >>> x = la.zeros(4, dtype=int)
    >>> y = x + 1
    >>> x[1:3] = 7
    >>> x.compute(), y.compute()
    (array([0, 7, 7, 0]), array([1, 1, 1, 1]))
    """
    found = parse(x.shape, key)
    named = key if isinstance(key, tuple) else (key,)
    one = not found.joint and not any(
        e is Ellipsis or e is None or isinstance(e, slice) for e in (*named, *found.basic)
    )
    ndim = None if found.joint else view(x, found.basic).ndim
    value = cast(value, x.dtype, one, ndim)
    if found.mask is not None and found.mask.ndim == x.ndim and not isinstance(key, tuple) and value.ndim > 1:
        raise TypeError(
            "NumPy boolean array indexing assignment requires a 0 or 1-dimensional input, input has "
            f"{value.ndim} dimensions"
        )
    x.become(assigned(x, found, value))


def cast(value: Any, dtype: np.dtype[Any], one: bool = False, ndim: int | None = None) -> Any:
    """The value in the array's dtype, ours or NumPy's: a copy, for the user may change it later.

    Where it is for `one` element NumPy takes no array, and a list of at most `ndim` levels.
    """
    if isinstance(value, Array):
        if one and value.ndim:
            # Whether NumPy takes an array for an element depends on the dtypes.
            np.empty(1, dtype)[0] = np.broadcast_to(np.zeros((), value.dtype), value.shape)
        return value.astype(dtype)
    shape = np.shape(value)
    if not isinstance(value, np.ndarray) and ndim is not None and len(shape) > ndim:
        raise ValueError(
            "setting an array element with a sequence. The requested array would exceed the maximum number of "
            f"dimension of {ndim}."
        )
    out = np.empty((1,) if one else shape, dtype)
    out[0 if one else ...] = value
    return out.reshape(()) if one else out


def assigned(x: Array, key: Key, value: Any) -> Array:
    """The array with a value of its dtype where the key points to."""
    if not key.joint:
        return laid(x, key.basic, value)
    seen = view(x, key.basic)
    made = _masked(seen, key, value) if key.mask is not None else scattered(seen, key, value, "set")
    return made if all(e == slice(None) for e in key.basic) else laid(x, key.basic, made)


# -- boxes, and every n-th element


def laid(x: Array, entries: Sequence[Any], value: Any) -> Array:
    """The array with a value where slices and integers point to, one entry for each axis and None for new ones."""
    shape = view(x, entries).shape
    value = expanded(value, shape, "could not broadcast input array from shape {} into shape {}")
    if 0 in shape:
        return x
    slices = [e for e in entries if e is not None]
    ranges = [_range(e, n) for e, n in zip(slices, x.shape, strict=True)]
    # The value with the array's own axes, and all steps forward.
    own = [
        0 if e is None else slice(None, None, -1 if e.step and e.step < 0 else 1) if isinstance(e, slice) else None
        for e in entries
    ]
    value = value[tuple(own)]
    steps = [r.step for r in ranges]
    if any(n > 1 for n in steps):
        box = [slice(r.start, r[-1] + 1) for r in ranges]
        value, ranges = _stepped(view(x, box), value, steps), [range(b.start, b.stop) for b in box]
    return _over(x, [r.start for r in ranges], tuple(len(r) for r in ranges), value)


def _range(entry: Any, size: int) -> range:
    """The elements that an entry takes, the lowest first."""
    if not isinstance(entry, slice):
        return range(entry, entry + 1)
    found = range(*entry.indices(size))
    found = found if found.step > 0 else found[::-1]
    return range(found[0], found[0] + 1) if len(found) == 1 else found


def expanded(value: Any, shape: Shape, message: str) -> Any:
    """A value with as many axes as `shape`, each as long or 1; ValueError where there is no such."""
    given = value.shape
    while len(given) > len(shape) and given[0] == 1:
        given = given[1:]
    given = (1,) * (len(shape) - len(given)) + given
    if len(given) > len(shape) or any(n not in (1, m) for n, m in zip(given, shape, strict=True)):
        texts = (str(s).replace(" ", "") for s in (value.shape, shape))
        raise ValueError(message.format(*texts))
    return value.reshape(given)


def _over(x: Array, start: Sequence[int], shape: Shape, value: Any) -> Array:
    """A value laid over a box of the array."""
    cuts = [sliced(c, lo, 1, n) for c, lo, n in zip(x._op.tiling.axes, start, shape, strict=True)]
    chunks = tuple(c.chunks for c in cuts)
    if isinstance(value, Array):
        box = value if value.shape == shape else broadcast_to(value, shape, chunks=chunks)
    elif value.size == 1:
        box = full(shape, value.reshape(())[()], x.dtype, chunks=chunks)
    else:
        box = from_array(np.broadcast_to(value, shape), chunks)
    if shape == x.shape:
        return rechunk(box, chunks)
    return Array(Patch((x._op, box._op), x._op.tiling, x.dtype, offset=tuple(start)))


def _stepped(x: Array, value: Any, steps: Sequence[int]) -> Array:
    """The array with values in every n-th place along each axis, from the first."""
    grid, value = lines(x, ()), asarray(value)
    stage = Stage("put", grid)
    stage.call("put_stepped", ("y",), ("r0", "r1"), steps=list(steps))
    maps = [
        AxisMap(-1) if m == 1 else AxisMap(d, den=n) for d, (m, n) in enumerate(zip(value.shape, steps, strict=True))
    ]
    return stage.make([In(x, range(x.ndim)), In(value, maps)], Out("y", range(x.ndim), x.dtype))


# -- masks


def _masked(x: Array, key: Key, value: Any) -> Array:
    ((at, mask),) = key.joint
    m, n = mask.ndim, x.ndim - mask.ndim + 1
    if value.ndim >= n - key.at and value.shape[value.ndim - n + key.at] != 1:
        return ranked(x, mask, at, lambda total: _chosen_by(value, x.shape, at, m, key.at, total))
    value = _chosen_by(value, x.shape, at, m, key.at, 1)
    if not mask.size:
        return x
    value = value.reshape((*value.shape[:at], *(1,) * m, *value.shape[at + 1 :]))
    return rechunk(where(over(mask, x, at), value, x), x.chunks)


def _chosen_by(value: Any, shape: Shape, at: int, m: int, place: int, total: int) -> Any:
    """The value with an axis for what a mask of `m` axes from `at` on chooses; in the user's it stands at `place`."""
    kept = [*shape[:at], *shape[at + m :]]
    kept.insert(place, total)
    value = expanded(value, tuple(kept), RESULT_MISMATCH)
    return value if at == place else moveaxis(value, place, at)


def over(mask: Any, x: Array, at: int) -> Any:
    """A mask as long as its axes of the array, from `at` on, and of length 1 along the others after them."""
    chunks = x.chunks[at : at + mask.ndim]
    mask = mask if isinstance(mask, Array) else from_array(np.array(mask), chunks)
    return mask.reshape((*mask.shape, *(1,) * (x.ndim - at - mask.ndim)))


def ranked(x: Array, mask: Any, at: int, values: Callable[[int], Any]) -> Array:
    """The array with values, in C order of a mask, where it is true; `values` of their number has them along `at`."""
    m = mask.ndim
    cuts = lines(x, range(at + 1, at + m))
    if m > 1 and is_long(cuts, x.itemsize):
        flat = reshape(x, (*x.shape[:at], -1, *x.shape[at + m :]))
        return reshape(ranked(flat, mask.reshape(-1), at, values), x.shape)
    found = counted(mask, cuts[at], "what a mask chooses")
    total = int(found.counts.sum())
    value = asarray(values(total))
    if not total:
        return x
    last = np.minimum(np.cumsum(found.counts), total)
    first = np.minimum(last - found.counts, total - 1)
    table = np.stack([first, np.maximum(last, first + 1)], 1)
    stage = Stage("put", cuts)
    stage.call("put_masked", ("y",), ("r0", "r1", "r2"), axis=at)
    maps = [AxisMap(d if d < at else d + m - 1) if n > 1 else AxisMap(-1) for d, n in enumerate(value.shape)]
    maps[at] = AxisMap(at, table=tuple(table.ravel().tolist()))
    ins = [In(x, range(x.ndim)), In(found.weights, range(at, at + m)), In(value, maps)]
    return rechunk(stage.make(ins, Out("y", range(x.ndim), x.dtype)), x.chunks)


# -- integer arrays


def scattered(x: Array, key: Key, value: Any, mode: str) -> Array:
    """The array with values put where integer arrays point to; with another `mode` than "set" by that ufunc's `at`.

    Of several values for one element the last one stays. A ufunc of one operand takes None for the value.
    """
    axes, index, at = [a for a, _ in key.joint], [i for _, i in key.joint], key.at
    points = np.broadcast_shapes(*(i.shape for i in index))
    k, size = len(axes), math.prod(points)
    kept = [n for d, n in enumerate(x.shape) if d not in axes]
    if value is not None:
        value = _points_joined(value, (*kept[:at], *points, *kept[at:]), at, len(points))
    if size == 0:
        return x
    there = list(range(at, at + k))
    moved = moveaxis(x, axes, there)
    if all(isinstance(i, np.ndarray) for i in index):
        made = _put_known(moved, at, [np.broadcast_to(i, points).reshape(-1) for i in index], value, mode)
    else:
        flat = [ravel(broadcast_to(asarray(i), points)) for i in index]
        made = _put(moved, at, flat, value, None, mode)
    return moveaxis(made, there, axes)


def _points_joined(value: Any, shape: Shape, at: int, ndim: int) -> Any:
    """The value with one axis, at `at`, for the `ndim` of the points."""
    value = expanded(value, shape, RESULT_MISMATCH)
    before, points, after = value.shape[:at], value.shape[at : at + ndim], value.shape[at + ndim :]
    if math.prod(points) != 1:
        points = shape[at : at + ndim]
        spread = broadcast_to if isinstance(value, Array) else np.broadcast_to
        value = spread(value, (*before, *points, *after))
    return value.reshape((*before, math.prod(points), *after))


def _put_known(x: Array, at: int, index: Sequence[np.ndarray], value: Any, mode: str) -> Array:
    """Values put at known places: only tiles between the first and the last that are touched are made anew."""
    box = [slice(None)] * x.ndim
    for d, i in enumerate(index, at):
        cuts = x._op.tiling.axes[d]
        box[d] = slice(int(cuts.start(cuts.find(int(i.min())))), int(cuts.stop(cuts.find(int(i.max())))))
    part = view(x, box)
    index = [i - b.start for i, b in zip(index, box[at:], strict=False)]
    tiles = lines(part, ())[at].find(index[0])
    order = in_order(tiles)
    if value is not None and value.shape[at] > 1:
        value = gather(value, [at], [order], at) if isinstance(value, Array) else value.take(order, at)
    flat = [from_array(i[order]) for i in index]
    return laid(x, box, _put(part, at, flat, value, tiles[order], mode))


def _put(x: Array, at: int, index: Sequence[Array], value: Any, tiles: np.ndarray | None, mode: str) -> Array:
    """The stage that puts values into tiles: each task loops over all points, or takes those of its tile.

    `tiles` is the tile along axis `at` of each point, in order; None where that is not known.
    """
    grid = lines(x, ())
    points = unify([i._op for i in index], index[0].shape).axes[0] if tiles is None else single(1)
    stage = Stage("put", [*grid, points], x.ndim)
    reach = AxisMap(x.ndim)
    if tiles is not None:
        bounds = np.minimum(np.searchsorted(tiles, np.arange(grid[at].count)), len(tiles) - 1)
        ends = np.maximum(np.searchsorted(tiles, np.arange(grid[at].count), side="right"), bounds + 1)
        reach = AxisMap(at, table=tuple(np.stack([bounds, ends], 1).ravel().tolist()))
    ins = [In(x, range(x.ndim)), *(In(i, [reach]) for i in index)]
    if value is not None:
        value, k = asarray(value), len(index)
        maps = [AxisMap(d if d < at else d + k - 1) if n > 1 else AxisMap(-1) for d, n in enumerate(value.shape)]
        maps[at] = reach if value.shape[at] > 1 else AxisMap(-1)
        ins.append(In(value, maps))
    registers = [f"r{n}" for n in range(len(ins))]
    stage.call("scatter", ("y",), registers, loop=True, at=list(range(at, at + len(index))), axis=at, mode=mode)
    return rechunk(stage.make(ins, Out("y", range(x.ndim), x.dtype)), x.chunks)
