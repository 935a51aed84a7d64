"""Sums over time: exact, whatever the width of the bins has become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.runtime.bins import BINS, Bins

times = st.floats(0, 1000)
interval = st.tuples(times, st.one_of(st.just(0.0), st.floats(1e-9, 500)), st.floats(0, 1e6))


def by_hand(intervals: list[tuple[float, float, float]], width: float, count: int) -> np.ndarray:
    """Each amount shared out over the bins by how much of its time lies in them."""
    out = np.zeros(count)
    for begin, length, amount in intervals:
        if length < 1e-6 * width:
            out[min(int(np.nextafter(begin + length, 0.0) / width), count - 1)] += amount
            continue
        for n in range(count):
            inside = min(begin + length, (n + 1) * width) - max(begin, n * width)
            out[n] += amount * max(inside, 0.0) / length
    return out


def add(bins: Bins, intervals: list[tuple[float, float, float]]) -> None:
    begin, length, amount = np.array(intervals).T
    bins.reach(float((begin + length).max()))
    bins.spread("x", begin, begin + length, amount)


@given(st.lists(interval, min_size=1, max_size=12))
@settings(max_examples=50, deadline=None)
def test_each_amount_is_spread_over_its_own_time(intervals):
    bins = Bins(("x",))
    add(bins, intervals)
    expected = by_hand(intervals, bins.width_s, BINS)[: len(bins["x"])]
    np.testing.assert_allclose(bins["x"], expected, rtol=1e-6, atol=1e-6 * max(1.0, expected.max()))


@given(st.lists(interval, min_size=2, max_size=12))
@settings(max_examples=50, deadline=None)
def test_it_does_not_matter_in_how_many_parts_they_come(intervals):
    # Earlier ones come at a time when bins are narrow; each is joined to its neighbour as the run gets longer.
    intervals.sort()
    at_once, parts = Bins(("x",)), Bins(("x",))
    add(at_once, intervals)
    for one in intervals:
        add(parts, [one])
    assert parts.width_s == at_once.width_s
    total = sum(amount for _, _, amount in intervals)
    np.testing.assert_allclose(parts["x"].sum(), total, rtol=1e-6)
    np.testing.assert_allclose(parts["x"], at_once["x"], atol=1e-5 * max(total, 1.0))


def test_more_than_half_of_the_bins_are_in_use_however_long_the_run():
    bins = Bins(("x",))
    for end in (0.3, 12.0, 3600.0, 1e6):
        bins.reach(end)
        assert BINS / 2 <= len(bins["x"]) <= BINS
        assert bins.width_s * len(bins["x"]) == pytest.approx(end, rel=0.01)
