"""Chunks of Zarr arrays from bytes and back: version 3's codecs, and those of numcodecs where it is installed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import CorruptTileError
from ..tiling import Json
from .compression import Codec, CodecError, WithCrc, as_view, check_crc, decoder, encoder, numcodec, settings, undone
from .format import Parts, as_array, as_bytes

EMPTY = 2**64 - 1
Shape = tuple[int, ...]


def is_plain(codecs: Sequence[Codec]) -> bool:
    """Whether a chunk is its elements in C order and nothing else, so that a part can be read by byte range."""
    return len(codecs) == 1 and codecs[0]["name"] == "bytes"


def sharding(codecs: Sequence[Codec]) -> Mapping[str, Json] | None:
    """The configuration of the sharding codec, where that is how chunks are written."""
    found = settings(codecs[0]) if codecs[0]["name"] == "sharding_indexed" else None
    if found is not None and len(codecs) > 1:
        raise CodecError("chunks that are sharded and then encoded once more are not read")
    return found


def stored_dtype(codecs: Sequence[Codec], dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of the elements in a chunk: the array's, in the byte order of the `bytes` codec."""
    for codec in codecs:
        if codec["name"] == "bytes" and "endian" in settings(codec):
            return dtype.newbyteorder("<" if settings(codec)["endian"] == "little" else ">")
    return dtype


class Chain:
    """The codecs of the chunks of an array of `dtype`, ready to decode and to encode.

    They go from elements to elements (`transpose`, and the filters of numcodecs), to bytes, and from bytes to bytes;
    decoding goes the other way. Raises CodecError, naming `name`, for what cannot be decoded here.
    """

    def __init__(self, codecs: Sequence[Codec], dtype: np.dtype[Any], name: str) -> None:
        kinds = [codec["name"] for codec in codecs]
        if "bytes" not in kinds:
            raise CodecError(f"{name} is encoded by {kinds}, which is not known here")
        at = kinds.index("bytes")
        self._inner: list[Transpose | Filter] = []
        for codec in codecs[:at]:
            step = Transpose(codec) if codec["name"] == "transpose" else Filter(codec, dtype, name)
            dtype = step.dtype or dtype
            self._inner.append(step)
        self._stored = stored_dtype(codecs, dtype)
        self._outer = codecs[at + 1 :]
        self._undo = [(c["name"], decoder(c, name)) if c["name"] != "crc32c" else ("", None) for c in self._outer]

    def decode(self, data: memoryview, shape: Sequence[int], name: str) -> np.ndarray:
        """The chunk of `shape` that `data` encodes; `name` is for the errors."""
        for kind, undo in reversed(self._undo):
            data = check_crc(data, name) if undo is None else as_view(undone(undo, data, kind, name))
        shapes = [tuple(shape)]
        for step in self._inner:
            shapes.append(step.shape(shapes[-1]))
        out = self._elements(data, shapes[-1], name)
        for step, before in zip(reversed(self._inner), reversed(shapes[:-1]), strict=True):
            out = step.undo(out, before, name)
        return out

    def _elements(self, data: memoryview, shape: Shape, name: str) -> np.ndarray:
        itemsize = self._stored.itemsize
        if any(isinstance(step, Filter) for step in self._inner) and len(data) % itemsize == 0:
            return as_array(data, self._stored, (len(data) // itemsize,))  # a filter may make more or fewer
        if len(data) != math.prod(shape) * itemsize:
            raise CorruptTileError(
                f"{name} has {len(data)} bytes of elements, and {self._stored} {shape} needs "
                f"{math.prod(shape) * itemsize}"
            )
        return as_array(data, self._stored, shape)

    def encode(self, tile: np.ndarray, shape: Sequence[int], name: str) -> Parts:
        """The parts of an object that holds `tile` as a chunk of `shape`, padded by zeros at the array's edge."""
        if self._inner or any(codec["name"] == "crc32c" for codec in self._outer[:-1]):
            raise CodecError(f"{name} has filters; chunks are written plain, or by zstd or gzip")
        if tile.shape != tuple(shape):
            padded = np.zeros(shape, self._stored)
            padded[tuple([slice(0, n) for n in tile.shape])] = tile
            tile = padded
        data = as_bytes(tile.astype(self._stored, copy=False))
        for codec in self._outer:
            if codec["name"] == "crc32c":
                return WithCrc(data)
            data = as_view(encoder(codec, name)(data))
        return [data]


class Transpose:
    """Axes in another order; no change of dtype."""

    dtype = None

    def __init__(self, codec: Codec) -> None:
        self._order = settings(codec)["order"]

    def _axes(self, ndim: int) -> Sequence[int]:
        straight = {"C": range(ndim), "F": range(ndim)[::-1]}
        return straight[self._order] if isinstance(self._order, str) else self._order

    def shape(self, before: Shape) -> Shape:
        """The shape once it is done."""
        return tuple([before[axis] for axis in self._axes(len(before))])

    def undo(self, data: np.ndarray, before: Shape, name: str) -> np.ndarray:
        """The elements as they were."""
        return data.reshape(self.shape(before)).transpose(np.argsort(self._axes(len(before))))


class Filter:
    """A codec of numcodecs from elements to elements, such as `delta`; `dtype` is what it makes of the array's."""

    def __init__(self, codec: Codec, dtype: np.dtype[Any], name: str) -> None:
        self._kind, self._codec = codec["name"], numcodec(codec, name)
        self.dtype: np.dtype[Any] | None = np.asarray(self._codec.encode(np.zeros(1, dtype))).dtype

    def shape(self, before: Shape) -> Shape:
        """The shape once it is done."""
        return before

    def undo(self, data: np.ndarray, before: Shape, name: str) -> np.ndarray:
        """The elements as they were."""

        def undo(data: np.ndarray) -> np.ndarray:
            return np.asarray(self._codec.decode(np.ascontiguousarray(data).reshape(-1))).reshape(before)

        out: np.ndarray = undone(undo, data, self._kind, name)
        return out


class Shard:
    """Where the chunks inside a shard are, by the index at its end (or its beginning), and their codecs."""

    def __init__(self, config: Mapping[str, Json], dtype: np.dtype[Any], shape: Sequence[int], name: str) -> None:
        self.chunks = tuple(config["chunk_shape"])
        self.chain = Chain(config["codecs"], dtype, name)
        self.grid = tuple(n // c for n, c in zip(shape, self.chunks, strict=True))
        self.at_start = config.get("index_location", "end") == "start"
        self._checked = any(codec["name"] == "crc32c" for codec in config["index_codecs"])
        self.index_nbytes = 16 * math.prod(self.grid) + 4 * self._checked
        unknown = [c["name"] for c in config["index_codecs"] if c["name"] not in ("bytes", "crc32c")]
        if unknown:
            raise CodecError(f"the index of a shard of {name} is encoded by {unknown}, which is not known here")

    def index_range(self, nbytes: int) -> tuple[int, int]:
        """The bytes of the index in an object of `nbytes`."""
        return (0, self.index_nbytes) if self.at_start else (nbytes - self.index_nbytes, nbytes)

    def read_index(self, data: memoryview, name: str) -> np.ndarray:
        """Offset and length of each chunk; EMPTY for both where there is none."""
        if len(data) != self.index_nbytes:
            raise CorruptTileError(f"{name} is cut short: its index has {len(data)} of {self.index_nbytes} bytes")
        body = check_crc(data, name) if self._checked else data
        return np.frombuffer(body, "<u8").reshape(*self.grid, 2)
