"""What the planner chose, in words, each with the reason and the figures behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cost.quote import Quote
from ..planner.estimate import multiplications, totals
from ..runtime.environment import cores
from ..runtime.launch import OVERHEAD_MIB
from ..task import Estimate, Program
from .markup import bytes_text
from .pricing import dollars_text, quote_there, seconds_text

if TYPE_CHECKING:
    from .explain import Explanation

Row = tuple[str, str]
# Half a core, one, two and all that a function may have.
MEMORIES = (885, 1769, 3538, 10_240)


def choices(found: Explanation) -> list[Row]:
    """Workers, tile, k split, memory, BLAS threads, architecture."""
    reason = f"{found.workers:,}" if found.choice is None else found.choice.reason
    rows: list[Row] = [("workers", reason)]
    if found.plan.programs:
        program, estimate = max(
            zip(found.plan.programs, found.plan.estimates, strict=True),
            key=lambda pair: (multiplications(pair[0]), totals(pair[0])[1]),
        )
        rows.append(("tile", _tile(found, program, estimate)))
        if any(step.kernel == "gemm" for step in program.steps):
            rows.append(("k split", _split(found, program)))
    return [*rows, ("memory", _memory(found)), ("BLAS", _threads(found)), ("processor", _processor(found))]


def _tile(found: Explanation, program: Program, estimate: Estimate) -> str:
    blocks = [f"{c.max_chunk:,}" for c in program.axes[: program.grid_ndim]]
    tasks = f"{program.task_count:,} tasks for {found.workers:,} workers"
    memory = f"{bytes_text(estimate.peak_bytes)} of the {bytes_text(found.resources.memory_bytes)} that a worker has"
    if not any(step.kernel == "gemm" for step in program.steps):
        return f"a task of {program.name} takes blocks of {' x '.join(blocks) or 'one element'}: {tasks}, {memory}"
    # Where k is split, its parts are the last axis of the grid.
    k = f"{program.loops[0].max_chunk:,} of k at a time"
    if program.loops[0].size == 1 < program.grid_ndim - 1:
        k = f"a part of k of {blocks.pop()}"
    return f"a task of {program.name} owns {' x '.join(blocks)} of its result and reads {k}: {tasks}, {memory}"


def _split(found: Explanation, program: Program) -> str:
    told = [note for note in found.plan.notes if "k split" in note]
    if told:
        return told[0] if len(told) == 1 else f"{told[0]} (and {len(told) - 1} more products)"
    return f"none: {program.task_count:,} blocks of the result for {found.workers:,} workers"


def _memory(found: Explanation) -> str:
    q, plan = found.there.quote, found.there.plan
    given = "as it was given" if found.config.memory_mib and not found.config.local else "the default"
    cores_of = q.machine.cores(q.memory_mib)
    text = f"functions of {q.memory_mib:,} MiB, {given}: {cores_of:.2g} core{'s' * (cores_of != 1)}"
    others = _other_memories(found)
    if not plan.programs or not others:
        return text
    cheapest = min(others, key=lambda o: o.dollars)
    fastest = min(others, key=lambda o: o.seconds_before_results)
    told = [f"{o.memory_mib:,} MiB would take {_figures(o)}" for o in dict.fromkeys((cheapest, fastest))]
    return f"{text}, {_figures(q)}; {' and '.join(told)}"


def _other_memories(found: Explanation) -> list[Quote]:
    """The same plan on functions of other sizes that hold its tasks."""
    there, peak = found.there, max((e.peak_bytes for e in found.there.plan.estimates), default=0)
    sizes = [m for m in MEMORIES if m != there.quote.memory_mib and (m - OVERHEAD_MIB) << 20 >= peak]
    return [quote_there(there.plan, found.config, there.workers, memory_mib=m) for m in sizes]


def _figures(q: Quote) -> str:
    return f"{seconds_text(q.seconds_before_results)} and ${dollars_text(q.dollars_before_results)}"


def _threads(found: Explanation) -> str:
    if found.config.local:
        count = max(1, cores() // found.workers)
        return f"{count} thread{'s' * (count != 1)} a worker here: {found.workers} workers share {cores()} cores"
    q = found.there.quote
    share, sees = q.machine.cores(q.memory_mib), q.machine.visible_cores(q.memory_mib)
    count = max(1, min(sees, round(share)))
    return f"{count} thread{'s' * (count != 1)} a function: it sees {sees} cores and has the time of {share:.2g}"


def _processor(found: Explanation) -> str:
    mine = found.there.quote.machine.functions.architecture
    prices = found.dollars_by_architecture
    others = [f"{name} would cost ${dollars_text(d)}" for name, d in prices.items() if name != mine]
    given = "by the profile" if found.config.profile else "the default"
    return f"{mine}, {given}: ${dollars_text(prices[mine])}; {', '.join(others)}"
