"""A store in memory: tiles are kept as they are, and the least recently used go to disk when it is full."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..errors import CorruptTileError, MissingTileError
from ..tiling import Span
from .base import Head, TileStore, check_key, element_nbytes
from .buffers import Leased, copied
from .directory import DirectoryStore
from .format import Parts, as_bytes, check_dtype, flat_span


class _Entry:
    """A tile; `tile` is None once it is on disk only, under the name `file`."""

    __slots__ = ("born", "dtype", "file", "nbytes", "shape", "tile", "used")

    tile: np.ndarray | None
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __init__(self, tile: np.ndarray, nbytes: int, used: int) -> None:
        self.tile, self.nbytes, self.file = tile, nbytes, ""
        self.born = self.used = used


class MemoryStore(TileStore):
    """Tiles in memory, handed on without a copy, within `limit_bytes` (default: half of the machine's memory).

    `put` takes the array over and makes it read-only; it copies only a view that keeps more than twice its own
    bytes alive, or memory that somebody else may still write. `get` gives that very array. When the tiles exceed the
    limit, those not used for longest are written to files, which go when the store is closed or the process ends.

    >>> store = MemoryStore()
    >>> store.put("a/0", np.arange(3.0)), store.put("a/0", np.zeros(3))
    (True, False)
    >>> store.get("a/0", np.dtype("f8"), (3,))
    array([0., 1., 2.])
    """

    durable = False

    def __init__(self, limit_bytes: int | None = None, *, url: str = "memory://", spill: str | None = None) -> None:
        self.url = url
        self.limit_bytes = machine_nbytes() // 2 if limit_bytes is None else limit_bytes
        self.nbytes = 0
        self.spilled_nbytes = 0
        self._entries: dict[str, _Entry] = {}
        self._clock = itertools.count().__next__
        self._lock = threading.Lock()
        self._spilling = threading.Lock()
        self._spill_root = spill
        self._disk: DirectoryStore | None = None

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Keep a tile; False where the key is taken."""
        if key in self._entries:
            return False
        tile, nbytes = _kept(tile)
        return self._insert(key, tile, nbytes, create=True)

    def _insert(self, key: str, tile: np.ndarray, nbytes: int, create: bool) -> bool:
        entry = _Entry(tile, nbytes, self._clock())
        with self._lock:
            old = self._entries.get(key)
            if old is not None:
                if create:
                    return False
                self._forget(old)
            self._entries[key] = entry
            self.nbytes += nbytes
        if self.nbytes > self.limit_bytes:
            self._spill()
        return True

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """The very array that was put, read-only."""
        entry = self._entries.get(key)
        if entry is None:
            raise MissingTileError(f"there is no tile {key} in {self.url}")
        entry.used = self._clock()
        tile = entry.tile
        if tile is None:
            tile = self._read(key, entry)
        if tile.dtype != dtype or (tile.shape != shape and tile.shape != tuple(shape)):
            raise CorruptTileError(f"tile {key} holds {tile.dtype} {tile.shape}, not {dtype} {shape}")
        return tile

    def _read(self, key: str, entry: _Entry) -> np.ndarray:
        # What comes back is mapped, so that it lies in the page cache, not in what this store answers for.
        disk, file = self._disk, entry.file
        if disk is None or not file:
            raise MissingTileError(f"there is no tile {key} in {self.url}: it was deleted, or the store was closed")
        return disk.get(file, entry.dtype, entry.shape)

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """A view of a part of the array."""
        flat_span(shape, spans)
        tile = self.get(key, dtype, shape)
        return tile[tuple([slice(lo, hi) for lo, hi in spans])] if spans else tile

    def region_nbytes(self, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> int:
        """The bytes of the region's elements."""
        return element_nbytes(dtype, spans)

    def put_parts(self, key: str, parts: Parts, create: bool) -> bool:
        """Keep a copy of an object that is not a tile."""
        copy = np.frombuffer(b"".join(parts), np.uint8)
        return self._insert(check_key(key), copy, copy.nbytes, create)

    def get_bytes(self, key: str, *, immutable: bool = False) -> memoryview:
        """The bytes of an object, or the elements of a tile."""
        entry = self._entries.get(key)
        if entry is None:
            raise MissingTileError(f"there is no {key} in {self.url}")
        tile = entry.tile
        return as_bytes(self._read(key, entry) if tile is None else tile).toreadonly()

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, immutable: bool = False
    ) -> Sequence[memoryview]:
        """Parts of an object."""
        whole = self.get_bytes(key)
        return [whole[start:stop] for start, stop in ranges]

    def exists(self, key: str) -> bool:
        """Whether there is such a tile."""
        return key in self._entries

    def head(self, key: str) -> Head | None:
        """Length, and a version that no other object of this store has."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        tile = entry.tile
        nbytes = entry.nbytes if tile is None else tile.nbytes
        return Head(key, nbytes, str(entry.born))

    def heads(self, prefix: str = "") -> Iterator[Head]:
        """All objects under `prefix`."""
        found = (self.head(key) for key in self.list(prefix))
        return (head for head in found if head is not None)

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys under `prefix` at this moment."""
        start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        with self._lock:
            return iter([key for key in self._entries if key.startswith(start)])

    def delete(self, key: str) -> None:
        """Let go of a tile; whoever holds the array keeps it."""
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is not None:
                self._forget(entry)

    def delete_prefix(self, prefix: str) -> None:
        """Let go of all tiles under `prefix`."""
        for key in self.list(prefix):
            self.delete(key)

    def _forget(self, entry: _Entry) -> None:
        """Take an entry out of the accounts; the lock is held."""
        if entry.tile is not None:
            self.nbytes -= entry.nbytes
        if entry.file and self._disk is not None:
            self.spilled_nbytes -= entry.nbytes
            self._disk.delete(entry.file)
            entry.file = ""

    def _spill(self) -> None:
        """Write tiles to disk, the least recently used first, until a tenth of the limit is free."""
        with self._spilling:
            if self.nbytes <= self.limit_bytes:
                return
            with self._lock:
                held = [item for item in self._entries.items() if item[1].tile is not None]
            held.sort(key=lambda item: item[1].used)
            for key, entry in held:
                if self.nbytes <= 0.9 * self.limit_bytes:
                    return
                self._spill_one(key, entry)

    def _spill_one(self, key: str, entry: _Entry) -> None:
        tile, disk = entry.tile, self._spill_store()
        if tile is None:
            return
        file = f"{self._clock()}.tile"
        disk.put(file, tile)
        with self._lock:
            if self._entries.get(key) is not entry:
                disk.delete(file)
                return
            # In this order: who finds no tile finds the file.
            entry.dtype, entry.shape, entry.file = tile.dtype, tile.shape, file
            entry.tile = None
            self.nbytes -= entry.nbytes
            self.spilled_nbytes += entry.nbytes

    def _spill_store(self) -> DirectoryStore:
        if self._disk is None:
            from .spill import spill_directory

            path, remove = spill_directory(self._spill_root)
            self._disk = DirectoryStore(path)
            self._remove = weakref.finalize(self, remove)
        return self._disk

    def close(self) -> None:
        """Let go of all tiles and remove what was spilled."""
        super().close()
        with self._spilling, self._lock:
            self._entries.clear()
            self.nbytes = self.spilled_nbytes = 0
            if self._disk is not None:
                self._disk = None
                self._remove()


def _kept(tile: np.ndarray) -> tuple[np.ndarray, int]:
    """The array to keep, read-only, and the bytes that it keeps alive."""
    if type(tile) is not np.ndarray:
        tile = np.asarray(tile)
    check_dtype(tile.dtype)
    base = tile.base
    nbytes = tile.nbytes
    if base is None and not tile.flags.writeable:
        # It is kept under another key too: a view says to whom it is given that it has more than one owner.
        tile = tile.view()
    elif base is not None:
        if _is_own(tile, base):
            nbytes = base.nbytes
        else:
            tile = copied(tile)
    tile.setflags(write=False)
    return tile, nbytes


def _is_own(tile: np.ndarray, base: Any) -> bool:
    """Whether a view may be kept as it is: of memory that it mostly fills and that nobody else writes."""
    if isinstance(base, Leased):
        return bool(2 * tile.nbytes >= base.nbytes)
    return (
        isinstance(base, np.ndarray)
        and base.base is None
        and 2 * tile.nbytes >= base.nbytes
        and (tile.flags.writeable or not base.flags.writeable)
    )


@cache
def machine_nbytes() -> int:
    """Bytes of memory that this process may use: the machine's, or its control group's where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except OSError:
            continue
        return min(total, int(text)) if text.isdigit() else total
    return total
