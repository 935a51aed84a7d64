"""Products of a triangle, as `tril` and `triu` make it, without the half of it that is zeros: strip by strip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..api.array import Array
from ..ops import Contract, Map, Op, View, constant, in_order, keys
from ..planner.blocks import evenly
from ..planner.views import identity
from ..tiling import Tiling

# Worth it from so many tiles a side on, and where half of the products take longer than to start and join the strips.
LEAST_TILES, LEAST_PRODUCTS, MOST_STRIPS = 4, 1 << 26, 16


def product(a: Array, b: Array, kind: np.dtype[np.generic]) -> Array | None:
    """`a @ b` at about half the work where one is a triangle; None where neither is."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] * a.shape[1] * b.shape[1] < LEAST_PRODUCTS:
        return None
    if (which := triangle(a._op)) is not None:
        return _by_strips(a, b, kind, which == "lower")
    if (which := triangle(b._op)) is not None:
        made = _by_strips(b.T, a.T, kind, which == "upper")
        return None if made is None else made.T
    return None


def triangle(op: Op) -> str | None:
    """Whether this is the "lower" or the "upper" triangle of a matrix, with its diagonal or without.

    >>> import lambdarray as la
    >>> [triangle(x._op) for x in (la.tril(la.ones((3, 3))), la.triu(la.ones((3, 4))).T, la.ones((3, 3)))]
    ['lower', 'lower', None]
    """
    if isinstance(op, View) and op.maps == identity(2)[::-1]:
        found = triangle(op.inputs[0])
        return {"lower": "upper", "upper": "lower", None: None}[found]
    if not isinstance(op, Map) or op.name != "where" or len(op.args) != 3:
        return None
    mask, below, above = op.args
    zero = constant(0, op.dtype)
    if not isinstance(mask, int) or zero not in (below, above) or not _is_below(op.inputs[mask], op):
        return None
    return "lower" if above == zero else "upper"


def _is_below(mask: Op, op: Op) -> bool:
    """Whether a mask has all that is on and below the diagonal of `op`, or all below it."""
    from ..api.grids import tri

    n, m = op.shape
    wanted = [tri(n, m, k=k, dtype=bool, chunks=op.tiling.chunks)._op for k in (0, -1)]
    key_of = keys(in_order([mask, *wanted]))
    return key_of[id(mask)] in [key_of[id(w)] for w in wanted]


def _by_strips(a: Array, b: Array, kind: np.dtype[np.generic], lower: bool) -> Array | None:
    """A triangle times a matrix: each strip of rows is as long as it has elements that are not zero."""
    from ..api.creation import zeros
    from ..api.manipulation import concat

    rows, columns = a._op.tiling.axes[0], b._op.tiling.axes[1]
    if rows.count < LEAST_TILES:
        return None
    strips: list[Any] = []
    for top, bottom, left, right in _strips(a, lower):
        p, q = a[top:bottom, left:right], b[left:right]
        cuts = Tiling((p._op.tiling.axes[0], columns))
        if right > left:
            beside = -(-rows.count // cuts.axes[0].count)
            strips.append(Array(Contract((p._op, q._op), cuts, kind, beside=beside)))
        else:
            strips.append(zeros((bottom - top, b.shape[1]), kind, chunks=cuts.chunks))
    if kind.kind in "fc":
        left_out = _times_zero(b, [(right, len(b)) if lower else (0, left) for _, _, left, right in _strips(a, lower)])
        strips = [strip if more is None else strip + more for strip, more in zip(strips, left_out, strict=True)]
    return concat(strips)


def _strips(a: Array, lower: bool) -> Iterator[tuple[int, int, int, int]]:
    """Neighbouring rows of a triangle, and the columns in which they are not all zeros."""
    cuts, n = evenly(a._op.tiling.axes[0], MOST_STRIPS), a.shape[1]
    for i in range(cuts.count):
        top, bottom = cuts.span(i)
        yield (top, bottom, 0, min(bottom, n)) if lower else (top, bottom, min(top, n), n)


def _times_zero(b: Array, spans: Sequence[tuple[int, int]]) -> list[Array | None]:
    """Zero times the sum of these rows, which is not zero where a number is not finite; None for no rows.

    The spans grow or shrink from one to the next, so that each row is looked at once.
    """
    from ..api.reductions import sum as sum_

    found: dict[tuple[int, int], Any] = {}
    last: tuple[int, int] | None = None
    for lo, hi in sorted(set(spans), key=lambda span: span[1] - span[0]):
        if lo == hi:
            continue
        new = (lo, hi) if last is None else (lo, last[0]) if lo < last[0] else (last[1], hi)
        part: Any = sum_(b[new[0] : new[1]] * b.dtype.type(0), 0, keepdims=True)  # type: ignore[operator]
        found[lo, hi] = part if last is None else part + found[last]
        last = lo, hi
    return [found.get(span) for span in spans]
