"""Whether arrays are equal, or nearly."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, full
from .elementwise import PYTHON_SCALARS, call, operand
from .reductions import all as all_


def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Array:
    """Whether each element of `a` is within atol + rtol * abs(b) of that of `b`; equal infinities are.

    >>> import lambdarray as la
    >>> la.isclose(la.asarray([1.0, 2.0]), 1.0).compute()
    array([ True, False])
    """
    x, y = asarray(a) if type(b) in PYTHON_SCALARS else operand(a), operand(b)
    if getattr(y, "dtype", np.dtype(int)).kind != "m":
        y = y.astype(np.result_type(y.dtype, 1.0)) if hasattr(y, "dtype") else y * 1.0
    room = call(np.add, operand(atol), call(np.multiply, operand(rtol), call(np.absolute, y)))
    near = call(np.less_equal, call(np.absolute, call(np.subtract, x, y)), room)
    close = call(np.logical_or, call(np.logical_and, near, call(np.isfinite, y)), call(np.equal, x, y))
    if equal_nan:
        close = call(np.logical_or, close, call(np.logical_and, call(np.isnan, x), call(np.isnan, y)))
    return close  # type: ignore[no-any-return]


def allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Array:
    """Whether all elements are close, as one boolean."""
    return all_(isclose(a, b, rtol, atol, equal_nan))


def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Array:
    """Whether two arrays have one shape and the same elements, as one boolean."""
    x, y = asarray(a1), asarray(a2)
    return _all_equal(x, y, equal_nan) if x.shape == y.shape else full((), False)


def array_equiv(a1: Any, a2: Any) -> Array:
    """Whether two arrays broadcast to one shape with the same elements, as one boolean."""
    x, y = asarray(a1), asarray(a2)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return full((), False)
    return _all_equal(x, y, False)


def _all_equal(x: Array, y: Array, equal_nan: bool) -> Array:
    equal = call(np.equal, x, y)
    if equal_nan and all("nan" in _special(a) for a in (x, y)):
        equal = call(np.logical_or, equal, call(np.logical_and, call(np.isnan, x), call(np.isnan, y)))
    return all_(equal)


def _special(x: Array) -> str:
    return "nan" if x.dtype.kind in "fcmM" else ""
