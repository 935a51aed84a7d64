"""How long a plan takes: its longest chain of tasks, its work on so many workers, and their start."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from ..task import Plan, Program
from .machine import Functions

# Of tasks that begin together the slowest ends so much later than thought, as a share of a task's seconds; so many
# make a crowd.
TAIL, MANY = 0.25, 32


def before_and_after(plan: Plan, seconds: Sequence[float]) -> tuple[list[float], list[float]]:
    """For each stage the longest chain of tasks that has to be done before one of its own, and after it.

    `seconds` are those of a task of each stage. A chain has at most one task of each.
    """
    ready: dict[str, float] = {}
    before = []
    for program, s in zip(plan.programs, seconds, strict=True):
        begin = max((ready.get(name, 0.0) for name in _read(program)), default=0.0)
        before.append(begin)
        for write in program.writes:
            ready[write.array] = max(ready.get(write.array, 0.0), begin + s)
    needed: dict[str, float] = {}
    after = []
    for program, s in zip(reversed(plan.programs), reversed(seconds), strict=True):
        follows = max((needed.get(write.array, 0.0) for write in program.writes), default=0.0)
        after.append(follows)
        for name in _read(program):
            needed[name] = max(needed.get(name, 0.0), follows + s)
    after.reverse()
    return before, after


def critical_seconds(plan: Plan, seconds: Sequence[float] | None = None) -> float:
    """The longest chain of tasks that read one another's tiles: no number of workers is faster."""
    seconds = [e.seconds for e in plan.estimates] if seconds is None else seconds
    before, after = before_and_after(plan, seconds)
    return max((b + s + a for b, s, a in zip(before, seconds, after, strict=True)), default=0.0)


def busy_seconds(plan: Plan, seconds: Sequence[float], counts: Sequence[int], workers: int) -> float:
    """The time from the first task to the last, `counts` of each stage, on so many workers that are there at once.

    It is the most of three bounds, and what the slowest of many tasks adds: the longest chain; the work over the
    workers; and, for each stage, its tasks in as many turns as they need between what comes before and after.
    """
    before, after = before_and_after(plan, seconds)
    stages = [row for row in zip(before, seconds, after, counts, strict=True) if row[3]]
    work = sum(s * count for _, s, _, count in stages) / workers
    turns = max((b + ceil(count / workers) * s + a for b, s, a, count in stages), default=0.0)
    return max(turns, work) + max((tail_seconds(count, s, workers) for _, s, _, count in stages), default=0.0)


def tail_seconds(count: int, seconds: float, workers: int) -> float:
    """How much later than thought the slowest ends of so many tasks that begin together."""
    return TAIL * seconds if count >= min(workers, MANY) > 1 else 0.0


def launch_seconds(functions: Functions, workers: int) -> float:
    """The time until a function has begun, on average over so many that start at once: cold, and by a ramp."""
    turns, total = ceil(workers / functions.ramp), 0.0
    for turn in range(turns):
        total += turn * functions.ramp_every_s * min(functions.ramp, workers - turn * functions.ramp)
    return functions.invoke_s + functions.cold_start_s + (total / workers if workers else 0.0)


def invocations(count: int, seconds: float, workers: int, bundle_s: float) -> int:
    """About how many bundles a stage's tasks go in: half a worker's share of what is left, of `bundle_s` at most."""
    by_time = count * seconds / bundle_s if bundle_s else count
    shares, left = 0, count
    while left > 2 * workers:
        left -= max(1, workers * (left // (2 * workers)))
        shares += workers
    return min(count, ceil(max(by_time, shares + left)))


def _read(program: Program) -> set[str]:
    return {part.array for read in program.reads for part in read.parts}
