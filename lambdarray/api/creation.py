"""Arrays from nothing, and from anything with shape, dtype and slicing."""

from __future__ import annotations

import itertools
import math
import os
from typing import Any

import numpy as np

from ..ops import Fill, Iota, Map, ObjectSource, Op, Shape, constant
from ..tiling import Tiling
from .array import Array
from .chunks import tiling_for
from .devices import on_cpu

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


def full(shape: Any, fill_value: Any, dtype: Any = None, *, device: Any = None, chunks: Any = "auto") -> Array:
    """An array with one value everywhere; the value may be an array that broadcasts to `shape`.

    >>> import lambdarray as la
    >>> la.full((2, 2), 7).compute()
    array([[7, 7],
           [7, 7]])
    """
    on_cpu(device)
    if isinstance(fill_value, Array) or np.ndim(fill_value):
        from .manipulation import broadcast_to

        value = asarray(fill_value)
        return broadcast_to(value if dtype is None else value.astype(dtype), _shape(shape))
    kind = storable(np.asarray(fill_value).dtype if dtype is None else dtype)
    scalar = np.full((), fill_value, dtype=kind)[()]
    return Array(Fill((), tiling_for(_shape(shape), chunks, kind), kind, value=scalar))


def ones(shape: Any, dtype: Any = float, *, device: Any = None, chunks: Any = "auto") -> Array:
    """An array of ones."""
    return full(shape, 1, dtype=float if dtype is None else dtype, device=device, chunks=chunks)


def zeros(shape: Any, dtype: Any = float, *, device: Any = None, chunks: Any = "auto") -> Array:
    """An array of zeros."""
    return full(shape, 0, dtype=float if dtype is None else dtype, device=device, chunks=chunks)


def empty(shape: Any, dtype: Any = float, *, device: Any = None, chunks: Any = "auto") -> Array:
    """An array whose values do not matter: zeros."""
    return zeros(shape, dtype=dtype, device=device, chunks=chunks)


def full_like(
    x: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None, device: Any = None, chunks: Any = None
) -> Array:
    """One value everywhere, in the shape, dtype and chunks of `x`."""
    x = asarray(x)
    if chunks is None:
        chunks = x.chunks if shape is None else "auto"
    kind = x.dtype if dtype is None else dtype
    return full(x.shape if shape is None else shape, fill_value, dtype=kind, device=device, chunks=chunks)


def ones_like(x: Any, dtype: Any = None, *, shape: Any = None, device: Any = None, chunks: Any = None) -> Array:
    """Ones in the shape, dtype and chunks of `x`."""
    return full_like(x, 1, dtype=dtype, shape=shape, device=device, chunks=chunks)


def zeros_like(x: Any, dtype: Any = None, *, shape: Any = None, device: Any = None, chunks: Any = None) -> Array:
    """Zeros in the shape, dtype and chunks of `x`."""
    return full_like(x, 0, dtype=dtype, shape=shape, device=device, chunks=chunks)


def empty_like(x: Any, dtype: Any = None, *, shape: Any = None, device: Any = None, chunks: Any = None) -> Array:
    """An array like `x` whose values do not matter: zeros."""
    return zeros_like(x, dtype=dtype, shape=shape, device=device, chunks=chunks)


def iota(size: int, chunks: Any, dtype: Any = np.int64) -> Array:
    """The integers 0 to size - 1."""
    kind = np.dtype(np.int64)
    return Array(Iota((), tiling_for((size,), chunks, np.dtype(dtype)), kind))


