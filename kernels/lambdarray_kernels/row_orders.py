"""Rows of a matrix that change places: their numbers, and what a block of rows takes from others.

Which row stands where is an array of row numbers. Candidates for pivots carry theirs in columns of their own, so that
both are one tile and agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .fortran import INT, blas
from .registry import Shape, kernel, memory
from .updates import in_rows, leading

Array = np.ndarray[Any, Any]


def number_columns(dtype: np.dtype[Any]) -> int:
    """The columns of a dtype that an int64 for each row takes."""
    return -(-8 // dtype.itemsize)


def packed(rows: Array, numbers: Array) -> Array:
    """Rows of a matrix with their numbers, bit by bit, behind them.

    >>> packed(np.ones((2, 3), np.float32), np.array([5, 9])).shape
    (2, 5)
    """
    bits = np.zeros((len(rows), number_columns(rows.dtype)), rows.dtype)
    bits.view(np.int64)[:, 0] = numbers
    return np.concatenate([rows, bits], axis=1)


def unpacked(tile: Array) -> tuple[Array, Array]:
    """The inverse of `packed`.

    >>> rows, numbers = unpacked(packed(np.ones((2, 3), np.complex128), np.array([5, 9])))
    >>> rows.shape, numbers
    ((2, 3), array([5, 9]))
    """
    width = tile.shape[1] - number_columns(tile.dtype)
    return tile[:, :width], np.ascontiguousarray(tile[:, width:]).view(np.int64)[:, 0]


@kernel(flops=lambda rows, pivots, **_: pivots[0])
def place_pivots(rows: Array, pivots: Array, *, start: int) -> Array:
    """The numbers of rows once a panel's pivots have changed places, one by one, with those from `start` on.

    >>> place_pivots(np.array([7, 6, 5, 4]), packed(np.ones((2, 2)), np.array([2, 0])), start=1)
    array([7, 4, 6, 5])
    """
    content: dict[int, int] = {}
    places: dict[int, int] = {}
    for i, pivot in enumerate(unpacked(pivots)[1].tolist()):
        place, other = places.get(pivot, pivot), content.get(i, i)
        content[place], places[other] = other, place
        content[i], places[pivot] = pivot, i
    out = rows.copy()
    for place, was in content.items():
        out[start + place] = rows[start + was]
    return out


@kernel(flops=lambda *_, **__: 0, takes_out=True)
def take_rows(found: Array | None, source: Array, have: Array, wanted: Array, out: Array | None = None) -> Array:
    """Put into `found` the rows of the source whose numbers are wanted; those that it has are `have`.

    At first that is None, and its memory any: every row has to be in one of the sources.

    >>> found = take_rows(None, np.array([[1.0], [2.0]]), np.array([8, 3]), np.array([3, 5, 8]))
    >>> take_rows(found, np.array([[4.0]]), np.array([5]), np.array([3, 5, 8])).T
    array([[2., 4., 1.]])
    """
    if found is None:
        found = memory(out, (len(wanted), source.shape[1]), source.dtype)
    here, there = _matched(have, wanted)
    found[here] = source[there]
    return found


def _matched(have: Array, wanted: Array) -> tuple[Array, Array]:
    """Where a wanted number is one of those that there are, and where that one is."""
    order = np.argsort(have)
    there = order[np.minimum(np.searchsorted(have, wanted, sorter=order), len(have) - 1)]
    here = np.flatnonzero(have[there] == wanted)
    return here, there[here]


def _update_flops(made: Shape | None, own: Shape, *rest: Shape, **_: Any) -> int:
    """Those of the product, if there is one."""
    return 2 * own[0] * own[1] * rest[-1][0] if len(rest) > 4 else 0


@kernel(flops=_update_flops, uses_blas=True, takes_out=True)
def update_rows(
    made: Array | None,
    own: Array,
    have: Array,
    wanted: Array,
    above: Array,
    numbers: Array,
    *product: Array,
    out: Array | None = None,
) -> Array:
    """Some rows after others changed places with rows above them, less the product of two matrices, if given.

    The rows are `own` and have the numbers `have`; those whose numbers are not the wanted ones come from above, where
    each of `above` has one of `numbers`. `made` is None at first; a task goes through what is above and through the
    product in parts.

    >>> own, above = np.array([[1.0], [2.0]]), np.array([[9.0]])
    >>> update_rows(None, own, np.array([4, 5]), np.array([4, 0]), above, np.array([0]), np.eye(2, 1), np.ones((1, 1)))
    array([[0.],
           [9.]])
    """
    moved = np.flatnonzero(have != wanted)
    if made is None:
        made = memory(out, own.shape, own.dtype)
        made[...] = own
        made[moved] = 0
    here, there = _matched(numbers, wanted[moved])
    made[moved[here]] += above[there]
    if product:
        _subtract(made, *product)
    return made


def _subtract(c: Array, a: Array, b: Array) -> None:
    """`c -= a @ b` in place. (BLAS: gemm)"""
    (m, n), k = c.shape, a.shape[1]
    (a, lda), (b, ldb) = in_rows(a, c.dtype), in_rows(b, c.dtype)
    if 0 not in (m, n, k):
        # To Fortran all matrices are transposed.
        blas("gemm", c.dtype, "N", "N", n, m, k, -1.0, b, ldb, a, lda, 1.0, c, leading(c))


@kernel(flops=lambda before, *_, **__: before[0])
def route_rows(before: Array, after: Array, *, blocks: Sequence[int], tile: int) -> tuple[Array, Array, Array]:
    """The ways of rows from tiles of so many to blocks that begin, and the last ends, at `blocks`.

    That is the place to which each row goes; for each block and tile the first and last + 1 of the tile's rows that go
    there, once they are in the order of `arrange_rows`; and where in its block each row that is read so belongs.

    >>> to, ranges, places = route_rows(np.array([5, 6, 7, 8]), np.array([8, 6, 7, 5]), blocks=[0, 1, 4], tile=2)
    >>> to, ranges.tolist(), places
    (array([3, 1, 2, 0]), [[0, 0], [0, 1], [0, 2], [1, 2]], array([0, 0, 2, 1]))
    """
    order = np.argsort(before)
    source = order[np.searchsorted(before, after, sorter=order)]
    to = inverse_order(source)
    edges = [np.searchsorted(np.sort(to[i : i + tile]), blocks) for i in range(0, len(to), tile)]
    ranges = np.stack([[e[:-1], e[1:]] for e in edges]).transpose(2, 0, 1).reshape(-1, 2)
    places = [np.argsort(source[lo:hi] // tile, kind="stable") for lo, hi in pairwise(blocks)]
    return to, ranges.astype(np.int64, copy=False), np.concatenate(places)


@kernel(flops=lambda *_, **__: 0, takes_out=True)
def arrange_rows(rows: Array, to: Array, out: Array | None = None) -> Array:
    """Rows in the order of the places to which they go.

    >>> arrange_rows(np.array([[1.0], [2.0]]), np.array([7, 3]))
    array([[2.],
           [1.]])
    """
    made = memory(out, rows.shape, rows.dtype)
    made[inverse_order(np.argsort(to))] = rows
    return made


@kernel(flops=lambda *_: 0)
def bring_rows(rows: Array, places: Array) -> Array:
    """Rows at their places.

    >>> bring_rows(np.array([[1.0], [2.0]]), np.array([1, 0]))
    array([[2.],
           [1.]])
    """
    out = np.empty_like(rows, order="C")
    out[places] = rows
    return out


@kernel(flops=lambda rows, **_: rows[0])
def interchanges(rows: Array, *, count: int) -> Array:
    """The pivots of getrf, from 0: with which row each of the first rows changed its place, so that `rows` came about.

    >>> interchanges(np.array([2, 0, 1]), count=3)
    array([2, 2, 2], dtype=int32)
    """
    content, places = list(range(len(rows))), list(range(len(rows)))
    out = []
    for i, row in enumerate(rows[:count].tolist()):
        place, other = places[row], content[i]
        out.append(place)
        content[place], places[other] = other, place
        content[i], places[row] = row, i
    return np.array(out, INT)


@kernel(flops=lambda pivots, **_: pivots[0])
def interchanged(pivots: Array, *, length: int) -> Array:
    """The inverse of `interchanges`: the row that came to each place.

    >>> interchanged(np.array([2, 2, 2]), length=3)
    array([2, 0, 1])
    """
    order = list(range(length))
    for i, p in enumerate(pivots.tolist()):
        order[i], order[p] = order[p], order[i]
    return np.array(order, np.int64)


@kernel(flops=lambda rows: rows[0])
def inverse_order(rows: Array) -> Array:
    """For each row the place that it came to.

    >>> inverse_order(np.array([2, 0, 1]))
    array([1, 2, 0])
    """
    out = np.empty_like(rows)
    out[rows] = np.arange(len(rows))
    return out


@kernel(flops=lambda rows: rows[0])
def parity(rows: Array) -> Array:
    """1 where an order is made by an even number of changes of two places, else -1.

    >>> parity(np.array([1, 0, 2]))
    array(-1)
    """
    order, swaps = rows.tolist(), 0
    for i in range(len(order)):
        while (p := order[i]) != i:
            order[i], order[p] = order[p], p
            swaps += 1
    return np.array(1 - 2 * (swaps % 2))
