"""Codecs from bytes to bytes: by the standard library where it has them, else by numcodecs where that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from ..errors import ConfigError, CorruptTileError, StoreError
from ..tiling import Json
from .format import as_bytes, crc_function

Codec = Mapping[str, Json]
Code = Callable[[memoryview], Any]
# Where Python has zstd: from version 3.14 on, and the same module for earlier ones.
ZSTD = ("compression.zstd", "backports.zstd")
# What chunks can be compressed by when they are saved: the least, the usual and the highest level.
LEVELS = {"zstd": (-100, 3, 22), "gzip": (0, 5, 9)}

# Bytes of a part that a core's cache has twice over.
SUMMED_NBYTES = 1 << 19


class CodecError(StoreError, LookupError):
    """A codec that is not known, or whose package is not installed: trying again does not help."""


def settings(codec: Codec) -> Mapping[str, Json]:
    """A codec's configuration."""
    return codec.get("configuration") or {}


def compressor(name: str | None, level: int | None) -> list[Codec]:
    """The codecs for what a user calls `compressor` and `level`; raises ConfigError for others than there are."""
    if name is None:
        if level is not None:
            raise ConfigError(f"level={level!r} is of a compressor: give compressor='zstd' or 'gzip' too")
        return []
    if name not in LEVELS:
        raise ConfigError(f"compressor={name!r} is not one of {', '.join(map(repr, LEVELS))}, or None for none")
    least, usual, most = LEVELS[name]
    if level is not None and not least <= level <= most:
        raise ConfigError(f"level={level!r} of {name} must be from {least} to {most}")
    config: dict[str, Json] = {"level": usual if level is None else level}
    # Every chunk has a CRC-32C after its compression.
    return [{"name": name, "configuration": {**config, "checksum": False} if name == "zstd" else config}]


def decoder(codec: Codec, name: str) -> Code:
    """A function that undoes one codec; `name` is what is encoded by it.

    Raises CodecError for one that is not known, or whose package is not there.
    """
    kind = codec["name"].removeprefix("numcodecs.")
    if kind in ("gzip", "zlib"):
        import zlib

        # 32 more than the window's bits lets zlib see by itself which of both headers there is.
        return lambda data: zlib.decompress(data, 32 + zlib.MAX_WBITS)
    if kind == "zstd" and (module := _zstd()) is not None:
        return lambda data: module.decompress(data)
    found = numcodec(codec, name)
    return lambda data: np.ascontiguousarray(found.decode(data))


def encoder(codec: Codec, name: str) -> Code:
    """A function that does what `decoder` undoes, for the codecs that arrays are saved with."""
    level: int = settings(codec).get("level", 1)
    if codec["name"] == "gzip":
        import gzip

        return lambda data: gzip.compress(data, level, mtime=0)
    if codec["name"] != "zstd":
        raise CodecError(f"{name} is encoded by {codec['name']!r}; chunks are written plain, or by zstd or gzip")
    if (module := _zstd()) is not None:
        return lambda data: module.compress(data, level)
    found = numcodec({"name": "numcodecs.zstd", "configuration": {"level": level}}, name)
    return lambda data: found.encode(data)


def _zstd() -> Any:
    for module in ZSTD:
        with suppress(ImportError):
            return importlib.import_module(module)
    return None


def numcodec(codec: Codec, name: str) -> Any:
    """The codec that numcodecs has under this name."""
    kind = codec["name"].removeprefix("numcodecs.")
    try:
        package = importlib.import_module("numcodecs")
    except ImportError:
        raise CodecError(
            f"{name} is encoded by {kind!r}, which needs the package numcodecs: pip install numcodecs"
        ) from None
    # Version 3 writes settings that only matter for encoding, some of which numcodecs does not take.
    known = {**settings(codec), "id": kind} if codec["name"].startswith("numcodecs.") else {"id": kind}
    try:
        return package.get_codec(known)
    except (ValueError, KeyError) as error:
        raise CodecError(f"{name} is encoded by {kind!r}, which is not known here nor in numcodecs") from error


def undone(undo: Callable[[Any], Any], data: Any, kind: str, name: str) -> Any:
    """What a codec's decoding gives; what cannot be decoded is a corrupt chunk."""
    try:
        return undo(data)
    except Exception as error:
        raise CorruptTileError(f"{name} is corrupt: {kind} cannot decode it ({error})") from error


def as_view(data: Any) -> memoryview:
    """Bytes or an array of any kind as a view of bytes."""
    return as_bytes(data) if isinstance(data, np.ndarray) else memoryview(data)


class WithCrc:
    """Bytes as parts with their CRC-32C behind them.

    A part is summed when it is asked for, and so written while the cache has it: to sum and to write 80 MB took a sixth
    less than to go through all of it twice.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes | memoryview]:
        crc32c, crc = crc_function(), 0
        for start in range(0, len(self._data), SUMMED_NBYTES):
            part = self._data[start : start + SUMMED_NBYTES]
            crc = crc32c(part, crc)
            yield part
        yield crc.to_bytes(4, "little")


def check_crc(data: memoryview, name: str) -> memoryview:
    """Take the CRC-32C off the end, after comparing it."""
    if len(data) < 4:
        raise CorruptTileError(f"{name} is cut short: {len(data)} bytes are there")
    body, want = data[:-4], int.from_bytes(data[-4:], "little")
    got = crc_function()(body)
    if got != want:
        raise CorruptTileError(f"{name} is corrupt: it has CRC-32C {got:08x}, and {want:08x} was written")
    return body
