"""Fields of structured arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, iota
from .elementwise import build, call
from .manipulation import reshape
from .reductions import all as all_


def field(x: Array, key: str | list[str]) -> Array:
    """The field of a structured array with this name, or the array with these fields alone.

    A field that holds arrays adds their axes. ValueError or KeyError where there is none of that name.

    >>> import numpy as np, lambdarray as la
    >>> x = la.from_array(np.array([(1, 2.5), (3, 4.5)], [("n", "i4"), ("v", "f8")]))
    >>> x["v"].compute()
    array([2.5, 4.5])
    """
    names = x.dtype.names
    if names is None:
        raise IndexError(f"only structured arrays have fields: {key!r} of an array of {x.dtype}")
    if isinstance(key, list):
        return build("fields", [x], (x.dtype,), (_some(x.dtype, key),))[0]
    if key not in names:
        raise ValueError(f"no field of name {key}; fields are {', '.join(names)}")
    kind = x.dtype[key]
    if kind.subdtype is None:
        return build(f"field.{key}", [x], (x.dtype,), (kind,))[0]
    base, shape = kind.subdtype
    place = iota(int(np.prod(shape)), -1)
    flat = build(f"items.{key}", [x[..., None], place], (x.dtype, place.dtype), (base,))[0]
    return reshape(flat, (*x.shape, *shape))


def _some(dtype: np.dtype[Any], names: list[str]) -> np.dtype[Any]:
    """A dtype with some of its fields, where they were, as NumPy has it."""
    missing = [name for name in names if name not in (dtype.names or ())]
    if missing:
        raise KeyError(missing[0])
    return np.empty(0, dtype)[names].dtype


def same(x: Any, y: Any) -> Array:
    """Whether elements of structured arrays are equal in every field."""
    x, y = asarray(x), asarray(y)
    if x.dtype.names is None or y.dtype.names is None:
        raise TypeError(f"Cannot compare structured or void to non-void arrays: {x.dtype}, {y.dtype}")
    kind = np.result_type(x.dtype, y.dtype)
    x, y = x.astype(kind), y.astype(kind)
    found = [_equal(field(x, name), field(y, name), x.ndim, y.ndim) for name in kind.names or ()]
    out = found[0]
    for other in found[1:]:
        out = call(np.logical_and, out, other)
    return out


def _equal(a: Array, b: Array, *ndims: int) -> Array:
    """Whether the values of one field are equal: arrays where all their elements are."""
    equal: Array = same(a, b) if a.dtype.names else call(np.equal, a, b)
    within = a.ndim - ndims[0]
    return all_(equal, tuple(range(-within, 0))) if within else equal
