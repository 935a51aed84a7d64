"""How a program runs over a tile: what is computed once, which blocks, and which buffer each register lives in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .blocks import MAX_ELEMENTS, MIN_ELEMENTS, SCRATCH_BYTES, Axes, Frame, Mask, block_shape, fast_axes
from .program import Instruction, Program
from .reductions import KINDS, Cut, Kind

Array = np.ndarray
DType = np.dtype
Json = Any

# A register that is broadcast is computed once for the tile where that takes less than this part of the tile.
HOIST = 16


@dataclass(frozen=True, slots=True)
class Reduce:
    """A register to reduce, as a step of a schedule.

    `place` is where in the kernel's results it goes, `axes` are the tile's, those of `cut` the frame's.
    """

    place: int
    register: int
    kind: Kind
    given: DType
    dtype: DType
    axes: Axes
    cut: Cut


@dataclass(frozen=True, slots=True)
class Copy:
    """A register that is broadcast, to copy into the result at `place`."""

    place: int
    register: int


Step = Instruction | Reduce | Copy


@dataclass(slots=True)
class Schedule:
    """A program laid out for tiles of one shape and memory layout.

    `once` runs before the blocks, `steps` for each. A register is in `sliced` (a part of it is taken for each
    block), in `gathered` (copied so that its last axis is its closest), in `slots` (its buffer) or constant.
    """

    program: Program
    frame: Frame
    masks: list[Mask]
    block: tuple[int, ...] = ()
    once: list[Instruction] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    sliced: list[int] = field(default_factory=list)
    gathered: list[int] = field(default_factory=list)
    slots: dict[int, int] = field(default_factory=dict)
    buffers: list[tuple[DType, Mask]] = field(default_factory=list)
    direct: list[tuple[int, int]] = field(default_factory=list)

    @property
    def single(self) -> bool:
        """Whether one block is the whole tile."""
        return self.block == self.frame.shape

    @property
    def reduces(self) -> list[Reduce]:
        """The reductions among the steps."""
        return [s for s in self.steps if isinstance(s, Reduce)]


def lay_out(program: Program, full: tuple[int, ...], inputs: Sequence[Array]) -> Schedule:
    """Choose axes, blocks and buffers for inputs like these."""
    frame = _frame(program, full, inputs)
    schedule = Schedule(program, frame, _masks(program, frame, inputs))
    _order(schedule)
    _assign(schedule)
    strides = _strides(schedule, inputs)
    fast = fast_axes(frame.shape, [s for _, s in strides])
    reduced = [s.cut.axes for s in schedule.reduces]
    schedule.block = block_shape(frame.shape, _elements(schedule), fast, reduced)
    schedule.gathered = [r for r, s in strides if not schedule.single and _is_across(frame.shape, s)]
    schedule.sliced = [r for r in schedule.sliced if r not in schedule.gathered]
    schedule.steps = [_cut(s, schedule) if isinstance(s, Reduce) else s for s in schedule.steps]
    return schedule


def _frame(program: Program, full: tuple[int, ...], inputs: Sequence[Array]) -> Frame:
    dims = range(len(full))
    strides = [[0 if x.shape[d] == 1 else x.strides[d] for d in dims] for x in inputs]
    apart = [[d in spec["axes"] for d in dims] for *_, spec in program.reduces]
    iotas = [i.iota.axis for i in program.instructions if i.iota is not None]
    apart += [[d == axis for d in dims] for axis in iotas]
    # Order matters to what is stored and to ties, not to the others.
    reorder = not program.stores and not any(s["kind"].startswith("arg") for *_, s in program.reduces)
    return Frame.of(full, strides, apart, reorder)


def _groups(frame: Frame, axes: Sequence[int]) -> Axes:
    """The frame's axes that these axes of the tile went into; those of length 1 are in none."""
    return tuple(g for g, members in enumerate(frame.groups) if members[0] in axes)


def _masks(program: Program, frame: Frame, inputs: Sequence[Array]) -> list[Mask]:
    """For each register the axes it varies along."""
    nothing: Mask = (False,) * len(frame.groups)
    masks = [frame.mask(x.shape) for x in inputs]
    masks += [nothing] * (len(program.dtypes) - len(inputs))
    for step in program.instructions:
        if step.iota is not None:
            mask = tuple(step.iota.axis in g for g in frame.groups)
        else:
            mask = tuple(any(m) for m in zip(*(masks[r] for r in step.ins), strict=True)) or nothing
        for out in step.outs:
            masks[out] = mask
    return masks


def _order(schedule: Schedule) -> None:
    """Put instructions before the blocks or into them, and each reduction where its register is made."""
    program, masks = schedule.program, schedule.masks
    stored = {r: place for place, r in program.stores}
    waiting: dict[int, list[Step]] = {}
    for place, register, spec in program.reduces:
        waiting.setdefault(register, []).append(_reduce(schedule, place, register, spec))
    for place, register in program.stores:
        if all(masks[register]):
            schedule.direct.append((place, register))
        else:
            waiting.setdefault(register, []).append(Copy(place, register))
    late: list[Step] = []
    whole = set(range(program.count)) | set(program.constants)
    for register in whole:
        late += waiting.get(register, [])
    for step in program.instructions:
        if all(r in whole for r in step.ins) and _is_small(schedule, masks[step.outs[0]]):
            schedule.once.append(step)
            whole.update(step.outs)
            late += [s for out in step.outs for s in waiting.get(out, [])]
    for step in program.instructions:
        if not whole.issuperset(step.outs):
            schedule.steps.append(step)
            schedule.steps += [s for out in step.outs for s in waiting.get(out, [])]
    schedule.steps[:0] = late
    used = {r for s in schedule.steps for r in _reads(s)}
    schedule.sliced = [r for r in sorted(whole & used) if any(masks[r])]
    schedule.sliced += [r for r in stored if all(masks[r])]


