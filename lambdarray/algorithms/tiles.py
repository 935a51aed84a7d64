"""Whether a matrix is worked on in tiles, how large they are, and how it is cut into them."""

from __future__ import annotations

import operator
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..api.indexing import view
from ..api.manipulation import joined
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
    return Layers(x).piece(rows, columns)


class Layer(NamedTuple):
    """A matrix that lies over others, with its place among them, the topmost first, and where it lies."""

    number: int
    box: Box
    op: Op


class Layers:
    """A matrix as what it was put together of, of which many pieces are taken."""

    def __init__(self, x: Array) -> None:
        op, self._layers = x._op, list[Layer]()
        while isinstance(op, Patch | Rechunk):
            if isinstance(op, Patch):
                (row, column), (m, n) = op.offset, op.inputs[1].shape
                box = (row, row + m), (column, column + n)
                self._layers.append(Layer(len(self._layers), box, op.inputs[1]))
            op = op.inputs[0]
        self._bottom = op
        self._boxes = np.array([layer.box for layer in self._layers]).reshape(-1, 2, 2)

    def piece(self, rows: Span, columns: Span) -> Array:
        """Those rows and columns."""
        box = rows, columns
        lo, hi = np.array(box).T
        met = np.flatnonzero(((self._boxes[:, :, 0] < hi) & (self._boxes[:, :, 1] > lo)).all(1))
        return self._of([self._layers[n] for n in met.tolist()], box)

    def _of(self, layers: Sequence[Layer], box: Box) -> Array:
        if not layers:
            return _of_bottom(self._bottom, box)
        for axis in (0, 1):
            if len(strips := _strips(layers, box, axis)) > 1:
                return together([self._of(over, _with(box, axis, span)) for span, over in strips], axis)
        top = layers[0]
        for axis in (0, 1):
            for cut in top.box[axis]:
                if box[axis][0] < cut < box[axis][1]:
                    return together([self._of(*part) for part in _halves(layers, box, axis, cut)], axis)
        (row, _), (column, _) = top.box
        return piece(Array(top.op), _moved(box[0], -row), _moved(box[1], -column))


def _strips(layers: Sequence[Layer], box: Box, axis: int) -> list[tuple[Span, list[Layer]]]:
    """A box cut across an axis where that cuts no layer, each strip with the layers that it meets."""
    found: list[tuple[Span, list[Layer]]] = []
    at, end = box[axis]
    for layer in sorted(layers, key=lambda layer: layer.box[axis]):
        lo, hi = max(layer.box[axis][0], box[axis][0]), min(layer.box[axis][1], end)
        if found and lo < at:
            (first, _), over = found[-1]
            found[-1] = (first, max(at, hi)), [*over, layer]
        else:
            found += [((at, lo), []), ((lo, hi), [layer])] if at < lo else [((lo, hi), [layer])]
        at = max(at, hi)
    return [(span, sorted(over)) for span, over in found] + ([((at, end), [])] if at < end else [])


def _halves(layers: Sequence[Layer], box: Box, axis: int, cut: int) -> list[tuple[list[Layer], Box]]:
    """A box cut in two, with the layers that each part meets."""
    lo, hi = box[axis]
    spans = (lo, cut), (cut, hi)
    return [
        ([x for x in layers if x.box[axis][0] < b and x.box[axis][1] > a], _with(box, axis, (a, b))) for a, b in spans
    ]


def _with(box: Box, axis: int, span: Span) -> Box:
    return (span, box[1]) if axis == 0 else (box[0], span)


def _of_bottom(op: Op, box: Box) -> Array:
    if isinstance(op, Concat):
        return _of_concatenated(op, box)
    if isinstance(op, View) and len(op.maps) == 2 and all(m.axis >= 0 and m.step == 1 for m in op.maps):
        first, second = (_moved(box[m.axis], m.start) for m in op.maps)
        found = piece(Array(op.inputs[0]), first, second)
        return found if op.maps[0].axis == 0 else found.T
    return _seen(op, box)


def _seen(op: Op, box: Box) -> Array:
    return view(Array(op), [slice(*span) for span in box])


def _moved(span: Span, by: int) -> Span:
    return span[0] + by, span[1] + by


def together(parts: Sequence[Array], axis: int) -> Array:
    """Parts one after the other, those of a part among them: what is read in parts is not nested."""
    return joined([op for x in parts for op in (x._op.inputs if _is_along(x._op, axis) else (x._op,))], axis)


def _is_along(op: Op, axis: int) -> bool:
    return isinstance(op, Concat) and op.axis == axis


def _of_concatenated(op: Concat, box: Box) -> Array:
    found, span = [], box[op.axis]
    for n in range(max(0, bisect_right(op.starts, span[0]) - 1), bisect_left(op.starts, span[1])):
        source, start = op.inputs[n], op.starts[n]
        lo, hi = (min(max(end - start, 0), source.shape[op.axis]) for end in span)
        if lo < hi:
            found.append(piece(Array(source), *_with(box, op.axis, (lo, hi))))
    return together(found, op.axis) if found else _seen(op, box)
