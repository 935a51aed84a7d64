"""Elements in random order: indices that each tile computes by itself, and arrays indexed by them."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..ops import Shape
from .array import Array
from .axes import axis_of
from .creation import _shape, asarray
from .drawing import BitGenerator, check, drawn
from .folds import drop
from .grids import along
from .indexing import getitem

# Lines of so many elements are shuffled where they are; longer ones are taken from all tiles that they lie in.
LINE = 1 << 22


def places(bits: BitGenerator, shape: Shape, n: int, chunks: Any, axis: int | None = None) -> Array:
    """In C order the first numbers of a permutation of 0 to n - 1; with an `axis` one for each line along it."""
    return drawn(bits, "permutation", shape, np.int64, chunks, {"n": n, "axis": axis})


def permutation(bits: BitGenerator, x: Any, axis: int, chunks: Any) -> Array:
    """As NumPy's."""
    if isinstance(x, int | np.integer):
        n = max(0, int(x))
        return places(bits, (n,), n, chunks)
    x = asarray(x)
    at = axis_of(axis, x.ndim)
    order = places(bits, (x.shape[at],), x.shape[at], (x.chunks[at],))
    out = getitem(x, (slice(None),) * at + (order,))
    return out if chunks == "auto" else out.rechunk(chunks)


def permuted(bits: BitGenerator, x: Any, axis: int | None) -> Array:
    """As NumPy's."""
    x = asarray(x)
    if axis is None:
        return permuted(bits, x.ravel(), 0).reshape(x.shape)
    at = axis_of(axis, x.ndim)
    if x.shape[at] <= LINE:
        return drawn(bits, "permuted", x.shape, x.dtype, x.chunks, {"axis": at}, {"x": x})
    order = places(bits, x.shape, x.shape[at], x.chunks, at)
    return getitem(x, tuple(order if d == at else along(x.shape, d, x._op.tiling) for d in range(x.ndim)))


def choice(bits: BitGenerator, a: Any, size: Any, replace: bool, p: Any, axis: int, chunks: Any) -> Array:
    """As NumPy's."""
    a = a if isinstance(a, Array) else np.asarray(a)
    n = a.shape[axis_of(axis, a.ndim)] if a.ndim else _population(a)
    shape = (1,) if size is None else _shape(size)
    index = _sample(bits, n, shape, replace, p, chunks)
    if a.ndim == 0:
        return index if size is not None else drop(index, (0,))
    at = axis_of(axis, a.ndim)
    out = getitem(asarray(a), (slice(None),) * at + (index,))
    return out if size is not None else drop(out, (at,))


def _population(a: Any) -> int:
    try:
        return operator.index(a.item())
    except TypeError:
        raise ValueError(f"a must be a sequence or an integer, not {type(a.item())}") from None


def _sample(bits: BitGenerator, n: int, shape: Shape, replace: bool, p: Any, chunks: Any) -> Array:
    """Indices of a population of n, `p` their probabilities."""
    total = math.prod(shape)
    # Drawn with replacement, one value of a population costs NumPy no memory.
    check("choice", a=n, size=min(total, 1), p=None if isinstance(p, Array) else p)
    if not replace and total > n:
        raise ValueError(f"Cannot take a larger sample than population when replace is False: {total} of {n}")
    if p is None:
        kind, bounds = np.dtype(np.int64), {"low": 0, "high": n, "endpoint": False}
        return drawn(bits, "integers", shape, kind, chunks, bounds) if replace else places(bits, shape, n, chunks)
    p = asarray(p)
    if p.shape != (n,):
        raise ValueError(f"a and p must have same size, and p be 1-dimensional: {n} and {p.shape}")
    return drawn(bits, "choice", shape, np.int64, chunks, {"a": n, "replace": bool(replace)}, {"p": p}, whole=True)
