"""How much a task takes: blocks cover their axis exactly once, are made of whole tiles, and fit the memory."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdarray.planner import Resources
from lambdarray.planner.blocks import (
    LEAST_ELEMENTS,
    LOCAL_BYTES,
    MEMORY_PARTS,
    evenly,
    for_reduction,
    group,
    in_parts,
    most_k,
    of_k,
    owned,
    parts_of_k,
    split,
)
from lambdarray.tiling import Cuts, Tiling

from ..judge import cuts as ragged_lengths

MIB = 1 << 20


@st.composite
def axes(draw: Any, most: int = 400) -> Cuts:
    size = draw(st.integers(0, most))
    if draw(st.booleans()):
        return Cuts(size, draw(st.integers(1, max(size, 1))))
    return Cuts.ragged(ragged_lengths(draw, size))


@st.composite
def resources(draw: Any) -> Resources:
    return Resources(draw(st.integers(1, 2000)), draw(st.integers(1, 4000)) * MIB, draw(st.booleans()))


def bounds(cuts: Cuts) -> list[int]:
    return [cuts.span(i)[0] for i in range(cuts.count)] + [cuts.size]


def covers_once(found: Cuts, axis: Cuts) -> None:
    spans = [found.span(i) for i in range(found.count)]
    assert (spans[0][0], spans[-1][1]) == (0, axis.size)
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert axis.size == 0 or all(lo < hi for lo, hi in spans)


def made_of_whole_tiles(found: Cuts, axis: Cuts) -> None:
    covers_once(found, axis)
    assert set(bounds(found)) <= set(bounds(axis))


@given(axis=axes(), factor=st.integers(1, 50))
def test_grouped_tiles_are_whole_tiles_at_most_so_many_at_once(axis: Cuts, factor: int) -> None:
    found = group(axis, factor)
    made_of_whole_tiles(found, axis)
    assert found.count == -(-axis.count // factor)


@given(axis=axes(), parts=st.integers(1, 50))
def test_evenly_joined_tiles_are_so_many_parts_that_differ_by_one_tile(axis: Cuts, parts: int) -> None:
    found = evenly(axis, parts)
    made_of_whole_tiles(found, axis)
    assert found.count == min(parts, axis.count)
    tiles = [len(range(*axis.tiles(*found.span(i)))) for i in range(found.count)]
    assert max(tiles) - min(tiles) <= 1


@given(axis=axes(), parts=st.integers(1, 50))
def test_split_tiles_cover_the_axis_and_are_no_longer_than_a_part(axis: Cuts, parts: int) -> None:
    found = split(axis, parts)
    covers_once(found, axis)
    if axis.regular:
        assert found.max_chunk <= max(1, -(-axis.chunk // parts))


@given(shape=st.lists(axes(10**6), min_size=1, max_size=3), have=resources(), stored=st.booleans())
def test_blocks_of_a_reduction_cover_every_axis_once_and_fit_the_memory(
    shape: list[Cuts], have: Resources, stored: bool
) -> None:
    found = for_reduction(Tiling(tuple(shape)), 8, have, stored)
    for block, axis in zip(found, shape, strict=True):
        covers_once(block, axis)
    tile, block = (math.prod(c.max_chunk for c in cuts) for cuts in (shape, found))
    if not have.remote or not stored or block > tile:
        assert block * 8 * MEMORY_PARTS <= 2 * have.memory_bytes
    if block > tile:
        assert block * 8 * MEMORY_PARTS <= have.memory_bytes
        assert all(set(bounds(b)) <= set(bounds(a)) for b, a in zip(found, shape, strict=True))


@given(tile=st.integers(1, 5000), workers=st.integers(1, 8))
def test_a_task_of_a_reduction_on_this_machine_reads_little_at_a_time(tile: int, workers: int) -> None:
    found = for_reduction(Tiling.regular((20_000, 20_000), (tile, tile)), 8, Resources(workers, 1 << 34, False), True)
    assert math.prod(c.max_chunk for c in found) * 8 <= 1.5 * LOCAL_BYTES


@given(side=st.integers(1, 4000), tile=st.integers(1, 4000), workers=st.integers(1, 64))
def test_a_reduction_has_a_task_for_every_worker_where_its_blocks_are_worth_one(
    side: int, tile: int, workers: int
) -> None:
    have = Resources(workers, 1 << 30, False)
    found = for_reduction(Tiling.regular((side, side), (tile, tile)), 8, have, False)
    elements, tasks = side * side, math.prod(c.count for c in found)
    assert tasks >= min(workers, max(1, elements // (4 * LEAST_ELEMENTS)))


@given(rows=axes(), columns=axes(), batch=axes(9), k=st.integers(1, 400), have=resources())
def test_tasks_of_a_product_own_whole_tiles_and_leave_every_worker_one(
    rows: Cuts, columns: Cuts, batch: Cuts, k: int, have: Resources
) -> None:
    m, n = owned((batch, rows, columns), k, 8, have)
    made_of_whole_tiles(m, rows)
    made_of_whole_tiles(n, columns)
    assert batch.count * m.count * n.count >= min(have.workers, batch.count * rows.count * columns.count)
    if (m, n) != (rows, columns):
        words = m.max_chunk * n.max_chunk + 2 * k * (m.max_chunk + n.max_chunk)
        assert words * 8 <= have.memory_bytes


def test_tasks_of_a_square_product_own_near_square_blocks() -> None:
    tiles = Cuts(64_000, 1000)
    m, n = owned((tiles, tiles), 1000, 8, Resources(64, 2 << 30, True))
    assert m.max_chunk == n.max_chunk == 8000


@given(axis=axes(), m=st.integers(1, 5000), n=st.integers(1, 5000), have=resources())
def test_the_loop_of_a_product_takes_no_more_of_k_than_fits(axis: Cuts, m: int, n: int, have: Resources) -> None:
    most = most_k(m, n, 8, have)
    found = of_k(axis, most)
    covers_once(found, axis)
    assert axis.size == 0 or found.max_chunk <= most
    if most > 1:
        assert (m * n + 2 * most * (m + n)) * 8 <= have.memory_bytes


@given(count=st.integers(1, 100), m=st.integers(1, 400), n=st.integers(1, 400), k=axes(), have=resources())
def test_parts_of_k_are_no_more_than_workers_need_and_write_at_most_half_of_what_they_read(
    count: int, m: int, n: int, k: Cuts, have: Resources
) -> None:
    parts = parts_of_k(count, m, n, k, have)
    assert 1 <= parts <= k.count
    assert parts == 1 or (parts - 1) * count < have.workers
    assert parts == 1 or 2 * parts * m * n <= k.size * (m + n)


@given(rows=axes(), columns=axes(), k=axes(), have=resources())
def test_blocks_of_a_product_in_parts_are_of_whole_tiles_and_leave_no_worker_idle_that_tiles_would_not(
    rows: Cuts, columns: Cuts, k: Cuts, have: Resources
) -> None:
    m, n = in_parts((rows, columns), k, 16, 8, have)
    made_of_whole_tiles(m, rows)
    made_of_whole_tiles(n, columns)
    if (m, n) != (rows, columns):
        parts = parts_of_k(m.count * n.count, m.max_chunk, n.max_chunk, k, have)
        assert m.count * n.count * parts >= have.workers
        assert (m.max_chunk * n.max_chunk + 32 * (m.max_chunk + n.max_chunk)) * 8 <= have.memory_bytes


def test_a_product_of_long_operands_has_larger_blocks_and_more_parts_than_its_tiles_need() -> None:
    have = Resources(1000, 1459 << 20, True)
    m, n = in_parts((Cuts(12288, 4096), Cuts(524_288, 4096)), Cuts(524_288, 4096), 512, 8, have)
    assert (m.max_chunk, n.max_chunk) == (12288, 8192)
    assert parts_of_k(m.count * n.count, m.max_chunk, n.max_chunk, Cuts(524_288, 4096), have) == 16
