"""Reductions of parts of an axis: between indices, and of groups of neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from ..tiling import AxisMap, Cuts
from .array import Array
from .axes import axis_of
from .creation import asarray
from .folds import KINDS, fold, refuse_out
from .manipulation import concat, part, reshape
from .stages import MOST_BYTES, In, Out, Stage, lines, single, whole


def reduceat(ufunc: np.ufunc, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Array:
    """`ufunc.reduceat`: what lies from each index up to the next, or the element there where that is not larger.

    IndexError where an index is outside the axis.
    """
    x, places = asarray(array), np.asarray(indices, dtype=None if hasattr(indices, "dtype") else np.int64)
    refuse_out(out, ufunc.__name__)
    np.add.reduceat(np.ones(1), np.zeros([min(n, 1) for n in places.shape], places.dtype))  # NumPy's check of indices
    places = np.atleast_1d(places).astype(np.int64)
    at, size = axis_of(axis, x.ndim), x.shape[axis]
    outside = places[(places < 0) | (places >= size)]
    if outside.size:
        raise IndexError(f"index {outside[0]} out-of-bounds in {ufunc.__name__}.reduceat [0, {size})")
    kind = ufunc.reduceat(np.ones(1, x.dtype), [0], dtype=dtype).dtype
    params = {"name": ufunc.__name__, "axis": at, "dtype": None if dtype is None else kind.str}
    if not places.size or (np.diff(places) < 0).any():
        return _whole_lines(x, places, at, kind, params)
    ends = np.maximum(np.append(places[1:], size), places + 1)
    row = x.itemsize * math.prod(c.max_chunk for d, c in enumerate(x._op.tiling.axes) if d != at)
    # One element is left as it is, which a reduction that begins with an identity does not always do.
    long = (ends - places > 1) & ((ends - places) * max(row, 1) > MOST_BYTES) & (ufunc in KINDS)
    parts: list[Array] = []
    for is_long, group in groupby(range(places.size), key=long.__getitem__):
        chosen = list(group)
        if is_long:
            segments = (part(x, at, int(places[i]), int(ends[i])) for i in chosen)
            parts += [fold(ufunc, segment, at, dtype, keepdims=True) for segment in segments]
        else:
            parts.append(_between(x, places[chosen], ends[chosen], at, kind, params, max(row, 1)))
    return parts[0] if len(parts) == 1 else concat(parts, at)


def _whole_lines(x: Array, places: np.ndarray, at: int, kind: Any, params: dict[str, Any]) -> Array:
    """Indices in any order, over lines that fit a worker."""
    stage = Stage("reduceat", [single(places.size) if d == at else c for d, c in enumerate(lines(x, [at]))])
    stage.call("reduceat", ("y",), ("r0", "r1"), **params)
    maps = [whole(n) if d == at else d for d, n in enumerate(x.shape)]
    return stage.make([In(x, maps), In(asarray(places, chunks=-1), [at])], Out("y", range(x.ndim), kind))


def _between(
    x: Array, places: np.ndarray, ends: np.ndarray, at: int, kind: Any, params: dict[str, Any], row: int
) -> Array:
    """Indices in order: a task has those of the elements that it reads, MOST_BYTES of them about."""
    group = (places - places[0]) * row // MOST_BYTES
    firsts = np.flatnonzero(np.diff(group, prepend=-1))
    bounds = np.append(firsts, places.size)
    table = np.stack([places[bounds[:-1]], ends[bounds[1:] - 1]], 1).reshape(-1).tolist()
    stage = Stage("reduceat", [Cuts.from_bounds(bounds) if d == at else c for d, c in enumerate(x._op.tiling.axes)])
    stage.call("reduceat", ("y",), ("r0", "r1"), relative=True, **params)
    maps: list[Any] = list(range(x.ndim))
    maps[at] = AxisMap(at, table=tuple(table))
    return stage.make([In(x, maps), In(asarray(places, chunks=-1), [at])], Out("y", range(x.ndim), kind))


def coarsen(
    reduction: Callable[..., Any], x: Any, axes: Mapping[int, int], trim_excess: bool = False, **kwargs: Any
) -> Array:
    """A reduction of groups of neighbours, `axes[d]` of them along axis `d`.

    ValueError where that does not divide the axis, unless `trim_excess` leaves out what is over.

    >>> import lambdarray as la, numpy as np
    >>> la.coarsen(np.sum, la.arange(6), {0: 2}).compute()
    array([1, 5, 9])
    """
    a = asarray(x)
    factors = {axis_of(d, a.ndim): int(n) for d, n in axes.items()}
    over = [d for d, n in factors.items() if a.shape[d] % n]
    if over and not trim_excess:
        raise ValueError(f"coarsening factors {dict(axes)} do not divide the shape {a.shape}; see trim_excess")
    for d in over:
        a = part(a, d, 0, a.shape[d] // factors[d] * factors[d])
    shape = [n for d, size in enumerate(a.shape) for n in (size // factors.get(d, 1), factors.get(d, 1))]
    out: Array = reduction(reshape(a, shape), axis=tuple(range(1, 2 * a.ndim, 2)), **kwargs)
    return out
