"""Parts of lines: reduced between indices, ordered by several keys, and filled from what stands before."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .functions import ufunc_named
from .registry import kernel
from .sorting import sort_flops

Array = np.ndarray[Any, Any]


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


@kernel(flops=lambda x, **_: math.prod(x))
def push(x: Array, *, axis: int = 0, most: int | None = None) -> Array:
    """NaN along an axis replaced by the last other element before, which stands no more than `most` places back.

    >>> push(np.array([np.nan, 1.0, np.nan, np.nan]), most=1)
    array([nan,  1.,  1., nan])
    """
    at = np.arange(x.shape[axis]).reshape([-1 if d == axis else 1 for d in range(x.ndim)])
    places = np.maximum.accumulate(np.where(np.isnan(x), 0, at), axis)
    out = np.take_along_axis(x, places, axis)
    return out if most is None else np.where(at - places <= most, out, x)
