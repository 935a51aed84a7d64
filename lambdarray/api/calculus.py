"""Integrals of samples, and angles made continuous."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import asarray
from .differences import diff
from .elementwise import call, where
from .folds import cast
from .manipulation import concat, part
from .scans import cumsum


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
