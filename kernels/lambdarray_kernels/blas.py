"""NumPy's own BLAS by function pointer: C = A B + beta C in place, without a copy and without the GIL.

SciPy's f2py wrappers hold the GIL during the product, so that two threads get the speed of one, and `np.matmul`
cannot accumulate: `c += a @ b` makes a temporary of c's size. The library that NumPy is linked to is already
loaded and its threads are the ones that threadpoolctl sets, so we call its CBLAS entry through ctypes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import cache
from glob import glob
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}

# How builds name CBLAS routines and which integer each takes: OpenBLAS in NumPy's wheels, Debian and conda (64-bit
# first), MKL, Accelerate in the macOS wheels, and the plain name of every other BLAS.
NAMES: tuple[tuple[str, type[Any]], ...] = (
    ("scipy_cblas_{}64_", ctypes.c_int64),
    ("cblas_{}64_", ctypes.c_int64),
    ("cblas_{}_64", ctypes.c_int64),
    ("cblas_{}$NEWLAPACK$ILP64", ctypes.c_int64),
    ("scipy_cblas_{}", ctypes.c_int32),
    ("cblas_{}$NEWLAPACK", ctypes.c_int32),
    ("cblas_{}", ctypes.c_int32),
)
ROW_MAJOR, NO_TRANS, TRANS = 101, 111, 112
MAX_INT = {ctypes.c_int64: 2**63 - 1, ctypes.c_int32: 2**31 - 1}

Gemm = Callable[[Array, Array, Array, int], bool]


def accumulate(c: Array, a: Array, b: Array, beta: int) -> bool:
    """Set the matrix `c` to `a @ b + beta * c` in place; False where no BLAS can, and `c` is as it was.

    The dtype is one of float32, float64, complex64 and complex128 for all three; the rows of `c` are contiguous.
    Transposed views are passed as they are; what is strided along both axes is copied.
    """
    gemm = find_gemm(c.dtype.char) if c.dtype.isnative else None
    return gemm is not None and gemm(c, a, b, beta)


@cache
def find_gemm(char: str) -> Gemm | None:
    """The BLAS's gemm for a dtype's character, tried on a small product; None where there is none."""
    if char not in LETTERS:
        return None
    for library in libraries():
        for name, integer in NAMES:
            entry = getattr(library, name.format(LETTERS[char] + "gemm"), None)
            if entry is not None:
                gemm = _bind(entry, integer, char)
                return gemm if _works(gemm, char) else None
    return None


def libraries() -> Iterator[ctypes.CDLL]:
    """Handles that may know the BLAS: NumPy's extension (a lookup includes what it is linked to), then its DLLs."""
    umath = np._core._multiarray_umath.__file__  # type: ignore[attr-defined]
    bundled = Path(np.__file__).parent.with_name("numpy.libs")
    for path in (umath, *glob(str(bundled / "*openblas*.dll"))):
        try:
            yield ctypes.CDLL(path)
        except OSError:  # built into the interpreter, or no shared library here: np.matmul serves
            continue


def _bind(entry: Any, integer: type[Any], char: str) -> Gemm:
    """A Python function over a CBLAS gemm; complex scalars are passed by address, real ones by value."""
    real = {"f": ctypes.c_float, "d": ctypes.c_double}.get(char)
    pointer, scalar = ctypes.c_void_p, real or ctypes.c_void_p
    entry.restype = None
    entry.argtypes = [ctypes.c_int] * 3 + [integer] * 3
    entry.argtypes += [scalar, pointer, integer, pointer, integer, scalar, pointer, integer]
    # Kept alive by the closure, since complex scalars go by address.
    values = np.array([0, 1], dtype=char)
    scalars = [0.0, 1.0] if real else [_address(values[i:]) for i in (0, 1)]
    limit = MAX_INT[integer]

    def gemm(c: Array, a: Array, b: Array, beta: int, _keep: Array = values) -> bool:
        (m, n), k = c.shape, a.shape[1]
        a, trans_a, lda = _leading(a)
        b, trans_b, ldb = _leading(b)
        ldc = c.strides[0] // c.itemsize if m > 1 else n
        if max(m, n, k, lda, ldb, ldc) > limit:
            return False
        one, scale = scalars[1], scalars[beta]
        entry(
            ROW_MAJOR, trans_a, trans_b, m, n, k, one, _address(a), lda, _address(b), ldb, scale, _address(c), ldc
        )  # fmt: skip
        return True

    return gemm


def _leading(x: Array) -> tuple[Array, int, int]:
    """A matrix as BLAS takes it: the array (copied only if strided both ways), its flag, its leading dimension."""
    (rows, columns), (s0, s1), size = x.shape, x.strides, x.itemsize
    if x.flags.aligned:
        if (s1 == size or columns == 1) and (rows == 1 or _fits(s0, columns, size)):
            return x, NO_TRANS, columns if rows == 1 else s0 // size
        if (s0 == size or rows == 1) and (columns == 1 or _fits(s1, rows, size)):
            return x, TRANS, rows if columns == 1 else s1 // size
    return np.ascontiguousarray(x), NO_TRANS, columns


def _fits(stride: int, length: int, size: int) -> bool:
    return stride >= length * size and stride % size == 0


def _address(x: Array) -> int:
    address: int = x.__array_interface__["data"][0]
    return address


def _works(gemm: Gemm, char: str) -> bool:
    """Whether a product with known integers comes out exactly: names are a convention, not a promise."""
    a = np.arange(6).reshape(3, 2).astype(char)
    b = np.asfortranarray(np.arange(8).reshape(2, 4).astype(char) - 3)
    c = np.ones((3, 4), dtype=char)
    return gemm(c, a, b, 1) and bool(np.array_equal(c, np.einsum("ij,jk->ik", a, b) + 1))
