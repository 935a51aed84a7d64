"""What a tile loses to a product of others, in place: the inner step of every tiled factorisation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .fortran import blas
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]


def _update_flops(c: Shape, a: Shape, b: Shape, trans: str = "NC", **_: Any) -> int:
    return 2 * math.prod(c) * a[trans[0] == "N"]


def _herk_flops(c: Shape, a: Shape, **_: Any) -> int:
    return c[0] * (c[0] + 1) * a[1]


@kernel(flops=_update_flops, uses_blas=True)
def gemm_update(c: Array, a: Array, b: Array, *, trans: str = "NC") -> Array:
    """c - op(a) op(b), in the memory of `c`; `trans` has a letter for each, as in BLAS. (BLAS: gemm)

    >>> gemm_update(np.ones((1, 1)), np.array([[2.0, 3.0]]), np.array([[4.0, 5.0]]))
    array([[-22.]])
    """
    (m, n), k = c.shape, a.shape[trans[0] == "N"]
    (a, of_a), (b, of_b) = _turned(a, trans[0]), _turned(b, trans[1])
    (a, lda), (b, ldb) = in_rows(a, c.dtype), in_rows(b, c.dtype)
    if 0 not in (m, n, k):
        # To Fortran all matrices are transposed: c^T - op(b)^T op(a)^T.
        blas("gemm", c.dtype, of_b, of_a, n, m, k, -1.0, b, ldb, a, lda, 1.0, c, leading(c))
    return c


def _turned(x: Array, letter: str) -> tuple[Array, str]:
    """A matrix and its letter; where columns are contiguous its transpose and the other letter, to save a copy."""
    flipped = {"N": "T", "T": "N"}.get(letter)
    if flipped and x.strides[0] == x.itemsize and x.strides[1] != x.itemsize:
        return x.T, flipped
    return x, letter


@kernel(flops=_herk_flops, uses_blas=True)
def herk_update(c: Array, a: Array) -> Array:
    """c - a a^H, in the memory of `c` and only up to its diagonal. (BLAS: herk)

    >>> herk_update(np.ones((2, 2)), np.array([[2.0], [3.0]]))
    array([[-3.,  1.],
           [-5., -8.]])
    """
    n, k = a.shape
    a, lda = in_rows(a, c.dtype)
    if 0 not in (n, k):
        name, trans = ("herk", "C") if c.dtype.kind == "c" else ("syrk", "T")
        # Rows are columns to Fortran, so that the lower triangle is its upper one.
        blas(name, c.dtype, "U", trans, n, k, -1.0, a, lda, 1.0, c, leading(c))
    return c


def in_rows(x: Array, dtype: np.dtype[Any]) -> tuple[Array, int]:
    """A matrix whose rows are contiguous, and how far they lie apart: the array itself where it is such."""
    x = x.astype(dtype, copy=False)
    if not (x.flags.aligned and (x.shape[1] == 1 or x.strides[1] == x.itemsize) and leading(x) >= x.shape[1]):
        x = np.array(x, order="C")
    return x, leading(x)


def leading(x: Array) -> int:
    """How far the rows of a matrix lie apart, in elements."""
    return int(x.strides[0]) // x.itemsize if x.shape[0] > 1 else max(1, x.shape[1])
