from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import DeploymentError, TaskCrashedError, TaskMemoryError, TaskTimeoutError
from lambdarray.runtime.environment import cores
from lambdarray.runtime.executors.crew import Crew, crew
from lambdarray.runtime.executors.process import Settings
from lambdarray.runtime.executors.processes import ProcessesExecutor
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.shared import SharedPlace, shared_place

from .conformance import ExecutorConformance, drain
from .programs import attempts, begun, elementwise, get, put, wait_for

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _kernels(monkeypatch):
    """Worker processes find the kernels of these tests."""
    for folder in (ROOT, ROOT / "tests/runtime/children"):
        monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def shared_store():
    store = shared_place().store("memory://tests")
    yield store
    store.delete_prefix("")


@pytest.fixture
def executor(shared_store):
    made = ProcessesExecutor(shared_store, workers=2)
    yield made
    made.close()


class TestProcesses(ExecutorConformance):
    @pytest.fixture(params=["shared memory", "shared memory that is full", "directory"])
    def store(self, request, tmp_path):
        if request.param == "directory":
            yield DirectoryStore(str(tmp_path / "store"))
        elif request.param == "shared memory":
            yield request.getfixturevalue("shared_store")
        else:
            place = SharedPlace(str(tmp_path), str(tmp_path / "disk"), 0)
            yield place.store("memory://")
            place.close()

    def make(self, store, workers=2):
        return ProcessesExecutor(store, workers=workers)


def start(executor, store, kernel, params=None, n=8, **settings):
    """Start a bundle of four tasks."""
    p = elementwise(n, 2, kernel, params or {}, **{k: settings.pop(k) for k in ("dtype", "target") if k in settings})
    put(store, p.arrays["x"], np.arange(float(n)))
    executor.start(attempts(p, **settings))
    return p


def pids(reports):
    return {int(r.worker.removeprefix("process ")) for r in reports}


def is_running(pid):
    """Whether there is such a process; one that has ended and that nobody has asked after yet is none."""
    if not Path("/proc/self/stat").exists():
        said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
        return said != "" and said[0] != "Z"
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_tasks_run_in_other_processes(executor, shared_store):
    start(executor, shared_store, "test_scale", {"by": 2.0})
    found = pids(drain(executor, 4))
    assert os.getpid() not in found
    assert all(map(is_running, found))


