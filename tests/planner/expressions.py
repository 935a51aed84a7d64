"""Random expressions, built in NumPy and here side by side: the same op on both, over a growing pool of values.

Values are small whole numbers, so that sums are exact in any order; what is not (means, quotients) is marked, and
never meets a function with jumps.
"""

from __future__ import annotations

import itertools
import operator
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la

from ..judge import cuts

LARGEST = 2.0**24
MOST_ELEMENTS = 4000
_urls = itertools.count()
DTYPES = ("?", "i4", "i8", "f8", "c16")


@dataclass(frozen=True)
class Pair:
    """One value of an expression: ours, NumPy's, and whether it is exact."""

    ours: la.Array
    theirs: np.ndarray
    exact: bool = True


def whole_numbers(seed: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-4, 5, shape)
    return np.asarray(values % 2 == 0 if dtype == "?" else values).astype(dtype)


def chunked(draw: Any, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(cuts(draw, n) for n in shape)


# -- sources


def from_array(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    values = whole_numbers(draw(st.integers(0, 99)), shape, draw(st.sampled_from(DTYPES)))
    return Pair(la.from_array(values, chunks=chunked(draw, shape)), values)


def persisted(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    made = from_array(draw, shape, tmp)
    return Pair(made.ours.persist(), made.theirs)


def zarr_opened(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    made = from_array(draw, shape, tmp)
    url = str(tmp / f"{next(_urls)}.zarr")
    made.ours.to_zarr(url)
    return Pair(la.open_zarr(url), made.theirs)


def filled(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    value = draw(st.sampled_from([0, 1, 3.0, True]))
    return Pair(la.full(shape, value, chunks=chunked(draw, shape)), np.full(shape, value))


def counted(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    n = shape[0] if shape else 3
    return Pair(la.arange(n, chunks=draw(st.integers(1, 8))), np.arange(n))


def drawn(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    """Random values, which the expression must draw as they are drawn alone."""
    ours = la.random.default_rng(draw(st.integers(0, 3))).integers(0, 5, size=shape, chunks=chunked(draw, shape))
    return Pair(ours, ours.compute())


def drawn_with(draw: Any, shape: tuple[int, ...], tmp: Any) -> Pair:
    """Random values with arrays of parameters: sources, views of them, and values that are drawn themselves."""
    high = la.from_array(whole_numbers(draw(st.integers(0, 99)), shape, "i4"), chunks=chunked(draw, shape)) + 5
    if shape and shape[-1] and draw(st.booleans()):
        high = high[..., :1]
    if draw(st.booleans()):
        high = la.random.default_rng(5).integers(1, high + 1, chunks=chunked(draw, high.shape)) + 1
    rng = la.random.default_rng(draw(st.integers(0, 3)))
    ours = rng.integers(0, high, size=shape, chunks=chunked(draw, shape))
    return Pair(ours, ours.compute())


SOURCES = (from_array, from_array, from_array, filled, counted, drawn, drawn_with)
STORED_SOURCES = (*SOURCES, persisted, zarr_opened)


# -- functions


Function = Callable[[Any], Any]


def elementwise(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    name = draw(st.sampled_from(["negative", "absolute", "square", "conjugate", "sign", "isfinite", "logical_not"]))
    if name == "sign" and (not x.exact or x.theirs.dtype.kind == "c"):
        return None
    return both(x, getattr(np, name))


def binary(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    y = draw(st.sampled_from(pool))
    name = draw(st.sampled_from(["add", "sub", "mul", "lt", "eq", "where", "maximum", "and_"]))
    exact = x.exact and y.exact
    if name in ("lt", "eq", "and_", "where") and not exact:
        return None
    if name == "where":
        return pair(lambda a, b, m: m.where(a > 0, b, a + 1), x, y, exact=exact)
    if name == "maximum":
        return pair(lambda a, b, m: np.maximum(a, b), x, y, exact=exact)
    return pair(lambda a, b, m: getattr(operator, name)(a, b), x, y, exact=exact)


def scalar(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    value = draw(st.sampled_from([2, -1, True, 1.5, np.float32(2), np.int8(3)]))
    name = draw(st.sampled_from(["add", "mul", "truediv"]))
    return both(x, lambda a: getattr(operator, name)(a, value), exact=name != "truediv")


def cast(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    dtype = draw(st.sampled_from(["i8", "f8", "f4", "c16"]))
    if (x.theirs.dtype.kind == "c" and dtype != "c16") or (not x.exact and dtype == "i8"):
        return None
    return both(x, lambda a: a.astype(dtype))


def transposed(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    order = draw(st.permutations(range(x.theirs.ndim)))
    return both(x, lambda a: a.transpose(order) if a.ndim else a)


def indexed(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    key = draw(hnp.basic_indices(x.theirs.shape, allow_newaxis=True, max_dims=4))
    return both(x, lambda a: a[key])


def flipped(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    step = draw(st.sampled_from([-1, -2, 2, 3]))
    return both(x, lambda a: a[..., ::step] if a.ndim else a)


def broadcast(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    lead = draw(st.sampled_from([(), (2,), (1, 3)]))
    shape = (*lead, *(draw(st.integers(1, 4)) if n == 1 else n for n in x.theirs.shape))
    return pair(lambda a, m: m.broadcast_to(a, shape), x)


def reshaped(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    shape, left = [], x.theirs.size
    for _ in range(draw(st.integers(0, 2))):
        parts = [n for n in range(1, max(left, 1) + 1) if left % n == 0]
        shape.append(draw(st.sampled_from(parts[:12])))
        left //= shape[-1]
    return both(x, lambda a: a.reshape((*shape, left)))


def joined(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    like = [y for y in pool if y.theirs.shape == x.theirs.shape]
    others = [x, *draw(st.lists(st.sampled_from(like), min_size=1, max_size=2))]
    exact = all(y.exact for y in others)
    if x.theirs.ndim and draw(st.booleans()):
        axis = draw(st.integers(0, x.theirs.ndim - 1))
        start = draw(st.integers(0, 2))
        cut = (slice(None),) * axis + (slice(start, None),)
        return pair(lambda *a: a[-1].concatenate([a[0][cut], *a[1:-1]], axis), *others, exact=exact)
    axis = draw(st.integers(0, x.theirs.ndim))
    return pair(lambda *a: a[-1].stack(a[:-1], axis), *others, exact=exact)


def rechunked(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    return Pair(x.ours.rechunk(chunked(draw, x.theirs.shape)), x.theirs, x.exact)


def product(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    how = draw(st.sampled_from(["gram", "outer gram", "any"]))
    if x.theirs.ndim < 2 or how == "any":
        fits = [y for y in pool if _multiply(x.theirs, y.theirs)]
        if not fits:
            return None
        y = draw(st.sampled_from(fits))
        return pair(lambda a, b, m: a @ b, x, y, exact=x.exact and y.exact)
    return both(x, lambda a: a @ a.mT if how == "gram" else a.mT @ a)


def _multiply(a: np.ndarray, b: np.ndarray) -> bool:
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        return False
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return False
    return True


def reduced(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    name = draw(st.sampled_from(["sum", "sum", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax"]))
    ndim = x.theirs.ndim
    axis = draw(st.none() | st.lists(st.integers(0, max(ndim - 1, 0)), max_size=ndim, unique=True).map(tuple))
    if not ndim:
        axis = None
    if name.startswith("arg"):
        axis = axis[0] if axis else None
    keepdims = draw(st.booleans())
    if not x.exact and name in ("any", "all", "argmin", "argmax"):
        return None
    whole = name not in ("mean", "var", "std")
    return both(x, lambda a: getattr(a, name)(axis=axis, keepdims=keepdims), exact=whole)


def centred(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    """A reduction whose result meets its own source again."""
    name = draw(st.sampled_from(["sum", "max", "mean"]))
    if not x.theirs.ndim or x.theirs.dtype.kind == "b":
        return None
    axis = draw(st.integers(0, x.theirs.ndim - 1))
    return both(x, lambda a: a - getattr(a, name)(axis=axis, keepdims=True), exact=name != "mean")


def diagonal(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    if x.theirs.ndim < 2:
        return None
    first, second = draw(st.permutations(range(x.theirs.ndim)))[:2]
    offset = draw(st.integers(-3, 3))
    return both(x, lambda a: np.diagonal(a, offset, first, second))


def rolled(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    """Concatenations of slices, along several axes one in the other."""
    axes = draw(st.permutations(range(x.theirs.ndim)))[:2]
    shifts = [draw(st.integers(-3, 3)) for _ in axes]
    return both(x, lambda a: np.roll(a, shifts, axes) if axes else a)


def bordered(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    mode = draw(st.sampled_from(["constant", "edge", "wrap", "symmetric"]))
    width = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in x.theirs.shape]
    return both(x, lambda a: np.pad(a, width, mode) if a.ndim else a)


def looked_up(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    """Places in a table that is itself computed."""
    tables = [y for y in pool if y.theirs.ndim and y.theirs.size and y.exact]
    if not tables or not x.exact or x.theirs.dtype.kind == "c":
        return None
    table = draw(st.sampled_from(tables))
    return pair(lambda a, b, m: m.searchsorted(abs(b).sum() + m.arange(5) * 3, a), x, table)


def in_order_of(draw: Any, x: Pair, pool: list[Pair]) -> Pair | None:
    """A reduction whose axis has to lie in one task."""
    if not x.theirs.ndim or not x.exact:
        return None
    axis = draw(st.integers(0, x.theirs.ndim - 1))
    return both(x, lambda a: np.subtract.reduce(a, axis=axis))


FUNCTIONS = (
    diagonal,
    rolled,
    bordered,
    looked_up,
    in_order_of,
    elementwise,
    binary,
    binary,
    scalar,
    cast,
    transposed,
    indexed,
    flipped,
    broadcast,
    reshaped,
    joined,
    rechunked,
    product,
    product,
    reduced,
    reduced,
    reduced,
    centred,
)


def both(x: Pair, function: Function, exact: bool = True) -> Pair | None:
    return pair(lambda a, m: function(a), x, exact=x.exact and exact)


def pair(function: Callable[..., Any], *pairs: Pair, exact: bool | None = None) -> Pair | None:
    """The function of both, with the module as last argument; None where NumPy refuses or the values grow."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            theirs = np.asarray(function(*(p.theirs for p in pairs), np))
        except (ValueError, TypeError, IndexError):
            return None
    if theirs.size > MOST_ELEMENTS or theirs.ndim > 5:
        return None
    if theirs.size and not (np.isfinite(theirs).all() and np.abs(theirs).max() < LARGEST):
        return None
    ours = function(*(p.ours for p in pairs), la)
    return Pair(ours, theirs, all(p.exact for p in pairs) if exact is None else exact)


@st.composite
def expressions(draw: Any, tmp: Any = None, most: int = 8) -> list[Pair]:
    """Up to three outputs of a random expression; some of them parts of others, twice, or plain sources."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0 if draw(st.booleans()) else 1, max_side=9))
    kinds = st.sampled_from(SOURCES if tmp is None else STORED_SOURCES)
    shapes = [shape, *draw(st.sampled_from([[], [shape], [shape[::-1]], [shape[1:]]]))]
    pool = [draw(kinds)(draw, s, tmp) for s in shapes]
    for function in draw(st.lists(st.sampled_from(FUNCTIONS), min_size=1, max_size=most)):
        recent = pool[-1] if draw(st.integers(0, 2)) else draw(st.sampled_from(pool))
        made = function(draw, recent, pool)
        if made is not None:
            pool.append(made)
    others = draw(st.lists(st.sampled_from(pool), max_size=2))
    return [pool[-1], *others]


def assert_close(value: np.ndarray, pair: Pair) -> None:
    """NumPy's value, dtype and shape."""
    expected = pair.theirs
    assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
    if pair.exact or expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(value, expected)
    else:
        scale = max(float(np.abs(expected).max(initial=0)), 1.0)
        eps = float(np.finfo(expected.dtype).eps)
        np.testing.assert_allclose(value, expected, rtol=0, atol=max(eps, 2e-14) * 2e3 * scale)
