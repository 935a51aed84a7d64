"""Chunks of Zarr arrays from bytes and back: version 3's codecs, and those of numcodecs where it is installed."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import CorruptTileError, StoreError
from ..tiling import Json
from .format import as_array, as_bytes, crc_function

Codec = Mapping[str, Json]
# The packages' own names for what version 3 and version 2 call otherwise.
NUMCODECS = {"zstd": "zstd", "blosc": "blosc", "lz4": "lz4", "zlib": "zlib", "bz2": "bz2"}
EMPTY = 2**64 - 1


def settings(codec: Codec) -> Mapping[str, Json]:
    """A codec's configuration."""
    return codec.get("configuration") or {}


def is_plain(codecs: Sequence[Codec]) -> bool:
    """Whether a chunk is its elements in C order and nothing else, so that a part can be read by byte range."""
    return len(codecs) == 1 and codecs[0]["name"] == "bytes"


def sharding(codecs: Sequence[Codec]) -> Mapping[str, Json] | None:
    """The configuration of the sharding codec, where that is how chunks are written."""
    found = settings(codecs[0]) if codecs[0]["name"] == "sharding_indexed" else None
    if found is not None and len(codecs) > 1:
        raise StoreError("chunks that are sharded and then encoded once more are not read")
    return found


def stored_dtype(codecs: Sequence[Codec], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the elements in a chunk: the array's, in the byte order of the `bytes` codec."""
    for codec in codecs:
        if codec["name"] == "bytes" and "endian" in settings(codec) and dtype.fields is None:
            return dtype.newbyteorder("<" if settings(codec)["endian"] == "little" else ">")
    return dtype


def decode_chunk(
    data: memoryview, codecs: Sequence[Codec], dtype: np.dtype[Any], shape: Sequence[int], name: str
) -> np.ndarray:
    """The chunk of `shape` that `data` encodes; `name` is for the errors."""
    at = next((i for i, codec in enumerate(codecs) if codec["name"] == "bytes"), None)
    if at is None:
        raise StoreError(f"{name} is encoded by {[codec['name'] for codec in codecs]}, which is not known here")
    for codec in reversed(codecs[at + 1 :]):
        data = _decode_bytes(data, codec, name)
    orders = [_order(codec, len(shape), name) for codec in codecs[:at]]
    for order in orders:
        shape = [shape[axis] for axis in order]
    out = _elements(data, stored_dtype(codecs, dtype), shape, name)
    for order in reversed(orders):
        out = out.transpose(np.argsort(order))
    return out


def _elements(data: memoryview, dtype: np.dtype[Any], shape: Sequence[int], name: str) -> np.ndarray:
    nbytes = math.prod(shape) * dtype.itemsize
    if len(data) != nbytes:
        raise CorruptTileError(f"{name} has {len(data)} bytes of elements, and {dtype} {tuple(shape)} needs {nbytes}")
    return as_array(data, dtype, shape)


def _order(codec: Codec, ndim: int, name: str) -> list[int]:
    if codec["name"] != "transpose":
        raise StoreError(f"{name} is encoded by {codec['name']!r}, which is not known here")
    order = settings(codec)["order"]
    if order in ("C", "F"):
        return list(range(ndim)) if order == "C" else list(range(ndim))[::-1]
    return list(order)


def _decode_bytes(data: memoryview, codec: Codec, name: str) -> memoryview:
    """Undo one codec from bytes to bytes."""
    kind = codec["name"].removeprefix("numcodecs.")
    if kind == "crc32c":
        return check_crc(data, name)
    if kind in ("gzip", "zlib"):
        import zlib

        # 32 more than the window's bits lets zlib see by itself which of both headers there is.
        return _safely(lambda: zlib.decompress(data, 32 + zlib.MAX_WBITS), name, kind)
    return _numcodecs(data, codec, kind, name)


def _numcodecs(data: memoryview, codec: Codec, kind: str, name: str) -> memoryview:
    try:
        package = importlib.import_module("numcodecs")
    except ImportError:
        raise StoreError(
            f"{name} is compressed by {kind!r}, which needs the package numcodecs: pip install numcodecs"
        ) from None
    options = {**settings(codec), "id": NUMCODECS.get(kind, kind)}
    # Version 3 writes settings that only matter for encoding, some of which numcodecs does not take.
    known = options if codec["name"].startswith("numcodecs.") else {"id": options["id"]}
    try:
        decoder = package.get_codec(known)
    except (ValueError, KeyError) as error:
        raise StoreError(f"{name} is encoded by {kind!r}, which is not known here nor in numcodecs") from error
    return _safely(lambda: np.ascontiguousarray(decoder.decode(data)), name, kind)


def _safely(decode: Any, name: str, kind: str) -> memoryview:
    """Decompress; what cannot be decompressed is a corrupt chunk."""
    try:
        out = decode()
    except Exception as error:
        raise CorruptTileError(f"{name} is corrupt: {kind} cannot decompress it ({error})") from error
    return as_bytes(out) if isinstance(out, np.ndarray) else memoryview(out)


def check_crc(data: memoryview, name: str) -> memoryview:
    """Take the CRC-32C off the end, after comparing it."""
    if len(data) < 4:
        raise CorruptTileError(f"{name} is cut short: {len(data)} bytes are there")
    body, want = data[:-4], int.from_bytes(data[-4:], "little")
    got = crc_function()(body)
    if got != want:
        raise CorruptTileError(f"{name} is corrupt: it has CRC-32C {got:08x}, and {want:08x} was written")
    return body


def encode_chunk(
    tile: np.ndarray, codecs: Sequence[Codec], shape: Sequence[int], name: str
) -> list[bytes | memoryview]:
    """The parts of an object that holds `tile` as a chunk of `shape`, padded by zeros at the array's edge."""
    names = [codec["name"] for codec in codecs]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise StoreError(f"{name} is encoded by {names}; only uncompressed chunks are written, with or without crc32c")
    dtype = stored_dtype(codecs, tile.dtype)
    if tile.shape != tuple(shape):
        padded = np.zeros(shape, dtype)
        padded[tuple([slice(0, n) for n in tile.shape])] = tile
        tile = padded
    data = as_bytes(tile.astype(dtype, copy=False))
    if names == ["bytes"]:
        return [data]
    crc: int = crc_function()(data)
    return [data, crc.to_bytes(4, "little")]


class Shard:
    """Where the chunks inside a shard are, by the index at its end (or its beginning)."""

    def __init__(self, config: Mapping[str, Json], shape: Sequence[int]) -> None:
        self.chunks = tuple(config["chunk_shape"])
        self.codecs = config["codecs"]
        self.grid = tuple(n // c for n, c in zip(shape, self.chunks, strict=True))
        self.at_start = config.get("index_location", "end") == "start"
        self._checked = any(codec["name"] == "crc32c" for codec in config["index_codecs"])
        self.index_nbytes = 16 * math.prod(self.grid) + 4 * self._checked
        unknown = [c["name"] for c in config["index_codecs"] if c["name"] not in ("bytes", "crc32c")]
        if unknown:
            raise StoreError(f"a shard's index is encoded by {unknown}, which is not known here")

    def index_range(self, nbytes: int) -> tuple[int, int]:
        """The bytes of the index in an object of `nbytes`."""
        return (0, self.index_nbytes) if self.at_start else (nbytes - self.index_nbytes, nbytes)

    def read_index(self, data: memoryview, name: str) -> np.ndarray:
        """Offset and length of each chunk; EMPTY for both where there is none."""
        if len(data) != self.index_nbytes:
            raise CorruptTileError(f"{name} is cut short: its index has {len(data)} of {self.index_nbytes} bytes")
        body = check_crc(data, name) if self._checked else data
        return np.frombuffer(body, "<u8").reshape(*self.grid, 2)