def test_two_tasks_that_both_hold_the_interpreters_lock_run_at_once(executor, shared_store, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    p = elementwise(2, 1, "test_meet", {"fifo": str(tmp_path / "fifo")})
    put(shared_store, p.arrays["x"], np.arange(2.0))
    for attempt in attempts(p):
        executor.start([attempt])
    assert [r.status for r in drain(executor, 2)] == ["done", "done"]


# -- processes that end


@pytest.mark.parametrize(
    ("way", "status", "said"),
    [
        ("exit", "crashed", "exit status 3"),
        ("fault", "crashed", "signal: segmentation fault"),
        ("kill", "memory", "signal: killed"),
        ("fill", "memory", "MemoryError"),
    ],
)
def test_each_way_to_end_has_its_status_and_the_next_task_a_process(way, status, said, executor, shared_store):
    p = elementwise(2, 2, "test_end", {"way": way, "at": 0})
    put(shared_store, p.arrays["x"], np.arange(2.0))
    executor.start(attempts(p))
    (report,) = drain(executor, 1)
    assert (report.status, report.retry, report.shared) == (status, True, False)
    assert said in report.error
    if way == "fault":
        assert "in end" in report.log
    start(executor, shared_store, "test_scale", {"by": 2.0}, target="z")
    assert [r.status for r in drain(executor, 4)] == ["done"] * 4


def test_of_a_bundle_that_ends_its_process_what_is_done_is_done_and_any_of_the_rest_may_be_to_blame(
    executor, shared_store
):
    start(executor, shared_store, "test_end", {"way": "exit", "at": 2})
    reports = drain(executor, 4)
    # The first had its report sent with the second's, within a millisecond; but never is one that ran after the crash.
    assert [r.status for r in reports][1:] == ["crashed"] * 3
    assert {r.shared for r in reports if r.status == "crashed"} == {True}


def test_a_task_that_never_ends_is_ended_with_its_process_when_its_time_is_over(executor, shared_store):
    start(executor, shared_store, "test_scale", {"by": 2.0}, target="z")
    drain(executor, 4)
    start(executor, shared_store, "test_end", {"way": "hang", "at": 0}, n=2, deadline_s=0.2)
    (report,) = drain(executor, 1)
    assert report.status == "timeout"
    assert "took longer than 0.2 s" in report.error
    start(executor, shared_store, "test_scale", {"by": 2.0}, target="w")
    assert [r.status for r in drain(executor, 4)] == ["done"] * 4


def test_what_is_at_work_when_the_executor_is_closed_is_gone_when_that_returns(shared_store, tmp_path):
    executor = ProcessesExecutor(shared_store, workers=1)
    start(executor, shared_store, "test_gate", {"folder": str(tmp_path)})
    wait_for(lambda: begun(tmp_path) == 1)
    (process,) = executor._running
    executor.close()
    assert not is_running(process._popen.pid)


def test_a_process_that_cannot_start_is_an_error_that_says_so(executor, shared_store, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    broken = ProcessesExecutor(shared_store, workers=1)
    start(broken, shared_store, "test_scale", {"by": 2.0})
    with pytest.raises(DeploymentError, match=r"worker process of /bin/false cannot start: exit status 1"):
        broken.wait(30)
    broken.close()


# -- processes that wait


def use(store, workers=1, kernel="test_scale", params=None, **settings):
    """The processes that four tasks ran in."""
    executor = ProcessesExecutor(store, workers=workers)
    start(executor, store, kernel, params or {"by": 2.0}, target=f"t{next(_numbers)}", **settings)
    reports = drain(executor, 4)
    executor.close()
    assert [r.status for r in reports] == ["done"] * 4
    return pids(reports)


def test_the_next_run_finds_the_processes_of_the_last(shared_store, tmp_path):
    first = use(shared_store)
    assert use(DirectoryStore(str(tmp_path))) == first
    assert use(shared_store) == first


def test_another_search_path_folder_or_share_of_the_cores_starts_new_ones(shared_store, monkeypatch, tmp_path):
    before = use(shared_store)
    monkeypatch.syspath_prepend(str(tmp_path))
    moved = use(shared_store)
    assert moved.isdisjoint(before)
    assert not any(map(is_running, before))
    monkeypatch.chdir(tmp_path)
    assert use(shared_store).isdisjoint(moved)
    assert Settings.here(1) != Settings.here(2)


def test_a_run_sees_the_environment_as_it_is_when_it_begins(shared_store, monkeypatch):
    def seen():
        executor = ProcessesExecutor(shared_store, workers=1)
        p = elementwise(2, 2, "test_environ", {"name": "TOLD"}, "i8", target=f"t{next(_numbers)}")
        put(shared_store, p.arrays["x"], np.arange(2.0))
        executor.start(attempts(p))
        found = pids(drain(executor, 1))
        executor.close()
        return get(shared_store, p.arrays[p.writes[0].array])[0], found

    monkeypatch.setenv("TOLD", "5")
    first = seen()
    monkeypatch.setenv("TOLD", "6")
    second = seen()
    monkeypatch.delenv("TOLD")
    third = seen()
    assert [first[0], second[0], third[0]] == [5, 6, -1]
    assert first[1] == second[1] == third[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_blas_has_a_workers_share_of_the_cores(workers, shared_store):
    executor = ProcessesExecutor(shared_store, workers=workers)
    p = start(executor, shared_store, "test_blas", dtype="i8", target=f"t{next(_numbers)}")
    drain(executor, 4)
    executor.close()
    assert set(get(shared_store, p.arrays[p.writes[0].array])) == {max(1, cores() // workers)}


def test_a_process_that_waits_too_long_is_ended_and_no_more_wait_than_a_run_has_workers():
    crew, settings = Crew(idle_s=0.1), Settings.here(1)
    taken = [crew.take(settings) for _ in range(3)]
    for process in taken:
        crew.give(process, 2)
    assert [p.alive for p in taken] == [True, True, False]
    wait_for(lambda: not any(p.alive for p in taken))
    assert crew.take(settings) not in taken
    crew.close()


def test_one_that_was_ended_while_it_waited_is_not_taken():
    crew, settings = Crew(), Settings.here(1)
    process = crew.take(settings)
    crew.give(process, 2)
    os.kill(process._popen.pid, signal.SIGKILL)
    wait_for(lambda: not process.alive)
    crew.warm(settings, 1)
    assert crew.take(settings) is not process
    crew.close()


def test_no_more_processes_are_started_than_there_are_tasks(shared_store):
    crew.close()
    ProcessesExecutor(shared_store, workers=3, tasks=1).close()
    assert len(crew._all) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_its_parents_processes_alone(shared_store):
    before = use(shared_store)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = int(bool(crew._all))
            crew.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert use(shared_store) == before


# -- whole runs


def expression():
    """Four random tiles, then four that read two of them each."""
    x = la.random.default_rng(0).random((40, 40), chunks=20)
    return x + x.T


def test_a_crash_that_does_not_happen_again_costs_a_retry_and_nothing_else(monkeypatch):
    expected = expression().compute()
    monkeypatch.setenv("CRASH", "fault 7 1")
    with la.config(executor="processes", workers=2):
        np.testing.assert_array_equal(expression().compute(), expected)
    report = la.last_report()
    assert (report.executor, report.retries, report.statistics["failed"]) == ("processes", 1, 1)


@pytest.mark.parametrize(
    ("way", "kind", "said"),
    [
        ("fault", TaskCrashedError, "signal: segmentation fault"),
        ("kill", TaskMemoryError, "use smaller chunks or a larger memory_mib"),
        ("hang", TaskTimeoutError, "task_timeout_s=0.4"),
    ],
)
def test_what_ends_every_attempt_is_told_apart(way, kind, said, monkeypatch):
    timeout_s = 0.4 if way == "hang" else 30.0
    monkeypatch.setenv("CRASH", f"{way} 7 99")
    settings = la.config(executor="processes", workers=1, retries=1, task_timeout_s=timeout_s)
    with settings, pytest.raises(kind, match=said) as caught:
        expression().compute()
    error = caught.value
    assert type(error) is kind
    assert error.attempts == 2
    assert "test_processes.py" in error.where
    assert way != "fault" or "begin_or_end" in error.log


def test_of_a_bundle_that_crashes_the_task_that_did_it_is_named_and_the_others_are_done(monkeypatch, tmp_path):
    x = la.random.default_rng(1).random((80, 80), chunks=10) + 1
    monkeypatch.setenv("CRASH", "exit 21 99")
    with la.config(executor="processes", workers=2, retries=1, store=str(tmp_path)):
        with pytest.raises(TaskCrashedError) as caught:
            x.persist()
        assert caught.value.task == la.plan(x).programs[0].task(21).name
        monkeypatch.delenv("CRASH")
        x.persist()
    assert la.last_report().statistics["resumed"] > 0


def test_runs_on_two_threads_of_the_caller_do_not_meet():
    def run(seed):
        x = la.random.default_rng(seed).standard_normal((40, 40), chunks=10)
        found[seed] = (x @ x.T).compute(), x.compute()

    found = {}
    with la.config(executor="processes", workers=2):
        threads = [threading.Thread(target=run, args=(seed,)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for product, x in found.values():
        np.testing.assert_allclose(product, x @ x.T, rtol=1e-12, atol=1e-12)


def test_what_was_persisted_here_is_read_there_and_the_other_way_round(rng):
    values = rng.standard_normal((60, 50))
    x = la.from_array(values, chunks=20)
    here = (x + 1).persist()
    with la.config(executor="processes", workers=2):
        there = (here * 2).persist()
        np.testing.assert_array_equal((there - here).compute(), (values + 1) * 2 - (values + 1))
    np.testing.assert_array_equal(there.compute(), (values + 1) * 2)


def test_a_result_is_no_mapped_memory():
    x = la.random.default_rng(0).random((600, 600), chunks=600)
    with la.config(executor="processes", workers=1):
        kept = (x + 1).persist()
        for value in la.compute(kept, kept + 1, kept.rechunk(300) * 2):
            assert value.base is None
            assert value.flags.writeable


def test_a_run_leaves_nothing_in_shared_memory():
    store = shared_place().store("memory://")
    x = la.random.default_rng(0).standard_normal((60, 60), chunks=20)
    with la.config(executor="processes", workers=2):
        la.compute(x @ x.T, (x @ x.T).sum())
        kept = x.persist()
        assert len(list(store.list())) == 9
        del kept
    assert [*Path(store.root).iterdir()] == []


JOB = """
import json, os, signal, sys
import numpy as np
import lambdarray as la
from lambdarray.errors import RunInterrupted
from lambdarray.runtime.executors.crew import crew
from lambdarray.runtime.launch import Launch
from lambdarray.store.shared import shared_place

def tell():
    place = shared_place()
    there = {"pids": [p._popen.pid for p in crew._all], "folders": [place._folder, place._disk]}
    sys.stdout.write(json.dumps(there) + "\\n")
    sys.stdout.flush()

# A shell's background job, which this may be part of, ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)
inner, reported = Launch._on_report, []

def on_report(launch, report, tiles):
    inner(launch, report, tiles)
    reported.append(report)
    if len(reported) == 3 and sys.argv[1] != "none":
        tell()
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))

Launch._on_report = on_report
x = la.from_array(np.ones((3000, 3000)), chunks=300)
with la.config(executor="processes", workers=2, progress=False):
    y = (x + 1).persist()
    try:
        la.random.default_rng(0).standard_normal((6000, 6000), chunks=600).mean().compute()
    except RunInterrupted:
        sys.stdout.write("interrupted\\n")
if sys.argv[1] == "none":
    tell()
"""


@pytest.mark.parametrize(
    ("sent", "code"), [("none", 0), ("SIGINT", 0), ("SIGKILL", -signal.SIGKILL), ("SIGTERM", -signal.SIGTERM)]
)
def test_however_a_parent_ends_no_process_and_no_file_stays(sent, code, tmp_path):
    job = JOB.replace("y = (x + 1).persist()", "pass") if sent == "SIGINT" else JOB
    done = subprocess.run([sys.executable, "-c", job, sent], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == code, done.stderr
    there = json.loads(done.stdout.splitlines()[0])
    assert ("interrupted" in done.stdout) == (sent == "SIGINT")
    assert len(there["pids"]) == 2
    if code == 0:  # it saw to that itself
        assert not any(map(os.path.exists, there["folders"]))
    wait_for(lambda: not any(map(is_running, there["pids"])))
    wait_for(lambda: not any(map(os.path.exists, there["folders"])))
