"""One plan, wherever it runs: the same bits from threads, processes and functions, the same tasks simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import Config
from lambdarray.errors import LambdarrayError
from lambdarray.planner import Resources, make_plan
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.runtime.launch import OVERHEAD_MIB, Launch
from lambdarray.runtime.run import run
from lambdarray.runtime.simulation import simulate
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import CountingStore
from lambdarray.task import Plan

from .conftest import MEMORY_MIB, WORKERS
from .expressions import ALL

DATA_MIB = MEMORY_MIB - OVERHEAD_MIB
each_expression = pytest.mark.parametrize("name", ALL)


def planned(*arrays: Any, purpose: str = "") -> tuple[Plan, dict[str, Any]]:
    """The plan that all executors are to run: for functions, which hand nothing on in memory."""
    resources = Resources(WORKERS, DATA_MIB << 20, remote=True)
    tokens = {op.token: f"content {n}" for n, op in enumerate(_sources(arrays))}
    return make_plan([a._op for a in arrays], resources, tokens=tokens, purpose=purpose)


def _sources(arrays: Sequence[Any]) -> list[Any]:
    from lambdarray.ops import ObjectSource, in_order

    return [op for op in in_order([a._op for a in arrays]) if isinstance(op, ObjectSource)]


def outputs(plan: Plan, objects: dict[str, Any], config: Config) -> list[np.ndarray]:
    """What a plan makes under these settings; nothing of it stays."""
    launch = Launch(plan, objects, config)
    launch.execute()
    shapes = [plan.arrays[name].tiling.shape for name in plan.outputs]
    names = zip(plan.outputs, shapes, strict=True)
    values = [np.array(launch.array(name).read([(0, n) for n in shape])) for name, shape in names]
    launch.forget()
    return values


@each_expression
def test_one_plan_gives_the_same_bits_on_threads_and_processes_with_every_store_and_in_functions(
    name: str, on_lambda: str, tmp_path: Path
) -> None:
    array, expected = ALL[name]()
    plan, objects = planned(array)
    common = {"workers": WORKERS, "progress": False}
    places = {
        "memory": Config(store="memory://", **common),
        "directory": Config(store=str(tmp_path / "tiles"), **common),
        "s3": Config(store=on_lambda, **common),
        "processes": Config(executor="processes", **common),
        "processes on a directory": Config(executor="processes", store=str(tmp_path / "theirs"), **common),
        "processes on s3": Config(executor="processes", store=f"{on_lambda}/theirs", **common),
        "functions": Config(executor="lambda", store=on_lambda, memory_mib=MEMORY_MIB, **common),
    }
    found = {place: outputs(plan, objects, config)[0] for place, config in places.items()}
    np.testing.assert_allclose(found["memory"], expected, rtol=1e-11, atol=1e-11)
    for place, value in found.items():
        assert value.tobytes() == found["memory"].tobytes(), f"{place} differs from memory"


@each_expression
def test_settings_that_leave_a_worker_as_much_memory_give_one_plan_on_threads_and_in_functions(
    name: str, on_lambda: str
) -> None:
    array, expected = ALL[name]()
    in_functions, there = la.plan(array), array.compute()
    with la.config(executor="threads", memory_mib=DATA_MIB):
        on_threads, here = la.plan(array), array.compute()
    assert [p.to_json() for p in on_threads.programs] == [p.to_json() for p in in_functions.programs]
    assert on_threads.key == in_functions.key
    assert here.tobytes() == there.tobytes()
    np.testing.assert_allclose(here, expected, rtol=1e-11, atol=1e-11)


@each_expression
def test_a_simulated_run_completes_the_very_tasks_that_threads_complete(name: str) -> None:
    plan, objects = planned(ALL[name]()[0])
    real, virtual = set[tuple[int, str]](), set[tuple[int, str]]()
    executor = ThreadsExecutor(MemoryStore(), objects, workers=2, inline=plan.task_count == 1)
    config = Config()
    run(plan, executor, config=config, on_report=lambda r: real.add((r.task, r.status)))
    executor.close()
    report = simulate(plan, config, 2, on_report=lambda r: virtual.add((r.task, r.status)))
    assert virtual == real == {(n, "done") for n in range(plan.task_count)}
    assert report.tasks == plan.task_count
    assert [(s.name, s.done) for s in report.stages] == [(p.name, p.task_count) for p in plan.programs]


def test_a_simulated_run_costs_virtual_seconds_and_touches_no_store(tmp_path: Path) -> None:
    x = la.random.default_rng(0).standard_normal((40_000, 40_000), chunks=4000)
    store = tmp_path / "never-made"
    with la.config(store=str(store), workers=50):
        report = la.simulate((x @ x.T).mean(axis=0))
    assert report.executor == "simulated"
    assert report.seconds > 10.0
    assert 0 < report.cold_starts <= 50 * report.stages[0].tasks
    assert report.billed_s > report.seconds
    assert not store.exists()


def test_more_simulated_workers_need_less_virtual_time() -> None:
    x = la.random.default_rng(0).standard_normal((40_000, 40_000), chunks=4000)
    seconds = []
    for workers in (5, 50):
        with la.config(workers=workers):
            seconds.append(la.simulate(x @ x.T).seconds)
    assert seconds[1] < seconds[0] / 5


def test_values_of_a_simulated_run_are_refused_and_the_way_to_its_report_is_named(tmp_path: Path) -> None:
    x = la.ones((4, 4), chunks=2) + 1
    with la.config(executor="simulated", store=str(tmp_path / "scratch")):
        for refused in (x.compute, x.persist, lambda: x.to_zarr(str(tmp_path / "x.zarr"))):
            with pytest.raises(LambdarrayError, match=r"makes no values; la\.simulate\(x\) gives its report"):
                refused()
        assert la.simulate(x).tasks == 4
    assert list(tmp_path.iterdir()) == []


def test_a_counted_run_reads_and_writes_each_tile_as_often_as_its_plan_says() -> None:
    plan, objects = planned(ALL["product_with_epilogue_and_reduction"]()[0])
    store = CountingStore(MemoryStore())
    executor = ThreadsExecutor(store, objects, workers=2, inline=plan.task_count == 1)
    run(plan, executor)
    executor.close()
    made = sum(plan.arrays[name].tiling.count for name in plan.written)
    assert store.counts.puts == store.counts.created == made
