"""What a task takes of a worker, from its program alone: seconds in kernels, bytes and requests, by array."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from ..task import Estimate, Plan, Program, Task
from .bundle import reads_in_order
from .cache import ReadCache
from .prepared import Prepared
from .reading import Blocks, PreparedRead


class _Elsewhere:
    """Stands for an open array whose tiles are in a store that blocks."""

    durable = remote = True

    @property
    def store(self) -> _Elsewhere:
        """The store of its tiles."""
        return self


ELSEWHERE = _Elsewhere()


@dataclass(frozen=True, slots=True)
class Work:
    """A task's flops, its seconds in kernels over `turns` of its loop, its bytes, and its requests for each array.

    `first_bytes`, of `read_bytes`, are those without which its first kernel cannot begin.
    """

    flops: float
    compute_s: float
    turns: int
    first_bytes: int
    read_bytes: int
    write_bytes: int
    gets: Mapping[str, int]
    puts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Region:
    """Stands for what was read."""

    nbytes: int


class Works:
    """The work of each task of a plan; tasks whose blocks have the same lengths have the same.

    `read_cpu_s_per_gb` is how much of the seconds in kernels is for what is read.
    """

    def __init__(self, plan: Plan, estimated: bool = False, read_cpu_s_per_gb: float = 0.0) -> None:
        self._read_cpu_s = read_cpu_s_per_gb / 1e9
        self._stages = {id(p): _Stage(p, e, estimated) for p, e in zip(plan.programs, plan.estimates, strict=True)}
        self._known: dict[tuple[int, ...], Work] = {}

    def of(self, task: Task) -> Work:
        """What a task takes."""
        key = (id(task.program), *[hi - lo for lo, hi in task.blocks])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._stages[id(task.program)].work(task)
        return found

    def after(self, task: Task, cache: ReadCache) -> Work:
        """What a task takes where the cache has some of what it reads; the cache has the rest from then on."""
        work, (first, kept, gets) = self.of(task), self._stages[id(task.program)].found(task, cache)
        return replace(
            work,
            compute_s=max(0.0, work.compute_s - kept * self._read_cpu_s),
            first_bytes=max(0, work.first_bytes - first),
            read_bytes=max(0, work.read_bytes - kept),
            gets={name: max(0, count - gets.get(name, 0)) for name, count in work.gets.items()},
        )


class _Stage:
    """A program with its reads made ready, over arrays that nobody opens."""

    def __init__(self, program: Program, estimate: Estimate, estimated: bool) -> None:
        self.program, self.estimate, self.estimated = program, estimate, estimated
        self.turns = program.loop_count if any(r.loop for r in program.reads) else 1
        self.early = _early(program)
        arrays = dict.fromkeys(program.arrays, ELSEWHERE)
        self.reads = [PreparedRead(r, program, arrays) for r in program.reads]
        self.longest = [max(c.max_chunk, 1) for c in program.axes[: program.grid_ndim]]

    def work(self, task: Task) -> Work:
        """What a task of this stage takes."""
        blocks = task.blocks + tuple(c.span(0) for c in self.program.loops)
        first = total = 0
        gets: dict[str, int] = {}
        for n, (read, made) in enumerate(zip(self.program.reads, self.reads, strict=True)):
            turns = self.turns if read.loop else 1
            nbytes, tiles = _of_read(made, self.program, blocks)
            if read.by and read.most:
                nbytes = min(nbytes, nbytes * read.most // max(1, self._along(made, read.by_axis)))
            total += nbytes * turns
            first += nbytes * (n in self.early)
            for name, count in tiles.items():
                gets[name] = gets.get(name, 0) + count * turns
        written, puts = self._writes(task)
        e = self.estimate
        share = math.prod((hi - lo) / most for (lo, hi), most in zip(task.blocks, self.longest, strict=True))
        alone = self.estimated or not (e.compute_s or e.bytes_read or e.bytes_written)
        compute = (e.seconds if alone else e.compute_s) * share
        return Work(e.flops * share, compute, self.turns, first, total, written, gets, puts)

    @cached_property
    def _prepared(self) -> Prepared:
        return Prepared(self.program, lambda spec: ELSEWHERE, ReadCache())

    def found(self, task: Task, cache: ReadCache) -> tuple[int, int, Mapping[str, int]]:
        """The bytes that a cache has of what the first kernel needs and of all that is read, and their tiles."""
        made, first, total = self._prepared, 0, 0
        gets: dict[str, int] = {}
        for unit, (reads, blocks) in enumerate(reads_in_order(made, task)):
            early = unit < bool(made.before_reads) + bool(made.loop_reads)
            for source in (s for read in reads for s in read.sources if s.cache is not None):
                spans, nbytes = tuple([a.span(blocks) for a in source.axes]), source.nbytes(blocks)
                key, soon = (source.name, spans), source.read_soon(blocks)
                _, is_new = cache.get(key, partial(_Region, nbytes), soon, source.uses)
                if not is_new:
                    total, first = total + nbytes, first + nbytes * early
                    tiles = _tiles(self.program.arrays[source.name].tiling.axes, spans)
                    gets[source.name] = gets.get(source.name, 0) + tiles
        return first, total, gets

    def _along(self, made: PreparedRead, axis: int) -> int:
        return made.sources[0].axes[axis].size

    def _writes(self, task: Task) -> tuple[int, dict[str, int]]:
        total, puts = 0, dict[str, int]()
        for write in self.program.writes:
            spec = self.program.arrays[write.array]
            spans = [write.span(d, c, task.index, task.blocks) for d, c in enumerate(spec.tiling.axes)]
            total += math.prod(hi - lo for lo, hi in spans) * spec.dtype.itemsize
            puts[write.array] = puts.get(write.array, 0) + _tiles(spec.tiling.axes, spans)
        return total, puts


def _early(program: Program) -> frozenset[int]:
    """The reads without which the first kernel cannot begin: all but those that only steps after the loop need."""
    looped = [n for n, s in enumerate(program.steps) if s.loop]
    until = looped[-1] + 1 if looped else len(program.steps)
    early = {name for s in program.steps[:until] for name in s.ins}
    return frozenset(n for n, r in enumerate(program.reads) if r.loop or not looped or r.register in early)


def _of_read(made: PreparedRead, program: Program, blocks: Blocks) -> tuple[int, dict[str, int]]:
    """The bytes of a read, and the tiles that they lie in, by array."""
    nbytes, tiles = 0, dict[str, int]()
    for source in made.sources:
        axes = program.arrays[source.name].tiling.axes
        spans = [a.span(blocks) for a in source.axes]
        count = _tiles(axes, spans)
        if count:
            nbytes += source.nbytes(blocks)
            tiles[source.name] = tiles.get(source.name, 0) + count
    return nbytes, tiles


def _tiles(axes: Sequence[object], spans: Sequence[tuple[int, int]]) -> int:
    boxes = [c.tiles(lo, hi) for c, (lo, hi) in zip(axes, spans, strict=True)]  # type: ignore[attr-defined]
    return math.prod(max(0, hi - lo) for lo, hi in boxes)
