"""Long products are done in turns of k that get shorter, on functions and only there."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.planner.turns import LAST_SHARE, RESERVE, in_turns, most_turns
from lambdarray.scenarios import Job, matrix
from lambdarray.tiling import Cuts


@given(st.integers(1, 200), st.floats(1.0, 5000.0), st.floats(0.3, 20.0), st.floats(1.0, 900.0), st.integers(0, 12))
def test_turns_cover_k_get_shorter_and_none_is_too_long(
    tiles: int, task_s: float, per_worker: float, most_task_s: float, most: int
) -> None:
    found = in_turns(Cuts(10 * tiles, 10), task_s, per_worker * task_s, most_task_s, most)
    assert sum(found.chunks) == 10 * tiles
    longest = max(10, most_task_s / task_s * 10 * tiles)
    assert all(length <= longest for length in found.chunks)
    wanted = found.chunks[:-1]
    assert list(wanted) == sorted(wanted, reverse=True)
    assert found.count <= most + 1 + math.ceil(10 * tiles / (max(1, int(longest / 10)) * 10))


@given(st.integers(100, 400), st.floats(0.5, 8.0))
def test_no_turn_takes_a_task_longer_than_what_is_left_allows(tiles: int, per_worker: float) -> None:
    found = in_turns(Cuts(tiles, 1), 100.0, per_worker * 100.0, 1e9, 30)
    left = tiles
    for length in found.chunks[:-1]:
        waves = math.ceil(per_worker) - 1 + RESERVE
        assert length * 100.0 * waves <= left * per_worker * 100.0 * (1 + 1e-9) or length == 1
        left -= length
    assert found.chunks[-1] <= max(1, LAST_SHARE * tiles)


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


def test_a_short_product_is_done_in_one_go() -> None:
    plan = Job("gemm", 16_000, 50, tile=2000).plan()
    assert len(plan.programs) == 1


def test_on_this_machine_no_turns_are_made() -> None:
    with la.config(executor="threads", store="memory://", workers=2, memory_mib=2000):
        plan = la.plan(matrix("a", 20_000, 20_000, 2000) @ matrix("b", 20_000, 20_000, 2000))
    assert len(plan.programs) == 1
