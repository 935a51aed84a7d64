"""Arrays as tasks see them: read any region, write whole tiles, wherever the tiles are."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import PlanError, StoreError
from ..task import ArraySpec, box_indices
from ..tiling import Cuts, Index, Span
from .base import TileStore, element_nbytes
from .buffers import empty
from .locate import open_store

NOTHING: Mapping[str, Any] = {}
FETCH_THREADS = 16
# Of tiles that are put together so many bytes are under way at once, or one tile where it is larger.
FETCH_NBYTES = 64 << 20


class ArrayIO(ABC):
    """An array that is open for reading and writing."""

    spec: ArraySpec

    @abstractmethod
    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """Elements [lo, hi) along each axis, read-only; a view where they lie in one tile in memory."""

    @abstractmethod
    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """How many bytes `read` moves."""

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """Write a tile; False where it is there already: this one is then discarded."""
        raise StoreError(f"array {self.spec.name} can only be read")

    def reserve(self, spans: Sequence[Span]) -> np.ndarray | None:
        """Memory to compute a box of whole tiles in, for one attempt alone: the array's own, or what was let go before.

        None where another attempt has it.
        """
        return empty([hi - lo for lo, hi in spans], self.spec.dtype)

    def release(self, spans: Sequence[Span]) -> None:  # noqa: B027 - most arrays have nothing to do
        """Be told that the memory reserved for a box is not used: what is written is elsewhere."""

    def part(self, spec: ArraySpec, at: Index) -> ArrayIO:
        """The array whose tiles are those of this one from that index on."""
        raise StoreError(f"array {self.spec.name} has no parts")

    def exists(self, index: Index) -> bool:
        """Whether a tile is there."""
        return True

    def existing(self) -> list[Index]:
        """The tiles that are there, found with one LIST."""
        return list(self.spec.tiling.indices())

    def delete(self, index: Index) -> None:
        """Remove a tile."""
        raise StoreError(f"array {self.spec.name} can only be read")


def open_array(spec: ArraySpec, scratch: TileStore, objects: Mapping[str, Any] = NOTHING) -> ArrayIO:
    """Open the array of `spec`, without any I/O: its tiles are in `scratch`, in another store, in Zarr or in `objects`,
    which has arrays to read and results to write.

    Raises PlanError for a location that is none of these.
    """
    location = spec.location
    kind = location.get("kind")
    if kind == "tiles":
        url = location.get("store")
        return TileArray(spec, scratch if url is None else open_store(url), location["prefix"], location.get("at"))
    if kind == "zarr":
        from .zarr import ZarrArray

        return ZarrArray(spec)
    if kind == "object":
        return ObjectArray(spec, objects)
    if kind == "result":
        result: ArrayIO = objects[location["token"]]
        return result.part(spec, location["at"]) if "at" in location else result
    raise PlanError(
        f"array {spec.name} is in a location of kind {kind!r}; there are 'tiles', 'zarr', 'object' and 'result'"
    )


def tile_key(prefix: str, index: Index) -> str:
    """The key of a tile: its array's prefix and its index.

    >>> tile_key("0f/plan/a", (3, 0))
    '0f/plan/a/3.0'
    """
    return f"{prefix}/{'.'.join(map(str, index)) or '0'}"


def tile_index(key: str, ndim: int) -> Index:
    """The inverse of `tile_key`, for an array of `ndim` axes."""
    return tuple(map(int, key.rpartition("/")[2].split("."))) if ndim else ()


class TileArray(ArrayIO):
    """An array whose tiles are objects of a store, named by their index, to which `at` is added."""

    def __init__(self, spec: ArraySpec, store: TileStore, prefix: str, at: Index | None = None) -> None:
        self.spec, self.store, self.prefix = spec, store, prefix
        self._axes, self._dtype = spec.tiling.axes, spec.dtype
        self._at = tuple(at or (0,) * len(self._axes))
        # This is done for each tile of each task: the rule of a regular axis is applied here, without a call.
        rules = zip(self._axes, self._at, strict=True)
        self._rules = [(cuts.chunk if cuts.regular else 0, cuts.size, cuts, first) for cuts, first in rules]
        self._key = prefix.replace("%", "%%") + "/" + (".".join(["%d"] * len(self._axes)) or "0")

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """A region; the tile itself where it is just that."""
        index, local, shape, whole = [], [], [], True
        for (chunk, size, cuts, first), (lo, hi) in zip(self._rules, spans, strict=True):
            if not 0 <= lo < hi <= size:
                return self._assemble(spans)
            if chunk:
                i = lo // chunk
                start = i * chunk
                stop = start + chunk if start + chunk < size else size
            else:
                i = cuts.find(lo)
                start, stop = cuts.span(i)
            if hi > stop:
                return self._assemble(spans)
            whole = whole and lo == start and hi == stop
            index.append(i + first)
            local.append((lo - start, hi - start))
            shape.append(stop - start)
        key = self._key % tuple(index)
        if whole:
            return self.store.get(key, self._dtype, tuple(shape))
        return self.store.get_region(key, self._dtype, tuple(shape), local)

    def _assemble(self, spans: Sequence[Span]) -> np.ndarray:
        return assemble(self._axes, spans, self._dtype, self._fetch, self.store.remote)

    def _fetch(self, index: Index, local: Sequence[Span]) -> np.ndarray:
        shape = self.spec.tiling.tile_shape(index)
        return self.store.get_region(self._name(index), self._dtype, shape, local)

    def _name(self, index: Index) -> str:
        return self._key % tuple([i + first for i, first in zip(index, self._at, strict=True)])

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """The bytes of the region, with what is read over."""
        tiling, store = self.spec.tiling, self.store
        pieces = overlaps(self._axes, spans)
        return sum(store.region_nbytes(self._dtype, tiling.tile_shape(i), local) for i, local, _ in pieces)

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """Write a tile, whose dtype and shape must be the array's."""
        check_tile(self.spec, index, tile)
        return self.store.put(self._name(index), tile)

    def exists(self, index: Index) -> bool:
        """Whether the tile is in the store."""
        return self.store.exists(self._name(index))

    def existing(self) -> list[Index]:
        """The tiles in the store."""
        ndim = len(self._axes)
        found = (tile_index(key, ndim) for key in self.store.list(self.prefix))
        ours = (tuple([i - first for i, first in zip(index, self._at, strict=True)]) for index in found)
        grid = self.spec.tiling.grid
        return [index for index in ours if all(0 <= i < n for i, n in zip(index, grid, strict=True))]

    def delete(self, index: Index) -> None:
        """Remove the tile from the store."""
        self.store.delete(self._name(index))


