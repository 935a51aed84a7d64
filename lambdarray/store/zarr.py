"""Zarr arrays as sources and targets of plans, in a directory or in S3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from ..errors import CorruptTileError, MissingTileError, StoreError
from ..task import ArraySpec
from ..tiling import Index, Json, Span, Tiling
from .arrays import ArrayIO, assemble, check_tile, overlaps
from .base import TileStore, element_nbytes
from .buffers import empty
from .format import flat_span, region_of
from .locate import open_store
from .zarr_codecs import EMPTY, Chain, Shard, is_plain, sharding, stored_dtype
from .zarr_meta import ZarrMeta, parse_v2, parse_v3

__all__ = ["ZarrArray", "ZarrMeta", "open_zarr", "read_zarr", "source_key"]
METADATA = "zarr.json"
# What is read at a time of a file in a directory where most of it is not wanted.
SLAB_NBYTES = 2 << 20


def open_zarr(url: str) -> ZarrMeta:
    """The description of the array at `url`: shape, chunks, dtype, and `location()` for an `ArraySpec`.

    Raises MissingTileError (a FileNotFoundError) where there is none, and StoreError for a group, for what is not
    supported, and for an array that one of our own saves left incomplete.
    """
    store = open_store(url)
    meta = _read_meta(store, url)
    if meta is None:
        raise MissingTileError(f"there is no Zarr array at {url}: neither {METADATA} nor .zarray is there")
    mark = meta.mark
    if mark is not None and not mark.get("complete"):
        raise StoreError(
            f"{url} is an incomplete save: the run that wrote it did not come to its end; "
            "run the same save again, which computes only what is missing, or save anew with overwrite=True"
        )
    with _as_it_must_be(url):
        _decoding(meta)
    return meta


@contextmanager
def _as_it_must_be(url: str) -> Iterator[None]:
    """What goes wrong in taking metadata apart is a fault of the metadata."""
    try:
        yield
    except StoreError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise StoreError(f"the metadata of the Zarr array at {url} is not as it must be: {error!r}") from error


def _decoding(meta: ZarrMeta) -> Chain | Shard:
    """How chunks are decoded; raises StoreError where they cannot be, here and with what is installed."""
    for name in (codec["name"] for codec in meta.codecs):
        if name in ("vlen-utf8", "vlen-bytes"):
            raise StoreError(f"{meta.url} has elements of variable length ({name}), which tiles cannot hold")
    shards = sharding(meta.codecs)
    if shards is not None:
        return Shard(shards, meta.dtype, meta.chunks, meta.url)
    return Chain(meta.codecs, meta.dtype, meta.url)


def _read_meta(store: TileStore, url: str) -> ZarrMeta | None:
    return parse(url, read_documents(store))


def read_documents(store: TileStore) -> dict[str, Json]:
    """What is there of the documents that make a directory an array or a group."""
    document = read_json(store, METADATA)
    if document is not None:
        return {METADATA: document}
    names = (".zarray", ".zattrs") if store.exists(".zarray") else (".zgroup",)
    found = ((name, read_json(store, name)) for name in names)
    return {name: document for name, document in found if document is not None}


def parse(url: str, documents: Mapping[str, Json]) -> ZarrMeta | None:
    """The metadata in an array's documents; None where there are none, StoreError for a group and what is not read."""
    with _as_it_must_be(url):
        if METADATA in documents:
            return parse_v3(url, documents[METADATA])
        if ".zarray" in documents:
            return parse_v2(url, documents[".zarray"], documents.get(".zattrs") or {})
    if ".zgroup" in documents:
        raise StoreError(f"{url} is a Zarr group, not an array; open one of the arrays in it, such as {url}/name")
    return None


def read_json(store: TileStore, key: str) -> Json:
    """A document, None where there is none; StoreError for one that is not JSON."""
    try:
        text = bytes(store.get_bytes(key))
    except MissingTileError:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise StoreError(f"{store.url}/{key} is not JSON: {error}") from error


def source_key(url: str) -> str:
    """A key of the array's content: its objects' names, lengths and versions, as one LIST gives them.

    The version is the ETag in S3, and the time of the last change in a directory.
    """
    found = sorted((head.key, head.nbytes, head.etag) for head in open_store(url).heads())
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


