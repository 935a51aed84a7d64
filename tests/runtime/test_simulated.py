from __future__ import annotations

import math
from dataclasses import replace
from statistics import mean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.config import Config
from lambdarray.errors import ConfigError, TaskTimeoutError
from lambdarray.runtime.assumptions import Assumptions, around, lognormal
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors import Attempt
from lambdarray.runtime.executors.null import NullExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor
from lambdarray.runtime.partitions import Partitions
from lambdarray.runtime.run import run
from lambdarray.runtime.simulation import simulate as simulate_plan
from lambdarray.runtime.works import Works
from lambdarray.task import Estimate, Part, Plan, Program, Read, Step, Write
from lambdarray.tiling import AxisMap, Cuts

from .plans import chain, elementwise_and_tree, product, spec
from .world import World

STEADY = Assumptions.steady()
WRONG = Assumptions(crashes_per_minute=0.5, lost_share=0.05, broken_share=0.05, repeated_share=0.1, straggler_share=0.1)


def simulate(plan, capacity, **options):
    policy = options.pop("policy", None)
    executor = SimulatedExecutor(plan, capacity, **options)
    reports = []
    return run(plan, executor, policy=policy, exists=executor.exists, on_report=reports.append), reports, executor


def test_the_simulator_completes_the_same_tasks_as_any_executor():
    plan = elementwise_and_tree((12, 9), fan=4)
    _, reports, _ = simulate(plan, 7, model=STEADY)
    others = []
    run(plan, NullExecutor(), on_report=others.append)
    assert sorted(r.task for r in reports) == sorted(r.task for r in others)


def test_one_seed_gives_one_run_and_another_another():
    plan = elementwise_and_tree((12, 9), fan=4)
    seconds = [simulate(plan, 7, seed=seed)[0].seconds for seed in (1, 1, 2)]
    assert seconds[0] == seconds[1] != seconds[2]


def test_without_chance_a_run_takes_its_critical_path():
    assert simulate(chain(4, 10, seconds=3.0), 10, model=STEADY)[0].seconds == pytest.approx(12.0)
    assert simulate(product(2, 3, 2, seconds=5.0), 100, model=STEADY)[0].seconds == pytest.approx(10.0)


def test_half_the_workers_take_twice_as_long():
    plan = chain(1, 64, seconds=2.0)
    full, half = (simulate(plan, n, model=STEADY)[0].seconds for n in (64, 32))
    assert (full, half) == pytest.approx((2.0, 4.0))


@given(st.integers(0, 99), st.sampled_from([3, 40]))
def test_whatever_goes_wrong_every_task_is_done_once_and_nothing_is_left(seed, capacity):
    plan = elementwise_and_tree((6, 5), fan=4, seconds=20.0)
    world = World(plan)
    executor = SimulatedExecutor(plan, capacity, seed=seed, model=WRONG, effect=world.effect)
    run(plan, executor, policy=Policy(retries=50), exists=world.exists, release=world.release)
    assert world.wanted <= world.tiles
    assert world.too_early == []


