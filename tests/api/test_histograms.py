"""Counts, histograms and their edges are NumPy's, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import histograms
from tests.judge import arrays, judge

SMALL = settings(max_examples=30, deadline=None)
REALS = ("?", "i1", "u1", "i4", "u8", "f4", "f8")
pytestmark = pytest.mark.filterwarnings("ignore:Converting input from bool")


@given(arrays(dtypes=("u1", "i1", "i8", "?", "f8"), min_dims=1, max_dims=2), st.integers(-1, 30), st.booleans())
@SMALL
def test_numbers_are_counted(pair, minlength, positive):
    x, n = pair
    if positive and n.dtype != bool:
        x, n = abs(x), abs(n)
    judge(lambda a: np.bincount(a, minlength=minlength), (x, n))
    judge(lambda a: np.bincount(a), (x, n))


@given(st.integers(0, 20), st.data())
@SMALL
def test_weights_are_summed(size, data):
    x = data.draw(arrays(dtypes=("u1",), shape=(size,)))
    w = data.draw(arrays(dtypes=("f4", "i4", "c8"), shape=(size,)))
    judge(lambda a, w: np.bincount(a, w), x, w)
    judge(lambda a: np.bincount(a, np.ones(size + 1)), x)


def test_many_numbers_are_counted_in_parts(monkeypatch):
    monkeypatch.setattr(histograms, "MOST_NUMBERS", 4)
    n = np.random.default_rng(0).integers(0, 15, 50)
    x = la.from_array(n, chunks=7)
    judge(np.bincount, (x, n))
    judge(lambda a: np.bincount(a, a * 0.5), (x, n))


RANGES = (None, None, (-2, 3), (0.5, 2.25), (1, 1), (np.float32(-1), np.float64(2)), (3, 1), (0, np.inf))


@given(arrays(dtypes=REALS), st.integers(0, 6), st.sampled_from(RANGES), st.sampled_from([None, False, True]))
@SMALL
def test_equal_bins(pair, bins, ends, density):
    judge(lambda x: np.histogram(x, bins, ends, density=density), pair)
    judge(lambda x: np.histogram_bin_edges(x, bins, ends), pair)


@given(arrays(dtypes=REALS), arrays(dtypes=("i4", "f4", "f8"), min_dims=1, max_dims=1), st.booleans())
@SMALL
def test_edges_that_are_given(pair, edges, density):
    if not edges[1].size:
        return
    ordered = np.sort(edges[1])
    ours = la.from_array(ordered, chunks=edges[0].chunks)
    judge(lambda x, e: np.histogram(x, e, density=density), pair, (ours, ordered))
    judge(lambda x: np.histogram(x, ordered[::-1]), pair)


@given(st.data(), st.sampled_from(["?", "i1", "i8", "f4", "f8", "c16"]))
@SMALL
def test_weighted_bins(data, kind):
    x = data.draw(arrays(dtypes=("i4", "f8"), shape=(4, 5)))
    w = data.draw(arrays(dtypes=(kind,), shape=(4, 5)))
    finite = la.nan_to_num(w[0], posinf=1, neginf=2), np.nan_to_num(w[1], posinf=1, neginf=2)
    judge(lambda x, w: np.histogram(x, 5, (-3, 3), weights=w), x, finite)
    judge(lambda x, w: np.histogram(x, [-9, 0, 0.5, 4], weights=w), x, finite)
    judge(lambda x, w: np.histogram(x, 3, weights=w[:2]), x, finite)


@pytest.mark.parametrize("rule", ["auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges"])
@pytest.mark.parametrize("kind", ["f8", "i4", "f4"])
def test_the_number_of_bins_by_a_rule(rule, kind):
    n = (np.random.default_rng(1).normal(size=200) * 7).astype(kind)
    pair = la.from_array(n, chunks=30), n
    judge(lambda x: np.histogram(x, rule), pair)
    judge(lambda x: np.histogram_bin_edges(x, rule, (-5, 6)), pair)
    for few in (n[:0], n[:1], n[:2] * 0):
        judge(lambda x: np.histogram(x, rule), (la.from_array(few), few))


def test_rules_are_refused_where_numpy_refuses_them():
    n = np.arange(9.0)
    pair = la.from_array(n, chunks=4), n
    judge(lambda x: np.histogram(x, "nothing"), pair)
    judge(lambda x: np.histogram(x, "auto", weights=x), pair)
    judge(lambda x: np.histogram(x, 2.5), pair)
    judge(lambda x: np.histogram(x, [[1, 2]]), pair)


@given(st.integers(0, 9), st.data())
@SMALL
def test_grids_of_two_axes(size, data):
    x, y = (data.draw(arrays(dtypes=("f8", "i4", "f4"), shape=(size,))) for _ in range(2))
    bins = data.draw(st.sampled_from([3, (2, 4), [0, 1, 3], [[0, 1], [-2, 0.5, 2]], (2, [0, 1, 2]), 0]))
    ends = data.draw(st.sampled_from([None, [[-2, 2], [0, 3]], [None, [0, 1]]]))
    judge(lambda x, y: np.histogram2d(x, y, bins, ends), x, y)


@given(st.data(), st.booleans())
@SMALL
def test_grids_of_points(data, density):
    points = data.draw(arrays(dtypes=("f8", "i4"), shape=(11, 3)))
    weights = data.draw(arrays(dtypes=("f4", "i4"), shape=(11,)))
    n = np.nan_to_num(points[1], posinf=9, neginf=-9)
    pair = la.from_array(n, chunks=points[0].chunks), n
    bins = data.draw(st.sampled_from([2, (2, 1, 3), (2, [-1, 0, 4], 2), (1, 2)]))
    judge(lambda p: np.histogramdd(p, bins, density=density), pair)
    judge(lambda p, w: np.histogramdd(p, 2, [(-3, 3)] * 3, weights=w), pair, weights)
