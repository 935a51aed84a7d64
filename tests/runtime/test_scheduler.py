from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.errors import (
    TaskCrashedError,
    TaskError,
    TaskMemoryError,
    TaskTimeoutError,
    UserFunctionError,
)
from lambdarray.runtime.chance import chance
from lambdarray.runtime.decisions import Cancel, Launch, Policy, Probe, Release
from lambdarray.runtime.executors import Attempt
from lambdarray.runtime.scheduler import Scheduler
from lambdarray.task import Estimate, Plan, TaskReport, Write
from lambdarray.tiling import Cuts

from .plans import chain, elementwise_and_tree, product, program, same, spec, triangles
from .world import World


class Driver:
    """A scheduler with a hand on its clock: `launched` are the attempts in the order of their launches."""

    def __init__(self, plan, capacity=100, **policy):
        self.scheduler = Scheduler(plan, Policy(**policy))
        self.capacity, self.now = capacity, 0.0
        self.launched, self.bundles, self.others = [], [], []

    def step(self, now=None):
        self.now = self.now if now is None else now
        made = self.scheduler.decide(self.now, self.capacity)
        bundles = [[(a.id, a.number) for a in d.attempts] for d in made if isinstance(d, Launch)]
        self.bundles += bundles
        self.launched += [a for bundle in bundles for a in bundle]
        self.others += [d for d in made if not isinstance(d, Launch)]
        return [a for bundle in bundles for a in bundle]

    def report(self, task, attempt=0, status="done", now=None, **fields):
        self.now = self.now if now is None else now
        self.scheduler.report([TaskReport(task, attempt, status, **fields)], self.now)

    def probes(self, found):
        probes = [d for d in self.others if isinstance(d, Probe)]
        self.others = [d for d in self.others if not isinstance(d, Probe)]
        for probe in probes:
            self.scheduler.probed(probe, found, self.now)
        return probes

    def wake(self):
        """Go to the next moment at which something is due."""
        self.now = self.scheduler.next_time(self.now, self.capacity)
        assert self.now < math.inf
        return self.step()


def singles(tasks, seconds=1.0, **fields):
    """A plan of one stage of independent tasks."""
    arrays = {"a": spec("a", (tasks,), (1,)), "b": spec("b", (tasks,), (1,))}
    stage = program("stage", arrays, (Cuts(tasks, 1),), [same("a", 1)], [Write("out", "b", (0,), (False,))])
    return Plan("key", (stage,), arrays, ("b",), (Estimate(seconds=seconds),))


def test_a_task_starts_when_its_own_inputs_exist_and_not_when_a_stage_ends():
    d = Driver(chain(2, 3))
    assert d.step() == [(0, 0), (1, 0), (2, 0)]
    d.report(1)
    assert d.step() == [(4, 0)]


def test_tasks_on_fresh_tiles_go_before_fresh_roots():
    d = Driver(chain(2, 4), capacity=1, bundle_s=1.0)
    assert d.step() == [(0, 0)]
    d.report(0)
    assert d.step() == [(4, 0)]
    d.report(4)
    assert d.step() == [(1, 0)]


def test_the_stage_with_the_longest_way_to_go_starts_first():
    short, long = chain(1, 1), chain(3, 1)
    arrays = dict(long.arrays)
    arrays.update(x=spec("x", (2,), (2,)), y=spec("y", (2,), (2,)))
    lone = program("lone", arrays, (Cuts(2, 2),), [same("x", 1)], [Write("out", "y", (0,), (False,))])
    plan = Plan("k", (lone, *long.programs), arrays, ("a3", "y"), short.estimates + long.estimates)
    d = Driver(plan, capacity=1)
    assert d.step() == [(1, 0)]


def test_a_finished_run_has_released_every_intermediate_tile_once_and_no_output():
    plan = chain(3, 2)
    d = Driver(plan)
    while not d.scheduler.finished:
        for task, attempt in d.step():
            d.report(task, attempt)
    d.step()
    released = [(r.array, r.tile) for r in d.others if isinstance(r, Release)]
    assert sorted(released) == [("a1", (0,)), ("a1", (1,)), ("a2", (0,)), ("a2", (1,))]


