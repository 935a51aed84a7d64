from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.errors import PlanError, RunInterrupted, TaskError
from lambdarray.runtime.assumptions import Assumptions
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors.null import NullExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor
from lambdarray.runtime.run import run
from lambdarray.task import Estimate, Plan, TaskReport, Write
from lambdarray.tiling import Cuts

from .plans import chain, elementwise_and_tree, product, program, same, spec
from .world import World

PLANS = [chain(3, 7), elementwise_and_tree((9, 5), fan=3), product(3, 4, 2), elementwise_and_tree((), fan=2)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("capacity", [1, 3, 1000])
def test_the_null_executor_completes_every_task_once(plan, capacity):
    reports: list[TaskReport] = []
    result = run(plan, NullExecutor(capacity), on_report=reports.append)
    assert sorted(r.task for r in reports) == list(range(plan.task_count))
    assert (result.tasks, result.computed) == (plan.task_count, plan.task_count)


@given(st.sampled_from(PLANS), st.integers(1, 40), st.integers(0, 99))
def test_every_tile_is_made_once_after_its_inputs_and_only_outputs_are_left(plan, capacity, seed):
    world = World(plan)
    executor = SimulatedExecutor(plan, capacity, seed=seed, effect=world.effect)
    run(plan, executor, exists=world.exists, release=world.release)
    assert world.too_early == []
    assert set(world.puts.values()) == {1}
    assert world.tiles == world.wanted


def test_progress_goes_up_to_all():
    plan, seen = chain(2, 5), []
    run(plan, NullExecutor(2), on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (10, 10)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_plan_of_no_tasks_is_done():
    result = run(Plan("k", (), {}, (), ()), NullExecutor())
    assert result.tasks == 0


def test_a_resumed_run_computes_only_what_is_missing():
    plan = chain(3, 4)
    result = run(plan, NullExecutor(), resume=[8, 9, 10])
    assert (result.tasks, result.computed) == (12, 3)


def test_a_plan_whose_tasks_wait_for_one_another_ends_in_an_error_and_not_in_a_hang():
    arrays = {"a": spec("a", (2,), (1,)), "b": spec("b", (2,), (1,))}
    ahead = program("ahead", arrays, (Cuts(2, 1),), [same("b", 1)], [Write("out", "a", (0,), (False,))])
    behind = program("behind", arrays, (Cuts(2, 1),), [same("a", 1)], [Write("out", "b", (0,), (False,))])
    plan = Plan("k", (ahead, behind), arrays, ("b",), (Estimate(seconds=1.0), Estimate(seconds=1.0)))
    with pytest.raises(PlanError, match="4 of 4 tasks wait for tiles that no task will make"):
        run(plan, NullExecutor())


class Silent(NullExecutor):
    """Takes everything and reports nothing."""

    def start(self, bundle):
        pass


def test_an_executor_that_never_reports_ends_in_an_error():
    executor = Silent()
    with pytest.raises(TaskError, match="no attempt was heard of"):
        run(chain(1, 1), executor, policy=Policy(retries=1, task_timeout_s=10.0))
    assert executor.now < 60


class Interrupted(SimulatedExecutor):
    """Ctrl-C comes in the `at`th waits."""

    def __init__(self, plan, at, **options):
        super().__init__(plan, 4, **options)
        self.at, self.waits, self.cancelled, self.started = at, 0, [], 0

    def start(self, bundle):
        super().start(bundle)
        self.started += len(bundle)

    def wait(self, timeout_s):
        self.waits += 1
        if self.waits in self.at:
            raise KeyboardInterrupt
        return super().wait(timeout_s)

    def cancel(self, ids):
        self.cancelled += ids


def test_ctrl_c_calls_off_what_runs_lets_it_end_and_leaves_a_run_that_can_be_resumed():
    plan = chain(2, 20)
    world = World(plan)
    executor = Interrupted(plan, {5}, effect=world.effect)
    with pytest.raises(RunInterrupted, match="of 40 tasks; what is finished is kept"):
        run(plan, executor, exists=world.exists)
    made = {world.deps.producer(*tile) for tile in world.tiles}
    assert 0 < len(made) < 40
    assert len(made | set(executor.cancelled)) == executor.started
    again = SimulatedExecutor(plan, 4, effect=world.effect)
    result = run(plan, again, resume=made)
    assert result.computed == 40 - len(made)
    assert set(world.puts.values()) == {1}


def test_a_second_ctrl_c_ends_the_run_at_once():
    plan = chain(2, 20)
    executor = Interrupted(plan, {5, 6})
    with pytest.raises(KeyboardInterrupt):
        run(plan, executor)
    assert executor.waits == 6


def test_when_a_task_fails_for_good_what_runs_is_called_off_and_its_results_are_kept():
    plan = chain(1, 8)
    world = World(plan)

    def effect(attempt):
        if attempt.id == 6:
            raise ValueError("no")
        world.effect(attempt)

    executor = SimulatedExecutor(plan, 2, model=Assumptions.steady(), effect=effect)
    with pytest.raises(TaskError, match="ValueError: no") as caught:
        run(plan, executor, policy=Policy(retries=0))
    assert caught.value.task == "stage0[6]"
    assert {("a1", (0,)), ("a1", (1,))} <= world.tiles


def test_an_error_of_a_callback_calls_off_what_runs():
    def fail(report):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run(chain(1, 8), NullExecutor(2), on_report=fail)
