"""Counters over a grid, one small unsigned integer for each cell, counted down box by box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..numbering import box_volume
from ..tiling import Span

SCALAR_BOX = 4  # cells up to which a loop over plain integers beats NumPy's fixed cost of a few microseconds


class Counters:
    """Counts for the cells of a grid, in C order.

    `flat` is a memoryview: reading and writing one cell through it costs a fraction of NumPy's indexing.

    >>> c = Counters((2, 3), np.array([1, 2, 1, 1, 1, 1], np.uint8))
    >>> c.down(((0, 1), (0, 3)))
    [0, 2]
    """

    __slots__ = ("cells", "flat", "grid")

    def __init__(self, grid: Sequence[int], values: np.ndarray) -> None:
        self.grid = tuple(grid)
        self.flat = values.reshape(-1).data
        self.cells = values.reshape(self.grid)

    def down(self, box: Sequence[Span]) -> list[int]:
        """Take one from every cell of `box`; the numbers of the cells that are then 0."""
        volume = box_volume(box)
        if volume == 1:
            return self._down_one(box)
        if volume <= SCALAR_BOX:
            return self._down_one_by_one(box_numbers(box, self.grid)) if volume else []
        view = self.cells[tuple([slice(lo, hi) for lo, hi in box])]
        view -= 1
        if view.all():
            return []
        return box_numbers_where(view == 0, box, self.grid)

    def _down_one(self, box: Sequence[Span]) -> list[int]:
        n = 0
        for (lo, _), count in zip(box, self.grid, strict=True):
            n = n * count + lo
        left = self.flat[n] - 1
        self.flat[n] = left
        return [] if left else [n]

    def _down_one_by_one(self, numbers: Sequence[int]) -> list[int]:
        flat, zeros = self.flat, []
        for n in numbers:
            left = flat[n] - 1
            flat[n] = left
            if not left:
                zeros.append(n)
        return zeros


def box_numbers(box: Sequence[Span], grid: Sequence[int]) -> Sequence[int]:
    """The numbers of a box's cells, in C order.

    >>> list(box_numbers(((0, 2), (1, 3)), (2, 3)))
    [1, 2, 4, 5]
    """
    if len(box) == 1:
        return range(*box[0])
    out = [0]
    for (lo, hi), count in zip(box, grid, strict=True):
        out = [n * count + i for n in out for i in range(lo, hi)]
    return out


def box_numbers_where(mask: np.ndarray, box: Sequence[Span], grid: Sequence[int]) -> list[int]:
    """The numbers of those cells of a box where `mask`, which has its shape, is true."""
    where = np.nonzero(mask)
    number: np.ndarray = np.zeros(len(where[0]), np.int64)
    for found, (lo, _), count in zip(where, box, grid, strict=True):
        number = number * count + (found + lo)
    return list(number.tolist())
