"""Places in ordered values, membership, and lines through points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, zeros_like
from .elementwise import call
from .manipulation import ravel, reshape
from .stages import In, Out, Stage, whole


def stand_in(x: Array) -> np.ndarray:
    """At most one element, of the dtype and the number of axes of `x`: for NumPy's own check of its arguments."""
    return np.ones([min(n, 1) for n in x.shape], x.dtype)


def searchsorted(a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Array:
    """Where each value would be put into the ordered line `a` to keep it in order; `sorter` has the order of `a`.

    `a` may be cut into any chunks, and is never gathered.

    >>> import lambdarray as la
    >>> la.searchsorted(la.asarray([1, 2, 2, 5], chunks=2), [2, 9]).compute()
    array([1, 4])
    """
    line, values = asarray(a), asarray(v)
    np.searchsorted(stand_in(line), stand_in(values), side)
    if sorter is not None:
        line = _in_order(line, asarray(sorter))
    params = {"side": "right" if str(side)[:1] in "rR" else "left"}
    return _over_tiles("searchsorted", values, line, np.int64, params)


def _in_order(line: Array, sorter: Array) -> Array:
    """The elements of a line at the places in `sorter`."""
    if sorter.dtype.kind not in "iu":
        raise TypeError("sorter must only contain integers")
    if sorter.ndim != 1:
        raise TypeError(f"could not parse sorter argument: it has {sorter.ndim} axes, not one")
    if sorter.shape != line.shape:
        raise ValueError(f"sorter.size must equal a.size: {sorter.shape} and {line.shape}")
    stage = Stage("take in order", [*sorter._op.tiling.axes, *line._op.tiling.axes], grid_ndim=1)
    stage.call("gather", ("y",), ("r1", "r0"), loop=True, at=[1])
    return stage.make([In(sorter, [0]), In(line, [1])], Out("y", [0], line.dtype))


def _over_tiles(name: str, x: Array, line: Array, dtype: Any, params: dict[str, Any]) -> Array:
    """A kernel for the elements of `x` that loops over the tiles of a line."""
    flat = x if x.ndim else reshape(x, (1,))
    stage = Stage(name, [*flat._op.tiling.axes, *line._op.tiling.axes], grid_ndim=flat.ndim)
    searched = ("r1", "r0") if name == "searchsorted" else ("r0", "r1")
    stage.call(name, ("y",), searched, loop=True, **params)
    made = stage.make([In(flat, range(flat.ndim)), In(line, [flat.ndim])], Out("y", range(flat.ndim), dtype))
    return reshape(made, x.shape)


def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Array:
    """Whether each element is one of `test_elements`, or with `invert` is not; NaN is not one of any.

    >>> import lambdarray as la
    >>> la.isin(la.arange(4), [1, 3]).compute()
    array([False,  True, False,  True])
    """
    x, test = asarray(element), asarray(test_elements)
    np.isin(stand_in(x), stand_in(test), kind=kind)  # type: ignore[arg-type]
    found = _over_tiles("isin", x, ravel(test), np.bool_, {})
    return call(np.logical_not, found) if invert else found  # type: ignore[no-any-return]


def digitize(x: Any, bins: Any, right: bool = False) -> Array:
    """The number of the bin of each element between edges that rise or fall; `right` puts an edge into the bin below.

    ValueError where the edges neither rise nor fall.

    >>> import lambdarray as la
    >>> la.digitize(la.asarray([0.5, 2.0]), [0, 1, 2]).compute()
    array([1, 3])
    """
    values, edges = asarray(x), asarray(bins)
    np.digitize(stand_in(values), stand_in(edges) if isinstance(bins, Array) else np.asarray(bins))
    if not edges.size:
        return zeros_like(values, dtype=np.int64)
    return _with_tables("digitize", values, [edges], np.int64, {"right": bool(right)})


def _with_tables(name: str, x: Array, tables: Sequence[Array], dtype: Any, params: dict[str, Any]) -> Array:
    """An elementwise kernel that is also given whole lines."""
    flat = x if x.ndim else reshape(x, (1,))
    stage = Stage(name, flat._op.tiling.axes)
    stage.call(name, ("y",), ("r0", *(f"r{n + 1}" for n in range(len(tables)))), **params)
    inputs = [In(flat, range(flat.ndim)), *(In(t, [whole(t.size)]) for t in tables)]
    return reshape(stage.make(inputs, Out("y", range(flat.ndim), dtype)), x.shape)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Array:
    """The values at `x` of the line through the points (xp, fp), `left` and `right` of them those numbers.

    The points must fit a worker. ValueError where `xp` and `fp` have not one length, or are empty.

    >>> import lambdarray as la
    >>> la.interp(la.asarray([0.5, 3.0]), [0, 1], [0, 10], right=-1).compute()
    array([ 5., -1.])
    """
    at, points, values = asarray(x), asarray(xp), asarray(fp)
    if points.ndim == values.ndim == 1 and points.shape != values.shape:
        raise ValueError(f"fp and xp are not of the same length: {values.size} and {points.size}")
    sample = np.interp(stand_in(at), stand_in(points), stand_in(values), left, right, period)
    ends = {"left": _plain(left), "right": _plain(right), "period": None if period is None else float(period)}
    return _with_tables("interp", at, [points, values], np.asarray(sample).dtype, ends)


def _plain(value: Any) -> Any:
    """A number as plain data, a complex one as its two parts."""
    if value is None:
        return None
    number = complex(value) if np.iscomplexobj(value) else float(value)
    return [number.real, number.imag] if isinstance(number, complex) else number
