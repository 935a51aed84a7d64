"""Sorts and order statistics are NumPy's, whatever the chunks, and whether lines are whole or in many runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import sorting
from tests.judge import arrays, close, judge

METHODS = ("linear", "lower", "higher", "nearest", "midpoint", "hazen", "weibull", "inverted_cdf", "median_unbiased")


@pytest.fixture(params=[False, True], ids=["whole lines", "runs"])
def long(request, monkeypatch):
    """Both ways: lines that fit a block, and all lines sorted in their tiles."""
    if request.param:
        monkeypatch.setattr(sorting, "MOST_LINE_BYTES", 0)
        monkeypatch.setattr(sorting, "MOST_RUN", 3)
        monkeypatch.setattr(sorting, "RANKS_PER_TASK", 2)
        monkeypatch.setattr(sorting, "ALL_SAMPLES", 8)
    return request.param


def axis_for(data, n):
    return data.draw(st.sampled_from([None, *range(-n.ndim, n.ndim)])) if n.ndim else None


def modest():
    return settings(max_examples=30, deadline=None)


@given(arrays(max_side=9), st.data())
@modest()
def test_sort_is_numpys(pair, data):
    axis = axis_for(data, pair[1])
    judge(lambda x: np.sort(x, axis=axis), pair, exact=True)


@pytest.mark.parametrize("kind", ["f8", "i4", "?", "c16", "M8[s]", "U3"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lines_are_sorted_in_their_tiles(long, kind, descending):
    rng = np.random.default_rng(3)
    n = rng.integers(0, 9, 31).astype("i8").astype(kind)
    if kind == "f8":
        n[4], n[9] = np.nan, -0.0
    x = la.from_array(n, chunks=((7, 1, 13, 10),))
    order = np.argsort(n, kind="stable")
    if descending:
        order = n.size - 1 - np.argsort(n[::-1], kind="stable")[::-1]
    np.testing.assert_array_equal(la.sort(x, descending=descending).compute(), n[order])
    np.testing.assert_array_equal(la.argsort(x, descending=descending).compute(), order)
    if long:
        assert la.sort(x).chunks == x.chunks


def test_lines_of_several_axes_are_sorted_one_by_one(long):
    n = np.random.default_rng(0).integers(0, 50, (3, 11, 2))
    x = la.from_array(n, chunks=(2, 4, 1))
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(la.sort(x, axis).compute(), np.sort(n, axis))
        np.testing.assert_array_equal(la.argsort(x, axis).compute(), np.argsort(n, axis, kind="stable"))
    np.testing.assert_array_equal(np.sort(x, axis=None).compute(), np.sort(n, axis=None))


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
@given(arrays(dtypes=("f8", "f4", "i8", "u1", "?"), min_dims=1, max_side=9), st.data())
@modest()
def test_median_is_numpys(pair, data):
    axis, keepdims = axis_for(data, pair[1]), data.draw(st.booleans())
    if 0 in pair[1].shape:
        return
    judge(lambda x: np.median(x, axis=axis, keepdims=keepdims), pair)
    judge(lambda x: np.nanmedian(x, axis=axis, keepdims=keepdims), pair)


@pytest.mark.filterwarnings("ignore:All-NaN:RuntimeWarning")
@given(arrays(dtypes=("f8", "f4", "i8"), min_dims=1, max_side=9), st.data(), st.sampled_from(METHODS))
@modest()
def test_quantiles_are_numpys(pair, data, method):
    q = data.draw(st.sampled_from([0.5, 0, 1, [0.1, 0.9], [[0.25, 0.5], [0.75, 1.0]]]))
    axis = axis_for(data, pair[1])
    if 0 in pair[1].shape:
        return
    judge(lambda x: np.quantile(x, q, axis=axis, method=method), pair)
    judge(lambda x: np.nanquantile(x, q, axis=axis, method=method), pair)
    hundredths = np.multiply(q, 100).tolist()
    judge(lambda x: np.percentile(x, hundredths, axis=axis, method=method), pair)


@pytest.mark.parametrize("kind", ["f8", "f4", "i8", "?"])
@pytest.mark.parametrize("nan", [False, True])
def test_order_statistics_of_all_elements_go_by_ranks(long, kind, nan):
    n = np.random.default_rng(1).standard_normal((5, 8)) * 10
    if nan and kind[0] == "f":
        n[2, 3] = np.nan
    n = n.astype(kind)
    x = la.from_array(n, chunks=(2, 3))
    np.testing.assert_array_equal(la.median(x).compute(), np.median(n))
    np.testing.assert_array_equal(la.median(x[:, :7]).compute(), np.median(n[:, :7]))
    if kind != "?":
        for method in METHODS:
            value = la.quantile(x, [0.0, 0.3, 0.5, 1.0], method=method, keepdims=True)
            expected = np.quantile(n, [0.0, 0.3, 0.5, 1.0], method=method, keepdims=True)
            assert value.shape == expected.shape
            assert value.dtype == expected.dtype
            judged = close if expected.dtype.kind == "f" else np.testing.assert_array_equal
            judged(value.compute(), expected)


@given(arrays(dtypes=("f8", "i8"), min_dims=1, max_dims=2, max_side=9), st.data())
@modest()
def test_top_elements_are_the_ends_of_the_sorted_line(pair, data):
    x, n = pair
    axis = data.draw(st.integers(0, n.ndim - 1))
    if 0 in n.shape:
        return
    k = data.draw(st.sampled_from([1, 2, 5, -1, -3]))
    ends = np.sort(n, axis)
    ends = np.flip(ends, axis) if k > 0 else ends
    expected = np.take(ends, range(min(abs(k), n.shape[axis])), axis)
    np.testing.assert_array_equal(la.topk(x, k, axis).compute(), expected)
    np.testing.assert_array_equal(np.take_along_axis(n, la.argtopk(x, k, axis).compute(), axis), expected)


def test_a_partition_has_its_kth_elements_in_place():
    n = np.random.default_rng(0).permutation(20)
    x = la.from_array(n, chunks=6)
    assert np.partition(x, 7).compute()[7] == 7
    assert n[np.argpartition(x, [3, -1]).compute()[[3, -1]]].tolist() == [3, 19]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sort(x, axis=5),
        lambda x: np.sort(x, kind="bubble"),
        lambda x: np.partition(x, 99),
        lambda x: np.partition(x, 1.5),
        lambda x: np.quantile(x, 1.5),
        lambda x: np.quantile(x, 0.5, method="guess"),
        lambda x: np.percentile(x, -1.0),
        lambda x: np.median(x, axis=(0, 0)),
    ],
)
def test_bad_arguments_raise_what_numpy_raises(function):
    n = np.arange(6.0).reshape(2, 3)
    judge(function, (la.from_array(n), n))


def test_a_sort_reads_and_writes_each_element_a_few_times(long):
    n = np.random.default_rng(0).standard_normal(1000)
    x = la.from_array(n, chunks=100) + 0
    la.sort(x).compute()
    report = la.last_report()
    assert report is not None
    plan = la.plan(la.sort(x))
    if long:
        assert plan.task_count > 3 * x.npartitions
    else:
        assert plan.task_count <= x.npartitions + 1
