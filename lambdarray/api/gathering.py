"""Elements that integer arrays point to: each tile of the result from few tiles of the source, each read once.

Where the values of the index are known here, blocks of the result are made so that each needs a narrow stretch of the
source, in the order of the source's tiles. Where the index is in another order, that is a first stage, and a second
one brings its elements where they belong: every element moves twice, whatever the order. An index that is computed
points anywhere, so that each task looks through all tiles of the source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..ops import ObjectSource, Op, Rechunk, Stored, View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .creation import asarray, from_array, zeros
from .elementwise import unify
from .manipulation import moveaxis, reshape
from .stages import LEAST_BYTES, In, Out, Stage, at_most, following, lines, single, whole

# A known index in another order takes two stages where one would read more tiles than this.
FEW_READS = 8
# A known index: for each indexed axis the places of all points, a row for each element of the result's first axis.
Rows = Sequence[np.ndarray]


def gather(x: Array, axes: Sequence[int], index: Sequence[Any], at: int) -> Array:
    """The elements where the arrays of `index` point to along `axes`; their axes stand at `at` among the others.

    Known integers lie within the axes already.
    """
    points = np.broadcast_shapes(*(i.shape for i in index))
    kept = [n for d, n in enumerate(x.shape) if d not in axes]
    known = all(isinstance(i, np.ndarray) for i in index)
    shape = (*kept[:at], *points, *kept[at:])
    if math.prod(points) == 0 or (known and math.prod(shape) == 0):
        return zeros(shape, dtype=x.dtype)
    if known and len(axes) == 1 and index[0].ndim == 1 and (steps := _as_slice(index[0])) is not None:
        return moveaxis(x[(*(slice(None),) * axes[0], steps)], axes[0], at)
    x = moveaxis(x, list(axes), list(range(at, at + len(axes))))
    if not points:  # with an axis of length 1 for the point, as a gathering has it
        return reshape(gather(x, range(at, at + len(axes)), [i.reshape(1) for i in index], at), shape)
    if not known:
        return _of_computed(x, at, [asarray(i) for i in index])
    return _of_known(x, at, [np.broadcast_to(i, points) for i in index])


def _as_slice(index: np.ndarray) -> slice | None:
    """The slice that gives the same, where there is one."""
    first, step = int(index[0]), int(index[1] - index[0]) if len(index) > 1 else 1
    stop = first + step * len(index)
    if step == 0 or index[-1] != stop - step or (len(index) > 2 and (np.diff(index) != step).any()):
        return None
    return slice(first, stop if stop >= 0 else None, step)


@dataclass(slots=True)
class _Axis:
    """How the tasks of a gathering go through an indexed axis of the source: a table of stretches, lowest first.

    With `loops` each task goes through all of them; else block n of the result needs the n-th.
    """

    spans: np.ndarray
    loops: bool

    @property
    def cuts(self) -> Cuts:
        """What the index counts in: the stretches one after the other, or the longest that a block needs."""
        lengths = self.spans[:, 1] - self.spans[:, 0]
        return Cuts.from_bounds(np.append(0, np.cumsum(lengths))) if self.loops else single(int(lengths.max()))

    def map(self, stage_axis: int) -> AxisMap:
        """How the source's axis follows the stage's."""
        return AxisMap(stage_axis, table=tuple(self.spans.ravel().tolist()))

    def local(self, places: np.ndarray, block: np.ndarray) -> np.ndarray:
        """Places in the source as the index is to have them; `block` is the block of the result that each is in."""
        if not self.loops:
            return np.asarray(places - self.spans[:, 0][block])
        stretch = np.searchsorted(self.spans[:, 0], places, side="right") - 1
        shift = np.asarray(self.cuts.start(np.arange(len(self.spans)))) - self.spans[:, 0]
        return np.asarray(places + shift[stretch])


def _stage(x: Array, at: int, index: Sequence[Array], cuts: Sequence[Cuts], axes: Sequence[_Axis | None]) -> Array:
    """The gathering of one stage: its grid has the result's axes, and each task loops over stretches of the source.

    The indexed axes of `x` are those from `at` on. Each is gone through as `axes` says; None: in all its tiles.
    """
    k, own = len(axes), lines(x, ())
    kept = [d for d in range(x.ndim) if not at <= d < at + k]
    grid = [own[d] for d in kept]
    grid[at:at] = cuts
    loops = [own[at + n] if a is None else a.cuts for n, a in enumerate(axes)]
    stage = Stage("take", [*grid, *loops], len(grid))
    places = [at, *range(len(grid), len(grid) + k)]
    maps: list[AxisMap] = [AxisMap(d if d < at else d - k + len(cuts)) for d in range(x.ndim)]
    for n, a in enumerate(axes):
        looped = places[n + 1]
        maps[at + n] = AxisMap(looped) if a is None else a.map(looped if a.loops else at)
    registers = [f"r{n + 1}" for n in range(k)]
    longest = max(range(k), key=lambda n: loops[n].count)
    params: dict[str, Any] = {"at": places[1:], "axis": at}
    if loops[longest].count > 1:
        sizes, sort = [c.size for c in loops], [f"i{n}" for n in range(k)]
        stage.call("sort_index", ("order", *sort), registers, sizes=sizes, axis=at, by=longest)
        stage.call("gather", ("found",), ("r0", *sort), loop=True, rising=longest, **params)
        stage.call("unsort", ("y",), ("found", "order"), axis=at, ndim=len(cuts))
    else:
        stage.call("gather", ("y",), ("r0", *registers), loop=True, **params)
    stage.extra_bytes = 8 * (2 * k + 2) * math.prod(c.max_chunk for c in cuts)
    ins = [In(i, following(i.shape, [c.size for c in cuts], at)) for i in index]
    return stage.make([In(x, maps), *ins], Out("y", range(len(grid)), x.dtype))


# -- an index that is computed


def _of_computed(x: Array, at: int, index: Sequence[Array]) -> Array:
    points = np.broadcast_shapes(*(i.shape for i in index))
    cuts = list(unify([i._op for i in index], points).axes)
    most = most_points(x, at, len(index))
    for d, c in enumerate(cuts):
        cuts[d] = at_most(c, c.max_chunk * most // math.prod(c.max_chunk for c in cuts))
    return _stage(x, at, index, cuts, [None] * len(index))


def most_points(x: Array, at: int, k: int) -> int:
    """The points of a block: as many as make it as large as a tile of the source, or worth a task."""
    tile = [max(c.max_chunk, 1) for c in lines(x, ())]
    own = math.prod(tile[at : at + k])
    return max(own, LEAST_BYTES // (math.prod(tile) // own * x.itemsize + 8 * k), 1)


# -- an index that is known here


def _of_known(x: Array, at: int, index: Sequence[np.ndarray]) -> Array:
    shape, k = index[0].shape, len(index)
    inner, most = math.prod(shape[1:]), most_points(x, at, k)
    if inner > most:
        flat = _of_known(x, at, [i.reshape(-1) for i in index])
        return reshape(flat, (*x.shape[:at], *shape, *x.shape[at + k :]))
    x, index = _reached(x, at, index)
    own = lines(x, ())[at : at + k]
    rows = [i.reshape(shape[0], inner) for i in index]
    tiles = [c.find(r) for c, r in zip(own, rows, strict=True)]
    touched = [len(_distinct(t)) for t in tiles]
    lead = max(range(k), key=touched.__getitem__)
    cuts, axes = _covered(rows, tiles, own, max(1, most // inner))
    if axes[lead].loops and cuts.count * touched[lead] > FEW_READS:
        return _exchanged(x, at, index, [t.reshape(-1) for t in tiles], lead, max(1, most // inner))
    return _direct(x, at, index, cuts, axes)


def _covered(rows: Rows, tiles: Rows, own: Sequence[Cuts], most: int) -> tuple[Cuts, list[_Axis]]:
    """Blocks of at most `most` rows, and how each goes through the indexed axes, which are cut as `own`.

    `tiles` has the tile of each place. Blocks end where a row leaves a tile for a later one, so that a block needs one
    tile where points are in order.
    """
    ends = [np.array([0, len(rows[0])])]
    for t in tiles:
        low, high = _edges(t)
        if (low[1:] >= low[:-1]).all() and (high is low or (high[1:] >= high[:-1]).all()):
            ends.append(np.flatnonzero(np.diff(low)) + 1)
    runs = pairwise(np.unique(np.concatenate(ends)).tolist())
    begin = np.concatenate([np.arange(lo, hi, most) for lo, hi in runs])
    axes = [_axis(c, r, t, begin) for c, r, t in zip(own, rows, tiles, strict=True)]
    return Cuts.from_bounds(np.append(begin, len(rows[0]))), axes


def _axis(own: Cuts, rows: np.ndarray, tiles: np.ndarray, begin: np.ndarray) -> _Axis:
    low, high = _edges(rows)
    # A table never falls, so that a block may need more than its own points.
    first = np.minimum.accumulate(np.minimum.reduceat(low, begin)[::-1])[::-1]
    last = np.maximum.accumulate(np.maximum.reduceat(high, begin)) + 1
    if (last - first).max() <= 2 * own.max_chunk:
        return _Axis(np.stack([first, last], 1), loops=False)
    touched = _distinct(tiles)
    return _Axis(np.stack([own.start(touched), own.stop(touched)], 1), loops=True)


def _edges(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of each row."""
    if rows.shape[1] == 1:
        return (only := rows[:, 0]), only
    return rows.min(1), rows.max(1)


