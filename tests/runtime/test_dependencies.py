from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdarray.runtime.counters import Counters, box_numbers
from lambdarray.runtime.dependencies import Dependencies
from lambdarray.runtime.relations import Relation
from lambdarray.task import Estimate, Part, Plan, Program, Read, Write
from lambdarray.tiling import AxisMap, Cuts, Tiling

from .plans import elementwise_and_tree, program, spec


@st.composite
def cuts(draw, size=None):
    size = draw(st.integers(0, 12)) if size is None else size
    if size and draw(st.booleans()):
        inner = draw(st.sets(st.integers(1, max(1, size - 1)), max_size=4)) - {size}
        return Cuts.from_bounds(np.array([0, *sorted(inner), size]))
    return Cuts(size, draw(st.integers(1, max(size, 1))))


@st.composite
def axis_maps(draw, axis, count):
    """Maps of every kind that the checker lets pass, for an axis of `count` blocks."""
    kind = draw(st.sampled_from(["shift", "shift", "rows", "window", "block", "table"]))
    if kind == "rows":
        return AxisMap(axis, num=draw(st.integers(1, 4)), den=draw(st.integers(1, 4)))
    if kind == "table":
        return AxisMap(axis, table=draw(tables(count)))
    start, upwards = draw(st.integers(-14, 30)), draw(st.sampled_from([1, 1, 1, 2, 3]))
    if kind == "shift":
        return AxisMap(axis, start, upwards * draw(st.sampled_from([1, -1])))
    return AxisMap(axis, start, upwards, draw(st.integers(1, 5)), by_block=kind == "block")


@st.composite
def tables(draw, count):
    """An interval for each block, of one element or more, neither end of which ever falls."""
    starts = sorted(draw(st.lists(st.integers(0, 12), min_size=count, max_size=count)))
    stops, flat = 0, []
    for start in starts:
        stops = max(stops, start + draw(st.integers(1, 4)))
        flat += [start, stops]
    return tuple(flat)


def tiles_by_hand(axis_map, block, tiles, number=0):
    if tiles.size == 0:
        return {0}
    lo, hi = axis_map.span(block, number)
    wanted = set(range(max(lo, 0), min(hi, tiles.size)))
    return {j for j in range(tiles.count) if wanted & set(range(*tiles.span(j)))}


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_a_relation_equals_the_element_by_element_definition_both_ways(data):
    blocks, tiles = data.draw(cuts()), data.draw(cuts())
    relation = Relation(data.draw(axis_maps(0, blocks.count)), blocks, tiles)
    needs = [tiles_by_hand(relation.map, blocks.span(i), tiles, i) for i in range(blocks.count)]
    assert [set(range(*relation.tiles(i))) for i in range(blocks.count)] == needs
    first, last = relation.intervals()
    assert [set(range(*pair)) for pair in zip(first, last, strict=True)] == needs
    for j in range(tiles.count):
        assert set(range(*relation.blocks(j))) == {i for i, need in enumerate(needs) if j in need}
    lengths = np.broadcast_to(relation.lengths(), blocks.count)
    assert lengths.tolist() == [len(need) for need in needs]