@pytest.mark.parametrize(("count", "block"), [(1, 1), (2, 1), (7, 1), (9, 2), (9, 4)])
def test_a_triangle_of_tasks_runs_whole_and_in_order_and_lets_go_of_all_its_tiles(count, block):
    plan = triangles(count + block, block)
    assert plan.task_count == sum(p.task_count for p in plan.programs)
    d, world = Driver(plan, capacity=3), World(plan)
    while not d.scheduler.finished:
        for task, attempt in d.step():
            world.effect(Attempt(d.scheduler.task(task), task, attempt, 1.0))
            d.report(task, attempt)
    d.step()
    assert sorted(task for task, _ in d.launched) == list(range(plan.task_count))
    released = [(r.array, r.tile) for r in d.others if isinstance(r, Release)]
    assert len(set(released)) == len(released)
    assert set(released) == set(world.puts) - world.wanted


def test_a_triangle_is_done_column_by_column():
    d = Driver(triangles(4), capacity=100, bundle_s=1.0)
    assert [d.scheduler.task(task).index for task, _ in d.step()] == [(i, j) for j in range(4) for i in range(j, 4)]


def test_a_tile_is_released_with_its_last_reader():
    d = Driver(product(2, 1, 2))
    for task, attempt in d.step():
        d.report(task, attempt)
    assert d.step() == [(4, 0), (5, 0), (6, 0), (7, 0)]
    d.report(4)
    d.step()
    assert d.others == []
    d.report(5)
    d.step()
    assert d.others == [Release("a", (0, 0))]


def test_small_tasks_go_in_bundles_that_shrink_towards_the_end():
    d = Driver(singles(100, seconds=0.5), capacity=2, bundle_s=10.0)
    sizes = []
    while not d.scheduler.finished:
        for task, attempt in d.step():
            d.report(task, attempt, total_s=0.5)
    sizes = [len(b) for b in d.bundles]
    assert max(sizes) == 20  # 10 s of work
    assert sorted(sizes, reverse=True) == sizes
    assert sizes[-1] == 1


def test_no_bundle_is_given_out_where_workers_would_go_idle():
    d = Driver(singles(10, seconds=0.001), capacity=10)
    d.step()
    assert [len(b) for b in d.bundles] == [1] * 10


def test_bundles_follow_the_measured_seconds_and_not_the_estimate():
    d = Driver(singles(1000, seconds=1e-6), capacity=1, bundle_s=10.0)
    first = d.step()
    for task, attempt in first:
        d.report(task, attempt, total_s=5.0)
    d.step()
    assert len(d.bundles[1]) == 2


def test_a_failed_attempt_is_tried_again_after_a_growing_jittered_pause():
    d = Driver(singles(1), retries=3, backoff_s=1.0)
    d.step()
    pauses = []
    for attempt in range(3):
        d.report(0, attempt, "error")
        assert d.step() == []
        before = d.now
        assert d.wake() == [(0, attempt + 1)]
        pauses.append(d.now - before)
    assert [0.5 <= p / 2**n < 1.0 for n, p in enumerate(pauses)] == [True] * 3
    assert d.scheduler.statistics.retries == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("error", TaskError),
        ("timeout", TaskTimeoutError),
        ("memory", TaskMemoryError),
        ("crashed", TaskCrashedError),
    ],
)
def test_the_last_failure_names_op_tile_line_traceback_and_log(status, kind):
    d = Driver(singles(2), retries=1, speculate=False)
    d.step()
    d.report(1, 0, status)
    d.wake()
    d.report(1, 1, status, error="boom", traceback="Traceback: remote", log="a line of log")
    error = d.scheduler.failure
    assert type(error) is kind
    text = str(error)
    wanted = "stage[1]", "b[1]", "2 attempts", "user.py:1", "boom", "Traceback: remote", "a line of log"
    assert [w for w in wanted if w not in text] == []
    assert error.attempts == 2
    assert d.step() == []


