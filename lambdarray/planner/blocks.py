"""How much of an array a task takes: blocks for reductions, the loop of a product, the groups of a reduction tree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..cost import Machine, profile
from ..tiling import Cuts, Tiling

# A task below this many elements is mostly overhead; one above is worth splitting for balance.
LEAST_ELEMENTS = 1 << 18
TASKS_PER_WORKER = 8
# A task may hold a few blocks at once: what it reads, and what is fetched ahead for the next.
MEMORY_PARTS = 8
# Tasks of a product of views for each worker: few, since they are all alike.
VIEWED_PER_WORKER = 2
# Of a worker's memory for a block that a task owns and its operands; the rest is for what is sent.
OWNED_SHARE = 0.9
# Of a worker's memory buffers that do not grow with tiles take at most this part.
LEAST_SHARE = 16
# A product that reads more than so many times the least possible does without fetching ahead to read less.
NEAR_LEAST = 1.1
# A share of the result that lacks no more than this of another tile is taken to have it.
ROUND_UP = 0.2
# However little memory there is for data, a worker that runs has some time of a core.
LEAST_CORES = 0.07
# What a task of a reduction reads at a time where a task costs little: as fast as more, and it takes less memory.
LOCAL_BYTES = 32 << 20
# Blocks beside the parts of a product that are summed: the sum, what is read for its epilogue, and what comes of it.
BESIDE_PARTS = 4
# How often an element of a partial product is moved: written, read, and again for some of the sums of sums.
PARTIAL_MOVES = 2.3
# How much of k a task may read at a time where it is contiguous in the tiles of both operands.
LEAST_STEP = 512


@dataclass(frozen=True, slots=True)
class Resources:
    """What the planner plans for: workers, bytes of memory for data in each, and whether tiles go through a store.

    `overhead_mib` is what `memory_mib` has to be beyond that; it is no part of a plan. `worker` is what a worker is,
    where it is neither the shipped function nor, where tiles stay in memory, the shipped thread; what it takes for
    tasks is estimated, and what tasks are `cut_for` is another thing.
    """

    workers: int
    memory_bytes: int
    remote: bool
    overhead_mib: int = field(default=0, repr=False, compare=False)
    worker: Machine | None = field(default=None, repr=False)

    @property
    def machine(self) -> Machine:
        """What a worker is."""
        return self.worker or profile("lambda-x86_64" if self.remote else "threads")

    @property
    def cut_for(self) -> Machine:
        """What tasks are cut for: through a store a function, so that an expression has one plan wherever it runs."""
        return profile("lambda-x86_64") if self.remote and not self.machine.remote else self.machine

    @property
    def cores(self) -> float:
        """The cores whose time a worker has."""
        return max(LEAST_CORES, self.machine.cores(self.memory_bytes / 2**20 + self.overhead_mib))

    @property
    def functions(self) -> bool:
        """Whether workers are functions, of which some are slow, and not cores of this machine."""
        return self.remote and self.machine.remote and self.overhead_mib > 0


def group(cuts: Cuts, factor: int) -> Cuts:
    """Cuts with `factor` neighbouring tiles made one.

    >>> group(Cuts(10, 2), 3).chunks
    (6, 4)
    """
    if factor <= 1 or cuts.count == 1:
        return cuts
    if cuts.regular:
        return Cuts(cuts.size, min(cuts.chunk * factor, cuts.size))
    starts = np.asarray(cuts.start(np.arange(0, cuts.count, factor)))
    return Cuts.from_bounds(np.append(starts, cuts.size))


def evenly(cuts: Cuts, parts: int) -> Cuts:
    """Cuts with neighbouring tiles joined into `parts` of nearly the same number of tiles.

    >>> evenly(Cuts(13, 1), 4).chunks
    (3, 3, 3, 4)
    """
    if parts >= cuts.count:
        return cuts
    firsts = np.arange(parts) * cuts.count // parts
    return Cuts.from_bounds(np.append(np.asarray(cuts.start(firsts)), cuts.size))


def split(cuts: Cuts, parts: int) -> Cuts:
    """Cuts with the longest tiles cut into about `parts`, the others into parts of the same length.

    >>> split(Cuts.ragged([2, 6]), 2).chunks
    (2, 3, 3)
    """
    if parts > 1 and cuts.regular and cuts.size:
        return Cuts(cuts.size, max(1, -(-cuts.chunk // parts)))
    return refine(cuts, parts)


def refine(cuts: Cuts, parts: int) -> Cuts:
    """As `split`, with every boundary that there was.

    >>> refine(Cuts(8, 5), 2).chunks
    (3, 2, 3)
    """
    if parts <= 1 or cuts.size == 0:
        return cuts
    longest = -(-cuts.max_chunk // parts)
    if cuts.regular and cuts.chunk % longest == 0:
        return Cuts(cuts.size, longest)
    inner = [np.arange(*cuts.span(i), longest) for i in range(cuts.count)]
    return Cuts.from_bounds(np.append(np.concatenate(inner), cuts.size))


def least_elements(itemsize: int, resources: Resources) -> int:
    """The elements below which a task is mostly overhead: through a store those that take as long to read as it takes.

    >>> from lambdarray.planner import Resources
    >>> least_elements(8, Resources(1000, 1 << 30, True)) > least_elements(8, Resources(2, 1 << 30, False)) == 1 << 18
    True
    """
    if not resources.remote:
        return LEAST_ELEMENTS
    machine = resources.cut_for
    overhead_s = machine.task_s + 2 * machine.store.request_s
    return max(LEAST_ELEMENTS, int(overhead_s * machine.store.read_mbps * 1e6) // max(itemsize, 1))


def for_reduction(
    tiling: Tiling, itemsize: int, resources: Resources, stored: bool, in_parts: bool = True
) -> tuple[Cuts, ...]:
    """Blocks for the first step of a reduction: near the tiles, large enough to be worth a task, enough for all.

    `itemsize` is what an element takes in all that is read. Tiles in a store are cut only where they are larger
    than a task should read and can be read `in_parts`, since a part of a tile is a request as dear as the whole.
    """
    wanted = resources.workers * TASKS_PER_WORKER
    total = math.prod(tiling.shape)
    most = resources.memory_bytes // (MEMORY_PARTS * max(itemsize, 1))
    if not resources.remote:
        most = min(most, max(LEAST_ELEMENTS, LOCAL_BYTES // max(itemsize, 1)))
    target = max(1, min(most, max(least_elements(itemsize, resources), total // wanted)))
    cuts = list(tiling.axes)
    size = math.prod(tiling.max_tile)
    limit = 2 * target if not stored else 1.5 * most if in_parts else size
    if size * 2 <= target:
        for d in reversed(range(len(cuts))):
            factor = min(cuts[d].count, max(1, target // max(size, 1)))
            before = cuts[d].max_chunk
            cuts[d] = group(cuts[d], factor)
            size = size // max(before, 1) * max(cuts[d].max_chunk, 1)
    elif size > limit:
        for d in range(len(cuts)):
            parts = min(cuts[d].max_chunk, -(-size // target))
            before = cuts[d].max_chunk
            cuts[d] = split(cuts[d], parts)
            size = size // max(before, 1) * max(cuts[d].max_chunk, 1)
            if size <= target:
                break
    return tuple(cuts)


def fits(cuts: Sequence[Cuts], itemsize: int, resources: Resources) -> bool:
    """Whether a task may read such blocks and hold a few of them."""
    return math.prod(c.max_chunk for c in cuts) * itemsize * MEMORY_PARTS <= resources.memory_bytes


def tasks(cuts: Sequence[Cuts], beside: int = 1) -> int:
    """The tasks of a grid, and of others like it that run beside it."""
    return math.prod(c.count for c in cuts) * beside


def owned(
    cuts: Sequence[Cuts],
    k: int,
    itemsize: int,
    resources: Resources,
    beside: int = 1,
    held: int = 1,
    pasted: bool = False,
) -> tuple[Cuts, Cuts]:
    """The rows and columns of the tasks of a product: each owns neighbouring output tiles, to read less.

    A result block of m by n reads (m + n) k words for m n k products, so blocks are kept near square and as large as
    fit beside two pairs of operand blocks, while there are tasks for all workers. Where that still reads much more than
    the least possible, 2 / sqrt(S) words a product for S words of a worker's memory or of its share of the result
    (Irony, Toledo and Tiskin, 2004), they fit beside one pair and the tiles under way. `held` is the blocks of m by n
    that there are in the end: the result, and what comes of it. Operands `pasted` of parts take twice the room.
    """
    rows, columns = cuts[-2], cuts[-1]
    fast = min(resources.memory_bytes / itemsize, math.prod(c.size for c in cuts) / resources.workers)
    batch = tasks(cuts[:-2], beside)
    wanted = resources.workers * (1 if resources.remote else 4)
    while True:
        for m, n in _larger(cuts, rows, columns):
            count = m.count * n.count
            sides = m.max_chunk + n.max_chunk
            reads = (1 / max(rows.max_chunk, 1) + 1 / max(columns.max_chunk, 1)) * math.sqrt(fast) / 2
            under_way = sides if reads <= NEAR_LEAST else cuts[-2].max_chunk + cuts[-1].max_chunk
            looping = m.max_chunk * n.max_chunk + k * (sides * (1 + pasted) + under_way)
            words = max(looping, held * m.max_chunk * n.max_chunk)
            fits = words * itemsize <= OWNED_SHARE * resources.memory_bytes
            if count < rows.count * columns.count and batch * count >= wanted and fits:
                rows, columns = m, n
                break
        else:
            return rows, columns


def squares(cuts: Sequence[Cuts], k: int, itemsize: int, resources: Resources, held: int = 1) -> tuple[Cuts, Cuts]:
    """The rows and columns of the tasks of a product whose k is done in turns: near square, and all of one size.

    As large as a worker's share of the result, or as fits: there are turns enough to keep workers busy.

    >>> squares((Cuts(10, 2), Cuts(10, 2)), 2, 8, Resources(4, 1 << 20, remote=True))
    (Cuts(10, 4), Cuts(10, 4))
    """
    side = math.sqrt(math.prod(c.size for c in cuts[-2:]) / resources.workers)
    factors = [max(1, int(side / max(c.max_chunk, 1) + ROUND_UP)) for c in cuts[-2:]]
    while True:
        m, n = (group(c, f) for c, f in zip(cuts[-2:], factors, strict=True))
        sides, block = m.max_chunk + n.max_chunk, m.max_chunk * n.max_chunk
        under_way = cuts[-2].max_chunk + cuts[-1].max_chunk
        words = max(block + k * (sides + under_way), held * block)
        if words * itemsize <= OWNED_SHARE * resources.memory_bytes or max(factors) == 1:
            return m, n
        factors[factors.index(max(factors))] -= 1


def _larger(cuts: Sequence[Cuts], rows: Cuts, columns: Cuts) -> Iterator[tuple[Cuts, Cuts]]:
    """Blocks with the shorter side longer, or else the other: twice as long, or else by a third."""
    wider = rows.max_chunk > columns.max_chunk
    for share in (1 / 2, 3 / 4):
        fewer_rows = evenly(cuts[-2], math.ceil(rows.count * share)), columns
        fewer_columns = rows, evenly(cuts[-1], math.ceil(columns.count * share))
        yield from (fewer_columns, fewer_rows) if wider else (fewer_rows, fewer_columns)


def rows(cuts: Sequence[Cuts], k: int, itemsize: int, resources: Resources, beside: int = 1) -> tuple[Cuts, Cuts]:
    """The rows and columns of the tasks of a product whose operands are views: whole rows of tiles, some for all.

    Nothing is read twice as dear, so that the block is what BLAS likes best: wide, its packed operands used often.
    """
    batch = tasks(cuts[:-2], beside)
    parts = min(cuts[-2].count, max(1, -(-resources.workers * VIEWED_PER_WORKER // batch)))
    m, n = evenly(cuts[-2], parts), evenly(cuts[-1], 1)
    words = m.max_chunk * n.max_chunk + k * (m.max_chunk + n.max_chunk)
    enough = batch * m.count >= resources.workers
    return (m, n) if enough and words * itemsize <= OWNED_SHARE * resources.memory_bytes else (cuts[-2], cuts[-1])


def most_k(m: int, n: int, itemsize: int, resources: Resources, tiles: int | None = None) -> int:
    """The longest stretch of k of which a pair of operand blocks, and tiles under way, fit beside an m by n result.

    `tiles` is the sum of a row's and a column's length in tiles; by default blocks are tiles.
    """
    spare = resources.memory_bytes - resources.memory_bytes // LEAST_SHARE - m * n * itemsize
    return max(1, spare // max((m + n + (m + n if tiles is None else tiles)) * itemsize, 1))


def parts_of(nbytes: int, resources: Resources) -> int:
    """How many parts of a product a task may sum: of so many bytes each, beside what comes of them."""
    return int(OWNED_SHARE * resources.memory_bytes // max(nbytes, 1)) - BESIDE_PARTS


def of_k(cuts: Cuts, most: int) -> Cuts:
    """The loop of a product: the operand's own tiles along k, cut where they are longer than `most`."""
    return cuts if cuts.max_chunk <= most or cuts.size == 0 else refine(cuts, -(-cuts.max_chunk // most))


def in_parts(
    cuts: Sequence[Cuts], k: Cuts, step: int, itemsize: int, resources: Resources, beside: int = 1
) -> tuple[Cuts, Cuts]:
    """The rows and columns of the tasks of a product whose k is split, since there are too few tasks without.

    Larger blocks read less, and leave more parts of k to be written and read again: those that move fewest bytes are
    chosen, while there are tasks for all. A task reads `step` of k at a time.
    """
    rows, columns = best = cuts[-2], cuts[-1]
    batch, least = tasks(cuts[:-2], beside), math.inf
    while True:
        count, m, n = batch * rows.count * columns.count, rows.max_chunk, columns.max_chunk
        parts = parts_of_k(count, m, n, k, resources)
        words = m * n + 2 * step * (m + n)
        if least < math.inf and (count * parts < resources.workers or words * itemsize > resources.memory_bytes):
            return best
        moved = k.size * (1 / max(m, 1) + 1 / max(n, 1)) + PARTIAL_MOVES * parts
        if moved < least:
            best, least = (rows, columns), moved
        larger = [(p, q) for p, q in _larger(cuts, rows, columns) if batch * p.count * q.count < count]
        if not larger:
            return best
        rows, columns = larger[0]


def parts_of_k(count: int, m: int, n: int, k: Cuts, resources: Resources) -> int:
    """How many parts of k give every worker a task: not so many that more is written than half of what is read."""
    most = k.size * (m + n) // max(2 * m * n, 1)
    return max(1, min(k.count, -(-resources.workers // max(count, 1)), most))
