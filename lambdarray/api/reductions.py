"""Reductions over axes, with NumPy's dtypes, errors and names."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of, reduced_axes
from .creation import asarray
from .folds import fold, reduce, refuse_out
from .manipulation import expand_dims


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


def apply_over_axes(func: Any, a: Any, axes: Any) -> Array:
    """What `func(x, axis)` makes of an array one axis after the other; axes that it takes away are put back.

    >>> import lambdarray as la
    >>> la.apply_over_axes(la.sum, la.ones((2, 3, 4)), (0, 2)).compute().tolist()
    [[[8.0], [8.0], [8.0]]]
    """
    x = asarray(a)
    for axis in axes if hasattr(axes, "__len__") else (axes,):
        d = axis + x.ndim if axis < 0 else axis
        found = func(x, d)
        if found.ndim != x.ndim:
            found = expand_dims(found, d)
        if found.ndim != x.ndim:
            raise ValueError(f"function is not returning an array of the correct shape: {found.shape}")
        x = found
    return x
