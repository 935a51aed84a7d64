"""Values looked up in small arrays, which every task reads whole, and places in arrays as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import Table
from ..tiling import Tiling
from .array import Array
from .creation import asarray, zeros
from .elementwise import build, call, clip, refuse


def table(x: Array) -> Array:
    """A small array as one element, for elementwise functions that look things up in it."""
    return Array(Table((x._op,), Tiling(()), np.dtype((np.void, x.nbytes))))


def _vector(x: Any, what: str) -> Array:
    out = asarray(x)
    if out.ndim != 1:
        raise ValueError(f"{what} must have one axis, not shape {out.shape}")
    return out


def _look_up(name: str, x: Array, tables: list[Any], kind: Any, *scalars: Any) -> Array:
    packed = [table(t) for t in tables]
    operands = [x, *packed, *scalars]
    return build(name, operands, [getattr(o, "dtype", kind) for o in operands], (np.dtype(kind),))[0]


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Array:
    """Where in the sorted vector `a`, which fits a worker, each of `v` would be inserted to keep it sorted.

    >>> import lambdarray as la
    >>> la.searchsorted([1, 3, 5], la.arange(7)).compute()
    array([0, 0, 1, 1, 2, 2, 3])
    """
    a, v = _vector(a, "a"), asarray(v)
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got {side!r})")
    tables = [a.astype(kind := np.promote_types(a.dtype, v.dtype))]
    if sorter is not None:
        order = asarray(sorter)
        if order.ndim != 1 or order.dtype.kind not in "iu":
            raise TypeError(f"sorter must be a vector of integers, not {order.dtype} of shape {order.shape}")
        if order.size != a.size:
            raise ValueError(f"sorter.size must equal a.size: {order.size}, {a.size}")
        tables.append(order.astype(np.intp))
    if not a.size:
        return zeros(v.shape, np.intp)
    return _look_up(f"searchsorted_{side}", v.astype(kind), tables, np.intp)


def digitize(x: Any, bins: Any, right: bool = False) -> Array:
    """The number of the bin that each value is in; `bins` are the sorted bounds, which fit a worker.

    ValueError where they are not sorted: at once, or by the task that finds it where they are no NumPy array.
    """
    x = asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("x may not be complex")
    if not isinstance(bins, Array):
        np.digitize(np.empty(0, x.dtype), bins, right)
    bounds = _vector(bins, "bins")
    if not bounds.size:
        return zeros(x.shape, np.intp)
    kind = np.promote_types(x.dtype, bounds.dtype)
    return _look_up(f"digitize_{'right' if right else 'left'}", x.astype(kind), [bounds.astype(kind)], np.intp)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Array:
    """The piecewise linear function through the points (xp, fp), which fit a worker, at `x`.

    >>> import lambdarray as la
    >>> la.interp(la.linspace(0, 2, 3), [0, 1, 2], [0, 10, 15]).compute()
    array([ 0., 10., 15.])
    """
    x, xp, fp = _real(x), _vector(_real(xp), "xp"), _vector(fp, "fp")
    kind = np.dtype(np.complex128 if fp.dtype.kind == "c" else np.float64)
    if xp.shape != fp.shape:
        raise ValueError(f"fp and xp are not of the same length: {fp.shape}, {xp.shape}")
    if not xp.size:
        raise ValueError("array of sample points is empty")
    fp = fp.astype(kind)
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        return _look_up("interp_periodic", x, [xp, fp], kind, np.float64(period))
    if left is None and right is None:
        return _look_up("interp", x, [xp, fp], kind)
    ends = (_end(value, fp[n], kind) for n, value in ((0, left), (-1, right)))
    return _look_up("interp_between", x, [xp, fp], kind, *ends)


def _real(x: Any) -> Array:
    out = asarray(x)
    if not np.can_cast(out.dtype, np.float64, "same_kind"):
        raise TypeError(f"Cannot cast array data from {out.dtype!r} to float64 according to the rule 'safe'")
    return out.astype(np.float64)


def _end(value: Any, default: Array, kind: np.dtype[Any]) -> Any:
    """The value beyond one end of the points."""
    if value is None:
        return default
    if not np.can_cast(np.asarray(value).dtype, kind, "same_kind"):
        raise TypeError(f"the value beyond the points must be a number of {kind}, not {value!r}")
    return kind.type(value)


# -- places as numbers


def _places(x: Any) -> Array:
    out = asarray(x)
    if out.dtype.kind not in "biu" or not np.can_cast(out.dtype, np.intp, "same_kind"):
        raise TypeError(f"only int indices permitted, not {out.dtype}")
    return out.astype(np.intp)


def _strides(shape: tuple[int, ...], order: str) -> list[int]:
    """By how much the flat place grows along each axis."""
    if order not in ("C", "F"):
        raise ValueError(f"only 'C' or 'F' order is permitted, not {order!r}")
    before = [math.prod(shape[d + 1 :] if order == "C" else shape[:d]) for d in range(len(shape))]
    if math.prod(shape) > np.iinfo(np.intp).max:
        raise ValueError(f"invalid dims: array size defined by {shape} is larger than the maximum possible size.")
    return before


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in shape) if hasattr(shape, "__len__") else (int(shape),)


def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Array:
    """Places along each axis of an array of shape `dims` as places in it flattened.

    Where one is outside, "raise" makes the task that finds it raise ValueError; "wrap" and "clip" bring it inside.
    """
    shape = _shape(dims)
    strides, coordinates = _strides(shape, order), [_places(x) for x in multi_index]
    if len(coordinates) != len(shape):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(shape)}, not {len(coordinates)}")
    modes = (mode,) * len(shape) if isinstance(mode, str) else tuple(mode)
    total: Any = 0
    for x, n, how, stride in zip(coordinates, shape, modes, strides, strict=True):
        total = call(np.add, total, call(np.multiply, inside(x, n, how, "refuse_coordinate"), stride))
    return total  # type: ignore[no-any-return]


def inside(x: Array, n: int, mode: str, refusal: str) -> Array:
    """Places brought into [0, n), or refused by the task that finds one outside."""
    if mode == "wrap":
        return call(np.remainder, x, n)  # type: ignore[no-any-return]
    if mode == "clip":
        return clip(x, 0, n - 1)
    if mode != "raise":
        raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")
    outside = call(np.logical_or, call(np.less, x, 0), call(np.greater_equal, x, n))
    return refuse(refusal, x, outside)  # type: ignore[no-any-return]


def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Array, ...]:
    """Places in an array flattened as places along each of its axes; the task that finds one outside raises ValueError.

    >>> import lambdarray as la
    >>> [x.compute().tolist() for x in la.unravel_index(la.arange(4), (2, 2))]
    [[0, 0, 1, 1], [0, 1, 0, 1]]
    """
    lengths = _shape(shape)
    strides = _strides(lengths, order)
    x = inside(_places(indices), math.prod(lengths), "raise", "refuse_index")
    pairs = zip(lengths, strides, strict=True)
    return tuple(call(np.remainder, call(np.floor_divide, x, max(s, 1)), max(n, 1)) for n, s in pairs)
