"""The triangles L and U of a square matrix in parts, and systems that are solved with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.manipulation import concatenate
from ..api.stages import In, Out, Stage, single
from ..tiling import AxisMap, Cuts
from .tiles import tiled

FLOPS = {"f": 1, "c": 4}  # of real numbers and of complex ones


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
    square: Square, b: Array, tile: int, lower: bool, trans: str = "N", checked: bool = False
) -> list[Array]:
    """op(L)^-1 b where `lower`, else op(U)^-1 b, in parts, one below the other.

    With `checked` LinAlgError where U has a zero on its diagonal.
    """
    if isinstance(square, Array):
        return [_solved_tile(square, b, lower, trans, checked)]
    size = square.first.shape[0]
    forwards = lower == (trans == "N")
    beside = square.below if lower else square.right
    beside = beside if trans == "N" else (beside.conj() if trans == "C" else beside).T
    order = [(square.first, b[:size]), (square.second, b[size:])]
    (one, early), (other, late) = order if forwards else order[::-1]
    found = substituted(one, early, tile, lower, trans, checked)
    late, beside = late.rechunk((tile, b.chunks[1])), tiled(beside, tile)
    rest: Any = late - beside @ concatenate(found, 0)  # type: ignore[operator]
    then = substituted(other, rest, tile, lower, trans, checked)
    return [*found, *then] if forwards else [*then, *found]


def solved(square: Square, b: Array, tile: int, **params: Any) -> Array:
    """The same in one array."""
    return concatenate(substituted(square, b, tile, **params), 0)


def _solved_tile(square: Array, b: Array, lower: bool, trans: str, checked: bool) -> Array:
    size = len(b)
    cuts = b._op.tiling.axes[1]
    stage = stage_of("trsm", [single(size), cuts], b.dtype, size**2 * cuts.max_chunk, size**2)
    corner = AxisMap(-1, size=size)
    if checked:
        stage.call("regular", ("t",), ("r0",))
    triangle = "t" if checked else "r0"
    stage.call("trsm", ("y",), (triangle, "r1"), lower=lower, trans=trans, unit_diagonal=lower)
    return stage.make([In(square, [corner, corner]), In(b, [0, 1])], Out("y", [0, 1], b.dtype))


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
    stage = Stage(kernel.replace("_", " "), axes, grid, flops=flops * FLOPS[dtype.kind])
    stage.extra_bytes = elements * dtype.itemsize
    return stage
