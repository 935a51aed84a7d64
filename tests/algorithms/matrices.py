"""Matrices that eigenvalue and singular value algorithms are known to find hard, and what is asked of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

import lambdarray as la

N, TILE = 42, 9  # five tiles a side, of which the last is shorter


def orthogonal(n: int, dtype: Any) -> np.ndarray:
    rng = np.random.default_rng(1)
    a = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if np.dtype(dtype).kind == "c" else 0)
    return np.linalg.qr(a)[0]


def with_values(values: Any, dtype: Any = float) -> np.ndarray:
    q = orthogonal(len(values), dtype)
    a = (q * values) @ q.conj().T
    return ((a + a.conj().T) / 2).astype(dtype)


SPECTRA: dict[str, Callable[[int], Any]] = {
    "random": lambda n: np.random.default_rng(0).standard_normal(n),
    "clusters": lambda n: np.repeat([1, 1 + 1e-9, -2, 5.0], -(-n // 4))[:n],
    "half of the rank": lambda n: np.r_[np.zeros(n - n // 2), np.linspace(1, 2, n // 2)],
    "rank 2": lambda n: np.r_[np.zeros(n - 2), -1, 2],
    "graded": lambda n: 10.0 ** -np.linspace(0, 16, n),
    "one and minus one": lambda n: np.repeat([-1.0, 1], [n // 2, n - n // 2]),
}
OTHERS: dict[str, Callable[[int], np.ndarray]] = {
    "hilbert": lambda n: np.asarray(linalg.hilbert(n)),
    "identity": lambda n: np.eye(n),
    "zero": lambda n: np.zeros((n, n)),
    "diagonal": lambda n: np.diag(np.arange(n) - n // 2 + 0.0),
    "wilkinson": lambda n: np.diag(np.abs(np.arange(n) - n // 2) + 0.0) + np.eye(n, k=1) + np.eye(n, k=-1),
    "tiny": lambda n: 1e-300 * with_values(np.linspace(-1, 1, n)),
    "huge": lambda n: 1e300 * with_values(np.linspace(-1, 1, n)),
}
NAMES = [*SPECTRA, *OTHERS]


def hermitian(name: str, n: int = N) -> np.ndarray:
    return with_values(SPECTRA[name](n)) if name in SPECTRA else OTHERS[name](n)


def ragged(a: np.ndarray) -> la.Array:
    """In chunks of 1 and of several, which are no tiles."""
    return la.from_array(a, chunks=tuple((1, n // 3, n - n // 3 - 1) for n in a.shape))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Relative to the norm of the first, and in eps."""
    size = np.linalg.norm(a, 2) or 1.0
    return float(np.linalg.norm((a - b) / size, 2) / np.finfo(a.dtype).eps)


def off_orthogonal(u: np.ndarray) -> float:
    """How far columns are from orthonormal, in eps."""
    return distance(np.eye(u.shape[1], dtype=u.dtype), u.conj().T @ u)


def near(ours: float, theirs: float, n: int) -> None:
    """At most ten times SciPy's error, or n eps."""
    assert ours <= max(10 * theirs, n)
