"""Families of matrices that are hard in different ways: for any factorisation, Hermitian, and positive definite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Matrix = np.ndarray[Any, Any]
Make = Callable[[np.random.Generator, int, int, np.dtype[Any]], Matrix]


def normal(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Independent standard normal values."""
    values = rng.standard_normal((m, n))
    return (values + 1j * rng.standard_normal((m, n)) if dtype.kind == "c" else values).astype(dtype)


def _falling(n: int, digits: float) -> Matrix:
    """From 1 down to so many digits below."""
    return 10.0 ** -np.linspace(0.0, digits, n)


def _digits(dtype: np.dtype[Any]) -> float:
    return float(-np.log10(np.finfo(dtype).eps))


def _orthogonal(rng: np.random.Generator, n: int, dtype: np.dtype[Any]) -> Matrix:
    wide = np.dtype("c16" if dtype.kind == "c" else "f8")
    made: Matrix = np.linalg.qr(normal(rng, n, n, wide))[0]
    return made


def _with_values(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any], values: Matrix) -> Matrix:
    """A matrix of these singular values."""
    k = len(values)
    left, right = _orthogonal(rng, m, dtype)[:, :k], _orthogonal(rng, n, dtype)[:, :k]
    return ((left * values) @ right.conj().T).astype(dtype)


def graded(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Rows and columns that fall by half of all digits each."""
    half = _digits(dtype) / 2
    return (normal(rng, m, n, dtype) * _falling(m, half)[:, None] * _falling(n, half)).astype(dtype)


def rank_deficient(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """A third of the full rank."""
    rank = max(1, min(m, n) // 3)
    return (normal(rng, m, rank, dtype) @ normal(rng, rank, n, dtype)).astype(dtype)


def nearly_singular(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Singular values of 1, but for the last: a rounding error."""
    values = np.ones(min(m, n))
    values[-1:] = np.finfo(dtype).eps
    return _with_values(rng, m, n, dtype, values)


def clustered(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Singular values in three clusters, equal in each but for rounding errors."""
    return _with_values(rng, m, n, dtype, _clusters(min(m, n)))


def _clusters(n: int) -> Matrix:
    made: Matrix = np.array([1.0, 0.5, 1e-3])[np.arange(n) * 3 // max(n, 1)]
    return made


def hilbert(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """1 / (i + j + 1)."""
    made: Matrix = (1.0 / (1.0 + np.arange(m)[:, None] + np.arange(n))).astype(dtype)
    return made


def wilkinson(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Where LU with partial pivoting grows most: by 2^(n-1) (J. H. Wilkinson, 1961), here by half of all digits.

    Below the diagonal of large ones is not -1 but nearer to 0, so that elements still are numbers at any size
    (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", section 9.4).
    """
    growth = 10.0 ** (_digits(dtype) / 2)
    below = min(1.0, growth ** (1 / max(min(m, n) - 1, 1)) - 1)
    made = np.eye(m, n) - below * np.tri(m, n, -1)
    made[:, -1] = 1
    return made.astype(dtype)


GENERAL: Mapping[str, Make] = {
    "random": normal,
    "graded": graded,
    "rank-deficient": rank_deficient,
    "nearly singular": nearly_singular,
    "clustered": clustered,
    "Hilbert": hilbert,
    "Wilkinson": wilkinson,
}


def _hermitian(rng: np.random.Generator, dtype: np.dtype[Any], values: Matrix) -> Matrix:
    """A Hermitian matrix of these eigenvalues."""
    vectors = _orthogonal(rng, len(values), dtype)
    made = (vectors * values) @ vectors.conj().T
    return ((made + made.conj().T) / 2).astype(dtype)


def _symmetric(of: Make) -> Make:
    """The Hermitian part of a family."""

    def make(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
        made = of(rng, n, n, dtype)
        return ((made + made.conj().T) / 2).astype(dtype)

    return make


def _both_signs(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    return _hermitian(rng, dtype, _clusters(n) * (-1.0) ** np.arange(n))


def _one_at_zero(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    values = np.linspace(-1.0, 1.0, n)
    values[n // 2] = np.finfo(dtype).eps
    return _hermitian(rng, dtype, values)


def _low_rank(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    return _hermitian(rng, dtype, np.where(np.arange(n) < max(1, n // 3), np.linspace(1.0, 2.0, n), 0.0))


def _tridiagonal(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Wilkinson's W+, whose greatest eigenvalues come in pairs that agree to all digits."""
    return (np.diag(np.abs(np.arange(n) - (n - 1) / 2)) + np.eye(n, k=1) + np.eye(n, k=-1)).astype(dtype)


HERMITIAN: Mapping[str, Make] = {
    "random": _symmetric(normal),
    "graded": _symmetric(graded),
    "rank-deficient": _low_rank,
    "nearly singular": _one_at_zero,
    "clustered": _both_signs,
    "Hilbert": hilbert,
    "Wilkinson": _tridiagonal,
}


def _gram(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    x = normal(rng, n, n, dtype)
    return (x @ x.conj().T / n + np.eye(n)).astype(dtype)


def _spread(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """Well-conditioned but for its scaling, which falls by all digits."""
    scale = _falling(n, _digits(dtype) / 2)
    return (_gram(rng, n, n, dtype) * scale[:, None] * scale).astype(dtype)


def _barely(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    """As near to singular as Cholesky is sure to bear."""
    return _hermitian(rng, dtype, np.append(np.ones(n - 1), min(1.0, 40 * n * np.finfo(dtype).eps)))


def _shifted_hilbert(rng: np.random.Generator, m: int, n: int, dtype: np.dtype[Any]) -> Matrix:
    return (hilbert(rng, n, n, np.dtype("f8")) + 40 * n * np.finfo(dtype).eps * np.eye(n)).astype(dtype)


POSITIVE: Mapping[str, Make] = {
    "random": _gram,
    "graded": _spread,
    "nearly singular": _barely,
    "clustered": lambda rng, m, n, dtype: _hermitian(rng, dtype, _clusters(n)),
    "Hilbert, shifted": _shifted_hilbert,
}
SHAPES: Mapping[str, Callable[[int], tuple[int, int]]] = {
    "square": lambda n: (n, n),
    "tall": lambda n: (n, max(1, n // 3)),
    "wide": lambda n: (max(1, n // 3), n),
}
