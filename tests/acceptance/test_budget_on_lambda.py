"""A run in Lambda that would pass its budget stops before it does, and goes on where it stopped once there is more."""

from __future__ import annotations

import time

import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import UNITS_PER_DOLLAR, get_purse
from lambdarray.errors import BudgetError
from lambdarray.runtime.budget import LEAST_S

from .conftest import MEMORY_MIB

pytestmark = pytest.mark.timeout(120)
DOLLARS_PER_S = MEMORY_MIB / 1024 * 0.0000166667
# What the least that a task is given may cost, with its start and end.
LEAST_DOLLARS = (LEAST_S + 13.0) * DOLLARS_PER_S


def test_a_run_stops_before_it_passes_its_budget_and_resumes_with_another(on_lambda: str) -> None:
    def nap(b: np.ndarray) -> np.ndarray:
        time.sleep(0.4)  # which nobody would think
        return b + 1

    x = la.arange(24, chunks=1).map_blocks(nap, dtype=int)
    most = LEAST_DOLLARS + 4 * DOLLARS_PER_S
    with la.config(max_dollars=most, bundle_s=0.1, workers=1):
        with pytest.raises(BudgetError, match="resumes from it with workers=1 and a new max_dollars") as caught:
            x.compute()
        stopped = la.last_report()
        assert get_purse().used <= most * UNITS_PER_DOLLAR
    error = caught.value
    assert 0 < error.done < error.total == 48
    assert error.left_dollars < error.needed_dollars
    assert error.spent_dollars + error.left_dollars == pytest.approx(most)
    with la.config(max_dollars=1.0, workers=1):
        np.testing.assert_array_equal(x.compute(), np.arange(24) + 1)
        report = la.last_report()
    assert report is not None
    assert report is not stopped
    assert report.statistics["resumed"] == error.done


def test_a_task_that_takes_longer_than_it_can_be_paid_for_ends_in_its_function(on_lambda: str) -> None:
    def endless(b: np.ndarray) -> np.ndarray:
        time.sleep(300)
        return b

    begin = time.monotonic()
    x = la.arange(2, chunks=2).map_blocks(endless, dtype=int)
    with la.config(max_dollars=LEAST_DOLLARS + 2 * DOLLARS_PER_S, workers=1, retries=0), pytest.raises(BudgetError):
        x.compute()
    assert time.monotonic() - begin < 60


def test_what_is_sent_first_is_paid_for(on_lambda: str) -> None:
    x = la.from_array(np.ones((64, 64)), chunks=4)
    with la.config(max_dollars=256 * 0.000005 * 0.9), pytest.raises(BudgetError, match="max_dollars"):
        x.persist()
    with la.config(max_dollars=256 * 0.000005 * 1.1):
        x.persist()
        assert get_purse().used >= 256 * 0.000005 * UNITS_PER_DOLLAR
