"""Tiles with some elements of their neighbours around them: what functions of neighbourhoods read.

A task for the elements [lo, hi) of an axis reads [lo - before, hi + after), which ends at the array's edge; what is
missing there `pad_edges` makes up, and `trim` takes off again what a function gave for the halo.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .gathering import moved
from .registry import kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
# What each axis has beyond the array: one of `numpy.pad`'s modes, a constant, or nothing.
Boundary = Sequence[str | float | None]

# The modes of `numpy.pad` that need no more than the edge and a halo next to it.
MODES = ("edge", "reflect", "symmetric")
MIRRORS = ("reflect", "symmetric")


def _inside(block: Sequence[Span], shape: Sequence[int], depth: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """How much of the halo of each axis lies within the array, before and after the block."""
    return [
        (min(before, lo), min(after, n - hi)) for (lo, hi), n, (before, after) in zip(block, shape, depth, strict=False)
    ]


@kernel(flops=moved, needs_block=True)
def pad_edges(
    x: Array, *, block: Sequence[Span], shape: Sequence[int], depth: Sequence[Sequence[int]], boundary: Boundary
) -> Array:
    """A tile with its whole halo, `depth` (before, after) of each axis, where the array ends too.

    `boundary` has a mode of `numpy.pad`, "edge", "reflect" or "symmetric", or a constant for each axis; None adds
    nothing. What is reflected is the halo of the other side, so that both must have one depth.

    >>> pad_edges(np.array([5, 6, 7]), block=[(0, 2)], shape=[9], depth=[(2, 1)], boundary=["edge"])
    array([5, 5, 5, 6, 7])
    """
    within = _inside(block, shape, depth)
    for axis, (mode, (before, after), (left, right)) in enumerate(zip(boundary, depth, within, strict=True)):
        missing = (before - left, after - right)
        if mode is None or missing == (0, 0):
            continue
        width = [missing if d == axis else (0, 0) for d in range(x.ndim)]
        if isinstance(mode, str) and mode not in MODES:
            raise ValueError(f"no boundary {mode!r}; there are {', '.join(MODES)}, a constant and None")
        if mode in MIRRORS and before != after:
            raise ValueError(f"depth ({before}, {after}) of axis {axis} with boundary {mode!r}: both must be the same")
        if isinstance(mode, str) and x.shape[axis]:
            named: Any = mode
            x = np.pad(x, width, named)
        else:  # around nothing, what is made up does not matter
            x = np.pad(x, width, constant_values=0 if isinstance(mode, str) else mode)
    return x


@kernel(flops=moved, needs_block=True)
def overlap(
    *pieces: Array, block: Sequence[Span], shape: Sequence[int], axes: Sequence[tuple[int, int, int, int, str, Any]]
) -> Array:
    """A tile with its halo, of an array whose axes follow any of the stage's, or none, and may be rings.

    Of each axis it is told the stage's axis (-1: the whole array is the tile), the array's size, the depth before and
    after, the boundary ("none", "constant" or as `pad_edges` has it) and, in hexadecimal, the constant's bytes. What is
    read has that depth, but of a reflection the larger one on both sides. Of a "periodic" axis there are three
    pieces: its last elements, the tile with its halo as far as there is one, and its first elements; of several such
    axes all combinations, in C order.

    >>> last, tile, first = np.array([8]), np.array([5, 6, 7]), np.array([5])
    >>> overlap(last, tile, first, block=[(0, 2)], shape=[4], axes=[[0, 4, 1, 1, "periodic", ""]])
    array([8, 5, 6, 7])
    """
    tiles, spans = list(pieces), [block[a] if a >= 0 else (0, n) for a, n, *_ in axes]
    for d in reversed(range(len(axes))):
        _, n, before, after, kind, _ = axes[d]
        if kind == "periodic":
            (lo, hi), ends = spans[d], zip(tiles[::3], tiles[1::3], tiles[2::3], strict=True)
            tiles = [_ring(*triple, d, max(0, before - lo), max(0, hi + after - n)) for triple in ends]
    (x,) = tiles
    read = [(max(b, a),) * 2 if kind in MIRRORS else (b, a) for _, _, b, a, kind, _ in axes]
    boundary = [_beyond(kind, value, x.dtype) for *_, kind, value in axes]
    x = pad_edges(x, block=spans, shape=[n for _, n, *_ in axes], depth=read, boundary=boundary)
    for d, ((_, _, before, after, kind, _), (left, right)) in enumerate(zip(axes, read, strict=True)):
        if kind in MIRRORS and before != after:
            x = _cut(x, d, left - before, x.shape[d] - (right - after))
    return x


def _ring(last: Array, x: Array, first: Array, axis: int, before: int, after: int) -> Array:
    """A tile with what it lacks of its halo from the other ends of the array."""
    if not before + after:
        return x
    return np.concatenate([_cut(last, axis, last.shape[axis] - before, None), x, _cut(first, axis, 0, after)], axis)


def _beyond(kind: str, value: str, dtype: np.dtype[Any]) -> Any:
    """A boundary as `pad_edges` has it."""
    if kind == "constant":
        return np.frombuffer(bytes.fromhex(value), dtype).reshape(())
    return None if kind in ("none", "periodic") else kind


def _cut(x: Array, axis: int, start: int, stop: int | None) -> Array:
    return x[(slice(None),) * axis + (slice(start, stop),)]


@kernel(flops=moved, needs_block=True)
def trim(
    x: Array, *, block: Sequence[Span], shape: Sequence[int], depth: Sequence[Sequence[int]], boundary: Boundary
) -> Array:
    """A tile without its halo: what `pad_edges` gave with the same `depth` and `boundary`, computed on.

    >>> trim(np.array([5, 5, 5, 6, 7]), block=[(0, 2)], shape=[9], depth=[(2, 1)], boundary=["edge"])
    array([5, 6])
    """
    index = []
    for mode, whole, within, size in zip(boundary, depth, _inside(block, shape, depth), x.shape, strict=True):
        before, after = within if mode is None else whole
        index.append(slice(before, size - after))
    return np.asarray(x[tuple(index)])


@kernel(flops=moved)
def sliding(x: Array, *, window: Sequence[int], axes: Sequence[int]) -> Array:
    """All windows of these lengths along axes, as new last axes: a view of the tile, which is longer by its halo.

    >>> sliding(np.arange(4), window=[2], axes=[0]).tolist()
    [[0, 1], [1, 2], [2, 3]]
    """
    short = list(x.shape)
    for axis, length in zip(axes, window, strict=True):
        short[axis] -= length - 1
    if min(short) <= 0:  # the halo of a tile of no elements is no window
        return np.empty((*(max(n, 0) for n in short), *window), x.dtype)
    return np.lib.stride_tricks.sliding_window_view(x, tuple(window), tuple(axes))
