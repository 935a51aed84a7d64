"""How a program runs over a tile: what is computed once, which blocks, and which buffer each register lives in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import steps
from .blocks import (
    LONE_ELEMENTS,
    MAX_ELEMENTS,
    MIN_ELEMENTS,
    SCRATCH_BYTES,
    WALKED_ELEMENTS,
    Axes,
    Frame,
    Mask,
    block_shape,
    fast_axes,
)
from .partials import Cut, Running
from .program import Instruction, Program
from .reductions import KINDS
from .steps import Step

Array = np.ndarray
DType = np.dtype
Json = Any

# A register that is broadcast is computed once for the tile where it is smaller than the tile by this factor.
HOIST = 16
# A row at most this long is repeated to fill a block.
SHORT_ROW = 64
# How many elements at least make one partial within a tile, and one of several fields.
SHRINK, SHRINK_MORE = 64, 256
_MOMENTS = ("var", "std", "nanvar", "nanstd")


@dataclass(frozen=True, slots=True)
class Reduction:
    """A reduction of a register: its place among the results, the frame's axes, and the partial's shape."""

    place: int
    register: int
    spec: Json
    axes: Axes
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory that registers of one dtype and shape share, one after the other."""

    dtype: DType
    mask: Mask
    registers: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Schedule:
    """A program laid out for tiles of one shape and memory layout.

    `once` runs before the blocks, `steps` for each. A register is `sliced` (a part of it is taken for each block),
    `gathered` (such a part is copied, so that its last axis is its closest), `repeated` (a short row, copied to fill
    a block, once), in a buffer, or constant. `copied` are small inputs copied whole. `stores` are the results
    returned whole: place, register, dtype.
    """

    program: Program
    frame: Frame
    masks: list[Mask]
    template: list[Any] = field(default_factory=list)
    stores: list[tuple[int, int, DType]] = field(default_factory=list)
    reductions: list[Reduction] = field(default_factory=list)
    starters: list[Callable[[], Running]] = field(default_factory=list)
    block: tuple[int, ...] = ()
    buffers: list[Buffer] = field(default_factory=list)
    sliced: list[int] = field(default_factory=list)
    gathered: list[int] = field(default_factory=list)
    copied: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    hoisted: list[int] = field(default_factory=list)
    once: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    single: bool = True
    everything: list[tuple[int, int]] = field(default_factory=list)


# What an instruction, a reduction or a copy (register, target) is while the order is made.
Item = Instruction | Reduction | tuple[int, int]


def lay_out(program: Program, full: tuple[int, ...], inputs: Sequence[Array], out: Array | None = None) -> Schedule:
    """Choose axes, blocks and buffers for inputs like these, and a result in memory like `out`.

    >>> lay_out(Program([np.dtype("f8")], 1), (4, 5), [np.zeros((4, 5))]).frame.shape
    (20,)
    """
    schedule = Schedule(program, frame := _frame(program, full, inputs, out), _masks(program, frame, inputs))
    schedule.template = [program.constants.get(r) for r in range(len(program.dtypes))]
    schedule.everything = [(0, n) for n in frame.shape]
    items = _order(schedule)
    _assign(schedule, items)
    _choose_block(schedule, items, inputs)
    for item in items:
        schedule.steps.append(_step(schedule, item))
    return schedule


def _frame(program: Program, full: tuple[int, ...], inputs: Sequence[Array], out: Array | None) -> Frame:
    dims = range(len(full))
    operands = inputs if out is None else [*inputs, out]
    strides = [[0 if x.shape[d] == 1 else x.strides[d] for d in dims] for x in operands]
    apart = [[d in spec["axes"] for d in dims] for *_, spec in program.reduces]
    iotas = [i.iota.axis for i in program.instructions if i.iota is not None]
    apart += [[d == axis for d in dims] for axis in iotas]
    # Order matters to what is stored and to ties, not to the others.
    reorder = not program.stores and not any(s["kind"].startswith("arg") for *_, s in program.reduces)
    return Frame.of(full, strides, apart, reorder)


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


