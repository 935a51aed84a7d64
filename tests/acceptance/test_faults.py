"""Whatever attempts do, the result is NumPy's, and the run comes to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import TaskTimeoutError
from lambdarray.runtime.executors.faults import Faults

from .conftest import FAULTS, MEMORY_MIB, WORKERS, Strike
from .expressions import ALL
from .job import expected, expression

WITH_BROKEN_CONNECTIONS = Faults(fail=0.2, lost=0.05, unknown=0.1, twice=0.2, straggle=0.1, straggle_s=0.2, refuse=0.1)
# A lost attempt is given up when its time is over, so that the time of a test is mostly this.
SETTINGS = {"workers": 2, "task_timeout_s": 0.5, "progress": False}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=["memory", "directory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        found: str = request.getfixturevalue("bucket_store")
        return found
    return "memory://" if request.param == "memory" else str(tmp_path / "scratch")


@pytest.mark.parametrize("faults", [FAULTS, WITH_BROKEN_CONNECTIONS], ids=["named", "and broken connections"])
def test_results_are_numpys_with_attempts_that_fail_report_twice_or_never_and_straggle(
    faults: Faults, store: str, strike: Strike
) -> None:
    array = (expression() * 2).rechunk(7) - 1
    counts = strike(3, faults)
    with la.config(store=store, **SETTINGS):
        value, total = la.compute(array, array.sum(axis=1))
    np.testing.assert_allclose(value, expected() * 2 - 1, rtol=1e-11)
    np.testing.assert_allclose(total, (expected() * 2 - 1).sum(axis=1), rtol=1e-11)
    assert min(counts[name] for name in ("failed", "lost", "twice", "straggled")) > 0
    report = la.last_report()
    assert report is not None
    assert all(stage.done <= stage.tasks for stage in report.stages)


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_expression_survives_faults(name: str, strike: Strike) -> None:
    array, wanted = ALL[name]()
    strike(len(name))
    with la.config(**SETTINGS):
        np.testing.assert_allclose(array.compute(), wanted, rtol=1e-11, atol=1e-11)


def test_faults_do_not_change_a_bit(strike: Strike) -> None:
    array = expression()
    undisturbed = array.compute()
    counts = strike(8)
    with la.config(task_timeout_s=0.5):
        assert array.compute().tobytes() == undisturbed.tobytes()
    assert counts["failed"] > 0


def test_a_save_survives_faults(store: str, strike: Strike, tmp_path: Path) -> None:
    strike(4)
    target = str(tmp_path / "x.zarr")
    with la.config(store=store, **SETTINGS):
        expression().to_zarr(target)
    np.testing.assert_allclose(la.open_zarr(target).compute(), expected(), rtol=1e-11)


def test_functions_whose_reports_go_astray_still_give_numpys_values(on_lambda: str, strike: Strike) -> None:
    counts = strike(5, Faults(fail=0.2, lost=0.1, unknown=0.1, twice=0.1, straggle=0.2, straggle_s=0.2))
    with la.config(workers=WORKERS, memory_mib=MEMORY_MIB, task_timeout_s=3.0):
        np.testing.assert_allclose(expression().compute(), expected(), rtol=1e-11)
    assert counts["failed"] > 0


def test_processes_whose_reports_go_astray_still_give_numpys_values(strike: Strike) -> None:
    counts = strike(5, WITH_BROKEN_CONNECTIONS)
    with la.config(executor="processes", workers=2, task_timeout_s=2.0):
        np.testing.assert_allclose(expression().compute(), expected(), rtol=1e-11)
    assert counts["failed"] > 0


class Hanging:
    """A source whose last element never comes, until it is let go."""

    shape, dtype, ndim = (40,), np.dtype(float), 1

    def __init__(self) -> None:
        self.over, self.asked = threading.Event(), 0

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        if key[0].stop == 40:
            self.asked += 1
            self.over.wait(30)
        return np.ones(40)[key]


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.over.set()


def test_a_task_that_never_ends_is_given_up_after_its_attempts(hanging: Any) -> None:
    with la.config(workers=2, retries=1, task_timeout_s=0.3), pytest.raises(TaskTimeoutError) as caught:
        (la.from_array(hanging, chunks=10) + 1).compute()
    assert caught.value.attempts == 2
    assert "task_timeout_s=0.3" in str(caught.value)