@st.composite
def plans(draw):
    """Two programs: one writes arrays with several tiles a task, one reads them in every way there is."""
    axes = tuple(draw(cuts(draw(st.integers(0, 9)))) for _ in range(draw(st.integers(1, 2))))
    arrays = {"x": spec("x", (4,), (2,))}
    writes = []
    for w in range(draw(st.integers(1, 2))):
        order = draw(st.permutations(range(len(axes))))
        by_block = tuple(draw(st.booleans()) for _ in order)
        made = []
        for a, by in zip(order, by_block, strict=True):
            if by:
                lengths = [draw(st.integers(1, 3)) for _ in range(axes[a].count)]
                made.append(Cuts.ragged(lengths))
            else:
                inner = {b for b in range(1, axes[a].size) if draw(st.integers(0, 2)) == 0}
                bounds = inner | {axes[a].span(i)[0] for i in range(axes[a].count)} | {0, axes[a].size}
                made.append(Cuts.from_bounds(np.array(sorted(bounds))) if axes[a].size else Cuts(0, 1))
        name = f"m{w}"
        arrays[name] = spec(name, Tiling(tuple(made)))
        writes.append(Write("r", name, tuple(order), by_block))
    maker = Program("make", "make", "", arrays, axes, len(axes), (), (), tuple(writes))
    stage_axes = tuple(draw(cuts()) for _ in range(draw(st.integers(0, 3))))
    grid_ndim = draw(st.integers(0, len(stage_axes)))
    reads = []
    for r in range(draw(st.integers(1, 2))):
        parts = []
        for _ in range(draw(st.integers(1, 2))):
            name = draw(st.sampled_from(sorted(arrays)))
            maps = []
            for size in arrays[name].tiling.shape:
                axis = draw(st.integers(-1, len(stage_axes) - 1))
                start = draw(st.integers(0, size))
                fixed = AxisMap(-1, start, size=draw(st.integers(0, size - start)))
                maps.append(fixed if axis < 0 else draw(axis_maps(axis, stage_axes[axis].count)))
            parts.append(Part(name, tuple(maps)))
        reads.append(Read(f"r{r}", tuple(parts), ()))
    reader = Program("read", "read", "", arrays, stage_axes, grid_ndim, tuple(reads), (), ())
    return Plan("key", (maker, reader), arrays, (), (Estimate(), Estimate()))


def needed_by_hand(m, task, tiles):
    """The tiles of an axis that a task needs; from the first to the last that any turn of a loop needs."""
    if m.axis < 0:
        return tiles_by_hand(m, (0, 0), tiles)
    if m.axis < task.program.grid_ndim:
        return tiles_by_hand(m, task.blocks[m.axis], tiles, task.index[m.axis])
    cuts = task.program.axes[m.axis]
    spans = [m.span(cuts.span(i), i) for i in range(cuts.count)]
    hull = min(lo for lo, _ in spans), max(hi for _, hi in spans)
    return tiles_by_hand(AxisMap(-1, hull[0], size=hull[1] - hull[0]), (0, 0), tiles)


def waits_by_hand(plan, number):
    """For each task the (read, part, array, tile) that it waits for, from the definition."""
    stage = plan.programs[number]
    out = []
    for n in range(stage.task_count):
        task, found = stage.task(n), []
        for r, read in enumerate(stage.reads):
            for k, part in enumerate(read.parts):
                if part.array not in plan.written:
                    continue
                per_axis = [
                    needed_by_hand(m, task, c)
                    for m, c in zip(part.maps, plan.arrays[part.array].tiling.axes, strict=True)
                ]
                found += [(r, k, part.array, tile) for tile in product(*per_axis)]
        out.append(found)
    return out


@given(plans())
@settings(max_examples=300, deadline=None)
def test_waits_consumers_and_producers_equal_brute_force(plan):
    deps = Dependencies(plan)
    by_hand = waits_by_hand(plan, 1)
    waits = deps.waits(1)
    assert [len(found) for found in by_hand] == ([0] * len(by_hand) if waits is None else waits.ravel().tolist())
    if waits is not None:
        assert waits.dtype.itemsize <= 2
        assert waits.max() > 0
    for name in plan.written:
        for tile in plan.arrays[name].tiling.indices():
            readers = [n for edge, box in deps.consumers(name, tile) for n in box_numbers(box, edge.grid)]
            wanted = [n for n, found in enumerate(by_hand) for (_, _, a, t) in found if (a, t) == (name, tile)]
            assert sorted(readers) == wanted


@given(plans())
@settings(max_examples=100, deadline=None)
def test_a_tasks_tiles_are_its_outputs_and_name_it_as_their_producer(plan):
    deps = Dependencies(plan)
    for n in range(plan.programs[0].task_count):
        task = plan.programs[0].task(n)
        tiles = [
            (w.array, index)
            for w in deps.writes[0]
            for index in product(*(range(*span) for span in w.tiles(task.index)))
        ]
        assert tiles == task.outputs()
        assert all(deps.producer(*tile) == n for tile in tiles)