def test_an_error_of_the_users_function_ends_the_run_at_once():
    d = Driver(singles(2))
    d.step()
    d.report(0, 0, "user_error", error="ZeroDivisionError: division by zero")
    assert type(d.scheduler.failure) is UserFunctionError
    assert d.scheduler.failure.attempts == 1


def test_an_error_that_would_come_again_is_not_tried_again():
    d = Driver(singles(1))
    d.step()
    d.report(0, 0, "error", retry=False)
    assert type(d.scheduler.failure) is TaskError


def test_a_refusal_is_no_attempt_and_lowers_the_window():
    d = Driver(singles(200, seconds=1000.0), capacity=100)
    d.step()
    for task in range(50, 100):
        d.report(task, 0, "throttled")
    statistics = d.scheduler.statistics
    assert (statistics.throttled, statistics.attempts) == (50, 50)
    assert d.step() == []  # a pause first
    for task in range(50):
        d.report(task, now=5.0)
    assert len(d.step(now=20.0)) < 100
    assert d.scheduler.statistics.retries == 0
    assert {number for _, number in d.launched} == {0}


def test_the_window_opens_again_as_attempts_finish():
    d = Driver(singles(10_000, seconds=1000.0), capacity=100)
    for task, attempt in d.step():
        d.report(task, attempt, "throttled" if task > 20 else "done", total_s=1000.0)
    sizes = []
    for turn in range(60):
        started = d.step(now=10.0 * (turn + 1))
        sizes.append(len(started))
        for task, attempt in started:
            d.report(task, attempt, total_s=1000.0)
    assert sizes[0] < 80
    assert sizes == sorted(sizes)
    assert sizes[-1] == 100


def test_a_run_that_is_only_refused_ends_with_a_clear_error_in_bounded_time():
    d = Driver(singles(3), stall_s=60.0)
    turns = 0
    while d.scheduler.failure is None:
        for task, attempt in d.step():
            d.report(task, attempt, "throttled")
        d.now = max(d.now, d.scheduler.next_time(d.now, d.capacity))
        turns += 1
    assert 60.0 <= d.now < 80.0
    assert turns < 200
    assert "refused" in str(d.scheduler.failure)


@pytest.mark.parametrize("refused_before", [True, False])
def test_a_long_attempt_that_fails_where_there_is_one_worker_is_no_stall(refused_before):
    d = Driver(singles(1), capacity=1, stall_s=60.0)
    if refused_before:
        d.report(*d.step()[0], "throttled")
    d.report(*(d.wake() if refused_before else d.step())[0], "crashed", now=d.now + 400.0)
    assert d.step() == []
    assert d.scheduler.failure is None
    again = d.wake()
    assert again == [(0, 1)]
    d.report(*again[0], "throttled")
    assert d.wake() == [(0, 1)]
    assert d.scheduler.failure is None
    d.report(0, 1)
    assert d.scheduler.finished


def test_an_attempt_that_is_never_heard_of_where_there_is_one_worker_is_no_stall():
    d = Driver(singles(1), capacity=1, stall_s=60.0, task_timeout_s=400.0, speculate=False)
    d.report(*d.step()[0], "throttled")
    assert d.wake() == [(0, 0)]
    d.wake()
    assert d.scheduler.failure is None
    d.probes(found=False)
    assert d.wake() == [(0, 1)]


def test_an_overdue_attempt_is_looked_for_and_then_tried_again():
    d = Driver(singles(1), task_timeout_s=100.0, speculate=False)
    d.step()
    assert d.scheduler.next_time(0.0, 100) == pytest.approx(105.0)
    d.wake()
    assert d.probes(found=False) == [Probe(0, 0, final=True)]
    assert d.wake() == [(0, 1)]
    d.report(0, 1)
    assert d.scheduler.finished


