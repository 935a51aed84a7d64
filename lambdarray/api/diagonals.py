"""Diagonals, and matrices made of them or of what lies on one side of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import axis_of
from .creation import asarray


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