def test_counting_down_every_made_tile_frees_every_task_exactly_once():
    plan = elementwise_and_tree((40, 30), fan=4)
    deps = Dependencies(plan)
    counters = {
        p: Counters(stage.grid, waits) for p, stage in enumerate(plan.programs) if (waits := deps.waits(p)) is not None
    }
    freed = []
    for stage in plan.programs:
        for n in range(stage.task_count):
            for array, tile in stage.task(n).outputs():
                for edge, box in deps.consumers(array, tile):
                    freed += [(edge.program, n) for n in counters[edge.program].down(box)]
    wanted = [(p, n) for p in counters for n in range(plan.programs[p].task_count)]
    assert sorted(freed) == wanted


def test_stages_that_wait_for_nothing_hold_no_counters():
    assert Dependencies(elementwise_and_tree((4, 4), fan=2)).waits(0) is None


def test_two_source_axes_on_one_stage_axis_are_read_by_the_intersection():
    arrays = {"m": spec("m", (6, 6), (2, 3)), "d": spec("d", (6,), (2,))}
    maker = program("make", arrays, (Cuts(6, 2), Cuts(6, 3)), writes=[Write("r", "m", (0, 1), (False, False))])
    diagonal = Read("r", (Part("m", (AxisMap(0), AxisMap(0))),), (0,))
    taker = program("diagonal", arrays, (Cuts(6, 2),), [diagonal], [Write("r", "d", (0,), (False,))])
    deps = Dependencies(Plan("k", (maker, taker), arrays, ("d",), (Estimate(), Estimate())))
    assert deps.waits(1).ravel().tolist() == [1, 2, 1]
    assert [[box for _, box in deps.consumers("m", (i, j))] for i, j in [(1, 0), (1, 1), (0, 1)]] == [
        [((1, 2),)],
        [((1, 2),)],
        [],
    ]


def test_a_loop_axis_counts_its_whole_range():
    arrays = {"a": spec("a", (4, 9), (2, 3)), "c": spec("c", (4,), (2,))}
    maker = program("make", arrays, (Cuts(4, 2), Cuts(9, 3)), writes=[Write("r", "a", (0, 1), (False, False))])
    read = Read("r", (Part("a", (AxisMap(0), AxisMap(1))),), (0, 1), loop=True)
    summed = program("sum", arrays, (Cuts(4, 2), Cuts(9, 3)), [read], [Write("r", "c", (0,), (False,))], 1)
    deps = Dependencies(Plan("k", (maker, summed), arrays, ("c",), (Estimate(), Estimate())))
    assert deps.waits(1).ravel().tolist() == [3, 3]
    assert deps.reads[1][0].tiles((1,)) == ((1, 2), (0, 3))


@pytest.mark.parametrize("most", [1, 254, 255, 65535])
def test_counters_never_overflow(most):
    arrays = {"v": spec("v", (most,), (1,)), "s": spec("s", (1,), (1,))}
    maker = program("make", arrays, (Cuts(most, 1),), writes=[Write("r", "v", (0,), (False,))])
    read = Read("r", (Part("v", (AxisMap(-1, size=most),)),), (0,))
    taker = program("all", arrays, (Cuts(1, 1),), [read], [Write("r", "s", (0,), (False,))])
    waits = Dependencies(Plan("k", (maker, taker), arrays, ("s",), (Estimate(), Estimate()))).waits(1)
    assert waits.ravel().tolist() == [most]
    assert np.iinfo(waits.dtype).max > most


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=3))
@example([(5, 0, 5)])
@settings(deadline=None)
def test_counting_down_a_box_equals_numpys_slice(axes):
    grid = [n for n, _, _ in axes]
    box = [(min(lo, n), min(max(lo, hi), n)) for n, lo, hi in axes]
    box = [(lo, max(lo, hi)) for lo, hi in box]
    counters = Counters(grid, np.full(math.prod(grid), 1, np.uint8))
    wanted = np.ones(grid, int)
    wanted[tuple(slice(*span) for span in box)] -= 1
    assert counters.down(box) == np.flatnonzero(wanted == 0).tolist()
    assert (counters.cells == wanted).all()
