"""Integrals of samples, and angles made continuous."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import asarray
from .elementwise import call, where
from .folds import cast
from .manipulation import concat, reshape
from .reductions import sum as sum_
from .repeating import diff, part
from .scans import cumsum


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """The integral along an axis by trapezoids, of samples at `x`, or `dx` apart.

    >>> import lambdarray as la
    >>> float(la.trapezoid(la.asarray([1.0, 2.0, 3.0])))
    4.0
    """
    values = asarray(y)
    at = axis_of(axis, values.ndim)
    step: Any = dx
    if x is not None:
        places = asarray(x)
        step = diff(places, axis=-1 if places.ndim == 1 else axis)
        if places.ndim == 1:
            step = reshape(step, [-1 if d == at else 1 for d in range(values.ndim)])
    pairs = call(np.add, part(values, at, 1, None), part(values, at, None, -1))
    return sum_(call(np.divide, call(np.multiply, step, pairs), 2.0), at)


def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Array:
    """Angles without their jumps: where neighbours are more than `discont` apart, whole periods are added.

    >>> import lambdarray as la
    >>> la.unwrap(la.asarray([0, 1, 2, -1, 0]), period=4).compute()
    array([0, 1, 2, 3, 4])
    """
    x = asarray(p)
    steps = diff(x, axis=axis)
    at = axis_of(axis, x.ndim)
    kind = np.result_type(steps.dtype, period)
    whole = np.issubdtype(kind, np.integer)
    high, rest = divmod(period, 2) if whole else (period / 2, 0)
    near = call(np.add, call(np.mod, call(np.add, steps, high), period), -high)
    if rest == 0:  # a step of half a period goes the way that it went
        half = call(np.logical_and, call(np.equal, near, -high), call(np.greater, steps, 0))
        near = where(half, high, near)
    small = call(np.less, call(np.absolute, steps), period / 2 if discont is None else discont)
    added = cumsum(where(small, 0, call(np.subtract, near, steps)), at)
    moved = call(np.add, part(x, at, 1, None), added)
    return concat([cast(part(x, at, 0, 1), kind), cast(moved, kind)], at)
