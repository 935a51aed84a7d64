"""What a task is said to take: by the kernels' own counts, and in proportion to the machine's constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from lambdarray_kernels.registry import MODULES, get

import lambdarray as la
from lambdarray.cost import Machine, profile
from lambdarray.planner import Resources, make_plan
from lambdarray.planner.estimate import estimates
from lambdarray.planner.work import DISTRIBUTIONS, FUNCTIONS, KERNELS, product_side
from lambdarray.task import Plan

MIB = 1 << 20
HERE, THERE = profile("threads"), profile("lambda-x86_64")


def plan_of(*arrays: Any, remote: bool = False, machine: Machine | None = None, mib: int = 1459) -> Plan:
    resources = Resources(4, mib * MIB, remote, 310 if remote else 0, machine)
    return make_plan([a._op for a in arrays], resources)[0]


def positive(n: int) -> np.ndarray:
    return np.full((n, n), 0.5) + n * np.eye(n)


def test_every_kernel_and_function_that_has_a_kind_exists_and_kernels_call_blas() -> None:
    assert set(KERNELS) <= set(MODULES)
    assert all(get(name).uses_blas for name in KERNELS)
    assert not [name for name in FUNCTIONS if not hasattr(np, name) and name not in ("cast", "copy")]
    assert not [name for name in DISTRIBUTIONS if not hasattr(np.random.Generator, name)]


PLANS: dict[str, Callable[[], Any]] = {
    "matmul": lambda: la.ones((96, 64), chunks=32) @ la.ones((64, 64), chunks=32),
    "complex matmul": lambda: la.ones((64, 64), dtype=complex, chunks=32) @ la.ones((64, 64), dtype=complex, chunks=32),
    "cholesky": lambda: la.linalg.cholesky(la.from_array(positive(128)), tile=32),
    "lu": lambda: la.linalg.solve(la.from_array(positive(128)), la.ones((128, 32)), tile=32),
    "tall qr": lambda: la.linalg.qr(la.random.default_rng(0).standard_normal((256, 8)), tile=64)[0],
    "qr": lambda: la.linalg.qr(la.random.default_rng(0).standard_normal((128, 128)), tile=32)[1],
    "triangular": lambda: la.linalg.solve_triangular(
        la.from_array(np.tril(positive(128))), la.ones((128, 64)), lower=True, tile=32
    ),
    "eigh": lambda: la.linalg.eigh(la.from_array(positive(24)))[0],
    "svd": lambda: la.linalg.svd(la.from_array(positive(24)))[1],
}


@pytest.mark.parametrize("name", PLANS)
def test_flops_of_linear_algebra_are_those_that_workers_report(name: str) -> None:
    with la.config(workers=2):
        x = PLANS[name]()
        plan = la.plan(x)
        x.compute()
        report = la.last_report()
    assert report is not None
    predicted = reported = 0.0
    for program, estimate, stage in zip(plan.programs, plan.estimates, report.stages, strict=True):
        if any(step.kernel in KERNELS for step in program.steps):
            predicted += program.task_count * estimate.flops
            reported += stage.flops
    assert reported > 0
    # Above where tasks of a stage differ: an estimate is of the largest.
    assert reported <= predicted * (1 + 1e-9)
    assert predicted <= 1.3 * reported


def faster(table: Any, factor: float) -> Any:
    """A machine's rates so many times as great, its seconds as much smaller; limits as they are."""
    new: dict[str, Any] = {}
    for f in fields(table):
        value = getattr(table, f.name)
        if f.name in ("functions", "prices", "key"):
            continue
        if is_dataclass(value):
            new[f.name] = faster(value, factor)
        elif f.name.endswith(("_ns", "_s", "_per_gb")):
            new[f.name] = value / factor
        elif f.name.endswith(("gflops", "_gbps", "_mbps")):
            new[f.name] = value * factor
    return replace(table, **new)


EVERY = [*PLANS.values(), lambda: (np.sin(la.ones((64, 64), chunks=16)) * 2 + la.arange(64, chunks=16)).mean()]


