"""Arrays made from the indices along axes: samples of an interval, diagonals, triangles, grids."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..ops import Iota, Shape, View
from ..tiling import AxisMap, Tiling
from .array import Array
from .axes import axis_of
from .chunks import tiling_for
from .creation import _shape, asarray, iota, storable
from .devices import on_cpu
from .dtypes import result_type
from .elementwise import where
from .manipulation import broadcast_arrays, moveaxis
from .reductions import any as any_


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
    chunks: Any = "auto",
) -> Any:
    """`num` evenly spaced values from start to stop along a new axis, as NumPy's linspace makes them.

    With `retstep` also the step. The ends may be arrays that broadcast.

    >>> import lambdarray as la
    >>> la.linspace(0, 1, 5).compute()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    on_cpu(device)
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    ends = [asarray(v) if isinstance(v, Array) or np.ndim(v) else v for v in (start, stop)]
    work = result_type(*ends, 1.0)
    low, high = (_as(v, work) for v in ends)
    parts = num - 1 if endpoint else num
    delta = high - low
    step = delta / parts if parts > 0 else delta * np.nan
    index: Any = iota(num, chunks, work)[(..., *[None] * delta.ndim)]
    values = _multiples(index.astype(work), delta, step, parts) + low
    if endpoint and num > 1:
        values = where(index == num - 1, high, values)
    kind = work if dtype is None else np.dtype(dtype)
    values = np.floor(values).astype(kind) if kind.kind in "iu" else values.astype(kind)
    values = moveaxis(values, 0, axis_of(axis, values.ndim))
    return (values, step) if retstep else values


def _as(end: Any, dtype: np.dtype[Any]) -> Any:
    """An end of the interval in a dtype: an Array, or a scalar of NumPy's."""
    return end.astype(dtype) if isinstance(end, Array) else np.asarray(end, dtype=dtype)[()]


def _multiples(index: Any, delta: Any, step: Any, parts: int) -> Any:
    """The way from the start; where a step is so small that it is zero, the division comes first, as in NumPy."""
    if parts <= 0:
        return index * delta
    zero: Any = step == 0
    if isinstance(zero, Array):
        return where(any_(zero), index / parts * delta, index * step)
    return index / parts * delta if zero else index * step


def eye(
    n: int, m: int | None = None, k: int = 0, dtype: Any = float, *, device: Any = None, chunks: Any = "auto"
) -> Array:
    """Ones on the k-th diagonal and zeros elsewhere."""
    rows, columns, kind = _indices(n, m, dtype, device, chunks)
    return (columns - rows == _inside(k, rows.shape)).astype(kind)  # type: ignore[no-any-return]


def identity(n: int, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """The identity matrix."""
    return eye(n, dtype=dtype, chunks=chunks)


def tri(
    n: int, m: int | None = None, k: int = 0, dtype: Any = float, *, device: Any = None, chunks: Any = "auto"
) -> Array:
    """Ones on and below the k-th diagonal and zeros above.

    >>> import lambdarray as la
    >>> la.tri(2, 3, k=1, dtype=int).compute()
    array([[1, 1, 0],
           [1, 1, 1]])
    """
    rows, columns, kind = _indices(n, m, dtype, device, chunks)
    return (columns - rows <= _inside(k, rows.shape)).astype(kind)  # type: ignore[no-any-return]


def _indices(n: int, m: int | None, dtype: Any, device: Any, chunks: Any) -> tuple[Any, Any, np.dtype[Any]]:
    """The row and the column of each element of a matrix, and its dtype."""
    on_cpu(device)
    shape = _shape((n, n if m is None else m))
    kind = storable(dtype)
    tiling = tiling_for(shape, chunks, kind)
    return along(shape, 0, tiling), along(shape, 1, tiling), kind


def along(shape: Shape, axis: int, tiling: Tiling) -> Any:
    """The index along one axis, broadcast to `shape`."""
    index = Iota((), Tiling((tiling.axes[axis],)), np.dtype(np.int64))
    return Array(View((index,), tiling, index.dtype, maps=(AxisMap(axis),)))


def _inside(k: int, shape: Shape) -> int:
    """The diagonal's number, or the next one outside the matrix: all those have nothing on them."""
    return max(-shape[0], min(operator.index(k), shape[1]))


def tril(x: Any, k: int = 0) -> Array:
    """The lower triangle of the last two axes: zeros above the k-th diagonal."""
    x = asarray(x)
    return where(_below(x, k), x, np.zeros((), x.dtype)[()])


def triu(x: Any, k: int = 0) -> Array:
    """The upper triangle of the last two axes: zeros below the k-th diagonal."""
    x = asarray(x)
    return where(_below(x, k - 1), np.zeros((), x.dtype)[()], x)


def _below(x: Array, k: int) -> Array:
    """Where the last two axes are on or below the k-th diagonal; of a single axis NumPy makes a square."""
    if x.ndim == 0:
        raise TypeError("a triangle needs an array of one axis or more")
    square = x.chunks[-2:] if x.ndim > 1 else x.chunks * 2
    return tri(x.shape[-2] if x.ndim > 1 else x.shape[-1], x.shape[-1], k=k, dtype=bool, chunks=square)


def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:
    """Coordinate matrices from vectors: each vector along an axis of its own, with `sparse` not broadcast.

    `indexing="xy"` exchanges the first two axes, as pictures have them; "ij" does not.

    >>> import lambdarray as la
    >>> x, y = la.meshgrid(la.arange(3), la.arange(2))
    >>> (x + 10 * y).compute()
    array([[ 0,  1,  2],
           [10, 11, 12]])
    """
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    order = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        order[:2] = 1, 0
    shapes = [tuple(-1 if d == at else 1 for d in range(len(xi))) for at in order]
    out = tuple(asarray(x).reshape(shape) for x, shape in zip(xi, shapes, strict=True))
    return out if sparse or not out else broadcast_arrays(*out)
