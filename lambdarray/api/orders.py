"""Lines ordered by several keys, complex numbers in order, and gaps filled from what stands before."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .creation import asarray
from .folds import cast
from .sorting import sort
from .stages import In, Out, Stage, lines, whole


def lexsort(keys: Any, axis: int = -1) -> Array:
    """The order of lines along an axis by the last key, of equal ones by the key before, and so on.

    Lines must fit a worker. ValueError where the keys differ in shape, TypeError where there is none.

    >>> import lambdarray as la
    >>> la.lexsort((la.asarray([2, 1, 1]), la.asarray([0, 0, -1]))).compute()
    array([2, 1, 0])
    """
    made = [asarray(k) for k in keys]
    if not made:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    first = made[0]
    if any(k.shape != first.shape for k in made):
        raise ValueError(f"all keys need to be the same shape: {', '.join(str(k.shape) for k in made)}")
    if not first.ndim:
        return asarray(np.lexsort([np.zeros((), k.dtype) for k in made], axis))
    at = axis_of(axis, first.ndim)
    stage = Stage("lexsort", lines(first, [at], sum(k.itemsize for k in made)))
    stage.call("lexsort", ("y",), [f"r{n}" for n in range(len(made))], axis=at)
    axes = [whole(n) if d == at else d for d, n in enumerate(first.shape)]
    return stage.make([In(k, axes) for k in made], Out("y", range(first.ndim), np.int64))


def sort_complex(a: Any) -> Array:
    """The elements of each last line in order, as complex numbers."""
    x = sort(a)
    return cast(x, np.sort_complex(np.zeros(1, x.dtype)).dtype)


def push(array: Any, n: int | None = None, axis: int = -1) -> Array:
    """NaN along an axis replaced by the last other element before it, up to `n` of them in a row; all where None.

    >>> import lambdarray as la
    >>> la.push(la.asarray([1.0, la.nan, la.nan]), 1).compute()
    array([ 1.,  1., nan])
    """
    x = asarray(array)
    at = axis_of(axis, x.ndim)
    if x.dtype.kind not in "fc":
        return x
    cuts, axes = x._op.tiling.axes, range(x.ndim)
    by_block = [int(d == at) for d in axes]
    ends = Stage("last known of tiles", cuts)
    ends.call("last_known", ("v", "i"), ("r0",), axis=at)
    outs = [Out("v", axes, x.dtype, by_block), Out("i", axes, np.int64, by_block)]
    known = ends.make_all([In(x, axes)], outs)
    stage = Stage("push", cuts)
    stage.call("push", ("y",), ("r0", "r1", "r2"), axis=at, most=None if n is None else int(n))
    line = [whole(cuts[at].count) if d == at else d for d in axes]
    return stage.make([In(x, axes), *(In(k, line) for k in known)], Out("y", axes, x.dtype))