def _order(schedule: Schedule) -> list[Item]:
    """Put instructions before the blocks or into them, each followed by what waits for its outputs."""
    program, masks = schedule.program, schedule.masks
    waiting = _waiting(schedule)
    whole = {*range(program.count), *program.constants}
    items: list[Item] = []
    for step in program.instructions:
        if whole.issuperset(step.ins) and _is_small(schedule, masks[step.outs[0]]):
            whole.update(step.outs)
            schedule.once.append(steps.instruction(step, masks[step.outs[0]]))
            if step.fn is not None:
                schedule.hoisted += step.outs
        else:
            items.append(step)
            items += [w for out in step.outs for w in waiting.get(out, [])]
    items[:0] = [w for r in sorted(whole) for w in waiting.get(r, [])]
    used = {r for item in items for r in _reads(item)}
    targets = [r for _, r, _ in schedule.stores]
    schedule.sliced = [r for r in sorted(whole & used) if any(masks[r])] + targets
    return items


def _waiting(schedule: Schedule) -> dict[int, list[Item]]:
    """The reductions and copies that are done as soon as a register is made."""
    program, masks, frame = schedule.program, schedule.masks, schedule.frame
    waiting: dict[int, list[Item]] = {}
    for place, register, spec in program.reduces:
        axes = tuple(g for g, members in enumerate(frame.groups) if members[0] in spec["axes"])
        shape = tuple(1 if d in spec["axes"] else n for d, n in enumerate(frame.full))
        reduction = Reduction(place, register, spec, axes, shape)
        schedule.reductions.append(reduction)
        waiting.setdefault(register, []).append(reduction)
    for place, register in program.stores:
        target = register
        if not all(masks[register]):
            target = len(masks)
            masks.append((True,) * len(frame.groups))
            schedule.template.append(None)
            waiting.setdefault(register, []).append((register, target))
        schedule.stores.append((place, target, program.dtypes[register]))
    return waiting


def _reads(item: Item) -> tuple[int, ...]:
    if isinstance(item, Instruction):
        return item.ins
    return (item.register,) if isinstance(item, Reduction) else item[:1]


def _is_small(schedule: Schedule, mask: Mask) -> bool:
    shape = schedule.frame.shape
    part = math.prod(n for n, m in zip(shape, mask, strict=True) if m)
    return not all(mask) and part * HOIST <= math.prod(shape)


def _assign(schedule: Schedule, items: Sequence[Item]) -> None:
    """Give each register that a block computes a buffer, the buffer of a dead one where there is one alike."""
    dtypes, masks = schedule.program.dtypes, schedule.masks
    root, last = _lifetimes(items)
    stored = {r for _, r, _ in schedule.stores}
    holds: dict[int, Buffer] = {}
    free: dict[tuple[DType, Mask], list[Buffer]] = {}

    def release(n: int) -> None:
        for r in {root.get(r, r) for r in _reads(items[n])}:
            if last[r] == n and r in holds:
                free.setdefault((holds[r].dtype, holds[r].mask), []).append(holds.pop(r))

    def acquire(register: int) -> None:
        like = dtypes[register], masks[register]
        if not free.get(like):
            schedule.buffers.append(Buffer(*like))
            free[like] = schedule.buffers[-1:]
        holds[register] = free[like].pop()
        holds[register].registers.append(register)

    for n, item in enumerate(items):
        inplace = isinstance(item, Instruction) and item.inplace
        if inplace:
            release(n)
        if isinstance(item, Instruction) and item.fn is not None:
            for out in item.outs:
                if out not in stored:
                    acquire(out)
        if not inplace:
            release(n)


def _lifetimes(items: Sequence[Item]) -> tuple[dict[int, int], dict[int, int]]:
    """The register whose memory each view shares, and the last item that reads each register or a view of it."""
    root: dict[int, int] = {}
    last: dict[int, int] = {}
    for n, item in enumerate(items):
        for r in _reads(item):
            last[root.get(r, r)] = n
        if isinstance(item, Instruction) and item.view is not None:
            root[item.outs[0]] = root.get(item.ins[0], item.ins[0])
    return root, last


