"""Reductions over axes, with NumPy's dtypes, errors and names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import Reduce, View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import axes_of, axis_of, reduced_axes
from .creation import asarray, storable

FLOATS = "fc"


def _reduce(
    x: Array, kind: str, axes: tuple[int, ...], keepdims: bool, accumulator: Any, dtype: Any, ddof: float = 0
) -> Array:
    if not axes:  # over no axis: over a new one of length 1
        x, axes, keepdims = _with_axis(x), (x.ndim,), False
    tiling = Tiling(tuple(Cuts(1, 1) if d in axes else c for d, c in enumerate(x._op.tiling.axes)))
    op = Reduce((x._op,), tiling, storable(dtype), kind=kind, axes=axes, accumulator=np.dtype(accumulator), ddof=ddof)
    out = Array(op)
    return out if keepdims else drop(out, axes)


def _with_axis(x: Array) -> Array:
    tiling = Tiling((*x._op.tiling.axes, Cuts(1, 1)))
    return Array(View((x._op,), tiling, x.dtype, maps=tuple(AxisMap(d) for d in range(x.ndim))))


def drop(x: Array, axes: tuple[int, ...]) -> Array:
    """Without these axes of length 1."""
    kept = [d for d in range(x.ndim) if d not in axes]
    maps = tuple(AxisMap(kept.index(d)) if d in kept else AxisMap(-1) for d in range(x.ndim))
    tiling = Tiling(tuple(x._op.tiling.axes[d] for d in kept))
    return Array(View((x._op,), tiling, x.dtype, maps=maps))


def _refuse_out(out: Any, name: str) -> None:
    if out is not None:
        raise TypeError(f"{name}: an Array is immutable, so out= cannot be filled; use the value returned")


def _widened(x: Array, dtype: Any) -> np.dtype[Any]:
    """The dtype of a sum or product: platform integers for smaller ones, as NumPy."""
    kind: np.dtype[Any] = np.dtype(dtype) if dtype is not None else np.add.reduce(np.empty(0, dtype=x.dtype)).dtype
    return kind


def sum(x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The sum over axes.

    >>> import lambdarray as la
    >>> la.sum(la.ones((3, 4)), axis=0).compute()
    array([3., 3., 3., 3.])
    """
    _refuse_out(out, "sum")
    x = asarray(x)
    kind = _widened(x, dtype)
    return _reduce(_cast(x, kind), "sum", reduced_axes(axis, x.ndim), keepdims, kind, kind)


def prod(x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The product over axes."""
    _refuse_out(out, "prod")
    x = asarray(x)
    if x.dtype.kind in "mM":
        raise TypeError(f"ufunc 'multiply' not supported for a product of {x.dtype}")
    kind = _widened(x, dtype)
    return _reduce(_cast(x, kind), "prod", reduced_axes(axis, x.ndim), keepdims, kind, kind)


def _cast(x: Array, kind: np.dtype[Any]) -> Array:
    return x if x.dtype == kind else x.astype(kind)


def _moment_dtype(x: Array, dtype: Any, name: str) -> np.dtype[Any]:
    if x.dtype.kind in "mMUSV":
        raise TypeError(f"{name} of dtype {x.dtype} is not defined")
    if dtype is None:
        dtype = np.float64 if x.dtype.kind in "iub" else x.dtype
    kind: np.dtype[Any] = np.dtype(dtype)
    return kind


def mean(x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The arithmetic mean over axes; float64 for integers."""
    _refuse_out(out, "mean")
    x = asarray(x)
    kind = _moment_dtype(x, dtype, "mean")
    work = np.dtype(np.float32) if kind == np.float16 else kind
    return _reduce(_cast(x, work), "mean", axes_of(axis, x.ndim), keepdims, work, kind)


def var(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float | None = None,
    keepdims: bool = False,
    *,
    correction: float = 0,
) -> Array:
    """The variance over axes: the mean squared deviation, over n - ddof (the standard's name is `correction`)."""
    _refuse_out(out, "var")
    return _variance(x, "var", axis, dtype, correction if ddof is None else ddof, keepdims)


def std(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    ddof: float | None = None,
    keepdims: bool = False,
    *,
    correction: float = 0,
) -> Array:
    """The standard deviation over axes: the root of the variance."""
    _refuse_out(out, "std")
    return _variance(x, "std", axis, dtype, correction if ddof is None else ddof, keepdims)


def _variance(x: Any, name: str, axis: Any, dtype: Any, ddof: float, keepdims: bool) -> Array:
    x = asarray(x)
    kind = _moment_dtype(x, dtype, name)
    work = np.dtype(np.float32) if kind == np.float16 else kind
    out = np.empty(0, dtype=kind).real.dtype
    return _reduce(_cast(x, work), name, axes_of(axis, x.ndim), keepdims, work, out, ddof)


def _extreme(x: Any, name: str, axis: Any, keepdims: bool) -> Array:
    x = asarray(x)
    axes = reduced_axes(axis, x.ndim)
    if math.prod(x.shape[d] for d in axes) == 0:
        raise ValueError(f"zero-size array to reduction operation {name}imum which has no identity: shape {x.shape}")
    return _reduce(x, name, axes, keepdims, x.dtype, x.dtype)


def min(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The least value over axes; NaN where there is one."""
    _refuse_out(out, "min")
    return _extreme(x, "min", axis, keepdims)


def max(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The greatest value over axes; NaN where there is one."""
    _refuse_out(out, "max")
    return _extreme(x, "max", axis, keepdims)


def any(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """Whether some value over axes is true."""
    _refuse_out(out, "any")
    x = asarray(x)
    return _reduce(_cast(x, np.dtype(bool)), "any", reduced_axes(axis, x.ndim), keepdims, bool, bool)


def all(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """Whether every value over axes is true."""
    _refuse_out(out, "all")
    x = asarray(x)
    return _reduce(_cast(x, np.dtype(bool)), "all", reduced_axes(axis, x.ndim), keepdims, bool, bool)


def count_nonzero(x: Any, axis: Any = None, *, keepdims: bool = False) -> Array:
    """How many values over axes are not zero."""
    x = asarray(x)
    return sum(_cast(x, np.dtype(bool)), axis, dtype=np.intp, keepdims=keepdims)


def _arg(x: Any, name: str, axis: Any, keepdims: bool) -> Array:
    x = asarray(x)
    axes = reduced_axes(axis if axis is None or not x.ndim else axis_of(axis, x.ndim), x.ndim)
    if math.prod(x.shape[d] for d in axes) == 0:
        raise ValueError(f"attempt to get {name} of an empty sequence")
    return _reduce(x, name, axes, keepdims, x.dtype, np.intp)


def argmin(x: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first least value along an axis, or in the flattened array."""
    _refuse_out(out, "argmin")
    return _arg(x, "argmin", axis, keepdims)


def argmax(x: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first greatest value along an axis, or in the flattened array."""
    _refuse_out(out, "argmax")
    return _arg(x, "argmax", axis, keepdims)
