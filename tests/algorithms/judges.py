"""Judges that measure a factorisation of ours, in tiles, beside SciPy's of the same matrix.

Backward errors, orthogonality and growth are each to be at most ten times SciPy's, or the size times the rounding
error, whichever is more. All is measured in double precision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

import lambdarray as la

from .families import GENERAL, HERMITIAN, POSITIVE, SHAPES, Make, Matrix, normal

Measures = dict[str, float]
DTYPES = ("float32", "float64", "complex64", "complex128")
LEAST_TILES = 4
TIMES_SCIPYS = 10.0
# Growth is no rounding error: what is no more than this is never too much.
FEW = 4.0


# -- measures


def _wide(x: Any) -> Matrix:
    made = np.asarray(x)
    return made.astype(np.complex128 if made.dtype.kind == "c" else np.float64)


def _over(value: Any, scale: float) -> float:
    """The size of an array over a scale; 0 where there is nothing."""
    found = float(np.linalg.norm(value))
    return found / scale if scale else found


def _size(*factors: Any) -> float:
    return float(np.prod([np.linalg.norm(x) for x in factors]))


def _from_identity(q: Matrix) -> float:
    return _over(q.conj().T @ q - np.eye(q.shape[1]), q.shape[1] ** 0.5)


def _of_cholesky(a: Matrix, b: Matrix, factor: Matrix) -> Measures:
    return {"error": _over(a - factor @ factor.conj().T, _size(a)), "above": float(np.abs(np.triu(factor, 1)).max())}


def _of_lu(a: Matrix, b: Matrix, rows: Matrix, lower: Matrix, upper: Matrix) -> Measures:
    # Summed from the other end: where elements grow, the product's roundings would undo those of the factorisation.
    placed = (lower[:, ::-1] @ upper[::-1])[rows.real.astype(int)]
    growth = float(np.abs(upper).max() / (np.abs(a).max() or 1.0))
    return {"error": _over(a - placed, _size(a)), "growth": growth}


def _of_qr(a: Matrix, b: Matrix, q: Matrix, r: Matrix) -> Measures:
    below = float(np.abs(np.tril(r, -1)).max(initial=0.0))
    return {"error": _over(a - q @ r, _size(a)), "orthogonality": _from_identity(q), "below": below}


def _of_r(a: Matrix, b: Matrix, r: Matrix) -> Measures:
    return {"error": _over(a.conj().T @ a - r.conj().T @ r, _size(a, a))}


def _of_svd(a: Matrix, b: Matrix, u: Matrix, s: Matrix, vh: Matrix) -> Measures:
    apart = max(_from_identity(u), _from_identity(vh.conj().T))
    return {"error": _over(a - (u * s) @ vh, _size(a)), "orthogonality": apart}


def _of_values(a: Matrix, b: Matrix, values: Matrix) -> Measures:
    """How far singular values are from those of LAPACK in double precision."""
    return {"error": _over(values - scipy.linalg.svdvals(a), _size(a))}


def _of_eigh(a: Matrix, b: Matrix, w: Matrix, v: Matrix) -> Measures:
    return {"error": _over(a - (v * w) @ v.conj().T, _size(a)), "orthogonality": _from_identity(v)}


def _of_eigenvalues(a: Matrix, b: Matrix, values: Matrix) -> Measures:
    return {"error": _over(values - scipy.linalg.eigvalsh(a), _size(a))}


def _of_solution(a: Matrix, b: Matrix, x: Matrix) -> Measures:
    return {"error": _over(b - a @ x, _size(a, x) + _size(b))}


def _of_inverse(a: Matrix, b: Matrix, x: Matrix) -> Measures:
    return {"error": _over(a @ x - np.eye(len(a)), _size(a, x))}


def _of_least_squares(a: Matrix, b: Matrix, x: Matrix) -> Measures:
    """How far the residual is from being orthogonal to the columns."""
    return {"error": _over(a.conj().T @ (b - a @ x), _size(a) * (_size(a, x) + _size(b)))}


def _of_pseudoinverse(a: Matrix, b: Matrix, x: Matrix) -> Measures:
    return {"error": _over(a @ x @ a - a, _size(a, a, x))}


# -- judges


@dataclass(frozen=True)
class Judge:
    """A function of ours beside SciPy's: both give arrays, of which `measure` makes figures.

    ours      of our matrix, our right-hand side and `tile`
    scipys    of NumPy's matrix and right-hand side
    measure   of the matrix, the right-hand side and the result, all in double precision
    families  by name the matrices that it is for
    shapes    beside square ones
    """

    ours: Callable[..., Any]
    scipys: Callable[..., Any]
    measure: Callable[..., Measures]
    families: Mapping[str, Make]
    shapes: tuple[str, ...] = ()


def _without(families: Mapping[str, Make], *names: str) -> dict[str, Make]:
    return {name: make for name, make in families.items() if name not in names}


def _scipys_lu(a: Matrix, b: Matrix) -> Any:
    return scipy.linalg.lu(a, p_indices=True)


def _least_squares(a: Matrix, b: Matrix) -> Any:
    return scipy.linalg.lstsq(a, b)[0]


INVERTIBLE = _without(GENERAL, "rank-deficient", "Hilbert")
JUDGES: Mapping[str, Judge] = {
    "cholesky": Judge(
        lambda a, b, tile: la.linalg.cholesky(a, tile=tile),
        lambda a, b: scipy.linalg.cholesky(a, lower=True),
        _of_cholesky,
        POSITIVE,
    ),
    "solve, assume_a='pos'": Judge(
        lambda a, b, tile: la.linalg.solve(a, b, assume_a="pos", tile=tile),
        lambda a, b: scipy.linalg.solve(a, b, assume_a="pos"),
        _of_solution,
        POSITIVE,
    ),
    "lu": Judge(
        lambda a, b, tile: la.linalg.lu(a, p_indices=True, tile=tile), _scipys_lu, _of_lu, GENERAL, ("tall", "wide")
    ),
    "solve": Judge(lambda a, b, tile: la.linalg.solve(a, b, tile=tile), scipy.linalg.solve, _of_solution, INVERTIBLE),
    "inv": Judge(
        lambda a, b, tile: la.linalg.inv(a, tile=tile), lambda a, b: scipy.linalg.inv(a), _of_inverse, INVERTIBLE
    ),
    "qr": Judge(
        lambda a, b, tile: la.linalg.qr(a, tile=tile),
        lambda a, b: scipy.linalg.qr(a, mode="economic"),
        _of_qr,
        GENERAL,
        ("tall", "wide"),
    ),
    "qr, mode='complete'": Judge(
        lambda a, b, tile: la.linalg.qr(a, "complete", tile=tile),
        lambda a, b: scipy.linalg.qr(a),
        _of_qr,
        GENERAL,
        ("tall", "wide"),
    ),
    "qr, mode='r'": Judge(
        lambda a, b, tile: la.linalg.qr(a, "r", tile=tile),
        lambda a, b: scipy.linalg.qr(a, mode="r")[0],
        _of_r,
        GENERAL,
        ("tall", "wide"),
    ),
    "lstsq": Judge(
        lambda a, b, tile: la.linalg.lstsq(a, b, tile=tile)[0],
        _least_squares,
        _of_least_squares,
        GENERAL,
        ("tall", "wide"),
    ),
    "pinv": Judge(
        lambda a, b, tile: la.linalg.pinv(a, tile=tile, rtol=None),
        lambda a, b: scipy.linalg.pinv(a),
        _of_pseudoinverse,
        GENERAL,
        ("tall", "wide"),
    ),
    "svd": Judge(
        lambda a, b, tile: la.linalg.svd(a, full_matrices=False, tile=tile),
        lambda a, b: scipy.linalg.svd(a, full_matrices=False),
        _of_svd,
        GENERAL,
        ("tall", "wide"),
    ),
    "svdvals": Judge(
        lambda a, b, tile: la.linalg.svdvals(a, tile=tile),
        lambda a, b: scipy.linalg.svdvals(a),
        _of_values,
        GENERAL,
        ("tall", "wide"),
    ),
    "eigh": Judge(
        lambda a, b, tile: la.linalg.eigh(a, tile=tile), lambda a, b: scipy.linalg.eigh(a), _of_eigh, HERMITIAN
    ),
    "eigvalsh": Judge(
        lambda a, b, tile: la.linalg.eigvalsh(a, tile=tile),
        lambda a, b: scipy.linalg.eigvalsh(a),
        _of_eigenvalues,
        HERMITIAN,
    ),
}


@dataclass(frozen=True)
class Case:
    """What a judge is given: a family's matrix, square of side `size`, or with that as its longer side."""

    judge: str
    family: str
    shape: str
    size: int
    dtype: str

    def __str__(self) -> str:
        return f"{self.judge}, {self.family}, {self.shape}, {self.size}, {self.dtype}"


