"""Matrix products."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..ops import Contract
from ..tiling import Cuts, Tiling
from .array import Array
from .axes import axis_of
from .creation import asarray
from .elementwise import broadcast_shape, unify
from .folds import drop
from .manipulation import expand_dims, moveaxis, permute_dims, reshape, squeeze
from .reductions import any as any_
from .reductions import sum as sum_


def matmul(a: Any, b: Any, *, dtype: Any = None) -> Array:
    """The matrix product of the last two axes, others broadcast; vectors as rows on the left, columns on the right.

    ValueError with both shapes where the inner lengths differ.

    >>> import lambdarray as la
    >>> (la.eye(2) @ la.arange(2.0)).compute()
    array([0., 1.])
    """
    a, b = asarray(a), asarray(b)
    for n, x in enumerate((a, b)):
        if x.ndim == 0:
            raise ValueError(
                f"matmul: Input operand {n} does not have enough dimensions (has 0, needs 1 or more); use * for scalars"
            )
    kind = np.dtype(dtype) if dtype is not None else np.matmul.resolve_dtypes((a.dtype, b.dtype, None))[2]
    row, column = a.ndim == 1, b.ndim == 1
    left = expand_dims(a, 0) if row else a
    right = expand_dims(b, 1) if column else b
    out = _product(left.astype(kind), right.astype(kind), kind, a.shape, b.shape)
    dropped = tuple(d for d, used in ((out.ndim - 2, row), (out.ndim - 1, column)) if used)
    return drop(out, dropped) if dropped else out


def _product(a: Array, b: Array, kind: np.dtype[Any], a_shape: Any, b_shape: Any) -> Array:
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(
            f"matmul: shapes {a_shape} and {b_shape} do not fit: the last axis of the first has {a.shape[-1]} "
            f"elements, the contracted axis of the second {b.shape[-2]}; they must be equal"
        )
    batch = broadcast_shape([a.shape[:-2], b.shape[:-2]])
    axes: tuple[Cuts, ...] = ()
    if batch:
        ops = [drop_last(x) for x in (a, b)]
        axes = unify([op for op in ops if op.shape], batch).axes
    tiling = Tiling((*axes, a._op.tiling.axes[-2], b._op.tiling.axes[-1]))
    return Array(Contract((a._op, b._op), tiling, kind))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Array:
    """The sum of products over axes: the last `axes` of a with the first of b, or a pair of lists of axes.

    >>> import lambdarray as la
    >>> la.tensordot(la.ones((2, 3, 4)), la.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
    (2, 5)
    """
    a, b = asarray(a), asarray(b)
    of_a, of_b = _contracted(axes, a.ndim, b.ndim)
    if len(of_a) != len(of_b) or any(a.shape[p] != b.shape[q] for p, q in zip(of_a, of_b, strict=False)):
        raise ValueError(f"shape-mismatch for sum: axes {of_a} of {a.shape} and {of_b} of {b.shape}")
    left, right = ([d for d in range(x.ndim) if d not in of] for x, of in ((a, of_a), (b, of_b)))
    rows, columns = [a.shape[d] for d in left], [b.shape[d] for d in right]
    inner = math.prod(a.shape[d] for d in of_a)
    a = reshape(permute_dims(a, [*left, *of_a]), (math.prod(rows), inner))
    b = reshape(permute_dims(b, [*of_b, *right]), (inner, math.prod(columns)))
    return reshape(matmul(a, b), (*rows, *columns))


def _contracted(axes: Any, a_ndim: int, b_ndim: int) -> tuple[list[int], list[int]]:
    """The axes of each array that are summed over."""
    if isinstance(axes, tuple | list | np.ndarray):
        pair: Any = [list(v) if isinstance(v, tuple | list | np.ndarray) else [v] for v in axes]
    else:
        n = operator.index(axes)
        pair = [range(-n, 0), range(n)]
    of_a, of_b = pair
    return [axis_of(d, a_ndim) for d in of_a], [axis_of(d, b_ndim) for d in of_b]


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The products of vectors along an axis of both, the first conjugated; other axes broadcast.

    >>> import lambdarray as la
    >>> la.vecdot(la.ones((3, 4)), la.arange(4.0)).compute()
    array([6., 6., 6.])
    """
    x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    if x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"vecdot: vectors of {x1.shape[-1]} and of {x2.shape[-1]} elements do not fit")
    kind = np.vecdot.resolve_dtypes((x1.dtype, x2.dtype, None))[2]
    products: Any = _conjugate(x1) * x2
    return any_(products, -1) if kind.kind == "b" else sum_(products, -1, dtype=kind)


def _conjugate(x: Array) -> Any:
    # NumPy's makes integers of booleans.
    return x.conj() if x.dtype.kind == "c" else x


def matvec(x1: Any, x2: Any, /) -> Array:
    """Matrices by vectors: (..., m, n) by (..., n)."""
    return squeeze(matmul(x1, expand_dims(x2, -1)), -1)


def vecmat(x1: Any, x2: Any, /) -> Array:
    """Vectors, conjugated, by matrices: (..., n) by (..., n, m)."""
    return squeeze(matmul(expand_dims(_conjugate(asarray(x1)), -2), x2), -2)


def drop_last(x: Array) -> Any:
    """The op of x[..., 0, 0], for its batch axes' tiling; where the matrices are empty, of x's batch axes alone."""
    from ..ops import View
    from ..tiling import AxisMap

    maps = (*(AxisMap(d) for d in range(x.ndim - 2)), AxisMap(-1), AxisMap(-1))
    return View((x._op,), Tiling(x._op.tiling.axes[:-2]), x.dtype, maps=maps)


def dot(a: Any, b: Any) -> Array:
    """As NumPy's dot for at most two axes: the matrix product, or a plain product with a scalar."""
    a, b = asarray(a), asarray(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b  # type: ignore[no-any-return]
    if a.ndim > 2 or b.ndim > 2:
        raise ValueError(f"dot takes arrays of at most two axes, not {a.shape} and {b.shape}; use matmul")
    return matmul(a, b)


def vdot(a: Any, b: Any) -> Array:
    """The scalar product of two arrays flattened, the first conjugated."""
    return matmul(asarray(a).ravel().conj(), asarray(b).ravel())


def outer(a: Any, b: Any) -> Array:
    """The outer product of two arrays flattened."""
    return asarray(a).ravel()[:, None] * asarray(b).ravel()[None, :]  # type: ignore[operator,no-any-return]
