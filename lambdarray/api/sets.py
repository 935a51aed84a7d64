"""Arrays as sets of their distinct values, found when a function is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tiling import Cuts
from .array import Array
from .creation import asarray
from .distinct import headed, unique
from .elementwise import call
from .folds import cast
from .manipulation import concat, ravel
from .searching import isin
from .sorting import argsort, sort
from .stages import In, Stage, whole


def union1d(ar1: Any, ar2: Any) -> Array:
    """The distinct values of both arrays, in order.

    >>> import lambdarray as la
    >>> la.union1d(la.asarray([3, 1]), [1, 2]).compute()
    array([1, 2, 3])
    """
    out: Array = unique(concat((ar1, ar2), axis=None))
    return out


def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The distinct values that both arrays have, in order; and with `return_indices` the first place of each.

    >>> import lambdarray as la
    >>> la.intersect1d(la.asarray([3, 1, 2]), [2, 3, 5]).compute()
    array([2, 3])
    """
    first, second = (_distinct(a, assume_unique) for a in (ar1, ar2))
    joined = concat([first[0], second[0]])
    both = [_chosen(isin(a[0], b[0]), a) for a, b in ((first, second), (second, first))]
    values = cast(both[0][0], joined.dtype)
    return (values, both[0][1], both[1][1]) if return_indices else values


def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Array:
    """The distinct values that only one of the arrays has, in order."""
    first, second = (_distinct(a, assume_unique)[0] for a in (ar1, ar2))
    values, counts = unique(concat([first, second]), return_counts=True, equal_nan=False)
    return _chosen(call(np.equal, counts, 1), [values])[0]


def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Array:
    """The distinct values of the first array that the second has not, in order; with `assume_unique` as they come."""
    values = ravel(asarray(ar1)) if assume_unique else unique(ar1)
    return _chosen(isin(values, ar2, invert=True), [values])[0]


def _distinct(x: Any, assume_unique: bool) -> tuple[Array, Array]:
    """The distinct values in order, and where the first of each is."""
    if not assume_unique:
        values, index = unique(x, return_index=True)
        return values, index
    flat = ravel(asarray(x))
    return sort(flat), argsort(flat)


def _chosen(mask: Array, arrays: Sequence[Array]) -> list[Array]:
    """What of each array stands where the mask is true."""
    if not mask.size:
        return [*arrays]
    stage = Stage("choose", [Cuts(1, 1)])
    for n in range(len(arrays)):
        stage.call("compress", (f"y{n}",), (f"r{n + 1}", "r0"))
    inputs = [In(a, [whole(a.size)]) for a in (mask, *arrays)]
    return headed(stage, inputs, [(f"y{n}", a.dtype, ()) for n, a in enumerate(arrays)], mask.size)
