"""What a task holds in memory at most, beyond the interpreter and the libraries.

- what is read: every register, with the tiles that it is put together from or is a part of, of a loop's one pair of
  blocks and the tiles of the next pair that are under way;
- what is made: the result of a product, random values and what drawing them takes, outputs of elementwise programs,
  and for every other kernel twice what it writes, or a copy of what it chooses from; `extra_bytes` of the stage;
- a copy of what is written as it was read, where it does not lie in order, and of one of the tiles that a block is cut
  into: more at once only where there is room;
- less what is never there at once: the operands of a product, and what its result is made into afterwards;
- buffers that do not grow with tiles: blocks in the cache, BLAS's packed operands, threads' stacks.

What is fetched ahead beyond that, and written behind, takes what is left of the worker's memory and no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from lambdarray_kernels.generators import work_nbytes
from lambdarray_kernels.registry import MODULES

from ..task import ArraySpec, Part, Program, Read, Step, Write
from ..tiling import AxisMap, Cuts, Span, dtype_from_json
from .blocks import LEAST_SHARE, Resources
from .passes import in_parts, stretch
from .work import length_of

# Kernels whose registers are counted one by one; every other one makes what it writes, and as much while it makes it.
COUNTED = frozenset({"map", "gemm", "random", "combine", "finish", "reshape", "fill"})
# Kernels that change a block in its own memory, over and over: what comes after them has that memory too.
UPDATES = frozenset({"gemm_update", "herk_update"})
# Those that write less than they read, and how many copies of that they work on.
COPIES = {"scan_total": 1, "median": 1, "quantile": 1, "bincount": 1, "topk": 2, "argtopk": 3, "histogramdd": 1}
WITH_BLAS = frozenset(
    ["products", "updates", "triangular", "lapack", "solvers", "orthogonal", "pivoting", "row_orders"]
)
# Measured, and rounded up: see benchmarks/peaks.py.
BUFFERS, PACKED = 12 << 20, 12 << 20
# A product of integers goes through blocks of floats.
THROUGH_FLOATS = 36 << 20


def peak_bytes(
    program: Program, reads: Mapping[str, int], written: Sequence[int], spans: Sequence[Span], resources: Resources
) -> int:
    """The peak of the largest task, whose reads and writes have so many bytes."""
    held = {r.register: _held(program, r, reads[r.register], spans, resources) for r in program.reads}
    elements = math.prod(hi for _, hi in spans[: program.grid_ndim])
    made = sum(_made(program, s, elements, written) for s in program.steps) + program.extra_bytes
    kernels = {s.kernel for s in program.steps}
    updated = _updated(program)
    if updated is not None:
        # It was read for that, and is copied only where it is a stored tile's own memory: before all else is read.
        first = held[updated.register] + min(sum(written), _regions(program, updated, spans))
        held[updated.register] = reads[updated.register]
        made += max(0, first - sum(held.values()))
    elif not kernels <= COUNTED:
        made += 2 * sum(written)  # what a kernel makes, and once more while it makes it
    made += max((COPIES.get(kernel, 0) for kernel in kernels), default=0) * max(reads.values(), default=0)
    copied = sum(n for w, n in zip(program.writes, written, strict=True) if _is_copied(program, w, spans))
    # Tiles are written when what they were made from is gone.
    pieces = max((_piece_written(program, w, spans, resources) for w in program.writes), default=0)
    stays = {w.register for w in program.writes}
    copied += max(0, pieces - sum(n for name, n in held.items() if name not in stays))
    data = sum(held.values()) + made + copied - _apart(program, held, elements, written)
    buffers = BUFFERS + PACKED * (any(MODULES.get(k) in WITH_BLAS for k in kernels) * math.ceil(resources.cores))
    return data + min(buffers, 9 * data // 16, resources.memory_bytes // LEAST_SHARE)


# -- what is read


def is_pasted(program: Program, read: Read) -> bool:
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


def _updated(program: Program) -> Read | None:
    """The read of what a program changes in its own memory, if that is what it does."""
    step = program.steps[0] if program.steps else None
    if step is None or step.kernel not in UPDATES:
        return None
    return next((r for r in program.reads if step.outs == (r.register,)), None)


def _held(program: Program, read: Read, nbytes: int, spans: Sequence[Span], resources: Resources) -> int:
    """Bytes of a read of `nbytes` with what it is put together from."""
    under_way = 0
    if read.loop and program.loop_count > 1:
        region = _regions(program, read, spans)
        # A block that is most of what lies between its first element and its last is a view of all that.
        under_way = region if nbytes < region <= 2 * nbytes and not read.by else min(nbytes, region)
    piece = nbytes if read.by else max(_piece(program, part, nbytes, spans, resources) for part in read.parts)
    return max(piece, max(nbytes, under_way) + under_way) + (nbytes if is_pasted(program, read) else 0)


def _piece(program: Program, part: Part, nbytes: int, spans: Sequence[Span], resources: Resources) -> int:
    """Bytes that are there once a part of at most `nbytes` is: of a part of a tile all that was read for it."""
    spec = program.arrays[part.array]
    if not (spec.location["kind"] == "zarr" or (spec.location["kind"] == "tiles" and resources.remote)):
        return nbytes
    several = any(_meets_several(m, program.axes, c) for m, c in zip(part.maps, spec.tiling.axes, strict=True))
    if not in_parts(spec):
        tile = math.prod(spec.tiling.max_tile) * spec.dtype.itemsize
        return nbytes + tile if several else max(nbytes, tile)
    region = _region(spec, part, spans)
    return nbytes + min(nbytes, region) if several else max(nbytes, region)


def _regions(program: Program, read: Read, spans: Sequence[Span]) -> int:
    """Bytes that come of the largest tile of a read's sources: what is under way while tiles are put together."""
    return max(_region(program.arrays[part.array], part, spans) for part in read.parts)


