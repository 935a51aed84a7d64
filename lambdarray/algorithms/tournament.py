"""LU factorisation of one large matrix by tiles, with tournament pivoting.

Panels of one tile's columns are eliminated one after the other. The columns of the next panel are updated before all
others, so that it is factorised while these are. Where columns are many they are halved until they are few (S. Toledo,
"Locality of reference in LU decomposition with partial pivoting", 1997): a tile is then written about log2 of their
number times, and not once for each. Pivots are found by a tournament (L. Grigori, J. Demmel and H. Xiang, "CALU: a
communication optimal LU factorization algorithm", 2011), or by one task for as few workers as are busy in the meantime.

Which row stands where is an array of row numbers, and so known only to tasks. Rows are moved where they are used next:
a task that updates a block of rows takes the few that come from above, so that a change of places costs no write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from lambdarray_kernels.lapack import lu_flops
from lambdarray_kernels.row_orders import number_columns

from ..api.array import Array
from ..api.creation import arange
from ..api.stages import In, Out, Stage, single, whole
from ..config import get_config
from ..runtime.launch import worker_count
from ..tiling import AxisMap, Cuts
from .row_changes import Arranged, Change, Looking
from .squares import Split, Square, Tiles, stage_of, substituted
from .tiles import piece, together

Piece = tuple[int, int, Array]

# So few workers have updates to do for as long as one task is busy with a panel.
FEW_WORKERS = 4
# Candidates of so many blocks meet in one task, and a block has so many times as many rows as the panel has columns.
FAN_IN, MOST_BYTES = 4, 1 << 28


@dataclass(frozen=True, slots=True)
class Factor:
    """L and U of some columns, and the numbers of all rows in the order that they have then.

    `pieces` are the parts of L and U, each with its first row and column in the whole matrix; `below` are the rows of L
    that are under the square, in parts side by side: none where there are no such rows. `beyond` is what L^-1 makes of
    the columns after the square, in parts one below the other.
    """

    square: Square
    below: Sequence[Array]
    beyond: Sequence[Array]
    rows: Array
    pieces: Sequence[Piece]

    def on_diagonal(self) -> Sequence[Piece]:
        """The squares of one tile, in order."""
        return [part for part in self.pieces if part[0] == part[1]]


def factored(a: Array, tile: int) -> Factor:
    """The factorisation of a matrix of floats; where it has more columns than rows, of the first ones.

    The other columns become U's as well, L^-1 times what they were.
    """
    m, n = a.shape
    made = _factored(a, arange(m, chunks=m), 0, min(m, n), Tiles.of(tile, m))
    below = placed(made.below, min(m, n), 0, 1)
    return Factor(made.square, (), made.beyond, made.rows, [*made.pieces, *below])


def placed(parts: Sequence[Array], row: int, column: int, axis: int) -> list[Piece]:
    """Parts that follow one another along an axis, each with its first row and column."""
    starts = np.cumsum([0, *(x.shape[axis] for x in parts[:-1])]).tolist()
    return [(row if axis else row + n, column + n if axis else column, x) for n, x in zip(starts, parts, strict=False)]


def _factored(a: Array, rows: Array, start: int, pivots: int, tiles: Tiles) -> Factor:
    """Of the rows from `start` on of the whole matrix, which are those that `rows` names there."""
    (m, n), width = a.shape, tiles.first(pivots)
    if width == n:
        return _panel(a, rows, start, tiles)
    left = _factored(piece(a, (0, m), (0, width)), rows, start, width, tiles)
    change, ahead = Change(rows, left.rows, start, width), min(width + tiles.side, pivots)
    spans = [(lo, hi) for lo, hi in ((width, ahead), (ahead, n)) if lo < hi]
    made = [_updated(left, change.of(piece(a, (0, m), span), tiles), tiles) for span in spans]
    there = [placed(upper, start, start + lo, 0) for (lo, _), (upper, _) in zip(spans, made, strict=True)]
    pieces = [*left.pieces, *chain(*there)]
    right = together([together(upper, 0) for upper, _ in made], 1)
    beyond = [piece(right, (0, width), (pivots - width, n - width))] if n > pivots else []
    if width == pivots:
        return Factor(left.square, left.below, beyond, left.rows, pieces)
    rest = together([lower for _, lower in made if lower is not None], 1)
    second = _factored(rest, left.rows, start + width, pivots - width, tiles)
    moving = Change(left.rows, second.rows, start + width, pivots - width).of(together(left.below, 1), tiles)
    beside = moving.top()
    below = [moving.lower(), *second.below] if second.below else []
    square = Split(left.square, piece(right, (0, width), (0, pivots - width)), beside, second.square)
    pieces += [(start + width, start, beside), *second.pieces]
    return Factor(square, below, [*beyond, *second.beyond], second.rows, pieces)


def _updated(left: Factor, moving: Looking | Arranged, tiles: Tiles) -> tuple[list[Array], Array | None]:
    """What becomes of other columns: rows of U, in parts one below the other, and what is left below, if anything."""
    if isinstance(left.square, Array) and isinstance(moving, Looking):
        upper = [moving.top(left.square)]
    else:
        upper = substituted(left.square, moving.top(), tiles, lower=True)
    return upper, moving.lower((together(left.below, 1), together(upper, 0))) if left.below else None


def _panel(a: Array, rows: Array, start: int, tiles: Tiles) -> Factor:
    """Of one tile's columns: pivots by a tournament of blocks of rows, then the rows below by what they are of U.

    Where there is one block its task makes both.
    """
    (m, size), cuts = a.shape, _blocks(a)
    alone, columns = cuts.count == 1, size + number_columns(a.dtype)
    axes, by_block = [cuts, single(size)], [m if alone else size, columns]
    found = _round("choose_pivots", In(a, [0, 1]), axes, (cuts.max_chunk, size), by_block)
    pivots = found[:size] if alone else _joined(found, size)
    stage = Stage("place pivots", rows._op.tiling.axes)
    stage.call("place_pivots", ("y",), ("r0", "r1"), start=start)
    after = stage.make([In(rows, [0]), In(pivots, list(map(whole, pivots.shape)))], Out("y", [0], rows.dtype))
    below = found[size:, :size] if alone else Change(rows, after, start, size).eliminated(a, tiles, pivots)
    return Factor(pivots, [below] if m > size else [], [], after, [(start, start, pivots[:, :size])])


def _blocks(a: Array) -> Cuts:
    """The rows of a panel that tasks look at first."""
    m, size = a.shape
    starts = np.arange(0, m, _fan_in(size, a.dtype) * size)
    if m - starts[-1] < size:  # too few rows for a block of their own
        starts = starts[:-1]
    return Cuts.from_bounds(np.append(starts, m))


def _joined(found: Array, size: int) -> Array:
    """The rows that a panel is eliminated with, factorised, and behind them their numbers in the panel."""
    fan_in = max(2, _fan_in(size, found.dtype))
    while (count := len(found) // size) > 1:
        axes = [Cuts(count, fan_in), single(found.shape[1])]
        read = In(found, [AxisMap(0, step=size, size=size), 1])
        found = _round("join_pivots", read, axes, (axes[0].max_chunk * size, size), [size, 0])
    return found


def _fan_in(size: int, dtype: np.dtype[Any]) -> int:
    """How many times as many rows as a panel has columns a task looks at."""
    most = max(1, MOST_BYTES // (size**2 * dtype.itemsize))
    return most if worker_count(get_config()) <= FEW_WORKERS else min(FAN_IN, most)


def _round(kernel: str, read: In, axes: Sequence[Cuts], shape: tuple[int, int], by_block: Sequence[int]) -> Array:
    """A round of a tournament, in which each task looks at rows of this shape."""
    dtype = read.array.dtype
    stage = stage_of(kernel, axes, dtype, lu_flops(shape), shape[0] * shape[1])
    stage.call(kernel, ("y",), ("r0",), last=axes[0].count == 1)
    return stage.make([read], Out("y", [0, 1], dtype, by_block))
