"""A program made ready to run: its arrays opened, its kernels found, and when each register is let go.

All that can be known once for a stage is worked out here, so that a tiny task costs microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from lambdarray_kernels import get

from ..errors import PlanError
from ..task import ArraySpec, Part, Program, Read, Step, Write, box_indices
from ..tiling import AxisMap, Cuts, Index, Span

Array = np.ndarray[Any, Any]
Blocks = Sequence[Span]
Loaded = tuple[Array, int]
Shapes = tuple[tuple[int, ...] | None, ...]
OpenArray = Callable[[ArraySpec], Any]

FLOPS_KEPT = 256


def in_memory(spec: ArraySpec, array: Any) -> bool:
    """Whether reading and writing the array does not block, so that no thread is needed for it."""
    kind = spec.location.get("kind")
    return kind == "object" or (kind == "tiles" and not array.store.durable)


def uses_blas(kernel: str) -> bool:
    """Whether a kernel calls BLAS; one that does not exist does not: its tasks will say so."""
    try:
        return get(kernel).uses_blas
    except LookupError:
        return False


class PreparedAxis:
    """One axis of a source: which of its elements a block needs, clipped to those there are."""

    __slots__ = ("axis", "fixed", "map", "shift", "size")

    def __init__(self, axis_map: AxisMap, size: int, stage: tuple[Cuts, ...]) -> None:
        self.map, self.size, self.axis = axis_map, size, axis_map.axis
        lo, hi = axis_map.start, axis_map.start + axis_map.size
        self.fixed = (max(0, lo), min(size, hi)) if axis_map.axis < 0 else None
        # Most maps only shift, and stay inside the source: their span is an addition.
        plain = self.fixed is None and axis_map.step == 1 and axis_map.num == axis_map.den
        inside = plain and lo >= 0 and lo + stage[axis_map.axis].size <= size
        self.shift = lo if inside else None

    def span(self, blocks: Blocks) -> Span:
        """The interval of the source that the block's elements lie in."""
        if self.fixed is not None:
            return self.fixed
        if self.shift is not None:
            lo, hi = blocks[self.axis]
            return lo + self.shift, hi + self.shift
        if self.map.num != self.map.den:
            lo, hi = self.map.span(blocks[self.axis])
            return max(0, lo), min(self.size, hi)
        lo, hi = self.covered(blocks[self.axis])
        return self.map.span((lo, hi)) if lo < hi else (0, 0)

    def covered(self, block: Span) -> Span:
        """The elements e of the block whose `start + step * e` the source has."""
        start, step = self.map.start, self.map.step
        if step < 0:
            start, step = self.size - 1 - start, -step
        lo = max(block[0], -(start // step))
        return lo, max(lo, min(block[1], -((start - self.size) // step)))


class Source:
    """One part of a read: an open array, the span of each axis, and the way to the register's layout."""

    __slots__ = ("array", "axes", "dtype", "expand", "in_memory", "index", "name", "order", "plain")

    def __init__(self, part: Part, layout: tuple[int, ...], program: Program, array: Any) -> None:
        spec = program.arrays[part.array]
        self.name, self.array, self.dtype = part.array, array, spec.dtype
        self.in_memory = in_memory(spec, array)
        sizes = spec.tiling.shape
        self.axes = tuple(PreparedAxis(m, n, program.axes) for m, n in zip(part.maps, sizes, strict=True))
        kept = [a for a in layout if a >= 0]
        self.index: tuple[Any, ...] = tuple(
            slice(None, None, m.step) if a in kept else 0 for a, m in enumerate(part.maps)
        )
        ranks = {a: i for i, a in enumerate(sorted(kept))}
        self.order = tuple(ranks[a] for a in kept)
        self.expand: tuple[Any, ...] = tuple(None if a < 0 else slice(None) for a in layout)
        self.plain = layout == tuple(range(len(sizes))) and all(m.step == 1 for m in part.maps)

    def load(self, blocks: Blocks) -> Loaded:
        """The part's elements in the register's layout, and the bytes read for them."""
        data = self.array.read([a.span(blocks) for a in self.axes])
        return (data if self.plain else self.arrange(data)), data.nbytes

    def arrange(self, data: Array) -> Array:
        """The source's elements as the register wants them: stepped, dropped, permuted and extended axes."""
        return data[self.index].transpose(self.order)[self.expand]  # type: ignore[no-any-return]

    def nbytes(self, blocks: Blocks) -> int:
        """The bytes of what `load` reads."""
        spans = (a.span(blocks) for a in self.axes)
        return math.prod(hi - lo for lo, hi in spans) * self.dtype.itemsize


class PreparedRead:
    """A read: one source as it is, or several pasted where they belong in the block."""

    __slots__ = ("in_memory", "layout", "register", "sources")

    def __init__(self, read: Read, program: Program, arrays: Mapping[str, Any]) -> None:
        self.register, self.layout = read.register, read.layout
        self.sources = tuple(Source(p, read.layout, program, arrays[p.array]) for p in read.parts)
        self.in_memory = all(s.in_memory for s in self.sources)

    def load(self, blocks: Blocks) -> Loaded:
        """The register's array, and the bytes read for it."""
        return self.sources[0].load(blocks) if len(self.sources) == 1 else self._paste(blocks)

    def nbytes(self, blocks: Blocks) -> int:
        """The bytes of what `load` reads."""
        return sum(s.nbytes(blocks) for s in self.sources)

    def _paste(self, blocks: Blocks) -> Loaded:
        shape = tuple(self._length(self.sources[0], a, blocks) for a in self.layout)
        pieces = [(s, place) for s in self.sources if (place := self._place(s, blocks)) is not None]
        for source, place in pieces:
            if all(p == slice(0, n) for p, n in zip(place, shape, strict=True)):
                return source.load(blocks)
        loaded = [(place, *source.load(blocks)) for source, place in pieces]
        if sum(data.size for _, data, _ in loaded) != math.prod(shape):
            raise PlanError(
                f"register {self.register!r} needs a block of shape {shape}, but its parts "
                f"{', '.join(s.name for s in self.sources)} have {sum(d.size for _, d, _ in loaded)} elements of it"
            )
        dtypes = [d.dtype for _, d, _ in loaded] or [s.dtype for s in self.sources]
        out = np.empty(shape, np.result_type(*dtypes))
        for place, data, _ in loaded:
            out[place] = data
        return out, sum(n for _, _, n in loaded)

    @staticmethod
    def _length(source: Source, a: int, blocks: Blocks) -> int:
        if a < 0:
            return 1
        axis = source.axes[a]
        follows = axis.axis >= 0 and axis.map.num == axis.map.den
        lo, hi = blocks[axis.axis] if follows else axis.span(blocks)
        return hi - lo

    def _place(self, source: Source, blocks: Blocks) -> tuple[slice, ...] | None:
        """Where the source's elements lie in the block; None where it has none of them."""
        place = []
        for a in self.layout:
            axis = source.axes[a] if a >= 0 else None
            if axis is None or axis.axis < 0 or axis.map.num != axis.map.den:
                place.append(slice(0, self._length(source, a, blocks)))
                continue
            block = blocks[axis.axis]
            lo, hi = axis.covered(block)
            if lo >= hi:
                return None
            place.append(slice(lo - block[0], hi - block[0]))
        return tuple(place)


class PreparedStep:
    """A step: its kernel, whether it accumulates, and the registers that are let go after it."""

    __slots__ = ("_flops", "accumulates", "fn", "frees", "ins", "kernel", "name", "needs_block", "outs", "params")

    def __init__(self, step: Step, accumulates: bool, frees: tuple[str, ...]) -> None:
        self.kernel = get(step.kernel)
        self.name, self.fn, self.needs_block = step.kernel, self.kernel.fn, self.kernel.needs_block
        self.outs, self.params = step.outs, dict(step.params)
        self.accumulates, self.frees = accumulates, frees
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

    __slots__ = ("array", "as_is", "cuts", "dtype", "name", "order", "register", "write")

    def __init__(self, write: Write, spec: ArraySpec, array: Any) -> None:
        self.write, self.register, self.name = write, write.register, spec.name
        self.array, self.cuts, self.dtype = array, spec.tiling.axes, spec.dtype
        self.order = tuple(a for a in write.axes if a >= 0)
        self.as_is = list(self.order) == sorted(self.order)

    def tiles(self, value: Any, task_index: Index, blocks: Blocks) -> list[tuple[Index, Array]]:
        """The tiles of the array that the task writes, as views of the register."""
        spans = [self.write.span(d, task_index, blocks) for d in range(len(self.cuts))]
        shape = tuple([hi - lo for lo, hi in spans])
        data = self._arranged(np.asarray(value), shape)
        boxes = [c.tiles(lo, hi) for c, (lo, hi) in zip(self.cuts, spans, strict=True)]
        if all(hi - lo == 1 for lo, hi in boxes):
            return [(tuple([lo for lo, _ in boxes]), data)]
        return [(index, data[self._within(index, spans)]) for index in box_indices(boxes)]

    def nbytes(self, task_index: Index, blocks: Blocks) -> int:
        """The bytes of what a task writes."""
        spans = (self.write.span(d, task_index, blocks) for d in range(len(self.cuts)))
        return math.prod(hi - lo for lo, hi in spans) * self.dtype.itemsize

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
        "in_memory",
        "loop",
        "loop_count",
        "loop_frees",
        "loop_reads",
        "most_bytes",
        "program",
        "read_arrays",
        "sizes",
        "writes",
        "written_arrays",
    )

    def __init__(self, program: Program, open_array: OpenArray) -> None:
        self.program, self.loop_count, self.most_bytes = program, program.loop_count, 0
        arrays = {name: open_array(spec) for name, spec in program.arrays.items()}
        self.sizes = tuple(c.size for c in program.axes)
        self._prepare_steps(program)
        self._prepare_reads(program, arrays)
        self.writes = tuple(PreparedWrite(w, program.arrays[w.array], arrays[w.array]) for w in program.writes)
        self.read_arrays = frozenset(p.array for r in program.reads for p in r.parts)
        self.written_arrays = frozenset(w.array for w in program.writes)
        reads = (*self.before_reads, *self.loop_reads, *self.after_reads)
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
        self.after = _with_frees(after, written)
        self.loop = _with_frees(loop, later | (_names(loop) - fresh))
        self.loop_frees = tuple(sorted(_names(loop) - later - fresh))
        self.before = _with_frees(before, later | _names(loop))

    def _prepare_reads(self, program: Program, arrays: Mapping[str, Any]) -> None:
        early = {name for step in (*self.before, *self.loop) for name in (*step.ins, *step.outs)}
        once = [r for r in program.reads if not r.loop]
        late = [bool(self.loop) and r.register not in early for r in once]

        def made(reads: Iterable[Read]) -> tuple[PreparedRead, ...]:
            return tuple(PreparedRead(r, program, arrays) for r in reads)

        self.before_reads = made(r for r, is_late in zip(once, late, strict=True) if not is_late)
        self.loop_reads = made(r for r in program.reads if r.loop)
        self.after_reads = made(r for r, is_late in zip(once, late, strict=True) if is_late)

    def loop_blocks(self, iteration: int) -> tuple[Span, ...]:
        """The block of each loop axis in an iteration, in C order."""
        out = []
        for cuts in reversed(self.program.loops):
            iteration, i = divmod(iteration, cuts.count)
            out.append(cuts.span(i))
        return tuple(reversed(out))


def _names(steps: Iterable[Step]) -> set[str]:
    return {name for s in steps for name in (*s.ins, *s.outs)}


def _temporaries(loop: Sequence[Step]) -> set[str]:
    """Outputs of loop steps that a later one of the same iteration reads; all others outlive the iteration."""
    return {out for i, s in enumerate(loop) for out in s.outs for later in loop[i + 1 :] if out in later.ins}


def _with_frees(steps: Sequence[Step], kept: set[str]) -> tuple[PreparedStep, ...]:
    """The steps, each with the registers that neither a later one nor anything in `kept` needs."""
    made: list[PreparedStep] = []
    alive, temporary = set(kept), _temporaries(steps)
    for step in reversed(steps):
        used = {*step.ins, *step.outs}
        accumulates = step.loop and step.outs[0] not in temporary
        made.append(PreparedStep(step, accumulates, tuple(sorted(used - alive))))
        alive |= used
    return tuple(reversed(made))
