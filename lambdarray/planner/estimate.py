"""What a task of a program costs at most: flops, bytes, seconds, peak bytes.

Seconds are those of the machine of the planner's resources, by the rules of `work.py`. Peak bytes are what a worker
holds at once at most, beyond the interpreter and the libraries:

- what is read: every register with the tiles that it is put together from, of a loop's one pair of blocks and the tiles
  of the next pair that are under way;
- what is made: the result of a product, random values and what drawing them takes, outputs of elementwise programs (not
  the blocks that stay in the cache), and for every other kernel twice what it writes; `extra_bytes` of the stage;
- less what is never there at once: the operands of a product, and what its result is made into afterwards.

What is fetched ahead beyond that, and written behind, takes what is left of the worker's memory and no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import real_flops
from lambdarray_kernels.generators import work_nbytes

from ..task import ArraySpec, Estimate, Part, Plan, Program, Read, Step
from ..tiling import AxisMap, Cuts, Span, dtype_from_json
from .blocks import LEAST_CORES, Resources
from .passes import stretch
from .views import is_diagonal
from .work import KERNELS, Work, length_of

# Kernels whose registers are counted one by one; every other one makes what it writes, and as much while it makes it.
COUNTED = frozenset({"map", "gemm", "random", "combine", "finish", "reshape", "fill"})
# Kernels that change a block in its own memory, over and over: what comes after them has that memory too.
UPDATES = frozenset({"gemm_update", "herk_update"})
# What the work of a task may take: an attempt ends after 870 s, and some are slower than was thought.
MOST_TASK_S = 600.0


def estimate(program: Program, resources: Resources) -> Estimate:
    """The cost of the largest task: every axis at its longest block."""
    spans = [(0, c.max_chunk) for c in program.axes]
    elements = math.prod(hi for _, hi in spans[: program.grid_ndim])
    loops = program.loop_count
    read_bytes = {r.register: _read_bytes(program, r, spans) for r in program.reads}
    bytes_read = sum(read_bytes[r.register] * (loops if r.loop else 1) for r in program.reads)
    bytes_written = sum(_written(program, n, spans) for n in range(len(program.writes)))
    work = Work(program, spans, resources.machine, resources.cores)
    moved = Moved.of(program, resources, spans, read_bytes)
    kernels = work.seconds() + moved.memory_s
    busy = kernels + resources.machine.store.cpu_seconds(moved.read, moved.written)
    seconds = _overlapped(kernels, busy, moved, program, resources) + resources.machine.task_s
    held = {r.register: _held_bytes(program, r, read_bytes[r.register], spans) for r in program.reads}
    made = sum(_made_bytes(program, s, elements) for s in program.steps) + program.extra_bytes
    updated = _updated(program)
    if updated is not None:
        # It was read for that, and is copied only where it is a stored tile's own memory: before all else is read.
        first = held[updated.register] + min(bytes_written, _tile_bytes(program, updated, spans))
        held[updated.register] = read_bytes[updated.register]
        made += max(0, first - sum(held.values()))
    elif not all(s.kernel in COUNTED for s in program.steps):
        made += 2 * bytes_written  # what a kernel makes, and once more while it makes it
    peak = sum(held.values()) + made - _apart(program, held, elements)
    return Estimate(work.flops or program.flops, bytes_read, bytes_written, seconds, peak, busy)


def estimates(plan: Plan, resources: Resources) -> tuple[Estimate, ...]:
    """What the tasks of a plan would cost with other workers than those that it was made for."""
    return tuple(estimate(program, resources) for program in plan.programs)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a task reads and writes through a store, in bytes, and what a core takes for what it moves in memory."""

    read: int
    written: int
    memory_s: float

    @classmethod
    def of(cls, program: Program, resources: Resources, spans: Sequence[Span], read_bytes: Mapping[str, int]) -> Moved:
        """Those of a program, whose reads have so many bytes each time."""
        memory, read, written, seconds = resources.machine.memory, 0, 0, 0.0
        # Kernels of linear algebra have it in their own rates that they read memory.
        streams = not any(s.kernel in KERNELS for s in program.steps)
        for r in program.reads:
            nbytes = read_bytes[r.register] * (program.loop_count if r.loop else 1)
            if any(_is_far(program.arrays[p.array], resources) for p in r.parts):
                read += nbytes
            elif streams:
                seconds += nbytes / (memory.stream_gbps * 1e9)
            if _is_assembled(program, r, spans):
                seconds += 2 * nbytes / (memory.copy_gbps * 1e9)
        for n, w in enumerate(program.writes):
            nbytes, spec = _written(program, n, spans), program.arrays[w.array]
            if _is_far(spec, resources):
                written += nbytes
            else:
                seconds += memory.fresh_seconds(nbytes, math.prod(spec.tiling.max_tile) * spec.dtype.itemsize)
        return cls(read, written, seconds)


