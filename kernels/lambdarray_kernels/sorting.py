"""Lines that are whole in a tile, put in order: NumPy's own sorts, in NumPy's order, where NaN and NaT come last.

Lines that are cut in several tiles are `runs`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


def sort_flops(x: Shape, *_: Any, axis: int = -1, **__: Any) -> int:
    """The comparisons of a merge sort: n log2 n for each line.

    >>> sort_flops((3, 8), axis=1)
    72
    """
    return math.prod(x) * (max(x[axis], 1) - 1).bit_length()


def select_flops(*shapes: Shape | None, **_: Any) -> int:
    """Two comparisons an element, the mean of a selection."""
    return 2 * sum(math.prod(s) for s in shapes if s is not None)


@kernel(flops=sort_flops)
def sort(x: Array, *, axis: int = -1, stable: bool = False, descending: bool = False) -> Array:
    """The elements of each line in order.

    Descending is the reverse of ascending, NaN first; if `stable` too, equal elements (0.0 and -0.0) keep their
    order.

    >>> sort(np.array([2.0, np.nan, 1.0]))
    array([ 1.,  2., nan])
    """
    if not descending:
        return np.sort(x, axis=axis, stable=stable)
    return np.flip(np.sort(np.flip(x, axis), axis=axis, stable=stable), axis)


@kernel(flops=sort_flops)
def argsort(x: Array, *, axis: int = -1, descending: bool = False) -> Array:
    """Where the elements of each line are, in order; equal ones in the order in which they lie, always.

    >>> argsort(np.array([3, 1, 3]), descending=True)
    array([0, 2, 1])
    """
    if not descending:
        return np.argsort(x, axis=axis, kind="stable").astype(np.int64, copy=False)
    backwards: Array = argsort(np.flip(x, axis), axis=axis)
    return np.flip(x.shape[axis] - 1 - backwards, axis)


@kernel(flops=select_flops)
def partition(x: Array, *, kth: int | Sequence[int], axis: int = -1) -> Array:
    """The elements of each line with the `kth` in their places, smaller ones before and larger ones after them.

    >>> partition(np.array([4, 1, 3, 2]), kth=0)[0]
    np.int64(1)
    """
    return np.partition(x, kth, axis=axis)


@kernel(flops=select_flops)
def argpartition(x: Array, *, kth: int | Sequence[int], axis: int = -1) -> Array:
    """Where the elements are that `partition` puts in order.

    >>> argpartition(np.array([4, 1, 3, 2]), kth=0)[0]
    np.int64(1)
    """
    return np.argpartition(x, kth, axis=axis).astype(np.int64, copy=False)


@kernel(flops=select_flops)
def topk(best: Array | None, x: Array, *, k: int, axis: int = -1) -> Array:
    """The `k` largest of `best` and `x` along an axis, the largest first; for k < 0 the -k smallest, smallest first.

    In a loop `best` is what was found so far, None at first. Where there are fewer than k, all of them. NaN is
    larger than everything.

    >>> topk(np.array([9, 2]), np.array([5, 7, 1]), k=3)
    array([9, 7, 5])
    """
    joined = x if best is None else np.concatenate([best, x], axis=axis, dtype=x.dtype)
    if abs(k) < joined.shape[axis]:
        place, ends = _ends(k, joined, axis)
        joined = np.partition(joined, place, axis=axis)[ends]
    ordered: Array = sort(joined, axis=axis, descending=k > 0)
    return ordered


@kernel(flops=select_flops, needs_block=True)
def argtopk(
    best: Array | None,
    x: Array,
    *,
    block: Sequence[Span],
    shape: Sequence[int],
    k: int,
    axis: int = -1,
    at: int | None = None,
) -> Array:
    """The same as `topk`, with where they are in the whole line: pairs with the fields `value` and `index`.

    `x` is a tile of plain elements, or of such pairs; `at` is the stage's axis that the line follows, `axis` where
    None. Equal elements are in the order in which they lie; which of those that equal the last one are kept is not
    defined.

    >>> argtopk(None, np.array([5, 7, 1]), block=[(10, 13)], shape=[20], k=2)["index"]
    array([11, 10])
    """
    axis %= x.ndim
    joined = x if x.dtype.names else _with_index(x, block[axis if at is None else at][0], axis)
    if best is not None:
        joined = np.concatenate([best, joined], axis=axis, dtype=joined.dtype)
    if abs(k) < joined.shape[axis]:
        place, ends = _ends(k, joined, axis)
        order = np.argpartition(joined["value"], place, axis=axis)
        joined = np.take_along_axis(joined, order[ends], axis)
    return np.take_along_axis(joined, _order(joined, axis, k > 0), axis)


def pair_dtype(dtype: Any) -> np.dtype[Any]:
    """What `argtopk` and `argmax` give for elements of this dtype: the value and its place.

    >>> pair_dtype("f4")
    dtype([('value', '<f4'), ('index', '<i8')])
    """
    return np.dtype([("value", dtype), ("index", "<i8")])


def _ends(k: int, x: Array, axis: int) -> tuple[int, tuple[slice, ...]]:
    """The place to partition the lines at, and what then takes the k largest, or -k smallest, out of them."""
    length, before = x.shape[axis], (slice(None),) * (axis % x.ndim)
    if k >= 0:
        return min(length - k, length - 1), (*before, slice(length - k, None))
    return -k - 1, (*before, slice(0, -k))


def _with_index(x: Array, start: int, axis: int) -> Array:
    """Each element with its place along an axis, counted from `start`."""
    out = np.empty(x.shape, pair_dtype(x.dtype))
    out["value"] = x
    out["index"] = np.arange(start, start + x.shape[axis]).reshape([-1 if d == axis else 1 for d in range(x.ndim)])
    return out


def _order(pairs: Array, axis: int, descending: bool) -> Array:
    """The order by value and then by place."""
    if not descending:
        return np.lexsort((pairs["index"], pairs["value"]), axis=axis)
    return np.flip(np.lexsort((-pairs["index"], pairs["value"]), axis=axis), axis)