@dataclass(frozen=True)
class Figure:
    """A measure of ours, SciPy's, and what is allowed."""

    measure: str
    ours: float
    scipys: float
    allowed: float

    @property
    def good(self) -> bool:
        """Whether ours is no more than allowed; never where it is no number."""
        return self.ours <= self.allowed


def cases(judge: str, sizes: tuple[int, ...], dtypes: tuple[str, ...] = DTYPES) -> Iterator[Case]:
    """All cases of a judge: every family as square matrices, and in other shapes where it takes these."""
    found = JUDGES[judge]
    for shape in ("square", *found.shapes):
        for family in found.families:
            for size in sizes:
                yield from (Case(judge, family, shape, size, dtype) for dtype in dtypes)


def some(judge: str, size: int) -> Iterator[Case]:
    """A case for each family, and one for each other shape; the dtypes take turns."""
    found = JUDGES[judge]
    pairs = [("square", family) for family in found.families]
    pairs += [(shape, next(iter(found.families))) for shape in found.shapes]
    for n, (shape, family) in enumerate(pairs):
        yield Case(judge, family, shape, size, DTYPES[(n + len(judge)) % len(DTYPES)])


def tile_of(m: int, n: int) -> int:
    """A tile of which at least four are needed a side and that divides neither, where sides are long enough."""
    side = max(1, (min(m, n) - 1) // LEAST_TILES)
    while side > 1 and (m % side == 0 or n % side == 0):
        side -= 1
    return side


def ragged(size: int) -> tuple[int, ...]:
    """Chunks that no tile fits: of one row, of some, and the rest."""
    return (1, size // 3, size - 1 - size // 3) if size > 3 else (1,) * size


def inputs(case: Case) -> tuple[Matrix, Matrix]:
    """The matrix and a right-hand side of three columns."""
    dtype = np.dtype(case.dtype)
    m, n = SHAPES[case.shape](case.size)
    rng = np.random.default_rng([m, n, *case.family.encode()])
    return JUDGES[case.judge].families[case.family](rng, m, n, dtype), normal(rng, m, 3, dtype)


def judged(case: Case) -> list[Figure]:
    """The figures of one case."""
    judge = JUDGES[case.judge]
    a, b = inputs(case)
    kind, tile = np.dtype(case.dtype), tile_of(*a.shape)
    ours = judge.ours(la.from_array(a, chunks=(ragged(a.shape[0]), ragged(a.shape[1]))), la.from_array(b), tile)
    mine = _measured(judge, a, b, la.compute(*ours) if isinstance(ours, tuple) else (ours.compute(),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)  # that they are ill-conditioned is the point
        theirs = judge.scipys(a, b)
    others = _measured(judge, a, b, theirs if isinstance(theirs, tuple) else (theirs,))
    eps = float(np.finfo(kind).eps)
    return [Figure(name, value, others[name], _allowed(name, others[name], eps, a)) for name, value in mine.items()]


def _allowed(measure: str, scipys: float, eps: float, a: Matrix) -> float:
    """Ten times SciPy's, or the size times the rounding error."""
    if measure == "growth":
        return max(TIMES_SCIPYS * scipys, FEW)
    return max(TIMES_SCIPYS * scipys, max(a.shape) * eps)


def _measured(judge: Judge, a: Matrix, b: Matrix, parts: Any) -> Measures:
    return judge.measure(_wide(a), _wide(b), *map(_wide, parts))