@pytest.mark.parametrize("remote", [False, True])
@pytest.mark.parametrize("make", EVERY)
def test_a_machine_twice_as_fast_takes_half_the_time(make: Callable[[], Any], remote: bool) -> None:
    machine = THERE if remote else HERE
    plan = plan_of(make(), remote=remote)
    resources = Resources(4, 1459 * MIB, remote, 310 if remote else 0)
    slow = estimates(plan, replace(resources, worker=machine))
    quick = estimates(plan, replace(resources, worker=faster(machine, 2.0)))
    assert slow == plan.estimates
    for a, b in zip(slow, quick, strict=True):
        assert b.seconds == pytest.approx(a.seconds / 2)
        assert b.compute_s == pytest.approx(a.compute_s / 2)
        assert (b.flops, b.bytes_read, b.bytes_written, b.peak_bytes) == (
            a.flops,
            a.bytes_read,
            a.bytes_written,
            a.peak_bytes,
        )


def test_products_use_all_cores_of_a_function_and_elementwise_functions_one() -> None:
    def seconds(x: Any, mib: int) -> float:
        (found,) = estimates(plan_of(x, remote=True), Resources(4, (mib - 310) * MIB, True, 310))
        return found.compute_s - THERE.store.cpu_seconds(found.bytes_read, found.bytes_written)

    a = la.from_array(np.empty((512, 512)), chunks=512)
    assert seconds(a @ a, 3538) == pytest.approx(seconds(a @ a, 1769) / 2)
    x = la.random.default_rng(0).standard_normal((512, 512), chunks=512)
    assert seconds(x, 3538) == pytest.approx(seconds(x, 1769))
    assert seconds(x, 884) == pytest.approx(2 * seconds(x, 1768))


def test_a_long_loop_hides_the_smaller_of_computing_and_transfer_and_a_single_block_hides_nothing() -> None:
    def last(tiles: int) -> Any:
        n = 512 * tiles
        a = la.from_array(np.empty((512, n)), chunks=(512, 512))
        b = la.from_array(np.empty((n, 512)), chunks=(512, 512))
        plan = make_plan([(a @ b)._op], Resources(1, 1459 * MIB, True, 310))[0]
        return plan.estimates[-1]

    for tiles in (1, 64):
        found = last(tiles)
        transfer = THERE.store.seconds(found.bytes_read, found.bytes_written) + 2 * THERE.store.request_s
        cpu = THERE.store.cpu_seconds(found.bytes_read, found.bytes_written)
        serial = found.compute_s - cpu + transfer
        best = max(found.compute_s, transfer)
        assert found.seconds == pytest.approx(THERE.task_s + best + (serial - best) / tiles)


def test_the_side_of_a_product_is_that_of_square_tiles() -> None:
    assert product_side(2 * 7**3, (7, 7)) == pytest.approx(7)
    assert product_side(2 * 1000 * 1000 * 10, (1000, 1000)) < 31


@pytest.mark.parametrize("computes", [False, True])
def test_a_block_of_several_tiles_is_copied_together_and_read_again_where_something_is_computed(computes: bool) -> None:
    rows = la.random.default_rng(0).standard_normal((1024, 1024), chunks=(256, 1024))
    x = np.sort(rows, axis=1).rechunk((1024, 256))
    plan, memory = plan_of(np.sort(x, axis=0) if computes else x), HERE.memory
    program, found = plan.programs[-1], plan.estimates[-1]
    assert bool(program.steps) == computes
    slow = replace(HERE, memory=replace(memory, stream_gbps=memory.stream_gbps / 2))
    (*_, slower) = estimates(plan, Resources(4, 1459 * MIB, False, 0, slow))
    assert slower.compute_s - found.compute_s == pytest.approx(computes * found.bytes_read / memory.stream_gbps / 1e9)
    assert found.compute_s > 2 * found.bytes_read / memory.copy_gbps / 1e9
