"""Quantiles from order statistics, in NumPy's own arithmetic: its 13 methods, its interpolation and its NaN.

For a line in one tile `quantile` and `median` are all there is. For a line in many tiles `neighbours` says which ranks
are needed, `runs.select` finds their elements, and `interpolate` puts those together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .registry import Shape, kernel
from .sorting import select_flops

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """How a method finds a quantile among n ordered elements.

    `place` is the place of the quantile as a real number, `weight` what the fraction of the place becomes; None where
    the place is a whole number and its element the quantile.

    After R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50(4), 1996.
    """

    place: Callable[[Any, Array], Any]
    weight: Callable[[Array, Array], Array] | None = None


def _weighted(alpha: float, beta: float) -> Method:
    """The methods that differ only in where they put the first and the last element."""
    return Method(lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1, _fraction)


def _fraction(gamma: Array, place: Array) -> Array:
    return gamma


def _down_where(place: Array, down: Array) -> Array:
    """The whole number above a place, or that below it."""
    below = np.floor(place)
    return np.maximum(np.where(down, below, below + 1).astype(np.int64), 0)


def _inverted(n: Any, q: Array) -> Array:
    place = np.asarray(n * q - 1)
    return _down_where(place, place == np.floor(place))


def _closest(n: Any, q: Array) -> Array:
    place = np.asarray(n * q - 1 - 0.5)
    below = np.floor(place)
    return _down_where(place, (place == below) & (below % 2 == 1))


METHODS = {
    "inverted_cdf": Method(_inverted),
    "averaged_inverted_cdf": Method(lambda n, q: n * q - 1, lambda gamma, _: np.where(gamma == 0, 0.5, 1.0)),
    "closest_observation": Method(_closest),
    "interpolated_inverted_cdf": _weighted(0, 1),
    "hazen": _weighted(0.5, 0.5),
    "weibull": _weighted(0, 0),
    # As (n - 1) q, which rounds less than the common formula with 1 and 1.
    "linear": Method(lambda n, q: (n - 1) * q, _fraction),
    "median_unbiased": _weighted(1 / 3.0, 1 / 3.0),
    "normal_unbiased": _weighted(3 / 8.0, 3 / 8.0),
    "lower": Method(lambda n, q: np.floor((n - 1) * q).astype(np.int64)),
    "higher": Method(lambda n, q: np.ceil((n - 1) * q).astype(np.int64)),
    "midpoint": Method(
        lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
        lambda _, place: np.where(place % 1 == 0, 0.0, 0.5),
    ),
    "nearest": Method(lambda n, q: np.around((n - 1) * q).astype(np.int64)),
}


def neighbours(n: Any, q: Array, method: str = "linear") -> tuple[Array, Array, Array | None]:
    """The ranks that a quantile of n ordered elements lies between, and its weight between them, for each `q`.

    No weight means that the first rank's element is the quantile. `n` may be an array that broadcasts with `q`; ranks
    of nothing are 0.

    >>> neighbours(5, np.array([0.3, 1.0]))
    (array([1, 4]), array([2, 4]), array([0.2, 5. ]))
    """
    how = METHODS[method]
    # A number is as exact as q, whichever way it is given.
    n = n.astype(q.dtype) if isinstance(n, np.ndarray) and q.dtype.kind == "f" else n
    place = np.asarray(how.place(n, q))
    last = np.maximum(np.broadcast_to(np.asarray(n, np.int64) - 1, place.shape), 0)
    if how.weight is None or (method == "linear" and place.dtype.kind in "iu"):
        rank = np.minimum(place.astype(np.int64), last)
        return rank, rank, None
    inside, below = place < n - 1, place < 0
    # NumPy's number of the last rank is -1, and its weight is counted from there: it multiplies nothing.
    previous = np.where(below, 0, np.where(inside, np.floor(place), -1)).astype(np.int64)
    following = np.where(below, 0, np.where(inside, previous + 1, -1))
    weight = np.asarray(how.weight(np.asarray(place - previous), place), place.dtype)
    return np.where(previous < 0, last, previous), np.where(following < 0, last, following), weight


def _lerp(a: Array, b: Array, weight: Array, weak: bool) -> Array:
    """The value between two, rounded as NumPy rounds it; a weak weight is one that has the values' own dtype."""
    difference = b - a
    kind = np.result_type(difference.dtype, 0.0) if weak else weight.dtype
    near, far = weight.astype(kind), (1 - weight).astype(kind)
    out = np.asarray(a + difference * near)
    np.subtract(b, difference * far, out=out, where=weight >= 0.5, casting="unsafe", dtype=out.dtype.type)
    return out


