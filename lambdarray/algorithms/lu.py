"""LU factorisation of one large matrix with tournament pivoting, and what is computed from it, by tiles.

Columns are halved until they are panels of one tile (S. Toledo, "Locality of reference in LU decomposition with
partial pivoting", 1997), whose pivots are found by a tournament (L. Grigori, J. Demmel and H. Xiang, "CALU: a
communication optimal LU factorization algorithm", 2011). Which row stands where is an array of row numbers, and so
known only to tasks. Rows are moved where they are used next: a task that updates a block of rows takes the few that
come from above, so that a change of places costs no write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lambdarray_kernels.lapack import lu_flops
from lambdarray_kernels.pivoting import number_columns

from ..api.array import Array
from ..api.creation import arange
from ..api.diagonals import diagonal
from ..api.grids import eye, tril, triu
from ..api.manipulation import concatenate
from ..api.matrices import sample
from ..api.reductions import prod
from ..api.reductions import sum as sum_
from ..api.stages import In, Out, Stage, single, whole
from ..tiling import AxisMap, Cuts
from .tiles import patched, tiled

Piece = tuple[int, int, Array]

# Candidates of so many blocks meet in one task, and a block has so many times as many rows as the panel has columns.
FAN_IN = 4
# Blocks that a task updates: of few tiles a side while there are tasks for all, and of at most so many elements.
FLOPS = {"f": 1, "c": 4}  # of real numbers and of complex ones
BLOCKS, MOST_TILES, MOST_ELEMENTS = 6, 8, 1 << 24


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


@dataclass(frozen=True, slots=True)
class Tiles:
    """How a matrix is cut: the side of a tile, and of the blocks that a task updates."""

    side: int
    block: int

    @classmethod
    def of(cls, side: int, size: int) -> Tiles:
        """For a matrix with so many rows.

        >>> Tiles.of(512, 8192), Tiles.of(4096, 1_000_000)
        (Tiles(side=512, block=1024), Tiles(side=4096, block=4096))
        """
        most = max(1, min(MOST_TILES, size // side // BLOCKS))
        while most > 1 and (most * side) ** 2 > MOST_ELEMENTS:
            most -= 1
        return cls(side, most * side)

    def half(self, size: int) -> int:
        """Where columns are halved: between tiles, nothing where there is one."""
        return (-(-size // self.side) // 2) * self.side


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
    m, n = a.shape
    width = tiles.half(pivots)
    if not width and n == pivots:
        return _panel(a, rows, start, tiles)
    width = width or pivots
    left = _factored(a[:, :width], rows, start, width, tiles)
    change = Change(rows, left.rows, start, width)
    solved = substituted(left.square, change.top(a[:, width:], tiles), tiles.side, lower=True)
    pieces = [*left.pieces, *_placed(solved, start, start + width, 0)]
    if width == pivots:
        return Factor(left.square, left.below, left.rows, pieces)
    under, right = concatenate(left.below, 1), concatenate(solved, 0)
    rest = change.lower(a[:, width:], tiles, product=(under, right))
    second = _factored(rest, left.rows, start + width, pivots - width, tiles)
    change = Change(left.rows, second.rows, start + width, pivots - width)
    beside = change.top(under, tiles)
    below = [change.lower(under, tiles), *second.below] if second.below else []
    square = Split(left.square, right[:, : pivots - width], beside, second.square)
    return Factor(square, below, second.rows, [*pieces, (start + width, start, beside), *second.pieces])


def _panel(a: Array, rows: Array, start: int, tiles: Tiles) -> Factor:
    """Of one tile's columns: pivots by a tournament of blocks of rows, then the rows below by what they are of U."""
    pivots = _tournament(a)
    size = a.shape[1]
    stage = Stage("place pivots", rows._op.tiling.axes)
    stage.call("place_pivots", ("y",), ("r0", "r1"), start=start)
    after = stage.make([In(rows, [0]), In(pivots, list(map(whole, pivots.shape)))], Out("y", [0], rows.dtype))
    below = [Change(rows, after, start, size).lower(a, tiles, pivots=pivots)] if len(a) > size else []
    return Factor(pivots, below, after, [(start, start, pivots[:, :size])])


