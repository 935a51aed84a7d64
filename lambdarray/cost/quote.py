"""What a plan would cost: seconds and dollars of its stages on a kind of worker."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .machine import Machine


@dataclass(frozen=True, slots=True)
class Quote:
    """What a plan would cost on a kind of worker: seconds and dollars."""

    seconds: float
    worker_seconds: float
    compute_dollars: float
    request_dollars: float

    @property
    def dollars(self) -> float:
        """All of it."""
        return self.compute_dollars + self.request_dollars


def quote(
    stages: list[tuple[int, float]],
    machine: Machine,
    workers: int,
    memory_mib: int,
    requests: tuple[int, int],
) -> Quote:
    """Price stages of (tasks, seconds per task) on `workers` workers; `requests` are GETs and PUTs.

    Stages follow one another in waves; the time is that of list scheduling, an estimate and not a bound.
    """
    work = sum(tasks * seconds for tasks, seconds in stages)
    tasks = sum(count for count, _ in stages)
    waves = sum(math.ceil(count / workers) * seconds for count, seconds in stages)
    started = min(workers, max((count for count, _ in stages), default=0))
    start_s = machine.functions.cold_start_s
    billed = work + started * start_s
    return Quote(
        waves + start_s, billed, machine.memory_dollars(memory_mib, billed), machine.request_dollars(tasks, *requests)
    )
