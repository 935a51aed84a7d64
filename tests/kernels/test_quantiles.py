from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.quantiles import METHODS, neighbours

from .samples import same, values

quantile, median, interpolate = (get(name).fn for name in ("quantile", "median", "interpolate"))
FLOATS = ["f2", "f4", "f8", "g"]
# What users pass: numbers of Python's, and arrays of several dtypes and shapes.
QS = [
    0.5, 0, 1, 0.3, np.float64(0.7), np.float32(0.3), np.array([0.0, 0.25, 1.0]), np.array([0.1, 0.9], "f4"),
    np.array([[0.2], [0.6]]), np.array([0, 1]),
]  # fmt: skip


def numpys(function, x, q, **params):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(x, q, **params)


def data(q):
    """A quantile as plain data, and the dtype that it has."""
    if type(q) in (int, float):
        return {"q": q}
    return {"q": q.tolist(), "dtype": q.dtype.str}


def whole_line(x, q, method):
    """The quantile of a line by its order statistics, as for one in many tiles."""
    previous, following, weight = neighbours(x.size, np.asarray(q), method)
    order = np.sort(x)
    elements = [np.asarray(order[k]) for k in (previous, following, -1)]
    if weight is None:
        return interpolate(*elements)
    weak = type(q) in (int, float)
    return interpolate(*elements, weight=weight.tolist(), dtype=None if weak else weight.dtype.str)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [*FLOATS, "i4", "u8"])
def test_a_quantile_of_order_statistics_is_numpys_bit_for_bit(method, dtype):
    rng = np.random.default_rng(1)
    for size in (1, 2, 3, 10, 101):
        for q in QS:
            x = (rng.standard_normal(size) * 50).astype(dtype)
            same(whole_line(x, q, method), numpys(np.quantile, x, q, method=method))


@settings(max_examples=50)
@given(st.integers(1, 30), st.integers(0, 99), st.sampled_from(sorted(METHODS)), st.sampled_from(QS))
def test_nan_and_infinities_pass_as_in_numpy(size, seed, method, q):
    x = values(size, "f8", seed)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(whole_line(x, q, method), numpys(np.quantile, x, q, method=method))


@pytest.mark.parametrize("q", QS, ids=str)
@pytest.mark.parametrize("dtype", [*FLOATS, "i4", "m8[s]"])
@pytest.mark.parametrize("axis", [0, 1, -1, [0, 2], None])
def test_whole_lines_are_numpys(q, dtype, axis):
    x = values((4, 5, 3), dtype, special=dtype != "m8[s]")
    over = tuple(axis) if isinstance(axis, list) else axis
    for keepdims in (False, True):
        expected = numpys(np.quantile, x, q, axis=over, keepdims=keepdims)
        np.testing.assert_array_equal(quantile(x, axis=axis, keepdims=keepdims, **data(q)), expected)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("q", QS, ids=str)
@pytest.mark.parametrize("dtype", FLOATS)
def test_nan_is_left_out_as_numpy_leaves_it_out(q, method, dtype):
    x = np.random.default_rng(3).standard_normal((7, 6)).astype(dtype)
    x[np.random.default_rng(4).random(x.shape) < 0.3] = np.nan
    x[:, 2] = np.nan
    for axis in (0, 1, None):
        expected = numpys(np.nanquantile, x, q, axis=axis, method=method)
        same(quantile(x, axis=axis, method=method, ignore_nan=True, **data(q)), expected)


@pytest.mark.parametrize("ignore_nan", [False, True])
@pytest.mark.parametrize("axis", [0, 1, [0, 1], None])
@pytest.mark.parametrize("dtype", [*FLOATS, "?", "i2", "c16", "m8[s]"])
def test_medians_are_numpys(dtype, axis, ignore_nan):
    over = tuple(axis) if isinstance(axis, list) else axis
    theirs = np.nanmedian if ignore_nan else np.median
    for shape in ((1, 1), (4, 7), (7, 4), (5, 5), (3, 0)):
        # NumPy's medians of complex NaN depend on where in the number it is.
        x = values(shape, dtype, special=dtype not in ("c16", "m8[s]"))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            expected = theirs(x, axis=over, keepdims=True)
        got = median(x, axis=axis, ignore_nan=ignore_nan, keepdims=True)
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(got, expected)


def test_the_median_of_huge_numbers_does_not_overflow():
    same(median(np.array([1.7e308, np.nan, 1.6e308, 1.75e308]), ignore_nan=True), np.array(1.7e308))


def test_all_nan_lines_give_nan_in_silence():
    x = np.full((2, 3), np.nan)
    same(quantile(x, q=0.5, axis=1, ignore_nan=True), np.full(2, np.nan))
    same(median(x, axis=1, ignore_nan=True), np.full(2, np.nan))
    same(median(np.ones((2, 0), int), axis=1), np.full(2, np.nan))
    same(quantile(np.ones((2, 0)), q=0.5, axis=1, ignore_nan=True), np.full(2, np.nan))


def test_lines_side_by_side_are_interpolated_together():
    x = np.sort(np.random.default_rng(0).random((9, 4)), axis=0)
    q = np.array([0.1, 0.5, 0.9])
    previous, following, weight = neighbours(9, q)
    same(interpolate(x[previous], x[following], x[-1], weight=weight.tolist(), dtype="<f8"), np.quantile(x, q, axis=0))


def test_all_of_numpys_methods_are_there():
    for method in METHODS:
        np.quantile(np.arange(3.0), 0.5, method=method)
    assert len(METHODS) == 13