def test_an_overdue_attempt_whose_outputs_exist_is_done():
    d = Driver(singles(1), task_timeout_s=100.0, speculate=False)
    d.step()
    d.wake()
    d.probes(found=True)
    assert d.scheduler.finished


def test_an_attempt_that_never_reports_ends_in_a_time_out_after_all_retries():
    d = Driver(singles(1), task_timeout_s=100.0, retries=2, speculate=False)
    d.step()
    while d.scheduler.failure is None:
        d.wake()
        d.probes(found=False)
    assert d.launched == [(0, 0), (0, 1), (0, 2)]
    assert type(d.scheduler.failure) is TaskTimeoutError
    assert 300 < d.now < 320


def test_a_lost_connection_is_looked_for_at_once_and_again_when_its_time_is_up():
    d = Driver(singles(1), task_timeout_s=100.0, speculate=False)
    d.step()
    d.report(0, 0, "unknown", now=10.0)
    d.step()
    assert d.probes(found=False) == [Probe(0, 0, final=False)]
    d.wake()
    assert d.now == pytest.approx(105.0)
    assert d.probes(found=False) == [Probe(0, 0, final=True)]
    assert d.wake() == [(0, 1)]


def test_the_deadline_of_a_bundled_task_counts_from_the_report_before_it():
    d = Driver(singles(40, seconds=0.1), capacity=1, task_timeout_s=100.0)
    first = d.step()
    assert len(first) == 20
    d.report(0, now=90.0)
    assert d.scheduler.next_time(90.0, 1) == pytest.approx(195.0)


def test_late_and_double_reports_change_nothing():
    d = Driver(chain(2, 1), task_timeout_s=100.0, speculate=False)
    d.step()
    d.wake()
    d.probes(found=False)
    d.report(0, 0)  # late: it had been given up
    assert d.step(now=200.0) == [(1, 0)]
    d.report(0, 0)
    d.report(0, 0, "error")
    d.report(0, 7, "crashed")
    assert d.step() == []
    d.report(1)
    d.report(1, 0, "error")
    assert d.scheduler.finished
    assert d.scheduler.failure is None
    assert d.scheduler.statistics.ignored == 4


def test_a_straggler_gets_two_more_attempts_when_workers_are_idle_and_the_first_to_end_wins():
    d = Driver(singles(10), capacity=10, straggler_floor_s=2.0)
    d.step()
    for task in range(9):
        d.report(task, now=1.0, total_s=1.0)
    assert d.step() == []
    while d.wake() != [(9, 1), (9, 2)]:
        assert d.now < 5.0
    assert d.step(now=d.now + 0.5) == []
    d.report(9, 1, now=d.now)
    d.step()
    assert d.scheduler.finished
    assert d.others == [Cancel([9])]
    d.report(9, 0)
    assert (d.scheduler.statistics.speculated, d.scheduler.statistics.duplicates) == (2, 1)


def test_a_straggler_has_two_attempts_beside_it_and_no_more():
    d = Driver(singles(10), capacity=10, straggler_floor_s=2.0)
    d.step()
    for task in range(9):
        d.report(task, now=1.0, total_s=1.0)
    extra = [a for now in range(1, 100) for a in d.step(now=float(now))]
    assert extra == [(9, 1), (9, 2)]


def test_where_the_attempt_beside_a_straggler_fails_there_is_another():
    d = Driver(singles(10), capacity=10, straggler_floor_s=2.0)
    d.step()
    for task in range(9):
        d.report(task, now=1.0, total_s=1.0)
    while d.wake() != [(9, 1), (9, 2)]:
        assert d.now < 5.0
    d.report(9, 1, "crashed")
    assert next(a for now in range(5, 20) for a in d.step(now=float(now))) == (9, 3)


def test_a_lagging_task_that_others_wait_for_goes_before_them():
    d = Driver(chain(2, 12, seconds=1.0), capacity=4, straggler_floor_s=2.0, urgent_first=True)
    started = d.step()
    while (0, 1) not in started:
        assert len(d.launched) < 22
        d.now += 0.5
        for task, attempt in started:
            if task:
                d.report(task, attempt, total_s=0.5)
        started = d.step()
    assert 2.0 <= d.now <= 2.5
    assert len(d.launched) < 22