@kernel(flops=lambda previous, *_, **__: 4 * math.prod(previous))
def interpolate(
    previous: Array,
    following: Array | None = None,
    last: Array | None = None,
    *,
    weight: float | Sequence[float] | None = None,
    dtype: str | None = None,
) -> Array:
    """Quantiles from the elements of the two ranks of `neighbours` and their weights, along the first axes.

    A weight of no `dtype` is a number of Python's, as `weight` then is too. `last` is the greatest element of each
    line: where it is NaN the quantile is.

    >>> interpolate(np.array([1.0, 3.0]), np.array([2.0, 3.0]), np.array(9.0), weight=[0.25, 0.0], dtype="<f8")
    array([1.25, 3.  ])
    """
    with np.errstate(all="ignore"):
        if weight is None or following is None:
            out = np.array(previous)
        else:
            given = np.asarray(weight, dtype)
            given = given.reshape(given.shape + (1,) * (previous.ndim - given.ndim))
            out = _lerp(previous, following, given, weak=dtype is None)
        if last is not None and last.dtype.kind in "fcmM":
            np.copyto(out, last, where=np.isnan(last))
    return out


@kernel(flops=select_flops)
def quantile(
    x: Array,
    *,
    q: float | Sequence[Any],
    axis: int | Sequence[int] | None = None,
    method: str = "linear",
    dtype: str | None = None,
    ignore_nan: bool = False,
    keepdims: bool = False,
) -> Array:
    """`np.quantile` or `np.nanquantile` of lines that are whole; the axes of `q` come first.

    Without `dtype` a single `q` is a number of Python's: it takes the dtype of `x`. All-NaN lines give NaN.

    >>> quantile(np.array([[1.0, 2.0, np.nan], [4.0, 6.0, 8.0]]), q=0.5, axis=1, ignore_nan=True)
    array([1.5, 6. ])
    """
    over = _axes(axis, x.ndim)
    weak = dtype is None and isinstance(q, int | float)
    wanted: Any = q if weak else np.asarray(q, dtype)
    with np.errstate(all="ignore"):
        if not (ignore_nan and x.dtype.kind in "fmM"):
            named: Any = method
            return np.asarray(np.quantile(x, wanted, axis=over, method=named, keepdims=keepdims))
        lines, counts = _ordered(x, over)
        first, second, weight = neighbours(counts, np.asarray(wanted).reshape(-1, 1), method)
        out = np.take_along_axis(lines, first, 0)
        if weight is not None:
            out = _lerp(out, np.take_along_axis(lines, second, 0), weight, weak)
        out[:, counts == 0] = _nan(out.dtype)
    return out.reshape(np.shape(wanted) + _kept(x.shape, over, keepdims))


@kernel(flops=select_flops)
def median(
    x: Array, *, axis: int | Sequence[int] | None = None, ignore_nan: bool = False, keepdims: bool = False
) -> Array:
    """`np.median` or `np.nanmedian` of lines that are whole; NaN of nothing.

    >>> median(np.array([[1, 2, 7], [4, 6, 8]]), axis=0)
    array([2.5, 4. , 7.5])
    """
    over = _axes(axis, x.ndim)
    with np.errstate(all="ignore"):
        if 0 not in [x.shape[d] for d in over] and not (ignore_nan and x.dtype.kind in "fcm"):
            return np.asarray(np.median(x, axis=over, keepdims=keepdims))
        lines, counts = _ordered(x, over)
        low, high = np.maximum(counts - 1, 0) // 2, counts // 2
        pair = np.take_along_axis(lines, np.stack([low, high]), 0)
        # The mean has the dtype of NumPy's median; of one element twice it might overflow.
        out: Array = np.mean(pair, axis=0)
        np.copyto(out, np.mean(pair[:1], axis=0), where=low == high)
        out[counts == 0] = _nan(out.dtype)
    return out.reshape(_kept(x.shape, over, keepdims))


def _axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in ([axis] if isinstance(axis, int) else axis))


def _kept(shape: Shape, over: Sequence[int], keepdims: bool) -> Shape:
    """The shape without these axes, or with length 1 there."""
    return tuple(1 if d in over else n for d, n in enumerate(shape) if keepdims or d not in over)


def _ordered(x: Array, over: Sequence[int]) -> tuple[Array, Array]:
    """The elements over these axes, in order down the columns of a matrix, and how many of each are not NaN.

    Nothing is ordered as one NaN is.
    """
    rest = [d for d in range(x.ndim) if d not in over]
    rows, columns = (math.prod(x.shape[d] for d in axes) for axes in (over, rest))
    if not rows:
        x = x if x.dtype.kind in "fcmM" else x.astype(np.float64)
        return np.full((1, columns), _nan(x.dtype), x.dtype), np.zeros(columns, np.int64)
    lines = np.sort(x.transpose([*over, *rest]).reshape(rows, columns), axis=0)
    return lines, np.asarray(np.count_nonzero(~np.isnan(lines), axis=0))


def _nan(dtype: np.dtype[Any]) -> Any:
    return np.array("NaT", dtype) if dtype.kind in "mM" else np.nan
