"""`x[key]` for every key that NumPy takes, and the functions that take elements by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import View, sliced
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .gathering import gather
from .keys import parse
from .manipulation import moveaxis


def getitem(x: Array, key: Any) -> Array:
    """`x[key]`: a view for slices, integers, `...` and `None`, else a gathering; IndexError as NumPy's.

    A mask is counted now, so that the shape is known; the elements are taken when the result is computed.

    >>> import lambdarray as la
    >>> x = la.arange(6).reshape(2, 3)
    >>> x[1, [2, 0]].compute(), x[x > 3].compute()
    (array([5, 3]), array([4, 5]))
    """
    found = parse(x.shape, key)
    seen = view(x, found.basic)
    if not found.joint:
        return seen
    axes = [axis for axis, _ in found.joint]
    if found.mask is not None:
        from .counting import chosen

        return moveaxis(chosen(seen, found.mask, axes[0]), axes[0], found.at)
    return gather(seen, axes, [index for _, index in found.joint], found.at)


def view(x: Array, entries: Any) -> Array:
    """What slices, integers from 0 and new axes make of an array, one entry for each axis."""
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
            maps.append(AxisMap(-1, entry))
    if len(axes) == x.ndim and maps == [AxisMap(d) for d in range(x.ndim)] and tuple(c.size for c in axes) == x.shape:
        return Array(x._op)
    return Array(View((x._op,), Tiling(tuple(axes)), x.dtype, maps=tuple(maps)))
