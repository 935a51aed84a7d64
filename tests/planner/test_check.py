from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.errors import MemoryLimitError, PlanError
from lambdarray.planner.check import check
from lambdarray.task import ArraySpec, Estimate, Part, Plan, Program, Read, Step, Write
from lambdarray.tiling import AxisMap, Cuts, Tiling

F8 = np.dtype("f8")
ADD = {"code": [["add", [0, 0], ["<f8", "<f8"], ["<f8"]]], "outputs": [[1, None]]}


def spec(name, shape, chunk, dtype=F8):
    tiling = chunk if isinstance(chunk, Tiling) else Tiling.regular(shape, chunk)
    return ArraySpec(name, tiling, np.dtype(dtype), {"kind": "tiles", "prefix": name})


def elementwise(**changes):
    """y = x + x on 6 x 4 in tiles of 3 x 2, with some of its fields changed."""
    arrays = {"x": spec("x", (6, 4), (3, 2)), "y": spec("y", (6, 4), (3, 2))}
    fields = {
        "name": "map-0",
        "op": "add",
        "where": "user.py:7",
        "arrays": arrays,
        "axes": (Cuts(6, 3), Cuts(4, 2)),
        "grid_ndim": 2,
        "reads": (Read("r", (Part("x", (AxisMap(0), AxisMap(1))),), (0, 1)),),
        "steps": (Step("map", ("s",), ("r",), ADD),),
        "writes": (Write("s", "y", (0, 1), (False, False)),),
    }
    return Program(**{**fields, **changes})


def plan_of(*programs, outputs=("y",), peak_bytes=0):
    arrays = {n: a for p in programs for n, a in p.arrays.items()}
    return Plan("k", programs, arrays, outputs, (Estimate(peak_bytes=peak_bytes),) * len(programs))


def test_a_good_plan_passes():
    check(plan_of(elementwise()), 1 << 30)


def arrays_with(**specs):
    return {"x": spec("x", (6, 4), (3, 2)), "y": spec("y", (6, 4), (3, 2)), **specs}


def read(*maps, layout=(0, 1), **fields):
    return {"reads": (Read("r", (Part("x", maps),), layout, **fields),)}


def write(*axes, by_block=(False, False), register="s"):
    return {"writes": (Write(register, "y", axes, by_block),)}


