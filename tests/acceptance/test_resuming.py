"""A run that was killed or interrupted is started again and computes what is missing, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import StoreError, TargetExistsError, TaskError
from lambdarray.store import open_store

from .conftest import MEMORY_MIB
from .job import expected, expression, objects

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., "Outcome"]


class Outcome:
    """How a process ended and what it said."""

    def __init__(self, done: subprocess.CompletedProcess[str], result: Path) -> None:
        self.code, self.errors, self.result = done.returncode, done.stderr, result
        self.said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}

    def value(self) -> np.ndarray:
        assert self.said["end"] == "finished", self.errors
        found: np.ndarray = np.load(self.result)
        return found


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """Run the job in a process of its own, on a store."""

    def start(store: str, what: str = "compute", **more: Any) -> Outcome:
        result = tmp_path / "result.npy"
        job = {"what": what, "store": store, "result": str(result), "target": target_of(store), **more}
        command = [sys.executable, "-m", "tests.acceptance.job", json.dumps(job)]
        done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=60)
        return Outcome(done, result)

    return start


def target_of(store: str) -> str:
    return f"{store.replace('/scratch/', '/out/')}.zarr"


def uninterrupted(store: str, tmp_path: Path) -> tuple[np.ndarray, int]:
    """What the same plan makes undisturbed, and how many tiles that takes."""
    with la.config(store=str(tmp_path / "other"), workers=2):
        plan = la.plan(expression())
        value = expression().compute()
    np.testing.assert_allclose(value, expected(), rtol=1e-11)
    return value, sum(plan.arrays[name].tiling.count for name in plan.written)


@pytest.mark.parametrize("what", ["compute", "to_zarr"])
def test_after_sigkill_the_same_job_makes_only_the_tiles_that_are_missing(
    what: str, start: Run, durable_store: str, tmp_path: Path
) -> None:
    target = target_of(durable_store) if what == "to_zarr" else ""
    value, total = uninterrupted(durable_store, tmp_path)
    killed = start(durable_store, what, signal="SIGKILL", after=20)
    assert killed.code == -signal.SIGKILL
    there = len(objects(durable_store, target))
    assert 20 <= there < total
    if target:
        with pytest.raises(StoreError, match=r"incomplete save: .* run the same save again"):
            la.open_zarr(target)
    again = start(durable_store, what)
    assert again.value().tobytes() == value.tobytes()
    # What was on its way to S3 may have come in after its sender was dead.
    assert again.said["puts"] == total - again.said["there"] <= total - there
    assert objects(durable_store) == []
    assert len(objects(durable_store, target)) == (12 if target else 0)


def test_a_job_that_is_killed_again_and_again_comes_to_its_end(start: Run, durable_store: str, tmp_path: Path) -> None:
    value, total = uninterrupted(durable_store, tmp_path)
    there = [0]
    while there[-1] < 20:
        assert start(durable_store, signal="SIGKILL", after=8).code == -signal.SIGKILL
        there.append(len(objects(durable_store)))
        assert there[-1] >= there[-2] + 8
    again = start(durable_store)
    assert again.said["puts"] == total - again.said["there"]
    assert again.value().tobytes() == value.tobytes()


def test_ctrl_c_ends_the_run_and_the_same_expression_resumes_it(start: Run, durable_store: str, tmp_path: Path) -> None:
    value, total = uninterrupted(durable_store, tmp_path)
    stopped = start(durable_store, signal="SIGINT", after=3)
    assert "the same expression resumes from it" in stopped.said["end"]
    there = len(objects(durable_store))
    assert 3 <= there < total
    assert list(open_store(durable_store).list("runs")) == []  # its sign of life went with it
    again = start(durable_store)
    # What was on its way to S3 may have come in after the sender was dead.
    assert again.said["puts"] == total - again.said["there"] <= total - there
    assert again.value().tobytes() == value.tobytes()


@pytest.mark.parametrize("executor", ["lambda", "processes"])
@pytest.mark.parametrize("sent", ["SIGKILL", "SIGINT"])
def test_a_client_of_others_that_dies_leaves_what_is_finished_to_the_next(
    sent: str, executor: str, start: Run, bucket_store: str
) -> None:
    settings = {"executor": executor, "memory_mib": MEMORY_MIB}
    stopped = start(bucket_store, signal=sent, reports=4, settings=settings)
    assert stopped.code == (-signal.SIGKILL if sent == "SIGKILL" else 0)
    again = start(bucket_store, settings=settings)
    np.testing.assert_allclose(again.value(), expected(), rtol=1e-11)
    assert again.said["resumed"] >= 4
    assert again.said["puts"] == 0  # the operands had been uploaded
    assert objects(bucket_store) == []


def test_what_is_all_there_is_not_computed_again(durable_store: str) -> None:
    with la.config(store=durable_store):
        first = expression().persist()
        again = expression().persist()
    report = la.last_report()
    assert report is not None
    assert (report.attempts, report.statistics["resumed"]) == (0, report.tasks)
    assert again.compute().tobytes() == first.compute().tobytes()


def test_a_failed_save_is_not_resumed_over_values_that_have_changed_since(tmp_path: Path) -> None:
    values, target = np.zeros(40), str(tmp_path / "x.zarr")
    source = Failing(values)
    array = la.from_array(source, chunks=10) + 1
    with la.config(workers=1, retries=0), pytest.raises(TaskError, match="not yet"):
        array.to_zarr(target)
    values += 1
    source.works = True
    with pytest.raises(TargetExistsError, match="overwrite=True"):
        array.to_zarr(target)
    array.to_zarr(target, overwrite=True)
    np.testing.assert_array_equal(la.open_zarr(target).compute(), np.full(40, 2.0))


class Failing:
    """An array of the caller's own whose last element cannot be read at first."""

    works = False

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        if key[0].stop == len(self.values) and not self.works:
            raise OSError("not yet")
        found: np.ndarray = self.values[key]
        return found
