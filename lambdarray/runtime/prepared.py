"""A program made ready to run: its arrays opened, its kernels found, and when each register is let go.

All that can be known once for a stage is worked out here, so that a tiny task costs microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from lambdarray_kernels import get

from ..errors import PlanError
from ..store.buffers import LEAST_NBYTES
from ..task import ArraySpec, Program, Read, Step, Task, Write, box_indices
from ..tiling import Cuts, Index, Span
from . import calls as calls  # registers the kernel that calls users' functions
from .cache import ReadCache
from .reading import Array, Blocks, PreparedRead, in_memory

Shapes = tuple[tuple[int, ...] | None, ...]
OpenArray = Callable[[ArraySpec], Any]

FLOPS_KEPT = 256


def uses_blas(kernel: str) -> bool:
    """Whether a kernel calls BLAS; one that does not exist does not: its tasks will say so."""
    try:
        return get(kernel).uses_blas
    except LookupError:
        return False


class PreparedStep:
    """A step: its kernel, whether it accumulates, and the registers that are let go after it."""

    __slots__ = (
        "_flops",
        "accumulates",
        "fn",
        "frees",
        "ins",
        "kernel",
        "name",
        "needs_block",
        "needs_index",
        "outs",
        "params",
        "target",
    )

    def __init__(self, step: Step, accumulates: bool, frees: tuple[str, ...]) -> None:
        self.kernel = get(step.kernel)
        self.name, self.fn = step.kernel, self.kernel.fn
        self.needs_block, self.needs_index = self.kernel.needs_block, self.kernel.needs_index
        self.outs, self.params = step.outs, dict(step.params)
        self.accumulates, self.frees = accumulates, frees
        # The write whose array the step's result may be made in, where that is large.
        self.target: PreparedWrite | None = None
        self.ins = step.ins[1:] if accumulates and step.ins[:1] == step.outs[:1] else step.ins
        self._flops: dict[tuple[Shapes, Any], int] = {}

    def flops(self, args: Sequence[Array | None], extra: Mapping[str, Any]) -> int:
        """The kernel's own count for arrays of these shapes."""
        shapes = tuple([None if a is None else a.shape for a in args])
        key = (shapes, tuple([hi - lo for lo, hi in extra.get("block", ())]))
        found = self._flops.get(key)
        if found is None:
            if len(self._flops) >= FLOPS_KEPT:
                self._flops.clear()
            found = self._flops[key] = int(self.kernel.flops(*shapes, **self.params, **extra))
        return found


