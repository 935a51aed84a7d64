"""Differences of neighbours, and what is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import Array
from .axes import axes_of, axis_of
from .creation import asarray, iota
from .elementwise import call, where
from .manipulation import broadcast_to, concat, ravel
from .reductions import sum as sum_


def _at(axis: int, *bounds: int | None) -> tuple[Any, ...]:
    """The key of a slice along an axis."""
    return (slice(None),) * axis + (slice(*bounds),)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """The differences of neighbours along an axis, `n` times over; of booleans whether they differ.

    >>> import lambdarray as la
    >>> la.diff(la.asarray([1, 2, 4, 7])).compute()
    array([1, 2, 3])
    """
    x = asarray(a)
    if n == 0:
        return x
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    d = axis_of(axis, x.ndim)
    parts = [_layer(prepend, x, d), x, _layer(append, x, d)]
    x = concat([part for part in parts if part is not None], d)
    ufunc = np.not_equal if x.dtype == bool else np.subtract
    for _ in range(n):
        x = call(ufunc, x[_at(d, 1, None)], x[_at(d, None, -1)])
    return x


def _layer(value: Any, x: Array, axis: int) -> Array | None:
    """What stands before or after `x`; a scalar as a layer one element thick."""
    if value is None:
        return None
    made = asarray(value)
    return made if made.ndim else broadcast_to(made, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Array:
    """The differences of neighbours of an array flattened, between `to_begin` and `to_end`."""
    x = ravel(asarray(ary))
    middle = call(np.subtract, x[1:], x[:-1])
    ends = [None if value is None else ravel(asarray(value)) for value in (to_begin, to_end)]
    for name, end in zip(("to_begin", "to_end"), ends, strict=True):
        if end is not None and not np.can_cast(end.dtype, x.dtype, "same_kind"):
            raise TypeError(
                f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule: {end.dtype}"
            )
    parts = [ends[0], middle, ends[1]]
    return concat([part.astype(x.dtype) for part in parts if part is not None])


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """The integral along an axis by the trapezoidal rule, over points `x` or points that are `dx` apart."""
    y = asarray(y)
    d = axis_of(axis, y.ndim)
    widths = dx
    if x is not None:
        points = asarray(x)
        widths = diff(points, axis=axis if points.ndim != 1 else 0)
        if points.ndim == 1:
            widths = widths[(None,) * d + (slice(None),) + (None,) * (y.ndim - d - 1)]
    heights = call(np.add, y[_at(d, 1, None)], y[_at(d, None, -1)])
    return sum_(call(np.divide, call(np.multiply, widths, heights), 2.0), axis)


# -- gradient


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The derivative along each axis, by central differences inside and one-sided ones at the edges.

    Spacings are one for all axes, or one for each, or for each the places of its points. One array for one axis, a
    tuple of them for several.

    >>> import lambdarray as la
    >>> la.gradient(la.asarray([1.0, 2.0, 4.0, 7.0])).compute()
    array([1. , 1.5, 2.5, 3. ])
    """
    x = asarray(f)
    axes = axes_of(axis, x.ndim) if axis is None else [axis_of(d, x.ndim) for d in _listed(axis)]
    if len(set(axes)) != len(axes):
        raise ValueError(f"repeated axis: {axis!r}")
    spacings = _spacings(x, axes, varargs)
    if edge_order > 2:
        raise ValueError(f"'edge_order' greater than 2 not supported: {edge_order}")
    x, kind = _differentiable(x)
    out = []
    for d, spacing in zip(axes, spacings, strict=True):
        if x.shape[d] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
                f"required: axis {d} of {x.shape}"
            )
        out.append(_Axis(x, d, spacing).gradient(edge_order).astype(kind))
    return out[0] if len(out) == 1 else tuple(out)


def _listed(axis: Any) -> Sequence[Any]:
    return axis if isinstance(axis, tuple | list) else (axis,)


def _spacings(x: Array, axes: Sequence[int], given: Sequence[Any]) -> list[Any]:
    """For each axis a scalar, or the distances between its points."""
    if not given:
        return [1.0] * len(axes)
    if len(given) == 1 and np.ndim(given[0]) == 0:
        return [given[0]] * len(axes)
    if len(given) != len(axes):
        raise TypeError(f"invalid number of arguments: {len(given)} spacings for {len(axes)} axes")
    return [
        value if np.ndim(value) == 0 else _distances(value, x.shape[d]) for value, d in zip(given, axes, strict=True)
    ]


