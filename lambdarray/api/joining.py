"""Arrays put side by side, and taken apart again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .array import Array
from .axes import axis_of
from .creation import asarray
from .manipulation import concat, moveaxis, ravel, reshape, swapaxes


def _several(arrays: tuple[Any, ...], widened: Any) -> Any:
    """One array for one, a tuple for several, as NumPy's atleast_1d and the like give them."""
    made = tuple(widened(asarray(x)) for x in arrays)
    return made[0] if len(made) == 1 else made


def atleast_1d(*arys: Any) -> Any:
    """Arrays of at least one axis."""
    return _several(arys, lambda x: x if x.ndim else x[None])


def atleast_2d(*arys: Any) -> Any:
    """Arrays of at least two axes, new ones first."""
    return _several(arys, lambda x: x if x.ndim > 1 else x[(None,) * (2 - x.ndim)])


def atleast_3d(*arys: Any) -> Any:
    """Arrays of at least three axes: a vector becomes (1, n, 1), a matrix (m, n, 1)."""
    return _several(arys, lambda x: x if x.ndim > 2 else atleast_2d(x)[..., None] if x.ndim else x[None, None, None])


def _at_least(ndim: int, arrays: Any) -> list[Array]:
    widened = {1: atleast_1d, 2: atleast_2d, 3: atleast_3d}[ndim]
    return [widened(x) for x in arrays]


def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Array:
    """Arrays joined along their second axis; vectors along their only one."""
    arrays = _at_least(1, tup)
    return concat(arrays, 0 if arrays and arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Array:
    """Arrays joined along their first axis; vectors are rows.

    >>> import lambdarray as la
    >>> la.vstack([la.arange(3), la.ones((1, 3), int)]).compute()
    array([[0, 1, 2],
           [1, 1, 1]])
    """
    return concat(_at_least(2, tup), 0, dtype=dtype, casting=casting)


def dstack(tup: Any) -> Array:
    """Arrays joined along their third axis."""
    return concat(_at_least(3, tup), 2)


def column_stack(tup: Any) -> Array:
    """Vectors as columns, and matrices, joined along the second axis."""
    return concat([x if x.ndim > 1 else atleast_2d(x).T for x in map(asarray, tup)], 1)


def append(arr: Any, values: Any, axis: int | None = None) -> Array:
    """`values` after `arr` along an axis; both flattened where it is None."""
    return concat([arr, values], axis) if axis is not None else concat([ravel(arr), ravel(values)])


def block(arrays: Any) -> Array:
    """An array of blocks in nested lists: the innermost are joined along the last axis, the next along that before.

    >>> import lambdarray as la
    >>> la.block([[la.eye(1, dtype=int), la.zeros((1, 2), int)], [la.ones((1, 3), int)]]).compute()
    array([[1, 0, 0],
           [1, 1, 1]])
    """
    depth, ndim = _depth(arrays, ())
    return _joined(arrays, depth, max(depth, ndim))


def _depth(arrays: Any, path: tuple[int, ...]) -> tuple[int, int]:
    """How deep the lists are nested, and the most axes of a block."""
    if isinstance(arrays, tuple):
        raise TypeError(f"arrays{list(path)} is a tuple; only lists can be used to arrange blocks")
    if not isinstance(arrays, list):
        return 0, asarray(arrays).ndim
    if not arrays:
        raise ValueError(f"List at arrays{list(path)} cannot be empty")
    found = [_depth(x, (*path, n)) for n, x in enumerate(arrays)]
    if len({depth for depth, _ in found}) > 1:
        raise ValueError(f"List depths are mismatched below arrays{list(path)}: {[depth for depth, _ in found]}")
    return found[0][0] + 1, max(ndim for _, ndim in found)


def _joined(arrays: Any, depth: int, ndim: int) -> Array:
    if not depth:
        x = asarray(arrays)
        return reshape(x, (1,) * (ndim - x.ndim) + x.shape)
    return concat([_joined(x, depth - 1, ndim) for x in arrays], -depth)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Parts of nearly one length, the longer ones first, or those that begin at the given places."""
    x = swapaxes(ary, axis, 0)
    if hasattr(indices_or_sections, "__len__"):
        bounds = [0, *(int(n) for n in indices_or_sections), x.shape[0]]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError(f"number sections must be larger than 0, not {sections}")
        length, longer = divmod(x.shape[0], sections)
        bounds = [n * length + min(n, longer) for n in range(sections + 1)]
    return [swapaxes(x[lo:hi], axis, 0) for lo, hi in pairwise(bounds)]


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """As `array_split`, but that ValueError is raised where a number of parts does not divide the axis.

    >>> import lambdarray as la
    >>> [part.shape for part in la.split(la.ones((4, 6)), 3, axis=1)]
    [(4, 2), (4, 2), (4, 2)]
    """
    x = asarray(ary)
    size = x.shape[axis_of(axis, x.ndim)]
    if not hasattr(indices_or_sections, "__len__") and size % indices_or_sections:
        raise ValueError(f"array split does not result in an equal division: {size} by {indices_or_sections}")
    return array_split(x, indices_or_sections, axis)


def _split_along(ary: Any, indices_or_sections: Any, axis: int, least: int) -> list[Array]:
    x = asarray(ary)
    if x.ndim < least:
        raise ValueError(f"{'_hvd'[least]}split only works on arrays of {least} or more dimensions, not {x.shape}")
    return split(x, indices_or_sections, min(axis, x.ndim - 1))


def hsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Parts along the second axis, of a vector along its only one."""
    return _split_along(ary, indices_or_sections, 1, 1)


def vsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Parts along the first axis."""
    return _split_along(ary, indices_or_sections, 0, 2)


def dsplit(ary: Any, indices_or_sections: Any) -> list[Array]:
    """Parts along the third axis."""
    return _split_along(ary, indices_or_sections, 2, 3)


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The arrays that make up `x` along an axis, without that axis."""
    x = asarray(x)
    if not x.ndim:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(moveaxis(x, axis, 0))
