"""Reductions by other ufuncs than sums and extremes, and variances that pass over nan: in parts, against NumPy."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels.reductions import IDENTITIES, ORDERED_NAMES, combine, finish

from .test_reductions import blocks_of, partials, sample, spec

EVERYTHING = [*IDENTITIES, *ORDERED_NAMES]


def in_parts(x: np.ndarray, kind: str, axes: list[int], dtype: Any, bounds: Any, ddof: float = 0) -> np.ndarray:
    part = combine(partials(x, spec(kind, axes, np.dtype(dtype)), bounds), kind=kind, axes=axes)
    return finish(part, kind=kind, dtype=np.dtype(dtype).str, ddof=ddof)


def operands(kind: str, shape: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Arrays of the dtypes that NumPy reduces by this ufunc, in the dtype of its loop."""
    found = []
    for dtype in ("?", "i4", "u1", "f4", "f8", "c16", "m8[s]"):
        x = sample(dtype, shape, seed, dtype == "f8")
        x = abs(x) + x.dtype.type(1) if kind in ("gcd", "lcm") and x.dtype.kind == "i" else x
        try:
            made = getattr(np, kind).reduce(np.ones(2, dtype))
        except TypeError:
            continue
        found.append(x.astype(made.dtype))
    return found


@pytest.mark.parametrize("kind", EVERYTHING)
@settings(max_examples=15)
@given(data=st.data())
def test_a_reduction_by_a_ufunc_is_numpys_in_any_blocks(kind: str, data: Any) -> None:
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    ordered = kind in ORDERED_NAMES
    axes = data.draw(st.sampled_from([[0], [1]] if ordered else [[0], [1], [0, 1]]))
    bounds = [sorted({0, n} | set(data.draw(st.lists(st.integers(0, n), max_size=2)))) for n in shape]
    bounds = [[0, n] if ordered and d in axes else b for d, (n, b) in enumerate(zip(shape, bounds, strict=True))]
    for x in operands(kind, shape, data.draw(st.integers(0, 99))):
        with np.errstate(all="ignore"), blocks_of(data.draw(st.sampled_from([2, 8]))):
            expected = getattr(np, kind).reduce(x, tuple(axes), keepdims=True)
            got = in_parts(x, kind, axes, expected.dtype, bounds)
        assert got.dtype == expected.dtype
        if x.dtype.kind in "fc" and not ordered:
            np.testing.assert_allclose(got, expected, rtol=16 * np.finfo(x.dtype).eps)
        else:
            np.testing.assert_array_equal(got, expected)


def test_what_has_an_order_is_not_merged() -> None:
    with pytest.raises(ValueError, match="subtract has no order"):
        in_parts(np.arange(4.0), "subtract", [0], "f8", [[0, 2, 4]])


@pytest.mark.parametrize("kind", ["fmin", "fmax"])
@pytest.mark.parametrize("dtype", ["f4", "c16", "m8[s]", "i2"])
def test_a_tile_of_no_elements_loses_to_nan_too(kind: str, dtype: str) -> None:
    x = np.full(3, 5, dtype) if dtype == "i2" else np.full(3, "nan" if dtype in ("f4", "c16") else "NaT").astype(dtype)
    got = in_parts(x, kind, [0], dtype, [[0, 0, 3, 3]])
    np.testing.assert_array_equal(got, getattr(np, kind).reduce(x, keepdims=True))


@pytest.mark.parametrize("name", ["var", "std"])
@settings(max_examples=60)
@given(
    dtype=st.sampled_from(["f2", "f4", "f8", "c8", "c16"]),
    seed=st.integers(0, 99),
    share=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    ddof=st.sampled_from([0, 1, 2.5]),
    elements=st.sampled_from([2, 16, 1 << 16]),
)
def test_a_variance_of_what_is_no_nan_is_numpys(
    name: str, dtype: str, seed: int, share: float, ddof: float, elements: int
) -> None:
    x = sample(dtype, (9, 7), seed, False)
    x[np.random.default_rng(seed).random(x.shape) < share] = np.nan
    wide = x.astype("c16" if x.dtype.kind == "c" else "f8")
    for axes, rows in itertools.product(([0], [1], [0, 1]), ([0, 9], [0, 1, 5, 9])):
        with warnings.catch_warnings(), np.errstate(all="ignore"), blocks_of(elements):
            warnings.simplefilter("ignore")
            expected = getattr(np, f"nan{name}")(wide, axis=tuple(axes), ddof=ddof, keepdims=True)
            got = in_parts(x, f"nan{name}", axes, np.zeros(0, x.dtype).real.dtype, [rows, [0, 3, 7]], ddof)
        np.testing.assert_allclose(got, expected, rtol=300 * np.finfo(x.dtype).eps, atol=1e-6 if dtype == "f4" else 0)


def test_infinities_are_no_nan() -> None:
    x = np.array([1.0, np.inf, np.nan, 2.0])
    assert np.isnan(in_parts(x, "nanvar", [0], "f8", [[0, 2, 4]])).all()


def test_a_variance_far_from_zero_beside_blocks_of_nan_keeps_its_digits() -> None:
    x = np.full(4000, np.nan)
    x[1000:3000] = 1e9 + np.random.default_rng(0).random(2000)
    with blocks_of(256):
        got = in_parts(x, "nanvar", [0], "f8", [[0, 500, 2500, 4000]])
    np.testing.assert_allclose(got, [np.nanvar(x)], rtol=1e-7)
