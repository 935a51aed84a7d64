from __future__ import annotations

import pytest

from lambdarray.errors import TaskTimeoutError
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors.null import NullExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor, SimulatedWorkers
from lambdarray.runtime.run import run

from .plans import chain, elementwise_and_tree, product

EXACT = SimulatedWorkers(launch_s=0.0, cold_s=0.0, spread=0.0, straggler_share=0.0)


def simulate(plan, capacity, **options):
    policy = options.pop("policy", None)
    executor = SimulatedExecutor(plan, capacity, **options)
    reports = []
    return run(plan, executor, policy=policy, on_report=reports.append), reports, executor


def test_the_simulator_completes_the_same_tasks_as_any_executor():
    plan = elementwise_and_tree((12, 9), fan=4)
    _, reports, _ = simulate(plan, 7)
    others = []
    run(plan, NullExecutor(), on_report=others.append)
    assert sorted(r.task for r in reports) == sorted(r.task for r in others)


def test_one_seed_gives_one_run_and_another_another():
    plan = elementwise_and_tree((12, 9), fan=4)
    seconds = [simulate(plan, 7, seed=seed)[0].seconds for seed in (1, 1, 2)]
    assert seconds[0] == seconds[1] != seconds[2]


def test_without_chance_a_run_takes_its_critical_path():
    assert simulate(chain(4, 10, seconds=3.0), 10, workers=EXACT)[0].seconds == pytest.approx(12.0)
    assert simulate(product(2, 3, 2, seconds=5.0), 100, workers=EXACT)[0].seconds == pytest.approx(10.0)


def test_half_the_workers_take_twice_as_long():
    plan = chain(1, 64, seconds=2.0)
    full, half = (simulate(plan, n, workers=EXACT)[0].seconds for n in (64, 32))
    assert (full, half) == pytest.approx((2.0, 4.0))


def test_a_worker_starts_cold_once_and_is_then_warm():
    result, reports, executor = simulate(chain(5, 4, seconds=1.0), 4, policy=Policy(bundle_s=0.5))
    assert result.statistics.bundles == 20
    assert executor.cold_starts == sum(r.cold for r in reports) == 4


def test_an_idle_worker_grows_cold():
    model = SimulatedWorkers(warm_s=0.5, spread=0.0, straggler_share=0.0)
    _, _, executor = simulate(chain(3, 1, seconds=1.0), 1, workers=model)
    assert executor.cold_starts == 1
    executor.now += 1.0
    run(chain(1, 1), Rebound(executor))
    assert executor.cold_starts == 2


class Rebound:
    """The same workers for another plan."""

    def __init__(self, executor):
        self.executor = executor

    def __getattr__(self, name):
        return getattr(self.executor, name)

    def start(self, bundle):
        programs = {id(a.task.program) for a in bundle}
        estimate = next(iter(self.executor._estimates.values()))
        self.executor._estimates.update(dict.fromkeys(programs, estimate))
        self.executor.start(bundle)


def test_more_bundles_than_the_concurrency_are_refused_and_the_run_adapts():
    model = SimulatedWorkers(concurrency=20, concurrency_step=0, straggler_share=0.0)
    result, _, _ = simulate(chain(1, 2000, seconds=5.0), 200, workers=model, policy=Policy(bundle_s=5.0))
    statistics = result.statistics
    assert statistics.throttled > 0
    assert statistics.attempts == result.computed == 2000
    assert result.seconds < 1.5 * (2000 * 5.0 / 20)
    assert statistics.throttled < 2000


def test_a_task_longer_than_its_deadline_times_out():
    with pytest.raises(TaskTimeoutError, match="takes 100 s and may take 50 s"):
        simulate(chain(1, 1, seconds=100.0), 1, workers=EXACT, policy=Policy(retries=1, task_timeout_s=50.0))


def test_second_attempts_shorten_the_tail_of_stragglers():
    plan = chain(1, 200, seconds=10.0)
    model = SimulatedWorkers(straggler_share=0.02, straggler_factor=20.0)
    with_them, without = (
        simulate(plan, 100, workers=model, policy=Policy(speculate=on, bundle_s=10.0))[0] for on in (True, False)
    )
    assert without.seconds > 200.0
    assert with_them.seconds < 0.5 * without.seconds
    assert with_them.statistics.speculated > 0


def test_billed_seconds_are_those_that_workers_were_held():
    plan = chain(1, 10, seconds=2.0)
    _, reports, executor = simulate(plan, 10, workers=EXACT)
    assert executor.billed_s == pytest.approx(20.0)
    assert sum(r.billed_ms for r in reports) == 20_000


def test_2800_workers_are_kept_busy_through_bundles_and_cold_starts():
    plan = chain(1, 28_000, seconds=20.0)
    model = SimulatedWorkers(straggler_share=0.0)
    result, _, _ = simulate(plan, 2800, workers=model)
    assert result.seconds < 1.15 * 28_000 * 20.0 / 2800
