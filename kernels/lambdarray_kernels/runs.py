"""A line that is cut in p tiles, sorted exactly: each tile becomes a sorted run, and the runs are split and merged.

1. `sort_run`: each tile is sorted, and every gap-th element of it is a sample (regular sampling: Shi and Schaeffer,
   "Parallel sorting by regular sampling", J. Parallel Distrib. Comput. 14, 1992).
2. `windows`: the samples bound where in each run the element of a given rank would stand. For each rank about p gaps
   to either side remain open, whatever the values are.
3. `splits`: the elements of those windows decide exactly how many elements of each run stand before that rank
   (multisequence selection: Varman et al., "Merging multiple lists on hierarchical-memory multiprocessors", J.
   Parallel Distrib. Comput. 12, 1991). So a tile of the result is as long as we want, even if all values are equal.
4. `merge_runs`: the stretches of all runs between two splits, joined in the order of tiles, become such a tile.

`select` ends after the second step: it gives the elements of some ranks, for medians and quantiles.

Elements are ordered by value, tile and position, so that all of this is stable. NaN and NaT come last, as in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from time import perf_counter
from typing import Any, Literal

import numpy as np

from .registry import Shape, kernel, memory
from .sorting import select_flops, sort_flops

Array = np.ndarray[Any, Any]
Span = tuple[int, int]

# What is sorted to see what is faster.
TRIED_RUNS, TRIED_LENGTH, TRIES = 64, 512, 3


@kernel(flops=sort_flops, needs_block=True)
def sort_run(
    x: Array, *, block: Sequence[Span], shape: Sequence[int], count: int, axis: int = -1, positions: bool = False
) -> tuple[Array, ...]:
    """A tile sorted along an axis, and `count` regular samples of it: the first, the last and those between.

    With `positions` also, in second place, where in the whole line each element came from. A tile without elements
    has samples that mean nothing.

    >>> sort_run(np.array([7, 5, 6, 9]), block=[(4, 8)], shape=[8], count=3, positions=True)
    (array([5, 6, 7, 9]), array([5, 6, 4, 7]), array([5, 6, 9]))
    """
    axis %= x.ndim
    if not positions:
        values = np.sort(x, axis=axis)
        return values, _samples(values, count, axis)
    order = np.argsort(x, axis=axis, kind="stable")
    values = np.take_along_axis(x, order, axis)
    return values, order.astype(np.int64, copy=False) + block[axis][0], _samples(values, count, axis)


def _samples(run: Array, count: int, axis: int) -> Array:
    if run.shape[axis] == 0:
        return np.zeros([count if d == axis else n for d, n in enumerate(run.shape)], run.dtype)
    return np.take(run, sample_places(run.shape[axis], count), axis=axis)


def sample_places(length: Any, count: int) -> Array:
    """Where the samples of a run of this length are; several lengths make several rows.

    >>> sample_places(9, 3)
    array([0, 4, 8])
    """
    last = np.maximum(np.asarray(length, np.int64) - 1, 0)
    return last[..., None] * np.arange(count) // max(count - 1, 1)


def _windows_flops(samples: Shape, *, lengths: Sequence[int], ranks: Sequence[int], **_: Any) -> int:
    return sort_flops((math.prod(samples),)) + sort_flops((len(ranks) * len(lengths),))


@kernel(flops=_windows_flops, needs_block=True)
def windows(
    samples: Array, *, lengths: Sequence[int], ranks: Sequence[int], block: Sequence[Span] = (), shape: Any = ()
) -> Array:
    """For each rank and run the stretch [lo, hi) in which alone its element may be, and where the rank splits the run.

    Elements of the run before `lo` surely stand before that rank, those from `hi` on after it. `samples` are those of
    all runs of these lengths, equally many of each, in order. With a gap of at most g elements between samples the p
    windows of a rank have less than 2 (p + 1) g elements together.

    >>> windows(np.array([0, 40, 80, 1, 41, 81]), lengths=[41, 41], ranks=[30]).tolist()
    [[[1, 40], [0, 20]]]
    """
    sizes, wanted = np.asarray(lengths, np.int64), np.asarray(_of(ranks, block), np.int64)
    marks = _Marks(samples.reshape(-1), sizes)
    if not marks.place.size:
        return np.zeros((wanted.size, sizes.size, 2), np.int64)
    low, high = marks.ranks()
    lo = marks.before(np.searchsorted(high, wanted, "right") - 1)
    hi = marks.after(np.searchsorted(low, wanted + 1, "left"))
    return np.stack([lo, hi], axis=-1)


class _Marks:
    """The samples that stand for an element each: the tile and place of each, and its number in the common order."""

    def __init__(self, samples: Array, sizes: Array) -> None:
        self.sizes = sizes
        places = sample_places(sizes, samples.size // max(sizes.size, 1))
        # A short run has some elements several times, an empty one has samples that mean nothing.
        distinct = (np.diff(places, prepend=-1) > 0) & (sizes > 0)[:, None]
        self.tile, self.place = distinct.nonzero()[0], places[distinct]
        self.order = np.argsort(samples[distinct.reshape(-1)], kind="stable")
        number = np.empty_like(self.order)
        number[self.order] = np.arange(number.size)
        # Ascending: by tile, and in a tile by number.
        self.keys = self.tile * (number.size + 1) + number
        self.start = np.searchsorted(self.tile, np.arange(sizes.size))
        self.end = np.searchsorted(self.tile, np.arange(sizes.size), "right")

    def ranks(self) -> tuple[Array, Array]:
        """Bounds of the ranks of all marks, in the common order: both ascend.

        Between two marks of a tile, from one to all elements after the first stand before a mark of another tile.
        """
        first, last = np.zeros(self.place.size, bool), np.zeros(self.place.size, bool)
        first[self.start[self.sizes > 0]] = last[self.end[self.sizes > 0] - 1] = True
        least = np.where(first, 0, np.roll(self.place, 1) + 1)
        most = np.where(last, self.sizes[self.tile], np.roll(self.place, -1))
        lower, upper = (self.place + 1 - least)[self.order], (most - self.place)[self.order]
        # Of its own tile a mark's place is known.
        own = (self.place - least)[self.order]
        return np.cumsum(lower) - lower + own, np.cumsum(upper) - upper

    def before(self, marks: Array) -> Array:
        """For each mark and tile: how many elements surely stand before it."""
        found = np.searchsorted(self.keys, self._keys(marks), "right")
        counts = np.where(found > self.start, self.place[found - 1] + 1, 0)
        # The mark itself does not.
        counts[np.arange(marks.size), self.tile[self.order[marks]]] -= 1
        return counts

    def after(self, marks: Array) -> Array:
        """For each mark and tile: before which element all that stand before the mark surely are."""
        found = np.searchsorted(self.keys, self._keys(marks), "left")
        return np.where(found < self.end, self.place[np.minimum(found, self.place.size - 1)], self.sizes)

    def _keys(self, marks: Array) -> Array:
        return np.arange(self.sizes.size) * (self.place.size + 1) + marks[:, None]


def _of(ranks: Sequence[int], block: Sequence[Span]) -> Sequence[int]:
    """The ranks of a block of the first axis of a stage; all of them outside one."""
    return ranks[slice(*block[0])] if block else ranks


@kernel(flops=lambda candidates, *_, **__: sort_flops((math.prod(candidates),)), needs_block=True)
def splits(
    candidates: Array, windows: Array, *, ranks: Sequence[int], block: Sequence[Span] = (), shape: Any = ()
) -> Array:
    """For each rank and run, how many elements of the run stand before that rank: they add up to it.

    `candidates` are the elements of the `windows`, rank by rank and in a rank run by run.

    >>> splits(np.array([1, 2, 2, 2, 2, 3]), np.array([[[0, 3], [0, 3]]]), ranks=[4])
    array([[3, 1]])
    """
    out = windows[..., 0].astype(np.int64)
    for number, (elements, missing) in enumerate(_open(candidates, windows, _of(ranks, block))):
        run = np.repeat(np.arange(out.shape[1]), windows[number, :, 1] - windows[number, :, 0])
        chosen = np.argsort(elements, kind="stable")[:missing]
        out[number] += np.bincount(run[chosen], minlength=out.shape[1])
    return out


@kernel(flops=lambda *_, **__: 0)
def between(splits: Array) -> Array:
    """From the splits of two ranks what lies between them in each run: (first, last + 1).

    >>> between(np.array([[3, 1], [4, 4]])).tolist()
    [[3, 4], [1, 4]]
    """
    return np.ascontiguousarray(splits.T)


@kernel(flops=select_flops, needs_block=True)
def select(
    candidates: Array, windows: Array, *, ranks: Sequence[int], block: Sequence[Span] = (), shape: Any = ()
) -> Array:
    """The element of each rank of the whole line, from 0 on; `candidates` and `windows` as for `splits`.

    >>> select(np.array([1, 2, 2, 2, 2, 3]), np.array([[[0, 3], [0, 3]]]), ranks=[5])
    array([3])
    """
    found = [np.partition(x, k)[k] for x, k in _open(candidates, windows, _of(ranks, block))]
    return np.array(found, candidates.dtype)


def _open(candidates: Array, windows: Array, ranks: Sequence[int]) -> Iterator[tuple[Array, int]]:
    """For each rank its candidates, and how many of them stand before it."""
    ends = np.cumsum((windows[..., 1] - windows[..., 0]).sum(axis=1))
    if candidates.size != (ends[-1] if ends.size else 0):
        raise ValueError(f"{candidates.size} candidates for windows of {ends[-1:].sum()} elements")
    parts = np.split(candidates.reshape(-1), ends[:-1])
    for part, rank, before in zip(parts, ranks, windows[..., 0].sum(axis=1).tolist(), strict=False):
        yield part, int(rank) - before


@kernel(flops=sort_flops, takes_out=True)
def merge_runs(
    values: Array, positions: Array | None = None, *, axis: int = -1, out: Array | None = None
) -> Array | tuple[Array, Array]:
    """Sorted runs, one after the other along an axis, to one; with where each element came from, that too.

    Equal elements stay in the order of runs. NumPy's stable sort finds the runs by itself: it takes 7 to 60 ns an
    element for 2 to 256 runs, where to sort them anew takes 60 to 140; but only 2 to 10 where vector instructions do
    that, as they do on most processors for numbers of 2, 4 and 8 bytes.

    >>> merge_runs(np.array([2, 5, 2, 3]), np.array([0, 1, 2, 3]))
    (array([2, 2, 3, 5]), array([0, 2, 3, 1]))
    """
    if positions is None:
        anew = values.size > TRIED_RUNS * TRIED_LENGTH and _sorts_faster_than_merges(values.dtype)
        out = memory(out, values.shape, values.dtype)
        out[...] = values
        out.sort(axis=axis, kind="quicksort" if anew else "stable")
        return out
    order = np.argsort(values, axis=axis, kind="stable")
    return np.take_along_axis(values, order, axis), np.take_along_axis(positions, order, axis)


@cache
def _sorts_faster_than_merges(dtype: np.dtype[Any]) -> bool:
    """Whether NumPy sorts numbers faster than it merges runs of them, where equal ones are the same.

    Tried once, on as many as take some milliseconds: which instructions it uses depends on the processor, and NumPy
    does not say.
    """
    if dtype.kind not in "iuf":
        return False
    runs = np.random.default_rng(0).integers(0, 1 << 15, (TRIED_RUNS, TRIED_LENGTH)).astype(dtype)
    runs.sort(axis=1)

    def seconds(kind: Literal["quicksort", "stable"]) -> float:
        begin = perf_counter()
        np.sort(runs, axis=None, kind=kind)
        return perf_counter() - begin

    return min(seconds("quicksort") for _ in range(TRIES)) < min(seconds("stable") for _ in range(TRIES))