def arange(
    start: Any = None,
    stop: Any = None,
    step: Any = 1,
    dtype: Any = None,
    *,
    device: Any = None,
    chunks: Any = "auto",
) -> Array:
    """Evenly spaced values in [start, stop), as NumPy's arange makes them: start + i * step.

    >>> import lambdarray as la
    >>> la.arange(2, 9, 3).compute()
    array([2, 5, 8])
    """
    on_cpu(device)
    if stop is None:
        start, stop = None, start
    if stop is None:
        raise TypeError("arange() requires stop to be specified.")
    start = 0 if start is None else start
    if step == 0:
        raise ZeroDivisionError("arange with a step of 0")
    empties = np.arange(start, start, step).dtype, np.arange(stop, stop).dtype
    kind = storable(np.result_type(*empties) if dtype is None else dtype)
    size = max(0, math.ceil((stop - start) / step))
    first, second = np.asarray(start).astype(kind), np.asarray(start + step).astype(kind)
    if kind.kind not in "iuf":
        return from_array(np.arange(start, stop, step, dtype=kind), chunks=chunks)
    index = iota(size, chunks, kind)
    delta = second - first
    scaled = _map("multiply", [index._op], [0, constant(delta, kind)], kind, index._op.tiling)
    return Array(_map("add", [scaled], [0, constant(first, kind)], kind, index._op.tiling))


def _map(name: str, inputs: list[Op], args: list[Any], kind: np.dtype[Any], tiling: Tiling) -> Op:
    """An elementwise op whose loop runs in one dtype."""
    return Map(tuple(inputs), tiling, kind, name=name, args=tuple(args), loop_in=(kind, kind), loop_out=(kind,))


def from_array(x: Any, chunks: Any = "auto") -> Array:
    """An array over anything in this process with shape, dtype and slicing: NumPy, a memmap, an HDF5 data set.

    Nothing is copied or read until it is computed. TypeError for Python objects and masked arrays.

    >>> import numpy as np, lambdarray as la
    >>> la.from_array(np.eye(3), chunks=2).numblocks
    (2, 2)
    """
    if isinstance(x, Array):
        return x if chunks == "auto" else x.rechunk(chunks)
    fresh = type(x) in (list, tuple)
    return _over(x if _sliceable(x) else np.asarray(x), chunks, constant=fresh)


def _over(x: Any, chunks: Any, constant: bool) -> Array:
    """An array over what can be sliced; `constant` where nobody else holds its memory."""
    if type(x).__module__.startswith("numpy.ma"):
        raise TypeError("a masked array has no tiles; use x.filled(value), with np.nan or what suits your reductions")
    kind = storable(x.dtype)
    if isinstance(x, np.generic):
        x = np.asarray(x)
    tiling = tiling_for(_shape(x.shape), chunks, kind)
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return Array(Fill((), tiling, kind, value=x[()]))
    return Array(ObjectSource((), tiling, kind, obj=x, token=new_token(), constant=constant))


def asarray(x: Any, dtype: Any = None, *, device: Any = None, copy: bool | None = None, chunks: Any = "auto") -> Array:
    """An Array: the same one, or one over `x`; a list with arrays in it is stacked.

    What `x` holds is not copied until it is computed, unless `copy` is true; ValueError where it is false and a copy
    cannot be avoided.

    >>> import lambdarray as la
    >>> la.asarray([1, 2], dtype=la.float32).compute()
    array([1., 2.], dtype=float32)
    """
    on_cpu(device)
    if isinstance(x, Array):
        out = Array(x._op) if copy else x
    elif _holds_arrays(x):
        from .manipulation import stack

        out = stack([asarray(v) for v in x])
    else:
        fresh = bool(copy) or type(x) in (list, tuple)
        if copy is not None or not _sliceable(x):
            x = np.array(x, dtype=dtype, copy=copy, subok=True)
        out = _over(x, chunks, constant=fresh)
    if dtype is None or out.dtype == np.dtype(dtype):
        return out
    if copy is False:
        raise ValueError(
            f"an array of {out.dtype} cannot become one of {np.dtype(dtype)} without a copy; use copy=None"
        )
    return out.astype(dtype)


def _holds_arrays(x: Any) -> bool:
    if not isinstance(x, list | tuple):
        return False
    return any(isinstance(v, Array) or (isinstance(v, list | tuple) and _holds_arrays(v)) for v in x)


def _sliceable(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__getitem__")


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
