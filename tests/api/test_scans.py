"""Cumulative sums and products, and accumulation by any ufunc, over any chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from tests.judge import arrays, judge


@given(arrays(max_side=9), st.data(), st.sampled_from([np.cumsum, np.cumprod, np.nancumsum, np.nancumprod]))
@settings(max_examples=60, deadline=None)
def test_cumulative_functions_are_numpys(pair, data, function):
    axis = data.draw(st.sampled_from([None, *range(-pair[1].ndim, pair[1].ndim)]))
    dtype = data.draw(st.sampled_from([None, None, "f8", "i4"]))
    judge(lambda x: function(x, axis=axis, dtype=dtype), pair)


UFUNCS = [np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.logical_or, np.subtract, np.fmax]


@given(arrays(dtypes=("f8", "i8", "?"), min_dims=1, max_side=8), st.data(), st.sampled_from(UFUNCS))
@settings(max_examples=60, deadline=None)
def test_accumulate_is_numpys(pair, data, ufunc):
    axis = data.draw(st.integers(-pair[1].ndim, pair[1].ndim - 1))
    judge(lambda x: ufunc.accumulate(x, axis=axis), pair)


@pytest.mark.parametrize("function", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("initial", [False, True])
def test_the_standards_names_start_with_an_initial_value_where_asked(function, initial):
    n = np.arange(1.0, 11).reshape(2, 5)
    x = la.from_array(n, chunks=(1, 2))
    judge(lambda v: getattr(np, function)(v, axis=1, include_initial=initial), (x, n))
    judge(lambda v: getattr(np, function)(v, include_initial=initial), (x, n))


def test_each_element_is_read_twice_and_the_totals_once_more():
    x = la.ones(1000, chunks=10) + 0
    assert la.plan(la.cumsum(x)).task_count <= 3 * x.npartitions + 1