def _is_far(spec: ArraySpec, resources: Resources) -> bool:
    return spec.location["kind"] == "zarr" or resources.remote


def _is_assembled(program: Program, read: Read, spans: Sequence[Span]) -> bool:
    """Whether a block lies in several tiles of its source, and is copied together from them."""
    for part in read.parts:
        spec = program.arrays[part.array]
        pairs = zip(part.maps, spec.tiling.axes, strict=True)
        if spec.location["kind"] != "object" and any(
            length_of(m, spans[m.axis] if m.axis >= 0 else (0, 1)) > c.max_chunk for m, c in pairs
        ):
            return True
    return _is_pasted(program, read)


def _overlapped(kernels: float, busy: float, moved: Moved, program: Program, resources: Resources) -> float:
    """The seconds of a task that computes while its next blocks are fetched and its last ones written.

    All of it overlaps but the first block's read and the last one's write, of as many blocks as a worker goes through:
    those of the loop, and those of the tasks of a bundle, which the scheduler makes half of a worker's share.
    """
    store = resources.machine.store
    transfer = store.seconds(moved.read, moved.written)
    transfer += store.request_s * ((moved.read > 0) + (moved.written > 0))
    at_best = max(busy, transfer)
    blocks = program.loop_count * max(1.0, program.task_count / (2 * resources.workers))
    return at_best + (kernels + transfer - at_best) / blocks


def flops_a_second(resources: Resources) -> float:
    """What tasks are cut for in products of double precision, where a worker has the data memory and no more."""
    machine = resources.cut_for
    cores = machine.cores(resources.memory_bytes / 2**20) if machine.remote else 1.0
    return machine.flops_per_s(np.dtype(float), cores=max(cores, LEAST_CORES))


def bytes_a_second(resources: Resources) -> float:
    """What a worker that tasks are cut for reads of a store."""
    return resources.cut_for.store.read_mbps * 1e6


def cuts_key(resources: Resources) -> str:
    """What of the machine plans depend on: those for other rates have other tasks."""
    machine = resources.cut_for
    return f"{flops_a_second(resources):.6g} {machine.store.read_mbps:g} {machine.store.request_s:g} {machine.task_s:g}"


def turns_of(flops: float, dtype: np.dtype[Any], resources: Resources) -> int:
    """The tasks that work of so many real flops is to be done in, one after the other or by several workers."""
    return math.ceil(real_flops(dtype) * flops / flops_a_second(resources) / MOST_TASK_S)


def totals(program: Program) -> tuple[float, int, int]:
    """Flops, bytes read and bytes written of all tasks of a program together."""
    sizes = [c.size for c in program.axes]
    elements = math.prod(sizes[: program.grid_ndim])
    flops = sum(_flops(program, s, elements) for s in program.steps) + program.flops * program.task_count
    read = sum(total_bytes(program, r) for r in program.reads)
    return flops, read, sum(program.arrays[w.array].nbytes for w in program.writes)


def plan_totals(plan: Plan) -> tuple[float, int, int]:
    """Flops, bytes read and bytes written of all tasks of a plan."""
    flops, read, written = (zip(*map(totals, plan.programs), strict=True)) if plan.programs else ((), (), ())
    return sum(flops), int(sum(read)), int(sum(written))


def multiplications(program: Program) -> float:
    """Multiplications of products, and of kernels that consist of such, of all tasks together."""
    elements = math.prod(c.size for c in program.axes[: program.grid_ndim])
    gemms = [s for s in program.steps if s.kernel == "gemm"]
    kinds = [real_flops(dtype_from_json(s.params["dtype"])) for s in gemms]
    kinds += [max((real_flops(program.arrays[w.array].dtype) for w in program.writes), default=1)]
    flops = [*(_flops(program, s, elements) for s in gemms), program.flops * program.task_count]
    return sum(f / (2 * kind) for f, kind in zip(flops, kinds, strict=True))


def total_bytes(program: Program, read: Read) -> int:
    """Bytes that all tasks together read of one read."""
    if any(is_diagonal(part.maps) for part in read.parts):
        blocks = [(0, c.max_chunk) for c in program.axes]
        return _read_bytes(program, read, blocks) * program.task_count * program.loop_count
    followed = {m.axis for part in read.parts for m in part.maps}
    again = math.prod(n for d, n in enumerate(program.grid) if d not in followed)
    return _read_bytes(program, read, [(0, c.size) for c in program.axes]) * again


def _read_bytes(program: Program, read: Read, spans: Sequence[Span]) -> int:
    total = 0
    for part in read.parts:
        spec = program.arrays[part.array]
        lengths = []
        for d, (m, size) in enumerate(zip(part.maps, spec.tiling.shape, strict=True)):
            whole = read.most if read.by and d == read.by_axis else size
            lengths.append(min(length_of(m, spans[m.axis] if m.axis >= 0 else (0, 1)), whole))
        total = max(total, math.prod(lengths) * spec.dtype.itemsize)
        if len(read.parts) > 1 or read.fill is not None:
            block = math.prod(spans[part.maps[d].axis][1] for d in read.layout if d >= 0)
            total = max(total, block * spec.dtype.itemsize)
    return total


