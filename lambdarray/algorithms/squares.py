"""The triangles L and U of a square matrix in parts, and systems that are solved with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import real_flops

from ..api.array import Array
from ..api.stages import In, Out, Stage, single, whole
from ..config import get_config
from ..tiling import Cuts
from .tiles import piece, together

# Columns of more tiles are halved; of fewer, one tile's are eliminated after the other.
MOST_PANELS = 8
# Blocks that a task updates: of few tiles a side while there are tasks for all, and of at most so many elements. What
# is at hand is better read as it lies than put together to larger blocks than products need to be fast.
BLOCKS, MOST_TILES, MOST_ELEMENTS, MOST_AT_HAND = 6, 8, 1 << 24, 1 << 20


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a matrix is cut: the side of a tile, the rows and columns that a task updates, how many of a sum it reads.

    `taken` is the rows that a task takes from all tiles that they may be in.
    """

    side: int
    rows: int
    columns: int
    depth: int
    taken: int

    @classmethod
    def of(cls, side: int, size: int) -> Tiles:
        """For a matrix with so many rows.

        >>> Tiles.of(512, 8192)
        Tiles(side=512, rows=1024, columns=1024, depth=1024, taken=1024)
        >>> import lambdarray as la
        >>> with la.config(executor="lambda", store="s3://bucket/scratch"):
        ...     Tiles.of(4096, 1_000_000)
        Tiles(side=4096, rows=8192, columns=4096, depth=1024, taken=16384)
        """
        local = get_config().local
        most = max(1, min(MOST_TILES, size // side // BLOCKS))
        while most > 1 and (most * side) ** 2 > (MOST_AT_HAND if local else MOST_ELEMENTS):
            most -= 1
        block = most * side
        if local or most > 1 or size < 8 * side or block**2 > MOST_ELEMENTS:
            return cls(side, block, block, block, block if local else 2 * block)
        # What is read for a tile is less where a block has more rows; parts of a sum are shorter, to have room for it.
        return cls(side, 2 * block, block, max(1, block // 4), 4 * block)

    def first(self, size: int) -> int:
        """How many of so many columns are eliminated first: one tile's, or half of many.

        >>> tiles = Tiles.of(10, 1000)
        >>> [tiles.first(n) for n in (5, 20, 80, 99)]
        [5, 10, 10, 50]
        """
        count = -(-size // self.side)
        return min(size, self.side) if count <= MOST_PANELS else count // 2 * self.side


@dataclass(frozen=True, slots=True)
class Split:
    """The triangles L and U of a square in four parts, of which the first and last are such squares themselves.

    A square of one tile is an array: L below the diagonal, and U; what it has in columns after those is not of it.
    """

    first: Square
    right: Array
    below: Array
    second: Square

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        size = self.first.shape[0] + self.second.shape[0]
        return size, size


Square = Array | Split


def substituted(
    square: Square, b: Array, tiles: Tiles, lower: bool, trans: str = "N", checked: bool = False
) -> list[Array]:
    """op(L)^-1 b where `lower`, else op(U)^-1 b, in parts, one below the other.

    With `checked` LinAlgError where U has a zero on its diagonal.
    """
    if isinstance(square, Array):
        return [_solved_tile(square, b, lower, trans, checked)]
    size, columns = square.first.shape[0], (0, b.shape[1])
    forwards = lower == (trans == "N")
    order = [(square.first, piece(b, (0, size), columns)), (square.second, piece(b, (size, len(b)), columns))]
    (one, early), (other, late) = order if forwards else order[::-1]
    found = substituted(one, early, tiles, lower, trans, checked)
    rest = less(late, square.below if lower else square.right, together(found, 0), tiles, trans)
    then = substituted(other, rest, tiles, lower, trans, checked)
    return [*found, *then] if forwards else [*then, *found]


def less(c: Array, a: Array, b: Array, tiles: Tiles, trans: str = "N") -> Array:
    """c - op(a) b."""
    axes = [Cuts(len(c), tiles.rows), c._op.tiling.axes[1], Cuts(len(b), tiles.depth)]
    stage = stage_of("gemm", axes, c.dtype, 2 * axes[0].max_chunk * axes[1].max_chunk * len(b), 0)
    stage.call("gemm_update", ("r0",), ("r1", "r2"), loop=True, trans=f"{trans}N")
    reads = [In(c, [0, 1]), In(a, [0, 2] if trans == "N" else [2, 0]), In(b, [2, 1])]
    return stage.make(reads, Out("r0", [0, 1], c.dtype))


def solved(square: Square, b: Array, tiles: Tiles, **params: Any) -> Array:
    """The same in one array."""
    return together(substituted(square, b, tiles, **params), 0)


def _solved_tile(square: Array, b: Array, lower: bool, trans: str, checked: bool) -> Array:
    size = len(b)
    cuts = b._op.tiling.axes[1]
    stage = stage_of("trsm", [single(size), cuts], b.dtype, size**2 * cuts.max_chunk, size**2)
    if checked:
        stage.call("regular", ("t",), ("r0",))
    triangle = "t" if checked else "r0"
    stage.call("trsm", ("y",), (triangle, "r1"), lower=lower, trans=trans, unit_diagonal=lower)
    return stage.make([corner(square, size), In(b, [0, 1])], Out("y", [0, 1], b.dtype))


def corner(square: Array, size: int) -> In:
    """The square that an array begins with."""
    return In(square, [whole(size), whole(size)])


def square_of(lu: Array, tile: int) -> Square:
    """L and U that are in one square matrix, as its parts.

    >>> import lambdarray as la
    >>> square_of(la.ones((5, 5)), 2).second.shape
    (3, 3)
    """
    size = lu.shape[0]
    half = -(-size // tile) // 2 * tile
    if not half:
        return lu
    return Split(
        square_of(lu[:half, :half], tile), lu[:half, half:], lu[half:, :half], square_of(lu[half:, half:], tile)
    )


def stage_of(
    kernel: str, axes: Sequence[Cuts], dtype: np.dtype[Any], flops: float, elements: int, grid: int = 2
) -> Stage:
    """A stage of a kernel with the real flops of a task, if numbers are real, and memory for so many elements more."""
    stage = Stage(kernel.replace("_", " "), axes, grid, flops=flops * real_flops(dtype))
    stage.extra_bytes = elements * dtype.itemsize
    return stage
