"""Plans move few times the fewest bytes that are possible. docs/bytes.md has all figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms.cholesky import Groups
from lambdarray.planner import Resources, blocks, estimate, make_plan
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.runtime.run import run
from lambdarray.runtime.summary import RunReport
from lambdarray.store import open_array
from lambdarray.store.directory import DirectoryStore

from .paper import PAPERS, TILE, WORKERS, matrix, moved, on_lambda


@pytest.mark.parametrize(
    ("name", "grid"),
    [*((name, grid) for name in PAPERS for grid in (8, 32)), ("Cholesky", 128), ("QR, R alone", 128)],
)
def test_bytes_are_few_times_the_lower_bound(name: str, grid: int) -> None:
    assert moved(name, grid).ratio <= PAPERS[name].limit


@pytest.mark.parametrize(("grid", "workers"), [(8, 16), (32, 256), (128, WORKERS), (128, 4096)])
def test_products_whose_workers_own_many_tiles_are_near_the_bound_too(grid: int, workers: int) -> None:
    found = moved("GEMM", grid, workers)
    assert 1 <= found.ratio <= PAPERS["GEMM"].limit
    assert len(found.plan.programs) == 1 or any("longer than" in note for note in found.plan.notes)


@pytest.mark.parametrize("tile", [1000, 2000, 2048, 2500, 3125, 4096])
def test_a_product_of_25000_on_16_workers_reads_at_most_40_gigabytes(tile: int) -> None:
    with on_lambda(16):
        found = la.explain(matrix("a", 25_000, 25_000, tile) @ matrix("b", 25_000, 25_000, tile))
    assert found.bytes_read <= 40e9
    assert found.tasks >= 16


def test_no_partial_product_is_written_unless_k_is_split_and_the_plan_says_so() -> None:
    with on_lambda(64):
        enough = la.plan(matrix("a", 8 * TILE, 8 * TILE) @ matrix("b", 8 * TILE, 8 * TILE))
        few = la.plan(matrix("a", TILE, 64 * TILE) @ matrix("b", 64 * TILE, TILE))
    assert len(enough.programs) == 1
    assert not enough.notes
    assert len(few.programs) > 1
    assert any("k split" in note for note in few.notes)


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_a_product_too_long_for_a_task_is_a_sum_of_parts_of_k(
    dtype: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rng: np.random.Generator
) -> None:
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((90, 210), (210, 70)))
    x, y = la.from_array(a, chunks=((30, 60), (50, 60, 100))), la.from_array(b, chunks=40)
    monkeypatch.setattr(estimate, "MOST_TASK_S", 1e-6)
    monkeypatch.setattr(blocks, "OWNED_SHARE", 2.0**-18)  # so that no more than two parts are summed at once
    with la.config(store=str(tmp_path), workers=1, progress=False):
        plan = la.plan(x @ y)
        found = la.compute(x @ y, (x @ y).T * 2 - 1, (x[5:] @ y).sum(axis=0))
    assert len([program for program in plan.programs if program.loop_count > 0 and "k from" in program.op]) > 1
    assert any("longer than" in note for note in plan.notes)
    assert any("sum of 2 parts" in program.op for program in plan.programs)
    for value, wanted in zip(found, (a @ b, (a @ b).T * 2 - 1, (a[5:] @ b).sum(axis=0)), strict=True):
        np.testing.assert_allclose(value, wanted, atol=1e-3 if dtype == "complex64" else 1e-11)


def test_a_product_with_room_for_one_pair_of_operands_keeps_to_what_was_predicted(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    values, memory_bytes = rng.standard_normal((1024, 1024)), 10 << 20
    x = la.from_array(values, chunks=256)
    product = (x + 0).rechunk(256) @ (x - 0)
    plan, objects = make_plan([product._op], Resources(1, memory_bytes, remote=True))
    report, scratch = RunReport.of(plan, "threads", 1), DirectoryStore(tmp_path)
    executor = ThreadsExecutor(scratch, objects, workers=1, memory_bytes=memory_bytes)
    run(plan, executor, on_report=report.add)
    executor.close()
    estimate, stage = plan.estimates[-1], report.stages[-1]
    assert plan.programs[-1].task_count == 2
    assert estimate.peak_bytes <= memory_bytes
    assert stage.peak_bytes <= memory_bytes  # with what is fetched ahead in what is left
    assert stage.bytes_read <= 2 * estimate.bytes_read == 3 * values.nbytes
    (output,) = plan.outputs
    found = open_array(plan.arrays[output], scratch, objects).read([(0, 1024), (0, 1024)])
    np.testing.assert_allclose(found, values @ values, atol=1e-10)


def test_updates_of_blocks_of_tiles_keep_to_what_was_predicted(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = rng.standard_normal((640, 640))
    values = values @ values.T + 640 * np.eye(640)
    monkeypatch.setattr(Groups, "of", lambda *_: Groups(2, 4, 2))
    factor = la.linalg.cholesky(la.from_array(values, chunks=64), tile=64)
    memory_bytes = max(e.peak_bytes for e in make_plan([factor._op], Resources(1, 1 << 30, remote=True))[0].estimates)
    plan, objects = make_plan([factor._op], Resources(1, memory_bytes, remote=True))
    owned = [p for p in plan.programs if p.op == "update" and max(c.max_chunk for c in p.axes[:2]) == 128]
    report, scratch = RunReport.of(plan, "threads", 1), DirectoryStore(tmp_path)
    executor = ThreadsExecutor(scratch, objects, workers=1, memory_bytes=memory_bytes)
    run(plan, executor, on_report=report.add)
    executor.close()
    assert owned
    assert max(stage.peak_bytes for stage in report.stages) <= memory_bytes
    found = open_array(plan.arrays[plan.outputs[0]], scratch, objects).read([(0, 640), (0, 640)])
    np.testing.assert_allclose(found, np.linalg.cholesky(values), atol=1e-10)
