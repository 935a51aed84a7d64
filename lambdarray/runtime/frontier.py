"""How far a plan has come: which tasks are free to start, and which tiles nobody will read again."""

from __future__ import annotations

import numpy as np

from ..numbering import Numbering
from ..task import Plan
from ..tiling import Index
from .counters import Counters, box_numbers
from .decisions import Release
from .dependencies import Dependencies, Edge, Writer

DONE = 1


class Reader:
    """An edge with the counters of the stage that reads over it."""

    __slots__ = ("edge", "numbering", "offset", "program", "same", "waits")

    def __init__(self, edge: Edge, offset: int, waits: Counters) -> None:
        self.edge, self.offset, self.waits = edge, offset, waits
        self.program, self.same, self.numbering = edge.program, edge.same, edge.numbering


class Made:
    """An array that the plan writes: its readers, and how many reads each of its tiles still has to serve.

    `unread` is None for an output of the plan, whose tiles are kept. A tile's count is set when it is made, or
    before the run where tasks are skipped (`counted`).
    """

    __slots__ = ("array", "counted", "readers", "tiles", "unread")

    def __init__(self, array: str, grid: tuple[int, ...], readers: list[Reader], unread: Counters | None) -> None:
        self.array, self.tiles, self.readers, self.unread = array, Numbering(grid), readers, unread
        self.counted = False


class Frontier:
    """Whether each task is done, one byte each, and the counters of what is between them.

    `finish` is the hot path of a run: it is written for speed, with one case for a tile that is made and read
    one to one and one for boxes.
    """

    def __init__(self, plan: Plan, deps: Dependencies) -> None:
        self.deps = deps
        self.state = bytearray(deps.total)
        self.waits = [self._counters(p) for p in range(len(plan.programs))]
        kept = plan.kept
        self.made = {name: self._make(name, writers[0], name not in kept) for name, writers in deps.writers.items()}
        self._writes = [[(w, self.made[w.array]) for w in writers] for writers in deps.writes]
        self._reads = [
            [(e, self.made[e.array]) for e in edges if self.made[e.array].unread is not None] for edges in deps.reads
        ]

    def _counters(self, program: int) -> Counters | None:
        values, numbering = self.deps.waits(program), self.deps.programs[program].numbering
        if values is None:
            return None
        if not numbering.in_cells:
            # Where no task is: so that counting down never frees one.
            values += numbering.spread(np.zeros(numbering.count, bool), empty=True)
        return Counters(numbering.grid, values)

    def _make(self, name: str, writer: Writer, released: bool) -> Made:
        deps, readers = self.deps, []
        for edge in deps.readers[name]:
            waits = self.waits[edge.program]
            if waits is not None:
                readers.append(Reader(edge, deps.offsets[edge.program], waits))
        grid = writer.tile_grid
        unread = None
        if released:
            most = sum(1 if r.same else deps.programs[r.program].task_count for r in readers)
            unread = Counters(grid, np.zeros(grid, np.min_scalar_type(most)))
        return Made(name, grid, readers, unread)

    def roots(self, program: int) -> range | np.ndarray:
        """The numbers of a stage's tasks that wait for nothing and are not done."""
        waits, count = self.waits[program], self.deps.programs[program].task_count
        first = self.deps.offsets[program]
        if waits is None and not self.state.count(DONE, first, first + count):
            return range(count)
        state = np.frombuffer(self.state, np.uint8)[first : first + count]
        free = state != DONE
        if waits is not None:
            free &= self.deps.programs[program].numbering.gathered(waits.cells) == 0
        return np.flatnonzero(free)

    def finish(self, program: int, task: int) -> tuple[list[tuple[int, int]], list[Release]]:
        """Mark a task done: the (program, task) pairs that may start now, and the tiles to let go of."""
        self.state[task] = DONE
        number = task - self.deps.offsets[program]
        freed: list[tuple[int, int]] = []
        gone: list[Release] = []
        index: Index | None = None
        for writer, made in self._writes[program]:
            if writer.same:
                index = self._tile_made(made, number, index, freed, gone)
            else:
                index = index or writer.numbering.index(number)
                for tile in box_numbers(writer.tiles(index), made.tiles.grid):
                    self._tile_made(made, tile, None, freed, gone)
        for edge, made in self._reads[program]:
            unread = made.unread
            if edge.same:
                flat = unread.flat  # type: ignore[union-attr]
                left = flat[number] - 1
                flat[number] = left
                if not left:
                    gone.append(Release(made.array, made.tiles.index(number)))
            else:
                index = index or edge.numbering.index(number)
                for tile in unread.down(edge.tiles(index)):  # type: ignore[union-attr]
                    gone.append(Release(made.array, made.tiles.index(tile)))
        return freed, gone

    def _tile_made(
        self,
        made: Made,
        tile: int,
        index: Index | None,
        freed: list[tuple[int, int]],
        gone: list[Release],
    ) -> Index | None:
        """Count a tile as made; its index, where that had to be known."""
        reads = 0
        for reader in made.readers:
            if reader.same:
                reads += 1
                flat = reader.waits.flat
                left = flat[tile] - 1
                flat[tile] = left
                if not left:
                    freed.append((reader.program, reader.offset + tile))
            else:
                if index is None:
                    index = made.tiles.index(tile)
                box = reader.edge.tasks(index)
                reads += reader.numbering.volume(box)
                for cell in reader.waits.down(box):
                    freed.append((reader.program, reader.offset + reader.numbering.of_cell(cell)))
        if made.unread is not None:
            if made.counted:
                reads = made.unread.flat[tile]
            if reads:
                made.unread.flat[tile] = reads
            else:
                gone.append(Release(made.array, made.tiles.index(tile)))
        return index

    def tiles_let_go(self, program: int, task: int) -> list[Release]:
        """Those of a done task's tiles that have been released: a late attempt may have made them again."""
        number, found = task - self.deps.offsets[program], []
        for writer, made in self._writes[program]:
            if made.unread is None:
                continue
            for tile in box_numbers(writer.tiles(writer.numbering.index(number)), made.tiles.grid):
                if not made.unread.flat[tile]:
                    found.append(Release(made.array, made.tiles.index(tile)))
        return found