def _region(spec: ArraySpec, part: Part, spans: Sequence[Span]) -> int:
    """Bytes of a tile from the first element to the last that a block needs of it."""
    tile = spec.tiling.max_tile
    region = [max(1, min(reach(m, spans), n)) for m, n in zip(part.maps, tile, strict=True)]
    return stretch(tile, region) * spec.dtype.itemsize


def reach(m: AxisMap, spans: Sequence[Span]) -> int:
    """The elements of a source's axis that are read for a block, those that are stepped over included."""
    span = spans[m.axis] if m.axis >= 0 else (0, 1)
    if m.table:
        return length_of(m, span)
    lo, hi = m.span(span)
    return hi - lo


def _meets_several(m: AxisMap, axes: Sequence[Cuts], tiles: Cuts) -> bool:
    """Whether some block needs elements of several tiles."""
    if tiles.count == 1:
        return False
    if m.axis < 0:
        return m.size > 1 and bool(tiles.find(max(m.start, 0)) != tiles.find(min(m.start + m.size, tiles.size) - 1))
    blocks = axes[m.axis]
    if m.table or m.by_block or m.size > 1 or m.num != m.den or m.step != 1:
        return True
    if blocks.regular and tiles.regular:
        inside = m.start % tiles.chunk == 0 and tiles.chunk % max(blocks.chunk, 1) == 0
        return not inside and blocks.max_chunk > 1
    if m.start == 0 and blocks.count == tiles.count and blocks == tiles:
        return False
    starts, stops = (f(np.arange(blocks.count)) + m.start for f in (blocks.start, blocks.stop))
    first, last = np.clip(starts, 0, tiles.size - 1), np.clip(stops - 1, 0, tiles.size - 1)
    return bool((tiles.find(first) != tiles.find(last)).any())


# -- what is made