class PreparedWrite:
    """A write: which tiles of the array a task's block has, and the way from the register to them."""

    __slots__ = ("array", "as_is", "cuts", "dtype", "is_large", "name", "order", "register", "single", "write")

    def __init__(self, write: Write, spec: ArraySpec, array: Any, axes: Sequence[Cuts]) -> None:
        self.write, self.register, self.name = write, write.register, spec.name
        self.array, self.cuts, self.dtype = array, spec.tiling.axes, spec.dtype
        self.order = tuple(a for a in write.axes if a >= 0)
        self.as_is = list(self.order) == sorted(self.order)
        # Where a task makes just one tile, its index is that of these axes of the grid.
        follows = list(zip(write.axes, write.by_block, self.cuts, strict=True))
        one = all(a < 0 or by_block or axes[a].count == cuts.count for a, by_block, cuts in follows)
        self.single = write.axes if one else None
        most = (c.max_chunk if b else axes[a].max_chunk for a, b, c in follows if a >= 0)
        self.is_large = math.prod(most) * spec.dtype.itemsize >= LEAST_NBYTES

    def tiles(self, value: Any, task_index: Index, blocks: Blocks) -> list[tuple[Index, Array]]:
        """The tiles of the array that the task writes, as views of the register."""
        spans = self._spans(task_index, blocks)
        shape = tuple([hi - lo for lo, hi in spans])
        data = self._arranged(np.asarray(value), shape)
        if self.single is not None:
            return [(tuple([0 if a < 0 else task_index[a] for a in self.single]), data)]
        boxes = [c.tiles(lo, hi) for c, (lo, hi) in zip(self.cuts, spans, strict=True)]
        if all(hi - lo == 1 for lo, hi in boxes):
            return [(tuple([lo for lo, _ in boxes]), data)]
        return [(index, data[self._within(index, spans)]) for index in box_indices(boxes)]

    def reserve(self, task_index: Index, blocks: Blocks) -> Array | None:
        """Memory to compute a task's tiles in, where the array gives such."""
        out: Array | None = self.array.reserve(self._spans(task_index, blocks))
        return out

    def release(self, task_index: Index, blocks: Blocks) -> None:
        """The memory that was reserved for a task has not been used."""
        self.array.release(self._spans(task_index, blocks))

    def nbytes(self, task_index: Index, blocks: Blocks) -> int:
        """The bytes of what a task writes."""
        return math.prod(hi - lo for lo, hi in self._spans(task_index, blocks)) * self.dtype.itemsize

    def _spans(self, task_index: Index, blocks: Blocks) -> list[Span]:
        span = self.write.span
        return [span(d, cuts, task_index, blocks) for d, cuts in enumerate(self.cuts)]

    def _within(self, index: Index, spans: Sequence[Span]) -> tuple[slice, ...]:
        tiles = (c.span(i) for c, i in zip(self.cuts, index, strict=True))
        return tuple(slice(a - lo, b - lo) for (a, b), (lo, _) in zip(tiles, spans, strict=True))

    def _arranged(self, value: Array, shape: tuple[int, ...]) -> Array:
        """The register with its axes as the array's: it has the stage's, or, where nothing moves, the array's own."""
        if value.dtype != self.dtype:
            raise PlanError(
                f"register {self.register!r} is {value.dtype}, but array {self.name!r} is declared {self.dtype}"
            )
        if self.as_is and value.shape == shape:
            return value
        if self.as_is and _longer(value.shape) == _longer(shape):
            return value.reshape(shape)
        # A partial product has no axis of its own for the part of k that it is of.
        value = value[(..., *(None,) * (max(self.order, default=-1) + 1 - value.ndim))]
        dropped = set(range(value.ndim)) - set(self.order)
        if value.ndim > max(self.order, default=-1) and all(value.shape[a] == 1 for a in dropped):
            kept = value.transpose(*self.order, *sorted(dropped)).reshape([value.shape[a] for a in self.order])
            moved = kept[tuple([None if a < 0 else slice(None) for a in self.write.axes])]
            if moved.shape == shape:
                return moved
        raise PlanError(
            f"register {self.register!r} has shape {value.shape}, but array {self.name!r} needs {shape} of it "
            f"with axes {self.write.axes}"
        )