def _distinct(tiles: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.bincount(tiles.reshape(-1)))


def _direct(x: Array, at: int, index: Sequence[np.ndarray], cuts: Cuts, axes: Sequence[_Axis]) -> Array:
    shape = index[0].shape
    block = _blocks_of(cuts).reshape(-1, *(1,) * (len(shape) - 1))
    local = [a.local(i, block) for a, i in zip(axes, index, strict=True)]
    grid = [cuts, *map(single, shape[1:])]
    return _stage(x, at, [from_array(i, [c.chunks for c in grid]) for i in local], grid, axes)


def _exchanged(x: Array, at: int, index: Sequence[np.ndarray], tiles: Rows, lead: int, most: int) -> Array:
    """Gathered in the order of the source's tiles, then each block reads what is its own of each of those tiles."""
    shape, k = index[0].shape, len(index)
    size, n = most * math.prod(shape[1:]), len(tiles[0])
    grid = [Cuts(shape[0], min(most, shape[0])), *map(single, shape[1:])]
    blocks, to = grid[0].count, np.arange(n) // size
    order = in_order(tiles[lead] * blocks + to)
    rows, in_tiles = ([part.reshape(-1)[order] for part in parts] for parts in (index, tiles))
    own = lines(x, ())[at : at + k]
    cuts, axes = _covered([r[:, None] for r in rows], [t[:, None] for t in in_tiles], own, most_points(x, at, k))
    arranged = _direct(x, at, rows, cuts, axes)
    edges = np.searchsorted(_blocks_of(cuts) * blocks + to[order], np.arange(cuts.count * blocks + 1))
    ranges = np.stack([edges[:-1], edges[1:]], 1).reshape(cuts.count, blocks, 2)
    ranges -= np.asarray(cuts.start(np.arange(cuts.count)))[:, None, None]
    local = np.empty(n, np.int64)
    local[order[in_order(to[order])]] = np.arange(n) % size
    return _brought(arranged, at, ranges.transpose(1, 0, 2), local.reshape(shape), grid, size)


