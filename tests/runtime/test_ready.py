"""In which order the tasks of a stage that wait for nothing are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.numbering import Numbering
from lambdarray.runtime.dependencies import Dependencies
from lambdarray.runtime.ready import in_order_of_use, row_length, side_by_side, within_rows

from .programs import product


def ordered(array, program=0):
    plan = la.plan(array)
    deps = Dependencies(plan)
    count = plan.programs[program].task_count
    return plan, [int(n) for n in in_order_of_use(deps, program, range(count))]


def test_a_tile_and_its_mirror_image_are_made_one_after_the_other():
    a = la.random.default_rng(0).standard_normal((16384, 16384), chunks=2048)
    plan, order = ordered((a + a.T).sum())
    grid = plan.programs[0].grid
    assert grid == (8, 8)
    place = {Numbering(grid).index(n): at for at, n in enumerate(order)}
    assert all(abs(place[i, j] - place[j, i]) <= 1 for i, j in place)


@settings(max_examples=25)
@given(
    rows=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    columns=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    turned=st.booleans(),
)
def test_every_task_has_its_place_and_none_is_needed_before_one_that_comes_earlier(rows, columns, turned):
    a = la.random.default_rng(0).standard_normal((sum(rows), sum(columns)), chunks=(tuple(rows), tuple(columns)))
    kept = la.cumsum(a.T if turned else a, axis=0)
    plan, order = ordered(kept)
    assert sorted(order) == list(range(plan.programs[0].task_count))
    deps = Dependencies(plan)
    grid = plan.programs[0].grid
    edges = [e for e in deps.readers[plan.programs[0].writes[0].array] if e.program == 1] if len(grid) == 2 else []
    for edge in edges:
        first = [np.ravel_multi_index([lo for lo, _ in edge.tasks(Numbering(grid).index(n))], edge.grid) for n in order]
        assert first == sorted(first)


@pytest.mark.parametrize("count", [1, 3])
def test_only_the_tasks_that_are_asked_for_are_given(count):
    a = la.random.default_rng(0).standard_normal((16384, 16384), chunks=2048)
    plan = la.plan((a + a.T).sum())
    ids = np.array([5, 40, 62])[:count]
    found = in_order_of_use(Dependencies(plan), 0, ids)
    assert sorted(found.tolist()) == ids.tolist()


@given(rows=st.integers(1, 3), columns=st.integers(2, 13), workers=st.integers(1, 5))
def test_workers_that_share_reads_begin_tasks_of_a_row_that_go_through_k_the_same_way(rows, columns, workers):
    p = product(rows, 2, columns, 1)
    order = [int(n) for n in side_by_side(p, range(p.task_count), workers, row_length(p))]
    assert sorted(order) == list(range(p.task_count))
    if workers == 1:
        assert order == sorted(order)
        return
    row = row_length(p)
    if row >= 2 * workers:
        assert [n // row for n in order] == sorted(n // row for n in order)
        for first in range(0, p.task_count, row):
            for at in range(0, row // (2 * workers) * 2 * workers, workers):
                together = order[first + at : first + at + workers]
                assert len({n % 2 for n in together}) == 1
                assert max(together) - min(together) < 2 * workers


def test_a_stage_without_loops_keeps_its_order_and_what_is_left_of_a_run_is_all_there():
    assert side_by_side(product(1, 1, 8, 1), range(8), 2, 8) == range(8)
    assert side_by_side(product(1, 2, 8, 1), np.array([1, 2, 5]), 2, 8).tolist() == [2, 1, 5]


@given(order=st.permutations(range(16)), workers=st.integers(1, 4))
def test_workers_that_share_reads_keep_the_order_of_use_but_for_a_few_places(order, workers):
    found = [int(n) for n in side_by_side(product(1, 2, 16, 1), np.array(order), workers, 16)]
    assert sorted(found) == list(range(16))
    assert all(abs(order.index(n) - at) < 2 * workers for at, n in enumerate(found))


@given(first=st.integers(0, 200), count=st.integers(1, 60), row=st.integers(1, 50))
def test_a_bundle_is_whole_rows_or_lies_in_one(first, count, row):
    taken = within_rows(first, count, row)
    assert 1 <= taken <= count
    rows = {n // row for n in range(first, first + taken)}
    assert len(rows) == 1 or row == 1 or (first + taken) % row == 0
    if count >= row > 1:
        assert count - taken < row


def test_rows_are_tasks_that_share_what_they_read():
    x, y = (la.from_array(np.ones((8, 8)), chunks=2) for _ in range(2))
    with la.config(workers=16):
        assert [(p.grid, row_length(p)) for p in la.plan(x @ y).programs] == [((4, 4), 4)]
    assert [row_length(p) for p in la.plan(x + y).programs] == [1]
