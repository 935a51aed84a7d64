"""NumPy's functions that change an array in place: the array becomes another expression, and nothing is returned."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .array import Array
from .counting import unraveled
from .creation import asarray
from .elementwise import broadcast_shape, name_of
from .elementwise import where as where_
from .indexing import along, in_mode, integers, view
from .keys import Key, as_integers, parse, within
from .manipulation import broadcast_to, ravel, rechunk, reshape
from .setting import RESULT_MISMATCH, cast, expanded, laid, ranked, scattered, setitem
from .stages import In, Out, Stage, following, lines

NOT_BROADCASTABLE = "array is not broadcastable to correct shape"


def _computed(value: Any) -> Any:
    """What NumPy's own function is to be given."""
    if isinstance(value, tuple):
        return tuple(map(_computed, value))
    return np.asarray(value) if isinstance(value, Array) else value


def _in_place(function: Callable[..., None]) -> Callable[..., None]:
    """For an array of NumPy's own, NumPy's function is called, with the values of ours."""

    @wraps(function)
    def call(target: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(target, Array):
            function(target, *args, **kwargs)
        else:
            getattr(np, function.__name__)(target, *_computed(args), **{k: _computed(v) for k, v in kwargs.items()})

    return call


def _again(value: Array, size: int) -> Array:
    """The elements of a value in a row, again and again until there are `size` of them."""
    line = ravel(value)
    if line.size < size:
        line = ravel(broadcast_to(line, (-(-size // line.size), line.size)))
    out: Array = line[:size]
    return out


# -- by index


@_in_place
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Put values, repeated as often as needed, at places of the flattened array.

    >>> import lambdarray as la
    >>> x = la.zeros(4, dtype=int)
    >>> la.put(x, [0, 3], [5, 6])
    >>> x.compute()
    array([5, 0, 0, 6])
    """
    index = in_mode(integers(ind), a.size, mode).reshape(-1)
    value = asarray(cast(v, a.dtype))
    if not a.size and index.size:
        raise IndexError("cannot replace elements of an empty array")
    if value.size and index.size:
        _set_flat(a, index, value.reshape(1) if value.size == 1 else _again(value, index.size))


def _set_flat(x: Array, index: Any, value: Array) -> None:
    """Set places of the flattened array."""
    line = x if x.ndim else reshape(x, (1,))
    setitem(line, unraveled(within(index, x.size, 0), line.shape), value)
    x.become(reshape(line, x.shape))


@_in_place
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Put values along an axis where `indices`, which has as many axes, points to: in each line at its own places."""
    x, index, at = along(arr, indices, axis)
    value = asarray(cast(values, x.dtype))
    if at is None:
        _set_flat(x, index, expanded(value, index.shape, RESULT_MISMATCH))
        return
    shapes = [tuple(1 if d == at else n for d, n in enumerate(a.shape)) for a in (x, index)]
    whole = list(broadcast_shape(shapes))
    whole[at] = index.shape[at]
    value = expanded(value, tuple(whole), RESULT_MISMATCH)
    if any(d != at and n != whole[d] for d, n in enumerate(x.shape)):
        # Lines of the index share a line of the array.
        own = (np.arange(n).reshape([-1 if e == d else 1 for e in range(x.ndim)]) for d, n in enumerate(x.shape))
        setitem(x, tuple(index if d == at else i for d, i in enumerate(own)), value)
    elif index.size:
        x.become(_put_along(x, broadcast_to(index, whole), value, at))


def _put_along(x: Array, index: Array, value: Array, axis: int) -> Array:
    stage = Stage("put along axis", [*lines(x, ()), index._op.tiling.axes[axis]], x.ndim)
    stage.call("scatter", ("y",), ("r0", "r1", "r2"), loop=True, at=[axis], axis=axis, along=True)
    looped = [x.ndim if d == axis else d for d in range(x.ndim)]
    follows = following(value.shape, index.shape)
    maps = [looped[d] if m.axis >= 0 else m for d, m in enumerate(follows)]
    ins = [In(x, range(x.ndim)), In(index, looped), In(value, maps)]
    return rechunk(stage.make(ins, Out("y", range(x.ndim), x.dtype)), x.chunks)


def ufunc_at(ufunc: np.ufunc, x: Any, index: Any, *values: Any) -> None:
    """`ufunc.at`: applied to the elements that an index points to, once for each time that it does."""
    if not isinstance(x, Array):
        ufunc.at(x, _computed(index), *_computed(values))
        return
    operands = [v if isinstance(v, Array) else np.array(v) for v in values]
    # What NumPy refuses for these dtypes and this number of operands.
    ufunc.at(np.empty(0, x.dtype), np.empty(0, np.intp), *(np.empty(0, v.dtype) for v in operands))
    key = parse(x.shape, index)
    seen = view(x, key.basic)
    if key.mask is not None:
        places = as_integers(key.mask)
        key = Key(key.basic, tuple((key.joint[0][0] + n, i) for n, i in enumerate(places)), key.at)
    points = np.broadcast_shapes(*(i.shape for _, i in key.joint))
    if any(v.ndim > seen.ndim - len(key.joint) + len(points) for v in operands):
        raise ValueError(NOT_BROADCASTABLE)
    if key.joint:
        made = scattered(seen, key, operands[0] if operands else None, name_of(ufunc))
    else:
        spread = [expanded(asarray(v), seen.shape, NOT_BROADCASTABLE) for v in operands]
        made = ufunc(seen, *spread).astype(x.dtype)
    x.become(laid(x, key.basic, made))


# -- by mask


@_in_place
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Put values where a mask is true: to each element the value at its own place, of values repeated if needed."""
    mask, value = _mask(mask, a, "putmask"), _safely(values, a.dtype)
    if value.size > 1 and value.shape != a.shape:
        value = reshape(_again(value, a.size), a.shape)
    if value.size:
        _choose(a, mask, reshape(value, ()) if value.size == 1 else value)


@_in_place
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Put values, one after the other and repeated as often as needed, where a mask is true."""
    mask, value = _mask(mask, arr, "place"), _safely(vals, arr.dtype)

    def so_many(total: int) -> Array:
        if total and not value.size:
            raise ValueError("Cannot insert from an empty array!")
        return _again(value, total) if total else value

    if value.size == 1:
        _choose(arr, mask, reshape(value, ()))
    elif arr.ndim:
        arr.become(ranked(arr, mask, 0, so_many))
    else:
        arr.become(reshape(ranked(reshape(arr, (1,)), reshape(mask, (1,)), 0, so_many), ()))


def _choose(x: Array, mask: Array, value: Array) -> None:
    """The value where the mask is true, and what is there elsewhere."""
    x.become(rechunk(where_(mask, value, x), x.chunks))


def _safely(values: Any, dtype: np.dtype[Any]) -> Array:
    """Values in a dtype; TypeError for an array that has to be cut down to it."""
    if isinstance(values, Array | np.ndarray) and not np.can_cast(values.dtype, dtype, "safe"):
        raise TypeError(f"Cannot cast array data from {values.dtype!r} to {dtype!r} according to the rule 'safe'")
    return asarray(cast(values, dtype))


def _mask(mask: Any, x: Array, name: str) -> Array:
    """A mask with as many elements as the array, in its shape and chunks."""
    found = mask if isinstance(mask, Array) else np.array(mask)
    if found.size != x.size:
        raise ValueError(f"{name}: mask and data must be the same size")
    return asarray(found.reshape(x.shape).astype(bool), chunks=x.chunks)


@_in_place
def copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    """Copy values, broadcast, into the array: everywhere, or where a mask is true. TypeError as `casting` says."""
    made = np.empty(0 if isinstance(src, Array) else np.shape(src), dst.dtype)
    np.copyto(made, np.empty(0, src.dtype) if isinstance(src, Array) else src, casting=casting)
    value = asarray(src.astype(dst.dtype) if isinstance(src, Array) else made)
    value = expanded(value, dst.shape, "could not broadcast input array from shape {} into shape {}")
    if isinstance(where, Array | np.ndarray) and not np.can_cast(where.dtype, bool, "safe"):
        raise TypeError(f"Cannot cast array data from {where.dtype!r} to dtype('bool') according to the rule 'safe'")
    mask = asarray(where if isinstance(where, Array) else np.array(where, bool))
    if mask.ndim > dst.ndim or any(n not in (1, m) for n, m in zip(mask.shape[::-1], dst.shape[::-1], strict=False)):
        raise ValueError(f"could not broadcast where mask from shape {mask.shape} into shape {dst.shape}")
    if where is True:
        setitem(dst, ..., value)
    else:
        _choose(dst, mask, value)


@_in_place
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Put a value, or the elements of an array again and again, on the main diagonal of all axes.

    With `wrap` the diagonal of a tall matrix begins again below where it ended.

    >>> import lambdarray as la
    >>> x = la.zeros((2, 2), dtype=int)
    >>> la.fill_diagonal(x, [1, 2])
    >>> x.compute()
    array([[1, 0],
           [0, 2]])
    """
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    step = sum(math.prod(a.shape[d + 1 :]) for d in range(a.ndim))
    end = a.size if wrap or a.ndim > 2 else min(a.size, a.shape[1] ** 2)
    value, count = asarray(cast(val, a.dtype)), len(range(0, end, step))
    if value.size and count:
        _set_flat(a, np.arange(0, end, step), value.reshape(1) if value.size == 1 else _again(value, count))
