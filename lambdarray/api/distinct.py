"""Distinct values: how many there are depends on the data, so that they are found when a function is called.

Each tile gives its own, in order, with where the first of each is and how many there are. Those of several tiles are
merged, in groups that fit a task, until all are together. Where they are too many for that all elements are sorted,
and each that differs from the one before it is a first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..ops import Shape
from ..tiling import AxisMap, Cuts
from .array import Array
from .axes import axis_of
from .counting import nonzero
from .creation import asarray, empty
from .differences import diff
from .elementwise import call, where
from .indexing import take
from .manipulation import concatenate, moveaxis, ravel, reshape
from .reductions import sum as sum_
from .scans import cumsum
from .searching import searchsorted
from .sorting import argsort
from .stages import In, Out, Stage, lines, single, whole

# The values, with index and count, that a task merges, about.
MOST_MERGED = 1 << 21
# The values of all tiles, those that several have counted for each, that may come together in a task.
MOST_TOGETHER = 1 << 24


class UniqueAllResult(NamedTuple):
    """What `unique_all` gives."""

    values: Array
    indices: Array
    inverse_indices: Array
    counts: Array


class UniqueCountsResult(NamedTuple):
    """What `unique_counts` gives."""

    values: Array
    counts: Array


class UniqueInverseResult(NamedTuple):
    """What `unique_inverse` gives."""

    values: Array
    inverse_indices: Array


def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The distinct values in order, found now; or the distinct parts along an axis, where all of it fits a worker.

    In this order where they are asked for: the place of the first of each, for each element which of the values it
    is, and how many there are of each.

    >>> import lambdarray as la
    >>> values, counts = la.unique(la.asarray([7, 5, 7], chunks=2), return_counts=True)
    >>> values.compute(), counts.compute()
    (array([5, 7]), array([1, 2]))
    """
    x = asarray(ar)
    values, index, inverse, counts = _all(x, equal_nan) if axis is None else _along(x, axis, equal_nan)
    wanted = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    out = (values, *(made for asked, made in wanted if asked))
    return out if len(out) > 1 else values


def unique_all(x: Any) -> UniqueAllResult:
    """The distinct values, each NaN one of its own, their first places, which each element is, and how many."""
    return UniqueAllResult(*_all(asarray(x), False))


def unique_counts(x: Any) -> UniqueCountsResult:
    """The distinct values, each NaN one of its own, and how many there are of each."""
    values, _, _, counts = _all(asarray(x), False)
    return UniqueCountsResult(values, counts)


def unique_inverse(x: Any) -> UniqueInverseResult:
    """The distinct values, each NaN one of its own, and which of them each element is."""
    values, _, inverse, _ = _all(asarray(x), False)
    return UniqueInverseResult(values, inverse)


def unique_values(x: Any) -> Array:
    """The distinct values, each NaN one of its own."""
    return _all(asarray(x), False)[0]


def _all(x: Array, equal_nan: bool) -> tuple[Array, Array, Array, Array]:
    """Values, first places, inverse and counts, of all elements."""
    if not x.size:
        none = empty((0,), np.int64)
        return empty((0,), x.dtype), none, empty(x.shape, np.int64), none
    of_tiles, lengths = _of_tiles(ravel(x), equal_nan)
    if lengths.sum() > MOST_TOGETHER:
        return _by_sort(x, equal_nan)
    triples = _merged(of_tiles, lengths, equal_nan)
    stage = Stage("values, places and counts", triples._op.tiling.axes)
    stage.call("parts", ("v", "i", "c"), ("r0",))
    outs = [Out("v", [0], x.dtype), Out("i", [0], np.int64), Out("c", [0], np.int64)]
    values, index, counts = stage.make_all([In(triples, [0])], outs)
    return values, index, _inverse(x, values, equal_nan), counts


def _by_sort(x: Array, equal_nan: bool) -> tuple[Array, Array, Array, Array]:
    """The same where what is distinct need not fit a worker."""
    from .compute import run_now

    order = argsort(ravel(x), stable=True)
    (ordered, order), _ = run_now([take(ravel(x), order), order], [], "what is distinct")
    after: Any = ordered[1:] != ordered[:-1]
    if equal_nan and x.dtype.kind in "fcmM":
        lost: Any = call(np.isnat if x.dtype.kind in "mM" else np.isnan, ordered)
        after = after & ~(lost[1:] & lost[:-1])
    starts = concatenate([asarray([True]), after])
    (places,) = nonzero(starts)
    which: Any = cumsum(starts, dtype=np.int64) - 1  # type: ignore[operator]
    inverse = reshape(take(which, argsort(order)), x.shape)
    return ordered[places], order[places], inverse, diff(places, append=asarray([x.size]))


def _inverse(x: Array, values: Array, equal_nan: bool) -> Array:
    """Which of the values each element is."""
    found = searchsorted(values, x)
    if x.dtype.kind not in "fcmM":
        return found
    if equal_nan:  # complex NaN that are one value may stand after it
        return call(np.minimum, found, values.size - 1)  # type: ignore[no-any-return]
    lost: Array = call(np.isnat if x.dtype.kind in "mM" else np.isnan, x)
    nth = reshape(cumsum(ravel(lost), dtype=np.int64), x.shape)
    last: Array = call(np.subtract, values.size - 1, sum_(lost))
    return where(lost, call(np.add, last, nth), found)


