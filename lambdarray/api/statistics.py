"""Averages, ranges, counts and how variables vary together."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .axes import axes_of
from .creation import asarray
from .diagonals import diagonal
from .elementwise import call, clip, refuse
from .folds import refuse_out
from .joining import atleast_2d
from .manipulation import broadcast_to, concat, expand_dims, permute_dims, squeeze
from .moments import mean
from .parts import from_parts, imag, real
from .products import matmul
from .reductions import max as max_
from .reductions import min as min_
from .reductions import sum as sum_


def ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Array:
    """The range over axes: the greatest value less the least."""
    refuse_out(out, "ptp")
    return call(np.subtract, max_(a, axis, keepdims=keepdims), min_(a, axis, keepdims=keepdims))  # type: ignore[no-any-return]


def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """The mean over axes, weighted if `weights` are given; with `returned` also the sum of weights.

    The task that finds weights that add up to 0 raises ZeroDivisionError.

    >>> import lambdarray as la
    >>> float(la.average(la.arange(3), weights=[3, 0, 1]))
    0.5
    """
    x = asarray(a)
    axes = None if axis is None else axes_in_order(axis, x.ndim)
    if weights is None:
        found = mean(x, axes, keepdims=keepdims)
        if not found.size:
            raise ZeroDivisionError(f"an average of {x.shape} over axes {axis} has no elements")
        total: Array = asarray(found.dtype.type(x.size / found.size))
    else:
        w = _weights(x, axes, asarray(weights))
        wide = (np.dtype(np.float64),) if x.dtype.kind in "biu" else ()
        kind = np.result_type(x.dtype, w.dtype, *wide)
        total = sum_(w, axes, kind, keepdims=keepdims)
        total = refuse("refuse_no_weight", total, call(np.equal, total, 0))
        products = call(np.multiply, x.astype(kind), w.astype(kind))
        found = call(np.divide, sum_(products, axes, keepdims=keepdims), total)
    return (found, broadcast_to(total, found.shape)) if returned else found


def axes_in_order(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes as they are named, from 0."""
    named = axis if isinstance(axis, tuple | list) else (axis,)
    axes_of(tuple(named), ndim)
    return tuple(d % ndim for d in named)


def _weights(x: Array, axes: tuple[int, ...] | None, w: Array) -> Array:
    """Weights that broadcast with what is averaged."""
    if w.shape == x.shape:
        return w
    if axes is None:
        raise TypeError(f"Axis must be specified when shapes of a and weights differ: {x.shape}, {w.shape}")
    if w.shape != tuple(x.shape[d] for d in axes):
        raise ValueError(
            f"Shape of weights must be consistent with shape of a along specified axis: {w.shape}, {x.shape}, {axes}"
        )
    w = permute_dims(w, np.argsort(axes).tolist())
    return w[tuple(slice(None) if d in axes else None for d in range(x.ndim))]


# -- how variables vary together


def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Array:
    """The covariances of variables, which are rows (columns if not `rowvar`), and of those of `y` if given.

    `fweights` says how often each observation was made, `aweights` how much it counts.

    >>> import lambdarray as la
    >>> la.cov(la.asarray([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]])).compute()
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"ddof must be integer: {ddof}")
    parts = [asarray(part) for part in (m, y) if part is not None]
    for name, part in zip("my", parts, strict=False):
        if part.ndim > 2:
            raise ValueError(f"{name} has more than 2 dimensions: {part.shape}")
    kind = np.result_type(*(p.dtype for p in parts), np.float64) if dtype is None else np.dtype(dtype)
    x = _rows(parts[0].astype(kind), not rowvar and parts[0].ndim != 1)
    if not x.shape[0]:
        return asarray(np.empty((0, 0)))
    for part in parts[1:]:
        x = concat([x, _rows(part.astype(kind), not rowvar and part.ndim == 2 and part.shape[0] != 1)])
    w, count = _observations(x, int(not bias) if ddof is None else ddof, fweights, aweights)
    away = call(np.subtract, x, expand_dims(average(x, 1, w), 1))
    weighted = away if w is None else call(np.multiply, away, w)
    products = matmul(away, permute_dims(weighted.conj() if kind.kind == "c" else weighted))
    return squeeze(call(np.multiply, products, call(np.divide, 1, count)).astype(products.dtype))


def _rows(x: Array, turned: bool) -> Array:
    """Variables as rows."""
    x = atleast_2d(x)
    return permute_dims(x) if turned else x


def _observations(x: Array, ddof: float, fweights: Any, aweights: Any) -> tuple[Array | None, Any]:
    """The weight of each observation, and what the sums of products are divided by: 0 where that is not positive."""
    often = None if fweights is None else _observed("fweights", x, fweights)
    much = None if aweights is None else _observed("aweights", x, aweights)
    if often is None and much is None:
        return None, max(x.shape[1] - ddof, 0.0)
    w: Any = often if much is None else much if often is None else call(np.multiply, often, much)
    total = sum_(w)
    count = total
    if ddof:
        share = (
            ddof if much is None else call(np.divide, call(np.multiply, ddof, sum_(call(np.multiply, w, much))), total)
        )
        count = call(np.subtract, total, share)
    return w, call(np.maximum, count, 0)


def _observed(name: str, x: Array, weights: Any) -> Array:
    """The weights of observations."""
    w: Any = weights.astype(np.float64) if isinstance(weights, Array) else np.asarray(weights, dtype=np.float64)
    if name == "fweights":
        w = refuse("refuse_fraction", w, w != np.rint(w))
    if w.ndim > 1:
        raise RuntimeError(f"cannot handle multidimensional {name}: {w.shape}")
    if w.shape != x.shape[1:]:
        raise RuntimeError(f"incompatible numbers of samples and {name}: {x.shape[1]}, {w.shape}")
    return asarray(refuse("refuse_negative", w, w < 0))


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Array:
    """The correlation coefficients of variables: their covariances by their standard deviations."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return call(np.divide, c, c)  # type: ignore[no-any-return]
    deviation = call(np.sqrt, real(diagonal(c)))
    c = call(np.divide, call(np.divide, c, deviation[:, None]), deviation[None, :])
    if c.dtype.kind != "c":
        return clip(c, -1, 1)
    return from_parts(clip(real(c), -1, 1), clip(imag(c), -1, 1))
