"""Values spaced evenly, or evenly in their logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, iota
from .elementwise import call, where
from .elementwise import operand as operand_
from .manipulation import moveaxis

Samples = Any  # an Array, or with `retstep` a pair of it and the step


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    chunks: Any = "auto",
) -> Samples:
    """`num` evenly spaced values from start to stop, as NumPy makes them; where these are arrays, along `axis`.

    >>> import lambdarray as la
    >>> la.linspace(0, 1, 5).compute()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    num = num.__index__()
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    low, high = (operand_(x) for x in (start, stop))
    work = np.result_type(*(getattr(x, "dtype", x) for x in (low, high)), 1.0)
    low, high = (x.astype(work) if isinstance(x, Array) else np.asarray(x, dtype=work)[()] for x in (low, high))
    delta = call(np.subtract, high, low)
    parts = num - 1 if endpoint else num
    step = call(np.divide, delta, parts) if parts > 0 else np.asarray(np.nan, dtype=work)[()]
    index = iota(num, chunks, work)[(slice(None),) + (None,) * np.ndim(delta)]
    values = call(np.add, _steps(index.astype(work), step, delta, parts), low)
    if endpoint and num > 1:
        values = where(call(np.equal, index, num - 1), high, values)
    kind = work if dtype is None else np.dtype(dtype)
    values = (call(np.floor, values) if kind.kind in "iu" else values).astype(kind)
    values = moveaxis(values, 0, axis) if axis else values
    return (values, step) if retstep else values


def _steps(index: Array, step: Any, delta: Any, parts: int) -> Any:
    """So many steps from the start; where a step is too small to be told from 0, in another order."""
    if parts <= 0:
        return call(np.multiply, index, delta)
    if isinstance(step, Array) or step:
        return call(np.multiply, index, step)
    return call(np.multiply, call(np.divide, index, parts), delta)


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
