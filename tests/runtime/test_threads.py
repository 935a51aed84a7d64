from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from lambdarray_kernels import kernel

from lambdarray.runtime.executors.pool import Pool
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore

from .programs import attempts, elementwise, get, put

GATES: dict[int, threading.Event] = {}
ENTERED = threading.Semaphore(0)


@kernel(flops=lambda *_: 0, name="test_gate")
def gate(a):
    ENTERED.release()
    assert GATES[0].wait(30)
    return a + 1


@pytest.fixture(params=["memory", "directory"])
def store(request, tmp_path):
    with MemoryStore() if request.param == "memory" else DirectoryStore(str(tmp_path / "s")) as made:
        yield made


@pytest.fixture
def executor(store):
    made = ThreadsExecutor(store, workers=2)
    yield made
    made.close()


def drain(executor, count):
    reports = []
    while len(reports) < count:
        reports += executor.wait(30) or pytest.fail(f"only {len(reports)} of {count} reports came")
    return sorted(reports, key=lambda r: r.task)


def test_every_attempt_gets_its_report_and_its_tiles(executor, store):
    p = elementwise(40, 2)
    put(store, p.arrays["x"], np.arange(40.0))
    work = attempts(p, first_id=100)
    for i in range(0, 20, 4):
        executor.start(work[i : i + 4])
    reports = drain(executor, 20)
    assert [(r.task, r.status) for r in reports] == [(100 + i, "done") for i in range(20)]
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(40.0))


def test_no_more_threads_work_than_there_are_workers(executor, store):
    p = elementwise(40, 2, "test_thread", {}, dtype="i8")
    put(store, p.arrays["x"], np.arange(40.0))
    for attempt in attempts(p):
        executor.start([attempt])
    drain(executor, 20)
    used = set(get(store, p.arrays["y"]).tolist())
    assert 1 <= len(used) <= 2
    assert threading.get_ident() not in used


def test_two_bundles_run_at_the_same_time(executor, store):
    GATES[0] = threading.Event()
    p = elementwise(4, 2, "test_gate", {})
    put(store, p.arrays["x"], np.arange(4.0))
    for attempt in attempts(p):
        executor.start([attempt])
    for _ in range(2):
        assert ENTERED.acquire(timeout=30)
    GATES[0].set()
    assert [r.status for r in drain(executor, 2)] == ["done", "done"]


def test_a_single_task_runs_in_the_calling_thread_with_blas_left_as_it_is():
    store = MemoryStore()
    p = elementwise(2, 2, "test_thread", {}, dtype="i8")
    put(store, p.arrays["x"], np.arange(2.0))
    executor = ThreadsExecutor(store, inline=True)
    executor.start(attempts(p))
    assert [r.status for r in executor.wait(0)] == ["done"]
    executor.close()
    assert set(get(store, p.arrays["y"]).tolist()) == {threading.get_ident()}


def test_ctrl_c_in_a_single_task_is_raised_at_once_and_leaves_nothing_to_wait_for():
    store = MemoryStore()
    p = elementwise(2, 2, "test_raise", {"error": "KeyboardInterrupt", "message": ""})
    put(store, p.arrays["x"], np.arange(2.0))
    executor = ThreadsExecutor(store, inline=True)
    with pytest.raises(KeyboardInterrupt):
        executor.start(attempts(p))
    assert [(r.status, r.error) for r in executor.wait(0)] == [("throttled", "interrupted")]
    executor.close()


def blas_counts():
    from threadpoolctl import threadpool_info

    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def test_blas_has_one_thread_while_a_program_that_uses_it_runs_and_its_own_number_after(executor, store):
    from threadpoolctl import threadpool_limits

    plain, blas = elementwise(4, 2), elementwise(4, 2, "test_thread", {}, dtype="i8", target="w")
    put(store, plain.arrays["x"], np.arange(4.0))
    with threadpool_limits(2, "blas"):
        before = blas_counts()
        executor.start(attempts(plain))
        drain(executor, 2)
        assert blas_counts() == before
        executor.start(attempts(blas))
        drain(executor, 2)
        assert set(blas_counts()) == {1}
        executor.close()
        assert blas_counts() == before


def test_wait_returns_nothing_once_the_time_is_over(executor):
    assert executor.wait(0) == []
    assert executor.wait(0.001) == []


def test_a_cancelled_attempt_reports_that_it_was_not_run(executor, store):
    p = elementwise(4, 2)
    put(store, p.arrays["x"], np.arange(4.0))
    executor.cancel([1])
    executor.start(attempts(p))
    assert [(r.task, r.status, r.error) for r in drain(executor, 2)] == [
        (0, "done", ""),
        (1, "throttled", "cancelled"),
    ]


def test_what_has_not_begun_when_the_executor_is_closed_never_begins(store):
    GATES[0] = threading.Event()
    executor = ThreadsExecutor(store, workers=1)
    p = elementwise(6, 2, "test_gate", {})
    put(store, p.arrays["x"], np.arange(6.0))
    for attempt in attempts(p):
        executor.start([attempt])
    assert ENTERED.acquire(timeout=30)
    executor.close()
    GATES[0].set()
    assert [r.task for r in executor.wait(30)] == [0]
    assert not ENTERED.acquire(blocking=False)
    assert executor.wait(0.05) == []


def test_threads_are_used_again_by_the_next_run():
    def idents():
        store, p = MemoryStore(), elementwise(2, 2, "test_thread", {}, dtype="i8")
        put(store, p.arrays["x"], np.arange(2.0))
        executor = ThreadsExecutor(store, workers=1)
        executor.start(attempts(p))
        drain(executor, 1)
        executor.close()
        return set(get(store, p.arrays["y"]).tolist())

    before = threading.active_count()
    for _ in range(20):
        idents()
    # One thread may still be on its way back when the next run asks for it.
    assert threading.active_count() <= before + 2


def test_what_is_no_error_of_a_task_is_raised_by_wait(executor, store):
    p = elementwise(2, 2, "test_raise", {"error": "KeyboardInterrupt", "message": ""})
    put(store, p.arrays["x"], np.arange(2.0))
    executor.start(attempts(p))
    with pytest.raises(KeyboardInterrupt):
        executor.wait(30)


def test_a_pool_calls_on_other_threads_and_takes_them_back():
    pool, done = Pool(), threading.Semaphore(0)
    seen = []
    for _ in range(3):
        pool.lend(lambda: (seen.append(threading.get_ident()), done.release()))
        assert done.acquire(timeout=30)
    assert len(seen) == 3
    assert threading.get_ident() not in seen


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_threads_of_its_own(store):
    p = elementwise(8, 2)
    put(store, p.arrays["x"], np.arange(8.0))
    executor = ThreadsExecutor(store, workers=2)
    executor.start(attempts(p)[:2])
    drain(executor, 2)
    executor.close()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            executor = ThreadsExecutor(store, workers=2)
            executor.start(attempts(p)[2:])
            status = int([r.status for r in drain(executor, 2)] != ["done", "done"])
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
