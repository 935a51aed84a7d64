"""Where the eigenvalues of a Hermitian matrix lie, roughly: what a divide and conquer chooses its cuts by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.compute import run_now
from ..api.elementwise import where
from ..api.generator import Generator
from ..api.manipulation import stack
from ..api.norms import norm
from ..api.reductions import max as max_
from ..api.reductions import sum as sum_

# Random vectors, and products with the matrix.
VECTORS, STEPS = 8, 16
# Flops per n^3: of a round of the polar iteration, of making bases and parts, and of one task's eigenproblem.
ROUND, BASES, ONE_TASK = 25, 11, 9


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Ritz values, which lie among the eigenvalues, with the share of the spectrum that each stands for."""

    nodes: np.ndarray[Any, Any]
    shares: np.ndarray[Any, Any]

    @property
    def size(self) -> float:
        """The greatest absolute value."""
        return float(np.abs(self.nodes).max())

    def cuts(self, count: int, side: int, most: int, low: float, least: float = 0.0) -> list[float]:
        """The best places to cut the spectrum of a matrix of `side` into parts, of which those up to `most` are done.

        They are in gaps wider than `least`. A gap takes another round of the polar iteration for each factor `low`.

        >>> Spectrum(np.array([0.0, 0.1, 0.9, 1.0]), np.full(4, 0.25)).cuts(1, 100, 60, 1e-5)
        [0.49]
        """
        gaps, below = np.diff(self.nodes), np.cumsum(self.shares)[:-1] / self.shares.sum()
        wide = gaps > least
        # Not the middle: an eigenvalue may lie just there in matrices with a symmetric spectrum.
        places, gaps, below = (self.nodes[:-1] + 0.4875 * gaps)[wide], gaps[wide], below[wide]
        extent = np.maximum(places - self.nodes[0], self.nodes[-1] - places)
        # Where there are more eigenvalues than nodes, one is nearer than a node.
        rounds = np.log(gaps / 2 / extent * min(1.0, len(self.nodes) / side)) / np.log(low)
        cost = ROUND * np.maximum(rounds, 1) + rounds + BASES
        for share in (below, 1 - below):
            cost += np.where(share * side <= most, ONE_TASK, ROUND + BASES + ONE_TASK) * share**3
        return [float(places[i]) for i in np.argsort(cost, kind="stable")[:count]]


def scaled(x: Any, what: str, fails: str) -> tuple[Array, float]:
    """The matrix with elements of at most about 1, kept, and the power of 2 that it was divided by; runs now.

    So that no square overflows or is lost. LinAlgError, which says `fails`, where there is what is not finite.
    """
    (kept,), (largest,) = run_now([x], [max_(np.abs(x), initial=0)], what)
    if not np.isfinite(largest):
        raise np.linalg.LinAlgError(fails)
    most = np.finfo(x.dtype).maxexp - 8
    power = 2.0 ** min(max(math.frexp(largest)[1], -most), most)
    made: Any = kept
    return made / x.dtype.type(power), power


def spectrum(apply: Callable[[Array], Array], x: Array, size: Array, what: str) -> tuple[Array, float, Spectrum]:
    """The matrix `x`, kept, the value of `size`, and the spectrum of the Hermitian `apply`; runs now.

    By the Lanczos process from random vectors, each alone (G. H. Golub and G. Meurant, "Matrices, Moments and
    Quadrature", 2010): the weights of the quadrature are the shares.
    """
    n = x.shape[1]
    vector: Any = Generator(0).standard_normal((n, VECTORS), chunks=(x.chunks[1], VECTORS))
    vector = (vector / norm(vector, axis=0)).astype(x.dtype)
    before: Any = None
    middle: list[Array] = []
    off: list[Any] = []
    for _ in range(min(STEPS, n)):
        image: Any = apply(vector)
        if off:
            image = image - off[-1] * before
        middle.append(sum_((vector.conj() * image).real, 0))
        image = image - middle[-1] * vector
        off.append(norm(image, axis=0))
        before, vector = vector, (image / where(off[-1] > 0, off[-1], 1)).astype(x.dtype)
    (kept,), (total, diagonal, beside) = run_now([x], [size, stack(middle), stack(off)], what)
    return kept, float(total), _quadrature(diagonal.T.astype(float), beside.T.astype(float))


def _quadrature(diagonal: np.ndarray[Any, Any], off: np.ndarray[Any, Any]) -> Spectrum:
    """Of the tridiagonal matrices, a row of each array for each."""
    places = np.arange(diagonal.shape[1])
    tridiagonal = np.zeros((len(diagonal), places.size, places.size))
    tridiagonal[:, places, places] = diagonal
    tridiagonal[:, places[1:], places[:-1]] = off[:, :-1]
    nodes, vectors = np.linalg.eigh(tridiagonal)
    shares = vectors[:, 0, :] ** 2
    kept = shares > 1e-10
    order = np.argsort(nodes[kept])
    return Spectrum(nodes[kept][order], shares[kept][order])