RULES = {
    "reads 'z', which is not among": {"reads": (Read("r", (Part("z", (AxisMap(0), AxisMap(1))),), (0, 1)),)},
    "reads 'y', which no earlier stage writes": {"reads": (Read("r", (Part("y", (AxisMap(0), AxisMap(1))),), (0, 1)),)},
    "of 2 axes by 1 maps": read(AxisMap(0)),
    "no map of its 2 axes": read(AxisMap(0), AxisMap(2)),
    "reads elements 1 to 7 of axis 0 of 'x', which has 6": read(AxisMap(0, 1), AxisMap(1)),
    "reads elements -1 to 3 of axis 1": read(AxisMap(0), AxisMap(1, -1)),
    "reads elements 0 to 7 of axis 1": read(AxisMap(0), AxisMap(1, 0, 2)),
    "reads elements 1 to 5 of axis 1 of 'x', which has 4": read(AxisMap(0), AxisMap(1, 4, -1)),
    "reads elements 4 to 5 of axis 1": read(AxisMap(0), AxisMap(-1, 4)),
    "the layout \\(0, 0\\)": read(AxisMap(0), AxisMap(1), layout=(0, 0)),
    "drops axis 1, which has blocks": read(AxisMap(0), AxisMap(1), layout=(0,)),
    "dimension 0 of 'r' follows axis 1": read(AxisMap(0), AxisMap(1), layout=(1, 0)),
    "takes the register 'q', which no read": {"steps": (Step("map", ("s",), ("q",), ADD),)},
    "takes the register 'r', which is read for each iteration only": read(AxisMap(0), AxisMap(1), loop=True),
    "writes the register 'q'": write(0, 1, register="q"),
    "stands after the end of the loop": {
        "steps": (
            Step("gemm", ("c",), ("r", "r"), loop=True),
            Step("map", ("s",), ("r",), ADD),
            Step("gemm", ("d",), ("r", "r"), loop=True),
        )
    },
    "takes value 3 before it is made": {
        "steps": (Step("map", ("s",), ("r",), {**ADD, "code": [["add", [0, 3], ["<f8", "<f8"], ["<f8"]]]}),)
    },
    "gives out a value that it does not make": {
        "steps": (Step("map", ("s",), ("r",), {**ADD, "outputs": [[2, None]]}),)
    },
    "'s' of float64 to 'y' of int32": {"arrays": arrays_with(y=spec("y", (6, 4), (3, 2), "i4"))},
    "the 2 tasks along its axis 1 write the same tiles": {
        **write(0, -1),
        "arrays": arrays_with(y=spec("y", (6, 1), (3, 1))),
    },
    "must be different grid axes": write(0, 0),
    "follows no axis": {**write(-1, 1), "axes": (Cuts(6, 6), Cuts(4, 2))},
    "Cuts\\(4, 1\\) for 2 blocks": {
        **write(0, 1, by_block=(False, True)),
        "arrays": arrays_with(y=spec("y", (6, 4), (3, 1))),
    },
    "for an axis of 6": {"arrays": arrays_with(y=spec("y", (5, 4), (3, 2)))},
    "blocks Cuts\\(6, 3\\) of tiles Cuts\\(6, 2\\)": {"arrays": arrays_with(y=spec("y", (6, 4), (2, 2)))},
    "of 3 axes by 2": {"arrays": arrays_with(y=spec("y", (6, 4, 1), (3, 2, 1)))},
    "3 grid axes of 2": {"grid_ndim": 3},
    "has a block of length 0": {"axes": (Cuts(6, 0, np.array([0, 3, 3, 6])), Cuts(4, 2))},
    "has a tile of length 0": {
        "arrays": arrays_with(y=spec("y", (), Tiling((Cuts(6, 0, np.array([0, 3, 3, 6])), Cuts(4, 2)))))
    },
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_is_named_with_its_stage(rule):
    with pytest.raises(PlanError, match=f"stage map-0 \\(add\\): .*{rule}"):
        check(plan_of(elementwise(**RULES[rule])))


def test_two_stages_may_not_write_one_array():
    with pytest.raises(PlanError, match="writes 'y', which map-0 writes as well"):
        check(plan_of(elementwise(), elementwise(name="map-1")))


def test_a_task_that_does_not_fit_says_by_how_much_and_what_to_do():
    plan = plan_of(elementwise(), peak_bytes=96 << 20)
    check(plan, 96 << 20)
    with pytest.raises(MemoryLimitError, match=r"96 MiB .* has 64 MiB .* 32 MiB more \(made at user.py:7\)"):
        check(plan, 64 << 20)


def test_an_output_must_be_an_array_of_the_plan():
    with pytest.raises(PlanError, match="the output 'z'"):
        check(plan_of(elementwise(), outputs=("z",)))


def joined(*parts, size):
    """Parts of one axis joined to `size` elements: (start, step, source size) each."""
    arrays = {f"x{n}": spec(f"x{n}", (source,), (2,)) for n, (_, _, source) in enumerate(parts)}
    arrays["y"] = spec("y", (size,), (3,))
    read = Read("r", tuple(Part(f"x{n}", (AxisMap(0, a, s),)) for n, (a, s, _) in enumerate(parts)), (0,))
    return plan_of(
        elementwise(
            arrays=arrays, axes=(Cuts(size, 3),), grid_ndim=1, reads=(read,), writes=(Write("s", "y", (0,), (False,)),)
        )
    )


@given(st.lists(st.integers(0, 5), min_size=2, max_size=4), st.booleans())
def test_the_parts_of_a_concatenation_cover_it(sizes, backwards):
    total, offset, parts = sum(sizes), 0, []
    for n in sizes:
        parts.append((total - 1 - offset, -1, n) if backwards else (-offset, 1, n))
        offset += n
    check(joined(*parts, size=total))


@pytest.mark.parametrize(
    ("parts", "size", "message"),
    [
        ([(0, 1, 3), (-4, 1, 3)], 7, "give 6 values for 7 elements"),
        ([(0, 1, 4), (-3, 1, 3)], 6, "give 7 values for 6 elements, some of them twice"),
        ([(0, 1, 4), (-3, 1, 3)], 7, "give 7 values for 7 elements"),
    ],
)
def test_parts_that_leave_gaps_or_overlap_are_refused(parts, size, message):
    with pytest.raises(PlanError, match=message):
        check(joined(*parts, size=size))


@pytest.mark.parametrize("over", [[], [(-2, 1, 3)], [(0, 1, 6)], [(-1, 1, 2), (-2, 1, 9)], [(-9, 1, 2)]])
def test_parts_may_lie_over_one_that_has_all(over):
    check(joined((0, 1, 6), *over, size=6))


def test_parts_may_lie_over_a_constant():
    plan = joined((-2, 1, 3), (0, 1, 1), size=9)
    with pytest.raises(PlanError, match="give 4 values for 9 elements"):
        check(plan)
    (program,) = plan.programs
    filled = replace(program.reads[0], fill=["c", "<f8", np.float64(7).tobytes().hex()])
    check(plan_of(replace(program, reads=(filled,))))
    assert Read.from_json(filled.to_json()) == filled


def test_parts_of_two_dtypes_are_refused():
    plan = joined((0, 1, 3), (-3, 1, 3), size=6)
    arrays = {**plan.arrays, "x1": spec("x1", (3,), (2,), "f4")}
    with pytest.raises(PlanError, match="the parts of 'r' are of float64 and float32"):
        check(replace(plan, arrays=arrays))


@given(st.integers(1, 30), st.integers(1, 30), st.sets(st.integers(1, 29)))
def test_blocks_made_of_whole_tiles_are_those_that_pass(size, chunk, inner):
    blocks, tiles = (
        Cuts(size, min(chunk, size)),
        Cuts.from_bounds(np.array(sorted({0, size} | {b for b in inner if b < size}))),
    )
    arrays = {"x": spec("x", (size,), (4,)), "y": spec("y", (), Tiling((tiles,)))}
    plan = plan_of(
        elementwise(
            arrays=arrays,
            axes=(blocks,),
            grid_ndim=1,
            reads=(Read("r", (Part("x", (AxisMap(0),)),), (0,)),),
            writes=(Write("s", "y", (0,), (False,)),),
        )
    )
    whole = {tiles.span(j)[0] for j in range(tiles.count)} >= {blocks.span(i)[0] for i in range(blocks.count)}
    if whole:
        check(plan)
    else:
        with pytest.raises(PlanError, match="do not write each tile"):
            check(plan)


@given(st.integers(0, 12), st.integers(-3, 15), st.sampled_from([1, 2, 3, -1, -2, -3]), st.integers(0, 12))
def test_a_read_of_one_part_passes_where_every_element_is_in_the_source(size, start, step, source):
    arrays = {"x": spec("x", (source,), (2,)), "y": spec("y", (size,), (3,))}
    plan = plan_of(
        elementwise(
            arrays=arrays,
            axes=(Cuts(size, 3),),
            grid_ndim=1,
            reads=(Read("r", (Part("x", (AxisMap(0, start, step),)),), (0,)),),
            writes=(Write("s", "y", (0,), (False,)),),
        )
    )
    if all(0 <= start + step * e < source for e in range(size)):
        check(plan)
    else:
        with pytest.raises(PlanError, match="reads elements"):
            check(plan)


# -- triangles


def lower(rows=4, columns=4, name="m", chunk=1):
    """A stage that makes what lies on and below the diagonal."""
    arrays = {name: spec(name, (rows, columns), (1, 1))}
    step = Step("fill", ("s",), (), {"value": 0.0, "dtype": "<f8"})
    made = (Write("s", name, (0, 1), (False, False)),)
    axes = (Cuts(rows, chunk), Cuts(columns, chunk))
    return Program("lower-0", "lower", "user.py:3", arrays, axes, 2, (), (step,), made, triangle=True)


def reading(rows, columns, shape, triangle=False):
    """A stage of tasks of single elements that reads `m` by these maps."""
    name = "u" if triangle else "y"
    arrays = {"m": spec("m", (4, 4), (1, 1)), name: spec(name, shape, (1, 1))}
    reads = (Read("r", (Part("m", (rows, columns)),), (0, 1)),)
    axes = tuple(Cuts(n, 1) for n in shape)
    made = (Write("s", name, (0, 1), (False, False)),)
    return Program("read-1", "read", "user.py:4", arrays, axes, 2, reads, (Step("map", ("s",), ("r",), ADD),), made,
                   triangle=triangle)  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "columns", "shape", "triangle", "good"),
    [
        (AxisMap(0, 1), AxisMap(1, 1), (3, 3), True, True),
        (AxisMap(0, 2), AxisMap(1, 1), (2, 2), True, True),
        (AxisMap(0), AxisMap(1, 1), (3, 3), True, False),
        (AxisMap(0, 2), AxisMap(1), (2, 3), False, True),
        (AxisMap(0, 1), AxisMap(1), (3, 3), False, False),
        (AxisMap(0), AxisMap(1), (4, 1), False, True),
        (AxisMap(1, 3), AxisMap(0), (4, 1), False, False),
        (AxisMap(0, 3, -1), AxisMap(1), (4, 1), False, False),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2])
