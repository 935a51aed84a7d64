"""What is claimed of the results of each factorisation and solution: the checks that `verify=True` adds to them.

Backward errors are compared with small multiples of n eps times the sizes of the matrices, and of Q with orthonormal
columns it is claimed that Q^H Q is the identity. Where the input is not finite nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.creation import asarray
from .checks import Factor, Term, checked, halves, known, minus, plus, verdict


def _with(made: Any, *verdicts: Array) -> Any:
    """The results with their checks, as what they came in."""
    if isinstance(made, Array):
        return checked([made], *verdicts)[0]
    parts = iter(checked([x for x in made if isinstance(x, Array)], *verdicts))
    whole = [next(parts) if isinstance(x, Array) else x for x in made]
    return type(made)(*whole) if hasattr(made, "_fields") else tuple(whole)


def _empty(*arrays: Array) -> bool:
    return any(0 in x.shape for x in arrays)


def _orthonormal(what: str, q: Array, a: Array) -> Array:
    """The claim that the columns of `q`, which was made of `a`, are orthonormal."""
    term = known(a) if q.shape[-1] == a.shape[-2] else known(Factor(a).H)
    return verdict(f"{what} is not orthonormal: it", [term, plus(Factor(q).H, q)], identity=True)


def of_cholesky(made: Array, a: Any, /, *, upper: bool = False, **_: Any) -> Array:
    """A = L L^H, or U^H U."""
    x = asarray(a)
    if _empty(x):
        return made
    half = Factor(made)
    terms = [*halves(x, not upper), minus(half.H, half) if upper else minus(half, half.H)]
    return _with(made, verdict(f"the Cholesky factor of {x.shape}", terms, given=2))  # type: ignore[no-any-return]


def of_lu(made: Any, a: Any, permute_l: bool = False, *_: Any, p_indices: bool = False, **__: Any) -> Any:
    """A = P L U."""
    x = asarray(a)
    if _empty(x):
        return made
    factors = [Factor(made[0], "rows"), *made[1:]] if len(made) == 3 and made[0].ndim < x.ndim else made
    return _with(made, verdict(f"the LU factorisation of {x.shape}", [plus(x), minus(*factors)]))


def of_qr(made: Any, a: Any, mode: str = "reduced", **_: Any) -> Any:
    """A = Q R and Q^H Q = I; of R alone that R^H R = A^H A, and nothing of reflectors."""
    x = asarray(a)
    if _empty(x) or mode == "raw":
        return made
    what = f"the QR factorisation of {x.shape}"
    if mode == "r":
        return _with(made, verdict(what, [plus(Factor(x).H, x), minus(Factor(made).H, made)]))
    return _with(made, verdict(what, [plus(x), minus(*made)]), _orthonormal("Q", made[0], x))


def of_eigh(made: Any, a: Any, UPLO: str = "L", **_: Any) -> Any:
    """A V = V W and V^H V = I."""
    x = asarray(a)
    if _empty(x):
        return made
    values, vectors = made
    sides = [plus(*half.factors, vectors) for half in halves(x, UPLO.upper() == "L")]
    terms = [known(x), *sides, minus(vectors, Factor(values, "diagonal"))]
    return _with(made, verdict(f"the eigenvectors of {x.shape}", terms), _orthonormal("V", vectors, x))


def of_svd(
    made: Any, a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False, **_: Any
) -> Any:
    """A = U S V^H, and both U and V have orthonormal columns; nothing of singular values alone."""
    x = asarray(a)
    if _empty(x) or isinstance(made, Array):
        return made
    u, s, vh = made
    k = s.shape[-1]
    whole: Sequence[Term] = halves(x) if hermitian else [plus(x)]
    terms = [*whole, minus(u[..., :, :k], Factor(s, "diagonal"), vh[..., :k, :])]
    found = verdict(f"the singular value decomposition of {x.shape}", terms, given=len(whole))
    return _with(made, found, _orthonormal("U", u, x), _orthonormal("V", Factor(vh).H.array, x.mT))


def of_inverse(made: Array, a: Any, **_: Any) -> Array:
    """A X = I."""
    x = asarray(a)
    if _empty(x):
        return made
    found = verdict(f"the inverse of {x.shape}", [known(x), plus(x, made)], identity=True)
    return _with(made, found)  # type: ignore[no-any-return]


def of_solution(made: Array, a: Any, b: Any, *, assume_a: str | None = None, lower: bool = False, **_: Any) -> Array:
    """A X = B; of A only what `assume_a` says is read."""
    x, right = asarray(a), asarray(b)
    if _empty(x, right):
        return made
    found, right = (made[..., None], right[:, None]) if right.ndim == 1 else (made, right)
    sides = [plus(*part.factors, found) for part in _assumed(x, assume_a, lower)]
    terms = [minus(right), known(x), *sides]
    claim = verdict(f"the solution of {x.shape} and {right.shape}", terms, given=2)
    return _with(made, claim)  # type: ignore[no-any-return]


def _assumed(x: Array, assume_a: str | None, lower: bool) -> Sequence[Term]:
    """The matrix as a sum of the parts of it that are read."""
    name = assume_a or "gen"
    if name.startswith(("pos", "her")):
        return halves(x, lower)
    if name.startswith("sym"):
        one = x if lower else x.mT
        return [plus(Factor(one, "triangle")), plus(Factor(one.mT, "upper"))]
    if name in ("lower triangular", "upper triangular"):
        return [plus(Factor(x, "triangle" if name[0] == "l" else "upper triangle"))]
    if name == "diagonal":
        from ..api.diagonals import diagonal

        return [plus(Factor(diagonal(x, 0, -2, -1), "diagonal"))]
    return [plus(x)]


def of_least_squares(made: Any, a: Any, b: Any, rcond: Any = None, **_: Any) -> Any:
    """A^H (A X - B) = 0, but for what is left out of A with its small singular values."""
    x, right = asarray(a), asarray(b)
    if _empty(x, right):
        return made
    found, right = (made[0][:, None], right[:, None]) if right.ndim == 1 else (made[0], right)
    terms = [minus(Factor(x).H, right), plus(Factor(x).H, x, found)]
    limit = float(np.max(rcond)) if rcond is not None else 0.0
    return _with(made, verdict(f"the least squares of {x.shape} and {right.shape}", terms, limit=limit))
