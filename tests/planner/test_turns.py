"""Long products are done in turns of k that get shorter, on functions and only there."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.config import Config
from lambdarray.planner import Resources, make_plan
from lambdarray.planner.turns import RESERVE, in_turns, most_turns
from lambdarray.runtime.launch import Launch
from lambdarray.scenarios import Job, matrix
from lambdarray.tiling import Cuts


@given(
    st.integers(1, 200),
    st.floats(1.0, 5000.0),
    st.floats(0.3, 20.0),
    st.floats(1.0, 900.0),
    st.integers(0, 12),
    st.integers(1, 10),
    st.integers(1, 10),
)
def test_turns_cover_k_get_shorter_and_none_is_too_long(
    tiles: int, task_s: float, per_worker: float, most_task_s: float, most: int, last: int, least: int
) -> None:
    found = in_turns(Cuts(10 * tiles, 10), task_s, per_worker * task_s, most_task_s, most, last, least)
    assert sum(found.chunks) == 10 * tiles
    longest = max(10, most_task_s / task_s * 10 * tiles)
    assert all(length <= longest for length in found.chunks)
    wanted = found.chunks[:-1]
    assert list(wanted) == sorted(wanted, reverse=True)
    assert found.count <= most + 1 + math.ceil(10 * tiles / (max(1, int(longest / 10)) * 10))


@given(st.integers(100, 400), st.floats(0.5, 8.0), st.integers(1, 6), st.integers(1, 6))
def test_no_turn_takes_a_task_longer_than_what_is_left_allows(
    tiles: int, per_worker: float, last: int, least: int
) -> None:
    found = in_turns(Cuts(tiles, 1), 100.0, per_worker * 100.0, 1e9, 30, last, least)
    left = tiles
    for length in found.chunks[:-1]:
        waves = math.ceil(per_worker) - 1 + RESERVE
        assert length * waves <= (left + last) * per_worker * (1 + 1e-9) or length == 1
        left -= length
    share = per_worker / (math.ceil(per_worker) - 1 + RESERVE)
    assert found.chunks[-1] < 2 * last or int(share * (left + last)) < least


def test_no_turn_is_made_for_fewer_tiles_than_it_costs() -> None:
    assert in_turns(Cuts(33, 1), 509.0, 600.0, 600.0, 6, 3, 3).chunks == (10, 9, 5, 4, 5)
    assert in_turns(Cuts(33, 1), 509.0, 600.0, 600.0, 6, 3, 6).chunks == (10, 9, 14)


def test_turns_are_made_where_they_cost_little() -> None:
    assert most_turns(317.0, 5.0) == 6
    assert most_turns(100.0, 5.0) == 0
    assert most_turns(10.0, 5.0) == 0
    assert most_turns(100.0, 0.0) == 0


def test_a_long_product_on_functions_ends_in_short_tasks_on_single_tiles() -> None:
    plan = Job("gemm", 200_000, 2800).plan()
    seconds = [e.compute_s for e in plan.estimates]
    assert seconds[:-1] == sorted(seconds[:-1], reverse=True)
    assert seconds[-1] < seconds[0] / 7
    assert seconds[0] < 317 / 2
    assert plan.programs[-1].task_count == 80 * 80
    assert all("k split in" in note for note in plan.notes)


def test_each_turn_of_the_second_half_adds_a_part_of_the_first_so_that_the_last_has_fewer_to_add() -> None:
    plan = Job("gemm", 200_000, 2800).plan()
    assert len(plan.programs) == 5
    assert [len(program.reads) - 2 for program in plan.programs] == [0, 0, 1, 1, 2]
    added = [read.parts[0].array for program in plan.programs for read in program.reads if not read.loop]
    assert added == [write.array for program in plan.programs[:-1] for write in program.writes]


def test_a_product_in_turns_with_an_epilogue_is_what_numpy_makes_of_it() -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal((n, m)) for n, m in ((75, 203), (203, 90), (75, 90)))
    x, y, z = (la.asarray(v, chunks=10) for v in (a, b, c))
    slow = Job("gemm", 100, gflops=1e-4).machine
    plan, objects = make_plan([(2 * (x @ y) - z)._op], Resources(4, 4 << 20, True, overhead_mib=200, worker=slow))
    turns = len(plan.programs) - 1
    assert turns > 3
    half, rest = math.ceil(turns / 2), turns // 2
    assert [len(program.reads) - 2 for program in plan.programs] == [*[0] * half, *[1] * rest, half + 1]
    launch = Launch(plan, objects, Config(workers=2, progress=False))
    launch.execute()
    found = launch.array(plan.outputs[0]).read([(0, 75), (0, 90)])
    np.testing.assert_allclose(found, 2 * (a @ b) - c, rtol=1e-12, atol=1e-12)


def test_a_short_product_is_done_in_one_go() -> None:
    plan = Job("gemm", 16_000, 50, tile=2000).plan()
    assert len(plan.programs) == 1


def test_on_this_machine_no_turns_are_made() -> None:
    with la.config(executor="threads", store="memory://", workers=2, memory_mib=2000):
        plan = la.plan(matrix("a", 20_000, 20_000, 2000) @ matrix("b", 20_000, 20_000, 2000))
    assert len(plan.programs) == 1
