"""P, L and U of one large matrix, and what is solved with them: systems, inverses and determinants, by tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..api.array import Array
from ..api.creation import arange, zeros
from ..api.diagonals import diagonal
from ..api.grids import eye, tril, triu
from ..api.manipulation import concatenate
from ..api.matrices import sample
from ..api.reductions import prod
from ..api.reductions import sum as sum_
from ..api.stages import In, Out, Stage, single, whole
from .row_changes import Change
from .squares import Square, Tiles, less, solved, square_of, substituted
from .tiles import patched, tiled, together
from .tournament import Piece, factored, placed


def lu(a: Array, tile: int, *, permute_l: bool = False, p_indices: bool = False) -> tuple[Array, ...]:
    """P, L and U of `scipy.linalg.lu`."""
    order, *kinds = sample("lu", [a], {"p_indices": p_indices})
    (m, n), made = a.shape, factored(a.astype(kinds[0]), tile)
    k = min(m, n)
    under = [piece for piece in made.pieces if piece[0] > piece[1]]
    over = [piece for piece in made.pieces if piece[0] < piece[1]]
    lower = patched((m, k), tile, [*under, *((row, row, _unit_lower(x)) for row, _, x in made.on_diagonal())])
    upper = patched((k, n), tile, [*over, *((row, row, triu(x)) for row, _, x in made.on_diagonal())])
    if permute_l:
        return Change(made.rows, arange(m, chunks=m), 0, m).of(lower, Tiles.of(tile, m)).top(), upper
    if p_indices:
        return inverse(made.rows).astype(order), lower, upper
    return permutation(made.rows, tile, order).T, lower, upper


def _unit_lower(x: Array) -> Array:
    ones: Any = eye(len(x), dtype=x.dtype, chunks=len(x))
    return ones + tril(x, -1)  # type: ignore[no-any-return]


def lu_factor(a: Array, tile: int) -> tuple[Array, Array]:
    """L and U in one matrix, and with which row each of the first ones changed its place."""
    (kind,) = sample("lu", [a], {"permute_l": True})[1:]
    made = factored(a.astype(kind), tile)
    k = min(a.shape)
    whole_matrix = patched((a.shape[0], a.shape[1]), tile, made.pieces)
    return whole_matrix, _of_rows("interchanges", made.rows, k, np.intc, count=k)


def lu_solve(lu: Array, pivots: Array, b: Array, trans: str, tile: int) -> Array:
    """op(a)^-1 b for a matrix `b`, by what `lu_factor` made of a."""
    (kind,) = sample("lu_solve", [lu, b, pivots[:, None]], {})
    lu, b, size = lu.astype(kind), b.astype(kind), len(lu)
    square, start = square_of(lu, tile), arange(size, chunks=size)
    rows = _of_rows("interchanged", pivots, size, np.int64, length=size)
    tiles = Tiles.of(tile, size)
    if trans == "N":
        return _solved(square, rows, b, tiles)
    y = solved(square, solved(square, b, tiles, lower=False, trans=trans), tiles, lower=True, trans=trans)
    return Change(rows, start, 0, size).of(y, tiles).top()


def solve_general(a: Array, b: Array, tile: int) -> Array:
    """x with a @ x = b for a square matrix and a vector or matrix `b`; LinAlgError where U has a zero on its diagonal.

    >>> import lambdarray as la
    >>> solve_general(la.asarray([[0.0, 2.0], [4.0, 0.0]]), la.asarray([2.0, 2.0]), tile=1).compute()
    array([0.5, 1. ])
    """
    (kind,) = sample("solve", [a, b], {})
    vector, right = b.ndim == 1, (b[:, None] if b.ndim == 1 else b).astype(kind)
    if not right.size:
        return right
    made = factored(together([a.astype(kind), right], 1), tile)
    x = solved(made.square, together(made.beyond, 0), Tiles.of(tile, len(a)), lower=False, checked=True)
    return x[:, 0] if vector else x


def inv(a: Array, tile: int) -> Array:
    """The inverse of a square matrix; LinAlgError as in `solve_general`.

    That is U^-1 L^-1 with the columns where the rows were: of L^-1 only the lower triangle is made and solved with.
    """
    (kind,) = sample("inv", [a], {})
    made, size = factored(a.astype(kind), tile), len(a)
    tiles = Tiles.of(tile, size)
    y = patched((size, size), tiles.columns, _lower_inverse(made.square, tiles))
    x = solved(made.square, y, tiles, lower=False, checked=True)
    return Change(made.rows, arange(size, chunks=size), 0, size).of(x.T, tiles).top().T


def _lower_inverse(square: Square, tiles: Tiles) -> list[Piece]:
    """L^-1 in parts, each with its first row and column."""
    if isinstance(square, Array):
        ones: Any = eye(len(square), dtype=square.dtype, chunks=len(square))
        return [(0, 0, solved(square, ones, tiles, lower=True))]
    size, rest = square.first.shape[0], square.second.shape[0]
    first, second = _lower_inverse(square.first, tiles), _lower_inverse(square.second, tiles)
    x = patched((size, size), tiles.columns, first)
    nothing: Any = zeros((rest, size), x.dtype, chunks=tiles.columns)
    under = substituted(square.second, less(nothing, square.below, x, tiles), tiles, lower=True)
    return [*first, *placed(under, size, 0, 0), *((size + i, size + j, part) for i, j, part in second)]


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
    size: Any = np.exp(logarithm)  # type: ignore[call-overload]
    return np.multiply(sign, size.astype(sign.dtype))  # type: ignore[no-any-return, call-overload]


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


def _solved(square: Square, rows: Array, b: Array, tiles: Tiles) -> Array:
    """U^-1 L^-1 times the rows of `b` in an order."""
    size = len(b)
    b = Change(arange(size, chunks=size), rows, 0, size).of(b, tiles).top()
    return solved(square, solved(square, b, tiles, lower=True), tiles, lower=False)