def _tournament(a: Array) -> Array:
    """The rows that a panel is eliminated with, factorised, and behind them their numbers in the panel."""
    m, size = a.shape
    packed = size + number_columns(a.dtype)
    starts = np.arange(0, m, FAN_IN * size)
    if m - starts[-1] < size:  # too few rows for a block of their own
        starts = starts[:-1]
    cuts = Cuts.from_bounds(np.append(starts, m))
    stage = _stage(
        "choose_pivots", [cuts, single(size)], a.dtype, lu_flops((cuts.max_chunk, size)), cuts.max_chunk * size
    )
    stage.call("choose_pivots", ("y",), ("r0",), last=cuts.count == 1)
    found = stage.make([In(a, [0, 1])], Out("y", [0, 1], a.dtype, [size, packed]))
    while (count := found.shape[0] // size) > 1:
        cuts = Cuts(count, FAN_IN)
        stage = _stage(
            "join_pivots", [cuts, single(packed)], a.dtype, lu_flops((FAN_IN * size, size)), FAN_IN * size**2
        )
        stage.call("join_pivots", ("y",), ("r0",), last=cuts.count == 1)
        reads = [In(found, [AxisMap(0, step=size, size=size), 1])]
        found = stage.make(reads, Out("y", [0, 1], a.dtype, [size, 0]))
    return found


def _stage(
    kernel: str, axes: Sequence[Cuts], dtype: np.dtype[Any], flops: float, elements: int, grid: int = 2
) -> Stage:
    """A stage of a kernel with the real flops of a task, if numbers are real, and memory for two copies of its data."""
    stage = Stage(kernel.replace("_", " "), axes, grid, flops=flops * FLOPS[dtype.kind])
    stage.extra_bytes = 2 * elements * dtype.itemsize
    return stage


@dataclass(frozen=True, slots=True)
class Change:
    """How rows from `start` on change places when pivots are found: their numbers before, and after.

    The first `height` are pivots then. All others stay where they are, but those that make room for pivots.
    """

    before: Array
    after: Array
    start: int
    height: int

    def top(self, a: Array, tiles: Tiles) -> Array:
        """The rows of `a`, which begins at `start`, that are the first `height` now."""
        m, n = a.shape
        axes = [Cuts(self.height, tiles.block), Cuts(n, tiles.block), Cuts(m, tiles.block)]
        stage = _stage("take_rows", axes, a.dtype, 0, axes[2].max_chunk * axes[1].max_chunk)
        stage.call("take_rows", ("y",), ("r0", "r1", "r2"), loop=True)
        reads = [In(a, [2, 1]), In(self.before, [AxisMap(2, self.start)]), In(self.after, [AxisMap(0, self.start)])]
        return stage.make(reads, Out("y", [0, 1], a.dtype))

    def lower(
        self, a: Array, tiles: Tiles, product: tuple[Array, Array] | None = None, pivots: Array | None = None
    ) -> Array:
        """The rows after those: less a product, or what they are of the pivots' U."""
        (m, n), first = a.shape, self.start + self.height
        axes = [Cuts(m - self.height, tiles.block), Cuts(n, tiles.block), Cuts(self.height, tiles.block)]
        elements = axes[0].max_chunk * axes[1].max_chunk
        flops = 0 if product is None else 2 * elements * self.height
        stage = _stage("update_rows", axes, a.dtype, flops, elements)
        reads = [
            In(a, [AxisMap(0, self.height), 1]),
            In(self.before, [AxisMap(0, first)]),
            In(self.after, [AxisMap(0, first)]),
            In(a, [2, 1]),
            In(self.before, [AxisMap(2, self.start)]),
        ]
        reads += [] if product is None else [In(product[0], [0, 2]), In(product[1], [2, 1])]
        stage.call("update_rows", ("y",), [f"r{n}" for n in range(len(reads))], loop=True)
        if pivots is None:
            return stage.make(reads, Out("y", [0, 1], a.dtype))
        stage.call("eliminate", ("z",), ("y", f"r{len(reads)}"))
        stage.flops += n * n * axes[0].max_chunk * FLOPS[a.dtype.kind]
        reads.append(In(pivots, list(map(whole, pivots.shape))))
        return stage.make(reads, Out("z", [0, 1], a.dtype))


# -- what is made of it


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
    rest: Any = late - beside @ concatenate(found, 0)  # type: ignore[operator]
    then = substituted(other, rest.rechunk((tile, b.chunks[1])), tile, lower, trans, checked)
    return [*found, *then] if forwards else [*then, *found]


def _solved(square: Square, b: Array, tile: int, **params: Any) -> Array:
    """The same in one array."""
    return concatenate(substituted(square, b, tile, **params), 0)


def _solved_tile(square: Array, b: Array, lower: bool, trans: str, checked: bool) -> Array:
    size, columns = b.shape
    cuts = b._op.tiling.axes[1]
    stage = _stage("trsm", [single(size), cuts], b.dtype, size**2 * cuts.max_chunk, size**2)
    corner = AxisMap(-1, size=size)
    if checked:
        stage.call("regular", ("t",), ("r0",))
    params = {"lower": lower, "trans": trans, "unit_diagonal": lower}
    stage.call("trsm", ("y",), ("t" if checked else "r0", "r1"), **params)
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


def lu(a: Array, tile: int, *, permute_l: bool = False, p_indices: bool = False) -> tuple[Array, ...]:
    """P, L and U of `scipy.linalg.lu`."""
    order, *kinds = sample("lu", [a], {"p_indices": p_indices})
    (m, n), made = a.shape, factored(a.astype(kinds[0]), tile)
    k = min(m, n)
    ones = [(row, row, tril(x, -1) + eye(*x.shape, dtype=x.dtype)) for row, _, x in made.on_diagonal()]
    lower = patched((m, k), tile, [*(p for p in made.pieces if p[0] > p[1]), *ones])
    upper = [(row, row, triu(x)) for row, _, x in made.on_diagonal()]
    upper = patched((k, n), tile, [*(p for p in made.pieces if p[0] < p[1]), *upper])
    if permute_l:
        return Change(made.rows, arange(m, chunks=m), 0, m).top(lower, Tiles.of(tile, m)), upper
    if p_indices:
        return inverse(made.rows).astype(order), lower, upper
    return permutation(made.rows, tile, order).T, lower, upper


def lu_factor(a: Array, tile: int) -> tuple[Array, Array]:
    """L and U in one matrix, and with which row each of the first ones changed its place."""
    (kind,) = sample("lu", [a], {"permute_l": True})[1:]
    made = factored(a.astype(kind), tile)
    k = min(a.shape)
    return patched(a.shape, tile, made.pieces), _of_rows("interchanges", made.rows, k, np.intc, count=k)


def lu_solve(lu: Array, pivots: Array, b: Array, trans: str, tile: int) -> Array:
    """What op(a) is of the matrix `b`, by what `lu_factor` made of a."""
    size = len(lu)
    square, start = square_of(lu, tile), arange(size, chunks=size)
    rows = _of_rows("interchanged", pivots, size, np.int64, length=size)
    if trans == "N":
        return _solved_permuted(square, rows, b, tile)
    y = _solved(square, _solved(square, b, tile, lower=False, trans=trans), tile, lower=True, trans=trans)
    return Change(rows, start, 0, size).top(y, Tiles.of(tile, size))


def solve_general(a: Array, b: Array, tile: int) -> Array:
    """x with a @ x = b for a square matrix and a vector or matrix `b`; LinAlgError where U has a zero on its diagonal.

    >>> import lambdarray as la
    >>> solve_general(la.asarray([[0.0, 2.0], [4.0, 0.0]]), la.asarray([2.0, 2.0]), tile=1).compute()
    array([0.5, 1. ])
    """
    (kind,) = sample("solve", [a, b], {})
    vector = b.ndim == 1
    made = factored(a.astype(kind), tile)
    x = _solved_permuted(made.square, made.rows, (b[:, None] if vector else b).astype(kind), tile, checked=True)
    return x[:, 0] if vector else x


def inv(a: Array, tile: int) -> Array:
    """The inverse of a square matrix; LinAlgError as in `solve_general`."""
    (kind,) = sample("inv", [a], {})
    made = factored(a.astype(kind), tile)
    y = _solved(made.square, permutation(made.rows, tile, kind), tile, lower=True)
    return _solved(made.square, y, tile, lower=False, checked=True)


def slogdet(a: Array, tile: int) -> tuple[Array, Array]:
    """The sign of the determinant of a square matrix, and the logarithm of its size."""
    kinds = sample("slogdet", [a], {})
    made = factored(a.astype(kinds[0]), tile)
    pivots: Any = concatenate([diagonal(x) for _, _, x in made.on_diagonal()], 0)
    stage = Stage("parity", [])
    stage.call("parity", ("y",), ("r0",))
    even: Any = stage.make([In(made.rows, [whole(len(made.rows))])], Out("y", [], np.int64))
    return prod(np.sign(pivots)) * even.astype(kinds[0]), sum_(np.log(np.abs(pivots))).astype(kinds[1])


def det(a: Array, tile: int) -> Array:
    """The determinant of a square matrix."""
    sign, logarithm = slogdet(a, tile)
    return sign * np.exp(logarithm).astype(sign.dtype)


def _solved_permuted(square: Square, rows: Array, b: Array, tile: int, checked: bool = False) -> Array:
    size = len(b)
    b = Change(arange(size, chunks=size), rows, 0, size).top(b, Tiles.of(tile, size))
    return _solved(square, _solved(square, b, tile, lower=True), tile, lower=False, checked=checked)


def permutation(rows: Array, tile: int, dtype: Any) -> Array:
    """The matrix that brings rows into an order."""
    own: Any = rows[:, None] == arange(len(rows))
    return tiled(own.astype(dtype), tile)


def inverse(rows: Array) -> Array:
    """The place that each row came to."""
    return _of_rows("inverse_order", rows, len(rows), np.int64)


def _of_rows(kernel: str, x: Array, size: int, dtype: Any, **params: Any) -> Array:
    """A kernel of one vector, in one task."""
    stage = Stage(kernel, [single(size)])
    stage.call(kernel, ("y",), ("r0",), **params)
    return stage.make([In(x, [whole(len(x))])], Out("y", [0], dtype))
