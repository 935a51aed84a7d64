"""Functions applied along axes, over axes, and to indices."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import index
from typing import Any

import numpy as np

from ..runtime.functions import name_of
from ..tiling import Cuts
from .array import Array
from .axes import axis_of
from .calling import Caller, CutsOf, Operand, Result
from .chunks import tiling_for
from .creation import arange, asarray
from .manipulation import broadcast_to, expand_dims
from .stages import lines, single


def apply_along_axis(
    func1d: Callable[..., Any],
    axis: int,
    arr: Any,
    *args: Any,
    dtype: Any = None,
    shape: Any = None,
    token: str | None = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Array:
    """A function of each line along an axis, whose result takes the line's place: a scalar drops the axis.

    `dtype` and `shape` are those of what the function makes of a line; where they are not given it is called on
    one line of ones.

    >>> import lambdarray as la
    >>> la.apply_along_axis(lambda line: line[::2], 1, la.arange(8).reshape(2, 4)).compute()
    array([[0, 2],
           [4, 6]])
    """
    arr = asarray(arr)
    axis = axis_of(axis, arr.ndim)
    if 0 in arr.shape[:axis] + arr.shape[axis + 1 :]:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    if shape is None or dtype is None:
        made = _of_a_line(func1d, arr, axis, args, kwargs)
        shape, dtype = made.shape if shape is None else shape, made.dtype if dtype is None else dtype
    new: CutsOf = {f"new {n}": single(size) for n, size in enumerate(_lengths(shape))}
    cuts: CutsOf = {**dict[Any, Cuts](enumerate(lines(arr, [axis]))), **new}
    labels = (*range(axis), *new, *range(axis + 1, arr.ndim))
    given = [func1d, axis, None, *args]
    name = name_of(func1d)
    caller = Caller("apply_along_axis", np.apply_along_axis, given, kwargs, [2], token, extra_bytes, name=name)
    return caller.over([Operand(arr, tuple(range(arr.ndim)))], cuts, [Result(labels, dtype)])[0]


def _of_a_line(func1d: Callable[..., Any], arr: Array, axis: int, args: Any, kwargs: Any) -> np.ndarray:
    """What the function makes of a line of ones."""
    line = np.ones(arr.shape[axis], arr.dtype)
    line.setflags(write=False)
    try:
        with np.errstate(all="ignore"):
            return np.asarray(func1d(line, *args, **kwargs))
    except Exception as error:
        error.add_note("raised for a line of ones, to find out what it makes; with dtype= and shape= it is not called")
        raise


def _lengths(shape: Any) -> tuple[int, ...]:
    return tuple(index(n) for n in (shape if isinstance(shape, Iterable) else (shape,)))


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Array:
    """A function `func(a, axis)` of arrays applied over axes in turn; one that drops its axis has it put back.

    >>> import lambdarray as la
    >>> la.apply_over_axes(la.sum, la.ones((2, 3)), [0, 1]).compute()
    array([[6.]])
    """
    value = asarray(a)
    for axis in _lengths(axes):
        axis += value.ndim if axis < 0 else 0
        made = asarray(func(value, axis))
        if made.ndim != value.ndim:
            made = expand_dims(made, axis)
        if made.ndim != value.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        value = made
    return value


def fromfunction(
    function: Callable[..., Any], shape: Any, *, dtype: Any = float, chunks: Any = "auto", **kwargs: Any
) -> Any:
    """What a function makes of the indices along each axis: it is called once, on arrays of ours of the whole `shape`.

    A function that needs NumPy arrays, block by block, is for `from_function`.

    >>> import lambdarray as la
    >>> la.fromfunction(lambda i, j: 10 * i + j, (2, 3), dtype=int).compute()
    array([[ 0,  1,  2],
           [10, 11, 12]])
    """
    size = _lengths(shape)
    cuts = tiling_for(size, chunks, np.dtype(dtype)).chunks
    along = [arange(n, dtype=dtype, chunks=(c,)) for n, c in zip(size, cuts, strict=True)]
    places = [tuple(slice(None) if e == d else None for e in range(len(size))) for d in range(len(size))]
    return function(*(broadcast_to(a[at], size, chunks=cuts) for a, at in zip(along, places, strict=True)), **kwargs)


def from_function(
    func: Callable[..., Any],
    shape: Any,
    *,
    chunks: Any = "auto",
    dtype: Any = None,
    token: str | None = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Array:
    """An array whose blocks a function makes from the indices of their elements, given as `numpy.ogrid` gives them.

    It is called as f(i, j, ...) for every block, with an integer array for each axis that broadcasts to the block, and
    what it returns is broadcast to it. `dtype` is what it returns; without it the function is called once for one
    element. The rest is as in `map_blocks`.

    >>> import lambdarray as la
    >>> la.from_function(lambda i, j: (i - j) ** 2, (2, 3), chunks=2).compute()
    array([[0, 1, 4],
           [1, 0, 1]])
    """
    size = _lengths(shape)
    tiling = tiling_for(size, chunks, np.dtype(float if dtype is None else dtype))
    caller = Caller("from_function", func, [], kwargs, [], token, extra_bytes, told=["grid"])
    return caller.over([], dict(enumerate(tiling.axes)), [Result(tuple(range(len(size))), dtype)])[0]
