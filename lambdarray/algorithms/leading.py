"""The leading eigenvalues and singular values of large matrices by random subspaces, and how far off they may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.factors import EighResult, qr
from ..api.generator import Generator
from ..api.indexing import take
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, of_matrices, sample, square
from ..api.norms import norm
from ..api.products import matmul
from ..api.reductions import max as max_
from ..api.sorting import argsort, sort

WHICH = ("LM", "LA", "SA")


def eigsh(
    A: Any,
    k: int = 6,
    which: str = "LM",
    *,
    n_power_iter: int = 4,
    n_oversamples: int = 10,
    seed: Any = None,
) -> EighResult:
    """`k` eigenvalues of a Hermitian matrix, least first, and their vectors, nearly: as scipy.sparse.linalg's.

    Those of the greatest absolute value ("LM"), the greatest ("LA") or the least ("SA"), in the space that random
    vectors and `n_power_iter` products with the matrix span: each more makes them much better
    (C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster approximate singular value
    decomposition", 2015). `eigsh_error` bounds the error of each.

    >>> import lambdarray as la, numpy as np
    >>> a = la.asarray(np.diag(0.5 ** np.arange(40)), chunks=10)
    >>> la.linalg.eigsh(a, 2, seed=0).eigenvalues.compute().round(6)
    array([0.5, 1. ])
    """
    x: Any = square(A)
    if which not in WHICH:
        raise ValueError(f"which={which!r} is none of {', '.join(map(repr, WHICH))}")
    if x.ndim != 2 or not 0 < k <= len(x):
        raise ValueError(f"{k} eigenvalues of an array of shape {x.shape}: it must be a matrix of at least as many")
    n, kind = len(x), sample("eigh", [x], {})[1]
    x = x.astype(kind, copy=False)
    width = min(k + n_oversamples, n)
    block: Any = Generator(seed).standard_normal((n, width), chunks=(x.chunks[0], width)).astype(kind)
    blocks = [qr(matmul(x, block)).Q]
    for _ in range(min(n_power_iter, n // width - 1)):
        blocks.append(_new(matmul(x, blocks[-1]), blocks))
    basis = qr(concatenate(blocks, 1)).Q
    inner = matmul(adjoint(basis), matmul(x, basis))
    values, vectors = of_matrices("eigh", [inner], [inner.shape[-1:], inner.shape[-2:]], uplo="L")
    size: Any = {"LM": np.abs(values), "LA": values, "SA": np.negative(values)}[which]  # type: ignore[call-overload]
    places = sort(argsort(size, descending=True)[:k])
    return EighResult(take(values, places), matmul(basis, take(vectors, places, axis=1)))


def _new(image: Array, blocks: list[Array]) -> Array:
    """What an image of the last block adds to those before, orthonormal."""
    made: Any = image
    for _ in range(2):
        for block in blocks:
            made = made - matmul(block, matmul(adjoint(block), made))
    q: Array = qr(made).Q
    return q


def eigsh_error(a: Any, eigenvalues: Any, eigenvectors: Any) -> Array:
    """For each approximate eigenvalue how far the next true one is, at most: the norm of its residual.

    B. N. Parlett, "The Symmetric Eigenvalue Problem", 1998, section 4.5.

    >>> import lambdarray as la, numpy as np
    >>> a = la.asarray(np.diag([1.0, 2.0]))
    >>> la.linalg.eigsh_error(a, la.asarray([2.5]), la.asarray([[0.0], [1.0]])).compute()
    array([0.5])
    """
    image: Any = matmul(square(a), eigenvectors)
    return norm(image - eigenvectors * eigenvalues, axis=0)


def svd_error(a: Any, u: Any, s: Any, vh: Any, *, probes: int = 10, seed: Any = None) -> Array:
    """A bound of the spectral norm of a - u @ diag(s) @ vh, which holds but for a chance of 10^-probes.

    From what is left of random vectors (N. Halko et al., "Finding structure with randomness", SIAM Review 53, 2011,
    section 4.3): `a` is read once, and the bound is seldom more than a few times the norm.

    >>> import lambdarray as la
    >>> a = la.ones((50, 40), chunks=20)
    >>> bool(la.linalg.svd_error(a, *la.linalg.svd_compressed(a, 1, seed=0)) < 1e-11)
    True
    """
    n = a.shape[1]
    vectors: Any = Generator(seed).standard_normal((n, probes), chunks=(a.chunks[1], probes)).astype(vh.dtype)
    scaled: Any = u * s
    seen: Any = matmul(a, vectors)
    most: Any = max_(norm(seen - matmul(scaled, matmul(vh, vectors)), axis=0))
    return 10 * math.sqrt(2 / math.pi) * most  # type: ignore[no-any-return]
