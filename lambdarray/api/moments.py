"""Means, variances and standard deviations, of all values or of those that are no NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .array import Array
from .axes import axes_of, reduced_axes
from .creation import asarray
from .elementwise import call
from .elementwise import where as choose_where
from .folds import cast, mask_of, reduce, refuse_out
from .manipulation import broadcast_arrays
from .reductions import any as any_
from .reductions import sum as sum_


def _moment_dtype(x: Array, dtype: Any, name: str, refused: str) -> np.dtype[Any]:
    """The dtype that a moment has, or whose real part it has."""
    if x.dtype.kind in refused:
        raise TypeError(f"{name} of dtype {x.dtype} is not defined")
    if dtype is None:
        dtype = np.float64 if x.dtype.kind in "iub" else x.dtype
    kind: np.dtype[Any] = np.dtype(dtype)
    return kind


def _wide(kind: np.dtype[Any]) -> np.dtype[Any]:
    """What moments of a dtype are computed in."""
    return np.dtype(np.float32) if kind == np.float16 else kind


def _count(where: Any, x: Array, axis: Any, keepdims: bool) -> Array:
    """How many elements `where` chooses along axes."""
    return sum_(broadcast_arrays(mask_of(where, x), x)[0], axis, keepdims=keepdims)


def mean(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True
) -> Array:
    """The arithmetic mean over axes; float64 for integers.

    >>> import lambdarray as la
    >>> la.mean(la.arange(6).reshape(2, 3), axis=1).compute()
    array([1., 4.])
    """
    refuse_out(out, "mean")
    x = asarray(x)
    kind = _moment_dtype(x, dtype, "mean", "MUSV")
    work = _wide(kind)
    if where is True:
        return reduce(cast(x, work), "mean", axes_of(axis, x.ndim), keepdims, work, kind)
    total = sum_(x, axis, None if kind.kind == "m" else work, keepdims=keepdims, where=where)
    return call(np.divide, total, _count(where, x, axis, keepdims)).astype(kind)  # type: ignore[no-any-return]


def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *, where: Any = True
) -> Array:
    """The mean over axes of what is no NaN; NaN where there is none.

    >>> import lambdarray as la
    >>> float(la.nanmean(la.asarray([1.0, la.nan, 2.0])))
    1.5
    """
    x = asarray(a)
    if x.dtype.kind not in "fc":
        return mean(x, axis, dtype, out, keepdims, where=where)
    refuse_out(out, "nanmean")
    _refuse_whole(x, dtype)
    known: Array = call(np.logical_not, call(np.isnan, x))
    total = sum_(choose_where(known, x, 0), axis, dtype, keepdims=keepdims, where=where)
    count = sum_(known, axis, keepdims=keepdims, where=where)
    return call(np.divide, total, count).astype(total.dtype)  # type: ignore[no-any-return]


def _refuse_whole(x: Array, dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise TypeError(f"If a is inexact, then dtype must be inexact, not {np.dtype(dtype)}: a is {x.dtype}")


def _variance(name: str, text: str) -> Callable[..., Array]:
    """The public function for a variance, or the root of one."""

    def function(
        x: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Array:
        refuse_out(out, name)
        if ddof != 0 and correction is not None:
            raise ValueError(f"ddof={ddof} and correction={correction} can't be provided simultaneously.")
        ddof = ddof if correction is None else correction
        x = asarray(x)
        kind = _moment_dtype(x, dtype, name, "mMUSV")
        return _moment(x, name, kind, axis, ddof, keepdims, where, mean)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{text}, over n - ddof of them (the standard's name of `ddof` is `correction`)."
    return function


def _moment(
    x: Array, name: str, kind: np.dtype[Any], axis: Any, ddof: float, keepdims: bool, where: Any, mean: Any
) -> Array:
    """The moment `name` of the elements that `where` chooses."""
    if x.dtype.kind not in "fc":
        name = name.removeprefix("nan")
    elif name.startswith("nan"):
        _refuse_whole(x, kind)
    work, out = _wide(kind), np.empty(0, dtype=kind).real.dtype
    x = cast(x, work)
    if mean is not None:
        return _about(x, mean, name, axis, ddof, keepdims, where).astype(out)
    if where is True:
        return reduce(x, name, axes_of(axis, x.ndim), keepdims, work, out, ddof)
    mask, nan = mask_of(where, x), np.asarray(np.nan, out)[()]
    known = "nan" + name.removeprefix("nan")
    seen = reduce(choose_where(mask, x, nan), known, reduced_axes(axis, x.ndim), keepdims, work, out, ddof)
    if name == known:
        return seen
    lost: Array = any_(call(np.isnan, x), axis, keepdims=keepdims, where=mask)
    return choose_where(lost, nan, seen)


def _about(x: Array, mean: Any, name: str, axis: Any, ddof: float, keepdims: bool, where: Any) -> Array:
    """The mean squared deviation from a mean that is given, with its axes kept."""
    nan = name.startswith("nan")
    if nan:
        where = call(np.logical_and, call(np.logical_not, call(np.isnan, x)), mask_of(where, x))
    away = call(np.absolute, call(np.subtract, x, mean))
    total = sum_(call(np.square, away), axis, keepdims=keepdims, where=where)
    free = call(np.subtract, _count(where, x, axis, keepdims), ddof)
    free = choose_where(free > 0, free, np.nan) if nan else call(np.maximum, free, 0)
    square: Array = call(np.divide, total, free)
    return call(np.sqrt, square) if name.endswith("std") else square  # type: ignore[no-any-return]


var = _variance("var", "The variance over axes: the mean squared deviation of all elements")
std = _variance("std", "The standard deviation over axes: the root of the mean squared deviation of all elements")
nanvar = _variance("nanvar", "The variance over axes of the elements that are no NaN")
nanstd = _variance("nanstd", "The standard deviation over axes of the elements that are no NaN")


def moment(a: Any, order: int, axis: Any = None, dtype: Any = None, keepdims: bool = False, ddof: float = 0) -> Array:
    """The central moment of this order over axes: the mean power of the distances from the mean, over n - ddof.

    ValueError where `order` is negative or no integer.

    >>> import lambdarray as la
    >>> float(la.moment(la.asarray([0.0, 0.0, 3.0]), 3))
    2.0
    """
    if not isinstance(order, int | np.integer) or order < 0:
        raise ValueError(f"order must be an integer >= 0, not {order!r}")
    x = asarray(a)
    kind = _moment_dtype(x, dtype, "moment", "mMUSV")
    x = cast(x, _wide(kind))
    away = call(np.subtract, x, mean(x, axis, keepdims=True))
    total = sum_(call(np.power, away, int(order)), axis, keepdims=keepdims)
    return call(np.divide, total, call(np.subtract, _count(True, x, axis, keepdims), ddof)).astype(kind)  # type: ignore[no-any-return]
