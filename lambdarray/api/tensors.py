"""Products of vectors and of arrays of any number of axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .array import Array
from .axes import axis_of
from .contractions import Labelled, contract
from .creation import asarray, zeros_like
from .elementwise import broadcast_shape, call
from .manipulation import concat, expand_dims, moveaxis, permute_dims, reshape
from .products import matmul
from .shaping import roll


def _pair(a: Any, b: Any) -> tuple[Array, Array]:
    """Two arrays in the dtype of their product."""
    a, b = asarray(a), asarray(b)
    kind = np.multiply.resolve_dtypes((a.dtype, b.dtype, None))[2]
    return a.astype(kind), b.astype(kind)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Array:
    """The sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or two lists of axes.

    >>> import lambdarray as la
    >>> la.tensordot(la.ones((2, 3, 4)), la.ones((4, 3, 5)), ([1, 2], [1, 0])).shape
    (2, 5)
    """
    a, b = _pair(a, b)
    over_a, over_b = _paired_axes(a, b, axes)
    labels_b: list[Any] = [("b", d) for d in range(b.ndim)]
    for n, m in zip(over_a, over_b, strict=True):
        labels_b[m] = n
    kept = [*(d for d in range(a.ndim) if d not in over_a), *(label for label in labels_b if isinstance(label, tuple))]
    found = contract(Labelled(a, tuple(range(a.ndim))), Labelled(b, tuple(labels_b)), kept)
    return permute_dims(found.array, [found.labels.index(label) for label in kept])


def _paired_axes(a: Array, b: Array, axes: Any) -> tuple[list[int], list[int]]:
    if isinstance(axes, Iterable):
        given = [list(x) if isinstance(x, Iterable) else [x] for x in axes]
    else:
        given = [list(range(-axes, 0)), list(range(axes))]
    over_a, over_b = given
    for over in given:
        if len(set(over)) != len(over):
            raise ValueError(f"duplicate axes are not allowed in tensordot: {axes}")
    if len(over_a) != len(over_b):
        raise ValueError(f"shape-mismatch for sum: {len(over_a)} axes of {a.shape} and {len(over_b)} of {b.shape}")
    lengths = [[x.shape[d] for d in over] for x, over in zip((a, b), given, strict=True)]
    if lengths[0] != lengths[1]:
        raise ValueError(f"shape-mismatch for sum: {a.shape} and {b.shape} over axes {over_a} and {over_b}")
    return [axis_of(d, a.ndim) for d in over_a], [axis_of(d, b.ndim) for d in over_b]


def dot(a: Any, b: Any) -> Array:
    """The sum of products over the last axis of `a` and the second to last of `b`; with a scalar the plain product."""
    a, b = _pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return call(np.multiply, a, b)  # type: ignore[no-any-return]
    return matmul(a, b) if b.ndim == 2 else tensordot(a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


def inner(a: Any, b: Any) -> Array:
    """The sum of products over the last axes of both; with a scalar the plain product."""
    a, b = _pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return call(np.multiply, a, b)  # type: ignore[no-any-return]
    return tensordot(a, b, ([a.ndim - 1], [b.ndim - 1]))


def vdot(a: Any, b: Any) -> Array:
    """The scalar product of two arrays flattened, the first conjugated."""
    a, b = _pair(a, b)
    if a.shape != b.shape:
        a, b = a.ravel(), b.ravel()
    return tensordot(a.conj() if a.dtype.kind == "c" else a, b, a.ndim)


def outer(a: Any, b: Any) -> Array:
    """The products of every element of `a` with every one of `b`, both flattened."""
    a, b = _pair(a, b)
    return call(np.multiply, a.ravel()[:, None], b.ravel()[None, :])  # type: ignore[no-any-return]


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1, dtype: Any = None) -> Array:
    """The scalar products of vectors along an axis, the first conjugated; other axes broadcast."""
    a, b = (moveaxis(x, axis, -1) for x in _vectors(x1, x2, dtype))
    return _batched(a.conj() if a.dtype.kind == "c" else a, b, "v", "v", "")


def matvec(x1: Any, x2: Any, /, *, dtype: Any = None) -> Array:
    """Matrices times vectors: (..., m, n) by (..., n); other axes broadcast."""
    return _batched(*_vectors(x1, x2, dtype), "mv", "v", "m")


def vecmat(x1: Any, x2: Any, /, *, dtype: Any = None) -> Array:
    """Vectors, conjugated, times matrices: (..., n) by (..., n, m); other axes broadcast."""
    a, b = _vectors(x1, x2, dtype)
    return _batched(a.conj() if a.dtype.kind == "c" else a, b, "v", "vm", "m")


def _vectors(x1: Any, x2: Any, dtype: Any) -> tuple[Array, Array]:
    a, b = asarray(x1), asarray(x2)
    kind = np.dtype(dtype) if dtype is not None else np.vecdot.resolve_dtypes((a.dtype, b.dtype, None))[2]
    return a.astype(kind), b.astype(kind)


def _batched(a: Array, b: Array, core_a: str, core_b: str, core: str) -> Array:
    """The contraction over "v" of arrays whose last axes have these labels; the axes before them broadcast."""
    parts, shapes = [], []
    for x, own in ((a, core_a), (b, core_b)):
        lead = x.ndim - len(own)
        if lead < 0:
            raise ValueError(f"an operand of shape {x.shape} does not have enough dimensions: it needs {len(own)}")
        parts.append(Labelled(x, (*range(-lead, 0), *own)))
        shapes.append(x.shape[:lead])
    lengths = [p.length("v") for p in parts]
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"the axes that are summed over have {lengths[0]} and {lengths[1]} elements: they must be equal"
        )
    batch = broadcast_shape(shapes)
    kept = (*range(-len(batch), 0), *core)
    left, right = (_broadcast(p, batch) for p in parts)
    found = contract(left, right, kept)
    return permute_dims(found.array, [found.labels.index(label) for label in kept])


def _broadcast(part: Labelled, batch: tuple[int, ...]) -> Labelled:
    """Without axes of length 1 that the other operand has longer."""
    short = [label for label in part.labels if isinstance(label, int) and part.length(label) != batch[label]]
    return part.without(short)


def kron(a: Any, b: Any) -> Array:
    """The Kronecker product: `b` times each element of `a`, block by block."""
    a, b = _pair(a, b)
    ndim = max(a.ndim, b.ndim)
    a, b = (reshape(x, (1,) * (ndim - x.ndim) + x.shape) for x in (a, b))
    apart = call(np.multiply, *(expand_dims(x, tuple(range(s, 2 * ndim, 2))) for x, s in ((a, 1), (b, 0))))
    return reshape(apart, tuple(n * m for n, m in zip(a.shape, b.shape, strict=True)))


def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross products of vectors of three components, along an axis of each array; other axes broadcast."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("At least one array has zero dimension")
    a, b = moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)
    lengths = {a.shape[-1], b.shape[-1]}
    if not lengths <= {2, 3}:
        raise ValueError(f"incompatible dimensions for cross product (dimension must be 2 or 3): {a.shape}, {b.shape}")
    (a1, a2), (b1, b2) = ((roll(x, -1, -1), roll(x, -2, -1)) for x in (_in_space(a), _in_space(b)))
    found = call(np.subtract, call(np.multiply, a1, b2), call(np.multiply, a2, b1))
    return moveaxis(found, -1, axisc) if lengths != {2} else found[..., 2]


def _in_space(x: Array) -> Array:
    """Vectors with a third component: 0 for those of a plane."""
    return x if x.shape[-1] == 3 else concat([x, zeros_like(x[..., :1])], -1)
