"""What every store does: create-only tiles, byte ranges of them, and plain objects for everything else."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import CorruptTileError, StoreError
from ..tiling import Span
from .format import Layout, Parts, as_array, decode, decode_part, encode, flat_span, layout, region_of


@dataclass(frozen=True, slots=True)
class Head:
    """What a store knows of an object without reading it; `etag` changes whenever the object does."""

    key: str
    nbytes: int
    etag: str


class TileStore(ABC):
    """A place for tiles, each written once and as a whole, and read back read-only.

    A key is a path of names with `/` between; a prefix is a whole such path, so that `a/b` is a prefix of `a/b/c`
    and not of `a/bc`. `durable` says whether tiles outlive the process, `remote` whether reading one costs a round
    trip, so that many are best fetched at once. All methods may be called from several threads.
    """

    url: str
    durable: bool = True
    remote: bool = False
    closed: bool = False

    @abstractmethod
    def put(self, key: str, tile: np.ndarray) -> bool:
        """Write a tile, whole or not at all; False where the key is taken: this tile is then discarded.

        The store may keep the array itself, which it makes read-only.
        """

    @abstractmethod
    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """The tile, read-only. Raises MissingTileError, or CorruptTileError where it is not as written."""

    @abstractmethod
    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """A part of a tile of `dtype` and `shape`: elements [lo, hi) along each axis, read-only."""

    @abstractmethod
    def region_nbytes(self, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> int:
        """How many bytes `get_region` moves."""

    @abstractmethod
    def put_parts(self, key: str, parts: Parts, create: bool) -> bool:
        """Write an object that is not a tile and consists of these parts; see `put_bytes`."""

    @abstractmethod
    def get_bytes(self, key: str, *, immutable: bool = False) -> memoryview:
        """A whole object. What is `immutable`, never changed in place, need not be copied."""

    @abstractmethod
    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, immutable: bool = False
    ) -> Sequence[memoryview]:
        """Bytes [start, stop) of an object for each range; shorter where the object ends before."""

    @abstractmethod
    def head(self, key: str) -> Head | None:
        """Length and version of an object, None where there is none."""

    @abstractmethod
    def heads(self, prefix: str = "") -> Iterator[Head]:
        """Length and version of each object under `prefix`, in no particular order."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; nothing happens where there is none."""

    @abstractmethod
    def delete_prefix(self, prefix: str) -> None:
        """Remove all objects under `prefix`."""

    def put_bytes(self, key: str, data: bytes | memoryview, *, create: bool = False) -> bool:
        """Write an object that is not a tile; with `create` False where the key is taken, else it is replaced."""
        return self.put_parts(key, [data], create)

    def delete_all(self, keys: Iterable[str]) -> None:
        """Remove these objects."""
        for key in keys:
            self.delete(key)

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return self.head(key) is not None

    def list(self, prefix: str = "") -> Iterator[str]:
        """The keys of the objects under `prefix`, in no particular order."""
        return (head.key for head in self.heads(prefix))

    def close(self) -> None:
        """Give back what the store holds; it cannot be used any more."""
        self.closed = True

    def __enter__(self) -> TileStore:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


class ByteStore(TileStore):
    """A store of bytes: tiles are objects with a header and checksums (see `format`)."""

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Write a tile, header and elements as one object."""
        return self.put_parts(key, encode(np.asarray(tile)), True)

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """The tile, after its checksums were compared."""
        return decode(self.get_bytes(key, immutable=True), layout(dtype, tuple(shape)), key)

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """A part of a tile, by byte range where that saves a block or more."""
        plan = layout(dtype, tuple(shape))
        lo, hi = flat_span(shape, spans)
        if hi == lo:
            return as_array(memoryview(b""), dtype, [b - a for a, b in spans])
        first, last = plan.blocks(lo * dtype.itemsize, hi * dtype.itemsize)
        if last - first == plan.block_count:
            whole = self.get_bytes(key, immutable=True)
            decode(whole, plan, key)
            return region_of(whole[plan.offset :], 0, dtype, shape, spans)
        data = self._blocks(key, plan, first, last)
        return region_of(data, plan.block_bytes(first, last)[0], dtype, shape, spans)

    def _blocks(self, key: str, plan: Layout, first: int, last: int) -> memoryview:
        start, stop = plan.block_bytes(first, last)
        wanted = [(0, plan.offset), (plan.offset + start, plan.offset + stop)]
        header, data = self.get_ranges(key, wanted, immutable=True)
        decode_part(header, data, first, plan, key)
        if len(data) != stop - start:
            raise CorruptTileError(f"tile {key} is cut short: {len(data)} of {stop - start} bytes are there")
        return data

    def region_nbytes(self, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> int:
        """The header and the blocks that a region touches."""
        plan = layout(dtype, tuple(shape))
        lo, hi = flat_span(shape, spans)
        if hi == lo:
            return 0
        start, stop = plan.block_bytes(*plan.blocks(lo * dtype.itemsize, hi * dtype.itemsize))
        return plan.offset + stop - start


def element_nbytes(dtype: np.dtype[Any], spans: Iterable[Span]) -> int:
    """Bytes of the elements of a region."""
    return math.prod(hi - lo for lo, hi in spans) * dtype.itemsize


def check_key(key: str) -> str:
    """The key itself; raises StoreError for one that would not stay under its store's root."""
    if not key or any(part in ("", ".", "..") for part in key.split("/")) or "\0" in key or "\\" in key:
        raise StoreError(f"{key!r} is no key: a key is a path of names, such as 'plan/array/0.1'")
    return key
