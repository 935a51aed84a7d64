"""LU factorisation of one large matrix by tiles, with tournament pivoting.

Columns are halved until they are panels of one tile (S. Toledo, "Locality of reference in LU decomposition with
partial pivoting", 1997), whose pivots are found by a tournament (L. Grigori, J. Demmel and H. Xiang, "CALU: a
communication optimal LU factorization algorithm", 2011). Which row stands where is an array of row numbers, and so
known only to tasks. Rows are moved where they are used next: a task that updates a block of rows takes the few that
come from above, so that a change of places costs no write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lambdarray_kernels.lapack import lu_flops
from lambdarray_kernels.row_orders import number_columns

from ..api.array import Array
from ..api.creation import arange
from ..api.manipulation import concatenate
from ..api.stages import In, Out, Stage, single, whole
from ..tiling import AxisMap, Cuts
from .row_changes import Change
from .squares import Split, Square, Tiles, stage_of, substituted

Piece = tuple[int, int, Array]

# Candidates of so many blocks meet in one task, and a block has so many times as many rows as the panel has columns.
FAN_IN, MOST_BYTES = 4, 1 << 28


@dataclass(frozen=True, slots=True)
class Factor:
    """L and U of some columns, and the numbers of all rows in the order that they have then.

    `pieces` are the parts of L and U, each with its first row and column in the whole matrix; `below` are the rows of L
    that are under the square, in parts side by side: none where there are no such rows.
    """

    square: Square
    below: Sequence[Array]
    rows: Array
    pieces: Sequence[Piece]

    def on_diagonal(self) -> Sequence[Piece]:
        """The squares of one tile, in order."""
        return [piece for piece in self.pieces if piece[0] == piece[1]]


def factored(a: Array, tile: int) -> Factor:
    """The factorisation of a matrix of floats; where it has more columns than rows, of the first ones.

    The other columns become U's as well, L^-1 times what they were.
    """
    m, n = a.shape
    made = _factored(a, arange(m, chunks=m), 0, min(m, n), Tiles.of(tile, m))
    return Factor(made.square, (), made.rows, [*made.pieces, *_placed(made.below, min(m, n), 0, 1)])


def _placed(parts: Sequence[Array], row: int, column: int, axis: int) -> list[Piece]:
    """Parts that follow one another along an axis, each with its first row and column."""
    starts = np.cumsum([0, *(x.shape[axis] for x in parts[:-1])]).tolist()
    return [(row if axis else row + n, column + n if axis else column, x) for n, x in zip(starts, parts, strict=False)]


def _factored(a: Array, rows: Array, start: int, pivots: int, tiles: Tiles) -> Factor:
    """Of the rows from `start` on of the whole matrix, which are those that `rows` names there."""
    n = a.shape[1]
    width = tiles.half(pivots)
    if not width and n == pivots:
        return _panel(a, rows, start, tiles)
    width = width or pivots
    left = _factored(a[:, :width], rows, start, width, tiles)
    moving = Change(rows, left.rows, start, width).of(a[:, width:], tiles)
    solved = substituted(left.square, moving.top(), tiles, lower=True)
    pieces = [*left.pieces, *_placed(solved, start, start + width, 0)]
    if width == pivots:
        return Factor(left.square, left.below, left.rows, pieces)
    under, right = concatenate(left.below, 1), concatenate(solved, 0)
    rest = moving.lower((under, right))
    second = _factored(rest, left.rows, start + width, pivots - width, tiles)
    moving = Change(left.rows, second.rows, start + width, pivots - width).of(under, tiles)
    beside = moving.top()
    below = [moving.lower(), *second.below] if second.below else []
    square = Split(left.square, right[:, : pivots - width], beside, second.square)
    return Factor(square, below, second.rows, [*pieces, (start + width, start, beside), *second.pieces])


def _panel(a: Array, rows: Array, start: int, tiles: Tiles) -> Factor:
    """Of one tile's columns: pivots by a tournament of blocks of rows, then the rows below by what they are of U."""
    pivots = _tournament(a)
    size = a.shape[1]
    stage = Stage("place pivots", rows._op.tiling.axes)
    stage.call("place_pivots", ("y",), ("r0", "r1"), start=start)
    after = stage.make([In(rows, [0]), In(pivots, list(map(whole, pivots.shape)))], Out("y", [0], rows.dtype))
    below = [Change(rows, after, start, size).eliminated(a, tiles, pivots)] if len(a) > size else []
    return Factor(pivots, below, after, [(start, start, pivots[:, :size])])


def _tournament(a: Array) -> Array:
    """The rows that a panel is eliminated with, factorised, and behind them their numbers in the panel."""
    m, size = a.shape
    packed, fan_in = size + number_columns(a.dtype), _fan_in(a)
    starts = np.arange(0, m, fan_in * size)
    if m - starts[-1] < size:  # too few rows for a block of their own
        starts = starts[:-1]
    cuts = Cuts.from_bounds(np.append(starts, m))
    reads, axes = [In(a, [0, 1])], [cuts, single(size)]
    found = _round("choose_pivots", reads, axes, (cuts.max_chunk, size), [size, packed])
    while (count := found.shape[0] // size) > 1:
        reads, axes = [In(found, [AxisMap(0, step=size, size=size), 1])], [Cuts(count, max(2, fan_in)), single(packed)]
        found = _round("join_pivots", reads, axes, (axes[0].max_chunk * size, size), [size, 0])
    return found


def _fan_in(a: Array) -> int:
    """How many times as many rows as a panel has columns a task looks at."""
    return max(1, min(FAN_IN, MOST_BYTES // (a.shape[1] ** 2 * a.dtype.itemsize)))


def _round(
    kernel: str, reads: Sequence[In], axes: Sequence[Cuts], shape: tuple[int, int], by_block: Sequence[int]
) -> Array:
    """A round of a tournament, in which each task looks at rows of this shape."""
    dtype = reads[0].array.dtype
    stage = stage_of(kernel, axes, dtype, lu_flops(shape), shape[0] * shape[1])
    stage.call(kernel, ("y",), ("r0",), last=axes[0].count == 1)
    return stage.make(reads, Out("y", [0, 1], dtype, by_block))