def _reads(step: Step) -> tuple[int, ...]:
    return step.ins if isinstance(step, Instruction) else (step.register,)


def _is_small(schedule: Schedule, mask: Mask) -> bool:
    if all(mask):
        return False
    part = math.prod(n for n, m in zip(schedule.frame.shape, mask, strict=True) if m)
    return part * HOIST <= math.prod(schedule.frame.shape)


def _assign(schedule: Schedule) -> None:
    """Give each register that a block computes a buffer, the buffer of a dead one where there is one alike."""
    program, masks = schedule.program, schedule.masks
    root: dict[int, int] = {}
    last: dict[int, int] = {}
    for n, step in enumerate(schedule.steps):
        for r in _reads(step):
            last[root.get(r, r)] = n
        if isinstance(step, Instruction) and step.view is not None:
            root[step.outs[0]] = root.get(step.ins[0], step.ins[0])
    held = {r for _, r in schedule.direct}
    free: dict[tuple[DType, Mask], list[int]] = {}

    def release(step: Step, n: int) -> None:
        for r in {root.get(r, r) for r in _reads(step)}:
            if last[r] == n and r in schedule.slots:
                slot = schedule.slots[r]
                free.setdefault(schedule.buffers[slot], []).append(slot)

    def acquire(register: int) -> None:
        like = program.dtypes[register], masks[register]
        if free.get(like):
            schedule.slots[register] = free[like].pop()
        else:
            schedule.buffers.append(like)
            schedule.slots[register] = len(schedule.buffers) - 1

    for n, step in enumerate(schedule.steps):
        inplace = isinstance(step, Instruction) and step.inplace
        if inplace:
            release(step, n)
        if isinstance(step, Instruction) and step.fn is not None:
            for out in step.outs:
                if out not in held:
                    acquire(out)
        if not inplace:
            release(step, n)


def _elements(schedule: Schedule) -> int:
    """How many elements a block may have for all that it touches to stay in cache."""
    dtypes = schedule.program.dtypes
    used = sum(d.itemsize for d, mask in schedule.buffers if any(mask))
    used += sum(dtypes[r].itemsize for r in schedule.sliced)
    # A variance has two buffers of its own.
    used += sum(2 * dtypes[s.register].itemsize for s in schedule.steps if isinstance(s, Reduce))
    fit = SCRATCH_BYTES // max(used, 1)
    return max(MIN_ELEMENTS, min(MAX_ELEMENTS, 1 << fit.bit_length() - 1))


def _strides(schedule: Schedule, inputs: Sequence[Array]) -> list[tuple[int, tuple[int, ...]]]:
    """The inputs that blocks read, with their strides along the frame's axes."""
    out = []
    for r in schedule.sliced:
        if r < len(inputs):
            x = schedule.frame.view(inputs[r])
            out.append((r, tuple(s if m else 0 for s, m in zip(x.strides, schedule.masks[r], strict=True))))
    return out


def _is_across(shape: Sequence[int], strides: tuple[int, ...]) -> bool:
    """Whether the last axis is not the one along which elements lie closest."""
    return len(shape) > 1 and strides[-1] != 0 and len(fast_axes(shape, [strides])) > 1


def _reduce(schedule: Schedule, place: int, register: int, spec: Json) -> Reduce:
    given = schedule.program.dtypes[register].newbyteorder("=")
    axes = tuple(sorted(spec["axes"]))
    cut = Cut((), (), _groups(schedule.frame, axes))
    dtype = np.dtype(spec["dtype"]) if spec.get("dtype") else given
    return Reduce(place, register, KINDS[spec["kind"]], given, dtype, axes, cut)


def _cut(step: Reduce, schedule: Schedule) -> Reduce:
    """The reduction with the number of blocks filled in."""
    shape, axes = schedule.frame.shape, step.cut.axes
    counts = tuple(-(-n // b) if d in axes else n for d, (n, b) in enumerate(zip(shape, schedule.block, strict=True)))
    return replace(step, cut=Cut(shape, counts, axes))


def shape_of(mask: Mask, block: Sequence[int]) -> tuple[int, ...]:
    """The shape in a block of a register that varies along the axes of `mask`."""
    return tuple([n if m else 1 for n, m in zip(block, mask, strict=True)])


def index_of(mask: Mask, spans: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    """What takes a block out of an array that varies along the axes of `mask`."""
    return tuple(slice(*s) if m else _ALL for s, m in zip(spans, mask, strict=True))


_ALL = slice(None)


def part_index(cut: Cut, spans: Sequence[tuple[int, int]], block: Sequence[int]) -> tuple[slice, ...]:
    """Where the partial of a block belongs among those of its tile."""
    return tuple(
        slice(s[0] // b, s[0] // b + 1) if d in cut.axes else slice(*s)
        for d, (s, b) in enumerate(zip(spans, block, strict=True))
    )
