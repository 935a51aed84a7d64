"""Arrays from nothing, and from anything with shape, dtype and slicing."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any

import numpy as np

from ..ops import Fill, Iota, Map, ObjectSource, Op, Shape, View, constant
from ..tiling import AxisMap, Tiling
from .array import Array
from .chunks import tiling_for

_counter = itertools.count()
_process = os.urandom(16).hex()


def new_token() -> str:
    """A name for an in-memory source that no other has, in this process or another."""
    return f"{_process}-{next(_counter)}"


def _shape(shape: Any) -> Shape:
    if isinstance(shape, int | np.integer):
        shape = (shape,)
    out = tuple(int(n) for n in map(_length, shape))
    if any(n < 0 for n in out):
        raise ValueError(f"negative dimensions are not allowed: {out}")
    return out


def _length(n: Any) -> int:
    try:
        return int(n.__index__())
    except AttributeError:
        raise TypeError(
            f"'{type(n).__name__}' object cannot be interpreted as an integer: a shape has integers"
        ) from None


def storable(dtype: Any) -> np.dtype[Any]:
    """The dtype, if tiles of it can be stored; TypeError for Python objects."""
    out: np.dtype[Any] = np.dtype(dtype)
    if out.hasobject:
        raise TypeError(f"dtype {out} holds Python objects, which cannot be stored in tiles; use a fixed-size dtype")
    return out


def full(shape: Any, fill_value: Any, dtype: Any = None, *, chunks: Any = "auto") -> Array:
    """An array with one value everywhere; the value may be an array that broadcasts to `shape`.

    >>> import lambdarray as la
    >>> la.full((2, 2), 7).compute()
    array([[7, 7],
           [7, 7]])
    """
    if isinstance(fill_value, Array) or np.ndim(fill_value):
        from .manipulation import broadcast_to

        value = asarray(fill_value)
        return broadcast_to(value if dtype is None else value.astype(dtype), _shape(shape))
    kind = storable(np.asarray(fill_value).dtype if dtype is None else dtype)
    scalar = np.full((), fill_value, dtype=kind)[()]
    return Array(Fill((), tiling_for(_shape(shape), chunks, kind), kind, value=scalar))


def ones(shape: Any, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """An array of ones."""
    return full(shape, 1, dtype=dtype, chunks=chunks)


def zeros(shape: Any, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """An array of zeros."""
    return full(shape, 0, dtype=dtype, chunks=chunks)


def empty(shape: Any, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """An array whose values do not matter: zeros."""
    return zeros(shape, dtype=dtype, chunks=chunks)


def _like(x: Any, dtype: Any, shape: Any, chunks: Any) -> tuple[Any, dict[str, Any]]:
    x = asarray(x)
    same = shape is None
    chunks = x.chunks if chunks is None and same else "auto" if chunks is None else chunks
    return (x.shape if same else shape), {"dtype": x.dtype if dtype is None else dtype, "chunks": chunks}


def full_like(x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None, chunks: Any = None) -> Array:
    """One value everywhere, in the shape, dtype and chunks of `x`."""
    size, kwargs = _like(x, dtype, shape, chunks)
    return full(size, fill_value, **kwargs)


def ones_like(x: Any, dtype: Any = None, *, shape: Any = None, chunks: Any = None) -> Array:
    """Ones in the shape, dtype and chunks of `x`."""
    return full_like(x, 1, dtype=dtype, shape=shape, chunks=chunks)


def zeros_like(x: Any, dtype: Any = None, *, shape: Any = None, chunks: Any = None) -> Array:
    """Zeros in the shape, dtype and chunks of `x`."""
    return full_like(x, 0, dtype=dtype, shape=shape, chunks=chunks)


def empty_like(x: Any, dtype: Any = None, *, shape: Any = None, chunks: Any = None) -> Array:
    """An array like `x` whose values do not matter: zeros."""
    return zeros_like(x, dtype=dtype, shape=shape, chunks=chunks)


def iota(size: int, chunks: Any, dtype: Any = np.int64) -> Array:
    """The integers 0 to size - 1."""
    kind = np.dtype(np.int64)
    return Array(Iota((), tiling_for((size,), chunks, np.dtype(dtype)), kind))


def arange(start: Any = None, stop: Any = None, step: Any = 1, dtype: Any = None, *, chunks: Any = "auto") -> Array:
    """Evenly spaced values in [start, stop), as NumPy's arange makes them: start + i * step.

    >>> import lambdarray as la
    >>> la.arange(2, 9, 3).compute()
    array([2, 5, 8])
    """
    if stop is None:
        start, stop = None, start
    if stop is None:
        raise TypeError("arange() requires stop to be specified.")
    start = 0 if start is None else start
    if step == 0:
        raise ZeroDivisionError("arange with a step of 0")
    if (dtype is not None and np.dtype(dtype).kind not in "iuf") or _is_time(start) or _is_time(stop):
        return from_array(np.arange(start, stop, step, dtype=dtype), chunks=chunks)
    empties = np.arange(start, start, step).dtype, np.arange(stop, stop).dtype
    kind = storable(np.result_type(*empties) if dtype is None else dtype)
    size = max(0, math.ceil((stop - start) / step))
    first, second = np.asarray(start).astype(kind), np.asarray(start + step).astype(kind)
    index = iota(size, chunks, kind)
    delta = second - first
    scaled = _map("multiply", [index._op], [0, constant(delta, kind)], kind, index._op.tiling)
    return Array(_map("add", [scaled], [0, constant(first, kind)], kind, index._op.tiling))


def _is_time(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "mM"


def _map(name: str, inputs: list[Op], args: list[Any], kind: np.dtype[Any], tiling: Tiling) -> Op:
    """An elementwise op whose loop runs in one dtype."""
    return Map(tuple(inputs), tiling, kind, name=name, args=tuple(args), loop_in=(kind, kind), loop_out=(kind,))


def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """Ones on the k-th diagonal and zeros elsewhere."""
    shape = _shape((n, n if m is None else m))
    kind = storable(dtype)
    tiling = tiling_for(shape, chunks, kind)
    rows, columns = (index_along(shape, axis, tiling) for axis in (0, 1))
    return (columns - rows == k).astype(kind)  # type: ignore[no-any-return]


def identity(n: int, dtype: Any = float, *, chunks: Any = "auto") -> Array:
    """The identity matrix."""
    return eye(n, dtype=dtype, chunks=chunks)


def index_along(shape: Shape, axis: int, tiling: Tiling) -> Any:
    """The index along one axis, broadcast to `shape`."""
    index = Iota((), Tiling((tiling.axes[axis],)), np.dtype(np.int64))
    return Array(View((index,), tiling, index.dtype, maps=(AxisMap(axis),)))


def from_array(x: Any, chunks: Any = "auto") -> Array:
    """An array over anything in this process with shape, dtype and slicing: NumPy, a memmap, an HDF5 data set.

    Nothing is copied or read until it is computed. TypeError for Python objects and masked arrays.

    >>> import numpy as np, lambdarray as la
    >>> la.from_array(np.eye(3), chunks=2).numblocks
    (2, 2)
    """
    if isinstance(x, Array):
        return x if chunks == "auto" else x.rechunk(chunks)
    if not (hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__getitem__")):
        x = np.asarray(x)
    if type(x).__module__.startswith("numpy.ma"):
        raise TypeError("a masked array has no tiles; use x.filled(value), with np.nan or what suits your reductions")
    kind = storable(x.dtype)
    if isinstance(x, np.generic):
        x = np.asarray(x)
    tiling = tiling_for(_shape(x.shape), chunks, kind)
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return Array(Fill((), tiling, kind, value=x[()]))
    return Array(ObjectSource((), tiling, kind, obj=x, token=new_token()))


def asarray(x: Any, dtype: Any = None, *, chunks: Any = "auto") -> Array:
    """An Array: the same one, or one over `x`."""
    out = x if isinstance(x, Array) else from_array(x, chunks)
    return out if dtype is None else out.astype(dtype, copy=False)


def open_zarr(url: Any) -> Array:
    """A Zarr array (v2 or v3) at a directory or an s3:// URL, with its own chunks.

    Only the metadata is read here. Raises StoreError or AccessError where it cannot be.
    """
    from ..ops import Stored
    from ..store import zarr

    found = zarr.open_zarr(str(url))
    tiling = Tiling.regular(found.shape, found.chunks)
    token = f"{url}:{zarr.source_key(str(url))}"
    return Array(Stored((), tiling, found.dtype, location=found.location(), token=token))
