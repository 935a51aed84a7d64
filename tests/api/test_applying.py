"""Functions along axes, over axes and of indices: NumPy is the judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import UserFunctionError
from tests.judge import arrays, assert_same, judge

ALONG = [
    lambda v: v.sum(),
    lambda v: v[::-1],
    lambda v: np.diff(v),
    lambda v: np.outer(v, v[:2]),
    lambda v: [len(v), 7],
    lambda v: v.max(),
    lambda v: v[5],
]


@given(arrays(min_dims=1), st.sampled_from(ALONG), st.integers(-3, 2))
@settings(max_examples=60)
def test_a_function_along_an_axis_is_numpys(pair, f, axis):
    judge(lambda a: np.apply_along_axis(f, axis, a), pair)


def test_a_function_along_an_axis_is_given_its_arguments_and_its_shape_may_be_said():
    n = np.arange(12.0).reshape(3, 4)
    x = la.from_array(n, chunks=2)
    scaled = la.apply_along_axis(lambda v, k, plus: v * k + plus, 0, x, 2, plus=1)
    assert_same(scaled, n * 2 + 1)
    calls = []
    y = la.apply_along_axis(lambda v: calls.append(1) or v[:2], 1, x, dtype=float, shape=(2,))
    assert not calls
    assert_same(y, n[:, :2])


def test_an_error_on_the_line_of_ones_says_why_it_was_called():
    with pytest.raises(ZeroDivisionError) as caught:
        la.apply_along_axis(lambda v: 1 // int(v[0] - 1), 0, la.arange(6, chunks=3))
    assert any("with dtype= and shape= it is not called" in note for note in caught.value.__notes__)


@given(arrays(min_dims=1, dtypes=("i8", "f8")), st.lists(st.integers(-2, 2), min_size=1, max_size=2))
@settings(max_examples=30)
def test_a_function_over_axes_is_numpys(pair, axes):
    judge(lambda a: np.apply_over_axes(np.sum, a, axes), pair)
    judge(lambda a: np.apply_over_axes(lambda b, axis: np.flip(b, axis) * 2, a, axes), pair)


def test_a_function_over_axes_that_drops_too_much_is_refused():
    with pytest.raises(ValueError, match="correct shape"):
        la.apply_over_axes(lambda a, axis: a.sum(), la.ones((2, 3)), 0)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=3), st.sampled_from([int, float, "f4"]), st.integers(1, 3))
@settings(max_examples=30)
def test_a_function_of_indices_is_numpys(shape, dtype, chunk):
    def f(*indices):
        return sum((k + 1) * i for k, i in enumerate(indices)) + np.sqrt(indices[0])

    found = la.fromfunction(f, shape, dtype=dtype, chunks=chunk)
    assert found.chunks == la.ones(shape, chunks=chunk).chunks
    assert_same(found, np.fromfunction(f, shape, dtype=dtype), exact=True)


def test_a_function_of_indices_may_return_what_it_likes():
    assert la.fromfunction(lambda i, j, k: k, (2, 3), k=5) == 5
    total = la.fromfunction(lambda i, j: (i + j).sum(), (2, 3), dtype=int)
    assert_same(total, np.int64(9))


@given(st.lists(st.integers(0, 5), max_size=3), st.integers(1, 3))
@settings(max_examples=30)
def test_an_array_is_made_block_by_block_from_the_indices_of_its_elements(shape, chunk):
    shapes = []

    def f(*indices, plus):
        shapes.append(tuple(i.ndim for i in indices))
        return sum((k + 1) * i for k, i in enumerate(indices)) + plus

    found = la.from_function(f, shape, chunks=chunk, dtype=int, plus=3)
    expected = sum((k + 1) * i for k, i in enumerate(np.indices(shape))) + np.full(shape, 3)
    assert_same(found, np.asarray(expected), exact=True)
    assert shapes == [(len(shape),) * len(shape)] * max(1, found.npartitions)


def test_what_a_function_makes_of_indices_is_broadcast_to_its_block():
    assert_same(la.from_function(lambda i, j: i * 2, (3, 4), chunks=2), np.repeat(np.arange(3) * 2, 4).reshape(3, 4))
    assert la.from_function(lambda i: i / 3, 5).dtype == np.float64
    with pytest.raises(UserFunctionError, match=r"returned float64 \(3,\)"):
        la.from_function(lambda i: np.ones(3), 5, dtype=float).compute()