class ZarrArray(ArrayIO):
    """A Zarr array, open for reading any region and for writing chunks."""

    def __init__(self, spec: ArraySpec) -> None:
        location = spec.location
        self.spec = spec
        self.meta = ZarrMeta.from_location(location) if "codecs" in location else open_zarr(location["url"])
        self.store = open_store(self.meta.url)
        self._axes = self.meta.tiling.axes
        self._stored = stored_dtype(self.meta.codecs, self.meta.dtype)
        self._decoding = _decoding(self.meta)
        # Our own chunks are written once; others may be rewritten in place, and must not be mapped.
        self._immutable = self.meta.mark is not None
        self._same_grid: bool | None = None

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """A region; missing chunks of an array that we did not write consist of its fill value."""
        pieces = overlaps(self._axes, spans)
        if len(pieces) == 1:
            index, local, _ = pieces[0]
            out = self._fetch(index, local)
        else:
            out = assemble(self._axes, spans, self.spec.dtype, self._fetch, self.store.remote)
        out = out.astype(self.spec.dtype, copy=False)
        out.setflags(write=False)
        return out

    def _fetch(self, index: Index, local: Sequence[Span]) -> np.ndarray:
        key = self.meta.key(index)
        try:
            return self._fetch_stored(key, local)
        except MissingTileError as error:
            if self.meta.mark is not None:
                raise MissingTileError(
                    f"chunk {key} of {self.meta.url} is missing, and the save that wrote it had finished; "
                    "somebody deleted it: save the array again"
                ) from error
        return np.broadcast_to(self.meta.fill_value, [hi - lo for lo, hi in local])

    def _fetch_stored(self, key: str, local: Sequence[Span]) -> np.ndarray:
        meta, name = self.meta, f"chunk {key} of {self.meta.url}"
        if isinstance(self._decoding, Shard):
            return self._fetch_shard(self._decoding, key, local, name)
        lo, hi = flat_span(meta.chunks, local)
        start, stop = lo * self._stored.itemsize, hi * self._stored.itemsize
        if is_plain(meta.codecs) and stop - start < element_nbytes(self._stored, [(0, n) for n in meta.chunks]):
            rows = self._rows_of_slab(stop - start, local)
            if rows:
                return self._fetch_in_slabs(key, local, rows)
            (data,) = self.store.get_ranges(key, [(start, stop)], immutable=self._immutable)
            if len(data) == stop - start:
                return region_of(data, start, self._stored, meta.chunks, local)
        data = self.store.get_bytes(key, immutable=self._immutable)
        chunk = self._decoding.decode(data, meta.chunks, name)
        return chunk[tuple([slice(a, b) for a, b in local])]

    def _rows_of_slab(self, nbytes: int, local: Sequence[Span]) -> int:
        """How many rows to read at a time of a region that spans so many bytes in a file, and uses few; 0 for all."""
        rows = max(1, SLAB_NBYTES // max(1, element_nbytes(self._stored, [(0, n) for n in self.meta.chunks[1:]])))
        sparse = 2 * element_nbytes(self._stored, local) <= nbytes
        return rows if sparse and not self.store.remote and local[0][1] - local[0][0] > rows else 0

    def _fetch_in_slabs(self, key: str, local: Sequence[Span], rows: int) -> np.ndarray:
        """A region without memory for what lies between its rows."""
        (first, last), *others = local
        out = empty([hi - lo for lo, hi in local], self._stored)
        for row in range(first, last, rows):
            stop = min(row + rows, last)
            out[row - first : stop - first] = self._fetch_stored(key, [(row, stop), *others])
        return out

    def _fetch_shard(self, shard: Shard, key: str, local: Sequence[Span], name: str) -> np.ndarray:
        """A region of a shard: its index, then the chunks that the region meets."""
        head = self.store.head(key)
        if head is None:
            raise MissingTileError(f"there is no {name}")
        (data,) = self.store.get_ranges(key, [shard.index_range(head.nbytes)])
        where = shard.read_index(data, name)
        out = np.empty([hi - lo for lo, hi in local], self.meta.dtype)
        pieces = overlaps(Tiling.regular(self.meta.chunks, shard.chunks).axes, local)
        if any(at != EMPTY and at + n > head.nbytes for at, n in where.reshape(-1, 2).tolist()):
            raise CorruptTileError(f"{name} is corrupt: its index points behind its end")
        there = [piece for piece in pieces if where[piece[0]][0] != EMPTY]
        ranges = [(int(at), int(at + n)) for at, n in (where[index] for index, _, _ in there)]
        found = self.store.get_ranges(key, ranges) if ranges else []
        if len(there) < len(pieces):
            out[...] = self.meta.fill_value
        for (_, part, place), data in zip(there, found, strict=True):
            chunk = shard.chain.decode(data, shard.chunks, name)
            out[place] = chunk[tuple([slice(a, b) for a, b in part])]
        return out

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """The bytes of the region, or of the chunks that it meets where these cannot be read in part."""
        pieces = overlaps(self._axes, spans)
        if isinstance(self._decoding, Shard):
            return element_nbytes(self._stored, spans) if pieces else 0
        if not is_plain(self.meta.codecs):
            return len(pieces) * element_nbytes(self._stored, [(0, n) for n in self.meta.chunks])
        runs = (flat_span(self.meta.chunks, local) for _, local, _ in pieces)
        return sum((hi - lo) * self._stored.itemsize for lo, hi in runs)

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """Write a chunk, padded at the array's edge; an empty array has none."""
        check_tile(self.spec, index, tile)
        if tile.size == 0:
            return True
        self._check_grid()
        name = f"chunk {index} of {self.meta.url}"
        if isinstance(self._decoding, Shard):
            raise StoreError(f"{name} is sharded; chunks are written plain, or by zstd or gzip")
        parts = self._decoding.encode(tile.astype(self.meta.dtype, copy=False), self.meta.chunks, name)
        return self.store.put_parts(self.meta.key(index), parts, True)

    def _check_grid(self) -> None:
        """Refuse to write tiles that are not the chunks."""
        if self._same_grid is None:
            tiles, chunks = self.spec.tiling, self.meta.tiling
            self._same_grid = tiles.is_regular and tiles.max_tile == chunks.max_tile
        if not self._same_grid:
            raise StoreError(f"{self.spec.name} is cut into {self.spec.tiling.max_tile}, {self.meta.url} into others")

    def exists(self, index: Index) -> bool:
        """Whether a chunk is there."""
        if 0 in self.spec.tiling.tile_shape(index):
            return True
        return self.store.exists(self.meta.key(index))

    def existing(self) -> list[Index]:
        """The chunks that are there; one without elements always is."""
        keys, tiling = set(self.store.list()), self.spec.tiling
        return [i for i in tiling.indices() if self.meta.key(i) in keys or 0 in tiling.tile_shape(i)]

    def delete(self, index: Index) -> None:
        """Remove a chunk."""
        self.store.delete(self.meta.key(index))


def read_zarr(url: str) -> np.ndarray:
    """A whole array in memory.

    Raises as `open_zarr` does.
    """
    meta = open_zarr(url)
    spec = ArraySpec(url, meta.tiling, meta.dtype, meta.location())
    return ZarrArray(spec).read([(0, n) for n in meta.shape])
