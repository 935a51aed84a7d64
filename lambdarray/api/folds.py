"""How reductions are made: the op, reductions by ufuncs, and the elements that a mask chooses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from lambdarray_kernels.reductions import IDENTITIES, ORDERED

from ..ops import Reduce, View
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array
from .axes import reduced_axes
from .creation import asarray, full, storable
from .elementwise import call
from .elementwise import where as choose_where


def reduce(
    x: Array, kind: str, axes: tuple[int, ...], keepdims: bool, accumulator: Any, dtype: Any, ddof: float = 0
) -> Array:
    """The reduction `kind` of `x` over these axes; `ddof` is that of variances."""
    if not axes:  # over no axis: over a new one of length 1
        x, axes, keepdims = _with_axis(x), (x.ndim,), False
    tiling = Tiling(tuple(Cuts(1, 1) if d in axes else c for d, c in enumerate(x._op.tiling.axes)))
    op = Reduce((x._op,), tiling, storable(dtype), kind=kind, axes=axes, accumulator=np.dtype(accumulator), ddof=ddof)
    out = Array(op)
    return out if keepdims else drop(out, axes)


def _with_axis(x: Array) -> Array:
    tiling = Tiling((*x._op.tiling.axes, Cuts(1, 1)))
    return Array(View((x._op,), tiling, x.dtype, maps=tuple(AxisMap(d) for d in range(x.ndim))))


def drop(x: Array, axes: tuple[int, ...]) -> Array:
    """Without these axes of length 1."""
    kept = [d for d in range(x.ndim) if d not in axes]
    maps = tuple(AxisMap(kept.index(d)) if d in kept else AxisMap(-1) for d in range(x.ndim))
    tiling = Tiling(tuple(x._op.tiling.axes[d] for d in kept))
    return Array(View((x._op,), tiling, x.dtype, maps=maps))


def refuse_out(out: Any, name: str) -> None:
    """TypeError where a function is to fill an array."""
    if out is not None:
        raise TypeError(f"{name}: an Array is immutable, so out= cannot be filled; use the value returned")


def cast(x: Array, kind: np.dtype[Any]) -> Array:
    """`x` in a dtype; itself where it has it."""
    return x if x.dtype == kind else x.astype(kind)


KINDS: dict[np.ufunc, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.minimum: "min",
    np.maximum: "max",
    np.logical_or: "any",
    np.logical_and: "all",
    **{getattr(np, name): name for name in (*IDENTITIES, *ORDERED)},
}


def fold(
    ufunc: np.ufunc,
    x: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Array:
    """`ufunc.reduce`: every element that `where` chooses, over axes, and the `initial` value before them."""
    refuse_out(out, ufunc.__name__)
    x = asarray(x)
    axes = reduced_axes(axis, x.ndim)
    # NumPy itself says what the dtype is, or that there is no such reduction or initial value.
    given = {} if initial is None else {"initial": initial}
    kind = ufunc.reduce(np.ones(2, x.dtype), dtype=dtype, **given).dtype
    first = None if initial is None else np.asarray(initial).astype(kind)[()]
    counts = ufunc is np.add and x.dtype == bool and kind == np.int64  # the kernel does so without making integers
    x = _masked(ufunc, x if counts else cast(x, kind), first, where)
    ordered = KINDS[ufunc] in ORDERED
    if ordered and len(axes) > 1:
        raise ValueError(
            f"reduction operation {ufunc.__name__!r} is not reorderable, so at most one axis may be specified: {axes}"
        )
    if ordered and axes and first is not None:
        x, first = _after(first, x, axes[0]), None
    if ufunc.identity is None and first is None and math.prod(x.shape[d] for d in axes) == 0:
        raise ValueError(
            f"zero-size array to reduction operation {ufunc.__name__} which has no identity: shape {x.shape}"
        )
    value = reduce(x, KINDS[ufunc], axes, keepdims, kind, kind)
    return value if first is None else call(ufunc, first, value)  # type: ignore[no-any-return]


def _after(first: Any, x: Array, axis: int) -> Array:
    """`x` with one more element before it."""
    from .manipulation import concat

    shape, chunks = ([1 if d == axis else n for d, n in enumerate(x.shape)], list(x.chunks))
    chunks[axis] = (1,)
    return concat([full(shape, first, dtype=x.dtype, chunks=chunks), x], axis)


def _masked(ufunc: np.ufunc, x: Array, first: Any, where: Any) -> Array:
    """`x` with what `where` leaves out replaced by what changes no result."""
    if where is True:
        return x
    mask = mask_of(where, x)
    neutral = first if ufunc.identity is None else np.asarray(ufunc.identity).astype(x.dtype)[()]
    if neutral is None or KINDS[ufunc] in ORDERED:
        raise ValueError(
            f"reduction operation {ufunc.__name__!r} does not have an identity, so to use a where mask one has to "
            "specify 'initial'"
        )
    return choose_where(mask, x, neutral)


def mask_of(where: Any, x: Array) -> Array:
    """The mask `where=` of a reduction of `x`: booleans that broadcast with it, of no more axes."""
    mask = asarray(where if hasattr(where, "dtype") else np.asarray(where, dtype=bool))
    if mask.dtype != bool:
        raise TypeError(f"Cannot cast array data from {mask.dtype} to bool according to the rule 'safe'")
    if mask.ndim > x.ndim or any(m not in (1, n) for m, n in zip(mask.shape[::-1], x.shape[::-1], strict=False)):
        raise ValueError(f"where= of shape {mask.shape} does not broadcast to what is reduced, {x.shape}")
    return mask
