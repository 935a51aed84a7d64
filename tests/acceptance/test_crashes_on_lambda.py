"""A function whose process ends, runs out of memory or of time is told apart from a task that raises, and retried."""

from __future__ import annotations

import io
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from lambdarray_layer.package import build_package

import lambdarray as la
from lambdarray import cli
from lambdarray.api import remote
from lambdarray.cloud import LocalCloud
from lambdarray.errors import TaskCrashedError, TaskError, TaskMemoryError, TaskTimeoutError
from lambdarray.store import open_store

from .conftest import ARCH, BUCKET, connect

pytestmark = pytest.mark.timeout(60)

NAME, STORE = "crashing", f"s3://{BUCKET}/crashing"
# The real handler, but that a worker does what it was told to when it begins an early attempt at one task.
WRAPPER = """
import os, time
from lambdarray.runtime import handler as real
from lambdarray.runtime.worker import Worker

WAYS = {
    "exit": lambda: os._exit(3),
    "abort": os.abort,
    "memory": lambda: len(bytearray(2 << 30)),
    "hang": lambda: time.sleep(60),
    "raise": lambda: 1 / 0,
}

begin = Worker.begin

def begin_or_crash(worker, attempt):
    way, task, attempts = os.environ["CRASH"].split()
    if attempt.id == int(task) and attempt.number < int(attempts):
        WAYS[way]()
    return begin(worker, attempt)

Worker.begin = begin_or_crash
handler = real.handler
"""


@pytest.fixture(scope="module")
def crashing(cloud: LocalCloud) -> LocalCloud:
    """The account with one more function of its own, whose handler is wrapped."""
    if cloud.isolation == "plain":
        pytest.skip("these limits need namespaces, which this machine does not let us have")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environ.items():
            patch.setenv(name, value)
        deploy = ["deploy", "--arch", ARCH, "--store", STORE, "--function", NAME, "--yes"]
        assert cli.main([*deploy, "--memory", "512", "--timeout", "60"]) == 0
    client = connect(cloud, "lambda")
    client.update_function_code(FunctionName=NAME, ZipFile=wrapped())
    client.update_function_configuration(FunctionName=NAME, Handler="wrapper.handler")
    return cloud


def wrapped() -> bytes:
    """The function's package with the wrapper in it."""
    buffer = io.BytesIO()
    with build_package(f"{sys.version_info[0]}.{sys.version_info[1]}").path.open("rb") as package:
        shutil.copyfileobj(package, buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        entry = zipfile.ZipInfo("wrapper.py")
        entry.external_attr = 0o100644 << 16
        archive.writestr(entry, WRAPPER)
    return buffer.getvalue()


Crash = Callable[..., None]


@pytest.fixture
def crash(crashing: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crash]:
    """Tell the function how to crash, at how many attempts, of which task."""
    for name, value in crashing.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "_known", {})
    client = connect(crashing, "lambda")

    def crash(way: str, attempts: int, task: int = LAST_TASK) -> None:
        now = client.get_function_configuration(FunctionName=NAME)["Environment"]["Variables"]
        variables = {**now, "CRASH": f"{way} {task} {attempts}"}
        client.update_function_configuration(FunctionName=NAME, Environment={"Variables": variables})

    # Where memory is slow to be touched, a second attempt beside the one that crashes could end before that does.
    settings = {"workers": 2, "bundle_s": 0.01, "retries": 2, "speculate": False, "progress": False}
    with la.config(executor="lambda", function=NAME, store=STORE, **settings):
        yield crash
        open_store(STORE).delete_prefix("")


def expression() -> Any:
    """Four random tiles, then four that read two of them each."""
    x = la.random.default_rng(0).random((40, 40), chunks=20)
    return x + x.T


LAST_TASK = 7


@pytest.mark.parametrize("way", ["exit", "memory", "raise"])
def test_a_crash_that_does_not_happen_again_costs_a_retry_and_nothing_else(way: str, crash: Crash) -> None:
    crash(way, 1)
    assert la.plan(expression()).task_count == LAST_TASK + 1
    value = expression().compute()
    report = la.last_report()
    assert report is not None
    assert report.retries >= 1
    assert report.statistics["failed"] >= 1
    with la.config(executor="threads", store="memory://"):
        np.testing.assert_array_equal(value, expression().compute())


@pytest.mark.parametrize(
    ("way", "kind", "said"),
    [
        ("exit", TaskCrashedError, "Runtime exited with error: exit status 3"),
        ("abort", TaskCrashedError, "signal: aborted"),
        ("memory", TaskMemoryError, "use smaller chunks or a larger memory_mib"),
        ("raise", TaskError, "ZeroDivisionError"),
    ],
)
def test_what_ends_every_attempt_is_told_apart_after_as_many_as_there_may_be(
    way: str, kind: type[TaskError], said: str, crash: Crash
) -> None:
    crash(way, 99)
    with pytest.raises(TaskError) as caught:
        expression().persist()
    error = caught.value
    assert type(error) is kind
    assert said in str(error)
    assert error.attempts == 3
    assert "test_crashes_on_lambda.py" in error.where
    assert "RequestId" in error.log
    finished = [key for key in open_store(STORE).list() if not key.startswith("runs/")]
    assert len(finished) >= 4
    crash(way, 0)
    expression().persist()  # goes on from the completed tiles
    report = la.last_report()
    assert report is not None
    assert report.statistics["resumed"] >= 4


def test_a_function_that_hangs_is_given_up_when_its_time_is_over(crash: Crash) -> None:
    crash("hang", 99)
    with la.config(retries=1, task_timeout_s=1.5), pytest.raises(TaskTimeoutError) as caught:
        expression().compute()
    assert caught.value.attempts == 2
    assert "task_timeout_s" in str(caught.value)


def test_a_function_that_hangs_once_does_not_hold_up_the_run(crash: Crash) -> None:
    crash("hang", 1)
    with la.config(task_timeout_s=3.0, speculate=True):
        assert expression().compute().shape == (40, 40)


@pytest.mark.parametrize("way", ["exit", "memory"])
def test_of_a_bundle_that_crashes_the_task_that_did_it_is_named_and_the_others_are_done(way: str, crash: Crash) -> None:
    x = la.random.default_rng(1).random((160, 160), chunks=20) + 1
    poison = 21
    crash(way, 99, poison)
    with la.config(bundle_s=300.0), pytest.raises(TaskError) as caught:
        x.persist()
    error = caught.value
    assert error.task == la.plan(x).programs[0].task(poison).name
    assert error.attempts == 4  # the first was one of a bundle, and is not held against it
    crash(way, 0)
    with la.config(bundle_s=300.0):
        x.persist()
    report = la.last_report()
    assert report is not None
    # How many of the later ones are done by then is a race of two workers; those before it are in any case.
    assert report.statistics["resumed"] >= poison