class ObjectArray(ArrayIO):
    """An array in this process: anything with shape, dtype and slicing."""

    def __init__(self, spec: ArraySpec, objects: Mapping[str, Any]) -> None:
        token = spec.location["token"]
        if token not in objects:
            raise StoreError(f"array {spec.name} is an object of the process that made the plan, and is not here")
        self.spec, self._object = spec, objects[token]

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """A slice of the object, as NumPy makes it: a view of a NumPy array."""
        found = np.asarray(self._object[tuple([slice(lo, hi) for lo, hi in spans])])
        shape = tuple([hi - lo for lo, hi in spans])
        if found.shape != shape:
            raise StoreError(f"array {self.spec.name} gave a slice of shape {found.shape}, not {shape}")
        # A new view, for the flag must not reach an array that the object still writes.
        out = found.view() if found.dtype == self.spec.dtype else found.astype(self.spec.dtype)
        out.setflags(write=False)
        return out

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """The bytes of the region."""
        return element_nbytes(self.spec.dtype, spans)


def check_tile(spec: ArraySpec, index: Index, tile: np.ndarray) -> None:
    """Refuse a tile that is not the array's: that would be a defect of a kernel or of the plan."""
    expected = []
    for cuts, i in zip(spec.tiling.axes, index, strict=True):
        start, stop = cuts.span(i)
        expected.append(stop - start)
    shape = tuple(expected)
    if tile.shape != shape or tile.dtype != spec.dtype:
        raise PlanError(
            f"tile {index} of {spec.name} is to be {spec.dtype} {shape}, and {tile.dtype} {tile.shape} was made"
        )


def overlaps(axes: Sequence[Cuts], spans: Sequence[Span]) -> list[tuple[Index, list[Span], tuple[slice, ...]]]:
    """The tiles that a region meets: index, the part of the tile, and where that lies in the region."""
    if any(hi <= lo for lo, hi in spans):
        return []
    out = []
    for index in box_indices([cuts.tiles(lo, hi) for cuts, (lo, hi) in zip(axes, spans, strict=True)]):
        local, place = [], []
        for cuts, i, (lo, hi) in zip(axes, index, spans, strict=True):
            start, stop = cuts.span(i)
            a, b = max(lo, start), min(hi, stop)
            local.append((a - start, b - start))
            place.append(slice(a - lo, b - lo))
        out.append((index, local, tuple(place)))
    return out


def assemble(
    axes: Sequence[Cuts],
    spans: Sequence[Span],
    dtype: np.dtype[Any],
    fetch: Callable[[Index, Sequence[Span]], np.ndarray],
    remote: bool,
) -> np.ndarray:
    """A region put together from its tiles' parts, many of them fetched at once from a remote store."""
    for cuts, (lo, hi) in zip(axes, spans, strict=True):
        if lo < 0 or hi > cuts.size:
            raise PlanError(f"region {list(spans)} does not lie in an array of {tuple(c.size for c in axes)}")
    out = empty([max(0, hi - lo) for lo, hi in spans], dtype)
    pieces = overlaps(axes, spans)

    def copy(piece: tuple[Index, list[Span], tuple[slice, ...]]) -> None:
        index, local, place = piece
        out[place] = fetch(index, local)

    if remote and len(pieces) > 1:
        largest = max(math.prod(hi - lo for lo, hi in local) for _, local, _ in pieces) * dtype.itemsize
        at_once(copy, pieces, FETCH_NBYTES // max(largest, 1))
    else:
        for piece in pieces:
            copy(piece)
    out.setflags(write=False)
    return out


def at_once(work: Callable[[Any], Any], items: Sequence[Any], most: int = FETCH_THREADS) -> list[Any]:
    """What `work` makes of each item, on a few threads, at most `most`; the first error is raised."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max(1, min(FETCH_THREADS, most, len(items)))) as pool:
        return list(pool.map(work, items))
