"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..algorithms import triangles
from ..algorithms.checks import of_product, wanted
from ..algorithms.symmetric import gram
from ..ops import Contract
from ..tiling import Cuts, Tiling
from .array import Array
from .creation import asarray
from .elementwise import broadcast_shape, unify
from .folds import drop
from .manipulation import expand_dims


def matmul(a: Any, b: Any, *, dtype: Any = None, verify: bool | None = None) -> Array:
    """The matrix product of the last two axes, others broadcast; vectors as rows on the left, columns on the right.

    ValueError with both shapes where the inner lengths differ. With `verify` (by default the setting) the product is
    checked at O(n^2) work when it is computed, and VerificationError raised where it is wrong.

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
    checks = wanted(verify)
    kind = np.dtype(dtype) if dtype is not None else np.matmul.resolve_dtypes((a.dtype, b.dtype, None))[2]
    row, column = a.ndim == 1, b.ndim == 1
    left = (expand_dims(a, 0) if row else a).astype(kind)
    right = (expand_dims(b, 1) if column else b).astype(kind)
    out = _product(left, right, kind, a.shape, b.shape)
    out = of_product(out, left, right) if checks else out
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
    half = gram(a, b, kind)
    half = triangles.product(a, b, kind) if half is None else half
    if half is not None:
        return half
    tiling = Tiling((*axes, a._op.tiling.axes[-2], b._op.tiling.axes[-1]))
    return Array(Contract((a._op, b._op), tiling, kind))


def drop_last(x: Array) -> Any:
    """The op of x[..., 0, 0], for its batch axes' tiling; where the matrices are empty, of x's batch axes alone."""
    from ..ops import View
    from ..tiling import AxisMap

    maps = (*(AxisMap(d) for d in range(x.ndim - 2)), AxisMap(-1), AxisMap(-1))
    return View((x._op,), Tiling(x._op.tiling.axes[:-2]), x.dtype, maps=maps)
