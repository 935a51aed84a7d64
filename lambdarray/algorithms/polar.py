"""The polar decomposition of a square matrix, by iterations of products and Cholesky factors alone.

QDWH (Y. Nakatsukasa, Z. Bai and F. Gygi, "Optimizing Halley's iteration for computing the matrix polar decomposition",
SIAM J. Matrix Anal. Appl. 31, 2010; Y. Nakatsukasa and N. J. Higham, "Stable and efficient spectral divide and conquer
algorithms for the symmetric eigenvalue decomposition and the SVD", SIAM J. Sci. Comput. 35, 2013). Where its weight
c is large they take the QR factors of [sqrt(c) X; I]; here these are found by a Cholesky factorisation and one
correction, which is as accurate as long as c is far below 1 / eps (Y. Yamamoto et al., "Roundoff error analysis of the
CholeskyQR2 algorithm", Electron. Trans. Numer. Anal. 44, 2015). So the weights are those for singular values down to
`least(dtype)`, and what is smaller takes a second round, or a third.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.compute import run_now
from ..api.diagonals import trace
from ..api.generator import Generator
from ..api.grids import eye, tril, triu
from ..api.manipulation import concatenate
from ..api.matrices import adjoint
from ..api.norms import norm
from .cholesky import cholesky
from .tiles import tiled
from .triangular import solve_triangular

# A weight up to this takes one Cholesky factorisation; rounds that are tried, each of which gains 1 / least(dtype).
MOST_PLAIN, MOST_ROUNDS = 100.0, 3
# Single steps after a round; random vectors that tell the error.
MOST_STEPS, PROBES = 2, 8
HALLEY = (3.0, 1.0, 3.0)
Weights = tuple[float, float, float]
# An array whose operators are used, which are NumPy's and have no types.
Matrix = Any


def least(dtype: np.dtype[Any]) -> float:
    """The singular value down to which a round converges: its square root is well above that of eps."""
    return 3e-5 if np.finfo(dtype).eps < 1e-10 else 1e-2


def weights(low: float) -> tuple[Weights, float]:
    """a, b and c of the next step x (a + b x^2) / (1 + c x^2) for singular values in [low, 1], and the new bound.

    >>> weights(1.0)
    ((3.0, 1.0, 3.0), 1.0)
    """
    d = (4 * (1 - low**2) / low**4) ** (1 / 3)
    root = math.sqrt(1 + d)
    a = root + math.sqrt(8 - 4 * d + 8 * (2 - low**2) / (low**2 * root)) / 2
    b = (a - 1) ** 2 / 4
    c = a + b - 1
    return (a, b, c), min(1.0, low * (a + b * low**2) / (1 + c * low**2))


def schedule(low: float, enough: float = 1e-11) -> list[Weights]:
    """The steps of a round, until the bound is 1 but for what is `enough`.

    >>> [round(c) for a, b, c in schedule(3e-5)]
    [1704215, 55, 4, 3]
    """
    found = []
    while 1 - low > enough:
        made, low = weights(low)
        found.append(made)
    return found


@dataclass(frozen=True, slots=True)
class Polar:
    """The isometry, kept; its trace; and about how far from one it is, in the Frobenius norm."""

    u: Array
    trace: float
    error: float


def polar(x: Array, tile: int, what: str, near: float, *, hermitian: bool = False) -> Polar:
    """The nearest isometry to a matrix of norm about 1 or less, of a Hermitian one its sign.

    Runs now, a round at a time, until the error is at most `near`, or what has not converged is as small as rounding
    errors are.
    """
    round_ = full_round(x.dtype)
    for _ in range(MOST_ROUNDS):
        found = _run(x, round_, tile, what, hermitian)
        for _ in range(MOST_STEPS):
            if near < found.error < 1e-3:
                found = _run(found.u, [HALLEY], tile, what, hermitian)
        if found.error <= near:
            break
        x = found.u
    return found


def rounds(x: Matrix, todo: list[Weights], tile: int, hermitian: bool) -> Array:
    """What some steps make of a matrix."""
    for weight in todo:
        x = step(x, weight, tile)
    return tiled((x + adjoint(x)) / 2, tile) if hermitian else x


def full_round(dtype: np.dtype[Any]) -> list[Weights]:
    """The steps that take singular values from `least` on to 1."""
    return schedule(least(dtype), float(np.finfo(dtype).eps) ** 0.7)


def _run(x: Matrix, todo: list[Weights], tile: int, what: str, hermitian: bool) -> Polar:
    x = rounds(x, todo, tile, hermitian)
    (u,), (total, far) = run_now([x], [trace(x).real, error_of(x)], what)
    return Polar(u, float(total), float(far))


def error_of(x: Matrix) -> Array:
    """About the Frobenius norm of what a matrix is away from an isometry, by its effect on random vectors.

    A step moves what is near 0 as little as what is near 1, so that what it moved would not tell.
    """
    vectors: Any = Generator(0).standard_normal((x.shape[1], PROBES), chunks=(x.chunks[1], PROBES)).astype(x.dtype)
    far: Any = norm(adjoint(x) @ (x @ vectors) - vectors)
    return far / (2 * math.sqrt(PROBES))  # type: ignore[no-any-return]


def step(x: Matrix, weight: Weights, tile: int) -> Array:
    """x (a I + b x^H x) (I + c x^H x)^-1 as b/c x + (a - b/c) x (I + c x^H x)^-1."""
    a, b, c = weight
    x = tiled(x, tile)
    one: Any = eye(x.shape[1], dtype=x.dtype, chunks=tile)
    lower = cholesky(tiled(one + c * (adjoint(x) @ x), tile), tile)
    if c <= MOST_PLAIN:
        half = solve_triangular(lower, adjoint(x), tile, lower=True)
        solved: Any = adjoint(solve_triangular(lower, half, tile, lower=True, trans="C"))
        return tiled((b / c) * x + (a - b / c) * solved, tile)
    root = math.sqrt(c)
    left: Any = adjoint(x)
    rows: Any = concatenate([tiled(root * left, tile), one], 1)
    q: Any = tiled(solve_triangular(lower, rows, tile, lower=True), tile)
    # The rows of q are orthonormal but for some eps c, so that the inverse of their products is this.
    near: Any = tiled(2 * one - q @ adjoint(q), tile)
    top: Any = adjoint(q[:, : len(x)])
    return tiled((b / c) * x + ((a - b / c) / root) * (top @ tiled(near @ q[:, len(x) :], tile)), tile)


def mirrored(x: Matrix, uplo: str) -> Matrix:
    """The Hermitian matrix of one triangle, its diagonal made real."""
    one: Any = tril(x, -1) if uplo == "L" else triu(x, 1)
    middle: Any = tril(triu(x))
    return one + adjoint(one) + middle.real


def orthonormal(x: Matrix, tile: int, shift: float = 0.0) -> Array:
    """A basis of the range of a matrix that is well conditioned, or is with the `shift` (A. Fukaya et al., "Shifted
    Cholesky QR for computing the QR factorization of ill-conditioned matrices", SIAM J. Sci. Comput. 42, 2020)."""
    products = adjoint(x) @ x
    if shift:
        one: Any = eye(x.shape[1], dtype=x.dtype, chunks=tile)
        products = products + shift * one
    lower = cholesky(tiled(products, tile), tile)
    return adjoint(tiled(solve_triangular(lower, adjoint(x), tile, lower=True), tile))
