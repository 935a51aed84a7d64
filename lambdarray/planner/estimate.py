"""What a task of a program costs at most: flops, bytes, seconds, peak bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import real_flops
from lambdarray_kernels.generators import work_nbytes

from ..task import Estimate, Program, Read, Step
from ..tiling import AxisMap, Span, dtype_from_json
from .blocks import Resources
from .views import is_diagonal

# Seconds per element of a function of an elementwise program that runs from the cache, and per random value.
MAP_S = 0.4e-9
SLOW_S = 5e-9
RANDOM_S = 12e-9
QUICK_NAMES = (
    "absolute", "add", "bitwise_and", "bitwise_or", "bitwise_xor", "cast", "clip",
    "copy", "divide", "equal", "fabs", "floor", "greater", "greater_equal",
    "imag", "invert", "isfinite", "isnan", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "maximum", "minimum", "multiply", "negative", "not_equal",
    "positive", "real", "reciprocal", "rint", "sign", "sqrt", "square",
    "subtract", "where",
)  # fmt: skip
QUICK = frozenset(QUICK_NAMES)
# Kernels whose costs are known here; every other one takes this long for a byte that it reads or makes.
MODELLED = frozenset({"map", "gemm", "random", "combine", "finish", "reshape"})
BYTE_S = 1e-9
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
    flops = sum(_flops(program, s, elements) for s in program.steps) + program.flops
    machine = resources.machine
    streamed = 0 if resources.remote else (bytes_read + bytes_written) / (machine.memory.stream_gbps * 1e9)
    products = sum(_flops(program, s, elements) for s in program.steps if s.kernel == "gemm") + program.flops
    moved = 0.0 if all(s.kernel in MODELLED for s in program.steps) else BYTE_S * (bytes_read + bytes_written)
    elementwise = max(_map_seconds(program, elements) + moved, 0 if products else streamed)
    compute = elementwise + products / flops_a_second(resources)
    transfer = machine.store.seconds(bytes_read, bytes_written) if resources.remote else 0.0
    seconds = max(compute, transfer) + machine.task_s
    held = {r.register: _held_bytes(program, r, read_bytes[r.register], loops) for r in program.reads}
    made = sum(_made_bytes(program, s, elements) for s in program.steps) + program.extra_bytes
    if not all(s.kernel in MODELLED for s in program.steps):
        made += 2 * bytes_written  # what a kernel makes, and once more while it makes it
    peak = sum(held.values()) + made - _apart(program, held, elements)
    return Estimate(flops, bytes_read, bytes_written, seconds, peak, compute)


def flops_a_second(resources: Resources) -> float:
    """What a worker makes in a product of double precision."""
    return resources.machine.flops_per_s(np.dtype(float), cores=max(resources.cores, 0.1))


def bytes_a_second(resources: Resources) -> float:
    """What a worker reads or writes of a store."""
    return resources.machine.store.read_mbps * 1e6


def totals(program: Program) -> tuple[float, int, int]:
    """Flops, bytes read and bytes written of all tasks of a program together."""
    sizes = [c.size for c in program.axes]
    elements = math.prod(sizes[: program.grid_ndim])
    flops = sum(_flops(program, s, elements) for s in program.steps) + program.flops * program.task_count
    read = sum(_total_bytes(program, r) for r in program.reads)
    return flops, read, sum(program.arrays[w.array].nbytes for w in program.writes)


def _total_bytes(program: Program, read: Read) -> int:
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
            lengths.append(min(_length(m, spans[m.axis] if m.axis >= 0 else (0, 1)), whole))
        total = max(total, math.prod(lengths) * spec.dtype.itemsize)
        if _is_pasted(read):
            block = math.prod(spans[part.maps[d].axis][1] for d in read.layout if d >= 0)
            total = max(total, block * spec.dtype.itemsize)
    return total


def _held_bytes(program: Program, read: Read, nbytes: int, loops: int) -> int:
    """Bytes of a read of `nbytes` with what it is put together from."""
    under_way = min(nbytes, _tile_bytes(program, read)) if read.loop and loops > 1 else 0
    return nbytes * (2 if _is_pasted(read) else 1) + under_way


def _apart(program: Program, held: Mapping[str, int], elements: int) -> int:
    """Bytes that are never there at once: of a product's operands, and of what its result is made into afterwards."""
    if [s.kernel for s in program.steps] != ["gemm", "map"]:
        return 0
    operands = sum(held[r.register] for r in program.reads if r.loop)
    others = sum(held[r.register] for r in program.reads if not r.loop)
    return min(operands, others + _made_bytes(program, program.steps[1], elements))


def _tile_bytes(program: Program, read: Read) -> int:
    """Bytes of the largest tile of a read's sources: what is under way while tiles are put together."""
    specs = (program.arrays[part.array] for part in read.parts)
    return max(math.prod(spec.tiling.max_tile) * spec.dtype.itemsize for spec in specs)


def _is_pasted(read: Read) -> bool:
    """Whether the register is made of parts, which are read one after the other."""
    return len(read.parts) > 1 or read.fill is not None


def _length(m: AxisMap, span: Span) -> int:
    """The elements of a source that a block of `span` elements needs at most."""
    if m.table:
        return max(hi - lo for lo, hi in zip(m.table[::2], m.table[1::2], strict=True))
    lo, hi = m.span(span)
    return -(-(hi - lo) // abs(m.step)) if m.size == 1 else hi - lo


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


def _map_seconds(program: Program, elements: int) -> float:
    codes = [s.params["code"] for s in program.steps if s.kernel == "map"]
    functions = sum(MAP_S if i[0] in QUICK else SLOW_S for code in codes for i in code)
    randoms = sum(s.kernel == "random" for s in program.steps)
    return elements * (functions + len(codes) * MAP_S + randoms * RANDOM_S)


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
    if step.kernel != "map":
        return 0
    whole = [w for w in program.writes if w.register in step.outs and not any(w.by_block)]
    return sum(elements * program.arrays[w.array].dtype.itemsize for w in whole)
