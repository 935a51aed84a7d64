"""An explanation as text: facts, a row for each stage, and one for each number of workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..planner.estimate import plan_totals
from ..task import Estimate, Program
from .choices import other_notes
from .markup import bytes_text, several
from .pricing import dollars_text, seconds_text

if TYPE_CHECKING:
    from .explain import Explanation
    from .objective import Candidate

STAGE_HEAD = ("stage", "tasks", "grid", "read/task", "written/task", "s/task", "what")
MOST_STAGES = 40
# Of fewer bytes than these it is not told how many they could be, nor what they cost on their way.
TELLING_BYTES = 1_000_000
SWEEP_HEAD = ("workers", "seconds", "dollars", "tasks", "reads", "writes")


def as_text(found: Explanation) -> str:
    """All of it."""
    facts = lines(found)
    width = max(len(name) for name, _ in facts) + 1
    text = [f"{name:<{width}} {value}" for name, value in facts]
    text += _aligned([STAGE_HEAD, *stage_rows(found)])
    return "\n".join(text + (_aligned([SWEEP_HEAD, *sweep_rows(found)]) if found.sweep else []))


def lines(found: Explanation) -> list[tuple[str, str]]:
    """The facts, each with its name."""
    rows = [
        ("tasks", f"{found.tasks:,} in {several(len(found.plan.programs), 'stage')}"),
        ("flops", f"{found.flops / 1e9:,.2f} GFLOP"),
        ("bytes", _moved(found)),
        ("requests", _requests(found)),
        ("peak", f"{bytes_text(found.peak_bytes)} of the {bytes_text(found.resources.memory_bytes)} of a worker"),
        ("critical", f"{seconds_text(found.critical_s)}: the longest chain of tasks that need one another"),
    ]
    if found.here is not None:
        rows.append(("here", f"about {seconds_text(found.seconds)} on {found.workers} {found.config.executor}"))
    rows += [("on Lambda", _on_lambda(found)), ("dollars", _dollars(found)), ("client", _client(found))]
    return [*rows, *found.choices, *(("note", note) for note in other_notes(found))]


def _moved(found: Explanation) -> str:
    text = f"reads {bytes_text(found.bytes_read)}, writes {bytes_text(found.bytes_written)}"
    if found.bytes_read + found.bytes_written < TELLING_BYTES:
        return text
    return f"{text}: {found.bytes_ratio:.2f} times the least possible, {bytes_text(found.least_bytes)}"


def _requests(found: Explanation) -> str:
    asked = found.requests
    return f"{asked.gets:,} GET, {asked.puts:,} PUT, about {several(found.invocations, 'invocation')}"


def _on_lambda(found: Explanation) -> str:
    there = found.there
    dollars = " or ".join(f"${dollars_text(d)} ({name})" for name, d in found.dollars_by_architecture.items())
    many = f"{there.quote.memory_mib} MiB, up to {several(there.workers, 'worker')}"
    return f"about {seconds_text(there.seconds)} and {dollars}, {many}"


def _dollars(found: Explanation) -> str:
    q = found.there.quote
    parts = [
        (q.compute_dollars, f"compute ({seconds_text(q.worker_seconds)} of functions)"),
        (q.request_dollars, "requests"),
        (q.storage_dollars, "storage while it runs"),
        (q.cross_region_dollars, "reads from other regions"),
    ]
    return ", ".join(f"${dollars_text(d)} {what}" for d, what in parts if d) or "none"


def _client(found: Explanation) -> str:
    q, t = found.there.quote, found.there.quote.traffic
    sent = f"sends {bytes_text(t.upload)} first, about {seconds_text(q.upload_s)} of these" if t.upload else ""
    back = f"{sent or 'sends nothing first'}; {bytes_text(t.download)} of results"
    if t.download < TELLING_BYTES:
        return back
    return (
        f"{back} would take about {seconds_text(q.download_s)} more and ${dollars_text(q.egress_dollars)} to come back"
    )


def stage_rows(found: Explanation) -> list[tuple[str, ...]]:
    """A row for each stage; of very many one for each of those with the most work, and one for the others."""
    stages = list(zip(found.plan.programs, found.plan.estimates, strict=True))
    work = [p.task_count * e.seconds for p, e in stages]
    shown = sorted(sorted(range(len(stages)), key=lambda n: -work[n])[:MOST_STAGES])
    out = [_stage_row(*stages[n]) for n in shown]
    others = set(range(len(stages))) - set(shown)
    if others:
        tasks, seconds = sum(stages[n][0].task_count for n in others), sum(work[n] for n in others)
        what = f"{len(others):,} more stages, {seconds / max(sum(work), 1e-300):.0%} of the work"
        out.append(("...", f"{tasks:,}", "", "", "", "", what))
    return out


def sweep_rows(found: Explanation) -> list[tuple[str, ...]]:
    """A row for each number of workers."""
    return [_sweep_row(c) for c in found.sweep]


def _sweep_row(c: Candidate) -> tuple[str, ...]:
    _, read, written = plan_totals(c.plan)
    figures = seconds_text(c.seconds).removesuffix(" s"), dollars_text(c.dollars), f"{c.plan.task_count:,}"
    return f"{c.workers:,}", *figures, bytes_text(read), bytes_text(written)


def _stage_row(p: Program, e: Estimate) -> tuple[str, ...]:
    moved = bytes_text(e.bytes_read), bytes_text(e.bytes_written)
    return p.name, f"{p.task_count:,}", grid_text(p), *moved, seconds_text(e.seconds).removesuffix(" s"), p.op


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def grid_text(p: Program) -> str:
    """The grid of a program's tasks, and how often each loops."""
    loops = f", loop of {p.loop_count}" if p.loop_count > 1 else ""
    return " x ".join(map(str, p.grid)) + " triangle" * p.triangle + loops
