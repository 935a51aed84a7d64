"""Matrix products of tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from .blas import LETTERS, accumulate
from .registry import Shape, kernel, memory

Array = np.ndarray[Any, Any]

# Blocks of a product that goes through temporaries: 2 to 8 MiB each, and large enough for full speed.
ROWS, COLUMNS, DEPTH = 1024, 1024, 512
# A result at most this large is a cheap temporary, and `np.matmul` starts faster than a call through ctypes.
SMALL = 64 * 64
# Integers below this in size are exact in a float64.
EXACT = 2**53


def gemm_flops(c: Shape | None, a: Shape, b: Shape, dtype: Any = None, **_: Any) -> int:
    """Real flops of `gemm`: a complex multiply and add counts as four real ones.

    >>> gemm_flops(None, (3, 4), (4, 5))
    120
    """
    batch = math.prod(_batch(a, b))
    count = 2 * batch * a[-2] * a[-1] * b[-1]
    return 4 * count if dtype is not None and np.dtype(dtype).kind == "c" else count


def _batch(a: Shape, b: Shape) -> Shape:
    """The batch axes of a product of two shapes."""
    return np.broadcast_shapes(a[:-2], b[:-2]) if len(a) > 2 or len(b) > 2 else ()


@kernel(flops=gemm_flops, uses_blas=True, takes_out=True)
def gemm(c: Array | None, a: Array, b: Array, dtype: Any = None, out: Array | None = None) -> Array:
    """Add `a @ b` to `c` in place and return it; with `c` None the product is the result, made in `out` if given.

    `a` is (..., m, k) and `b` (..., k, n), in any memory order; batch axes broadcast. `dtype` is the result's, by
    default that of `c` or NumPy's. Floats and complex numbers go through BLAS with no temporary; integers wrap around
    and booleans mean "any", as in `np.matmul`.

    >>> gemm(np.ones((1, 1)), np.array([[2.0, 3.0]]), np.array([[4.0], [5.0]]))
    array([[24.]])
    """
    kind = np.dtype(dtype) if dtype is not None else c.dtype if c is not None else np.result_type(a, b)
    shape = (*_batch(a.shape, b.shape), a.shape[-2], b.shape[-1])
    made = memory(out, shape, kind) if c is None else c
    _check(made, a, b, shape, kind)
    a, b = a.astype(kind, copy=False), b.astype(kind, copy=False)
    if c is None:
        return _fresh(a, b, made)
    if 0 not in (c.size, a.shape[-1]):
        _add(c, a, b, beta=1)
    return c


def _check(c: Array, a: Array, b: Array, shape: Shape, kind: np.dtype[Any]) -> None:
    if a.shape[-1] != b.shape[-2]:
        raise ValueError(f"gemm of {a.shape} by {b.shape}: the inner sizes {a.shape[-1]} and {b.shape[-2]} differ")
    if c.shape != shape or c.dtype != kind:
        raise ValueError(f"gemm of {a.shape} by {b.shape} adds {kind} {shape}, but c is {c.dtype} {c.shape}")
    if not (c.flags.writeable and _has_rows(c)):
        raise ValueError("gemm accumulates in place: c must be writable, its rows contiguous and one after the other")


def _has_rows(c: Array) -> bool:
    """Whether BLAS can write `c`: each row is contiguous, and they follow one another."""
    (rows, columns), (s0, s1) = c.shape[-2:], c.strides[-2:]
    return c.size == 0 or ((columns == 1 or s1 == c.itemsize) and (rows == 1 or s0 >= columns * c.itemsize))


def _fresh(a: Array, b: Array, c: Array) -> Array:
    """`c = a @ b`, whatever `c` held."""
    if 0 in (c.size, a.shape[-1]):
        c[...] = 0
    elif _is_plain(a.dtype):
        _add(c, a, b, beta=0)
    else:
        c[...] = 0
        _add(c, a, b, beta=1)
    return c


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.char in LETTERS and dtype.isnative


def _add(c: Array, a: Array, b: Array, beta: int) -> None:
    """`c = a @ b + beta * c` over all batches; nothing is empty."""
    if batch := c.shape[:-2]:
        a, b = np.broadcast_to(a, batch + a.shape[-2:]), np.broadcast_to(b, batch + b.shape[-2:])
    plain, small = _is_plain(c.dtype), c.shape[-2] * c.shape[-1] <= SMALL
    # NumPy has a faster way with vectors (gemv) and with many small matrices; but a matrix times its own transpose it
    # multiplies by syrk, and the last bits must not tell whether two tiles lie in the same memory.
    if plain and (small or 1 in c.shape[-2:]) and not np.may_share_memory(a, b):
        return _add_small(c, a, b, beta)
    for index in np.ndindex(batch):
        if not (plain and accumulate(c[index], a[index], b[index], beta)):
            _add_matrix(c[index], a[index], b[index], beta)
    return None


def _add_small(c: Array, a: Array, b: Array, beta: int) -> None:
    """The same by `np.matmul`: at once into a fresh `c`, otherwise a few batches at a time."""
    if beta == 0:
        np.matmul(a, b, out=c)
        return
    if c.ndim == 2:
        c += np.matmul(a, b)
        return
    # The last batch axis is taken in groups, so that the temporary stays as small as a block.
    group = max(1, ROWS * COLUMNS // (c.shape[-2] * c.shape[-1]))
    for index in np.ndindex(c.shape[:-3]):
        for lo in range(0, c.shape[-3], group):
            part = (*index, slice(lo, lo + group))
            c[part] += np.matmul(a[part], b[part])


def _add_matrix(c: Array, a: Array, b: Array, beta: int) -> None:
    """`c = a @ b + beta * c` for what BLAS does not take: any dtype, or any dtype where there is no BLAS."""
    if c.dtype.kind in "biu":
        exact = _exact_depth(a, b)
        if exact >= 64:
            _add_through(c, a, b, np.dtype(np.float64), exact)
            return
    if c.dtype.char == "e":
        # NumPy too sums float16 products in float32.
        _add_through(c, a, b, np.dtype(np.float32), a.shape[1])
        return
    for rows, columns in _blocks(c.shape):
        # NumPy's own loops run down the columns of b.
        right = b[:, columns] if _is_plain(c.dtype) else np.asfortranarray(b[:, columns])
        if beta:
            c[rows, columns] += np.matmul(a[rows], right)
        else:
            np.matmul(a[rows], right, out=c[rows, columns])


def _exact_depth(a: Array, b: Array) -> int:
    """How many products of elements of two integer matrices can be summed exactly in float64."""
    if a.dtype.kind == "b":
        return EXACT
    largest = [max(abs(int(x.max())), abs(int(x.min())), 1) for x in (a, b)]
    return EXACT // (largest[0] * largest[1])


def _add_through(c: Array, a: Array, b: Array, wide: np.dtype[Any], exact: int) -> None:
    """`c += a @ b` block by block in the float dtype `wide`, rounded or wrapped to c's every `exact` products.

    BLAS is 10 to 100 times as fast as NumPy's loops over integers, booleans and float16.
    """
    depth = a.shape[1]
    for rows, columns in _blocks(c.shape):
        for lo in range(0, depth, exact):
            total = None
            for k in range(lo, min(lo + exact, depth), DEPTH):
                panel = slice(k, min(k + DEPTH, lo + exact, depth))
                left = np.ascontiguousarray(a[rows, panel], wide)
                right = np.ascontiguousarray(b[panel, columns], wide)
                total = gemm(total, left, right)
            assert total is not None
            c[rows, columns] += _narrow(total, c.dtype)


def _narrow(total: Array, dtype: np.dtype[Any]) -> Array:
    """Float sums in a narrower dtype; integers wrap around, as they do in NumPy's sums."""
    if dtype.kind in "iu":
        return total.astype(np.int64).astype(dtype)
    return total.astype(dtype)


def _blocks(shape: Shape) -> Iterator[tuple[slice, slice]]:
    rows, columns = (
        [slice(lo, min(lo + step, n)) for lo in range(0, n, step)]
        for n, step in zip(shape, (ROWS, COLUMNS), strict=True)
    )
    yield from product(rows, columns)
