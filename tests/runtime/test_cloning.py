from __future__ import annotations

import math

import pytest

from lambdarray.runtime.attempts import Bundle, Durations, Pace
from lambdarray.runtime.cloning import COLD_PATIENCE, IDLE_HASTE, URGENT_PATIENCE, laggards, patience_of


def durations(*stages):
    """Durations of stages whose tasks took so long."""
    made = []
    for seconds in stages:
        stage = Durations(1.0)
        for each in seconds:
            stage.add(each)
        made.append(stage)
    return made


IDLE = patience_of([0, 1], None)


def test_an_attempt_lags_when_nearly_all_of_its_stage_would_have_ended():
    known = durations([10.0] * 60)
    begun = [Bundle(0, [n], now=float(n)) for n in range(3)]
    assert laggards(begun, known, 11.0, 0.0, IDLE) == ([], 12.0)
    found, soonest = laggards(begun, known, 13.5, 0.0, IDLE)
    assert (found, soonest) == (begun[:2], 14.0)


def test_a_stage_of_which_some_take_longer_has_more_patience_but_never_more_than_twice_the_median():
    even, uneven, wild = durations([10.0] * 50, [10.0] * 40 + [14.0] * 10, [10.0] * 40 + [50.0] * 20)
    assert even.lagging() == pytest.approx(12.0)
    assert uneven.lagging() == pytest.approx(15.4)
    assert wild.lagging() == pytest.approx(20.0)


def test_the_longest_overdue_come_first():
    known = durations([10.0] * 9, [2.0] * 9)
    slow, quick = Bundle(0, [1], 0.0), Bundle(1, [2], 4.0)
    assert laggards([slow, quick], known, 30.0, 0.0, IDLE)[0] == [quick, slow]


def test_nothing_lags_before_the_floor():
    known = durations([0.01] * 9)
    assert laggards([Bundle(0, [1], 0.0)], known, 1.0, 2.0, IDLE) == ([], 2.0)


def test_where_tasks_wait_only_more_urgent_ones_have_second_attempts_and_later():
    known = durations([10.0] * 9, [10.0] * 9)
    both = [Bundle(0, [1], 0.0), Bundle(1, [2], 0.0)]
    busy = patience_of([0, 1], 1)
    assert laggards(both, known, 12.0 * URGENT_PATIENCE - 0.1, 0.0, busy)[0] == []
    assert laggards(both, known, 12.0 * URGENT_PATIENCE + 0.1, 0.0, busy)[0] == both[:1]
    assert laggards(both, known, 1e6, 0.0, patience_of([0, 1], 0)) == ([], math.inf)


def test_a_worker_that_may_have_had_to_be_started_is_given_longer() -> None:
    known = durations([10.0] * 9)
    warm, cold = Bundle(0, [1], 0.0), Bundle(0, [2], 0.0, cold=True)
    busy = patience_of([0, 1], 1)
    assert URGENT_PATIENCE < COLD_PATIENCE
    assert laggards([warm, cold], known, 12.0 * URGENT_PATIENCE + 0.1, 0.0, busy)[0] == [warm]
    assert len(laggards([warm, cold], known, 12.0 * COLD_PATIENCE + 0.1, 0.0, busy)[0]) == 2


def test_where_most_workers_are_idle_tasks_lag_sooner() -> None:
    known, begun = durations([10.0] * 9), [Bundle(0, [1], 0.0)]
    for idle in (0.0, 0.5, 1.0):
        due = 12.0 * (1.0 - IDLE_HASTE * idle)
        assert laggards(begun, known, due - 0.1, 0.0, patience_of([0], None, idle))[0] == []
        assert laggards(begun, known, due + 0.1, 0.0, patience_of([0], None, idle))[0] == begun


def test_a_stage_that_nothing_is_known_of_goes_by_the_pace_of_the_others():
    pace = Pace()
    known, unknown = Durations(2.0, pace), Durations(5.0, pace)
    assert (unknown.mean, unknown.lagging()) == (5.0, 50.0)
    for _ in range(20):
        known.add(4.0)
    assert unknown.mean == pytest.approx(10.0)
    assert unknown.lagging() == pytest.approx(30.0)
