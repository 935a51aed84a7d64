"""Values looked up in small arrays, which every task reads whole, and places in arrays as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .array import Array
from .creation import asarray
from .elementwise import call, clip, refuse


def _places(x: Any) -> Array:
    out = asarray(x)
    if out.dtype.kind not in "biu" or not np.can_cast(out.dtype, np.intp, "same_kind"):
        raise TypeError(f"only int indices permitted, not {out.dtype}")
    return out.astype(np.intp)


def _strides(shape: tuple[int, ...], order: str) -> list[int]:
    """By how much the flat place grows along each axis."""
    if order not in ("C", "F"):
        raise ValueError(f"only 'C' or 'F' order is permitted, not {order!r}")
    before = [math.prod(shape[d + 1 :] if order == "C" else shape[:d]) for d in range(len(shape))]
    if math.prod(shape) > np.iinfo(np.intp).max:
        raise ValueError(f"invalid dims: array size defined by {shape} is larger than the maximum possible size.")
    return before


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in shape) if hasattr(shape, "__len__") else (int(shape),)


def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    """Places along each axis of an array of shape `dims` as places in it flattened.

    Where one is outside, "raise" makes the task that finds it raise ValueError; "wrap" and "clip" bring it inside.
    """
    shape = _shape(dims)
    strides, coordinates = _strides(shape, order), [_places(x) for x in multi_index]
    if len(coordinates) != len(shape):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(shape)}, not {len(coordinates)}")
    modes = (mode,) * len(shape) if isinstance(mode, str) else tuple(mode)
    total: Any = 0
    for x, n, how, stride in zip(coordinates, shape, modes, strides, strict=True):
        total = call(np.add, total, call(np.multiply, inside(x, n, how, "refuse_coordinate"), stride))
    return total  # type: ignore[no-any-return]


def inside(x: Array, n: int, mode: str, refusal: str) -> Array:
    """Places brought into [0, n), or refused by the task that finds one outside."""
    if mode == "wrap":
        return call(np.remainder, x, n)  # type: ignore[no-any-return]
    if mode == "clip":
        return clip(x, 0, n - 1)
    if mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    outside = call(np.logical_or, call(np.less, x, 0), call(np.greater_equal, x, n))
    return refuse(refusal, x, outside)  # type: ignore[no-any-return]


def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Array, ...]:
    """Places in an array flattened as places along each of its axes; the task that finds one outside raises ValueError.

    >>> import lambdarray as la
    >>> [x.compute().tolist() for x in la.unravel_index(la.arange(4), (2, 2))]
    [[0, 0, 1, 1], [0, 1, 0, 1]]
    """
    lengths = _shape(shape)
    strides = _strides(lengths, order)
    x = inside(_places(indices), math.prod(lengths), "raise", "refuse_index")
    pairs = zip(lengths, strides, strict=True)
    return tuple(call(np.remainder, call(np.floor_divide, x, max(s, 1)), max(n, 1)) for n, s in pairs)
