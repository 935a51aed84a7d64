"""Parts of lines: reduced between indices, ordered by several keys, and filled from what stands before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .functions import ufunc_named
from .registry import kernel
from .sorting import sort_flops

Array = np.ndarray[Any, Any]
Span = tuple[int, int]


@kernel(flops=lambda x, *_, **__: math.prod(x))
def reduceat(
    x: Array, indices: Array, *, name: str, axis: int = 0, dtype: str | None = None, relative: bool = False
) -> Array:
    """`reduceat` of the ufunc `name`; with `relative` the first index is where `x` begins.

    >>> reduceat(np.array([1, 2, 3]), np.array([7, 9]), name="add", relative=True)
    array([3, 3])
    """
    if not indices.size:
        return ufunc_named(name).reduceat(x, np.zeros(0, np.int64), axis, dtype)
    with np.errstate(all="ignore"):
        return ufunc_named(name).reduceat(x, indices - indices[0] if relative else indices, axis, dtype)


@kernel(flops=lambda *keys, **_: sum(sort_flops(k) for k in keys))
def lexsort(*keys: Array, axis: int = -1) -> Array:
    """`np.lexsort` along an axis; int64.

    >>> lexsort(np.array([2, 1, 1]), np.array([0, 0, -1]))
    array([2, 1, 0])
    """
    return np.asarray(np.lexsort(keys, axis)).astype(np.int64, copy=False)


@kernel(flops=lambda x, **_: math.prod(x), needs_block=True)
def last_known(x: Array, *, block: Sequence[Span], shape: Sequence[int], axis: int = 0) -> tuple[Array, Array]:
    """The last element along an axis of a tile that is no NaN, and its place in the whole line: -1 where all are NaN.

    >>> last_known(np.array([1.0, np.nan]), block=[(4, 6)], shape=[9])
    (array([1.]), array([4]))
    """
    places = _known(x, axis, block)
    if not x.shape[axis]:
        empty = [1 if d == axis else n for d, n in enumerate(x.shape)]
        return np.zeros(empty, x.dtype), np.full(empty, -1)
    last = places.max(axis, keepdims=True)
    return np.take_along_axis(x, np.maximum(last - block[axis][0], 0), axis), last


@kernel(flops=lambda x, *_, **__: math.prod(x), needs_block=True)
def push(
    x: Array,
    values: Array,
    places: Array,
    *,
    block: Sequence[Span],
    shape: Sequence[int],
    axis: int = 0,
    most: int | None = None,
) -> Array:
    """NaN along an axis replaced by the last other element before, which stands no more than `most` places back.

    `values` and `places` are what `last_known` gives for all tiles of the lines.

    >>> ends = np.array([5.0, 1.0]), np.array([1, 2])
    >>> push(np.array([1.0, np.nan]), *ends, block=[(2, 4)], shape=[4])
    array([1., 1.])
    """
    lo = block[axis][0]
    before = np.where(places < lo, places, -1)
    tile = before.argmax(axis, keepdims=True)
    own = np.maximum.accumulate(_known(x, axis, block), axis)
    here = np.take_along_axis(x, np.maximum(own - lo, 0), axis)
    found = np.where(own < 0, np.take_along_axis(values, tile, axis), here)
    place = np.where(own < 0, np.take_along_axis(before, tile, axis), own)
    away = _at(x, axis, lo) - place
    near = place >= 0 if most is None else (place >= 0) & (away <= most)
    return np.where(near, found, x)


def _at(x: Array, axis: int, start: int) -> Array:
    """The places of elements along an axis."""
    return np.arange(start, start + x.shape[axis]).reshape([-1 if d == axis else 1 for d in range(x.ndim)])


def _known(x: Array, axis: int, block: Sequence[Span]) -> Array:
    """The places of elements that are no NaN, and -1 for the others."""
    return np.where(np.isnan(x), -1, _at(x, axis, block[axis][0]))
