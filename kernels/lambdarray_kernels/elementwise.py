"""The fused elementwise kernel: a program of ufuncs over blocks of a tile that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blocks import gather, gather_nbytes, index_of, shape_of, spans
from .extremes import rebase
from .program import Program, prepare
from .reductions import KINDS, partial_dtype
from .registry import kernel, memory
from .schedule import Schedule, lay_out
from .steps import Run

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


@kernel(flops=_flops, needs_block=True, takes_out=True, name="map")
def map_(
    *inputs: Array,
    code: Sequence[Json],
    outputs: Sequence[Json],
    block: Sequence[Span],
    shape: Sequence[int],
    kept: Sequence[int] = (),
    out: Array | None = None,
) -> Array | tuple[Array, ...]:
    """Run a program of elementwise instructions on a tile, and reduce what it is told to.

    The inputs have the length of the block, or 1, along each of its first axes. An instruction is
    `[name, args, in_dtypes, out_dtypes]`; an argument is the number of a register, `["c", dtype, hex]` (a constant)
    or `["i", axis, start, step, dtype]` (`start + step * e` along an axis). Registers are the inputs, then what the
    instructions put out. An output is `[register, None]` or `[register, {"kind", "axes", "dtype"}]`, a partial
    for `combine` and `finish`. Along the axes `kept` everything has length 1, whatever the block.

    Values equal NumPy's for contiguous arrays bit for bit, whatever the memory layout here. Floating-point errors
    pass in silence: they make inf and nan, as in NumPy, but no warning, since it would appear in a worker's log.

    >>> add = ["add", [0, ["c", "<f8", np.float64(1).tobytes().hex()]], ["<f8", "<f8"], ["<f8"]]
    >>> map_(np.zeros(3), code=[add], outputs=[[1, None]], block=[(0, 3)], shape=[3])
    array([1., 1., 1.])
    """
    ndim = inputs[0].ndim if inputs else len(block)
    full = tuple([hi - lo for lo, hi in block[:ndim]])
    if kept:
        full = tuple(1 if d in kept else n for d, n in enumerate(full))
    with np.errstate(all="ignore"):
        if 0 in full:
            results = _nothing(full, prepare(code, outputs, [x.dtype for x in inputs]))
        else:
            if out is not None and (out.shape != full or [spec for _, spec in outputs] != [None]):
                out = None
            schedule = _schedule(code, outputs, full, inputs, out)
            results = _run(schedule, inputs, block, out)
            for place, _, spec in schedule.program.reduces:
                if spec["kind"].startswith("arg"):
                    _places_in_whole(results[place], sorted(spec["axes"]), block, shape)
    return results[0] if len(results) == 1 else tuple(results)


# Schedules by identity of the program's text and layout of its inputs. An entry holds the text, so that no other
# object gets its identity while the entry lives; the tasks of a stage share one text.
_schedules: dict[tuple[Any, ...], tuple[Any, Any, Schedule]] = {}
_MOST = 256


def _schedule(
    code: Sequence[Json], outputs: Sequence[Json], full: tuple[int, ...], inputs: Sequence[Array], out: Array | None
) -> Schedule:
    layout = [(x.dtype, x.shape, x.strides) for x in inputs]
    key = (id(code), id(outputs), full, None if out is None else out.strides, *layout)
    found = _schedules.get(key)
    if found is None:
        if len(_schedules) >= _MOST:
            _schedules.clear()
        program = prepare(code, outputs, [x.dtype for x in inputs])
        found = _schedules[key] = (code, outputs, lay_out(program, full, inputs, out))
    return found[2]


def _nothing(full: tuple[int, ...], program: Program) -> list[Array]:
    """The results for a block without elements."""
    results: dict[int, Array] = {place: np.empty(full, program.dtypes[r]) for place, r in program.stores}
    for place, register, spec in program.reduces:
        dtype = partial_dtype(spec["kind"], program.dtypes[register], spec.get("dtype", "?"))
        shape = [1 if d in spec["axes"] else n for d, n in enumerate(full)]
        results[place] = KINDS[spec["kind"]].neutral(shape, dtype)
    return [results[place] for place in sorted(results)]


def _run(schedule: Schedule, inputs: Sequence[Array], block: Sequence[Span], out: Array | None) -> list[Array]:
    """Run a schedule: what runs once, then the blocks; returns the results in order."""
    frame = schedule.frame
    registers = schedule.template.copy()
    for i, x in enumerate(inputs):
        registers[i] = frame.view(x)
    for i in schedule.copied:
        registers[i] = registers[i].copy()
    results: list[Any] = [None] * (len(schedule.stores) + len(schedule.reductions))
    for place, r, dtype in schedule.stores:
        results[place] = memory(out, frame.full, dtype)
        registers[r] = frame.view(results[place])
    running = [start() for start in schedule.starters]
    run = Run(registers, results, running, block, schedule.everything)
    for r in schedule.hoisted:
        registers[r] = _room(schedule, r, frame.shape)
    for step in schedule.once:
        step(run)
    if schedule.single and not schedule.gathered and not schedule.repeated:
        _allocate(schedule, registers)
        for step in schedule.steps:
            step(run)
    else:
        _blocks(schedule, run)
    for reduction, reduced in zip(schedule.reductions, running, strict=True):
        results[reduction.place] = frame.unview(reduced.result(), reduction.shape)
    return results


def _room(schedule: Schedule, register: int, block: Sequence[int]) -> Array:
    """Memory for a register in a block."""
    return np.empty(shape_of(schedule.masks[register], block), schedule.program.dtypes[register])


def _allocate(schedule: Schedule, registers: list[Any]) -> None:
    """Make the buffers for a block."""
    for buffer in schedule.buffers:
        memory = np.empty(shape_of(buffer.mask, schedule.block), buffer.dtype)
        for r in buffer.registers:
            registers[r] = memory


def _blocks(schedule: Schedule, run: Run) -> None:
    """Run the steps on each block."""
    registers, masks = run.registers, schedule.masks
    read = [(r, registers[r], masks[r]) for r in schedule.sliced]
    across = [(r, registers[r], masks[r]) for r in schedule.gathered]
    distinct = {mask for _, _, mask in read + across}
    _allocate(schedule, registers)
    for r in schedule.gathered:
        registers[r] = _room(schedule, r, schedule.block)
    work = np.empty(max((gather_nbytes(registers[r]) for r in schedule.gathered), default=0), np.uint8)
    buffers = [(r, registers[r].reshape(-1), masks[r]) for b in schedule.buffers for r in b.registers]
    buffers += [(r, registers[r].reshape(-1), masks[r]) for r in schedule.gathered]
    for r in schedule.repeated:
        row, registers[r] = registers[r], np.empty(schedule.block, schedule.program.dtypes[r])
        registers[r][...] = row
        buffers.append((r, registers[r].reshape(-1), (True,) * len(schedule.block)))
    before = schedule.block
    for run.span in spans(schedule.frame.shape, schedule.block):
        size = tuple([hi - lo for lo, hi in run.span])
        if size != before:
            for r, buffer, mask in buffers:
                shape = shape_of(mask, size)
                registers[r] = buffer[: math.prod(shape)].reshape(shape)
            before = size
        index = {mask: index_of(mask, run.span) for mask in distinct}
        for r, whole, mask in read:
            registers[r] = whole[index[mask]]
        for r, whole, mask in across:
            gather(whole[index[mask]], work, registers[r])
        for step in schedule.steps:
            step(run)


def _places_in_whole(partial: Array, axes: Sequence[int], block: Sequence[Span], shape: Sequence[int]) -> None:
    """Turn indices that count within the tile into indices that count within the array, over the reduced axes."""
    box = [(block[a][1] - block[a][0], block[a][0], shape[a]) for a in axes]
    partial["index"] = rebase(partial["index"], box)
