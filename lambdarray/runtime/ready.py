"""The tasks that may start, in the order in which they should."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..task import Plan, Program
from .dependencies import Dependencies, Edge

SHIFT = 48
TASK = (1 << SHIFT) - 1
# Of more tasks the order is not kept.
MOST_ORDERED = 1 << 18


class Roots:
    """The tasks of one stage that wait for nothing, drawn one after the other and never listed."""

    __slots__ = ("drawn", "ids", "offset", "program")

    def __init__(self, program: int, offset: int, ids: Any) -> None:
        self.program, self.offset, self.ids, self.drawn = program, offset, ids, 0

    def draw(self, count: int) -> list[int]:
        """The ids of the next tasks, at most `count`."""
        offset, chosen = self.offset, self.ids[self.drawn : self.drawn + count]
        self.drawn += len(chosen)
        numbers = chosen if isinstance(chosen, range) else chosen.tolist()
        return [offset + n for n in numbers]


class ReadyQueue:
    """Ready tasks: first those that were freed by a finished tile, then the roots; or, `by_rank`, all alike.

    Within both, the stage with the longest path still ahead of it goes first, then the lowest number. `seconds` are
    those that all of them are thought to take, as `stage_s` says for a task of each stage.
    """

    __slots__ = ("_by_rank", "_heap", "_order", "_ranks", "_roots", "_roots_left", "_stage_s", "seconds")

    def __init__(self, ranks: Sequence[int], stage_s: Sequence[float] = (), by_rank: bool = False) -> None:
        self._by_rank = by_rank
        self._stage_s, self.seconds = stage_s or [0.0] * len(ranks), 0.0
        self._ranks = [rank << SHIFT for rank in ranks]
        self._order = sorted(range(len(ranks)), key=ranks.__getitem__)
        self._heap: list[int] = []
        self._roots: deque[Roots] = deque()
        self._roots_left = 0

    def __len__(self) -> int:
        return len(self._heap) + self._roots_left

    def add_roots(self, program: int, offset: int, ids: range | np.ndarray) -> None:
        """Tasks of `program` that wait for nothing; to be called in the order of the stages' ranks."""
        if len(ids):
            self._roots.append(Roots(program, offset, ids))
            self._roots_left += len(ids)
            self.seconds += len(ids) * self._stage_s[program]

    def push(self, program: int, task: int) -> None:
        """A task of `program` that became ready."""
        heappush(self._heap, self._ranks[program] | task)
        self.seconds += self._stage_s[program]

    @property
    def order(self) -> list[int]:
        """The stages, the most urgent first."""
        return self._order

    @property
    def freed(self) -> int:
        """The number of ready tasks that a finished tile freed, or that are tried again."""
        return len(self._heap)

    @property
    def program(self) -> int:
        """The stage of the next task."""
        return self._order[self._heap[0] >> SHIFT] if self._is_freed_next() else self._roots[0].program

    def _is_freed_next(self) -> bool:
        heap, roots = self._heap, self._roots
        return bool(heap) and not (self._by_rank and roots and self._ranks[roots[0].program] < heap[0] & ~TASK)

    @property
    def next(self) -> int | None:
        """The id of the next task; None where those that follow have not the numbers that follow."""
        if self._heap:
            return self._heap[0] & TASK
        roots = self._roots[0]
        return roots.offset + roots.drawn if isinstance(roots.ids, range) else None

    def take(self, count: int) -> list[int]:
        """The next task and at most `count - 1` more of the same stage."""
        heap = self._heap
        if self._is_freed_next():
            rank, tasks = heap[0] >> SHIFT, [heappop(heap) & TASK]
            while heap and len(tasks) < count and heap[0] >> SHIFT == rank:
                tasks.append(heappop(heap) & TASK)
            self.seconds -= len(tasks) * self._stage_s[self._order[rank]]
            return tasks
        return self._draw(self._roots[0], count)

    def _draw(self, roots: Roots, count: int) -> list[int]:
        tasks = roots.draw(count)
        self._roots_left -= len(tasks)
        self.seconds -= len(tasks) * self._stage_s[roots.program]
        if roots.drawn == len(roots.ids):
            self._roots.remove(roots)
        return tasks


