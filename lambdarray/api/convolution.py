"""Convolution and correlation of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array
from .creation import asarray, zeros
from .elementwise import call
from .manipulation import broadcast_to, concat, flip, ravel, reshape
from .padding import pad
from .products import matmul

# A vector of at most so many elements is applied as it is read, one shifted product for each; a longer one through
# matrix products, in pieces of at most this many more.
FEW, MANY = 16, 1024
# The least length of the rows that such a product is made of.
ROW = 64


def convolve(a: Any, v: Any, mode: Any = "full") -> Array:
    """The convolution of two vectors: the sums of a[i] * v[n - i], "full", "same" or "valid".

    Where the shorter one has more than 16 elements it is a matrix product, in which NaN and infinities of the longer
    one spread as far as a few lengths of the shorter.

    >>> import lambdarray as la
    >>> la.convolve([1, 2, 3], [0, 1, 0.5]).compute()
    array([0. , 1. , 2.5, 4. , 1.5])
    """
    x, w = _vectors(a, v)
    return _cut(*_ordered(x, w), mode)


def correlate(a: Any, v: Any, mode: Any = "valid") -> Array:
    """The cross-correlation of two vectors: the sums of a[n + i] * conj(v[i]), "valid", "same" or "full".

    What `convolve` says of long vectors goes for this too.
    """
    x, w = _vectors(a, v)
    w = flip(w.conj() if w.dtype.kind == "c" else w)
    if x.size >= w.size:
        return _cut(x, w, mode)
    return flip(_cut(flip(w), flip(x), mode))


def _vectors(a: Any, v: Any) -> tuple[Array, Array]:
    made = [asarray(x) for x in (a, v)]
    kind = np.result_type(*(x.dtype for x in made))
    for name, x in zip("av", made, strict=True):
        if x.ndim > 1:
            raise ValueError(f"object too deep for desired array: {name} of shape {x.shape}")
        if not x.size:
            raise ValueError(f"{name} cannot be empty")
    x, w = (ravel(x).astype(kind) for x in made)
    return x, w


def _ordered(x: Array, w: Array) -> tuple[Array, Array]:
    return (x, w) if x.size >= w.size else (w, x)


def _cut(x: Array, w: Array, mode: Any) -> Array:
    """That part of the whole convolution which `mode` names; `x` is the longer one."""
    names = {"full": 2, "same": 1, "valid": 0}
    name = next((n for n in names if isinstance(mode, str) and mode and n.startswith(mode.lower())), mode)
    number = names.get(name, name)
    if number not in (0, 1, 2):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    before = {2: 0, 1: (w.size - 1) // 2, 0: w.size - 1}[number]
    size = {2: x.size + w.size - 1, 1: x.size, 0: x.size - w.size + 1}[number]
    return _whole(x, w)[before : before + size]


def _whole(x: Array, w: Array) -> Array:
    """The convolution wherever the vectors meet."""
    if w.size <= FEW:
        return _by_shifts(x, w)
    if w.size <= MANY:
        return _by_product(x, w)
    first, second = _whole(x, w[:MANY]), _whole(x, w[MANY:])
    return _sum([pad(first, (0, second.size + MANY - first.size)), pad(second, (MANY, 0))])


def _sum(terms: list[Array]) -> Array:
    """By halves, so that errors and the depth of the expression stay small."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    ufunc = np.logical_or if terms[0].dtype == bool else np.add
    return call(ufunc, _sum(terms[:half]), _sum(terms[half:]))  # type: ignore[no-any-return]


def _by_shifts(x: Array, w: Array) -> Array:
    m, size = w.size, x.size + w.size - 1
    around = pad(x, (m - 1, m - 1))
    return _sum([call(np.multiply, around[m - 1 - i : m - 1 - i + size], w[i]) for i in range(m)])


def _by_product(x: Array, w: Array) -> Array:
    """Rows of `x` times the matrix of shifted copies of `w`; what each adds to the next is then added."""
    m, n = w.size, max(w.size, ROW)
    count = -(-x.size // n)
    rows = reshape(pad(x, (0, count * n - x.size)), (count, n))
    made = matmul(rows, _shifted(w, n))
    own, rest = made[:, :n], pad(made[:, n:], ((0, 0), (0, n - m + 1)))
    nothing = zeros((1, n), x.dtype)
    return reshape(_sum([concat([own, nothing]), concat([nothing, rest])]), (-1,))[: x.size + m - 1]


def _shifted(w: Array, n: int) -> Array:
    """The matrix of `n` rows, each with `w` one place further to the right.

    Copies of `w` with n zeros after it, cut into rows that are one shorter.
    """
    long = concat([w, zeros(n, w.dtype)])
    copies = ravel(broadcast_to(long, (n, long.size)))
    return reshape(copies[: n * (long.size - 1)], (n, long.size - 1))
