"""What every executor of this machine must do; the tests of each subclass it and say how to make one."""

from __future__ import annotations

import numpy as np
import pytest

from .programs import attempts, begun, elementwise, get, let_go, put, wait_for


def drain(executor, count):
    reports = []
    while len(reports) < count:
        reports += executor.wait(30) or pytest.fail(f"only {len(reports)} of {count} reports came")
    return sorted(reports, key=lambda r: r.task)


class ExecutorConformance:
    """Subclasses say in `make` how to make one for a store, and have the fixture `store`."""

    def make(self, store, workers=2):
        raise NotImplementedError

    @pytest.fixture
    def executor(self, store):
        made = self.make(store)
        yield made
        made.close()

    def test_every_attempt_gets_its_report_and_its_tiles(self, executor, store):
        p = elementwise(40, 2)
        put(store, p.arrays["x"], np.arange(40.0))
        work = attempts(p, first_id=100)
        for i in range(0, 20, 4):
            executor.start(work[i : i + 4])
        reports = drain(executor, 20)
        assert [(r.task, r.status) for r in reports] == [(100 + i, "done") for i in range(20)]
        np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(40.0))
        assert {len(r.worker) > 0 for r in reports} == {True}

    def test_large_tiles_arrive_whole(self, executor, store):
        p = elementwise(1 << 20, 1 << 18)
        values = np.random.default_rng(0).standard_normal(1 << 20)
        put(store, p.arrays["x"], values)
        executor.start(attempts(p)[:2])
        executor.start(attempts(p)[2:])
        assert [r.status for r in drain(executor, 4)] == ["done"] * 4
        np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * values)

    def test_programs_take_turns(self, executor, store):
        p, q = elementwise(8, 2), elementwise(8, 2, params={"by": 3.0}, target="z")
        put(store, p.arrays["x"], np.arange(8.0))
        for one, other in zip(attempts(p), attempts(q, first_id=4), strict=True):
            executor.start([one, other])
        drain(executor, 8)
        np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(8.0))
        np.testing.assert_array_equal(get(store, q.arrays["z"]), 3 * np.arange(8.0))

    def test_two_bundles_run_at_the_same_time_on_two_workers(self, executor, store, tmp_path):
        p = elementwise(4, 2, "test_gate", {"folder": str(tmp_path)})
        put(store, p.arrays["x"], np.arange(4.0))
        for attempt in attempts(p):
            executor.start([attempt])
        wait_for(lambda: begun(tmp_path) == 2)
        let_go(tmp_path)
        reports = drain(executor, 2)
        assert [r.status for r in reports] == ["done", "done"]
        assert len({r.worker for r in reports}) == 2

    def test_no_more_workers_work_than_there_may(self, executor, store):
        p = elementwise(40, 2)
        put(store, p.arrays["x"], np.arange(40.0))
        for attempt in attempts(p):
            executor.start([attempt])
        assert 1 <= len({r.worker for r in drain(executor, 20)}) <= 2

    def test_wait_returns_nothing_once_the_time_is_over(self, executor):
        assert executor.wait(0) == []
        assert executor.wait(0.001) == []

    def test_a_failure_is_a_report_and_the_rest_goes_on(self, executor, store):
        bad = elementwise(4, 2, "test_raise", {"error": "ValueError", "message": "no good"})
        good = elementwise(4, 2, target="w")
        put(store, bad.arrays["x"], np.arange(4.0))
        executor.start(attempts(bad) + attempts(good, first_id=2))
        reports = drain(executor, 4)
        assert [(r.status, r.retry) for r in reports] == [("error", False)] * 2 + [("done", True)] * 2
        assert reports[0].error == "ValueError: no good"
        assert "programs.py" in reports[0].traceback

    def test_a_step_that_comes_too_late_is_not_begun(self, executor, store):
        p = elementwise(4, 2)
        put(store, p.arrays["x"], np.arange(4.0))
        executor.start(attempts(p, deadline_s=0.0)[:1])
        executor.start(attempts(p)[1:])
        assert [r.status for r in drain(executor, 2)] == ["timeout", "done"]

    def test_a_cancelled_attempt_reports_that_it_was_not_run(self, executor, store):
        p = elementwise(4, 2)
        put(store, p.arrays["x"], np.arange(4.0))
        executor.cancel([1])
        executor.start(attempts(p))
        assert [(r.task, r.status, r.error) for r in drain(executor, 2)] == [
            (0, "done", ""),
            (1, "throttled", "cancelled"),
        ]

    def test_what_is_cancelled_while_a_bundle_runs_does_not_begin(self, executor, store):
        p = elementwise(400, 2, "test_nap", {"seconds": 0.01})
        put(store, p.arrays["x"], np.arange(400.0))
        executor.start(attempts(p))
        first = executor.wait(30)
        executor.cancel(range(200))
        reports = first + drain(executor, 200 - len(first))
        assert {r.status for r in reports} == {"done", "throttled"}
        assert {r.error for r in reports if r.status == "throttled"} == {"cancelled"}

    def test_what_has_not_begun_when_the_executor_is_closed_never_begins(self, store, tmp_path):
        executor = self.make(store, workers=1)
        p = elementwise(6, 2, "test_gate", {"folder": str(tmp_path)})
        put(store, p.arrays["x"], np.arange(6.0))
        for attempt in attempts(p):
            executor.start([attempt])
        wait_for(lambda: begun(tmp_path) == 1)
        executor.close()
        let_go(tmp_path)
        executor.wait(0.1)
        assert executor.wait(0.05) == []
        assert begun(tmp_path) == 1
