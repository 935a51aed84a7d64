"""NumPy is the judge: the same value, dtype and shape, or the same kind of exception."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la
from lambdarray.errors import TaskError


def judge(function: Callable[..., Any], *arrays: Any, exact: bool = False) -> None:
    """Assert that `function` of our arrays gives NumPy's value, or raises what NumPy raises.

    `arrays` are pairs of our array and NumPy's; `function` is called with one or the other.
    """
    ours, theirs = zip(*arrays, strict=True) if arrays else ((), ())
    with np.errstate(all="ignore"):
        try:
            expected = function(*theirs)
        except Exception as error:
            check_raises(function, ours, error)
            return
        actual = function(*ours)
    assert_same(actual, expected, exact)


def ufunc(name: str, *args: Any) -> Any:
    """A ufunc of our arrays, or of NumPy's with what docs/decisions/special-cases.md says of special cases."""
    value = getattr(np, name)(*args)
    if any(isinstance(a, la.Array) for a in args):
        return value
    if name == "floor_divide" and value.dtype.kind == "f":
        return np.where(np.isinf(args[0]) | np.isinf(args[1]), np.floor(np.true_divide(*args)), value)
    if name == "expm1" and value.dtype.kind == "c":
        return np.where(~np.isfinite(args[0].real) | (args[0] == 0), np.exp(args[0]) - args[0].dtype.type(1), value)
    return value


def check_raises(function: Callable[..., Any], ours: Any, error: Exception) -> None:
    """Ours raises NumPy's kind of exception too: at once, or in the task that finds it in the data."""
    kinds = tuple(k for k in type(error).__mro__ if k.__module__ == "builtins" and k not in (object, BaseException))
    try:
        value = function(*ours)
        for part in value if isinstance(value, tuple | list) else [value]:
            part.compute()
    except TaskError as found:
        if isinstance(found, kinds[0]) or kinds[0].__name__ in str(found):
            return
        raise
    except kinds[0]:
        return
    raise AssertionError(f"NumPy raises {error!r}; here it gives {value!r}")


def assert_same(actual: Any, expected: Any, exact: bool = False) -> None:
    if isinstance(expected, tuple | list):
        assert len(actual) == len(expected)
        for a, e in zip(actual, expected, strict=True):
            assert_same(a, e, exact)
        return
    assert isinstance(actual, la.Array), f"{actual!r} is not an Array"
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    value = actual.compute()
    assert value.shape == expected.shape
    assert value.dtype == expected.dtype
    if exact or expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(value, expected)
    else:
        close(value, expected)


def close(value: Any, expected: Any) -> None:
    """Equal but for the rounding of sums in another order, relative to the largest value."""
    value, expected = np.asarray(value), np.asarray(expected)
    finite = expected[np.isfinite(expected)]
    eps = np.finfo(expected.dtype).eps
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    np.testing.assert_allclose(value, expected, rtol=float(64 * eps), atol=float(64 * eps) * scale)


def cuts(draw: Any, size: int) -> tuple[int, ...]:
    """Ragged tile lengths, of 1 and of 0 too, that add up to `size`."""
    inner = draw(st.lists(st.integers(0, size), max_size=3)) if size else []
    bounds = [0, *sorted(inner), size]
    return tuple(b - a for a, b in pairwise(bounds))


DTYPES = ("?", "i1", "u1", "i4", "i8", "u8", "f4", "f8", "c8", "c16")


@st.composite
def arrays(
    draw: Any,
    dtypes: Any = DTYPES,
    min_dims: int = 0,
    max_dims: int = 3,
    max_side: int = 7,
    shape: Any = None,
    finite: bool = False,
) -> tuple[la.Array, np.ndarray]:
    """A pair of equal arrays, ours in ragged chunks; values are small, so that sums are near NumPy's."""
    if shape is None:
        shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=0, max_side=max_side))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    seed = draw(st.integers(0, 2**32 - 1))
    values = numbers(np.random.default_rng(seed), shape, dtype, not finite and draw(st.booleans()))
    chunks = tuple(cuts(draw, n) for n in shape)
    return la.from_array(values, chunks=chunks), values


def numbers(rng: Any, shape: Any, dtype: np.dtype[Any], special: bool) -> np.ndarray:
    """Values of a dtype; with `special` a few NaN and infinities among floats."""
    if dtype.kind in "?b":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.kind in "iu":
        return np.asarray(rng.integers(0 if dtype.kind == "u" else -20, 20, shape)).astype(dtype)
    values = np.asarray(rng.integers(-40, 40, shape) / 8)
    if dtype.kind == "c":
        values = values + 1j * np.asarray(rng.integers(-40, 40, shape) / 8)
    values = np.asarray(values).astype(dtype)
    if special and values.size:
        where = rng.random(shape) < 0.1
        values = np.where(where, rng.choice([np.nan, np.inf, -np.inf], size=shape), values).astype(dtype)
    return values
