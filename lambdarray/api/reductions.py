"""Reductions over axes, with NumPy's dtypes, errors and names."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of, reduced_axes
from .creation import asarray
from .folds import cast, fold, reduce, refuse_out


def sum(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """The sum over axes.

    >>> import lambdarray as la
    >>> la.sum(la.ones((3, 4)), axis=0).compute()
    array([3., 3., 3., 3.])
    """
    return fold(np.add, x, axis, dtype, out, keepdims, initial, where)


def prod(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """The product over axes."""
    return fold(np.multiply, x, axis, dtype, out, keepdims, initial, where)


def min(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """The least value over axes; NaN where there is one."""
    return fold(np.minimum, x, axis, None, out, keepdims, initial, where)


def max(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """The greatest value over axes; NaN where there is one."""
    return fold(np.maximum, x, axis, None, out, keepdims, initial, where)


def any(x: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Array:
    """Whether some value over axes is true."""
    return fold(np.logical_or, x, axis, None, out, keepdims, None, where)


def all(x: Any, axis: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True) -> Array:
    """Whether every value over axes is true."""
    return fold(np.logical_and, x, axis, None, out, keepdims, None, where)


def count_nonzero(x: Any, axis: Any = None, *, keepdims: bool = False) -> Array:
    """How many values over axes are not zero."""
    x = asarray(x)
    return sum(cast(x, np.dtype(bool)), axis, dtype=np.intp, keepdims=keepdims)


def _arg(x: Any, name: str, axis: Any, keepdims: bool) -> Array:
    x = asarray(x)
    axes = reduced_axes(None if axis is None else axis_of(axis, builtins.max(x.ndim, 1)), x.ndim)
    if math.prod(x.shape[d] for d in axes) == 0:
        raise ValueError(f"attempt to get {name} of an empty sequence")
    return reduce(x, name, axes, keepdims, x.dtype, np.intp)


def argmin(x: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first least value along an axis, or in the flattened array."""
    refuse_out(out, "argmin")
    return _arg(x, "argmin", axis, keepdims)


def argmax(x: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first greatest value along an axis, or in the flattened array."""
    refuse_out(out, "argmax")
    return _arg(x, "argmax", axis, keepdims)