class Prepared:
    """A program with its arrays opened and its steps in the order that they run: before, in and after the loop."""

    __slots__ = (
        "after",
        "after_reads",
        "before",
        "before_reads",
        "by_reads",
        "in_memory",
        "loop",
        "loop_count",
        "loop_frees",
        "loop_reads",
        "most_bytes",
        "own_reads",
        "program",
        "read_arrays",
        "sizes",
        "writes",
        "written_arrays",
    )

    def __init__(self, program: Program, open_array: OpenArray, cache: ReadCache | None = None) -> None:
        self.program, self.loop_count, self.most_bytes = program, program.loop_count, 0
        arrays = {name: open_array(spec) for name, spec in program.arrays.items()}
        self.sizes = tuple(c.size for c in program.axes)
        self._prepare_steps(program)
        self._prepare_reads(program, arrays, cache)
        self.writes = tuple(
            PreparedWrite(w, program.arrays[w.array], arrays[w.array], program.axes) for w in program.writes
        )
        self._prepare_targets()
        self.read_arrays = frozenset(p.array for r in program.reads for p in r.parts)
        self.written_arrays = frozenset(w.array for w in program.writes)
        reads = (*self.before_reads, *self.loop_reads, *self.after_reads, *self.by_reads.values())
        direct = (in_memory(program.arrays[w.name], w.array) for w in self.writes)
        self.in_memory = all(r.in_memory for r in reads) and all(direct)

    def _prepare_steps(self, program: Program) -> None:
        steps = program.steps
        looped = [i for i, s in enumerate(steps) if s.loop]
        first = looped[0] if looped else len(steps)
        before = [s for s in steps[:first] if not s.loop]
        loop = [s for s in steps if s.loop]
        after = [s for s in steps[first:] if not s.loop]
        written = {w.register for w in program.writes}
        fresh = {r.register for r in program.reads if r.loop} | _temporaries(loop)
        later = _names(after) | written
        # What a read goes by is needed until the read is made.
        by = {r.register: r.by for r in program.reads if r.by}
        self.after = _with_frees(after, written, by)
        self.loop = _with_frees(loop, later | (_names(loop) - fresh), by)
        self.loop_frees = tuple(sorted(_names(loop) - later - fresh))
        self.before = _with_frees(before, later | _names(loop), by)

    def _prepare_reads(self, program: Program, arrays: Mapping[str, Any], cache: ReadCache | None) -> None:
        early = {name for step in (*self.before, *self.loop) for name in (*step.ins, *step.outs)}
        early |= {r.by for r in program.reads if r.register in early}
        once = [r for r in program.reads if not r.loop and not r.by]
        late = [bool(self.loop) and r.register not in early for r in once]

        def made(reads: Iterable[Read]) -> tuple[PreparedRead, ...]:
            return tuple(PreparedRead(r, program, arrays, cache) for r in reads)

        self.before_reads = made(r for r, is_late in zip(once, late, strict=True) if not is_late)
        self.by_reads = {r.register: r for r in made(r for r in program.reads if r.by)}
        self.loop_reads = made(r for r in program.reads if r.loop)
        used = _names(self.before)
        # Registers that a task may change: nobody else holds their memory, and no other register may be a view of it.
        self.own_reads = {r.register for r in self.before_reads if r.is_private and r.register not in used}
        self.after_reads = made(r for r, is_late in zip(once, late, strict=True) if is_late)

    def _prepare_targets(self) -> None:
        """Find the steps that make what is written as it is, with its axes in order."""
        made = {r.register for r in self.before_reads}
        steps = (*self.before, *self.loop, *self.after)
        for i, step in enumerate(steps):
            first = not made.intersection(step.outs)
            made.update(step.outs)
            if not (first and step.kernel.takes_out and len(step.outs) == 1):
                continue
            found = [w for w in self.writes if w.register == step.outs[0]]
            stays = all(_in_place(later, step) for later in steps[i + 1 :] if step.outs[0] in later.outs)
            if len(found) == 1 and stays and found[0].is_large and self._is_whole(found[0].write, step):
                step.target = found[0]

    def _is_whole(self, write: Write, step: PreparedStep) -> bool:
        """Whether a write has all axes of the grid, in order and as they are; an accumulator has no others."""
        if step in self.loop and not step.accumulates:
            return False
        return write.axes == tuple(range(self.program.grid_ndim)) and not (step.accumulates and any(write.by_block))

    def turns(self, task: Task) -> Iterator[tuple[Span, ...]]:
        """The blocks of all axes in each iteration of a task's loop, in the order in which it makes them.

        Tasks begin at different places, so that they do not all read one tile at once; and each goes back where the
        task before it came from, so that one worker reads first what it read last.
        """
        pair, odd = divmod(task.number, 2)
        first, step = (pair - 1, -1) if odd else (pair, 1)
        if any(s.kernel.in_order for s in self.loop):
            first, step = 0, 1
        for turn in range(self.loop_count):
            yield task.blocks + self.loop_blocks((first + step * turn) % self.loop_count)

    def loop_blocks(self, iteration: int) -> tuple[Span, ...]:
        """The block of each loop axis in an iteration, in C order."""
        out = []
        for cuts in reversed(self.program.loops):
            iteration, i = divmod(iteration, cuts.count)
            out.append(cuts.span(i))
        return tuple(reversed(out))


def _longer(shape: tuple[int, ...]) -> list[int]:
    """The sizes above 1."""
    return [n for n in shape if n != 1]


def _in_place(later: PreparedStep, step: PreparedStep) -> bool:
    """Whether a step puts its result where that of an earlier one is."""
    both = later.accumulates and step.accumulates
    return later.outs == step.outs and (both or bool(later.params.get("overwrite")))


def _names(steps: Iterable[Step | PreparedStep]) -> set[str]:
    return {name for s in steps for name in (*s.ins, *s.outs)}


def _temporaries(loop: Sequence[Step]) -> set[str]:
    """Outputs of loop steps that a later one of the same iteration reads; all others outlive the iteration."""
    return {out for i, s in enumerate(loop) for out in s.outs for later in loop[i + 1 :] if out in later.ins}


def _with_frees(steps: Sequence[Step], kept: set[str], by: Mapping[str, str]) -> tuple[PreparedStep, ...]:
    """The steps, each with the registers that neither a later one nor anything in `kept` needs."""
    made: list[PreparedStep] = []
    alive, temporary = set(kept), _temporaries(steps)
    for step in reversed(steps):
        used = {*step.ins, *step.outs}
        accumulates = step.loop and step.outs[0] not in temporary
        made.append(PreparedStep(step, accumulates, tuple(sorted(used - alive))))
        alive |= used | {by[name] for name in step.ins if name in by}
    return tuple(reversed(made))
