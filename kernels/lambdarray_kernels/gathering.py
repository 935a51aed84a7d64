"""Elements by index: taken out of tiles, put into tiles, and picked by a mask.

An array that is indexed is cut in tiles, and an index points anywhere. So `gather` loops over the tiles of the source
and takes from each what the index points to there; `scatter` loops over the tiles of index and values and puts what
falls into its tile of the result. Both are told by `at` which axes of the stage the indexed axes are: their blocks say
which elements the tile holds, and their sizes what an index is checked against.
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
) -> Array:
    """Add to `found`, None at first, what a tile of the source has of the elements that the indices point to.

    The indices are integers, negative ones from the end, and broadcast; the first is for `axis` of the source, the
    second for the next, and so on. In the result their axes stand where those stood. With `along` the one index has
    all the axes of the result, as in `take_along_axis`. IndexError where one points outside the whole axis.

    >>> index, whole = np.array([3, 0, -1]), [3, 4]
    >>> part = gather(None, np.array([5, 6]), index, block=[(0, 3), (0, 2)], shape=whole, at=[1])
    >>> gather(part, np.array([7, 8]), index, block=[(0, 3), (2, 4)], shape=whole, at=[1])
    array([8, 5, 8])
    """
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


def _scatter_flops(_: Any, tile: Shape, *given: Shape, mode: str = "set", **__: Any) -> int:
    return 0 if mode == "set" or not given else math.prod(given[-1])


@kernel(flops=_scatter_flops, needs_block=True)
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
    into = tile.copy() if made is None else made
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


@kernel(flops=lambda x, **_: math.prod(x), needs_block=True)
def nonzero(x: Array, *, block: Sequence[Span], shape: Sequence[int], flat: bool = False) -> Array:
    """Where in the whole array the elements that are not zero are: a row for each, in C order; int64.

    With `flat` the place of each in the array flattened instead, which puts those of all tiles in order.

    >>> nonzero(np.array([[0, 5], [6, 0]]), block=[(2, 4), (4, 6)], shape=[9, 10]).tolist()
    [[2, 5], [3, 4]]
    """
    found = x.nonzero()
    starts = [lo for lo, _ in block[: x.ndim]]
    places = [p.astype(np.int64, copy=False) + lo for p, lo in zip(found, starts, strict=True)]
    if flat:
        return np.ravel_multi_index(places, tuple(shape[: x.ndim])).astype(np.int64, copy=False)
    return np.stack(places, axis=-1)
