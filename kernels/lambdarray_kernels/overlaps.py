"""Blocks with a margin of their neighbours' elements, and what lies beyond the ends of the array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]

# What `np.pad` calls the ways in which an array goes on beyond its ends; the edge itself is mirrored too.
MODES: dict[str, Any] = {"reflect": "symmetric", "nearest": "edge", "constant": "constant"}


def no_flops(*_: Any, **__: Any) -> int:
    """None: it only moves elements."""
    return 0


@kernel(flops=no_flops, needs_block=True)
def overlap(*pieces: Array, block: Sequence[Span], shape: Sequence[int], axes: Sequence[Sequence[Any]]) -> Array:
    """A block with `before` and `after` more elements along each axis.

    An axis is described by [the stage's axis (-1: the whole array is the block), the array's size, before, after, kind,
    value]. A piece holds of each axis the elements of the block and the margin that the array has, for "reflect" with
    the larger margin on both sides. Of a "periodic" axis there are three: its last `before` elements, that piece,
    and its first `after`; of several axes all combinations, in C order.

    >>> overlap(np.arange(3), block=[(0, 2)], shape=(3,), axes=[[0, 3, 2, 1, "reflect", None]])
    array([1, 0, 0, 1, 2])
    """
    found = list(pieces)
    spans = [block[a] if a >= 0 else (0, size) for a, size, *_ in axes]
    for d in reversed(range(len(axes))):
        _, size, before, after, kind, _ = axes[d]
        if kind == "periodic":
            (lo, hi), triples = spans[d], zip(found[::3], found[1::3], found[2::3], strict=True)
            found = [_joined(*triple, d, max(0, before - lo), max(0, hi + after - size)) for triple in triples]
    (x,) = found
    for d, (_, size, before, after, kind, value) in enumerate(axes):
        if kind != "periodic" and before + after:
            x = _extended(x, d, spans[d], size, before, after, kind, value)
    return x


def _joined(low: Array, x: Array, high: Array, axis: int, before: int, after: int) -> Array:
    """`x` with the last `before` elements of `low` and the first `after` of `high`, along an axis."""
    if not before + after:
        return x
    return np.concatenate([_cut(low, axis, low.shape[axis] - before, None), x, _cut(high, axis, 0, after)], axis)


def _extended(x: Array, axis: int, span: Span, size: int, before: int, after: int, kind: str, value: Any) -> Array:
    """The elements `before` and `after` a span of an axis, of which `x` has those that are there, and perhaps more."""
    (lo, hi), reach = span, max(before, after)
    first = max(0, lo - (reach if kind == "reflect" else before))
    if kind == "none":
        return x
    low, high = max(0, before - lo), max(0, hi + after - size)
    if low or high:
        pads = [(low, high) if d == axis else (0, 0) for d in range(x.ndim)]
        more: dict[str, Any] = {"constant_values": value_of(value, x.dtype)} if kind == "constant" else {}
        x = np.pad(x, pads, MODES[kind], **more)
    start = lo - before - (first - low)
    return _cut(x, axis, start, start + before + hi - lo + after)


def value_of(text: str, dtype: np.dtype[Any]) -> Any:
    """A scalar from its bytes in hexadecimal."""
    return np.frombuffer(bytes.fromhex(text), dtype)[0]


@kernel(flops=no_flops, needs_block=True)
def trim(x: Array, block: Sequence[Span], shape: Sequence[int], axes: Sequence[Sequence[Any]]) -> Array:
    """A block without its margins: [its axis, the stage's axis, before, after, beyond the array's ends too] for each.

    >>> trim(np.arange(6), block=[(0, 4)], shape=(8,), axes=[[0, 0, 2, 1, False]])
    array([0, 1, 2, 3, 4])
    """
    for d, a, before, after, ends in axes:
        lo, hi = block[a]
        first, last = (before, after) if ends else (min(before, lo), min(after, shape[a] - hi))
        x = _cut(x, d, first, x.shape[d] - last)
    return x


def _cut(x: Array, axis: int, start: int, stop: int | None) -> Array:
    return x[(slice(None),) * axis + (slice(start, stop),)]
