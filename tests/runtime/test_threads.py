from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from lambdarray.runtime.executors.pool import Pool
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore

from .conformance import ExecutorConformance, drain
from .programs import attempts, elementwise, get, put


@pytest.fixture(params=["memory", "directory"])
def store(request, tmp_path):
    with MemoryStore() if request.param == "memory" else DirectoryStore(str(tmp_path / "s")) as made:
        yield made


@pytest.fixture
def executor(store):
    made = ThreadsExecutor(store, workers=2)
    yield made
    made.close()


class TestThreads(ExecutorConformance):
    def make(self, store, workers=2):
        return ThreadsExecutor(store, workers=workers)


def test_no_more_threads_work_than_there_are_workers(executor, store):
    p = elementwise(40, 2, "test_thread", {}, dtype="i8")
    put(store, p.arrays["x"], np.arange(40.0))
    for attempt in attempts(p):
        executor.start([attempt])
    drain(executor, 20)
    used = set(get(store, p.arrays["y"]).tolist())
    assert 1 <= len(used) <= 2
    assert threading.get_ident() not in used


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
