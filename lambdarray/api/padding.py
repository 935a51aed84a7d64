"""Arrays with a border: all of numpy.pad's modes that have a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import moments, reductions
from .array import Array
from .creation import asarray, full
from .elementwise import call
from .elementwise import round as round_
from .grids import linspace
from .manipulation import broadcast_to, concat, flip

Pair = tuple[Any, Any]
# What comes before and after an array along an axis; None where nothing does.
Border = tuple[Array | None, Array | None]


def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Array:
    """`array` with elements before and after it along each axis, made as `mode` says.

    Modes and their parameters are those of numpy.pad, but for functions that fill a border in place.

    >>> import lambdarray as la
    >>> la.pad(la.arange(3), (1, 2), "edge").compute()
    array([0, 0, 1, 2, 2, 2])
    """
    x = asarray(array)
    widths = _widths(pad_width, x.ndim)
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not supported; modes are {', '.join(MODES)}")
    name, grow = MODES[mode]
    if set(kwargs) - {name}:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {set(kwargs) - {name}}")
    if x.size == 0 and mode not in ("constant", "empty"):
        _refuse_empty(x, widths)
        mode, grow = "empty", _constant
    options = _options(mode, kwargs, x.ndim)
    original = x.shape
    for axis, (width, option) in enumerate(zip(widths, options, strict=True)):
        x = grow(x, axis, width, option, original[axis])
    return x


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """How many elements come before and after, for each axis."""
    if isinstance(pad_width, Mapping):
        pairs = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            pairs[axis] = (width, width) if isinstance(width, int) else tuple(width)
        pad_width = pairs
    given = np.asarray(pad_width)
    if given.dtype.kind != "i":
        raise TypeError(f"`pad_width` must be of integral type, not {given.dtype}")
    return [(int(before), int(after)) for before, after in _pairs(given, ndim, True)]


def _pairs(x: Any, ndim: int, as_index: bool) -> list[Pair]:
    """A pair for each axis, from one for all, or a value for all."""
    if x is None:
        return [(None, None)] * ndim
    x = np.asarray(x)
    if as_index:
        x = np.round(x).astype(np.intp)
        if x.size and x.min() < 0:
            raise ValueError(f"index can't contain negative values: {x.tolist()}")
    if x.ndim < 3 and (x.size == 1 or (x.size == 2 and x.shape != (2, 1))):
        return [(x.flat[0], x.flat[-1])] * ndim
    return [(before, after) for before, after in np.broadcast_to(x, (ndim, 2))]


def _options(mode: str, kwargs: Mapping[str, Any], ndim: int) -> list[Any]:
    """What the parameter of a mode says for each axis."""
    if mode in ("constant", "empty", "linear_ramp"):
        return _pairs(kwargs.get("constant_values", kwargs.get("end_values", 0)), ndim, False)
    if mode in STATISTICS:
        return [(mode, *pair) for pair in _pairs(kwargs.get("stat_length"), ndim, True)]
    return [(mode, kwargs.get("reflect_type", "even"))] * ndim


def _refuse_empty(x: Array, widths: list[tuple[int, int]]) -> None:
    for axis, width in enumerate(widths):
        if x.shape[axis] == 0 and any(width):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")


# -- one axis


def _part(x: Array, axis: int, start: int | None, stop: int | None) -> Array:
    return x[(slice(None),) * axis + (slice(start, stop),)]


def _around(before: Array | None, x: Array, after: Array | None, axis: int) -> Array:
    return concat([part.astype(x.dtype) for part in (before, x, after) if part is not None], axis)


def _stretched(x: Array, axis: int, width: int) -> Array | None:
    """One layer as often as it takes; None for nothing."""
    return broadcast_to(x, (*x.shape[:axis], width, *x.shape[axis + 1 :])) if width else None


def _constant(x: Array, axis: int, width: tuple[int, int], values: Pair, _: int) -> Array:
    def border(n: int, value: Any) -> Array | None:
        shape, chunks = [*x.shape], [*x.chunks]
        shape[axis], chunks[axis] = n, (n,)
        return full(shape, value, dtype=x.dtype, chunks=chunks) if n else None

    return _around(border(width[0], values[0]), x, border(width[1], values[1]), axis)


def _edge(x: Array, axis: int, width: tuple[int, int], _: Any, __: int) -> Array:
    first, last = _part(x, axis, 0, 1), _part(x, axis, -1, None)
    return _around(_stretched(first, axis, width[0]), x, _stretched(last, axis, width[1]), axis)


def _ramp(x: Array, axis: int, width: tuple[int, int], ends: Pair, _: int) -> Array:
    lead = (slice(None),) * axis

    def border(edge: Array, n: int, end: Any) -> Array | None:
        return linspace(end, edge, n, endpoint=False, dtype=x.dtype, axis=axis) if n else None

    before = border(x[(*lead, 0)], width[0], ends[0])
    after = border(x[(*lead, -1)], width[1], ends[1])
    return _around(before, x, None if after is None else flip(after, axis), axis)


def _statistic(x: Array, axis: int, width: tuple[int, int], option: tuple[str, Any, Any], _: int) -> Array:
    mode, *lengths = option
    whole = x.shape[axis]
    first, last = (whole if n is None else min(int(n), whole) for n in lengths)
    if 0 in (first, last) and mode in ("maximum", "minimum"):
        raise ValueError("stat_length of 0 yields no value for padding")
    parts = _part(x, axis, 0, first), _part(x, axis, whole - last, None)
    before, after = (_stretched(_value(mode, p, axis, x), axis, n) for p, n in zip(parts, width, strict=True))
    return _around(before, x, after, axis)


def _value(mode: str, part: Array, axis: int, x: Array) -> Array:
    found: Array = STATISTICS[mode](part, axis=axis, keepdims=True)
    return round_(found) if x.dtype.kind in "iu" else found


def _median(*args: Any, **kwargs: Any) -> Any:
    from .sorting import median  # which most modes do not need

    return median(*args, **kwargs)


def _mirrored(x: Array, axis: int, width: tuple[int, int], option: tuple[str, str], period: int) -> Array:
    """Reflected again and again, each time as far as whole periods of the original reach."""
    if period == 1:
        return _edge(x, axis, width, None, period)
    mode, kind = option
    edge = mode == "symmetric"
    left, right = width
    while left or right:
        n = x.shape[axis]
        usable = n // period * period if edge else (n - 1) // (period - 1) * (period - 1)
        before, after, skip = min(usable, left), min(usable, right), 0 if edge else 1
        x = _around(
            _reflected(x, axis, skip, skip + before, 0, kind),
            x,
            _reflected(x, axis, n - skip - after, n - skip, n - 1, kind),
            axis,
        )
        left, right = left - before, right - after
    return x


def _reflected(x: Array, axis: int, start: int, stop: int, edge: int, kind: str) -> Array | None:
    """Elements from `start` to `stop` in reverse order, "odd": reflected at the value of the edge too."""
    if start == stop:
        return None
    part = flip(_part(x, axis, start, stop), axis)
    return part if kind != "odd" else call(np.subtract, call(np.multiply, 2, _part(x, axis, edge, edge + 1)), part)


def _wrapped(x: Array, axis: int, width: tuple[int, int], _: Any, period: int) -> Array:
    left, right = width
    while left or right:
        n = x.shape[axis]
        usable = n // period * period
        before, after = min(usable, left), min(usable, right)
        x = _around(
            _part(x, axis, usable - before, usable) if before else None,
            x,
            _part(x, axis, n - usable, n - usable + after) if after else None,
            axis,
        )
        left, right = left - before, right - after
    return x


STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": reductions.max,
    "minimum": reductions.min,
    "mean": moments.mean,
    "median": _median,
}
# The parameter of each mode, and how it makes an axis longer.
MODES: dict[str, tuple[str, Callable[..., Array]]] = {
    "constant": ("constant_values", _constant),
    "edge": ("", _edge),
    "empty": ("", _constant),
    "linear_ramp": ("end_values", _ramp),
    "reflect": ("reflect_type", _mirrored),
    "symmetric": ("reflect_type", _mirrored),
    "wrap": ("", _wrapped),
    **dict.fromkeys(STATISTICS, ("stat_length", _statistic)),
}
