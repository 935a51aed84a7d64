"""Results that check themselves: what was made agrees with what it was made from, for a few fixed vectors.

A claim is a sum of products of matrices that is zero, or the identity: C - A B, or Q^H Q. Each is applied to three
vectors of +-1 from the right to the left, at O(n^2) work and no more bytes than reading its matrices once, and
compared with what rounding can explain. The results carry their checks (`ops.Checked`): a run that makes one of them
runs the checks too, and raises VerificationError where one fails.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from lambdarray_kernels.checks import FIGURES, WIDTH
from lambdarray_kernels.checks import VECTORS as VECTORS

from ..api.array import Array
from ..config import get_config
from ..ops import Checked
from ..tiling import Cuts

# A block of a matrix that a task takes at once.
MOST_BYTES = 256 << 20
# How far above the norm of a row of errors its product with a vector of +-1 may be, by chance (kernels/checks.py).
BY_CHANCE = 8
_within: ContextVar[bool] = ContextVar("within", default=False)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Factor:
    """A matrix in a product: all of it, or a `part` as the kernel `sketch` has them.

    A vector stands for a matrix where the part is "diagonal", or "rows": which row of what follows each row is.
    """

    array: Array
    part: str = ""
    conj: bool = False

    @property
    def H(self) -> Factor:  # noqa: N802
        """Its conjugate transpose."""
        return Factor(self.array.mT, self.part, not self.conj)


@dataclass(frozen=True, slots=True)
class Term:
    """A product of factors with its sign."""

    sign: int
    factors: tuple[Factor, ...]


def plus(*factors: Any) -> Term:
    """A product that is added; factors may be arrays."""
    return Term(1, tuple(f if isinstance(f, Factor) else Factor(f) for f in factors))


def minus(*factors: Any) -> Term:
    """A product that is taken away."""
    return replace(plus(*factors), sign=-1)


def known(factor: Any) -> Term:
    """A matrix of the input that is no part of the sum: where it is not finite nothing is claimed."""
    return replace(plus(factor), sign=0)


def halves(x: Array, lower: bool = True) -> tuple[Term, Term]:
    """The Hermitian matrix of which only one triangle of `x` is read."""
    one = Factor(x) if lower else Factor(x).H
    strict = replace(one.H, part="upper")
    return plus(replace(one, part="lower")), plus(strict)


def wanted(verify: bool | None) -> bool:
    """Whether a result is to be checked: as the caller or the setting says, but not as a part of another."""
    if verify is not None and not isinstance(verify, bool | np.bool_):
        raise TypeError(f"verify={verify!r} is none of True, False and None (the setting)")
    return not _within.get() and bool(get_config().verify if verify is None else verify)


@contextmanager
def quiet() -> Iterator[None]:
    """Products made here are part of something that is checked as a whole, or not at all."""
    token = _within.set(True)
    try:
        yield
    finally:
        _within.reset(token)


def verifiable(check: Callable[..., Any]) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Give a function the keyword `verify`; `check(result, *arguments)` is the result with its checks."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        @wraps(function)
        def call(*args: Any, verify: bool | None = None, **kwargs: Any) -> Result:
            found = wanted(verify)
            with quiet():
                made = function(*args, **kwargs)
                return check(made, *args, **kwargs) if found else made  # type: ignore[no-any-return]

        call.__signature__ = _with_verify(function)  # type: ignore[attr-defined]
        return call

    return decorate


def _with_verify(function: Callable[..., Any]) -> inspect.Signature:
    found = inspect.signature(function)
    verify = inspect.Parameter("verify", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="bool | None")
    return found.replace(parameters=[*found.parameters.values(), verify])


def checked(results: Sequence[Array], *verdicts: Array) -> tuple[Array, ...]:
    """The results, of which each run that makes one makes the verdicts too.

    >>> import lambdarray as la
    >>> a, c = la.ones((4, 4)), la.full((4, 4), 4.0) + 0
    >>> good, = checked([c], verdict("the product", [minus(a, a), plus(c)]))
    >>> float(good.sum())
    64.0
    """
    ops = tuple(v._op for v in verdicts)
    return tuple(Array(Checked((x._op, *ops), x._op.tiling, x.dtype)) for x in results)


def verdict(
    what: str,
    terms: Sequence[Term],
    *,
    given: int = 1,
    identity: bool = False,
    by_row: bool = False,
    limit: float = 0.0,
    raises: bool = True,
) -> Array:
    """The residual of a claim as a share of what rounding explains, for each matrix; the run that makes it may raise.

    The first `given` terms are the input's: where these are not finite nothing is claimed. `by_row` each row is
    compared with the size of its own sums, as products have it, else with that of the whole matrix. `limit` is what
    may be wrong beyond rounding, as a share of the size.
    """
    kind = np.result_type(*(f.array.dtype for t in terms for f in t.factors))
    kind = kind if kind.kind in "iu" else np.result_type(kind, np.float64)
    sketches = [_applied(t.factors, kind) for t in terms]
    params = {"signs": [t.sign for t in terms], "given": given, "identity": identity, "by_row": by_row}
    found = _residual(sketches, rounding=_rounding(terms, kind, by_row, limit), **params)
    return _agreed(found, what, by_row, raises)


def _rounding(terms: Sequence[Term], kind: np.dtype[Any], by_row: bool, limit: float) -> list[float]:
    """How much of the sizes of all sums the roundings of the sketches, and of what is checked, may add up to."""
    if kind.kind in "iu":
        return [0.0, 0.0]
    arrays = [[f.array for f in t.factors] for t in terms]
    summed = max(sum(x.shape[-1] for x in chain) for chain in arrays)
    # Of a product the sums over k are rounded; of a factorisation LAPACK's bounds are small multiples of its sizes.
    inner = max((x.shape[-1] for chain in arrays for x in (chain[:-1] if by_row else chain)), default=1)
    longest = inner if by_row else max(inner, max(x.shape[-2:][0] for chain in arrays for x in chain))
    coarse = max(float(np.finfo(x.dtype).eps) for chain in arrays for x in chain if x.dtype.kind in "fc")
    parts = 2 if kind.kind == "c" else 1  # a product of complex numbers is several of real ones
    own = parts * summed * float(np.finfo(np.float64).eps)
    return [own, max(parts * BY_CHANCE * longest * coarse / 2, limit)]


def _applied(factors: Sequence[Factor], kind: np.dtype[Any]) -> Array:
    """The product of factors times the probes, and the sizes of all sums in it."""
    sketch: Array | None = None
    for f in reversed(factors):
        sketch = {"diagonal": _weighed, "rows": _moved}.get(f.part, _sketch)(f, sketch, kind)
    assert sketch is not None
    return sketch


def _batch(*shapes: Sequence[int]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(tuple(s) for s in shapes))


def _cuts(arrays: Sequence[Array], batch: Sequence[int], core: int) -> list[Cuts]:
    """How the batch axes are cut: as those of the largest array that has each in full."""
    from ..api.elementwise import unify
    from ..api.products import drop_last

    if not batch:
        return []
    ops = [drop_last(x[..., None] if x.ndim == 1 else x) for x in arrays if x.ndim > core]
    return list(unify([op for op in ops if op.shape], tuple(batch)).axes)


def _sketch(f: Factor, v: Array | None, kind: np.dtype[Any]) -> Array:
    from ..api.stages import In, Out, Stage, at_most, following, whole

    x = f.array
    batch = _batch(x.shape[:-2], () if v is None else v.shape[:-2])
    b = len(batch)
    rows, columns = x._op.tiling.axes[-2:]
    longest = max(1, MOST_BYTES // (max(1, x.itemsize, kind.itemsize) * max(1, rows.max_chunk)))
    columns = at_most(columns, longest) if columns.max_chunk > longest else columns
    stage = Stage("check of " + x._op.describe(), [*_cuts([x] if v is None else [x, v], batch, 2), rows, columns])
    stage.call("sketch", ("y",), ("r0", "r1")[: 1 if v is None else 2], dtype=kind.str, part=f.part, conj=f.conj)
    inputs = [In(x, [*following(x.shape[:-2], batch), b, b + 1])]
    if v is not None:
        inputs.append(In(v, [*following(v.shape[:-2], batch), b + 1, whole(WIDTH)]))
    made = stage.make(inputs, Out("y", [*range(b), b, b + 1], kind, [0] * (b + 1) + [WIDTH]))
    return made if columns.count == 1 else _tallied(made, v is None)


def _tallied(parts: Array, first: bool) -> Array:
    from ..api.stages import In, Out, Stage, single, whole

    axes, last = parts._op.tiling.axes[:-1], parts.ndim - 1
    stage = Stage("check summed", [*axes, single(WIDTH)])
    stage.call("tally", ("y",), ("r0",), first=first)
    return stage.make([In(parts, [*range(last), whole(parts.shape[-1])])], Out("y", range(last + 1), parts.dtype))


def _weighed(f: Factor, v: Array | None, kind: np.dtype[Any]) -> Array:
    from ..api.stages import In, Out, Stage, following, single

    d = f.array
    batch = _batch(d.shape[:-1], () if v is None else v.shape[:-2])
    b = len(batch)
    stage = Stage("check of a diagonal", [*_cuts([d[..., None]], batch, 2), d._op.tiling.axes[-1], single(WIDTH)])
    stage.call("weigh", ("y",), ("r0", "r1")[: 1 if v is None else 2], dtype=kind.str)
    inputs = [In(d, [*following(d.shape[:-1], batch), b])]
    if v is not None:
        inputs.append(In(v, [*following(v.shape[:-2], batch), b, b + 1]))
    return stage.make(inputs, Out("y", range(b + 2), kind))


def _moved(f: Factor, v: Array | None, kind: np.dtype[Any]) -> Array:
    from ..api.indexing import take_along_axis

    assert v is not None
    return take_along_axis(v, f.array[..., None], -2)


def _residual(sketches: Sequence[Array], **params: Any) -> Array:
    from ..api.stages import In, Out, Stage, following, single

    batch = _batch(*(s.shape[:-2] for s in sketches))
    b = len(batch)
    rows = max((s._op.tiling.axes[-2] for s in sketches), key=lambda cuts: cuts.count)
    stage = Stage("check of a residual", [*_cuts(sketches, batch, 2), rows, single(WIDTH)])
    names = [f"r{n}" for n in range(len(sketches))]
    stage.call("residual", ("y",), names, **params)
    inputs = [In(s, [*following(s.shape[:-2], batch), b, b + 1]) for s in sketches]
    return stage.make(inputs, Out("y", range(b + 2), float, [0] * b + [1, FIGURES]))


def _agreed(found: Array, what: str, by_row: bool, raises: bool) -> Array:
    from ..api.stages import In, Out, Stage, whole

    b = found.ndim - 2
    stage = Stage("check", list(found._op.tiling.axes[:b]))
    stage.call("agree", ("y",), ("r0",), what=what, by_row=by_row, raises=raises)
    return stage.make([In(found, [*range(b), *map(whole, found.shape[b:])])], Out("y", range(b), float))


# -- what is claimed of each function's results


def of_product(out: Array, a: Array, b: Array) -> Array:
    """The product of two arrays of matrices with its check; of truth there is none."""
    if out.dtype.kind not in "iufc" or 0 in (*out.shape, a.shape[-1]):
        return out
    (made,) = checked([out], freivalds(a, b, out))
    return made


def freivalds(a: Array, b: Array, c: Array, *, raises: bool = True) -> Array:
    """How far `c` is from `a @ b`, as a share of what rounding explains: at most 1 for a right product.

    >>> import lambdarray as la
    >>> x = la.eye(3) + 1
    >>> float(freivalds(x, x, x @ x)) <= 1 < float(freivalds(x, x, x @ x + x, raises=False))
    True
    """
    what = f"the product of {a.shape} by {b.shape}"
    return verdict(what, [minus(a, b), plus(c)], by_row=True, raises=raises)
