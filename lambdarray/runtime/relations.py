"""Which tiles a block of a stage's axis needs, and which blocks need a tile: one axis, by arithmetic, both ways."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tiling import AxisMap, Cuts, Span

NONE: Span = (0, 0)


def same_cuts(a: Cuts, b: Cuts) -> bool:
    """Whether both cut an axis of one size at the same places."""
    if a is b:
        return True
    if a.size != b.size or a.count != b.count:
        return False
    if a.bounds is None and b.bounds is None:
        return a.chunk == b.chunk or a.count == 1
    return a.chunks == b.chunks


def finder(cuts: Cuts) -> Callable[[int], int]:
    """The tile that holds an element, as the quickest function of a plain integer."""
    if cuts.bounds is None:
        return cuts.chunk.__rfloordiv__
    bounds = cuts.bounds.data
    return lambda element: bisect_right(bounds, element) - 1


class Relation:
    """Between the blocks of a stage's axis and the tiles of a source's axis that a map makes them need.

    A block needs the tiles that meet the interval `map.span(block)`, clipped to the source. The intervals are
    monotone in the block, so the blocks that need a tile are a contiguous range as well. An axis of size 0 has
    one tile, which every block needs.

    >>> r = Relation(AxisMap(0, start=4), Cuts(6, 3), Cuts(10, 2))
    >>> r.tiles(1), r.blocks(3)
    ((3, 5), (0, 2))
    """

    __slots__ = ("_find_block", "_find_tile", "_table", "blocks_cuts", "map", "same", "tiles_cuts")

    def __init__(self, axis_map: AxisMap, blocks: Cuts, tiles: Cuts) -> None:
        if axis_map.by_block:
            blocks = Cuts(blocks.count, 1)
        self.map, self.blocks_cuts, self.tiles_cuts = axis_map, blocks, tiles
        self.same = axis_map.start == 0 and axis_map.step == 1 and axis_map.is_one_to_one and same_cuts(blocks, tiles)
        self._table = np.asarray(axis_map.table, np.int64).reshape(-1, 2)
        self._find_block, self._find_tile = finder(blocks), finder(tiles)

    def tiles(self, block: int) -> Span:
        """The tiles [first, last + 1) that a block needs."""
        if self.same:
            return block, block + 1
        span = self.map.span(self.blocks_cuts.span(block), block)
        return meeting_tiles(span, self.tiles_cuts, self._find_tile)

    def blocks(self, tile: int) -> Span:
        """The blocks [first, last + 1) that need a tile."""
        if self.same:
            return tile, tile + 1
        if self.tiles_cuts.size == 0:
            return 0, self.blocks_cuts.count
        if self.map.table:
            a, b = self.tiles_cuts.span(tile)
            lo = int(np.searchsorted(self._table[:, 1], a, side="right"))
            hi = int(np.searchsorted(self._table[:, 0], b, side="left"))
            return (lo, hi) if lo < hi else NONE
        first, last = self._elements(*self.tiles_cuts.span(tile))
        size = self.blocks_cuts.size
        if first >= size or last < 0:
            return NONE
        lo = self._find_block(first) if first > 0 else 0
        hi = self._find_block(last if last < size else size - 1) + 1
        return (lo, hi) if lo < hi else NONE

    def _elements(self, a: int, b: int) -> Span:
        """The first element that a block must reach, and the last at which it may begin, to meet [a, b)."""
        m = self.map
        if m.num != m.den:
            return a * m.den // m.num, (b * m.den - 1) // m.num
        if m.step > 0:
            return -((m.start + m.size - 1 - a) // m.step), (b - m.start - 1) // m.step
        return (m.start - b) // -m.step + 1, (m.start - a) // -m.step

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """`tiles` of all blocks: the firsts and the lasts + 1, as int64 vectors."""
        number = np.arange(self.blocks_cuts.count)
        if self.same:
            return number, number + 1
        lo, hi = self._spans(self.blocks_cuts.start(number), self.blocks_cuts.stop(number))
        size = self.tiles_cuts.size
        lo, hi = (np.minimum(np.maximum(n, 0), size) for n in (lo, hi))
        if size == 0:
            return lo, lo + 1
        full = lo < hi
        first = np.where(full, self.tiles_cuts.find(np.minimum(lo, size - 1)), 0)
        last = np.where(full, self.tiles_cuts.find(np.maximum(hi - 1, 0)) + 1, 0)
        return first, last

    def _spans(self, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        m = self.map
        if m.num != m.den:
            return lo * m.num // m.den, -(-hi * m.num // m.den)
        if m.table:
            return self._table[:, 0], self._table[:, 1]
        if self.blocks_cuts.size == 0:
            return lo + m.start, lo + m.start
        if m.step > 0:
            return m.start + m.step * lo, m.start + m.step * (hi - 1) + m.size
        return m.start + m.step * (hi - 1), m.start + m.step * lo + 1

    def lengths(self) -> Any:
        """How many tiles each block needs: one integer where that is the same for all, else an int64 vector."""
        if self.same:
            return 1
        if self.blocks_cuts.count == 1:
            lo, hi = self.tiles(0)
            return hi - lo
        first, last = self.intervals()
        return last - first


def meeting_tiles(span: Span, cuts: Cuts, find: Callable[[int], int] | None = None) -> Span:
    """The tiles that meet an interval of elements, clipped to the axis; an axis of size 0 has one, always met."""
    size = cuts.size
    if size == 0:
        return 0, 1
    lo, hi = span
    lo, hi = (lo if lo > 0 else 0), (hi if hi < size else size)
    if lo >= hi:
        return NONE
    find = find or finder(cuts)
    return find(lo), find(hi - 1) + 1
