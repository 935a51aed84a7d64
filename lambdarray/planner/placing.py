"""What is put together of whole tiles of other results is not copied: these are stored as its tiles from the start.

A factor is made column by column, and later columns read earlier ones. Each is an array of the plan by itself, which
all passes before this one know, and so do the checker and the scheduler; only where its tiles are is another's place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from ..task import ArraySpec, Estimate, Plan, Program, Step, Write
from ..tiling import AxisMap, Cuts, Index, Tiling, dtype_to_json
from .blocks import Resources
from .estimate import estimate

# A box of tiles, for each axis the first and the last + 1.
Box = tuple[tuple[int, int], ...]


def place(plan: Plan, resources: Resources) -> Plan:
    """The plan without copies of whole tiles into an output that no task reads."""
    if all(program.steps for program in plan.programs):
        return plan
    arrays, stages = dict(plan.arrays), list[tuple[Program, Estimate]]()
    taken = {*plan.kept, *(plan.arrays.keys() - plan.written)}
    may_be = frozenset(plan.outputs) - plan.read
    for program, cost in zip(plan.programs, plan.estimates, strict=True):
        found = _placed(plan, program) if not program.steps and program.writes[0].array in may_be else None
        if found is None or not taken.isdisjoint(found.at):
            stages.append((program, cost))
            continue
        taken |= found.at.keys()
        filled = [_fill(program, part, found) for part in found.empty(arrays)]
        stages += [(made, estimate(made, resources)) for made in filled]
        arrays |= {part.name: part for made in filled for part in made.arrays.values()}
        arrays |= {name: found.part(arrays[name], at) for name, at in found.at.items()}
    made = replace(plan, arrays=arrays, programs=tuple(p for p, _ in stages), estimates=tuple(e for _, e in stages))
    return made.moved({name: arrays[name].location for name in made.parts})


@dataclass(frozen=True, slots=True)
class _Placed:
    """An array, where in its grid its parts begin, and the constant that it has elsewhere, if there is such."""

    whole: ArraySpec
    at: dict[str, Index]
    covered: np.ndarray
    fill: Any

    def part(self, spec: ArraySpec, at: Index) -> ArraySpec:
        """A part, stored where it belongs."""
        return replace(spec, location={**self.whole.location, "whole": self.whole.name, "at": list(at)})

    def empty(self, arrays: dict[str, ArraySpec]) -> list[ArraySpec]:
        """Arrays of the tiles that no part has."""
        axes, made = self.whole.tiling.axes, []
        for n, box in enumerate(boxes(~self.covered)):
            tiling = Tiling(tuple(_between(cuts, lo, hi) for cuts, (lo, hi) in zip(axes, box, strict=True)))
            spec = replace(self.whole, name=f"f{len(arrays) + n}", tiling=tiling)
            made.append(self.part(spec, tuple(lo for lo, _ in box)))
        return made


def _placed(plan: Plan, program: Program) -> _Placed | None:
    """What a program puts together of whole tiles, if that is all it does."""
    if len(program.writes) > 1 or len(program.reads) > 1:
        return None
    write, read = program.writes[0], program.reads[0]
    whole = program.arrays[write.array]
    straight = tuple(range(len(whole.tiling.axes)))
    plain = read.layout == straight == write.axes and not any(write.by_block) and write.register == read.register
    if not plain or not _is_scratch(whole):
        return None
    covered, at = np.zeros(whole.tiling.grid, bool), dict[str, Index]()
    for part in read.parts:
        spec = plan.arrays[part.array]
        box = _box(spec.tiling, part.maps, whole.tiling)
        if box is None or part.array in at or not _is_scratch(spec) or spec.dtype != whole.dtype:
            return None
        place = tuple(slice(lo, hi) for lo, hi in box)
        if covered[place].any():
            return None
        covered[place] = True
        at[part.array] = tuple(lo for lo, _ in box)
    return _Placed(whole, at, covered, read.fill) if read.fill is not None or covered.all() else None


def _is_scratch(spec: ArraySpec) -> bool:
    """Whether an array lies in the run's own store by itself, and has elements."""
    return spec.nbytes > 0 and spec.location["kind"] == "tiles" and not {"store", "whole"} & spec.location.keys()


def _box(tiling: Tiling, maps: Sequence[AxisMap], whole: Tiling) -> Box | None:
    """The tiles of `whole` that the tiles of a part are, one each; None where they are not."""
    box: list[tuple[int, int]] = []
    if len(maps) != len(whole.axes):
        return None
    for d, (m, ours, theirs) in enumerate(zip(maps, tiling.axes, whole.axes, strict=True)):
        start = -m.start
        if m.axis != d or not m.is_elementwise or m.step != 1 or not 0 <= start <= start + ours.size <= theirs.size:
            return None
        first, last = theirs.tiles(start, start + ours.size)
        if _between(theirs, first, last) != ours or theirs.span(first)[0] != start:
            return None
        box.append((first, last))
    return tuple(box)


def _between(cuts: Cuts, first: int, last: int) -> Cuts:
    """The cuts of some neighbouring tiles alone."""
    if cuts.regular and last > first:
        size = cuts.span(last - 1)[1] - cuts.span(first)[0]
        return Cuts(size, min(cuts.chunk, size))
    return Cuts.ragged(cuts.chunks[first:last])


def boxes(mask: np.ndarray) -> Iterator[Box]:
    """Boxes, none of which meet, of all places where the mask is true.

    >>> list(boxes(np.triu(np.ones((3, 3), bool), 1)))
    [((0, 1), (1, 3)), ((1, 2), (2, 3))]
    """
    if mask.ndim == 0:
        if mask:
            yield ()
        return
    changes = (mask[1:] != mask[:-1]).any(axis=tuple(range(1, mask.ndim)))
    for rows, last in pairwise(sorted({0, *(np.flatnonzero(changes) + 1).tolist(), len(mask)})):
        for box in boxes(mask[rows]):
            yield ((rows, last), *box)


def _fill(program: Program, part: ArraySpec, found: _Placed) -> Program:
    """What a program would write where no part is."""
    ndim, dtype = len(part.tiling.axes), dtype_to_json(part.dtype)
    return replace(
        program,
        name=f"{program.name}-{part.name}",
        op="constant",
        arrays={part.name: part},
        axes=part.tiling.axes,
        reads=(),
        steps=(Step("fill", ("y0",), (), {"value": found.fill[2], "dtype": dtype}),),
        writes=(Write("y0", part.name, tuple(range(ndim)), (False,) * ndim),),
    )
