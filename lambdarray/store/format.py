"""How a tile is written: one object, a header with checksums and then the elements in C order.

    magic, version, sizes      32 bytes
    dtype                      NumPy's own description of it, as text
    shape                      8 bytes for each axis
    checksums                  a CRC-32C for each block of 1 MiB of the elements
    checksum of all of that    4 bytes, then zeros up to a multiple of 64
    elements                   in C order

Dtype and shape give the header's length, so that a part of a tile can be asked for by byte range without reading
the header first, and each block that was touched can still be verified.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr

from ..errors import CorruptTileError, PlanError, StoreError
from ..tiling import Span
from .buffers import copied, empty

MAGIC = b"\x93LAtile\n"
VERSION = 1
BLOCK_NBYTES = 1 << 20
ALIGNMENT = 64
FIXED = struct.Struct("<8sIIIIQ")

# What an object consists of, one after the other; it may be gone through again, as where a request is made once more.
Parts = Iterable[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in the object of a tile of one dtype and shape.

    `head` is the header's constant beginning, `offset` the first byte of the elements, `nbytes` the object's length.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    head: bytes
    offset: int
    data_nbytes: int
    block_count: int

    @property
    def nbytes(self) -> int:
        """The length of the whole object."""
        return self.offset + self.data_nbytes

    def blocks(self, start: int, stop: int) -> tuple[int, int]:
        """The blocks [first, last + 1) that hold bytes [start, stop) of the elements."""
        return start // BLOCK_NBYTES, -(-stop // BLOCK_NBYTES)

    def block_bytes(self, first: int, last: int) -> tuple[int, int]:
        """The bytes [start, stop) of the elements that blocks [first, last) hold."""
        return first * BLOCK_NBYTES, min(last * BLOCK_NBYTES, self.data_nbytes)


@lru_cache(maxsize=1024)
def layout(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Layout:
    """The layout of a tile; raises StoreError for a dtype whose elements are not bytes.

    >>> layout(np.dtype("f8"), (2, 3)).nbytes
    112
    """
    check_dtype(dtype)
    data_nbytes = math.prod(shape) * dtype.itemsize
    block_count = -(-data_nbytes // BLOCK_NBYTES)
    text = repr(dtype_to_descr(dtype)).encode()
    used = FIXED.size + len(text) + 8 * len(shape) + 4 * block_count + 4
    offset = -(-used // ALIGNMENT) * ALIGNMENT
    fixed = FIXED.pack(MAGIC, VERSION, offset, len(text), len(shape), BLOCK_NBYTES)
    head = fixed + text + struct.pack(f"<{len(shape)}Q", *shape)
    return Layout(dtype, shape, head, offset, data_nbytes, block_count)


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse dtypes whose elements are references, not bytes."""
    if dtype.hasobject:
        raise StoreError(
            f"a tile of dtype {dtype} cannot be stored, since its elements are references to Python objects; "
            "convert it first, for example with .astype(float) or .astype('U16')"
        )


def checksums(data: memoryview) -> list[int]:
    """The CRC-32C of each block of `data`."""
    crc32c = crc_function()
    return [crc32c(data[start : start + BLOCK_NBYTES]) for start in range(0, len(data), BLOCK_NBYTES)]


@lru_cache(maxsize=1)
def crc_function() -> Callable[..., int]:
    """CRC-32C of a buffer; imported when first needed."""
    from crc32c import crc32c

    return crc32c  # type: ignore[no-any-return]


def as_bytes(tile: np.ndarray) -> memoryview:
    """The elements of `tile` in C order as bytes; a copy only where they do not lie so."""
    if tile.nbytes == 0:
        return memoryview(b"")
    if not tile.flags.c_contiguous:
        tile = copied(tile, given_back=True)
    return tile.reshape(-1).view(np.uint8).data


def empty_bytes(nbytes: int) -> memoryview:
    """Memory to read into: NumPy's is not zeroed first, and has huge pages where it is large."""
    return empty((nbytes,), np.uint8).data


def encode(tile: np.ndarray) -> tuple[bytes, memoryview]:
    """The header and the elements of `tile`, to be written one after the other."""
    plan = layout(tile.dtype, tile.shape)
    data = as_bytes(tile)
    body = plan.head + struct.pack(f"<{plan.block_count}I", *checksums(data))
    header = body + struct.pack("<I", crc_function()(body))
    return header.ljust(plan.offset, b"\0"), data


