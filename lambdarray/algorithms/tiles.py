"""Whether a matrix is worked on in tiles, how large they are, and how it is cut into them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..ops import Patch

# A matrix whose shorter side is no longer than this is one task's: LAPACK has it done before more tasks are worth it.
LEAST_SIDE = 2048
# Tiles of a matrix along a side: enough to keep workers busy, while a tile still is what BLAS is fast on.
PER_SIDE = 16
LEAST_TILE, MOST_TILE = 512, 4096
ROUND = 64


def side(x: Array, tile: int | None = None) -> int | None:
    """The side of the tiles that a matrix is worked on in; None where it is one task's, or a batch.

    `tile` is what the caller asked for. ValueError where that is no positive number, or `x` is a batch.

    >>> import lambdarray as la
    >>> side(la.ones((1000, 1000))), side(la.ones((1000, 1000)), 300), side(la.ones((40_000, 40_000)))
    (None, 300, 2560)
    """
    if tile is not None:
        length = operator.index(tile)
        if length < 1:
            raise ValueError(f"tile={tile}: tiles have at least one row and column")
        if x.ndim != 2:
            raise ValueError(
                f"tile={tile}: only a single matrix is worked on in tiles, not an array of shape {x.shape}"
            )
        return length
    if x.ndim != 2 or min(x.shape) <= LEAST_SIDE:
        return None
    wanted = -(-min(x.shape) // PER_SIDE)
    return min(MOST_TILE, max(LEAST_TILE, -(-wanted // ROUND) * ROUND))


def steps(size: int, tile: int) -> Iterator[tuple[int, int]]:
    """The first row of each tile, and the first row after it.

    >>> list(steps(5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    return ((start, min(start + tile, size)) for start in range(0, size, tile))


def tiled(x: Array, rows: int, columns: int | None = None) -> Array:
    """The same matrix in tiles of so many rows and, unless that is given too, as many columns."""
    made: Any = x.rechunk((max(1, rows), max(1, rows if columns is None else columns)))
    return made  # type: ignore[no-any-return]


def patched(shape: tuple[int, int], tile: int, pieces: Sequence[tuple[int, int, Array]]) -> Array:
    """A matrix in square tiles that has these pieces, each given with its first row and column, and else zeros."""
    dtype = pieces[0][2].dtype if pieces else np.dtype(float)
    made: Any = zeros(shape, dtype, chunks=tile)
    for row, column, piece in pieces:
        made = Array(Patch((made._op, piece._op), made._op.tiling, dtype, offset=(row, column)))
    return made  # type: ignore[no-any-return]
