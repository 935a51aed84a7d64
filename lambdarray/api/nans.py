"""Sums, products and extremes of what is no NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import reductions
from .array import Array
from .creation import asarray
from .elementwise import call, refuse
from .elementwise import where as choose_where
from .folds import fold, refuse_out


def _without(x: Any, value: Any) -> tuple[Array, Array | None]:
    """`x` with `value` for each NaN, and where those are; None where its dtype has no NaN."""
    x = asarray(x)
    if x.dtype.kind not in "fc":
        return x, None
    lost: Array = call(np.isnan, x)
    return choose_where(lost, np.asarray(value).astype(x.dtype)[()], x), lost


def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """The sum over axes of what is no NaN.

    >>> import lambdarray as la
    >>> float(la.nansum(la.asarray([1.0, la.nan, 2.0])))
    3.0
    """
    return fold(np.add, _without(a, 0)[0], axis, dtype, out, keepdims, initial, where)


def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """The product over axes of what is no NaN."""
    return fold(np.multiply, _without(a, 1)[0], axis, dtype, out, keepdims, initial, where)


def nanmin(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """The least value over axes that is no NaN; NaN where there is none."""
    return fold(np.fmin, a, axis, None, out, keepdims, initial, where)


def nanmax(
    a: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Array:
    """The greatest value over axes that is no NaN; NaN where there is none."""
    return fold(np.fmax, a, axis, None, out, keepdims, initial, where)


def _arg(name: str, x: Any, axis: Any, out: Any, keepdims: bool, worst: float) -> Array:
    """The place of an extreme value; the task that finds nothing but NaN raises ValueError."""
    refuse_out(out, name)
    filled, lost = _without(x, worst)
    found = getattr(reductions, name.removeprefix("nan"))(filled, axis, keepdims=keepdims)
    if lost is None:
        return found  # type: ignore[no-any-return]
    nothing = reductions.all(lost, axis, keepdims=keepdims)
    return refuse("refuse_all_nan", found, nothing)  # type: ignore[no-any-return]


def nanargmin(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first least value along an axis that is no NaN; ValueError where all are."""
    return _arg("nanargmin", a, axis, out, keepdims, np.inf)


def nanargmax(a: Any, axis: Any = None, out: None = None, *, keepdims: bool = False) -> Array:
    """The index of the first greatest value along an axis that is no NaN; ValueError where all are."""
    return _arg("nanargmax", a, axis, out, keepdims, -np.inf)
