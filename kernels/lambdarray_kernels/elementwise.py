"""The fused elementwise kernel: a program of ufuncs over blocks of a tile that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blocks import gather, spans
from .program import Instruction, Iota, Program, prepare
from .reductions import KINDS, partial_dtype
from .registry import kernel
from .schedule import Copy, Reduce, Schedule, index_of, lay_out, part_index, shape_of

Array = np.ndarray
Json = Any
Span = tuple[int, int]


def _flops(
    *shapes: Sequence[int],
    code: Sequence[Json],
    outputs: Sequence[Json],
    block: Sequence[Span] | None = None,
    **_: Any,
) -> int:
    """An operation per element for each instruction and each reduction."""
    full = np.broadcast_shapes(*map(tuple, shapes)) if block is None else [hi - lo for lo, hi in block]
    return math.prod(full) * (len(code) + sum(spec is not None for _, spec in outputs))


@kernel(flops=_flops, needs_block=True, name="map")
def map_(
    *inputs: Array,
    code: Sequence[Json],
    outputs: Sequence[Json],
    block: Sequence[Span],
    shape: Sequence[int],
    kept: Sequence[int] = (),
) -> Array | tuple[Array, ...]:
    """Run a program of elementwise instructions on a tile, and reduce what it is told to.

    The inputs have the length of the block, or 1, along each of its first axes. An instruction is
    `[name, args, in_dtypes, out_dtypes]`; an argument is the number of a register, `["c", dtype, hex]` (a constant)
    or `["i", axis, start, step, dtype]` (`start + step * e` along an axis). Registers are the inputs, then what the
    instructions put out. An output is `[register, None]` or `[register, {"kind", "axes", "dtype"}]`, a partial
    for `combine` and `finish`. Along the axes `kept` everything has length 1, whatever the block.

    Values equal NumPy's bit for bit. Floating-point errors pass in silence: they make inf and nan, as in NumPy, but no
    warning, since it would appear in the log of some worker.

    >>> add = ["add", [0, ["c", "<f8", np.float64(1).tobytes().hex()]], ["<f8", "<f8"], ["<f8"]]
    >>> map_(np.zeros(3), code=[add], outputs=[[1, None]], block=[(0, 3)], shape=[3])
    array([1., 1., 1.])
    """
    ndim = inputs[0].ndim if inputs else len(block)
    full = tuple(1 if d in kept else hi - lo for d, (lo, hi) in enumerate(block[:ndim]))
    with np.errstate(all="ignore"):
        if 0 in full:
            results = _nothing(full, prepare(code, outputs, [x.dtype for x in inputs]))
        else:
            schedule = _schedule(code, outputs, full, inputs)
            run = _Run(schedule, inputs, block)
            run.run()
            results = run.results(shape)
    return results[0] if len(results) == 1 else tuple(results)


# Schedules by identity of the program's text and layout of its inputs. An entry holds the text, so that no other
# object gets its identity while the entry lives; the tasks of a stage share one text.
_schedules: dict[tuple[Any, ...], tuple[Any, Any, Schedule]] = {}
_MOST = 256


def _schedule(
    code: Sequence[Json], outputs: Sequence[Json], full: tuple[int, ...], inputs: Sequence[Array]
) -> Schedule:
    key = (id(code), id(outputs), full, *[(x.dtype, x.shape, x.strides) for x in inputs])
    found = _schedules.get(key)
    if found is None:
        if len(_schedules) >= _MOST:
            _schedules.clear()
        program = prepare(code, outputs, [x.dtype for x in inputs])
        found = _schedules[key] = (code, outputs, lay_out(program, full, inputs))
    return found[2]


def _nothing(full: tuple[int, ...], program: Program) -> list[Array]:
    """The results for a block without elements."""
    results: dict[int, Array] = {place: np.empty(full, program.dtypes[r]) for place, r in program.stores}
    for place, register, spec in program.reduces:
        dtype = partial_dtype(spec["kind"], program.dtypes[register], spec.get("dtype", "?"))
        shape = [1 if d in spec["axes"] else n for d, n in enumerate(full)]
        results[place] = KINDS[spec["kind"]].neutral(shape, dtype)
    return [results[place] for place in sorted(results)]


class _Run:
    """One run of a schedule: its registers, and its results by place."""

    __slots__ = ("origin", "registers", "running", "schedule", "stores")

    def __init__(self, schedule: Schedule, inputs: Sequence[Array], block: Sequence[Span]) -> None:
        self.schedule, self.origin = schedule, block
        program, frame = schedule.program, schedule.frame
        self.registers: list[Any] = [frame.view(x) for x in inputs]
        self.registers += [None] * (len(program.dtypes) - len(inputs))
        for r, value in program.constants.items():
            self.registers[r] = value
        self.stores = {place: np.empty(frame.full, program.dtypes[r]) for place, r in program.stores}
        self.running = {s.place: s.kind.start(s.cut, s.given, s.dtype) for s in schedule.reduces}

    def run(self) -> None:
        """Run what runs once, then the blocks."""
        schedule, frame = self.schedule, self.schedule.frame
        for place, r in schedule.direct:
            self.registers[r] = frame.view(self.stores[place])
        everything = [(0, n) for n in frame.shape]
        for step in schedule.once:
            for r in step.outs:
                self.registers[r] = self._room(r, frame.shape)
            self._call(step, everything)
        self._allocate()
        if schedule.single:
            self._steps(everything)
        else:
            self._blocks()

    def _room(self, register: int, block: Sequence[int]) -> Array:
        schedule = self.schedule
        shape = shape_of(schedule.masks[register], block)
        return np.empty(shape, schedule.program.dtypes[register])

    def _allocate(self) -> None:
        """Make the buffers for blocks."""
        schedule = self.schedule
        buffers = [np.empty(shape_of(mask, schedule.block), dtype) for dtype, mask in schedule.buffers]
        for r, slot in schedule.slots.items():
            self.registers[r] = buffers[slot]

    def _blocks(self) -> None:
        """Run the steps on each block."""
        schedule, registers = self.schedule, self.registers
        read = [(r, registers[r], schedule.masks[r]) for r in schedule.sliced]
        across = [(r, registers[r], schedule.masks[r]) for r in schedule.gathered]
        masks = {mask for _, _, mask in read + across}
        for r in schedule.gathered:
            registers[r] = self._room(r, schedule.block)
        work = np.empty(max((_work_nbytes(registers[r]) for r in schedule.gathered), default=0), np.uint8)
        buffers = [(r, registers[r], schedule.masks[r]) for r in (*schedule.slots, *schedule.gathered)]
        before = schedule.block
        for span in spans(schedule.frame.shape, schedule.block):
            size = tuple(hi - lo for lo, hi in span)
            if size != before:
                start = [(0, n) for n in size]
                for r, buffer, mask in buffers:
                    registers[r] = buffer[index_of(mask, start)]
                before = size
            index = {mask: index_of(mask, span) for mask in masks}
            for r, whole, mask in read:
                registers[r] = whole[index[mask]]
            for r, whole, mask in across:
                gather(whole[index[mask]], work, registers[r])
            self._steps(span)

    def _steps(self, span: Sequence[Span]) -> None:
        """Run the steps on the block whose registers are set."""
        for step in self.schedule.steps:
            if isinstance(step, Instruction):
                self._call(step, span)
            elif isinstance(step, Reduce):
                self._reduce(step, span)
            else:
                self._copy(step, span)

    def _call(self, step: Instruction, span: Sequence[Span]) -> None:
        registers = self.registers
        if step.fn is not None:
            outs = step.outs
            out = registers[outs[0]] if len(outs) == 1 else tuple([registers[r] for r in outs])
            step.fn(*[registers[r] for r in step.ins], out=out)
        elif step.view is not None:
            registers[step.outs[0]] = step.view(registers[step.ins[0]])
        elif step.iota is not None:
            registers[step.outs[0]] = self._iota(step.outs[0], step.iota, span)

    def _iota(self, register: int, iota: Iota, span: Sequence[Span]) -> Array:
        mask = self.schedule.masks[register]
        start = self.origin[iota.axis][0]
        lo, hi = next((s for s, m in zip(span, mask, strict=True) if m), (0, 1))
        return iota.values(start + lo, start + hi).reshape([-1 if m else 1 for m in mask])

    def _reduce(self, step: Reduce, span: Sequence[Span]) -> None:
        x = self.registers[step.register]
        size = tuple([hi - lo for lo, hi in span])
        if x.shape != size:
            x = np.broadcast_to(x, size)
        at = part_index(step.cut, span, self.schedule.block)
        self.running[step.place].add(x, at, [lo for lo, _ in span])

    def _copy(self, step: Copy, span: Sequence[Span]) -> None:
        result = self.schedule.frame.view(self.stores[step.place])
        result[tuple(slice(*s) for s in span)] = self.registers[step.register]

    def results(self, shape: Sequence[int]) -> list[Array]:
        """What the run made, in the order of the program's outputs."""
        out = dict(self.stores)
        for step in self.schedule.reduces:
            partial = self.schedule.frame.unview(self.running[step.place].result(), step.axes)
            if "index" in (partial.dtype.names or ()):
                self._to_whole(partial, step.axes, shape)
            out[step.place] = partial
        return [out[place] for place in sorted(out)]

    def _to_whole(self, partial: Array, axes: Sequence[int], shape: Sequence[int]) -> None:
        """Turn indices that count within the tile into indices that count within the array, over the reduced axes."""
        if not axes:
            return
        full = self.schedule.frame.full
        inside = np.unravel_index(partial["index"], [full[a] for a in axes])
        whole = [i + self.origin[a][0] for i, a in zip(inside, axes, strict=True)]
        partial["index"] = np.ravel_multi_index(whole, [shape[a] for a in axes])


def _work_nbytes(block: Array) -> int:
    """The room that `gather` needs for a block, in whatever order its axes are."""
    return max((block.size + block.size // int(n)) * block.itemsize for n in block.shape)
