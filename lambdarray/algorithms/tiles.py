"""Whether a matrix is worked on in tiles, how large they are, and how it is cut into them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..api.manipulation import concatenate
from ..config import get_config
from ..cost.factors import LU, Factorisation
from ..ops import Concat, Op, Patch, Rechunk, View
from .sides import best_side

Span = tuple[int, int]
Box = tuple[Span, Span]

# A matrix whose shorter side is no longer than this is one task's: LAPACK has it done before more tasks are worth it.
LEAST_SIDE = 2048
# Here, tiles of a matrix along a side: enough to keep workers busy, while a tile still is what BLAS is fast on.
PER_SIDE = 16
LEAST_TILE, MOST_TILE = 512, 4096
ROUND = 64
# Panels of so many columns are wide enough for products to be fast; fewer than eight a side leave workers idle.
ENOUGH_COLUMNS, LEAST_PANELS = 1024, 8


def side(x: Array, tile: int | None = None, least: int | None = None, how: Factorisation | None = None) -> int | None:
    """The side of the tiles that a matrix is worked on in; None where it is one task's, or a batch.

    `tile` is what the caller asked for, `least` the smallest that is chosen here. On functions the cost model chooses
    where it knows `how` the matrix is factorised. ValueError where `tile` is no positive number, or `x` is a batch.

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
    if how is not None and not get_config().local:
        return best_side(how, x.shape, np.result_type(x.dtype, np.float32), get_config())
    wanted = -(-min(x.shape) // PER_SIDE)
    least = LEAST_TILE if least is None else least
    return min(MOST_TILE, max(least, -(-wanted // ROUND) * ROUND))


def panel_side(x: Array, tile: int | None = None) -> int | None:
    """As `side`, for what is eliminated panel by panel.

    >>> import lambdarray as la
    >>> [panel_side(la.ones((n, n))) for n in (2048, 4096, 8192, 40_000)]
    [None, 512, 1024, 2560]
    """
    columns = -(-min(x.shape[-2:], default=0) // (LEAST_PANELS * ROUND)) * ROUND
    return side(x, tile, min(ENOUGH_COLUMNS, columns), LU)


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


def patched(shape: Sequence[int], tile: int, pieces: Sequence[tuple[int, int, Array]]) -> Array:
    """A matrix in square tiles that has these pieces, each given with its first row and column, and else zeros."""
    dtype = pieces[0][2].dtype if pieces else np.dtype(float)
    made: Any = zeros(shape, dtype, chunks=tile)
    for row, column, piece in pieces:
        made = Array(Patch((made._op, piece._op), made._op.tiling, dtype, offset=(row, column)))
    return made  # type: ignore[no-any-return]


def piece(x: Array, rows: Span, columns: Span) -> Array:
    """Those rows and columns of a matrix, taken from what it was put together of, so that nothing is copied."""
    op, box, layers = x._op, (rows, columns), list[Patch]()
    while isinstance(op, Patch | Rechunk):
        if isinstance(op, Patch) and not _is_beside(_shifted(box, op.offset), op.inputs[1].shape):
            layers.append(op)
        op = op.inputs[0]
    return _of_layers(op, layers, box)


def _of_layers(bottom: Op, layers: Sequence[Patch], box: Box) -> Array:
    """A piece of what lies under layers, the first of them on top."""
    layers = [layer for layer in layers if not _is_beside(_shifted(box, layer.offset), layer.inputs[1].shape)]
    if not layers:
        return _of_bottom(bottom, box)
    top = layers[0]
    over = _shifted(box, top.offset)
    for axis, ((lo, hi), size) in enumerate(zip(over, top.inputs[1].shape, strict=True)):
        for cut in (0, size):
            if lo < cut < hi:
                boxes = _in_two(box, axis, cut + top.offset[axis])
                return together([_of_layers(bottom, layers, one) for one in boxes], axis)
    return piece(Array(top.inputs[1]), *over)


def _of_bottom(op: Op, box: Box) -> Array:
    if isinstance(op, Concat):
        return _of_concatenated(op, box)
    if isinstance(op, View) and len(op.maps) == 2 and all(m.axis >= 0 and m.step == 1 for m in op.maps):
        first, second = (_moved(box[m.axis], m.start) for m in op.maps)
        found = piece(Array(op.inputs[0]), first, second)
        return found if op.maps[0].axis == 0 else found.T
    return Array(op)[slice(*box[0]), slice(*box[1])]


def _moved(span: Span, by: int) -> Span:
    return span[0] + by, span[1] + by


def _shifted(box: Box, offset: Sequence[int]) -> Box:
    return _moved(box[0], -offset[0]), _moved(box[1], -offset[1])


def _is_beside(box: Box, shape: Sequence[int]) -> bool:
    """Whether a box and an array have no element in common."""
    return any(hi <= 0 or lo >= n for (lo, hi), n in zip(box, shape, strict=True))


def _in_two(box: Box, axis: int, cut: int) -> list[Box]:
    (lo, hi), other = box[axis], box[1 - axis]
    return [(span, other) if axis == 0 else (other, span) for span in ((lo, cut), (cut, hi))]


def together(parts: Sequence[Array], axis: int) -> Array:
    """Parts one after the other, those of a part among them: what is read in parts is not nested."""
    ops = [op for x in parts for op in (x._op.inputs if _is_along(x._op, axis) else (x._op,))]
    return concatenate([Array(op) for op in ops], axis) if len(ops) > 1 else Array(ops[0])


def _is_along(op: Op, axis: int) -> bool:
    return isinstance(op, Concat) and op.axis == axis


def _of_concatenated(op: Concat, box: Box) -> Array:
    found, start = [], 0
    for source in op.inputs:
        lo, hi = (min(max(n - start, 0), source.shape[op.axis]) for n in box[op.axis])
        start += source.shape[op.axis]
        if lo < hi:
            spans = (lo, hi), box[1 - op.axis]
            found.append(piece(Array(source), *(spans if op.axis == 0 else spans[::-1])))
    return together(found, op.axis) if found else Array(op)[slice(*box[0]), slice(*box[1])]