def _made(program: Program, step: Step, elements: int, written: Sequence[int]) -> int:
    """Bytes of the registers that a step makes, and of what it makes them from."""
    if step.kernel == "gemm":
        followed = {m.axis for r in program.reads for p in r.parts for m in p.maps}
        k = 1 if program.grid_ndim in followed else program.axes[program.grid_ndim - 1].max_chunk
        dtype = dtype_from_json(step.params["dtype"])
        nbytes = elements // max(k, 1) * dtype.itemsize
        is_exact = dtype.kind in "fc" and dtype.itemsize >= 4
        return nbytes + (0 if is_exact else min(THROUGH_FLOATS, 4 * nbytes))
    if step.kernel == "random":
        itemsize = dtype_from_json(step.params["dtype"]).itemsize
        return elements * itemsize + _drawing_bytes(program, step, elements, itemsize)
    if step.kernel == "fill":
        return elements * dtype_from_json(step.params["dtype"]).itemsize
    if step.kernel not in ("map", "combine", "finish"):
        return 0
    made = zip(program.writes, written, strict=True)
    if step.kernel != "map":
        return max(written, default=0)
    whole = sum(elements * program.arrays[w.array].dtype.itemsize for w in _outputs(program, step, False))
    return whole + sum(n for w, n in made if w.register in step.outs and any(w.by_block))


def _outputs(program: Program, step: Step, by_block: bool) -> list[Write]:
    return [w for w in program.writes if w.register in step.outs and any(w.by_block) == by_block]


def _drawing_bytes(program: Program, step: Step, elements: int, itemsize: int) -> int:
    """Bytes that a step of random values takes beside its register."""
    shape = tuple(c.size for c in program.axes[: program.grid_ndim])
    read = sum(program.arrays[p.array].nbytes for r in program.reads if r.register in step.ins for p in r.parts)
    shuffled = elements * itemsize if step.params["name"] == "permutation" else 0
    return work_nbytes(step.params["name"], step.params["args"], shape, itemsize, read) + shuffled


def _is_copied(program: Program, write: Write, spans: Sequence[Span]) -> bool:
    """Whether what is written is a view of what was read, not in the order in which tiles are stored."""
    read = next((r for r in program.reads if r.register == write.register), None)
    if read is None or any(write.register in s.outs for s in program.steps) or is_pasted(program, read):
        return False
    order = [d for d in read.layout if d >= 0]
    steps = any(m.axis >= 0 and m.step != 1 for part in read.parts for m in part.maps)
    cuts = program.arrays[read.parts[0].array].tiling.axes
    lengths = [reach(m, spans) for m in read.parts[0].maps]
    return order != sorted(order) or steps or lengths[1:] != [c.max_chunk for c in cuts[1:]]


def _piece_written(program: Program, write: Write, spans: Sequence[Span], resources: Resources) -> int:
    """Bytes of a copy of one of the tiles that a block is cut into, where they do not lie in order in the block."""
    spec = program.arrays[write.array]
    if not resources.remote:  # then it is the copy that is kept
        return 0
    follows = zip(write.axes, write.by_block, spec.tiling.max_tile, strict=True)
    lengths = [n if a < 0 or by_block else spans[a][1] for a, by_block, n in follows]
    cut = [n < length for n, length in zip(spec.tiling.max_tile, lengths, strict=True)]
    first = next((d for d, n in enumerate(spec.tiling.max_tile) if n > 1), len(cut))
    return math.prod(spec.tiling.max_tile) * spec.dtype.itemsize if any(cut[first + 1 :]) else 0


def _apart(program: Program, held: Mapping[str, int], elements: int, written: Sequence[int]) -> int:
    """Bytes that are never there at once: of a product's operands, and of what its result is made into afterwards."""
    if [s.kernel for s in program.steps] != ["gemm", "map"]:
        return 0
    operands = sum(held[r.register] for r in program.reads if r.loop)
    others = sum(held[r.register] for r in program.reads if not r.loop)
    return min(operands, others + _made(program, program.steps[1], elements, written))
