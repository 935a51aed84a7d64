"""Diagonals, and matrices made of them or of what lies on one side of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..ops import View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import axis_of
from .chunks import tiling_for
from .creation import asarray, zeros
from .elementwise import where
from .grids import along as index_along
from .manipulation import broadcast_to, concat, ravel
from .reductions import sum as sum_


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The elements whose places along `axis2` and `axis1` differ by `offset`, as a new last axis.

    Only the tiles that the diagonal crosses are read.

    >>> import lambdarray as la
    >>> la.diagonal(la.arange(9).reshape(3, 3), 1).compute()
    array([1, 5])
    """
    x = asarray(a)
    if x.ndim < 2:
        raise ValueError(f"diag requires an array of at least two dimensions, not of shape {x.shape}")
    first, second = axis_of(axis1, x.ndim), axis_of(axis2, x.ndim)
    if first == second:
        raise ValueError("axis1 and axis2 cannot be the same")
    starts = {first: max(0, -int(offset)), second: max(0, int(offset))}
    size = max(0, min(x.shape[d] - start for d, start in starts.items()))
    return _along(x, starts, size)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Array:
    """The sum along a diagonal."""
    return sum_(diagonal(a, offset, axis1, axis2), -1, dtype, out)


def diag(v: Any, k: int = 0) -> Array:
    """The k-th diagonal of a matrix, or for a vector the matrix that has it there and zeros elsewhere."""
    x = asarray(v)
    if x.ndim not in (1, 2):
        raise ValueError(f"Input must be 1- or 2-d, not {x.shape}")
    return diagonal(x, k) if x.ndim == 2 else diagflat(x, k)


def diagflat(v: Any, k: int = 0) -> Array:
    """The matrix with these values, flattened, on its k-th diagonal and zeros elsewhere.

    >>> import lambdarray as la
    >>> la.diagflat([1, 2], 1).compute()
    array([[0, 1, 0],
           [0, 0, 2],
           [0, 0, 0]])
    """
    x, k = ravel(v), int(k)
    if not k:
        on = x[:, None]
    else:  # of rows that are too many, or columns, none has a value
        long = concat([x, zeros(abs(k), x.dtype)])
        on = long[:, None] if k > 0 else long[None, :]
    n = x.size + abs(k)
    tiling = tiling_for((n, n), "auto", x.dtype)
    rows, columns = (index_along((n, n), axis, tiling) for axis in (0, 1))
    return where(columns - rows == k, on, np.zeros((), x.dtype)[()])


def _triangle(m: Any, kept: Callable[[Any], Any]) -> Array:
    x = asarray(m)
    if x.ndim == 0:
        raise TypeError("a triangle needs at least one axis")
    if x.ndim == 1:
        x = broadcast_to(x, (x.size, x.size))
    rows, columns = (index_along(x.shape, x.ndim + d, x._op.tiling) for d in (-2, -1))
    return where(kept(columns - rows), x, np.zeros((), x.dtype)[()])


def _along(x: Array, starts: dict[int, int], size: int) -> Array:
    """The axes that are keys of `starts` made one, the last, with `size` elements from there on."""
    kept = [d for d in range(x.ndim) if d not in starts]
    places = {d: n for n, d in enumerate(kept)}
    last = len(kept)
    maps = tuple(AxisMap(last, starts[d] if size else 0) if d in starts else AxisMap(places[d]) for d in range(x.ndim))
    cuts = [x._op.tiling.axes[d] for d in kept]
    crossed = _crossed([(x._op.tiling.axes[d], start) for d, start in starts.items()], size)
    return Array(View((x._op,), Tiling((*cuts, crossed)), x.dtype, maps=maps))


def _crossed(axes: list[tuple[Cuts, int]], size: int) -> Cuts:
    """Cuts of `size` elements wherever one of these axes, each from its start on, is cut."""
    bounds = [np.asarray(cuts.start(np.arange(cuts.count))) - start for cuts, start in axes]
    inner = np.unique(np.concatenate([[0], *bounds]))
    return Cuts.from_bounds(np.append(inner[(inner >= 0) & (inner < max(size, 1))], size))
