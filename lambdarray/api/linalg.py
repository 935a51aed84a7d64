"""Linear algebra, with the names of numpy.linalg and of the array API standard, and a few of SciPy's and Dask's.

Arrays of any size are multiplied, factorised and solved with in tiles; small matrices are one task each. Products,
factorisations and solutions take `verify=True` (or `la.config(verify=True)`): they are then checked when they are
computed, at O(n^2) work, and VerificationError is raised where they are wrong. General eigenvalues and functions of
matrices are one task's work: MemoryLimitError says for which sizes it is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from numpy.linalg import LinAlgError

from ..algorithms.leading import eigsh, eigsh_error, svd_error
from . import diagonals, tensors
from .array import Array
from .axes import axis_of
from .creation import asarray
from .factors import cholesky, eig, eigh, eigvals, eigvalsh, lu, lu_factor, qr, svd, svd_compressed, svdvals
from .folds import refuse_out
from .manipulation import broadcast_arrays, expand_dims, matrix_transpose, moveaxis, stack
from .norms import cond, matrix_norm, matrix_rank, norm, vector_norm
from .products import matmul
from .reductions import sum as sum_
from .systems import (
    cho_factor,
    cho_solve,
    det,
    expm,
    inv,
    logm,
    lstsq,
    lu_solve,
    matrix_power,
    pinv,
    ridge,
    slogdet,
    solve,
    solve_triangular,
    sqrtm,
    tensorinv,
    tensorsolve,
)
from .tensors import tensordot, vecdot


def diagonal(x: Any, /, *, offset: int = 0) -> Array:
    """The diagonals of the matrices of the last two axes."""
    return diagonals.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sums of the diagonals of the matrices of the last two axes."""
    return sum_(diagonal(x, offset=offset), -1, dtype=dtype)


def outer(x1: Any, x2: Any, /) -> Array:
    """The outer product of two vectors; ValueError where they are not."""
    x1, x2 = asarray(x1), asarray(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are x1.ndim={x1.ndim} and x2.ndim={x2.ndim}.")
    return tensors.outer(x1, x2)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The vector products of vectors of three elements along an axis; other axes broadcast.

    >>> import lambdarray as la
    >>> la.linalg.cross(la.asarray([1, 0, 0]), la.asarray([0, 1, 0])).compute()
    array([0, 0, 1])
    """
    first, second = (moveaxis(x, axis, -1) for x in (x1, x2))
    if first.shape[-1] != 3 or second.shape[-1] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{first.shape[-1]} and {second.shape[-1]} dimensional instead."
        )
    a, b = broadcast_arrays(first, second)
    parts: list[Any] = [
        a[..., i] * b[..., j] - a[..., j] * b[..., i]  # type: ignore[operator]
        for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    return moveaxis(stack(parts, -1), -1, axis_of(axis, max(a.ndim, 1)))


def multi_dot(arrays: Sequence[Any], *, out: None = None, verify: bool | None = None) -> Array:
    """The product of matrices in the order that takes fewest flops; the first and the last may be vectors.

    With `verify` each product is checked, as `matmul` has it.

    >>> import lambdarray as la
    >>> la.linalg.multi_dot([la.ones((2, 3)), la.ones((3, 4)), la.ones(4)]).compute()
    array([12., 12.])
    """
    refuse_out(out, "multi_dot")
    made = [asarray(a) for a in arrays]
    if len(made) < 2:
        raise ValueError("Expecting at least two arrays.")
    if len(made) == 2:
        return matmul(*made, verify=verify) if all(x.ndim in (1, 2) for x in made) else tensors.dot(*made)
    row, column = made[0].ndim == 1, made[-1].ndim == 1
    made[0] = expand_dims(made[0], 0) if row else made[0]
    made[-1] = expand_dims(made[-1], 1) if column else made[-1]
    for a in made:
        if a.ndim != 2:
            raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be two-dimensional")
    for a, b in pairwise(made):
        if a.shape[1] != b.shape[0]:
            raise ValueError(f"shapes {a.shape} and {b.shape} not aligned")
    cuts = _cuts([a.shape[0] for a in made] + [made[-1].shape[1]])
    product = _multiplied(made, cuts, 0, len(made) - 1, verify)
    product = product[:, 0] if column else product
    return product[0] if row else product


def _cuts(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where the product of the matrices i to j is best cut in two (T. H. Cormen et al., "Introduction to Algorithms").

    >>> _cuts([10, 100, 5, 50])[0, 2]
    1
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    cuts: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            at = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cuts[i, j] = min(at, key=at.__getitem__)
            cost[i, j] = at[cuts[i, j]]
    return cuts


def _multiplied(
    arrays: Sequence[Array], cuts: dict[tuple[int, int], int], i: int, j: int, verify: bool | None
) -> Array:
    if i == j:
        return arrays[i]
    k = cuts[i, j]
    left, right = (_multiplied(arrays, cuts, *part, verify) for part in ((i, k), (k + 1, j)))
    return matmul(left, right, verify=verify)


__all__ = [
    "LinAlgError",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigsh",
    "eigsh_error",
    "eigvals",
    "eigvalsh",
    "expm",
    "inv",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "ridge",
    "slogdet",
    "solve",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svd_compressed",
    "svd_error",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]
