"""Elements put in between others along an axis, taken out, and put at the end."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .counting import chosen, known
from .creation import asarray
from .keys import in_range
from .manipulation import broadcast_to, concat, moveaxis, ravel, reshape
from .setting import RESULT_MISMATCH, cast, expanded


def _line(arr: Any, axis: int | None) -> tuple[Array, int]:
    x = asarray(arr)
    if axis is None:
        return ravel(x), 0
    return x, axis_of(axis, x.ndim)


def _places(obj: Any, size: int) -> np.ndarray:
    """What `insert` and `delete` are given, as an array of NumPy's: few numbers, or a mask."""
    if isinstance(obj, slice):
        return np.arange(*obj.indices(size))
    found = known(obj, "what is inserted or deleted")
    return found.astype(np.intp) if not found.size and not isinstance(obj, np.ndarray | Array) else np.array(found)


def delete(arr: Any, obj: Any, axis: int | None = None) -> Array:
    """Without the elements at an index, a slice, an array of indices or a mask.

    Along an axis, or of the flattened array where it is None.

    >>> import lambdarray as la
    >>> la.delete(la.arange(5), [1, -1]).compute()
    array([0, 2, 3])
    """
    x, at = _line(arr, axis)
    size = x.shape[at]
    if isinstance(obj, int | np.integer) and not isinstance(obj, bool):
        in_range(operator.index(obj), size, at)
    places = _places(obj, size)
    if places.dtype == bool and places.shape != (size,):
        raise ValueError(
            f"boolean array argument obj to delete must be one dimensional and match the axis length of {size}"
        )
    if places.dtype.kind not in "biu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    keep = np.ones(size, bool)
    keep[places] = False
    return chosen(x, keep, at)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Array:
    """Values before the elements at an index, a slice, an array of indices or a mask.

    For one index there may be several values, for several one each; they are cast to the array's dtype.

    >>> import lambdarray as la
    >>> la.insert(la.arange(3), [1, 3], [7, 8]).compute()
    array([0, 7, 1, 2, 8])
    """
    x, at = _line(arr, axis)
    size = x.shape[at]
    places = _places(obj, size)
    if places.dtype == bool:
        if places.ndim != 1:
            raise ValueError("boolean array argument obj to insert must be one dimensional")
        places = np.flatnonzero(places)
    if places.ndim > 1:
        raise ValueError("index array argument obj to insert must be one dimensional or scalar")
    value = asarray(cast(values, x.dtype))
    if places.size == 1:
        return _insert_one(x, operator.index(places.reshape(())[()]), value, at, places.ndim == 0)
    places = np.where(places < 0, places + size, places)
    order = places.argsort(kind="stable")
    new = np.empty(len(places), np.intp)
    new[order] = places[order] + np.arange(len(places))
    total = size + len(places)
    for n in new:
        in_range(int(n), total, at)
    shape = (*x.shape[:at], len(places), *x.shape[at + 1 :])
    value = broadcast_to(expanded(value, shape, RESULT_MISMATCH), shape)
    # Where in the array followed by the values each element of the result is.
    old = np.ones(total, bool)
    old[new] = False
    index = np.empty(total, np.intp)
    index[old], index[new] = np.arange(size), size + np.arange(len(places))
    out: Array = concat([x, value], at)[(*(slice(None),) * at, index)]
    return out


def _insert_one(x: Array, place: int, value: Array, axis: int, scalar: bool) -> Array:
    size = x.shape[axis]
    if not -size <= place <= size:
        raise IndexError(f"index {place} is out of bounds for axis {axis} with size {size}")
    place += size if place < 0 else 0
    value = reshape(value, (*(1,) * (x.ndim - value.ndim), *value.shape))
    value = moveaxis(value, 0, axis) if scalar else value
    shape = (*x.shape[:axis], value.shape[axis], *x.shape[axis + 1 :])
    value = broadcast_to(expanded(value, shape, "could not broadcast input array from shape {} into shape {}"), shape)
    before = (slice(None),) * axis
    return concat([x[(*before, slice(place))], value, x[(*before, slice(place, None))]], axis)
