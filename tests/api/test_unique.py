"""Distinct values, and sets of them, are NumPy's, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import distinct
from tests.judge import arrays, judge

SMALL = settings(max_examples=30, deadline=None)
KINDS = ("?", "i1", "u8", "f4", "f8", "c8")


@pytest.fixture(params=[(1, 1 << 24), (1 << 21, 1 << 24), (1 << 21, 0)], ids=["steps", "once", "sorted"], autouse=True)
def merging(request, monkeypatch):
    """All ways: the distinct values of a few tiles are merged at a time, or those of all, or all values are sorted."""
    monkeypatch.setattr(distinct, "MOST_MERGED", request.param[0])
    monkeypatch.setattr(distinct, "MOST_TOGETHER", request.param[1])
    monkeypatch.setattr("lambdarray.api.stages.LEAST_BYTES", 1)


@given(arrays(dtypes=KINDS), st.booleans(), st.booleans(), st.booleans())
@SMALL
def test_distinct_values(pair, index, inverse, counts):
    judge(lambda x: np.unique(x, return_index=index, return_inverse=inverse, return_counts=counts), pair)


@given(arrays(dtypes=("i4", "f8", "f4")))
@SMALL
def test_each_nan_is_a_value_of_its_own_for_the_standard(pair):
    judge(lambda x: np.unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False), pair)
    judge(np.unique_all, pair)
    judge(np.unique_counts, pair)
    # NumPy gives the NaN of an array without `return_index` in no order.
    ours, theirs = (f(a).inverse_indices for f, a in zip((la.unique_inverse, np.unique_inverse), pair, strict=True))
    known = ~np.isnan(pair[1])
    np.testing.assert_array_equal(ours.compute()[known], theirs[known])
    np.testing.assert_array_equal(np.sort(ours.compute(), None), np.sort(theirs, None))
    np.testing.assert_array_equal(la.unique_values(pair[0]).compute(), np.sort(np.unique_values(pair[1])))


def test_results_have_the_standards_names():
    made = la.unique_all(la.asarray([2, 1, 2]))
    assert made._fields == np.unique_all(np.ones(1))._fields
    assert la.unique_counts(la.ones(3))._fields == ("values", "counts")
    assert la.unique_inverse(la.ones(3))._fields == ("values", "inverse_indices")


@given(arrays(dtypes=("i1", "?", "f4"), min_dims=1), st.data())
@SMALL
def test_distinct_parts_along_an_axis(pair, data):
    n = pair[1]
    axis = data.draw(st.integers(-n.ndim, n.ndim))
    judge(lambda x: np.unique(x % 2, True, True, True, axis=axis), pair)


@pytest.mark.parametrize("kind", ["U3", "M8[s]", "c16"])
def test_what_has_an_order_has_distinct_values(kind):
    n = np.random.default_rng(0).integers(0, 9, 31).astype(kind)
    judge(lambda x: np.unique(x, True, True, True), (la.from_array(n, chunks=7), n))


def test_many_tiles_and_many_values():
    n = np.random.default_rng(0).integers(0, 900, 3000)
    judge(lambda x: np.unique(x, True, True, True), (la.from_array(n, chunks=100), n))


@given(arrays(dtypes=("i1", "f4", "u2")), arrays(dtypes=("i4", "f8")))
@SMALL
def test_sets(first, second):
    judge(np.union1d, first, second)
    judge(np.intersect1d, first, second)
    judge(lambda a, b: np.intersect1d(a, b, return_indices=True), first, second)
    judge(np.setdiff1d, first, second)
    judge(np.setxor1d, first, second)


def test_sets_of_what_is_known_to_be_distinct():
    rng = np.random.default_rng(0)
    first, second = rng.permutation(20)[:12], rng.permutation(30)[:9]
    pairs = (la.from_array(first, chunks=5), first), (la.from_array(second, chunks=4), second)
    for function in (np.intersect1d, np.setdiff1d, np.setxor1d):
        judge(lambda a, b, function=function: function(a, b, assume_unique=True), *pairs)
    judge(lambda a, b: np.intersect1d(a, b, assume_unique=True, return_indices=True), *pairs)


@given(arrays(dtypes=("i4", "u1", "f8")), st.sampled_from([None, 5, [1, 2], 0.5]), st.sampled_from([None, [[7], [8]]]))
@SMALL
def test_differences_with_ends(pair, begin, end):
    judge(lambda x: np.ediff1d(x, end, begin), pair)
