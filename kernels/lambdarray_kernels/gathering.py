"""Elements by index: taken out of tiles, put into tiles, and picked by a mask.

An array that is indexed is cut in tiles, and an index points anywhere. So `gather` loops over the tiles of the source
and takes from each what the index points to there; `scatter` loops over the tiles of index and values and puts what
falls into its tile of the result. Both are told by `at` which axes of the stage the indexed axes are: their blocks say
which elements the tile holds, and their sizes what an index is checked against.

So that a tile costs what is taken from it and not what there is to look through, an index that many tiles are taken
for is sorted before (`sort_index`), and what was taken brought into its order after (`unsort`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .functions import ufunc_named
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
_ALL: Any = slice(None)


def moved(*_: Any, **__: Any) -> int:
    """None: elements only move."""
    return 0


@kernel(flops=moved, needs_block=True)
def gather(
    found: Array | None,
    source: Array,
    *indices: Array,
    block: Sequence[Span],
    shape: Sequence[int],
    at: Sequence[int],
    axis: int = 0,
    along: bool = False,
    rising: int = -1,
) -> Array:
    """Add to `found`, None at first, what a tile of the source has of the elements that the indices point to.

    The indices are integers, negative ones from the end, and broadcast; the first is for `axis` of the source, the
    second for the next, and so on. In the result their axes stand where those stood. With `along` the one index has
    all the axes of the result, as in `take_along_axis`. IndexError where one points outside the whole axis.

    With `rising` they are what `sort_index` makes, that one in order.

    >>> index, whole = np.array([3, 0, -1]), [3, 4]
    >>> part = gather(None, np.array([5, 6]), index, block=[(0, 3), (0, 2)], shape=whole, at=[1])
    >>> gather(part, np.array([7, 8]), index, block=[(0, 3), (2, 4)], shape=whole, at=[1])
    array([8, 5, 8])
    """
    if rising >= 0:
        return _gather_sorted(found, source, indices, [block[a] for a in at], axis, rising)
    local, here = _local(indices, block, shape, at, axis)
    if along:
        return _gather_along(found, source, local[0], here, axis)
    lead = (_ALL,) * axis
    if found is None and here.all():
        return np.take(source, local[0], axis) if len(local) == 1 else np.asarray(source[(*lead, *local)])
    before, after = source.shape[:axis], source.shape[axis + len(at) :]
    found = np.empty((*before, *here.shape, *after), source.dtype) if found is None else found
    # One axis for those of the index: a view, since we made it.
    flat = found.reshape(*before, here.size, *after)
    chosen = np.flatnonzero(here)
    flat[(*lead, chosen)] = source[(*lead, *(p.reshape(-1)[chosen] for p in local))]
    return found


def _gather_along(found: Array | None, source: Array, local: Array, here: Array, axis: int) -> Array:
    if found is None and here.all():
        return np.take_along_axis(source, local, axis)
    found = np.empty(here.shape, source.dtype) if found is None else found
    chosen = here.nonzero()
    found[chosen] = source[(*chosen[:axis], local[chosen], *chosen[axis + 1 :])]
    return found


def _gather_sorted(
    found: Array | None, source: Array, indices: Sequence[Array], spans: Sequence[Span], axis: int, rising: int
) -> Array:
    before, after = source.shape[:axis], source.shape[axis + len(spans) :]
    found = np.empty((*before, len(indices[0]), *after), source.dtype) if found is None else found
    part = slice(*np.searchsorted(indices[rising], spans[rising]))
    local = [index[part] - lo for index, (lo, _) in zip(indices, spans, strict=True)]
    lead = (_ALL,) * axis
    if len(local) == 1:
        found[(*lead, part)] = np.take(source, local[0], axis)
        return found
    here = np.logical_and.reduce([p.view(np.uint64) < hi - lo for p, (lo, hi) in zip(local, spans, strict=True)])
    chosen = np.flatnonzero(here)
    found[(*lead, chosen + part.start)] = source[(*lead, *(p[chosen] for p in local))]
    return found


@kernel(flops=lambda *indices, **_: math.prod(indices[0]), needs_block=True)
def sort_index(
    *indices: Array, block: Sequence[Span], shape: Sequence[int], sizes: Sequence[int], axis: int, by: int
) -> tuple[Array, ...]:
    """Where the points that the indices point to come in the order of index `by`, and each index in that order.

    The indices broadcast and become one axis, of numbers from 0 on; IndexError where one points outside an axis of
    `sizes`, the first of which is `axis`.

    >>> sort_index(np.array([5, -1, 0]), block=[], shape=[], sizes=[7], axis=0, by=0)
    (array([2, 0, 1]), array([0, 5, 6]))
    """
    checked = [_from_start(i, n, axis + d) for d, (i, n) in enumerate(zip(indices, sizes, strict=True))]
    flat = [i.reshape(-1) for i in np.broadcast_arrays(*checked)]
    order = np.argsort(flat[by])
    return (order, *(i[order] for i in flat))


@kernel(flops=moved, needs_block=True)
def unsort(found: Array, order: Array, *, block: Sequence[Span], shape: Sequence[int], axis: int, ndim: int) -> Array:
    """What was taken in the order of `sort_index`, as the index had it: its `ndim` axes, at `axis` of the stage.

    >>> unsort(np.array([10, 15, 16]), np.array([2, 0, 1]), block=[(0, 3)], shape=[3], axis=0, ndim=1)
    array([15, 16, 10])
    """
    out = np.empty_like(found)
    out[(*(_ALL,) * axis, order)] = found
    own = [hi - lo for lo, hi in block[axis : axis + ndim]]
    return out.reshape(*found.shape[:axis], *own, *found.shape[axis + 1 :])


def _scatter_flops(_: Any, tile: Shape, *given: Shape, mode: str = "set", **__: Any) -> int:
    return 0 if mode == "set" or not given else math.prod(given[-1])


@kernel(flops=_scatter_flops, needs_block=True, in_order=True)
def scatter(
    made: Array | None,
    tile: Array,
    *given: Array,
    block: Sequence[Span],
    shape: Sequence[int],
    at: Sequence[int],
    axis: int = 0,
    along: bool = False,
    mode: str = "set",
) -> Array:
    """Put values where the indices point to, if that is in this tile of the result; `made` is None at first.

    `given` are the indices, as for `gather`, and the values, which broadcast to what `gather` would give. Of several
    for one element the last one stays. A `mode` other than "set" names a ufunc, which is applied for each, in order,
    as by its method `at`; one with one operand takes no values. Order is that of calls, and within one C order.

    >>> where = {"block": [(2, 4), (0, 3)], "shape": [9, 3], "at": [0]}
    >>> scatter(None, np.array([10, 20]), np.array([3, 0, 3]), np.array([1, 2, 3]), mode="add", **where)
    array([10, 24])
    """
    local, here = _local(given[: len(at)], block, shape, at, axis)
    into = tile if made is None else made
    if not here.any():
        return into  # perhaps the tile itself, which nothing has changed
    into = tile.copy() if into is tile else into
    chosen = here.nonzero()
    places = [p[chosen] for p in local]
    lead = () if along else (_ALL,) * axis
    key: tuple[Any, ...] = (*lead, *places)
    if along:
        key = (*chosen[:axis], *places, *chosen[axis + 1 :])
    parts = []
    for values in given[len(at) :]:
        whole = here.shape if along else (*tile.shape[:axis], *here.shape, *tile.shape[axis + len(at) :])
        parts.append(np.broadcast_to(values, whole)[(*lead, *chosen)])
    if mode == "set":
        into[key] = parts[0]
    else:
        with np.errstate(all="ignore"):
            ufunc_named(mode).at(into, key, *parts)
    return into


def _local(
    indices: Sequence[Array], block: Sequence[Span], shape: Sequence[int], at: Sequence[int], axis: int
) -> tuple[list[Array], Array]:
    """The indices, broadcast and counted from where the tile begins, and where all of them point into it."""
    local, here = [], np.ones((), bool)
    for number, (index, stage_axis) in enumerate(zip(indices, at, strict=True)):
        lo, hi = block[stage_axis]
        place = _from_start(index, shape[stage_axis], axis + number) - lo
        # As unsigned numbers those before the tile are beyond it.
        here = here & (place.view(np.uint64) < hi - lo)
        local.append(place)
    return [np.broadcast_to(p, here.shape) for p in local], here


def _from_start(index: Array, size: int, axis: int) -> Array:
    """An index of int64 without negative elements; IndexError where it points outside."""
    index = index.astype(np.int64, copy=False)
    least, most = index.min(initial=0), index.max(initial=-1)
    if least < -size or most >= size:
        outside = index[(index < -size) | (index >= size)]
        raise IndexError(f"index {outside.flat[0]} is out of bounds for axis {axis} with size {size}")
    return np.where(index < 0, index + size, index) if least < 0 else index


@kernel(flops=moved)
def compress(x: Array, mask: Array, *, axis: int = 0) -> Array:
    """The elements where the mask is true; its axes are those from `axis` on, and become one.

    >>> compress(np.arange(6).reshape(2, 3), np.array([True, False, True]), axis=1)
    array([[0, 2],
           [3, 5]])
    """
    return np.asarray(x[(*(_ALL,) * axis, mask)])


@kernel(flops=lambda x, *_, **__: math.prod(x))
def nonzero(x: Array, first: Array, *, flat: bool = False) -> Array:
    """Where the elements of some rows that are not zero are: a row for each, in C order; int64.

    `first` has the number of the first row. With `flat` the place of each in the array flattened instead.

    >>> nonzero(np.array([[0, 5], [6, 0]]), np.array([2])).tolist()
    [[2, 1], [3, 0]]
    """
    if flat:
        return np.asarray(np.flatnonzero(x).astype(np.int64, copy=False) + first * math.prod(x.shape[1:]))
    found = np.argwhere(x).astype(np.int64, copy=False)
    found[:, 0] += first
    return found


@kernel(flops=lambda x, **_: math.prod(x))
def count(x: Array) -> Array:
    """How often elements are taken in all: those of a mask that are true, or the sum of repeats.

    >>> count(np.array([True, False, True]))
    array([2])
    """
    if x.dtype.kind == "i" and x.min(initial=0) < 0:
        raise ValueError("repeats may not contain negative values.")
    return np.asarray(np.sum(x, dtype=np.int64)).reshape(1)


@kernel(flops=moved)
def repeat(x: Array, repeats: Array, *, axis: int = 0) -> Array:
    """Each element along an axis as often as `repeats` says.

    >>> repeat(np.array([5, 6]), np.array([0, 2]))
    array([6, 6])
    """
    return np.repeat(x, repeats, axis)


@kernel(flops=moved)
def put_masked(x: Array, mask: Array, values: Array, *, axis: int = 0) -> Array:
    """A copy with values, in C order of the mask, where it is true: its axes are those from `axis` on.

    There may be one value more where the mask is false everywhere. The values broadcast.

    >>> put_masked(np.array([5, 6, 7]), np.array([True, False, True]), np.array([1, 2]))
    array([1, 6, 2])
    """
    if not mask.any():
        return x
    out = x.copy()
    out[(*(_ALL,) * axis, mask)] = values
    return out


@kernel(flops=moved, needs_block=True)
def put_stepped(x: Array, values: Array, *, block: Sequence[Span], shape: Sequence[int], steps: Sequence[int]) -> Array:
    """A copy with every n-th element along each axis, from the whole array's first on, taken from the values.

    `values` has those for the block, and perhaps one before it, along axes that are not broadcast.

    >>> put_stepped(np.zeros(4), np.array([1.0, 2.0]), block=[(3, 7)], shape=[9], steps=[3])
    array([1., 0., 0., 2.])
    """
    out = x.copy()
    into = out[tuple(slice(-lo % n, None, n) for (lo, _), n in zip(block, steps, strict=True))]
    into[...] = values[tuple(slice(v - n if v > 1 else 0, None) for n, v in zip(into.shape, values.shape, strict=True))]
    return out
