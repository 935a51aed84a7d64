"""Norms of vectors and matrices: reductions over tiles wherever they are elementwise."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from .array import Array
from .axes import axes_of, axis_of
from .creation import asarray
from .factors import svd, svdvals
from .folds import drop
from .manipulation import expand_dims, moveaxis
from .matrices import matrices, of_matrix, square
from .reductions import count_nonzero
from .reductions import max as max_
from .reductions import min as min_
from .reductions import sum as sum_

INFINITE = float("inf")


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """A norm of vectors along one axis or of matrices along two, as numpy.linalg.norm; of all elements by default.

    >>> import lambdarray as la
    >>> la.linalg.norm(la.asarray([3.0, 4.0], chunks=1)).compute()
    array(5.)
    """
    x = _inexact(x)
    euclidean = ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1)
    if axis is None and euclidean:
        return _of_vectors(x, 2, tuple(range(x.ndim)), keepdims)
    axes = _ordered(axis, x.ndim)
    if len(axes) == 1:
        return _of_vectors(x, ord, axes, keepdims)
    if len(axes) == 2:
        return _of_matrices(x, ord, axes, keepdims)
    raise ValueError(f"Improper number of dimensions to norm: {len(axes)}, not one or two.")


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Array:
    """A norm of vectors along axes that are flattened together; of all elements by default."""
    x = _inexact(x)
    return _of_vectors(x, ord, axes_of(axis, x.ndim), keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:
    """A norm of the matrices of the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def _inexact(x: Any) -> Array:
    made = asarray(x)
    return made if made.dtype.kind in "fc" else made.astype(float)


def _ordered(axis: Any, ndim: int) -> tuple[int, ...]:
    """Axes in the order given: rows and columns differ."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, tuple):
        try:
            axis = (operator.index(axis),)
        except TypeError:
            raise TypeError(f"'axis' must be None, an integer or a tuple of integers, not {axis!r}") from None
    axes = tuple(axis_of(d, ndim) for d in axis)
    if len(axes) == 2 and axes[0] == axes[1]:
        raise ValueError(f"Duplicate axes given: {axis}.")
    return axes


def _of_vectors(x: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order {ord!r} for vectors")
    if ord is None or ord == 2:
        squares: Any = np.multiply(x.conj(), x)
        root: Any = np.sqrt(sum_(squares.real, axes, keepdims=keepdims))  # type: ignore[call-overload]
        return root  # type: ignore[no-any-return]
    if ord == 0:
        nonzero: Any = np.not_equal(x, 0)
        return sum_(nonzero.astype(x.real.dtype), axes, keepdims=keepdims)
    size: Any = np.abs(x)  # type: ignore[call-overload]
    if ord == INFINITE:
        return max_(size, axes, keepdims=keepdims, initial=0)
    if ord == -INFINITE:
        return min_(size, axes, keepdims=keepdims)
    if ord == 1:
        return sum_(size, axes, keepdims=keepdims)
    total: Any = sum_(size**ord, axes, keepdims=keepdims)
    return total ** np.reciprocal(ord, dtype=total.dtype)  # type: ignore[no-any-return]


def _of_matrices(x: Array, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Array:
    if ord in (None, "fro", "f"):
        return _of_vectors(x, 2, axes, keepdims)
    if ord in (2, -2, "nuc"):
        values = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        found = sum_(values, -1) if ord == "nuc" else min_(values, -1) if ord < 0 else max_(values, -1, initial=0)
        return expand_dims(found, axes) if keepdims else found
    if isinstance(ord, str) or abs(ord) not in (1, INFINITE):
        raise ValueError(f"Invalid norm order {ord!r} for matrices.")
    summed, compared = axes if abs(ord) == 1 else axes[::-1]
    totals = sum_(np.abs(x), summed, keepdims=True)  # type: ignore[call-overload]
    found = max_(totals, compared, None, True, 0) if ord > 0 else min_(totals, compared, None, True)
    return found if keepdims else drop(found, axes)


def cond(x: Any, p: Any = None, *, tile: int | None = None) -> Array:
    """The condition number of matrices in the norm `p`; `tile` as for `svd`.

    >>> import lambdarray as la
    >>> la.linalg.cond(la.asarray([[2.0, 0.0], [0.0, 4.0]])).compute()
    array(2.)
    """
    from ..algorithms.eigh import cutting

    by_values = p in (None, 2, -2)
    x = matrices(x) if by_values else square(x)
    if 0 in x.shape[-2:]:
        raise LinAlgError("cond is not defined on empty arrays")
    if not cutting(x, tile):
        return of_matrix("cond", x, (), p=_plain(p))
    if by_values:
        values = svdvals(x, tile=tile)
        first, last = values[0], values[-1]
        made: Any = np.divide(*((last, first) if p == -2 else (first, last)))
        return made  # type: ignore[no-any-return]
    from .systems import inv

    return norm(x, p) * norm(inv(x), p)  # type: ignore[no-any-return, operator]


def _plain(order: Any) -> Any:
    """An order of norms as JSON has it: without infinities and NumPy's scalars."""
    if isinstance(order, str) or order is None:
        return order
    return str(float(order)) if abs(order) == INFINITE else float(order)


def matrix_rank(
    A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None, tile: int | None = None
) -> Array:
    """How many singular values are above `tol`, or above `rtol` times the greatest; `tile` as for `svd`.

    >>> import lambdarray as la
    >>> la.linalg.matrix_rank(la.ones((5, 4))).compute()
    array(1)
    """
    x = asarray(A)
    if tol is not None and rtol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    if x.ndim < 2:
        nonzero: Any = np.not_equal(x, 0)
        return nonzero.any().astype(int)  # type: ignore[no-any-return]
    values: Any = svd(x, compute_uv=False, hermitian=hermitian, tile=tile)
    if tol is None:
        limit = max(x.shape[-2:]) * np.finfo(values.dtype).eps if rtol is None else rtol
        tol = np.expand_dims(limit, -1) * max_(values, -1, keepdims=True)
    else:
        tol = np.expand_dims(tol, -1)
    return count_nonzero(values > tol, -1)
