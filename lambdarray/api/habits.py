"""Names that hands know from NumPy and Dask, for what is here under another."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray
from .elementwise import call, round
from .manipulation import expand_dims


def array(
    object: Any,
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: str = "K",
    subok: bool = False,
    ndmin: int = 0,
    chunks: Any = "auto",
) -> Array:
    """An Array over `object`, of at least `ndmin` axes; ours has no order in memory, and what it holds is copied.

    >>> import lambdarray as la
    >>> la.array([1, 2], ndmin=2).shape
    (1, 2)
    """
    out = asarray(object, dtype, copy=copy, chunks=chunks)
    return expand_dims(out, tuple(range(ndmin - out.ndim))) if ndmin > out.ndim else out


def asanyarray(a: Any, dtype: Any = None, order: str | None = None, *, chunks: Any = "auto") -> Array:
    """As `asarray`."""
    return asarray(a, dtype, chunks=chunks)


def around(a: Any, decimals: int = 0) -> Array:
    """As `round`."""
    return round(a, decimals)


def ndim(a: Any) -> int:
    """The number of axes."""
    return a.ndim if isinstance(a, Array) else np.ndim(a)


def shape(a: Any) -> tuple[int, ...]:
    """The length of each axis."""
    return a.shape if isinstance(a, Array) else np.shape(a)


def isnull(values: Any) -> Array:
    """Where values are NaN or NaT; nowhere in what has neither.

    >>> import lambdarray as la
    >>> la.isnull(la.asarray([1.0, float("nan")])).compute()
    array([False,  True])
    """
    x = asarray(values)
    found: Array = call(np.isnat if x.dtype.kind in "mM" else np.not_equal, *((x,) if x.dtype.kind in "mM" else (x, x)))
    return found


def notnull(values: Any) -> Array:
    """Where values are neither NaN nor NaT."""
    return call(np.logical_not, isnull(values))  # type: ignore[no-any-return]
