"""How the tasks of a stage are numbered: over all of its grid, or over what lies on and below the diagonal of it.

A task has a place in the grid, its index; a cell, which is the place of that in C order; and a number. Numbers have no
gaps, so that where some cells have no task they are not the cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .tiling import Index, Span


def box_volume(box: Sequence[Span]) -> int:
    """The number of cells of a box."""
    volume = 1
    for lo, hi in box:
        volume *= hi - lo
    return volume


class Numbering:
    """A task in every cell, in C order.

    >>> grid = Numbering((2, 3))
    >>> grid.count, grid.index(4), grid.number((1, 1))
    (6, (1, 1), 4)
    """

    __slots__ = ("count", "grid")

    # Whether a task's number is its cell.
    in_cells = True

    def __init__(self, grid: tuple[int, ...]) -> None:
        self.grid, self.count = grid, math.prod(grid)

    @property
    def order(self) -> tuple[int, ...]:
        """The axes, that first along which numbers change last."""
        return tuple(range(len(self.grid)))

    def index(self, number: int) -> Index:
        """The place in the grid of a task."""
        grid = self.grid
        if len(grid) == 1:
            return (number,)
        if len(grid) == 2:
            return divmod(number, grid[1])
        out = []
        for count in reversed(grid):
            number, i = divmod(number, count)
            out.append(i)
        out.reverse()
        return tuple(out)

    def number(self, index: Sequence[int]) -> int:
        """The inverse of `index`."""
        n = 0
        for i, count in zip(index, self.grid, strict=True):
            n = n * count + i
        return n

    def of_cell(self, cell: int) -> int:
        """The number of the task in a cell."""
        return cell

    def volume(self, box: Sequence[Span]) -> int:
        """The number of tasks in a box of the grid."""
        return box_volume(box)

    def spread(self, values: np.ndarray, empty: bool) -> np.ndarray:
        """A truth for each task as one for each place of the grid, those without a task `empty`."""
        return values.reshape(self.grid)

    def gathered(self, values: np.ndarray) -> np.ndarray:
        """What the places of the grid have, for each task; the inverse of `spread`."""
        return values.reshape(-1)

    def elements(self, lengths: Sequence[np.ndarray]) -> float:
        """The sum over all tasks of the product of lengths, of which each axis has one for each of its blocks."""
        return math.prod(float(n.sum()) for n in lengths)


class Triangle(Numbering):
    """A task in each cell (i, j) with i >= j, of a grid that has two axes and no more columns than rows.

    One column follows another, so that those which others wait for, the first ones, are done first.

    >>> grid = Triangle((3, 2))
    >>> grid.count, [grid.index(n) for n in range(grid.count)]
    (5, [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1)])
    """

    __slots__ = ()

    in_cells = False

    def __init__(self, grid: tuple[int, ...]) -> None:
        super().__init__(grid)
        self.count = self._before(grid[1])

    @property
    def order(self) -> tuple[int, ...]:
        return (1, 0)

    @property
    def _mask(self) -> np.ndarray:
        return np.tri(*self.grid, dtype=bool)

    def _before(self, column: int) -> int:
        """The number of tasks in the columns before one."""
        return column * self.grid[0] - column * (column - 1) // 2

    def index(self, number: int) -> Index:
        # The last column with j * rows - j * (j - 1) / 2 <= number.
        most = 2 * self.grid[0] + 1
        square = most * most - 8 * number
        root = math.isqrt(square)
        column = (most - root - (root * root < square)) // 2
        return column + number - self._before(column), column

    def number(self, index: Sequence[int]) -> int:
        row, column = index
        return self._before(column) + row - column

    def of_cell(self, cell: int) -> int:
        return self.number(divmod(cell, self.grid[1]))

    def volume(self, box: Sequence[Span]) -> int:
        (top, bottom), (left, right) = box
        if top + 1 >= right:
            return box_volume(box)
        # Of each column what is below its own diagonal.
        full, end = max(top + 1, left), min(right, bottom)
        partial = (end - full) * (2 * bottom - end - full + 1) // 2 if full < end else 0
        return (bottom - top) * max(0, min(full, right) - left) + partial

    def spread(self, values: np.ndarray, empty: bool) -> np.ndarray:
        out = np.full(self.grid, empty)
        out.T[self._mask.T] = values
        return out

    def gathered(self, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = values.reshape(self.grid).T[self._mask.T]
        return found

    def elements(self, lengths: Sequence[np.ndarray]) -> float:
        rows, columns = lengths
        below = rows[::-1].cumsum()[::-1]
        return float(columns.astype(float) @ below[: len(columns)])


def numbering(grid: tuple[int, ...], triangle: bool = False) -> Numbering:
    """The numbering of a grid."""
    return Triangle(grid) if triangle else Numbering(grid)
