"""Places in ordered values, and the distinct values themselves.

What is searched may be cut in tiles: how many of its elements stand before a value is the sum over its tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .registry import Shape, kernel
from .sorting import sort_flops

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


def _search_flops(_: Shape | None, line: Shape, values: Shape, **__: Any) -> int:
    """A binary search for each value."""
    return math.prod(values) * line[0].bit_length()


@kernel(flops=_search_flops)
def searchsorted(found: Array | None, line: Array, values: Array, *, side: Literal["left", "right"] = "left") -> Array:
    """Add to `found`, None at first, how many elements of a tile of an ordered line stand before each value; int64.

    >>> part = searchsorted(None, np.array([1, 2, 2]), np.array([2, 9]))
    >>> searchsorted(part, np.array([2, 5]), np.array([2, 9]))
    array([1, 5])
    """
    places = np.asarray(np.searchsorted(line, values, side)).astype(np.int64, copy=False)
    return places if found is None else np.add(found, places, out=found)


@kernel(flops=lambda x, bins, **_: _search_flops(None, bins, x))
def digitize(x: Array, bins: Array, *, right: bool = False) -> Array:
    """`np.digitize`: the bin of each element; int64.

    >>> digitize(np.array([0.5, 2.0]), np.array([0.0, 1.0, 2.0]))
    array([1, 3])
    """
    return np.asarray(np.digitize(x, bins, right)).astype(np.int64, copy=False)


@kernel(flops=lambda x, xp, *_, **__: _search_flops(None, xp, x) + 4 * math.prod(x))
def interp(
    x: Array, xp: Array, fp: Array, *, left: Any = None, right: Any = None, period: float | None = None
) -> Array:
    """`np.interp`: the line through the points (xp, fp) at `x`; a complex `left` or `right` is its two parts.

    >>> interp(np.array([0.5, 3.0]), np.array([0.0, 1.0]), np.array([0.0, 10.0]), right=-1)
    array([ 5., -1.])
    """
    first, last = (complex(*end) if isinstance(end, list | tuple) else end for end in (left, right))
    return np.asarray(np.interp(x, xp, fp, left=first, right=last, period=period))


@kernel(flops=lambda found, x, *_, **__: _search_flops(None, (math.prod(x),), found or x))
def isin(found: Array | None, x: Array, test: Array) -> Array:
    """Whether each element is one of those of a tile, or of one before that `found` tells of; NaN is not.

    >>> isin(np.array([False, True]), np.array([1, 2]), np.array([7, 1]))
    array([ True,  True])
    """
    here = np.isin(x, test)
    return here if found is None else np.logical_or(found, here, out=found)


def unique_dtype(dtype: Any) -> np.dtype[Any]:
    """What `unique` gives for elements of this dtype.

    >>> unique_dtype("f4").names
    ('value', 'index', 'count')
    """
    return np.dtype([("value", dtype), ("index", "<i8"), ("count", "<i8")])


def _unique_flops(*shapes: Shape | None, **_: Any) -> int:
    """Those of a sort."""
    return sort_flops((sum(math.prod(s) for s in shapes if s is not None),))


@kernel(flops=_unique_flops, needs_block=True)
def unique(
    found: Array | None, x: Array, *, block: Sequence[Span], shape: Sequence[int], equal_nan: bool = True
) -> Array:
    """The distinct values of a tile and of what was `found` before, None at first: in order, each with two fields more.

    `index` is the place of the first in the whole array flattened, `count` how many there are. `x` is a tile of plain
    elements, or of such triples, as other tiles gave them. The inverse is `searchsorted` of the elements in the values.

    >>> unique(None, np.array([7, 5, 7]), block=[(10, 13)], shape=[20])
    array([(5, 11, 1), (7, 10, 2)],
          dtype=[('value', '<i8'), ('index', '<i8'), ('count', '<i8')])
    """
    triples = x if x.dtype.names else _of_tile(x, block, shape, equal_nan)
    if found is not None:
        triples = np.concatenate([found, triples], dtype=triples.dtype)
    elif not x.dtype.names:
        return triples
    # Tiles may come in any order, and the first of equal values is the one with the least place.
    triples = triples[np.lexsort((triples["index"], triples["value"]))]
    starts = np.flatnonzero(_differs(triples["value"], equal_nan))
    out = triples[starts]
    if starts.size:
        out["count"] = np.add.reduceat(triples["count"], starts)
    return out


def _of_tile(x: Array, block: Sequence[Span], shape: Sequence[int], equal_nan: bool) -> Array:
    """The distinct elements of a tile."""
    order = np.argsort(x, axis=None, kind="stable")
    ordered = x.reshape(-1)[order]
    starts = np.flatnonzero(_differs(ordered, equal_nan))
    out = np.empty(starts.size, unique_dtype(x.dtype))
    out["value"], out["count"] = ordered[starts], np.diff(starts, append=x.size)
    places, left = np.zeros(starts.size, np.int64), order[starts]
    for d in reversed(range(x.ndim)):
        left, here = np.divmod(left, max(x.shape[d], 1))
        places += (here + block[d][0]) * math.prod(shape[d + 1 : x.ndim])
    out["index"] = places
    return out


def _differs(ordered: Array, equal_nan: bool) -> Array:
    """Where in a line each of its distinct values begins."""
    out = np.ones(ordered.size, bool)
    out[1:] = ordered[1:] != ordered[:-1]
    if equal_nan and ordered.dtype.kind in "fcmM":
        out[1:] &= ~(np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
    return out


@kernel(flops=_unique_flops)
def merge_unique(triples: Array, *, equal_nan: bool = True) -> Array:
    """What `unique` gives for several tiles, joined, as it gives it for all.

    >>> tiles = [unique(None, np.array([7]), block=[(n, n + 1)], shape=[2]) for n in range(2)]
    >>> merge_unique(np.concatenate(tiles)).tolist()
    [(7, 0, 2)]
    """
    out: Array = unique(None, triples, block=(), shape=(), equal_nan=equal_nan)
    return out


@kernel(flops=lambda *_, **__: 0)
def headed(*parts: Array, length: int) -> tuple[Array, ...]:
    """What is of a length that only the data tell, made `length` long along its first axis; and how long it was.

    >>> headed(np.array([5, 6]), length=4)
    (array([5, 6, 0, 0]), array([2]))
    """
    return *(_longer(p, length) for p in parts), np.array([len(parts[0])], np.int64)


def _longer(x: Array, length: int) -> Array:
    out = np.zeros((length, *x.shape[1:]), x.dtype)
    out[: len(x)] = x
    return out


@kernel(flops=lambda *_, **__: 0)
def parts(triples: Array) -> tuple[Array, Array, Array]:
    """The values, indices and counts of what `unique` gives.

    >>> parts(unique(None, np.array([7, 7]), block=[(0, 2)], shape=[2]))
    (array([7]), array([0]), array([2]))
    """
    value, index, count = (np.ascontiguousarray(triples[name]) for name in ("value", "index", "count"))
    return value, index, count


@kernel(flops=lambda x, **_: sort_flops(x))
def unique_rows(x: Array, *, equal_nan: bool = True) -> tuple[Array, Array, Array, Array]:
    """The distinct rows, which row is the first of each, which of them each row is, and how many there are.

    >>> unique_rows(np.array([[2, 1], [0, 1], [2, 1]]))[2]
    array([1, 0, 1])
    """
    rows, index, inverse, count = np.unique(x, True, True, True, axis=0, equal_nan=equal_nan)
    return rows, index, inverse.reshape(-1), count
