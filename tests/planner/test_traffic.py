"""What a plan asks of the store, against a count of every block of every task."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import lambdarray as la
from lambdarray.cost import profile
from lambdarray.planner.traffic import requests, traffic
from lambdarray.task import Program, Read


def x(rows: int = 12, columns: int = 20, chunks: tuple[int, int] = (4, 5)) -> la.Array:
    return la.ones((rows, columns), chunks=chunks).persist()


EXPRESSIONS = {
    "a map": lambda: x() * 2 + 1,
    "a product": lambda: x() @ x(20, 9, (5, 3)),
    "a sum": lambda: x().sum(axis=0),
    "a rechunk": lambda: x().rechunk((6, 4)),
    "a view": lambda: x()[2:9, ::2] + 1,
    "a concatenation": lambda: la.concat([x(), x()]) * 2,
    "a broadcast": lambda: x() + x(1, 20, (1, 5)),
    "a scan": lambda: la.cumsum(x(), axis=1),
}


def counted(program: Program, read: Read) -> tuple[int, int]:
    """The tiles that all tasks read, one by one, and the most of one task."""
    total = most = 0
    axes = program.axes if read.loop else program.axes[: program.grid_ndim]
    for number in range(program.task_count):
        index = program.numbering.index(number)
        loops = itertools.product(*(range(c.count) for c in axes[program.grid_ndim :]))
        of_task = sum(_tiles(program, read, (*index, *turn)) for turn in loops)
        total, most = total + of_task, max(most, of_task)
    return total, most


def _tiles(program: Program, read: Read, blocks: tuple[int, ...]) -> int:
    found = 0
    for part in read.parts:
        counts = []
        for cuts, m in zip(program.arrays[part.array].tiling.axes, part.maps, strict=True):
            block = (0, 1) if m.axis < 0 else program.axes[m.axis].span(blocks[m.axis])
            lo, hi = m.span(block, 0 if m.axis < 0 else blocks[m.axis])
            first, end = cuts.tiles(max(lo, 0), min(hi, cuts.size))
            counts.append(max(0, end - first))
        found += math.prod(counts)
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_requests_are_the_tiles_that_tasks_touch(name: str) -> None:
    for program in la.plan(EXPRESSIONS[name]()).programs:
        found = requests(program)
        reads = [counted(program, read) for read in program.reads]
        assert found.gets == pytest.approx(sum(total for total, _ in reads), rel=0.2)
        assert found.gets_of_task >= sum(most for _, most in reads)
        assert found.puts == sum(len(program.task(n).outputs()) for n in range(program.task_count))
        assert found.puts_of_task == max(len(program.task(n).outputs()) for n in range(program.task_count))


def test_what_is_sent_and_what_comes_back_is_counted_once() -> None:
    a = la.from_array(np.ones((8, 6)), chunks=4)
    plan = la.plan(a + a, (a * 2).sum())
    found = traffic(plan, [1.0] * len(plan.programs), plan.outputs)
    assert (found.upload, found.upload_puts) == (8 * 6 * 8, 4)
    assert (found.download, found.download_gets) == (8 * 6 * 8 + 8, 5)
    assert traffic(plan, [1.0] * len(plan.programs)).download == 0


def test_half_of_the_tasks_ask_for_half_as_much() -> None:
    plan = la.plan(x() * 2)
    whole, half = (traffic(plan, [share]) for share in (1.0, 0.5))
    assert (half.gets, half.puts) == (whole.gets / 2, whole.puts / 2)


def test_reads_from_a_bucket_in_another_region_are_paid_for() -> None:
    plan = la.plan(x() * 2)
    (name,) = plan.read - plan.written
    url = "https://bucket.s3.eu-west-1.amazonaws.com/a.zarr"
    away = plan.moved({name: {"kind": "zarr", "url": url}})
    assert traffic(away, [1.0], region="us-east-1").cross_region == 12 * 20 * 8
    assert traffic(away, [1.0], region="eu-west-1").cross_region == 0
    assert traffic(away, [1.0], region=None).cross_region == 0
    assert traffic(plan, [1.0], region="us-east-1").cross_region == 0
    assert profile("lambda-x86_64").prices.dollars_per_gb_cross_region > 0
