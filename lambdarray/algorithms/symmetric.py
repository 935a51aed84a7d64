"""Products of a matrix and its own transpose: only the lower half is multiplied out, the upper one is its mirror.

The lower half is cut in two along its diagonal, over and over: a square beneath it, and two halves that are alike. So
a matrix of p by p tiles takes 2 p - 1 products, large ones for most of the work, whatever the number of tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..api.array import Array
from ..ops import Contract, Fill, Map, Op, Patch, Rechunk, View
from ..planner.views import Maps, compose, identity
from ..tiling import Cuts, Tiling

# Worth it from so many tiles a side on, and where half of the products take longer than to start and mirror them.
LEAST_TILES, LEAST_PRODUCTS = 4, 1 << 26
# The diagonal is cut into no more parts than that: each adds a stage, and beyond it nothing is left to be saved.
MOST_PARTS = 32
Block = tuple[int, int, Array]


def gram(a: Array, b: Array, kind: np.dtype[Any]) -> Array | None:
    """`a @ b` at half the work where one is the transpose, or the conjugate transpose, of the other; None where not."""
    if a.ndim != 2 or b.ndim != 2 or a.shape != b.shape[::-1] or a._op.tiling.axes[0] != b._op.tiling.axes[1]:
        return None
    rows, k = a._op.tiling.axes[0], a.shape[1]
    conj = _transposed(a._op, b._op)
    if conj is None or rows.count < LEAST_TILES or rows.size**2 * k < LEAST_PRODUCTS:
        return None
    return _mirrored(_lower(a, b, rows, kind), conj and kind.kind == "c")


def _transposed(a: Op, b: Op) -> bool | None:
    """Whether the conjugate of one is the other transposed, False where it is itself; None where neither is known."""
    (base_a, maps_a, conj_a), (base_b, maps_b, conj_b) = _bare(a), _bare(b)
    swapped = compose(maps_b, identity(2)[::-1])
    return conj_a != conj_b if base_a is base_b and maps_a == swapped else None


def _bare(op: Op) -> tuple[Op, Maps, bool]:
    """The op beneath views and conjugates, how it is seen, and whether it is conjugated."""
    maps, conj = identity(op.ndim), False
    while True:
        if isinstance(op, View):
            maps = compose(op.maps, maps)
        elif isinstance(op, Map) and op.name == "conjugate":
            conj = not conj
        elif not isinstance(op, Rechunk):
            return op, maps, conj
        op = op.inputs[0]


def _lower(a: Array, b: Array, rows: Cuts, kind: np.dtype[Any]) -> Array:
    """The product with zeros above its diagonal's tiles."""
    tiling = Tiling((rows, rows))
    halves = list(_halves(0, rows.count, -(-rows.count // MOST_PARTS)))
    tasks = sum((i[1] - i[0]) * (j[1] - j[0]) for i, j in halves)
    low: Op = Fill((), tiling, kind, value=kind.type(0))
    for i, j in halves:
        (top, bottom), (left, right) = ((rows.span(n)[0], rows.span(m - 1)[1]) for n, m in (i, j))
        p, q = a[top:bottom], b[:, left:right]
        cuts = Tiling((p._op.tiling.axes[0], q._op.tiling.axes[1]))
        own = (i[1] - i[0]) * (j[1] - j[0])
        block = Contract((p._op, q._op), cuts, kind, beside=-(-tasks // own))
        low = Patch((low, block), tiling, kind, offset=(top, left))
    return Array(low)


def _halves(first: int, last: int, most: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The rows and columns of tiles of the squares that cover the lower half.

    >>> list(_halves(0, 3, 1))
    [((1, 3), (0, 1)), ((0, 1), (0, 1)), ((2, 3), (1, 2)), ((1, 2), (1, 2)), ((2, 3), (2, 3))]
    """
    if last - first <= most:
        yield (first, last), (first, last)
        return
    middle = (first + last) // 2
    yield (middle, last), (first, middle)
    yield from _halves(first, middle, most)
    yield from _halves(middle, last, most)


def _mirrored(low: Array, conj: bool) -> Array:
    """The whole matrix: what is above the diagonal from below it, to the last bit."""
    from ..api.elementwise import where
    from ..api.grids import along

    tiling = low._op.tiling
    row, column = (along(low.shape, d, tiling) for d in (0, 1))
    if not conj:
        return where(row >= column, low, low.T)
    return where(row > column, low, where(row == column, low.real.astype(low.dtype), low.conj().T))
