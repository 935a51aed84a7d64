"""Views as tuples of AxisMap, one for each axis of a source: closed under transposing, slicing and broadcasting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..tiling import AxisMap

Maps = tuple[AxisMap, ...]
FIXED = AxisMap(-1)


@lru_cache(maxsize=64)
def identity(ndim: int) -> Maps:
    """Each axis of the source follows the same axis."""
    return tuple(AxisMap(i) for i in range(ndim))


def through(m: AxisMap, outer: Maps) -> AxisMap:
    """The map of a source's axis, where `outer` says how the axis it follows follows others."""
    if m.axis < 0:
        return m
    o = outer[m.axis]
    if o.axis < 0:
        return AxisMap(-1, m.start + m.step * o.start)
    return AxisMap(o.axis, m.start + m.step * o.start, m.step * o.step)


def compose(inner: Maps, outer: Maps) -> Maps:
    """How a source follows the axes that `outer` follows.

    >>> compose((AxisMap(1), AxisMap(0)), (AxisMap(0), AxisMap(1, 5, 2)))[0].to_json()
    [1, 5, 2, 1, 1, 1]
    """
    return tuple(through(m, outer) for m in inner)


def through_views(inner: Maps, outer: Maps) -> Maps:
    """As `compose`, for `outer` maps of any kind: those that are not elementwise meet whole axes, or are fixed."""
    return tuple(through(m, outer) if m.axis < 0 or outer[m.axis].follows else _beyond(m, outer) for m in inner)


def _beyond(m: AxisMap, outer: Maps) -> AxisMap:
    o = outer[m.axis]
    return AxisMap(-1, m.start + o.start, size=o.size) if o.axis < 0 else o


def broadcast(shape: Sequence[int], to: Sequence[int], outer: Maps) -> Maps:
    """How an operand of `shape` follows, once broadcast (right-aligned) to the shape `to` that follows `outer`."""
    skip = len(to) - len(shape)
    return tuple(FIXED if n == 1 and to[d + skip] != 1 else outer[d + skip] for d, n in enumerate(shape))


def layout(maps: Maps, ndim: int) -> tuple[int, ...]:
    """For each of `ndim` stage axes the source axis that follows it, -1 where none does."""
    out = [-1] * ndim
    for s, m in enumerate(maps):
        if m.axis >= 0:
            out[m.axis] = s
    return tuple(out)


def is_diagonal(maps: Maps) -> bool:
    """Whether several axes of the source follow one: of them only the elements with equal places are seen."""
    followed = [m.axis for m in maps if m.axis >= 0]
    return len(set(followed)) < len(followed)


def inverse(maps: Maps, shape: Sequence[int], to: Sequence[int]) -> tuple[int, ...] | None:
    """For each axis of `to` the axis of the source that it is, -1 for new axes of length 1; None where none fits.

    It fits where the source is seen whole and once: axes permuted, added or dropped, nothing sliced or broadcast.
    """
    out = [-1] * len(to)
    for s, m in enumerate(maps):
        if m.axis < 0:
            if shape[s] != 1 or m.start != 0:
                return None
        elif (m.start, m.step) != (0, 1) or shape[s] != to[m.axis] or out[m.axis] >= 0:
            return None
        else:
            out[m.axis] = s
    return tuple(out) if all(s >= 0 or n == 1 for s, n in zip(out, to, strict=True)) else None