def test_starts_of_environments_have_the_mean_and_the_deviation_that_are_asked_for():
    drawn = [lognormal(9.7, 29.0, 5, n) for n in range(200_000)]
    assert mean(drawn) == pytest.approx(9.7, rel=0.03)
    assert pstdev(drawn) == pytest.approx(29.0, rel=0.25)
    assert sorted(drawn)[len(drawn) // 2] == pytest.approx(9.7 / math.sqrt(1 + (29 / 9.7) ** 2), rel=0.02)


def test_bandwidths_have_the_mean_and_the_spread_that_are_asked_for():
    drawn = [around(75.0, 0.2, 5, n) for n in range(100_000)]
    assert mean(drawn) == pytest.approx(75.0, rel=0.01)
    assert pstdev([math.log(x) for x in drawn]) == pytest.approx(0.2, rel=0.02)


def test_a_worker_starts_cold_once_and_is_then_warm():
    result, reports, executor = simulate(chain(5, 4, seconds=1.0), 4, policy=Policy(bundle_s=0.5), model=STEADY)
    assert result.statistics.bundles == 20
    assert executor.counts.cold_starts == 4
    cold = Assumptions.steady(cold_mean_s=5.0)
    result, reports, _ = simulate(chain(5, 4, seconds=1.0), 4, policy=Policy(bundle_s=0.5), model=cold)
    assert sum(r.cold for r in reports) == 4
    assert result.seconds == pytest.approx(10.0)


def test_an_idle_worker_grows_cold():
    model = Assumptions.steady(warm_s=0.5)
    plan = chain(1, 4, seconds=1.0)
    first, second = ([a] for a in _attempts(plan, 2))
    executor = SimulatedExecutor(plan, 1, model=model)
    for bundle in (first, second):
        executor.start(bundle)
        assert len(executor.wait(None)) == 1
    assert executor.counts.cold_starts == 1
    executor.now += 1.0
    executor.start(first)
    assert executor.counts.cold_starts == 2


def _attempts(plan, count):
    return [Attempt(plan.programs[0].task(n), n) for n in range(count)]


def test_more_bundles_than_the_ramp_lets_through_are_refused_and_the_run_adapts():
    model = Assumptions.steady(ramp_first=20, ramp_step=0)
    result, _, _ = simulate(chain(1, 2000, seconds=5.0), 200, model=model, policy=Policy(bundle_s=5.0))
    statistics = result.statistics
    assert statistics.throttled > 0
    assert statistics.attempts == result.computed == 2000
    assert result.seconds < 1.1 * (2000 * 5.0 / 20)
    assert statistics.throttled < 2000 * 5


def test_what_the_ramp_lets_through_is_used_within_seconds_though_tasks_are_long():
    model = Assumptions.steady(ramp_first=1000, ramp_step=1000, ramp_every_s=10.0)
    result, reports, _ = simulate(chain(1, 2800, seconds=100.0), 2800, model=model)
    assert max(r.started_s for r in reports) < 25.0
    assert result.seconds < 125.0
    assert result.statistics.throttled < 2 * 2800


def test_a_task_longer_than_its_deadline_times_out():
    with pytest.raises(TaskTimeoutError, match="was ended after 50 s"):
        simulate(chain(1, 1, seconds=100.0), 1, model=STEADY, policy=Policy(retries=1, task_timeout_s=50.0))


def test_a_function_is_killed_at_its_limit_and_nothing_of_its_bundle_is_heard_of_as_done():
    model = Assumptions.steady(kill_s=90.0, together=True)
    result, reports, executor = simulate(chain(1, 8, seconds=40.0), 1, model=model, policy=Policy(bundle_s=500.0))
    assert executor.counts.killed > 0
    assert result.computed == 8
    assert all(r.status != "timeout" or r.started_s < 1e6 for r in reports)


def test_a_crash_ends_a_bundle_and_its_environment():
    model = Assumptions.steady(crashes_per_minute=0.6, together=True)
    result, reports, executor = simulate(chain(1, 60, seconds=20.0), 4, model=model, policy=Policy(retries=40))
    assert executor.counts.crashed > 3
    assert executor.counts.cold_starts > 4
    assert result.computed == 60
    assert {r.status for r in reports} == {"done", "crashed"}


def test_an_attempt_of_which_nothing_is_heard_is_made_again_or_found():
    model = Assumptions.steady(lost_share=0.1, broken_share=0.1, repeated_share=0.2, together=True)
    result, reports, executor = simulate(chain(1, 100, seconds=10.0), 10, model=model, policy=Policy(bundle_s=10.0))
    assert executor.counts.unheard > 5
    assert result.computed == 100
    assert result.statistics.ignored > 5
    assert {r.status for r in reports} == {"done", "unknown"}


def test_second_attempts_shorten_the_tail_of_stragglers():
    plan = chain(1, 200, seconds=10.0)
    model = Assumptions.steady(straggler_share=0.02, straggler_factor=20.0)
    with_them, without = (
        simulate(plan, 100, model=model, policy=Policy(speculate=on, bundle_s=10.0))[0] for on in (True, False)
    )
    assert without.seconds > 200.0
    assert with_them.seconds < 0.25 * without.seconds
    assert with_them.statistics.speculated > 0


def test_billed_seconds_are_those_that_workers_were_held():
    plan = chain(1, 10, seconds=2.0)
    _, reports, executor = simulate(plan, 10, model=STEADY)
    assert executor.counts.billed_s == pytest.approx(20.0)
    assert sum(r.billed_ms for r in reports) == 20_000


def test_2800_workers_are_kept_busy_through_bundles_and_cold_starts():
    result, _, _ = simulate(chain(1, 28_000, seconds=20.0), 2800, model=Assumptions(straggler_share=0.0))
    assert result.seconds < 1.3 * 28_000 * 20.0 / 2800


# -- what a task moves


def scaled(m, k, n, side):
    """A product of tiles of `side` rows and columns, of which each pair takes a second of kernels."""
    shapes = {"a": (m, k), "b": (k, n), "c": (m, n)}
    arrays = {name: spec(name, [side * s for s in shape], (side, side)) for name, shape in shapes.items()}
    reads = (
        Read("l", (Part("a", (AxisMap(0), AxisMap(2))),), (0, 1), loop=True),
        Read("r", (Part("b", (AxisMap(2), AxisMap(1))),), (0, 1), loop=True),
    )
    step = Step("gemm", ("out",), ("l", "r"), loop=True)
    axes = tuple(Cuts(side * s, side) for s in (m, n, k))
    write = Write("out", "c", (0, 1), (False, False))
    last = Program("gemm", "matmul", "user.py:9", arrays, axes, 2, reads, (step,), (write,))
    nbytes = side * side * 8
    estimate = Estimate(seconds=k, compute_s=float(k), bytes_read=2 * k * nbytes, bytes_written=nbytes)
    return Plan("key", (last,), arrays, ("c",), (estimate,))


def test_the_work_of_a_product_is_its_tiles():
    plan = scaled(2, 10, 3, side=1000)
    work = Works(plan).of(plan.programs[0].task(0))
    assert (work.compute_s, work.turns) == (10.0, 10)
    assert (work.first_bytes, work.read_bytes, work.write_bytes) == (16_000_000, 160_000_000, 8_000_000)
    assert (work.gets, work.puts) == ({"a": 10, "b": 10}, {"c": 1})


def test_an_environment_that_keeps_what_it_read_reads_every_tile_once():
    plan, nbytes = scaled(3, 4, 5, side=100), 80_000

    def read(workers, cache_mib):
        _, reports, executor = simulate(plan, workers, model=Assumptions.steady(cache_mib=cache_mib))
        return sum(r.bytes_read for r in reports) / nbytes, executor.counts.gets

    assert read(1, 0.0) == (15 * 8, 15 * 8)
    assert read(1, 100.0) == (3 * 4 + 4 * 5, 3 * 4 + 4 * 5)
    assert 32 < read(1, 12 * nbytes / 2**20)[0] < 120  # a cache that holds 12 tiles
    assert 32 < read(3, 100.0)[0] <= 3 * 32


def test_what_is_kept_takes_no_time_of_a_core():
    plan = scaled(3, 4, 5, side=100)
    cpu = Assumptions.steady(read_cpu_s_per_gb=1000.0, bandwidth_mbps=1e9)  # 80 ms for a tile
    without, kept = (simulate(plan, 1, model=replace(cpu, cache_mib=mib))[0].seconds for mib in (0.0, 100.0))
    assert without - kept == pytest.approx((120 - 32) * 0.08, rel=1e-3)


@pytest.mark.parametrize(("bandwidth", "bound_s"), [(160.0, 10.0), (16.0, 1.0), (8.0, 2.0)])
def test_a_task_takes_the_longer_of_its_kernels_and_its_bytes_and_its_first_read_and_last_write(bandwidth, bound_s):
    plan, model = scaled(1, 10, 1, side=1000), Assumptions.steady(bandwidth_mbps=bandwidth)
    seconds = simulate(plan, 1, model=model)[0].seconds
    first, last = 16.0 / bandwidth, 8.0 / bandwidth
    beside = max(9.0, 9 * first)  # the last turn has nothing more to fetch
    assert seconds == pytest.approx(first + beside + 1.0 + last)
    assert bound_s > 0


def test_within_a_bundle_reads_and_writes_go_on_beside_the_kernels_of_other_tasks():
    plan, model = scaled(1, 10, 4, side=1000), Assumptions.steady(bandwidth_mbps=80.0, together=True)
    policy = Policy(bundle_s=1000.0, speculate=False)
    alone = simulate(plan, 4, model=model, policy=policy)[0].seconds
    assert alone == pytest.approx(10.0 + 0.2 + 0.1)
    executor = SimulatedExecutor(plan, 1, model=model)
    executor.start(_attempts(plan, 4))
    executor.wait(None)
    assert executor.now == pytest.approx(40.0 + 0.2 + 0.1)


def test_too_many_requests_for_a_prefix_are_slowed_down_until_it_is_split():
    plan = scaled(20, 10, 20, side=1000)
    slow = Assumptions.steady(bandwidth_mbps=1e6, partition_gets=50.0, split_after_s=20.0, together=True)
    result, _, executor = simulate(plan, 100, model=slow, policy=Policy(bundle_s=1.0))
    quick = simulate(plan, 100, model=replace(slow, partition_gets=1e9), policy=Policy(bundle_s=1.0))[0]
    assert quick.seconds == pytest.approx(40.0, rel=0.01)
    assert executor.counts.slow_downs > 0
    assert executor.store.most > 1
    assert result.seconds > quick.seconds


def test_prefixes_are_asked_apart():
    store = Partitions(Assumptions(partition_gets=100.0, partition_puts=10.0))
    assert store.ask(0.0, {"a": 90.0}, {"b": 5.0}) == 1.0
    assert store.ask(1.0, {"b": 90.0}, {}) == 1.0
    assert store.ask(2.0, {}, {"b": 15.0}) == pytest.approx(2.0)
    store.leave({}, {"b": 15.0})
    assert store.ask(3.0, {"b": 1.0}, {}) == 1.0


@pytest.mark.parametrize("wrong", [{"straggler_share": 1.0}, {"partitions": 0}, {"bandwidth_mbps": -1.0}])
def test_what_cannot_be_assumed_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Assumptions(**wrong)


def test_the_report_of_a_simulation_has_the_counts_of_its_model():
    report = simulate_plan(scaled(4, 5, 4, side=100), Config(speculate=False), 8, model=Assumptions())
    assert report.statistics["gets"] == 16 * 10
    assert report.statistics["puts"] == 16
    assert report.billed_s > 0
    assert 0 < report.cold_starts <= 8
