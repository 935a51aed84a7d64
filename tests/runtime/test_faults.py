from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import TaskError
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.executors.null import NullExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.runtime.run import run
from lambdarray.store import open_array, open_store

from .plans import chain, elementwise_and_tree, product
from .world import World

PLANS = [chain(3, 7), elementwise_and_tree((9, 5), fan=3), product(3, 4, 2), chain(1, 1)]
HARD = Faults(fail=0.2, lost=0.05, unknown=0.05, twice=0.05, straggle=0.1, refuse=0.1)
share = st.sampled_from([0.0, 0.1, 0.3])
faults = st.builds(
    Faults,
    fail=share,
    lost=share,
    unknown=share,
    twice=st.sampled_from([0.0, 0.3, 1.0]),
    straggle=share,
    straggle_s=st.sampled_from([1.0, 30.0, 500.0]),
    refuse=share,
)


@given(st.sampled_from(PLANS), st.integers(1, 50), st.integers(0, 10**6), faults, st.booleans())
@settings(max_examples=150)
def test_whatever_goes_wrong_every_task_is_done_and_nothing_hangs(plan, capacity, seed, wrong, speculate):
    world = World(plan)
    inner = SimulatedExecutor(plan, capacity, seed=seed, effect=world.effect)
    executor = FlakyExecutor(inner, seed, wrong)
    policy = Policy(retries=4, task_timeout_s=100.0, speculate=speculate)
    progress = []
    result = run(
        plan,
        executor,
        policy=policy,
        exists=world.exists,
        release=world.release,
        on_progress=lambda *both: progress.append(both),
    )
    assert result.computed == plan.task_count
    assert progress[-1] == (plan.task_count, plan.task_count)
    assert world.too_early == []
    assert world.wanted <= world.tiles
    assert all(world.puts[tile] == 1 for tile in world.wanted)
    assert max(world.attempts.values()) <= 1 + policy.retries
    made = {(name, i) for name in plan.written for i in plan.arrays[name].tiling.indices()}
    assert set(world.puts) == made
    assert set(world.released) == made - world.wanted


@given(st.integers(0, 10**6), st.integers(0, 3))
@settings(max_examples=60)
def test_no_task_has_more_attempts_than_it_may_even_where_all_go_wrong(seed, retries):
    plan = chain(1, 6)
    started = []
    inner = SimulatedExecutor(plan, 3)
    executor = FlakyExecutor(inner, seed, Faults(fail=0.5, lost=0.2, unknown=0.3, twice=0.3, spare_from=99))
    begin = executor.start
    executor.start = lambda bundle: (started.extend((a.id, a.number) for a in bundle), begin(bundle))
    with pytest.raises(TaskError) as caught:
        run(plan, executor, policy=Policy(retries=retries, task_timeout_s=50.0))
    assert len(set(started)) == len(started)
    assert max(number for _, number in started) <= retries
    assert caught.value.attempts <= retries + 1


def test_the_counts_of_a_run_are_those_of_its_faults():
    plan = elementwise_and_tree((30, 20), fan=4)
    executor = FlakyExecutor(NullExecutor(16), 3, Faults(fail=0.2, lost=0.05, twice=0.05))
    result = run(plan, executor, policy=Policy(speculate=False))
    statistics, counts = result.statistics, executor.counts
    assert min(counts["failed"], counts["lost"], counts["twice"]) > 0
    assert statistics.failed == counts["failed"]
    assert statistics.lost == counts["lost"]
    assert statistics.retries == counts["failed"] + counts["lost"]
    assert statistics.attempts == plan.task_count + statistics.retries
    assert result.computed == plan.task_count


def test_a_refused_bundle_costs_no_attempt():
    plan = chain(1, 50)
    executor = FlakyExecutor(NullExecutor(10), 5, Faults(fail=0.0, lost=0.0, twice=0.0, refuse=0.5))
    result = run(plan, executor)
    assert executor.counts["refused"] == result.statistics.throttled > 0
    assert (result.statistics.attempts, result.statistics.retries) == (50, 0)


def test_an_executor_that_refuses_everything_ends_in_an_error():
    executor = FlakyExecutor(NullExecutor(10), 5, Faults(refuse=1.0))
    with pytest.raises(TaskError, match="the executor refused to start tasks"):
        run(chain(1, 50), executor, policy=Policy(stall_s=100.0))
    assert executor.inner.now < 200


def test_a_result_that_was_made_but_whose_report_was_lost_is_found_and_not_made_again():
    plan = chain(1, 40)
    world = World(plan)
    executor = FlakyExecutor(SimulatedExecutor(plan, 40, effect=world.effect), 1, Faults(fail=0.0, lost=0.5, twice=0.0))
    run(plan, executor, policy=Policy(speculate=False), exists=world.exists)
    assert executor.counts["lost"] > sum(world.attempts[n] > 1 for n in range(40))
    assert set(world.puts.values()) == {1}


def test_faults_strike_the_same_attempts_whatever_the_order():
    def struck(capacity):
        executor = FlakyExecutor(NullExecutor(capacity), 9, HARD)
        failed = []
        run(
            chain(2, 40),
            executor,
            on_report=lambda r: failed.append((r.task, r.attempt)) if r.status in ("crashed", "memory") else None,
        )
        return {key for key in failed if key[1] == 0}

    assert struck(1) == struck(37)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_results_stay_numpys_while_threads_fail_report_twice_and_never_report(seed):
    x = la.random.default_rng(0).standard_normal((60, 50), chunks=10)
    y = (x @ x.T + 1).rechunk(15)
    plan = la.plan(y, y.sum(axis=0))
    store = open_store("memory://")
    faults = Faults(fail=0.2, lost=0.05, twice=0.05, straggle=0.05, straggle_s=0.05)
    policy = Policy(task_timeout_s=0.5, backoff_s=0.01, speculate=False)

    def array(name):
        return open_array(plan.arrays[name], store)

    def exists(task):
        return all(array(name).exists(index) for name, index in task.outputs())

    inner = ThreadsExecutor(store, workers=2)
    executor = FlakyExecutor(inner, seed, faults)
    try:
        run(plan, executor, policy=policy, exists=exists, release=lambda name, tile: array(name).delete(tile))
    finally:
        executor.close()
    assert executor.counts["failed"] > 0
    found = [array(n).read([(0, size) for size in plan.arrays[n].tiling.shape]) for n in plan.outputs]
    values = x.compute()
    wanted = values @ values.T + 1
    np.testing.assert_allclose(found[0], wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[1], wanted.sum(axis=0), rtol=1e-12)
