"""Values spaced evenly, or evenly in their logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, iota
from .elementwise import call, where
from .grids import linspace
from .manipulation import moveaxis

Samples = Any  # an Array, or with `retstep` a pair of it and the step


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Array:
    """Powers of `base` whose exponents are evenly spaced from start to stop."""
    if np.ndim(base):
        ndim = max(map(np.ndim, (start, stop, base)))
        start, stop, base = (asarray(x)[(None,) * (ndim - np.ndim(x))] for x in (start, stop, base))
        base = base[(slice(None),) * (axis % (ndim + 1)) + (None,)]
    values = call(np.power, base, linspace(start, stop, num, endpoint, axis=axis))
    return values if dtype is None else values.astype(dtype)  # type: ignore[no-any-return]


def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Array:
    """Values from start to stop of which each is the same multiple of the one before; ValueError from or to 0.

    >>> import lambdarray as la
    >>> la.geomspace(1, 1000, 4).compute()
    array([   1.,   10.,  100., 1000.])
    """
    low, high = (x if isinstance(x, Array) else np.asarray(x) for x in (start, stop))
    if any(bool(np.any(np.equal(x, 0))) for x in (low, high)):
        raise ValueError("Geometric sequence cannot include zero")
    work = np.result_type(low.dtype, high.dtype, 1.0, np.dtype(dtype))
    low, high = low.astype(work), high.astype(work)
    sign = np.sign(low)
    begin, end = (np.log10(x / sign) for x in (low, high))
    values = logspace(begin, end, num, endpoint, dtype=work)
    index = iota(num, "auto")[(slice(None),) + (None,) * (values.ndim - 1)]
    if num > 0:
        values = where(call(np.equal, index, 0), low / sign, values)
    if num > 1 and endpoint:
        values = where(call(np.equal, index, num - 1), high / sign, values)
    values = call(np.multiply, values, sign)
    return moveaxis(values, 0, axis).astype(work if dtype is None else dtype)