def test_nothing_is_read_that_a_triangle_does_not_make(rows, columns, shape, triangle, good, chunk):
    reader = reading(rows, columns, shape, triangle)
    plan = plan_of(lower(chunk=chunk), reader, outputs=() if triangle else ("y",))
    made = {index for n in range(lower(chunk=chunk).task_count) for _, index in lower(chunk=chunk).task(n).outputs()}
    boxes = [reader.task(n).blocks for n in range(reader.task_count)]
    maps = reader.reads[0].parts[0].maps
    read_all = {tuple(m.span(box[m.axis])[0] for m in maps) for box in boxes}
    assert good <= (read_all <= made)
    if good:
        check(plan)
    elif not read_all <= made:
        with pytest.raises(PlanError, match="above the diagonal of 'm'"):
            check(plan)


def test_a_triangle_is_no_output_and_has_two_axes_of_which_columns_are_no_more():
    with pytest.raises(PlanError, match="only a triangle is made"):
        check(plan_of(lower(), outputs=("m",)))
    with pytest.raises(PlanError, match="a triangle of tasks in a grid of"):
        check(plan_of(lower(3, 4), outputs=()))
    turned = replace(lower(), writes=(Write("s", "m", (1, 0), (False, False)),))
    with pytest.raises(PlanError, match="a triangle of tasks writes 'm' by axes"):
        check(plan_of(turned, outputs=()))
