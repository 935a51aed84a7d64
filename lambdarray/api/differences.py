"""Differences of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import asarray
from .manipulation import broadcast_to, concat


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """Differences of neighbours along an axis, `n` times over; of booleans, whether they differ.

    >>> import lambdarray as la
    >>> la.diff(la.asarray([1, 4, 9])).compute()
    array([3, 5])
    """
    out: Array = asarray(x)
    if n == 0:
        return out
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    if not out.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    at = axis_of(axis, out.ndim)
    before, after = ([] if v is None else [_edge(v, out, at)] for v in (prepend, append))
    out = concat([*before, out, *after], at)
    change: Any = np.not_equal if out.dtype == bool else np.subtract
    for _ in range(n):
        out = change(_part(out, at, 1, None), _part(out, at, None, -1))
    return out


def _edge(value: Any, x: Array, axis: int) -> Array:
    """What comes before or after: an array, or a number for each line along the axis."""
    edge = asarray(value)
    return edge if edge.ndim else broadcast_to(edge, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def _part(x: Array, axis: int, start: int | None, stop: int | None) -> Array:
    """The elements from start to stop along an axis."""
    return x[(*[slice(None)] * axis, slice(start, stop))]