def in_order(numbers: np.ndarray) -> np.ndarray:
    """The order in which numbers rise, those that are equal as they come: of short integers that is one pass."""
    return np.argsort(numbers.astype(np.min_scalar_type(int(numbers.max()))), kind="stable")


def _blocks_of(cuts: Cuts) -> np.ndarray:
    """The number of the block that each element of an axis is in."""
    return np.repeat(np.arange(cuts.count), cuts.chunks)


def _brought(y: Array, at: int, ranges: np.ndarray, local: np.ndarray, cuts: Sequence[Cuts], most: int) -> Array:
    """The stage that brings elements where they belong: block b takes `ranges[b]` of the tiles, and of that `local`."""
    axes = list(y._op.tiling.axes)
    axes[at : at + 1] = cuts
    stage = Stage("take exchanged", [*axes, single(most)], len(axes))
    stage.call("gather", ("y",), ("r0", "r2"), loop=True, at=[len(axes)], axis=at)
    maps: list[AxisMap] = [AxisMap(d if d < at else d - 1 + len(cuts)) for d in range(y.ndim)]
    maps[at] = whole(y.shape[at])
    count = ranges.shape[1]
    chosen = from_array(np.ascontiguousarray(ranges).reshape(-1, 2), chunks=(count, 2))
    index = from_array(local, [c.chunks for c in cuts])
    ins = [
        In(y, maps, by="r1", by_axis=at, most=most),
        In(chosen, [AxisMap(at, step=count, size=count, by_block=True), whole(2)]),
        In(index, following(local.shape, local.shape, at)),
    ]
    return stage.make(ins, Out("y", range(len(axes)), y.dtype))


def _reached(x: Array, at: int, index: Sequence[np.ndarray]) -> tuple[Array, list[np.ndarray]]:
    """What the points are in, and where in it they are.

    Of a source under views that is the source, of which only what is pointed to is read. Of what is computed it is
    the part that the points lie in: the rest is not.
    """
    base, maps = beneath(x._op)
    found, axes, cuts = list(index), list(maps), list(x._op.tiling.axes)
    for n, i in enumerate(index):
        followed = [d for d, m in enumerate(maps) if m.axis == at + n]
        if isinstance(base, ObjectSource | Stored) and len(followed) == 1:
            d = followed[0]
            found[n] = maps[d].start + maps[d].step * i
            axes[d], cuts[at + n] = AxisMap(at + n), base.tiling.axes[d]
        elif not isinstance(base, ObjectSource | Stored):
            first, last = int(i.min()), int(i.max()) + 1
            x = x[(*(slice(None),) * (at + n), slice(first, last))]
            found[n] = i - first
    if isinstance(base, ObjectSource | Stored):
        x = Array(View((base,), Tiling(tuple(cuts)), x.dtype, maps=tuple(axes)))
    return x, found


def beneath(op: Op) -> tuple[Op, tuple[AxisMap, ...]]:
    """The op under views and rechunks, and how it follows the axes."""
    from ..planner.views import compose, identity

    maps = identity(op.ndim)
    while isinstance(op, View | Rechunk):
        maps = compose(op.maps, maps) if isinstance(op, View) else maps
        op = op.inputs[0]
    return op, maps
