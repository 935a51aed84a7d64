"""An array of the caller's own that the workers of this process write their tiles into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np

from ..errors import PlanError
from ..task import ArraySpec, box_indices
from ..tiling import Index, Span
from .arrays import ArrayIO, check_tile, overlaps
from .base import element_nbytes


class ResultArray(ArrayIO):
    """A NumPy array that tiles are copied into, or computed in: nothing is kept beside it.

    The first attempt of a task may compute in the array itself (`reserve`); every other one computes in memory of
    its own. Where a later attempt is the first to finish, an overdue one may still be at work in the array, so that
    the later one's tile is kept beside it, and `value` is then a copy in which no attempts mix.
    """

    def __init__(self, spec: ArraySpec) -> None:
        self.spec = spec
        self._array = np.empty(spec.tiling.shape, spec.dtype)
        self._taken: set[Index] = set()
        self._done: set[Index] = set()
        self._beside: dict[Index, np.ndarray] = {}
        self._lock = Lock()

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """Refused: tasks read what is never changed."""
        raise PlanError(f"array {self.spec.name} is a result, which no task reads")

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """Nothing is read."""
        return 0

    def reserve(self, spans: Sequence[Span]) -> np.ndarray | None:
        """The memory of a box of whole tiles, to compute in; None where an attempt has been given one of them."""
        tiles = self._tiles(spans)
        with self._lock:
            if not self._taken.isdisjoint(tiles):
                return None
            self._taken.update(tiles)
        return self._array[tuple([slice(lo, hi) for lo, hi in spans])]

    def release(self, spans: Sequence[Span]) -> None:
        """The box is free again: what is written may be copied into it."""
        with self._lock:
            self._taken.difference_update(self._tiles(spans))

    def _tiles(self, spans: Sequence[Span]) -> Iterable[Index]:
        return box_indices([c.tiles(lo, hi) for c, (lo, hi) in zip(self.spec.tiling.axes, spans, strict=True)])

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """Take a tile that was computed here as it is, and copy every other; False where it is there already."""
        check_tile(self.spec, index, tile)
        place = self._array[self.spec.tiling.slices(index)]
        inside = _is_same(tile, place)
        with self._lock:
            if index in self._done:
                return False
            if not inside and index in self._taken:
                self._beside[index] = tile
                inside = True
            if inside:
                self._done.add(index)
                return True
            self._taken.add(index)
        place[...] = tile
        with self._lock:
            first = index not in self._done
            self._done.add(index)
        return first

    def part(self, spec: ArraySpec, at: Index) -> ArrayIO:
        """A part made of whole tiles, which later tasks may read."""
        return ResultPart(spec, self, at)

    def finished(self, spans: Sequence[Span]) -> np.ndarray:
        """A box of which all tiles are there, read-only."""
        out = self._array[tuple([slice(lo, hi) for lo, hi in spans])]
        for index, local, place in overlaps(self.spec.tiling.axes, spans) if self._beside else ():
            if index in self._beside:
                out = out.copy() if out.base is not None else out
                out[place] = self._beside[index][tuple([slice(lo, hi) for lo, hi in local])]
        out.setflags(write=False)
        return out

    def exists(self, index: Index) -> bool:
        """Whether the tile is there."""
        return index in self._done

    def value(self) -> np.ndarray:
        """The whole array, once all tiles are there."""
        if not self._beside:
            return self._array
        out = self._array.copy()
        for index, tile in self._beside.items():
            out[self.spec.tiling.slices(index)] = tile
        return out


def _is_same(tile: np.ndarray, place: np.ndarray) -> bool:
    """Whether a tile is the memory of a place itself, and not that of another part of the array, which it may be of."""
    if tile.base is not place.base:
        return False
    ours, theirs = tile.__array_interface__, place.__array_interface__
    strides = zip(tile.strides, place.strides, tile.shape, strict=True)
    return ours["data"][0] == theirs["data"][0] and all(a == b for a, b, n in strides if n > 1)


class ResultPart(ArrayIO):
    """The tiles of a result from an index on, as an array of its own."""

    def __init__(self, spec: ArraySpec, whole: ResultArray, at: Index) -> None:
        self.spec, self._whole, self._at = spec, whole, tuple(at)
        cuts = zip(whole.spec.tiling.axes, self._at, strict=True)
        self._starts = [int(c.start(i)) for c, i in cuts]

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """A region, where it lies in the result."""
        return self._whole.finished(self._moved(spans))

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """The bytes of the region."""
        return element_nbytes(self.spec.dtype, spans)

    def reserve(self, spans: Sequence[Span]) -> np.ndarray | None:
        """As of the result."""
        return self._whole.reserve(self._moved(spans))

    def release(self, spans: Sequence[Span]) -> None:
        """As of the result."""
        self._whole.release(self._moved(spans))

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """As of the result."""
        return self._whole.write(self._placed(index), tile)

    def exists(self, index: Index) -> bool:
        """Whether the tile is there."""
        return self._whole.exists(self._placed(index))

    def _moved(self, spans: Sequence[Span]) -> list[Span]:
        return [(lo + start, hi + start) for (lo, hi), start in zip(spans, self._starts, strict=True)]

    def _placed(self, index: Index) -> Index:
        return tuple([i + first for i, first in zip(index, self._at, strict=True)])
