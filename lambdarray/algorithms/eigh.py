"""The eigenvalues and eigenvectors of one large Hermitian matrix, by spectral divide and conquer.

The sign of A - s I, a polar factor, tells the eigenvectors of the eigenvalues above s from those below. A
basis of either space makes two smaller matrices, and so on until one is a task's
(Y. Nakatsukasa and N. J. Higham, SIAM J. Sci. Comput. 35, 2013).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..api.array import Array
from ..api.compute import run_now
from ..api.diagonals import diagonal, trace
from ..api.generator import Generator
from ..api.grids import eye
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, of_matrices, sample
from ..api.norms import norm
from ..api.products import matmul
from ..api.sorting import sort
from ..cost.factors import POLAR
from . import band
from .polar import Matrix, least, mirrored, orthonormal, polar
from .spectrum import Spectrum, scaled, spectrum
from .tiles import side, tiled

# A matrix up to this side is one task's, by default: LAPACK takes a quarter of the flops, and a worker has the memory.
MOST_SIDE = 4096
# The eigenvalues of a band of this side are a task of minutes.
MOST_BAND = 1 << 16
# Places for a cut that are tried.
CUTS = 3
WHAT = "the parts of a spectrum"


class Part(NamedTuple):
    """Eigenvalues, least first, and unless they alone are wanted their vectors."""

    values: Array
    vectors: Array | None


def cutting(x: Array, tile: int | None) -> tuple[int, int] | None:
    """The side of the tiles, and the side up to which a matrix is one task's; None where this one is.

    Where the caller chose the tiles, three of them are one task's.

    >>> import lambdarray as la
    >>> cutting(la.ones((4000, 4000)), None), cutting(la.ones((4000, 4000)), 500)
    (None, (500, 1500))
    """
    length, most = side(x, tile, how=POLAR), MOST_SIDE if tile is None else 3 * tile
    return None if length is None or min(x.shape) <= most else (length, most)


def eigh(a: Array, tile: int, most: int, *, uplo: str = "L", vectors: bool = True) -> Part:
    """Of a Hermitian matrix of which one triangle is read; parts up to the side `most` are a task's each.

    Runs now, as often as there are parts of the spectrum; the eigenproblems of the parts are left to be computed.
    Values alone are those of a band, up to the side `MOST_BAND`, and wholly left to be computed.

    >>> import lambdarray as la, numpy as np
    >>> x = la.asarray(np.diag([3.0, 1.0, 4.0, 1.5, 9.0]))
    >>> eigh(x, tile=2, most=4).values.compute().round(12)
    array([1. , 1.5, 3. , 4. , 9. ])
    """
    kind = sample("eigh", [a], {})[1]
    x = tiled(mirrored(a.astype(kind), uplo), tile)
    if not vectors and len(x) <= MOST_BAND:
        return Part(band.eigvalsh(x, tile), None)
    x, power = scaled(x, WHAT, "Eigenvalues did not converge")
    made = parts(x, tile, most if vectors else MOST_BAND, vectors)
    values: Any = made.values
    return Part(values * power, made.vectors)


def parts(x: Array, tile: int, most: int, vectors: bool = True) -> Part:
    """As `eigh`, of a matrix in tiles that is Hermitian."""
    made = _parts(x, tile, most, vectors, 0.0)
    # Parts meet at cuts that eigenvalues may lie on, but for rounding.
    return Part(sort(made.values), made.vectors)


def _parts(x: Matrix, tile: int, most: int, vectors: bool, scale: float) -> Part:
    """Of a matrix in tiles; `scale` is the norm of the one that it is a part of, to which rounding errors are."""
    if len(x) <= most:
        return _whole(x, tile, vectors)
    one: Any = eye(len(x), dtype=x.dtype, chunks=tile)
    centre: Any = trace(x)
    off = x - (centre / len(x)) * one
    given = x
    x, spread, found = spectrum(lambda v: given @ v, given, norm(off), WHAT)
    scale = max(scale, found.size)
    # What differs from a multiple of the identity by a part of the rounding error allowed is one.
    eps = float(np.finfo(x.dtype).eps)
    if spread <= len(x) * eps / 4 * scale:
        return Part(sort(diagonal(x).real), one if vectors else None)
    halves = _divided(x, found, found.cuts(CUTS, len(x), most, least(x.dtype), 4 * eps * scale), tile)
    if halves is None:
        return _whole(x, tile, vectors)
    found_in = [_parts(part, tile, most, vectors, scale) for _, part in halves]
    return _joined([basis for basis, _ in halves], found_in, tile)


def _joined(bases: list[Array], parts: list[Part], tile: int) -> Part:
    """What is known of both parts as that of the whole."""
    values = concatenate([part.values for part in parts])
    images = [tiled(matmul(b, p.vectors), tile) for b, p in zip(bases, parts, strict=True) if p.vectors is not None]
    return Part(values, tiled(concatenate(images, 1), tile) if images else None)


def near(dtype: np.dtype[Any]) -> float:
    """What is left of the error of a sign, of which two projections leave the square."""
    return math.pow(np.finfo(dtype).eps, 0.55)


def _whole(x: Array, tile: int, vectors: bool) -> Part:
    """Of a part that is divided no more."""
    if not vectors:
        return Part(band.eigvalsh(x, tile), None)
    return Part(*of_matrices("eigh", [x], [x.shape[-1:], x.shape[-2:]], uplo="L"))


def _divided(x: Matrix, found: Spectrum, cuts: list[float], tile: int) -> list[tuple[Matrix, Matrix]] | None:
    """Bases of two invariant subspaces, the one of lesser eigenvalues first, and what the matrix is on each."""
    one: Any = eye(len(x), dtype=x.dtype, chunks=tile)
    for cut in cuts:
        size = 1.1 * float(np.abs(found.nodes - cut).max())
        start = (x - cut * one) / size
        sign = polar(start, tile, WHAT, near(x.dtype), hermitian=True)
        above = round((len(x) + sign.trace) / 2) if sign.error <= near(x.dtype) else 0
        if 0 < above < len(x):
            return _kept(x, [_basis(sign.u, -1, len(x) - above, tile), _basis(sign.u, 1, above, tile)], tile)
    return None


def _basis(sign: Matrix, side: int, count: int, tile: int) -> Array:
    """An orthonormal basis of the vectors that the sign takes to `side` times themselves."""
    n, eps = len(sign), float(np.finfo(sign.dtype).eps)
    basis: Any = Generator(n + side).standard_normal((n, count), chunks=tile).astype(sign.dtype)
    # Random vectors projected may be badly conditioned; the first projection mends the rounding errors of that.
    for shift in (4 * n * n * eps, *([0.0] if eps < 1e-10 else [0.0, 0.0])):
        basis = orthonormal(tiled((basis + side * (sign @ basis)) / 2, tile), tile, shift)
    return tiled(basis, tile)


def _kept(x: Matrix, bases: list[Matrix], tile: int) -> list[tuple[Matrix, Matrix]]:
    inner = [tiled(matmul(adjoint(basis), tiled(x @ basis, tile)), tile) for basis in bases]
    (low, high, below, above), _ = run_now([*bases, *inner], [], WHAT)
    return [(low, below), (high, above)]
