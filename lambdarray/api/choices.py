"""What the planner chose, in words, each with the reason and the figures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..cost.quote import Quote
from ..planner.estimate import multiplications, totals
from ..runtime.environment import cores
from ..task import Estimate, Program
from .markup import bytes_text, several
from .memory_sizes import best_memory
from .pricing import dollars_text, seconds_text
from .tile_reasons import chunks_reason, side_reason

if TYPE_CHECKING:
    from .explain import Explanation

Row = tuple[str, str]
# What is said of choices that are made for each of several places of a plan, by a word of the planner's notes.
NOTED = {"k split": "k split", "fan-in": "partial results are combined"}


def choices(found: Explanation) -> list[Row]:
    """Workers, tiles of arrays and of tasks, k split, fan-in, bundles, memory, BLAS threads, architecture."""
    reason = f"{found.workers:,}" if found.choice is None else found.choice.reason
    rows: list[Row] = [("workers", reason)]
    rows += [(name, why) for name, why in (("chunks", chunks_reason(found)), ("side", side_reason(found))) if why]
    if found.plan.programs:
        program, estimate = max(
            zip(found.plan.programs, found.plan.estimates, strict=True),
            key=lambda pair: (multiplications(pair[0]), totals(pair[0])[1]),
        )
        rows.append(("tile", _tile(found, program, estimate)))
        if split := _noted(found, "k split"):
            rows.append(("k split", split))
        elif any(step.kernel == "gemm" for step in program.steps):
            rows.append(("k split", _no_split(found, program)))
        if tree := _noted(found, "fan-in"):
            rows.append(("fan-in", tree))
        rows.append(("bundles", _bundles(found)))
    return [*rows, ("memory", _memory(found)), ("BLAS", _threads(found)), ("processor", _processor(found))]


def _tile(found: Explanation, program: Program, estimate: Estimate) -> str:
    blocks = [f"{c.max_chunk:,}" for c in program.axes[: program.grid_ndim]]
    tasks = f"{several(program.task_count, 'task')} for {several(found.workers, 'worker')}"
    memory = f"{bytes_text(estimate.peak_bytes)} of the {bytes_text(found.resources.memory_bytes)} that a worker has"
    if not any(step.kernel == "gemm" for step in program.steps):
        return f"a task of {program.name} takes blocks of {' x '.join(blocks) or 'one element'}: {tasks}, {memory}"
    # Where k is split, its parts are the last axis of the grid.
    k = f"{program.loops[0].max_chunk:,} of k at a time"
    if program.loops[0].size == 1 < program.grid_ndim - 1:
        k = f"a part of k of {blocks.pop()}"
    return f"a task of {program.name} owns {' x '.join(blocks)} of its result and reads {k}: {tasks}, {memory}"


def other_notes(found: Explanation) -> list[str]:
    """What else there is to say: notes that no choice is told by."""
    return [note for note in found.notes if not any(words in note for words in NOTED.values())]


def _noted(found: Explanation, name: str) -> str:
    """The planner's first note about a choice, and how many more there are."""
    told = [note for note in found.plan.notes if NOTED[name] in note]
    return "" if not told else told[0] if len(told) == 1 else f"{told[0]} (and {len(told) - 1:,} more like it)"


def _no_split(found: Explanation, program: Program) -> str:
    return f"none: {several(program.task_count, 'block')} of the result for {several(found.workers, 'worker')}"


def _bundles(found: Explanation) -> str:
    q, tasks = found.there.quote, found.there.plan.task_count
    each = seconds_text(q.worker_seconds / max(q.invocations, 1))
    return (
        f"about {several(q.invocations, 'invocation')} for {several(tasks, 'task')}, {each} each: half of a worker's "
        f"share of what is left, and up to bundle_s={found.config.bundle_s:g} s of predicted work"
    )


def _memory(found: Explanation) -> str:
    q, plan = found.there.quote, found.there.plan
    given = "as it was given" if found.config.memory_mib and not found.config.local else "the default"
    cores_of = q.machine.cores(q.memory_mib)
    text = f"functions of {q.memory_mib:,} MiB, {given}: {cores_of:.2g} core{'s' * (cores_of != 1)}"
    if not plan.programs or not found.by_memory:
        return text
    text = f"{text}, {_figures(q)}"
    return "; ".join([text, *_extremes([c.quote for c in found.by_memory]), _best_memory(found)])


def _extremes(quotes: Sequence[Quote]) -> list[str]:
    """The cheapest and the fastest of several sizes."""
    cheapest = min(quotes, key=lambda q: (q.dollars, q.seconds_before_results))
    fastest = min(quotes, key=lambda q: (q.seconds_before_results, q.dollars))
    if cheapest is fastest:
        return [f"the cheapest and the fastest are those of {_sized(cheapest)}"]
    return [f"the cheapest are those of {_sized(cheapest)}, the fastest those of {_sized(fastest)}"]


def _best_memory(found: Explanation) -> str:
    """What is best within the limits, and how to have it."""
    config, best = found.config, best_memory(found)
    limits = [f"deadline={config.deadline:g} s"] if config.deadline is not None else []
    limits += [f"max_dollars={config.max_dollars:g}"] if config.max_dollars is not None else []
    within = f" within {' and '.join(limits)}" if limits else ""
    if best is None:
        return f"none is{within}"
    mib, objective = best.quote.memory_mib, config.objective
    if mib == found.there.quote.memory_mib:
        return f"for objective={objective!r} these are best{within}"
    how = f"'lambdarray deploy --memory {mib}' and la.config(memory_mib={mib})"
    return f"best for objective={objective!r}{within} are those of {mib:,} MiB: {how} use them"


def _sized(q: Quote) -> str:
    return f"{q.memory_mib:,} MiB, {_figures(q)}"


def _figures(q: Quote) -> str:
    return f"{seconds_text(q.seconds_before_results)} and ${dollars_text(q.dollars_before_results)}"


def _threads(found: Explanation) -> str:
    if found.config.local:
        count = max(1, cores() // found.workers)
        return (
            f"{several(count, 'thread')} a worker here: {several(found.workers, 'worker')} share "
            f"{several(cores(), 'core')}"
        )
    q = found.there.quote
    share, sees = q.machine.cores(q.memory_mib), q.machine.visible_cores(q.memory_mib)
    count = max(1, min(sees, round(share)))
    return f"{several(count, 'thread')} a function: it sees {sees} cores and has the time of {share:.2g}"


def _processor(found: Explanation) -> str:
    mine = found.there.quote.machine.functions.architecture
    prices = found.dollars_by_architecture
    others = [f"{name} would cost ${dollars_text(d)}" for name, d in prices.items() if name != mine]
    given = "by the profile" if found.config.profile else "the default"
    return f"{mine}, {given}: ${dollars_text(prices[mine])}; {', '.join(others)}"