def decode(buffer: memoryview, plan: Layout, key: str) -> np.ndarray:
    """The tile that `buffer`, a whole object, holds; read-only and not copied."""
    if len(buffer) != plan.nbytes:
        # A header that tells of another dtype or shape explains more than a wrong length does.
        read_header(buffer[: plan.offset], plan, key)
        raise CorruptTileError(f"tile {key} has {len(buffer)} bytes, not the {plan.nbytes} that were written")
    wanted = read_header(buffer[: plan.offset], plan, key)
    verify(buffer[plan.offset :], wanted, 0, key)
    return as_array(buffer, plan.dtype, plan.shape, plan.offset)


def decode_part(header: memoryview, data: memoryview, first: int, plan: Layout, key: str) -> None:
    """Verify `data`, the blocks from number `first` on, by the header's checksums."""
    wanted = read_header(header, plan, key)
    verify(data, wanted[first : first + -(-len(data) // BLOCK_NBYTES)], first, key)


def verify(data: memoryview, wanted: Sequence[int], first: int, key: str) -> None:
    """Compare the checksum of each block."""
    found = checksums(data)
    if found == list(wanted):
        return
    if len(found) != len(wanted):
        raise CorruptTileError(f"tile {key} has {len(found)} blocks where {len(wanted)} were written")
    bad = next(i for i, (got, want) in enumerate(zip(found, wanted, strict=True)) if got != want)
    raise CorruptTileError(
        f"tile {key} is corrupt: block {first + bad} has CRC-32C {found[bad]:08x}, and {wanted[bad]:08x} was written; "
        "delete the tile and run again, which computes it anew"
    )


def read_header(header: memoryview, plan: Layout, key: str) -> tuple[int, ...]:
    """The checksums in a header; raises CorruptTileError where it is damaged or tells of another tile."""
    head = len(plan.head)
    if header[:head] != plan.head or len(header) < plan.offset:
        raise CorruptTileError(f"tile {key} {_describe(bytes(header))}, not {_name(plan.dtype, plan.shape)}")
    end = head + 4 * plan.block_count
    want = int.from_bytes(header[end : end + 4], "little")
    got = crc_function()(header[:end])
    if got != want:
        raise CorruptTileError(f"tile {key} is corrupt: its header has CRC-32C {got:08x}, and {want:08x} was written")
    return struct.unpack(f"<{plan.block_count}I", header[head:end])


def _name(dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    return f"{dtype_to_descr(dtype)} {shape}"


def _describe(header: bytes) -> str:
    """What a header that is not the expected one says."""
    if len(header) < FIXED.size or header[:8] != MAGIC:
        return "does not begin as a tile does"
    _, version, _, text_nbytes, ndim, _ = FIXED.unpack_from(header)
    if version != VERSION:
        return f"is written in format {version}, and this version reads {VERSION}"
    shape_at = FIXED.size + text_nbytes
    if shape_at + 8 * ndim > len(header):
        return "is cut short in its header"
    text = header[FIXED.size : shape_at].decode(errors="replace").strip("'")
    return f"holds {text} {struct.unpack_from(f'<{ndim}Q', header, shape_at)}"


def as_array(
    buffer: memoryview,
    dtype: np.dtype[Any],
    shape: Sequence[int],
    offset: int = 0,
    strides: Sequence[int] | None = None,
) -> np.ndarray:
    """A read-only array over a part of `buffer`, which it keeps alive."""
    if dtype.itemsize == 0 or 0 in shape:
        out: np.ndarray = np.empty(shape, dtype)
    else:
        out = np.ndarray(shape, dtype, buffer, offset, strides)
    out.setflags(write=False)
    return out


def flat_span(shape: Sequence[int], spans: Sequence[Span]) -> Span:
    """The run of elements, counted in C order, in which a region of an array of `shape` lies.

    >>> flat_span((4, 10), [(1, 3), (0, 10)])
    (10, 30)
    """
    lo = last = 0
    empty = False
    for n, (a, b) in zip(shape, spans, strict=True):
        if not 0 <= a <= b <= n:
            raise PlanError(f"region {list(spans)} does not lie in a tile of shape {tuple(shape)}")
        empty |= a == b
        lo, last = lo * n + a, last * n + b - 1
    return (0, 0) if empty else (lo, last + 1)


def region_of(
    buffer: memoryview, start: int, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]
) -> np.ndarray:
    """The region of an array of which `buffer` holds the bytes from `start` on; compact where it is small in it."""
    lo, _ = flat_span(shape, spans)
    strides = [dtype.itemsize] * len(shape)
    for d in range(len(shape) - 2, -1, -1):
        strides[d] = strides[d + 1] * shape[d + 1]
    out = as_array(buffer, dtype, [b - a for a, b in spans], lo * dtype.itemsize - start, strides)
    if 2 * out.nbytes >= len(buffer):
        return out
    out = out.copy()
    out.setflags(write=False)
    return out