# -- what is of a length that the data tell


def found_now(kept: Sequence[Array], lengths: Array) -> tuple[list[Array], np.ndarray]:
    """Run: the arrays, kept where runs keep their tiles, and how much of them in each block there is."""
    from .compute import run_now

    arrays, (counts,) = run_now(kept, [lengths], "what is distinct")
    return arrays, counts


def headed(stage: Stage, inputs: Sequence[In], outs: Sequence[tuple[str, Any, Shape]], length: int) -> list[Array]:
    """The registers (with dtype, and shape after the first axis) of one task, as long as they turn out to be.

    `length` is what they are at most. The first axis of the stage stands for them.
    """
    made = [f"{register} long" for register, _, _ in outs]
    stage.axes = [*stage.axes, *(single(n) for _, _, shape in outs for n in shape)]
    stage.call("headed", [*made, "length"], [register for register, _, _ in outs], length=length)
    kept, at = [], 1
    for name, (_, dtype, shape) in zip(made, outs, strict=True):
        kept.append(Out(name, [0, *range(at, at + len(shape))], dtype, [length, *(0 for _ in shape)]))
        at += len(shape)
    *arrays, lengths = stage.make_all(inputs, [*kept, Out("length", [0], np.int64, [1])])
    arrays, (count,) = found_now(arrays, lengths)
    return [a[: int(count)] for a in arrays]


# -- distinct elements of all tiles


def _of_tiles(flat: Array, equal_nan: bool) -> tuple[Array, np.ndarray]:
    """The distinct elements of each tile, at the head of a block of its own; and how many they are."""
    from lambdarray_kernels.searching import unique_dtype

    kind = unique_dtype(flat.dtype)
    cuts = lines(flat, [], kind.itemsize)
    stage = Stage("unique of tiles", cuts)
    stage.call("unique", ("u",), ("r0",), loop=True, equal_nan=equal_nan)
    return _heads(stage, [In(flat, [0])], kind, cuts[0].max_chunk)


def _heads(stage: Stage, inputs: Sequence[In], kind: Any, length: int) -> tuple[Array, np.ndarray]:
    stage.call("headed", ("t", "n"), ("u",), length=length)
    blocks, counts = stage.make_all(inputs, [Out("t", [0], kind, [length]), Out("n", [0], np.int64, [1])])
    (kept,), found = found_now([blocks], counts)
    return kept, found


def _merged(kept: Array, counts: np.ndarray, equal_nan: bool) -> Array:
    """The distinct elements of all blocks, from those at the head of each."""
    while counts.size > 1:
        bounds = _groups(counts)
        # Of each block, what stands before each group: all of it or nothing.
        before = np.where(np.arange(counts.size) < bounds[:, None], counts, 0)
        length = int(before.sum(1)[1:].max() if bounds.size == 2 else np.diff(before.sum(1)).max())
        groups = bounds.size - 1
        stage = Stage("merge unique", [Cuts(groups, 1)])
        stage.call("between", ("w",), ("r0",))
        stage.call("merge_unique", ("u",), ("r1",), equal_nan=equal_nan)
        splits = In(asarray(before, chunks=-1), [AxisMap(0, size=2, by_block=True), whole(counts.size)])
        inputs = [splits, In(kept, [whole(kept.size)], by="w", most=length)]
        kept, counts = _heads(stage, inputs, kept.dtype, length)
    return kept[: int(counts[0])]


def _groups(counts: np.ndarray) -> np.ndarray:
    """The bounds of groups of blocks, two at least in each, that a task merges."""
    bounds, total = [0], 0
    for block, count in enumerate(counts.tolist()):
        if total + count > MOST_MERGED and block - bounds[-1] >= 2 and counts.size - block >= 2:
            bounds.append(block)
            total = 0
        total += count
    return np.array([*bounds, counts.size])


# -- distinct parts along an axis


def _along(x: Array, axis: Any, equal_nan: bool) -> tuple[Array, Array, Array, Array]:
    """Distinct parts of `x` along an axis, first places, inverse and counts."""
    at = axis_of(axis, x.ndim)
    if not x.size:
        values, index, inverse, counts = map(asarray, np.unique(np.empty(x.shape, x.dtype), True, True, True, at))
        return values, index, inverse, counts
    moved = moveaxis(x, at, 0)
    size, rest = moved.shape[0], moved.shape[1:]
    rows = reshape(moved, (size, -1))
    stage = Stage("unique rows", [Cuts(1, 1)])
    stage.call("unique_rows", ("v", "i", "inverse", "c"), ("r0",), equal_nan=equal_nan)
    width = rows.shape[1]
    outs: list[tuple[str, Any, Shape]] = [("v", x.dtype, (width,)), ("i", np.int64, ()), ("c", np.int64, ())]
    values, index, counts = headed(stage, [In(rows, [whole(size), whole(width)])], outs, size)
    back = Stage("inverse of unique rows", [single(size)])
    back.call("unique_rows", ("v", "i", "inverse", "c"), ("r0",), equal_nan=equal_nan)
    inverse = back.make([In(rows, [whole(size), whole(width)])], Out("inverse", [0], np.int64))
    return moveaxis(reshape(values, (values.shape[0], *rest)), 0, at), index, inverse, counts