def test_stragglers_have_no_second_attempt_while_others_wait_or_when_it_is_switched_off():
    waiting = Driver(singles(20, seconds=1000.0), capacity=10)
    off = Driver(singles(10, seconds=1.0), capacity=10, speculate=False)
    for d in (waiting, off):
        d.step()
        for task in range(5):
            d.report(task, now=1.0)
        d.step()
        d.step(now=50.0)
        assert d.scheduler.statistics.speculated == 0


def test_second_attempts_are_a_bounded_share_of_the_capacity():
    d = Driver(singles(40), capacity=40, straggler_floor_s=1.0)
    d.step()
    for task in range(20):
        d.report(task, now=1.0)
    d.step()
    for now in range(10, 100, 10):
        d.step(now=float(now))
    assert d.scheduler.statistics.speculated == 10


def test_a_second_attempt_counts_among_the_attempts_that_a_task_may_have():
    d = Driver(singles(2), capacity=2, retries=1, straggler_floor_s=1.0)
    d.step()
    d.report(0, now=1.0)
    d.step()
    while not (extra := d.wake()):
        pass
    assert extra == [(1, 1)]
    d.report(1, 1, "error")
    assert d.scheduler.failure is None  # the first is still at work
    d.report(1, 0, "error")
    assert d.scheduler.failure.attempts == 2


def test_a_tile_that_a_late_attempt_made_again_is_released_again():
    d = Driver(chain(2, 2), capacity=4, straggler_floor_s=1.0)
    d.step()
    d.report(0, now=1.0)
    d.step()
    d.report(2)
    while (1, 1) not in d.launched:
        d.wake()
    d.report(1, 1)
    d.step()
    d.report(3)
    d.others.clear()
    d.step()
    assert d.others == [Release("a1", (1,))]
    d.report(1, 0)
    d.step()
    assert d.others[1:] == [Release("a1", (1,))]


def test_a_stopped_scheduler_launches_nothing():
    d = Driver(singles(3))
    d.scheduler.stop()
    assert d.step() == []


def run_all(d):
    while not d.scheduler.finished:
        started = d.step()
        assert started
        for task, attempt in started:
            d.report(task, attempt)
    d.step()
    return sorted(task for task, _ in d.launched)


def test_a_resumed_run_starts_only_what_missing_outputs_need():
    d = Driver(chain(3, 4))
    d.scheduler.resume([8, 9, 4, 2])  # outputs 0 and 1, the second stage's first task, the first stage's third
    assert run_all(d) == [3, 6, 7, 10, 11]
    assert d.scheduler.statistics.resumed == 12 - 5
    released = {(r.array, r.tile) for r in d.others if isinstance(r, Release)}
    assert released == {("a1", (2,)), ("a1", (3,)), ("a2", (2,)), ("a2", (3,))}


def test_a_resumed_run_with_every_output_there_does_nothing():
    d = Driver(chain(3, 4))
    d.scheduler.resume(range(8, 12))
    assert d.scheduler.finished
    assert d.step() == []


