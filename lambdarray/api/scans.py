"""Running totals along an axis: the totals of the tiles, what stands before each, and the tile's own scan."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tiling import AxisMap
from .array import Array
from .axes import axis_of
from .creation import asarray
from .folds import refuse_out
from .manipulation import concat, ravel
from .stages import In, Out, Stage, along


def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Array:
    """The sums of the elements up to each, along an axis; of all elements in C order where it is None.

    >>> import lambdarray as la
    >>> la.cumsum(la.asarray([1, 2, 3], chunks=2)).compute()
    array([1, 3, 6])
    """
    return _cumulative("add", a, axis, dtype, out)


def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Array:
    """The products of the elements up to each, as `cumsum`."""
    return _cumulative("multiply", a, axis, dtype, out)


def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Array:
    """As `cumsum`, with NaN as 0."""
    return _cumulative("add", a, axis, dtype, out, skip_nan=True)


def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Array:
    """As `cumprod`, with NaN as 1."""
    return _cumulative("multiply", a, axis, dtype, out, skip_nan=True)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Array:
    """As `cumsum`; with `include_initial` a 0 comes first. `axis` may be left out for one axis alone."""
    return _standard("add", 0, x, axis, dtype, out, include_initial)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None, include_initial: bool = False
) -> Array:
    """As `cumprod`; with `include_initial` a 1 comes first. `axis` may be left out for one axis alone."""
    return _standard("multiply", 1, x, axis, dtype, out, include_initial)


def accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: None = None) -> Array:
    """`ufunc.accumulate`: for those that are associative over any chunks, for others of lines that fit a worker."""
    x = asarray(array)
    refuse_out(out, ufunc.__name__)
    if x.ndim == 0:
        raise TypeError("cannot accumulate on a scalar")
    kind = ufunc.accumulate(np.ones(1, x.dtype), dtype=dtype).dtype
    return _scan(ufunc.__name__, x, axis_of(axis, x.ndim), kind, None if dtype is None else kind)


def _cumulative(name: str, a: Any, axis: Any, dtype: Any, out: Any, skip_nan: bool = False) -> Array:
    x = asarray(a)
    refuse_out(out, f"cumulative {name}")
    x, axis = (ravel(x), 0) if axis is None or (x.ndim == 0 and axis in (0, -1)) else (x, axis_of(axis, x.ndim))
    kind = (np.cumsum if name == "add" else np.cumprod)(np.ones(1, x.dtype), dtype=dtype).dtype
    return _scan(name, x, axis, kind, kind, skip_nan)


def _standard(name: str, initial: int, a: Any, axis: Any, dtype: Any, out: Any, include_initial: bool) -> Array:
    x = asarray(a)
    if axis is None and x.ndim != 1:
        raise ValueError(f"For arrays which have more than one dimension ``axis`` argument is required: {x.shape}")
    axis = axis_of(0 if axis is None else axis, x.ndim)
    scanned = _cumulative(name, x, axis, dtype, out)
    if not include_initial:
        return scanned
    from .creation import full

    shape = [1 if d == axis else n for d, n in enumerate(x.shape)]
    return concat([full(shape, initial, scanned.dtype), scanned], axis)


def _scan(name: str, x: Array, axis: int, kind: Any, given: Any, skip_nan: bool = False) -> Array:
    """Accumulate by the ufunc `name`; `given` is the dtype that was asked for."""
    from lambdarray_kernels.scans import neutral

    params: dict[str, Any] = {"name": name, "axis": axis, "dtype": None if given is None else np.dtype(given).str}
    params["skip_nan"] = skip_nan
    cuts = x._op.tiling.axes
    if cuts[axis].count == 1:
        return along(f"accumulate {name}", x, [axis], "scan", kind, **params)
    try:
        neutral(name, kind)
    except KeyError:
        return along(f"accumulate {name}", x, [axis], "scan", kind, **params)
    totals = Stage(f"totals of {name}", cuts)
    totals.call("scan_total", ("y",), ("r0",), **params)
    by_block = [int(d == axis) for d in range(x.ndim)]
    total = totals.make([In(x, range(x.ndim))], Out("y", range(x.ndim), kind, by_block))
    before = along(
        f"accumulate {name}", total, [axis], "scan", kind, name=name, axis=axis, exclusive=True, dtype=kind.str
    )
    stage = Stage(f"accumulate {name}", cuts)
    stage.call("scan", ("y",), ("r0", "r1"), **params)
    at_block = [AxisMap(d, by_block=d == axis) for d in range(x.ndim)]
    return stage.make([In(x, range(x.ndim)), In(before, at_block)], Out("y", range(x.ndim), kind))
