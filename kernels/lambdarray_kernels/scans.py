"""Running totals: along an axis in a tile, and from tile to tile.

A line in many tiles is scanned in three steps: the total of each tile (`scan_total`), for each tile the total of
those before it (`scan` with `exclusive`, of the totals), and the tile's own scan with that put before it (`scan`). A
total is the last element of the tile's own scan, not a sum in another order; so the result never steps back where one
tile ends and the next begins, and a cumulative sum of numbers of one sign stays monotonic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .folds import highest, lowest
from .functions import ufunc_named
from .registry import kernel

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]
Span = tuple[int, int]


def scan_flops(x: Sequence[int], *_: Any, **__: Any) -> int:
    """One for each element."""
    return math.prod(x)


def neutral(name: str, dtype: Any) -> Any:
    """The value that, put before any other by the ufunc `name`, leaves it as it is; KeyError where there is none.

    >>> neutral("minimum", "i2"), neutral("multiply", "f8")
    (np.int16(32767), np.float64(1.0))
    """
    return np.asarray(_NEUTRAL[name](np.dtype(dtype))).astype(dtype)[()]


def _zero(dtype: DType) -> Any:
    # 0.0 + -0.0 is 0.0, so it is not neutral.
    return {"f": -0.0, "c": complex(-0.0, -0.0)}.get(dtype.kind, 0)


def _nan(dtype: DType) -> Any:
    """What loses to every value in `fmax` and `fmin`."""
    return {"f": np.nan, "c": np.nan, "m": "NaT", "M": "NaT"}.get(dtype.kind)


_NEUTRAL: dict[str, Any] = {
    "add": _zero,
    "multiply": lambda _: 1,
    "maximum": lowest,
    "minimum": highest,
    "fmax": lambda dtype: _nan(dtype) or lowest(dtype),
    "fmin": lambda dtype: _nan(dtype) or highest(dtype),
    "logical_and": lambda _: True,
    "logical_or": lambda _: False,
    "logical_xor": lambda _: False,
    "bitwise_and": lambda dtype: dtype.kind == "b" or -1,
    "bitwise_or": lambda _: 0,
    "bitwise_xor": lambda _: 0,
    "logaddexp": lambda _: -math.inf,
    "logaddexp2": lambda _: -math.inf,
}
# What gives the same value in any order, floats or not.
_EXACT = frozenset({"maximum", "minimum", "fmax", "fmin"})


@kernel(flops=scan_flops, needs_block=True)
def scan(
    x: Array,
    before: Array | None = None,
    *,
    block: Sequence[Span],
    shape: Sequence[int],
    name: str,
    axis: int = 0,
    dtype: str | None = None,
    exclusive: bool = False,
    skip_nan: bool = False,
    chain: bool = False,
) -> Array:
    """`accumulate` of the ufunc `name` along an axis of a tile, continued from `before`, of length 1 there.

    The first tile of a line takes no notice of `before`, so that a line in one tile is NumPy's own. With `exclusive`
    an element is what stands before it, the first one `before` or the `neutral` value. With `skip_nan` NaN counts
    as 0 for `add` and 1 for `multiply`.

    With `chain`, `before` is the last element of the tile before, and what is computed is NumPy's own whatever the
    tiles and the ufunc are; but one tile must wait for the other.

    >>> scan(np.array([1, 2]), np.array([10]), block=[(2, 4)], shape=[4], name="add")
    array([11, 13])
    """
    axis %= x.ndim
    ufunc, x = ufunc_named(name), _without_nan(x, name) if skip_nan else x
    first = before is None or block[axis][0] == 0
    with np.errstate(all="ignore"):
        if chain and not first:
            joined = np.concatenate([before, x], axis=axis)  # type: ignore[list-item]
            return ufunc.accumulate(joined, axis, dtype)[(slice(None),) * axis + (slice(1, None),)]
        out = ufunc.accumulate(x, axis, dtype)
        if exclusive:
            out = _shifted(out, neutral(name, out.dtype), axis)
        return out if first else ufunc(before, out, out=out)


def _shifted(x: Array, start: Any, axis: int) -> Array:
    """The elements one place on, and `start` in the first."""
    out = np.empty_like(x)
    lines, source = np.moveaxis(out, axis, 0), np.moveaxis(x, axis, 0)
    lines[:1], lines[1:] = start, source[:-1]
    return out


@kernel(flops=scan_flops)
def scan_total(x: Array, *, name: str, axis: int = 0, dtype: str | None = None, skip_nan: bool = False) -> Array:
    """The last element of a tile's own `scan`, with length 1 along the axis; the `neutral` value of no elements.

    >>> scan_total(np.array([[1, 2], [3, 4]]), name="multiply", axis=1)
    array([[ 2],
           [12]])
    """
    axis %= x.ndim
    ufunc, x = ufunc_named(name), _without_nan(x, name) if skip_nan else x
    with np.errstate(all="ignore"):
        if x.shape[axis] == 0:
            shape = [1 if d == axis else n for d, n in enumerate(x.shape)]
            kind = ufunc.accumulate(x, axis, dtype).dtype
            return np.full(shape, neutral(name, kind), kind)
        one = np.take(x, [0], axis)
        if name in _EXACT or ufunc.accumulate(one, axis, dtype).dtype.kind not in "fc":
            return np.asarray(ufunc.reduce(x, axis=axis, dtype=dtype, keepdims=True))
        return np.take(ufunc.accumulate(x, axis, dtype), [-1], axis)


def _without_nan(x: Array, name: str) -> Array:
    if x.dtype.kind not in "fc":
        return x
    return np.where(np.isnan(x), x.dtype.type(name == "multiply"), x)
