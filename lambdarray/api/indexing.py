"""Basic indexing: integers, slices, ellipsis, new axes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ops import View, sliced
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array


def getitem(x: Array, key: Any) -> Array:
    """`x[key]` for integers, slices with any step, `...` and `None`; IndexError as NumPy's."""
    entries = _expand(x, key if isinstance(key, tuple) else (key,))
    maps: list[AxisMap] = []
    axes: list[Cuts] = []
    for entry in entries:
        if entry is None:
            axes.append(Cuts(1, 1))
            continue
        d = len(maps)
        if isinstance(entry, slice):
            start, stop, step = entry.indices(x.shape[d])
            size = len(range(start, stop, step))
            maps.append(AxisMap(len(axes), start if size else 0, step if size else 1))
            axes.append(sliced(x._op.tiling.axes[d], start, step, size))
        else:
            maps.append(AxisMap(-1, _integer(entry, d, x.shape[d])))
    if len(axes) == x.ndim and maps == [AxisMap(d) for d in range(x.ndim)] and tuple(c.size for c in axes) == x.shape:
        return x
    return Array(View((x._op,), Tiling(tuple(axes)), x.dtype, maps=tuple(maps)))


def _integer(entry: Any, axis: int, size: int) -> int:
    n = operator.index(entry)
    if not -size <= n < size:
        raise IndexError(f"index {n} is out of bounds for axis {axis} with size {size}")
    return n % size


def _expand(x: Array, key: tuple[Any, ...]) -> list[Any]:
    """The key with its ellipsis spelt out: one entry for each axis, and None for new ones."""
    for entry in key:
        _known(entry)
    named = sum(entry is not None and entry is not Ellipsis for entry in key)
    if named > x.ndim:
        raise IndexError(f"too many indices for array: array is {x.ndim}-dimensional, but {named} were indexed")
    dots = sum(entry is Ellipsis for entry in key)
    if dots > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    out: list[Any] = []
    for entry in key if dots else (*key, Ellipsis):
        out.extend([slice(None)] * (x.ndim - named) if entry is Ellipsis else [entry])
    return out


def _known(entry: Any) -> None:
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return
    if isinstance(entry, bool | np.bool_):
        raise IndexError("boolean indices are not supported yet; use lambdarray.where(mask, x, other)")
    if isinstance(entry, list) or (isinstance(entry, np.ndarray | Array) and entry.ndim > 0):
        raise IndexError("indexing with arrays is not supported yet; use slices, or compute() first")
    try:
        operator.index(entry)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`) and numpy.newaxis (`None`) are valid indices, "
            f"not {type(entry).__name__}"
        ) from None