def _choose_block(schedule: Schedule, items: Sequence[Item], inputs: Sequence[Array]) -> None:
    shape = schedule.frame.shape
    strides = {r: s for r, s in _strides(schedule, inputs).items() if r in schedule.sliced}
    reduced = [(r.axes, SHRINK_MORE if r.spec["kind"] in _MOMENTS else SHRINK) for r in schedule.reductions]
    fast = fast_axes(shape, list(strides.values()))
    across = [r for r, s in _strides(schedule, inputs).items() if _is_across(s)]
    schedule.block = block_shape(shape, _elements(schedule, items, bool(across)), fast, reduced)
    schedule.single = schedule.block == shape
    schedule.copied = [r for r in across if _is_small(schedule, schedule.masks[r])]
    schedule.gathered = [r for r in across if r in strides and r not in schedule.copied]
    if schedule.block[-1:] == shape[-1:]:
        narrow = _read_alone(schedule, items)
        schedule.repeated = [r for r in schedule.sliced if _is_short_row(shape, schedule.masks[r]) and r not in narrow]
    elsewhere = {*schedule.gathered, *schedule.repeated}
    schedule.sliced = [r for r in schedule.sliced if r not in elsewhere]
    for r in schedule.reductions:
        register = schedule.program.dtypes[r.register].newbyteorder("=")
        out = np.dtype(r.spec["dtype"]).newbyteorder("=") if r.spec.get("dtype") else register
        starter = KINDS[r.spec["kind"]].starter(Cut(shape, schedule.block, r.axes), register, out)
        schedule.starters.append(starter)


def _read_alone(schedule: Schedule, items: Sequence[Item]) -> set[int]:
    """The registers that an instruction in the blocks makes something no larger of."""
    narrow = [i for i in items if isinstance(i, Instruction) and not all(schedule.masks[i.outs[0]])]
    return {r for item in narrow for r in item.ins}


def _is_short_row(shape: Sequence[int], mask: Mask) -> bool:
    """Whether a register varies along a short last axis only: with the others NumPy would go row by row."""
    return len(shape) > 1 and mask[-1] and not any(mask[:-1]) and shape[-1] <= SHORT_ROW


def _is_across(strides: Sequence[int]) -> bool:
    """Whether the last axis that an input varies along is not its closest, or runs backwards.

    Backwards some functions of NumPy's take a slower way that differs in the last bit.
    """
    moving = [s for s in strides if s]
    return bool(moving) and (moving[-1] < 0 or min(map(abs, moving)) < moving[-1])


def _elements(schedule: Schedule, items: Sequence[Item], across: bool) -> int:
    """How many elements a block may have for all that it touches to stay in cache."""
    reductions = [r for r in schedule.reductions if _is_in_cache(r, len(schedule.frame.groups))]
    if len(items) <= 1 and not across and not reductions:
        return LONE_ELEMENTS
    if not across and all(isinstance(item, Reduction) for item in items):
        return WALKED_ELEMENTS
    dtypes = schedule.program.dtypes
    used = sum(b.dtype.itemsize for b in schedule.buffers if any(b.mask))
    used += sum(dtypes[r].itemsize for r in schedule.sliced if r < len(dtypes))
    used += sum(dtype.itemsize for _, r, dtype in schedule.stores if r >= len(dtypes))
    used += sum(dtypes[r.register].itemsize for r in reductions)
    fit = SCRATCH_BYTES // max(used, 1)
    return max(MIN_ELEMENTS, min(MAX_ELEMENTS, 1 << fit.bit_length() - 1))


def _is_in_cache(reduction: Reduction, ndim: int) -> bool:
    """Whether a reduction walks a block more than once, or copies it."""
    kind, axes = reduction.spec["kind"], reduction.axes
    return kind in _MOMENTS or (kind.startswith("arg") and axes[-1:] != (ndim - 1,))


def _strides(schedule: Schedule, inputs: Sequence[Array]) -> dict[int, tuple[int, ...]]:
    """The inputs' strides along the frame's axes, 0 where broadcast."""
    out = {}
    for r, x in enumerate(inputs):
        strides = schedule.frame.view(x).strides
        out[r] = tuple(s if m else 0 for s, m in zip(strides, schedule.masks[r], strict=True))
    return out


def _step(schedule: Schedule, item: Item) -> Step:
    if isinstance(item, Instruction):
        return steps.instruction(item, schedule.masks[item.outs[0]])
    if isinstance(item, Reduction):
        number = schedule.reductions.index(item)
        return steps.reduction(number, item.register, schedule.masks[item.register])
    return steps.copy(*item)