def _distances(points: Any, size: int) -> Any:
    """The distances between points; a scalar where these are known to be equal."""
    if np.ndim(points) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if len(points) != size:
        raise ValueError(
            f"when 1d, distances must match the length of the corresponding dimension: {len(points)}, {size}"
        )
    places = points if isinstance(points, Array) else np.asarray(points)
    away = np.diff(places.astype(np.float64) if places.dtype.kind in "iu" else places)
    first = away[0]
    if isinstance(away, Array):
        return away
    return first if (away == first).all() else asarray(away)


def _differentiable(x: Array) -> tuple[Array, np.dtype[Any]]:
    """`x` in a dtype whose differences do not wrap, and the dtype of its gradient."""
    if x.dtype.kind == "M":
        kind = np.dtype(x.dtype.str.replace("M8", "m8"))
        return call(np.subtract, x, np.zeros((), x.dtype)[()]), kind
    if x.dtype.kind in "mfc":
        return x, x.dtype
    return x.astype(np.float64) if x.dtype.kind in "iu" else x, np.dtype(np.float64)


class _Axis:
    """The derivative of an array along one axis."""

    def __init__(self, x: Array, axis: int, spacing: Any) -> None:
        self.x, self.axis, self.spacing = x, axis, spacing
        self.uniform = np.ndim(spacing) == 0

    def gradient(self, edge_order: int) -> Array:
        """The central differences, with the first and the last value put in their place."""
        x, d = self.x, self.axis
        n = x.shape[d]
        around = concat([x[_at(d, 0, 1)], x, x[_at(d, -1, None)]], d)
        inner = self._inner(around[_at(d, None, -2)], x, around[_at(d, 2, None)])
        first, last = self._edges() if edge_order == 1 else self._smooth_edges()
        index = self._spread(iota(n, "auto"))
        return where(call(np.equal, index, 0), first, where(call(np.equal, index, n - 1), last, inner))

    def _spread(self, values: Array) -> Array:
        """A vector along the axis."""
        return values[(None,) * self.axis + (slice(None),) + (None,) * (self.x.ndim - self.axis - 1)]

    def _inner(self, before: Array, here: Array, after: Array) -> Any:
        if self.uniform:
            return call(np.divide, call(np.subtract, after, before), 2.0 * self.spacing)
        # At the edges, whose values are replaced, the distance beyond is taken to be 1.
        beyond = asarray(np.ones(1))
        dx1, dx2 = (
            self._spread(concat([p.astype(np.result_type(p.dtype, float)) for p in parts]))
            for parts in ((beyond, self.spacing), (self.spacing, beyond))
        )
        both = dx1 + dx2  # type: ignore[operator]
        a, b, c = -dx2 / (dx1 * both), (dx2 - dx1) / (dx1 * dx2), dx1 / (dx2 * both)  # type: ignore[operator]
        return a * before + b * here + c * after

    def _layers(self, *places: int) -> list[Any]:
        """Layers of the array, one element thick."""
        n = self.x.shape[self.axis]
        return [self.x[_at(self.axis, p % n, p % n + 1)] for p in places]

    def _step(self, place: int) -> Any:
        """The distance between two points, as a scalar of the array."""
        return self.spacing if self.uniform else self.spacing[place]

    def _edges(self) -> tuple[Any, Any]:
        first, second, before_last, last = self._layers(0, 1, -2, -1)
        return (second - first) / self._step(0), (last - before_last) / self._step(-1)

    def _smooth_edges(self) -> tuple[Any, Any]:
        """By the parabola through the three points next to an edge."""
        if self.uniform:
            h = self.spacing
            first, last = (-1.5 / h, 2.0 / h, -0.5 / h), (0.5 / h, -2.0 / h, 1.5 / h)
        else:
            p, q, r, s = (self.spacing[n] for n in (0, 1, -2, -1))
            first = -(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))
            last = s / (r * (r + s)), -(s + r) / (r * s), (2.0 * s + r) / (s * (r + s))
        begin, end = (
            a * x + b * y + c * z
            for (a, b, c), (x, y, z) in ((first, self._layers(0, 1, 2)), (last, self._layers(-3, -2, -1)))
        )
        return begin, end