def _held_bytes(program: Program, read: Read, nbytes: int, spans: Sequence[Span]) -> int:
    """Bytes of a read of `nbytes` with what it is put together from."""
    under_way = min(nbytes, _tile_bytes(program, read, spans)) if read.loop and program.loop_count > 1 else 0
    return nbytes * (2 if _is_pasted(program, read) else 1) + under_way


def _updated(program: Program) -> Read | None:
    """The read of what a program changes in its own memory, if that is what it does."""
    step = program.steps[0] if program.steps else None
    if step is None or step.kernel not in UPDATES:
        return None
    return next((r for r in program.reads if step.outs == (r.register,)), None)


def _apart(program: Program, held: Mapping[str, int], elements: int) -> int:
    """Bytes that are never there at once: of a product's operands, and of what its result is made into afterwards."""
    if [s.kernel for s in program.steps] != ["gemm", "map"]:
        return 0
    operands = sum(held[r.register] for r in program.reads if r.loop)
    others = sum(held[r.register] for r in program.reads if not r.loop)
    return min(operands, others + _made_bytes(program, program.steps[1], elements))


def _tile_bytes(program: Program, read: Read, spans: Sequence[Span]) -> int:
    """Bytes that come of the largest tile of a read's sources: what is under way while tiles are put together."""
    largest = 0
    for part in read.parts:
        spec = program.arrays[part.array]
        tile = spec.tiling.max_tile
        needed = (length_of(m, spans[m.axis] if m.axis >= 0 else (0, 1)) for m in part.maps)
        region = [max(1, min(n, t)) for n, t in zip(needed, tile, strict=True)]
        largest = max(largest, stretch(tile, region) * spec.dtype.itemsize)
    return largest


def _is_pasted(program: Program, read: Read) -> bool:
    """Whether the register is made of parts, which are read one after the other: not where each block is of one."""
    return read.fill is not None or (len(read.parts) > 1 and not all(_has_blocks(program, p) for p in read.parts))


def _has_blocks(program: Program, part: Part) -> bool:
    """Whether a part has any block of the stage's axes wholly or not at all."""
    sizes = program.arrays[part.array].tiling.shape
    return all(_ends_with_blocks(m, n, program.axes[m.axis]) for m, n in zip(part.maps, sizes, strict=True))


def _ends_with_blocks(m: AxisMap, size: int, cuts: Cuts) -> bool:
    if m.axis < 0 or not m.is_elementwise or m.step != 1:
        return False
    ends = (end for end in (-m.start, size - m.start) if 0 < end < cuts.size)
    return all(cuts.span(cuts.find(end))[0] == end for end in ends)


def _written(program: Program, n: int, spans: Sequence[Span]) -> int:
    write = program.writes[n]
    spec = program.arrays[write.array]
    follows = zip(spec.tiling.axes, write.axes, write.by_block, strict=True)
    lengths = (c.max_chunk if by_block else 1 if a < 0 else spans[a][1] for c, a, by_block in follows)
    return math.prod(lengths) * spec.dtype.itemsize


def _flops(program: Program, step: Step, elements: int) -> float:
    if step.kernel == "gemm":
        total = 2.0 * elements * program.loops[0].size  # where k is split, its part is an axis of the grid
        return total * real_flops(dtype_from_json(step.params["dtype"]))
    return float(elements * len(step.params["code"])) if step.kernel == "map" else 0.0


def _drawing_bytes(program: Program, step: Step, itemsize: int) -> int:
    """Bytes that a step of random values takes beside its register."""
    shape = tuple(c.size for c in program.axes[: program.grid_ndim])
    read = sum(program.arrays[p.array].nbytes for r in program.reads if r.register in step.ins for p in r.parts)
    return work_nbytes(step.params["name"], step.params["args"], shape, itemsize, read)


def _made_bytes(program: Program, step: Step, elements: int) -> int:
    """Bytes of the registers that a step makes."""
    if step.kernel == "gemm":
        followed = {m.axis for r in program.reads for p in r.parts for m in p.maps}
        k = 1 if program.grid_ndim in followed else program.axes[program.grid_ndim - 1].max_chunk
        return elements // max(k, 1) * dtype_from_json(step.params["dtype"]).itemsize
    if step.kernel == "random":
        itemsize = dtype_from_json(step.params["dtype"]).itemsize
        return elements * itemsize + _drawing_bytes(program, step, itemsize)
    if step.kernel == "fill":
        return elements * dtype_from_json(step.params["dtype"]).itemsize
    if step.kernel != "map":
        return 0
    whole = [w for w in program.writes if w.register in step.outs and not any(w.by_block)]
    return sum(elements * program.arrays[w.array].dtype.itemsize for w in whole)
