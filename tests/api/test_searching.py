"""Searches, membership and interpolation are NumPy's, whatever the chunks of what is searched."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from tests.judge import arrays, judge

LINES = ("i4", "u8", "f4", "f8")
SMALL = settings(max_examples=30, deadline=None)


def in_order(pair, descending=False):
    """The same values in order, in the same chunks."""
    x, n = pair
    n = np.sort(n)[::-1] if descending else np.sort(n)
    return la.from_array(n, chunks=x.chunks), n


@given(
    arrays(dtypes=LINES, min_dims=1, max_dims=1), arrays(dtypes=LINES, max_dims=2), st.sampled_from(["left", "right"])
)
@SMALL
def test_a_line_in_any_chunks_is_searched(line, values, side):
    judge(lambda a, v: np.searchsorted(a, v, side=side), in_order(line), values)


@given(arrays(dtypes=LINES, min_dims=1, max_dims=1), arrays(dtypes=LINES, max_dims=1))
@SMALL
def test_a_sorter_says_in_which_order_the_line_is(line, values):
    order = np.argsort(line[1])
    pair = la.from_array(order, chunks=max(1, order.size // 2)), order
    judge(lambda a, v, s: np.searchsorted(a, v, sorter=s), line, values, pair)


def test_wrong_searches_are_refused_at_once():
    n = np.arange(4)
    x = la.from_array(n, chunks=2)
    for change in (
        lambda a: np.searchsorted(a, 1, side="middle"),
        lambda a: np.searchsorted(a.reshape(2, 2), 1),
        lambda a: np.searchsorted(a, 1, sorter=[0, 1]),
        lambda a: np.searchsorted(a, 1, sorter=[0.0, 1.0, 2.0, 3.0]),
        lambda a: np.digitize(a, [1, 3, 2]),
        lambda a: np.digitize(a, [[1, 3]]),
        lambda a: np.digitize(a + 1j, [1, 3]),
        lambda a: np.isin(a, [1], kind="magic"),
        lambda a: np.isin(a * 0.5, [1.0], kind="table"),
        lambda a: np.interp(a, [0, 1], [1, 2, 3]),
        lambda a: np.interp(a, [], []),
        lambda a: np.interp(a, [0, 1], [1, 2], period=0),
        lambda a: np.interp(a, [0, 1], [1, 2], left=1j),
    ):
        judge(change, (x, n))


@given(arrays(dtypes=LINES), arrays(dtypes=LINES, min_dims=1, max_dims=1), st.booleans(), st.booleans())
@SMALL
def test_bins_rise_or_fall(values, bins, descending, right):
    edges = in_order(bins, descending)
    judge(lambda x, b: np.digitize(x, b, right=right), values, edges)
    judge(lambda x: np.digitize(x, edges[1], right=right), values)


@given(arrays(dtypes=("i4", "u1", "f8", "c16", "?")), arrays(dtypes=("i4", "i8", "f4")), st.booleans(), st.booleans())
@SMALL
def test_membership_in_tiles(x, test, invert, unique):
    judge(lambda x, t: np.isin(x, t, invert=invert), x, test)
    judge(lambda x: np.isin(x, [1, 2], kind="sort"), x)


@given(
    arrays(dtypes=LINES),
    arrays(dtypes=("f8",), shape=(5,)),
    arrays(dtypes=("i4", "f8", "c16"), shape=(5,)),
    st.sampled_from([{}, {"left": 7.5}, {"right": np.float32(-2)}, {"period": 3.0}]),
)
@SMALL
def test_lines_through_points(x, points, values, ends):
    # Points at infinity have no line: what NumPy gives there depends on how many elements it is asked for.
    finite = points[0], np.nan_to_num(points[1], posinf=9, neginf=-9)
    judge(lambda x, xp, fp: np.interp(x, xp, fp, **ends), x, in_order(finite), values)


def test_ends_of_a_complex_line_are_complex():
    n = np.array([-1.0, 0.5, 9.0])
    judge(lambda x: np.interp(x, [0, 1], [1j, 2], left=1 + 2j, right=3), (la.from_array(n, chunks=2), n))


@pytest.mark.parametrize("kind", ["U3", "M8[s]"])
def test_what_has_an_order_is_searched(kind):
    n = np.sort(np.arange(20).astype("i8").astype(kind))
    x = la.from_array(n, chunks=6)
    judge(lambda a: np.searchsorted(a, n[::3]), (x, n))
    judge(lambda a: np.isin(a, n[::3]), (x, n))
