"""Where the eigenvalues of a Hermitian matrix lie, roughly: what a divide and conquer chooses its cuts by."""

from __future__ import annotations

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
from ..api.reductions import sum as sum_

# Random vectors, and products with the matrix.
VECTORS, STEPS = 8, 16


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Ritz values, which lie among the eigenvalues, with the share of the spectrum that each stands for."""

    nodes: np.ndarray[Any, Any]
    shares: np.ndarray[Any, Any]

    def cuts(self, count: int) -> list[float]:
        """The best places to cut the spectrum: in a gap, and with much on both sides.

        >>> Spectrum(np.array([0.0, 0.1, 0.9, 1.0]), np.full(4, 0.25)).cuts(1)
        [0.49]
        """
        below = np.cumsum(self.shares)[:-1] / self.shares.sum()
        gaps = np.diff(self.nodes)
        best = np.argsort(-gaps * (below * (1 - below)) ** 2, kind="stable")[:count]
        # Not the middle: an eigenvalue may lie just there in matrices with a symmetric spectrum.
        return [float(self.nodes[i] + 0.4875 * gaps[i]) for i in best if gaps[i] > 0]


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
    if not (np.isfinite(diagonal).all() and np.isfinite(off).all()):
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    places = np.arange(diagonal.shape[1])
    tridiagonal = np.zeros((len(diagonal), places.size, places.size))
    tridiagonal[:, places, places] = diagonal
    tridiagonal[:, places[1:], places[:-1]] = off[:, :-1]
    nodes, vectors = np.linalg.eigh(tridiagonal)
    shares = vectors[:, 0, :] ** 2
    kept = shares > 1e-10
    order = np.argsort(nodes[kept])
    return Spectrum(nodes[kept][order], shares[kept][order])
