"""Counts of a tile by value, as partial results: with length 1 along the tile's axes and the bins after those.

They add up over tiles, as partials of `combine` of the kind "sum".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


def count_flops(x: Shape, *_: Any, **__: Any) -> int:
    """One for each element."""
    return math.prod(x)


@kernel(flops=count_flops, needs_block=True)
def bincount(x: Array, weights: Array | None = None, *, block: Sequence[Span], shape: Sequence[int]) -> Array:
    """How often each number of the stage's last axis occurs in a tile, or the sum of its weights.

    That axis may be cut into blocks: numbers of other blocks do not count here. ValueError for a negative number, and
    for one that is beyond the whole axis.

    >>> bincount(np.array([1, 3, 1]), block=[(0, 3), (0, 4)], shape=[3, 4])
    array([[0, 2, 0, 1]])
    """
    (lo, hi), length = block[x.ndim], shape[x.ndim]
    numbers = x.reshape(-1).astype(np.int64, copy=False)
    if numbers.min(initial=0) < 0:
        raise ValueError("'list' argument must have no negative elements")
    if (most := int(numbers.max(initial=-1)) + 1) > length:
        raise ValueError(f"bincount of numbers up to {most - 1} needs {most} bins, and there are {length}")
    heavy = None if weights is None else weights.reshape(-1)
    if (lo, hi) != (0, length):
        here = (numbers >= lo) & (numbers < hi)
        numbers, heavy = numbers[here] - lo, None if heavy is None else heavy[here]
    # Of nothing NumPy gives integers, weights or not.
    counts = np.bincount(numbers, heavy, minlength=hi - lo).astype("<i8" if weights is None else "<f8", copy=False)
    return counts.reshape((1,) * x.ndim + counts.shape)


@kernel(flops=lambda *_, bins, **__: bins + 1)
def bin_edges(low: Array, high: Array, *, bins: int, dtype: str) -> Array:
    """The edges of `bins` equal bins from the least to the greatest element of an array of this dtype, as NumPy's.

    >>> bin_edges(np.array([0.0]), np.array([1.0]), bins=4, dtype="<f8")
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    kind = np.dtype("u1" if np.dtype(dtype).kind == "b" else dtype)
    return np.histogram_bin_edges(np.empty(0, kind), bins, (_scalar(low), _scalar(high)))


@kernel(flops=count_flops)
def histogram(
    x: Array,
    *given: Array,
    bins: int | None = None,
    range: tuple[Any, Any] | None = None,
    weighted: bool = False,
) -> Array:
    """The counts of `np.histogram` for a tile, bit for bit.

    `given` are the edges; or, with a number of equal `bins`, the least and the greatest element of the whole array,
    unless `range` has those. With `weighted` the weights come last. Equal bins are not the same as their edges: NumPy
    computes the bin of an element, with roundings of its own.

    >>> histogram(np.array([1.0, 2.0, 2.5]), bins=2, range=(1, 3))
    array([[1, 2]])
    """
    rest = [*given]
    weights = rest.pop().reshape(-1) if weighted else None
    how: Any = rest[0] if bins is None else bins
    if bins is not None and range is None:
        range = (_scalar(rest[0]), _scalar(rest[1]))
    counts, _ = np.histogram(_number(x).reshape(-1), how, range, weights=weights)
    return counts.reshape((1,) * x.ndim + counts.shape)


@kernel(flops=lambda sample, *_, **__: math.prod(sample))
def histogramdd(sample: Array, *given: Array, weighted: bool = False) -> Array:
    """The counts of `np.histogramdd` for a tile of points, one a row, between the edges that are given for each column.

    With `weighted` the weights come last.

    >>> histogramdd(np.array([[0.5, 1.5], [0.5, 0.5]]), np.array([0, 1]), np.array([0, 1, 2])).tolist()
    [[[[1.0, 1.0]]]]
    """
    edges = [*given]
    weights = edges.pop() if weighted else None
    counts, _ = np.histogramdd(sample, edges, weights=weights)
    return counts.reshape((1, 1, *counts.shape))


def _scalar(x: Array) -> Any:
    """The only element, with its dtype."""
    return _number(x).reshape(-1)[0]


def _number(x: Array) -> Array:
    """What NumPy counts for booleans."""
    return x.astype(np.uint8) if x.dtype.kind == "b" else x
