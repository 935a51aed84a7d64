"""What a task of a program costs at most: flops, bytes, seconds, peak bytes.

Seconds are those of the machine of the planner's resources, by the rules of `work.py`, peak bytes go by those of
`peak.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import real_flops

from ..task import ArraySpec, Estimate, Plan, Program, Read, Step
from ..tiling import Span, dtype_from_json
from .blocks import LEAST_CORES, Resources
from .peak import is_pasted, peak_bytes, reach
from .views import is_diagonal
from .work import KERNELS, Work, length_of

# What the work of a task may take: an attempt ends after 870 s, and some are slower than was thought.
MOST_TASK_S = 600.0


def estimate(program: Program, resources: Resources) -> Estimate:
    """The cost of the largest task: every axis at its longest block."""
    spans = [(0, c.max_chunk) for c in program.axes]
    loops = program.loop_count
    read_bytes = {r.register: _read_bytes(program, r, spans) for r in program.reads}
    bytes_read = sum(read_bytes[r.register] * (loops if r.loop else 1) for r in program.reads)
    written = [_written(program, n, spans) for n in range(len(program.writes))]
    bytes_written = sum(written)
    work = Work(program, spans, resources.machine, resources.cores)
    moved = Moved.of(program, resources, spans, read_bytes)
    kernels = work.seconds() + moved.memory_s
    busy = kernels + resources.machine.store.cpu_seconds(moved.read, moved.written)
    seconds = _overlapped(kernels, busy, moved, program, resources) + resources.machine.task_s
    peak = peak_bytes(program, read_bytes, written, spans, resources)
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
            assembled = _is_assembled(program, r, spans)
            if any(_is_far(program.arrays[p.array], resources) for p in r.parts):
                read += nbytes
            elif streams and (program.steps or not assembled):
                seconds += nbytes / (memory.stream_gbps * 1e9)
            if assembled:
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
    return is_pasted(program, read)


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


@lru_cache(maxsize=64)
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
    return flops, read, sum(written_bytes(program).values())


def written_bytes(program: Program) -> dict[str, int]:
    """Bytes that all tasks together write of each array."""
    return {w.array: round(program.arrays[w.array].nbytes * program.share(w.axes)) for w in program.writes}


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
    again = math.prod(n for d, n in enumerate(program.grid) if d not in followed) * program.share(followed)
    return round(_read_bytes(program, read, [(0, c.size) for c in program.axes]) * again)


def _read_bytes(program: Program, read: Read, spans: Sequence[Span]) -> int:
    total = 0
    for part in read.parts:
        spec = program.arrays[part.array]
        lengths = []
        for d, (m, size) in enumerate(zip(part.maps, spec.tiling.shape, strict=True)):
            whole = read.most if read.by and d == read.by_axis else size
            lengths.append(min(reach(m, spans), whole))
        total = max(total, math.prod(lengths) * spec.dtype.itemsize)
        if len(read.parts) > 1 or read.fill is not None:
            block = math.prod(spans[part.maps[d].axis][1] for d in read.layout if d >= 0)
            total = max(total, block * spec.dtype.itemsize)
    return total


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