def row_length(program: Program) -> int:
    """How many tasks with successive numbers read something that those before and after them do not read.

    Of a product these are the tasks of a row of its result: they read the same rows of the left matrix.
    """
    if not program.numbering.in_cells:
        return 1
    lengths = [1]
    for part in (part for read in program.reads for part in read.parts):
        followed, length = {m.axis for m in part.maps}, 1
        for axis in range(program.grid_ndim - 1, -1, -1):
            if axis in followed and program.grid[axis] > 1:
                lengths.append(length)
                break
            length *= program.grid[axis]
    return max(lengths)


def within_rows(first: int, count: int, row: int) -> int:
    """At most `count` tasks from number `first` on that share what they read: whole rows, or an even part of one.

    >>> within_rows(0, 25, 10), within_rows(0, 8, 10), within_rows(7, 8, 10)
    (20, 5, 3)
    """
    if row <= 1:
        return count
    if count >= row:
        return count - (first + count) % row
    return min(-(-row // -(-row // count)), row - first % row)


def ranks_by_critical_path(plan: Plan, deps: Dependencies) -> list[int]:
    """For each stage its place in the order of urgency: the longest path to the end, in seconds, goes first."""
    levels = [0.0] * len(plan.programs)
    for p in range(len(levels) - 1, -1, -1):
        after = (levels[e.program] for w in deps.writes[p] for e in deps.readers[w.array])
        levels[p] = plan.estimates[p].seconds + max(after, default=0.0)
    order = sorted(range(len(levels)), key=lambda p: (-levels[p], p))
    ranks = [0] * len(levels)
    for rank, p in enumerate(order):
        ranks[p] = rank
    return ranks


def in_order_of_use(deps: Dependencies, program: int, ids: range | np.ndarray) -> range | np.ndarray:
    """Tasks of a stage in the order in which the first stage that reads their tiles needs them.

    What is used together is then made together, and less of it waits in memory: a matrix beside its transpose.
    """
    if not 1 < len(ids) <= MOST_ORDERED or len(deps.writes[program]) != 1:
        return ids
    writer = deps.writes[program][0]
    readers = deps.readers[writer.array]
    edges = [e for e in readers if e.program == readers[0].program]
    apart = all(len({a for a, _, _ in e.follows}) == len(e.follows) > 0 for e in edges)
    if not edges or not writer.same or not apart:
        return ids
    first = np.minimum.reduce([_first_use(edge) for edge in edges]).ravel()[np.asarray(ids)]
    return ids if (first[1:] >= first[:-1]).all() else np.asarray(ids)[np.argsort(first, kind="stable")]


def side_by_side(program: Program, ids: range | np.ndarray, workers: int, row: int) -> range | np.ndarray:
    """Tasks of a stage so that as many workers, that share what they read, go through loops together.

    Tasks with odd numbers go through theirs backward: workers begin a row with even ones, and all turn with the next.
    Each stays within 2 `workers` places of where it was.
    """
    if workers == 1 or program.loop_count == 1 or len(ids) > MOST_ORDERED:
        return ids
    numbers, places, row = np.asarray(ids), np.arange(len(ids)), max(row, 2 * workers)
    return numbers[np.lexsort((places, numbers % 2, places % row // (2 * workers), places // row))]


def _first_use(edge: Edge) -> np.ndarray:
    """For each tile of an array the number of the first task that reads it."""
    strides, stride = dict[int, int](), 1
    for a in reversed(edge.numbering.order):
        strides[a], stride = stride, stride * edge.grid[a]
    out = np.zeros(edge.tile_grid, np.int64)
    for a, d, relation in edge.follows:
        lows = np.array([relation.blocks(i)[0] for i in range(edge.tile_grid[d])], np.int64) * strides[a]
        out += lows.reshape([-1 if axis == d else 1 for axis in range(out.ndim)])
    return out
