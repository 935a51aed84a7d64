"""The checker that runs on every plan: what a plan breaks here would be a wrong result or a hang later.

It holds, from the maps alone and for all tasks at once, that every tile is written exactly once and by an earlier
stage than those that read it, that reads stay inside their sources and fill their blocks, that registers exist and
fit, and that a task fits its worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import MemoryLimitError, PlanError
from ..task import ArraySpec, Estimate, Part, Plan, Program, Read, Write
from ..tiling import AxisMap, Cuts, Span
from .check_steps import check_steps

EMPTY: Span = (0, 0)


def check(plan: Plan, memory_bytes: int | None = None) -> None:
    """Raise PlanError where a plan breaks a rule of plans, MemoryLimitError where a task does not fit its worker.

    `memory_bytes` is what data may take in a worker; None: no limit. The message names the stage and the rule.
    """
    if len(plan.estimates) != len(plan.programs):
        raise PlanError(f"the plan has {len(plan.programs)} stages and {len(plan.estimates)} estimates")
    written = plan.written
    made: dict[str, Program] = {}
    for program, cost in zip(plan.programs, plan.estimates, strict=True):
        _check_axes(program)
        for read in program.reads:
            for part in read.parts:
                _check_source(plan, program, part, made, written)
            _check_read(plan, program, read)
        check_steps(program, plan.arrays)
        for write in program.writes:
            _check_write(plan, program, write, made)
        made.update((w.array, program) for w in program.writes)
        _check_memory(program, cost, memory_bytes)
    for name in (*plan.outputs, *plan.checks):
        if name not in plan.arrays:
            raise PlanError(f"the output {name!r} is no array of the plan")
        if name in made and made[name].triangle:
            raise PlanError(f"of the output {name!r} only a triangle is made, by stage {made[name].name}")
    _check_parts(plan)


def _check_parts(plan: Plan) -> None:
    """Every tile of an array that is stored in parts is one of them."""
    met: dict[str, np.ndarray] = {}
    for name, (whole, at) in plan.parts.items():
        grid = plan.arrays[whole].tiling.grid
        times = met.setdefault(whole, np.zeros(grid, np.uint8))
        times[tuple(slice(i, i + n) for i, n in zip(at, plan.arrays[name].tiling.grid, strict=True))] += 1
    for whole, times in met.items():
        if (times != 1).any():
            raise PlanError(f"of the tiles of {whole!r} {(times != 1).sum()} are not in one of its parts, and only one")


def _broken(program: Program, text: str) -> PlanError:
    return PlanError(f"stage {program.name} ({program.op}): {text}")


def _check_memory(program: Program, cost: Estimate, memory_bytes: int | None) -> None:
    if memory_bytes is not None and cost.peak_bytes > memory_bytes:
        need, have = cost.peak_bytes / 2**20, memory_bytes / 2**20
        raise MemoryLimitError(
            f"{program.op} needs {need:.0f} MiB a task and a worker has {have:.0f} MiB for data; use smaller chunks "
            f"or la.config(memory_mib=...) with {math.ceil(need - have)} MiB more (made at {program.where})"
        )


def _check_axes(program: Program) -> None:
    if not 0 <= program.grid_ndim <= len(program.axes):
        raise _broken(program, f"{program.grid_ndim} grid axes of {len(program.axes)} axes")
    if program.triangle and not (program.grid_ndim == 2 and program.grid[1] <= program.grid[0]):
        raise _broken(program, f"a triangle of tasks in a grid of {program.grid}")
    for axis, cuts in enumerate(program.axes):
        if _has_empty_block(cuts):
            raise _broken(program, f"its axis {axis} of {cuts.size} elements has a block of length 0")


def _has_empty_block(cuts: Cuts) -> bool:
    return cuts.bounds is not None and cuts.size > 0 and not np.diff(cuts.bounds).all()


# -- reads


def _check_source(plan: Plan, program: Program, part: Part, made: dict[str, Program], written: frozenset[str]) -> None:
    name = part.array
    if name not in plan.arrays or name not in program.arrays:
        raise _broken(program, f"it reads {name!r}, which is not among its arrays or the plan's")
    if name in written and name not in made:
        raise _broken(program, f"it reads {name!r}, which no earlier stage writes")
    if name in made and made[name].triangle and not _is_below(program, part, made[name]):
        raise _broken(program, f"it reads what stage {made[name].name} does not make, above the diagonal of {name!r}")


def _is_below(program: Program, part: Part, maker: Program) -> bool:
    """Whether tasks read only what lies in blocks on and below the diagonal of the grid that makes it."""
    rows, columns = part.maps
    if not all(m.axis < 0 or (m.is_elementwise and m.step == 1) for m in part.maps):
        return False
    if program.triangle and (rows.axis, columns.axis) == (0, 1):
        # Of the tasks of a column the one on the diagonal reads the highest rows.
        on = np.arange(program.grid[1])
        first, last = rows.start + program.axes[0].start(on), columns.start + program.axes[1].stop(on)
    else:
        size = program.axes[columns.axis].size if columns.axis >= 0 else 1
        first, last = np.array(rows.start), np.array(columns.span((0, size))[1])
    blocks = maker.axes[0].find(np.maximum(first, 0)), maker.axes[1].find(np.minimum(last, maker.axes[1].size) - 1)
    return bool((blocks[0] >= blocks[1]).all())


def _check_read(plan: Plan, program: Program, read: Read) -> None:
    if not read.parts:
        raise _broken(program, f"the read of {read.register!r} has no parts")
    first = plan.arrays[read.parts[0].array]
    boxes = []
    for part in read.parts:
        spec = plan.arrays[part.array]
        if spec.dtype != first.dtype:
            raise _broken(program, f"the parts of {read.register!r} are of {first.dtype} and {spec.dtype}")
        _check_maps(program, part, spec)
        _check_layout(program, read, part)
        boxes.append(_covered_box(program, part, spec))
    if read.fill is not None:
        return
    if len(boxes) == 1:
        _check_inside(program, read.parts[0], first, boxes[0])
    elif boxes[0] != [(0, c.size) for c in program.axes]:
        _check_union(program, read, boxes)


def _check_maps(program: Program, part: Part, spec: ArraySpec) -> None:
    if len(part.maps) != len(spec.tiling.axes):
        raise _broken(program, f"it reads {part.array!r} of {len(spec.tiling.axes)} axes by {len(part.maps)} maps")
    for m in part.maps:
        if m.axis >= len(program.axes) or m.step == 0 or m.num < 1 or m.den < 1:
            raise _broken(program, f"it reads {part.array!r} by {m}, which is no map of its {len(program.axes)} axes")


def _check_layout(program: Program, read: Read, part: Part) -> None:
    kept = [d for d in read.layout if d >= 0]
    if len(set(kept)) != len(kept) or any(d >= len(part.maps) for d in kept):
        raise _broken(program, f"the layout {read.layout} of {read.register!r} is none of {len(part.maps)} axes")
    followed = {part.maps[d].axis for d in kept}
    for d, m in enumerate(part.maps):
        if d not in kept and m.axis >= 0 and m.axis not in followed and program.axes[m.axis].size > 1:
            raise _broken(program, f"the layout {read.layout} of {read.register!r} drops axis {d}, which has blocks")


def _covered_box(program: Program, part: Part, spec: ArraySpec) -> list[Span] | None:
    """The elements of the stage's axes for which a part has values; None where it has none at all."""
    box = [(0, c.size) for c in program.axes]
    for m, cuts in zip(part.maps, spec.tiling.axes, strict=True):
        if m.axis < 0:
            if m.size and (m.start >= cuts.size or m.start + m.size <= 0):
                return None
        else:
            lo, hi = _covered(m, program.axes[m.axis], cuts.size)
            low, high = box[m.axis]
            box[m.axis] = (max(lo, low), min(hi, high))
    return box if all(lo < hi for lo, hi in box) else None


