"""What waits for what, by tile: how many tiles a task waits for, who reads a tile, who makes it.

All of it derives from the programs' reads and writes. Nothing here grows with the number of tasks but one small
counter for each task that waits, made by outer products of vectors that are as long as one axis of the grid.

A task waits for a box of tiles of each source: on a grid axis the tiles that its block meets, on a loop axis all
that the loop meets. A pair of a read and a tile is one wait.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from ..task import Part, Plan, Program, Write
from ..tiling import AxisMap, Cuts, Index, Span, Tiling
from .relations import NONE, Relation, meeting_tiles

Box = tuple[Span, ...]


class Edge:
    """One part of a read whose source the plan itself writes: between a stage's tasks and the source's tiles.

    `follows` lists (grid axis, source axis, relation); `fixed` (source axis, interval of tiles) for the source's
    axes that are the same for all tasks. `same` says that task n reads tile n and nothing else.
    """

    __slots__ = ("array", "fixed", "follows", "grid", "numbering", "program", "read", "same", "tile_grid")

    def __init__(self, number: int, program: Program, read: int, part: Part, tiling: Tiling) -> None:
        self.program, self.read, self.array = number, read, part.array
        self.numbering, self.grid, self.tile_grid = program.numbering, program.grid, tiling.grid
        self.follows: list[tuple[int, int, Relation]] = []
        self.fixed: list[tuple[int, Span]] = []
        for d, (m, cuts) in enumerate(zip(part.maps, tiling.axes, strict=True)):
            if 0 <= m.axis < program.grid_ndim:
                self.follows.append((m.axis, d, Relation(m, program.axes[m.axis], cuts)))
            else:
                self.fixed.append((d, meeting_tiles(whole_span(m, program.axes), cuts)))
        self.same = _is_same(self)

    def tiles(self, index: Index) -> Box:
        """The box of tiles that the task at `index` reads."""
        return _tiles(self, index)

    def tasks(self, tile: Index) -> Box:
        """The box of tasks that read `tile`; an empty one where none does."""
        for d, (lo, hi) in self.fixed:
            if not lo <= tile[d] < hi:
                return (NONE,) * len(self.grid) or (NONE,)
        box = [(0, n) for n in self.grid]
        for a, d, relation in self.follows:
            lo, hi = relation.blocks(tile[d])
            low, high = box[a]
            lo, hi = (lo if lo > low else low), (hi if hi < high else high)
            box[a] = (lo, hi) if lo < hi else NONE
        return tuple(box)

    def waits(self) -> tuple[int, dict[int, Any]]:
        """How many tiles a task waits for: a constant times one factor for each grid axis that has one."""
        constant, factors = math.prod(hi - lo for _, (lo, hi) in self.fixed), dict[int, Any]()
        for a, _, relation in self.follows:
            lengths = relation.lengths()
            if isinstance(lengths, int):
                constant *= lengths
            else:
                factors[a] = factors[a] * lengths if a in factors else lengths
        return constant, factors


class Writer:
    """Between a stage's tasks and the tiles that one of its writes makes.

    `follows`, `fixed` and `same` are as those of an Edge, turned round: task n makes tile n alone.
    """

    __slots__ = ("array", "fixed", "follows", "grid", "numbering", "program", "same", "tile_grid")

    def __init__(self, number: int, program: Program, write: Write, tiling: Tiling) -> None:
        self.program, self.array = number, write.array
        self.numbering, self.grid, self.tile_grid = program.numbering, program.grid, tiling.grid
        self.follows: list[tuple[int, int, Relation]] = []
        self.fixed: list[tuple[int, Span]] = []
        for d, (axis, by_block, cuts) in enumerate(zip(write.axes, write.by_block, tiling.axes, strict=True)):
            if axis < 0:
                self.fixed.append((d, (0, 1)))
            else:
                self.follows.append((axis, d, write_relation(program.axes[axis], cuts, by_block)))
        self.same = _is_same(self)

    def tiles(self, index: Index) -> Box:
        """The box of tiles that the task at `index` makes."""
        return _tiles(self, index)

    def task(self, tile: Index) -> int:
        """The number of the task in its stage that makes `tile`."""
        index = [0] * len(self.grid)
        for a, d, relation in self.follows:
            index[a] = relation.blocks(tile[d])[0]
        return self.numbering.number(index)


def _tiles(link: Edge | Writer, index: Index) -> Box:
    box = [NONE] * len(link.tile_grid)
    for d, span in link.fixed:
        box[d] = span
    for a, d, relation in link.follows:
        box[d] = relation.tiles(index[a])
    return tuple(box)


def whole_span(m: AxisMap, axes: Sequence[Cuts]) -> Span:
    """The interval of source elements that all blocks of the axis that a map follows need together."""
    if m.axis < 0:
        return m.span((0, 0))
    if m.table:
        return m.table[0], m.table[-1]
    cuts = axes[m.axis]
    return m.span((0, cuts.size)) if not m.by_block else (m.start, m.start + m.step * (cuts.count - 1) + m.size)


def _is_same(link: Edge | Writer) -> bool:
    if link.grid != link.tile_grid or link.fixed or not link.numbering.in_cells:
        return False
    return all(a == d and relation.same for a, d, relation in link.follows)


def write_relation(blocks: Cuts, tiles: Cuts, by_block: bool) -> Relation:
    """Between an axis of a stage and the axis of an array that it writes."""
    return Relation(AxisMap(0), tiles if by_block else blocks, tiles)


class Dependencies:
    """The tile-level dependencies of a plan, forward and inverse.

    `offsets[p]` is the id of the first task of program p; `reads[p]` are its edges, `readers[array]` those from an
    array, `writes[p]` its writers, `writers[array]` those of an array.
    """

    def __init__(self, plan: Plan) -> None:
        programs = self.programs = plan.programs
        counts = [p.task_count for p in programs]
        self.offsets = [0, *accumulate(counts)]
        self.total = self.offsets[-1]
        self.writes: list[list[Writer]] = []
        self.writers: dict[str, list[Writer]] = {}
        for number, program in enumerate(programs):
            made = [Writer(number, program, w, plan.arrays[w.array].tiling) for w in program.writes]
            self.writes.append(made)
            for writer in made:
                self.writers.setdefault(writer.array, []).append(writer)
        self.readers: dict[str, list[Edge]] = {name: [] for name in self.writers}
        self.reads = [self._edges(plan, number, program) for number, program in enumerate(programs)]

    def _edges(self, plan: Plan, number: int, program: Program) -> list[Edge]:
        made = []
        for r, read in enumerate(program.reads):
            for part in read.parts:
                if part.array in self.readers:
                    edge = Edge(number, program, r, part, plan.arrays[part.array].tiling)
                    made.append(edge)
                    self.readers[part.array].append(edge)
        return made

    def program_of(self, task: int) -> int:
        """The program that a task id belongs to."""
        return bisect_right(self.offsets, task) - 1

    def waits(self, program: int) -> np.ndarray | None:
        """For every place in the grid how many (read, tile) pairs a task there waits for; None where that is 0 for all.

        The dtype is the smallest unsigned one that also holds the largest count plus two.
        """
        terms = [(constant, factors, _most(constant, factors)) for constant, factors in self._terms(program)]
        most = sum(largest for _, _, largest in terms)
        if most == 0:
            return None
        grid = self.programs[program].grid
        steady = sum(constant for constant, factors, _ in terms if not factors)
        out = np.full(grid, steady, np.min_scalar_type(most + 2))
        for constant, factors, largest in terms:
            if factors and largest:
                out += _outer(constant, factors, out)
        return out

    def _terms(self, program: int) -> list[tuple[int, dict[int, Any]]]:
        return [edge.waits() for edge in self.reads[program]]

    def consumers(self, array: str, tile: Index) -> list[tuple[Edge, Box]]:
        """The edges that read a tile, each with the box of its stage's tasks that do; empty boxes left out."""
        found = ((edge, edge.tasks(tile)) for edge in self.readers.get(array, ()))
        return [(edge, box) for edge, box in found if all(lo < hi for lo, hi in box)]

    def producer(self, array: str, tile: Index) -> int:
        """The id of the task that makes a tile of an array that the plan writes."""
        writers = self.writers[array]
        if len(writers) > 1:
            writers = [w for w in writers if self._makes(w, tile)]
        writer = writers[0]
        return self.offsets[writer.program] + writer.task(tile)

    def _makes(self, writer: Writer, tile: Index) -> bool:
        box = writer.tiles(writer.numbering.index(writer.task(tile)))
        return all(lo <= i < hi for i, (lo, hi) in zip(tile, box, strict=True))


def _most(constant: int, factors: dict[int, Any]) -> int:
    return constant * math.prod(int(v.max()) for v in factors.values())


def _outer(constant: int, factors: dict[int, Any], like: np.ndarray) -> np.ndarray:
    """The constant times the factors, each along its own axis, in the dtype of `like`."""
    out = np.full((1,) * like.ndim, constant, like.dtype)
    for a, lengths in factors.items():
        shape = [1] * like.ndim
        shape[a] = -1
        out = out * lengths.astype(like.dtype).reshape(shape)
    return out
