"""What `chunks=` may be: "auto", a length, a length for each axis, or the lengths of every tile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..ops import Shape, auto_chunk
from ..tiling import Cuts, Tiling
from .tile_sizes import tile_bytes


def tiling_for(shape: Shape, chunks: Any, dtype: np.dtype[Any], current: Tiling | None = None) -> Tiling:
    """The tiling of an array of `shape` for what the user gave as `chunks`.

    An axis may be a length, -1 or None for the whole axis, "auto", or a tuple of lengths that adds up to the axis;
    a mapping names only the axes that change. Raises ValueError (or TypeError) saying which axis is wrong.
    """
    if isinstance(chunks, Mapping):
        chunks = _from_mapping(shape, chunks, current)
    if chunks is None:
        chunks = -1
    if isinstance(chunks, str | int | np.integer):
        chunks = (chunks,) * len(shape)
    if not isinstance(chunks, Sequence):
        raise TypeError(f"chunks={chunks!r} must be 'auto', an int, or one entry for each axis")
    if len(shape) == 1 and len(chunks) > 1 and all(isinstance(c, int) for c in chunks):
        chunks = (tuple(chunks),)
    if len(chunks) != len(shape):
        raise ValueError(f"chunks={chunks!r} has {len(chunks)} entries for an array of {len(shape)} axes, {shape}")
    automatic = _automatic(shape, chunks, dtype)
    return Tiling(tuple(_cuts(d, n, chunks[d], automatic[d]) for d, n in enumerate(shape)))


def following(shape: Shape, own: tuple[Any, ...] | None, dtype: np.dtype[Any]) -> Any:
    """What `chunks="auto"` is for an object with chunks of its own: whole multiples of them, near what it is without.

    Chunks that are larger stay as they are, and so do those of which every length is given.

    >>> following((1000, 900), (300, 100), np.dtype("f8"))
    [1200, 900]
    """
    if own is None or len(own) != len(shape):
        return "auto"
    if not all(isinstance(n, int | np.integer) and n > 0 for n in own):
        return own
    grid = tuple(-(-n // c) for n, c in zip(shape, own, strict=True))
    nbytes = math.prod(own) * dtype.itemsize
    together = auto_chunk(grid, nbytes, tile_bytes(grid, nbytes))
    return [int(c * n) for c, n in zip(own, together, strict=True)]


def _from_mapping(shape: Shape, chunks: Mapping[Any, Any], current: Tiling | None) -> list[Any]:
    out: list[Any] = list(current.chunks) if current is not None else [-1] * len(shape)
    for axis, c in chunks.items():
        if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
            raise ValueError(f"chunks={dict(chunks)!r} names axis {axis!r} of an array of {len(shape)} axes")
        out[axis] = c
    return out


def _automatic(shape: Shape, chunks: Sequence[Any], dtype: np.dtype[Any]) -> Shape:
    """Lengths for the axes that say "auto", given the others."""
    if not any(isinstance(c, str) for c in chunks):
        return shape
    fixed = beside = 1
    for n, c in zip(shape, chunks, strict=True):
        if not isinstance(c, str):
            longest = max(c, default=1) if isinstance(c, Sequence) else c
            length = max(1, n if longest is None or longest < 0 else min(n, longest))
            fixed, beside = fixed * length, beside * -(-n // length)
    free = tuple(n if isinstance(c, str) else 1 for n, c in zip(shape, chunks, strict=True))
    return auto_chunk(free, dtype.itemsize * fixed, tile_bytes(free, dtype.itemsize * fixed, beside))


def _cuts(axis: int, size: int, chunk: Any, automatic: int) -> Cuts:
    if isinstance(chunk, str):
        if chunk != "auto":
            raise ValueError(f"chunks of axis {axis}: {chunk!r} is not known; the one word is 'auto'")
        return Cuts(size, max(1, automatic))
    if chunk is None:
        return Cuts(size, max(1, size))
    if isinstance(chunk, Sequence):
        return _ragged(axis, size, chunk)
    if not isinstance(chunk, int | np.integer):
        raise TypeError(f"chunks of axis {axis}: {chunk!r} is not an integer, 'auto' or a tuple of lengths")
    if chunk == -1:
        return Cuts(size, max(1, size))
    if chunk <= 0:
        raise ValueError(
            f"chunks of axis {axis}: {chunk} is not a length; use a positive one, or -1 for the whole axis"
        )
    return Cuts(size, max(1, min(int(chunk), size)))


def _ragged(axis: int, size: int, lengths: Sequence[Any]) -> Cuts:
    if not lengths or any(not isinstance(n, int | np.integer) or n < 0 for n in lengths):
        raise ValueError(f"chunks of axis {axis}: {tuple(lengths)!r} must be lengths of 0 or more")
    if sum(lengths) != size:
        raise ValueError(
            f"chunks of axis {axis}: {tuple(lengths)!r} adds up to {sum(lengths)}, the axis is {size} long"
        )
    return Cuts.ragged([int(n) for n in lengths])
