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
from .chunks import following, tiling_for
from .devices import on_cpu
from .sources import holds_arrays, own_chunks, sliceable

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


def from_array(x: Any, chunks: Any = "auto", *, lock: Any = None) -> Array:
    """An array over anything in this process with shape, dtype and slicing: NumPy, a memmap, an HDF5 data set.

    Nothing is copied or read until it is computed. With chunks="auto" tiles hold whole chunks of an object that has
    chunks of its own. What does not slice by position as NumPy does (lists, scalars, pandas) becomes a NumPy array
    first; arrays of ours in a list are stacked. One thread at a time reads an object under a `lock`: True, or one of
    yours; HDF5 data sets have one by themselves. TypeError for Python objects, and for masked and sparse arrays.

    >>> import numpy as np, lambdarray as la
    >>> la.from_array(np.eye(3), chunks=2).numblocks
    (2, 2)
    """
    if isinstance(x, list | tuple) and holds_arrays(x):
        x = _stacked(x)
    if isinstance(x, Array):
        return x if isinstance(chunks, str) and chunks == "auto" else x.rechunk(chunks)
    fresh = type(x) in (list, tuple)
    return _over(sliceable(x), chunks, constant=fresh, lock=lock)


def _stacked(x: Any) -> Any:
    """A list with arrays in it as one array; where all are elements at hand, as a list of numbers."""
    from .elements import elements
    from .manipulation import stack

    try:
        return elements(x)
    except LookupError:
        return stack([asarray(v) for v in x])


def _over(x: Any, chunks: Any, constant: bool, lock: Any = None) -> Array:
    """An array over what can be sliced; `constant` where nobody else holds its memory."""
    kind = storable(x.dtype)
    shape = _shape(x.shape)
    if isinstance(chunks, str) and chunks == "auto":
        chunks = following(shape, own_chunks(x), kind)
    tiling = tiling_for(shape, chunks, kind)
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return Array(Fill((), tiling, kind, value=x[()]))
    if lock is not None or not isinstance(x, np.ndarray):
        from ..store.objects import locked

        x = locked(x, lock)
    return Array(ObjectSource((), tiling, kind, obj=x, token=new_token(), constant=constant))


def asarray(x: Any, dtype: Any = None, *, device: Any = None, copy: bool | None = None, chunks: Any = "auto") -> Array:
    """An Array: the same one, or one over `x` as `from_array` makes it.

    What `x` holds is not copied until it is computed, unless `copy` is true; ValueError where it is false and a copy
    cannot be avoided.

    >>> import lambdarray as la
    >>> la.asarray([la.arange(3), [7, 8, 9]]).compute()
    array([[0, 1, 2],
           [7, 8, 9]])
    """
    on_cpu(device)
    if isinstance(x, Array):
        out = Array(x._op) if copy else x
    elif isinstance(x, list | tuple) and holds_arrays(x):
        out = from_array(x, chunks)
    else:
        fresh = bool(copy) or type(x) in (list, tuple)
        if copy is not None or fresh:
            x = np.array(x, dtype=dtype, copy=copy, subok=True)
        out = _over(sliceable(x), chunks, constant=fresh)
    if dtype is None or out.dtype == np.dtype(dtype):
        return out
    if copy is False:
        raise ValueError(
            f"an array of {out.dtype} cannot become one of {np.dtype(dtype)} without a copy; use copy=None"
        )
    return out.astype(dtype)