def _covered(m: AxisMap, axis: Cuts, source: int) -> Span:
    """The elements e of an axis of the stage that map into the source; all or none where it goes by blocks."""
    stage = axis.size
    if m.table:
        table = np.asarray(m.table, np.int64).reshape(-1, 2)
        rising = bool((np.diff(table, axis=0) >= 0).all()) and bool((table[:, 0] < table[:, 1]).all())
        return (
            (0, stage) if rising and len(table) == axis.count and m.table[0] >= 0 and m.table[-1] <= source else EMPTY
        )
    if m.by_block:
        last = m.start + m.step * (axis.count - 1) + m.size
        return (0, stage) if m.start >= 0 and m.step > 0 and last <= source else EMPTY
    if m.size > 1 and m.num == m.den:  # a window is cut short at the source's ends
        return (0, stage) if m.step > 0 else EMPTY
    if m.num != m.den:
        inside = stage == 0 or -(-stage * m.num // m.den) <= source
        return (0, stage) if inside else EMPTY
    if stage == 0:
        return EMPTY
    start, step = (m.start, m.step) if m.step > 0 else (source - 1 - m.start, -m.step)
    lo, hi = max(0, -(start // step)), min(stage, -((start - source) // step))
    return (lo, hi) if lo < hi else EMPTY


def _check_inside(program: Program, part: Part, spec: ArraySpec, box: list[Span] | None) -> None:
    """A read of one part has a value for every element."""
    if math.prod(c.size for c in program.axes) == 0:
        return
    for d, (m, cuts) in enumerate(zip(part.maps, spec.tiling.axes, strict=True)):
        if m.axis < 0:
            inside, wants = m.start >= 0 and m.start + m.size <= cuts.size, (m.start, m.start + m.size)
        else:
            axis = program.axes[m.axis]
            inside, wants = _covered(m, axis, cuts.size) == (0, axis.size), m.span((0, axis.size))
        if not inside:
            raise _broken(
                program,
                f"it reads elements {wants[0]} to {wants[1]} of axis {d} of {part.array!r}, which has {cuts.size}",
            )
    if box is None:
        raise _broken(program, f"its read of {part.array!r} is empty")


def _check_union(program: Program, read: Read, boxes: Sequence[list[Span] | None]) -> None:
    """Several parts together have one value for every element."""
    sizes = [c.size for c in program.axes]
    found = [box for box in boxes if box is not None]
    if math.prod(sizes) == 0:
        return
    volume = sum(math.prod(hi - lo for lo, hi in box) for box in found)
    varying = [a for a, n in enumerate(sizes) if any(box[a] != (0, n) for box in found)]
    apart = True
    if len(varying) == 1:
        spans = sorted(box[varying[0]] for box in found)
        apart = all(hi <= lo for (_, hi), (lo, _) in pairwise(spans))
    if volume != math.prod(sizes) or not apart:
        raise _broken(
            program,
            f"the {len(read.parts)} parts of {read.register!r} give {volume} values for {math.prod(sizes)} elements"
            + ("" if apart else ", some of them twice"),
        )


# -- writes


def _check_write(plan: Plan, program: Program, write: Write, made: dict[str, Program]) -> None:
    name = write.array
    if name not in plan.arrays or name not in program.arrays:
        raise _broken(program, f"it writes {name!r}, which is not among its arrays or the plan's")
    if name in made or [w.array for w in program.writes].count(name) > 1:
        other = made.get(name, program).name
        raise _broken(program, f"it writes {name!r}, which {other} writes as well; a tile is written once")
    axes = plan.arrays[name].tiling.axes
    if not len(write.axes) == len(write.by_block) == len(axes):
        raise _broken(program, f"it writes {name!r} of {len(axes)} axes by {len(write.axes)}")
    _check_followed(program, write)
    if program.triangle and (write.axes != (0, 1) or any(write.by_block)):
        raise _broken(program, f"a triangle of tasks writes {name!r} by axes {write.axes}")
    for d, (axis, by_block, cuts) in enumerate(zip(write.axes, write.by_block, axes, strict=True)):
        if _has_empty_block(cuts):
            raise _broken(program, f"axis {d} of {name!r} has a tile of length 0")
        wrong = _wrong_cuts(program, axis, by_block, cuts)
        if wrong:
            raise _broken(program, f"its tasks do not write each tile along axis {d} of {name!r} once: {wrong}")


def _check_followed(program: Program, write: Write) -> None:
    followed = [a for a in write.axes if a >= 0]
    if any(a >= program.grid_ndim for a in followed) or len(set(followed)) != len(followed):
        raise _broken(program, f"it writes {write.array!r} by axes {write.axes}, which must be different grid axes")
    for axis, count in enumerate(program.grid):
        if count > 1 and axis not in followed:
            raise _broken(program, f"the {count} tasks along its axis {axis} write the same tiles of {write.array!r}")


def _wrong_cuts(program: Program, axis: int, by_block: bool, cuts: Cuts) -> str:
    """Why the blocks of a stage's axis are not made of whole tiles; nothing where they are."""
    if axis < 0:
        return "" if cuts.size == 1 else f"it has {cuts.size} elements and follows no axis"
    blocks = program.axes[axis]
    if by_block:
        return "" if cuts.count == blocks.count else f"{cuts} for {blocks.count} blocks"
    if cuts.size != blocks.size:
        return f"{cuts} for an axis of {blocks.size}"
    return "" if cuts is blocks or _made_of(blocks, cuts) else f"blocks {blocks} of tiles {cuts}"


def _made_of(blocks: Cuts, tiles: Cuts) -> bool:
    """Whether every boundary of a block is one of a tile."""
    if blocks.count == 1:
        return True
    if blocks.bounds is None and tiles.bounds is None:
        return blocks.chunk % tiles.chunk == 0
    inner: Any = blocks.start(np.arange(1, blocks.count))
    return bool((tiles.start(tiles.find(inner)) == inner).all())