@given(st.data())
def test_a_resumed_run_does_what_a_walk_back_from_the_outputs_finds(data):
    trees, products = [elementwise_and_tree((5, 3), fan=2), chain(3, 5)], [product(3, 2, 4), product(1, 1, 1)]
    plan = data.draw(st.sampled_from([*trees, *products, triangles(5), triangles(6, block=2)]))
    done = data.draw(st.sets(st.integers(0, plan.task_count - 1)))
    d = Driver(plan)
    mask = np.zeros(plan.task_count, bool)
    mask[list(done)] = True
    d.scheduler.resume(mask)
    world = World(plan)
    todo = {world.deps.producer(*tile) for tile in world.wanted} - done
    needed = set()
    while todo:
        task = todo.pop()
        needed.add(task)
        makers = {world.deps.producer(*tile) for tile in world.inputs(d.scheduler.task(task))}
        todo |= makers - done - needed
    assert run_all(d) == sorted(needed)
    released = [(r.array, r.tile) for r in d.others if isinstance(r, Release)]
    assert len(set(released)) == len(released)
    read = {tile for task in needed for tile in world.inputs(d.scheduler.task(task))}
    # What a task makes beside what is read is let go at once.
    unread = {tile for task in needed for tile in d.scheduler.task(task).outputs()} - world.wanted - read
    assert set(released) == (read - world.wanted) | unread


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=3))
def test_chance_is_a_number_from_0_to_1_that_depends_on_its_arguments_alone(numbers):
    assert 0.0 <= chance(*numbers) < 1.0
    assert chance(*numbers) == chance(*numbers)


def test_chance_is_uniform():
    drawn = np.array([chance(7, n) for n in range(4000)])
    assert np.abs(np.histogram(drawn, 8, (0, 1))[0] - 500).max() < 100


def test_the_time_of_a_bundle_that_waits_for_a_worker_has_not_begun():
    d = Driver(singles(4), capacity=4, workers=2, task_timeout_s=100.0, speculate=False)
    assert len(d.step()) == 4
    d.report(0, now=90.0)
    d.report(1, now=90.0)
    d.step(now=150.0)
    assert d.others == []
    assert d.scheduler.next_time(150.0, 4) == pytest.approx(195.0)
    d.report(3, now=160.0)  # whichever of them is the first
    d.report(2, now=190.0)
    assert d.scheduler.finished


def test_a_bundle_that_waits_behind_a_silent_one_begins_when_that_is_given_up():
    d = Driver(singles(2), capacity=2, workers=1, task_timeout_s=100.0, speculate=False)
    d.step()
    d.wake()
    assert d.now == pytest.approx(105.0)
    assert [p.task for p in d.probes(found=True)] == [0]
    assert d.scheduler.next_time(d.now, 2) == pytest.approx(210.0)


def test_after_a_burst_of_refusals_as_many_stay_in_flight_as_were_let_through():
    d = Driver(singles(100, seconds=1000.0), capacity=100)
    started = d.step()
    for task, attempt in started[30:]:
        d.report(task, attempt, "throttled")
    assert d.step() == []
    d.report(*started[0], "done", total_s=1000.0)
    assert len(d.step()) == 1


def test_where_all_are_refused_one_is_tried_again_after_a_pause():
    d = Driver(singles(100, seconds=1000.0), capacity=100)
    for task, attempt in d.step():
        d.report(task, attempt, "throttled")
    assert len(d.wake()) == 1
    assert 0 < d.now < 0.1


def test_tasks_that_end_with_one_worker_are_tried_one_by_one_and_only_the_one_that_does_it_again_is_blamed():
    d = Driver(singles(8, seconds=0.1), capacity=1, retries=0, speculate=False)
    fallen = d.step()
    assert len(fallen) == 4
    for task, number in fallen:
        d.report(task, number, "crashed", shared=True)
    d.step()
    assert [p.task for p in d.probes(found=False)] == [task for task, _ in fallen]
    culprit, alone = fallen[2][0], []
    while d.scheduler.failure is None:
        launched = d.wake()
        assert len(launched) <= 1 or launched[0][1] == 0
        for task, number in launched:
            alone += [task] if number else []
            d.report(task, number, "crashed" if task == culprit else "done")
    assert d.scheduler.failure.task.endswith(f"[{culprit}]")
    assert set(alone) >= {culprit}
    assert all(number <= 1 for _, number in d.launched)


def test_a_task_that_was_done_before_its_worker_ended_is_not_tried_again():
    d = Driver(singles(4, seconds=0.1), capacity=1, retries=0, speculate=False)
    fallen = d.step()
    for task, number in fallen:
        d.report(task, number, "memory", shared=True)
    d.step()
    d.probes(found=True)
    assert d.scheduler.done == len(fallen)
