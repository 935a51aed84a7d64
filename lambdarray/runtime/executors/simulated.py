"""An executor in virtual time: the real scheduler and loop, with seconds from the cost model instead of work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate
from typing import Any

from ...task import Estimate, Plan, TaskReport
from ..chance import chance
from . import Attempt

MEMORY_MIB = 1769
LAUNCH, COLD, SPREAD, STRAGGLES = range(4)  # what a chance is drawn for


@dataclass(frozen=True, slots=True)
class SimulatedWorkers:
    """How the workers of a simulation behave; all times in seconds.

    launch_s          from asking for a worker to its first step
    cold_s            more where no worker is warm
    warm_s            how long an idle worker stays warm
    spread            standard deviation of the logarithm of a task's seconds over its estimate
    straggler_share   tasks that are slower by `straggler_factor`
    concurrency       bundles at work at once before more are refused; None: never
    concurrency_step  how many more are let through every `concurrency_every_s` from the start
    """

    launch_s: float = 0.05
    cold_s: float = 0.7
    warm_s: float = 300.0
    spread: float = 0.1
    straggler_share: float = 0.005
    straggler_factor: float = 5.0
    concurrency: int | None = None
    concurrency_step: int = 1000
    concurrency_every_s: float = 10.0


class _Event:
    """The end of an attempt; `last` frees the worker."""

    __slots__ = ("attempt", "cancelled", "last", "report", "worker")

    def __init__(self, attempt: Attempt, report: TaskReport, worker: int, last: bool) -> None:
        self.attempt, self.report, self.worker, self.last = attempt, report, worker, last
        self.cancelled = False


class SimulatedExecutor:
    """Reports each attempt when its seconds are over on the executor's own clock.

    The seconds of a task are its estimate's, spread by chance that depends on the seed, the task and the attempt and
    on nothing else. `effect` is called when the work of an attempt is over; an exception of its fails the attempt.
    """

    def __init__(
        self,
        plan: Plan,
        capacity: int = 1000,
        *,
        seed: int = 0,
        workers: SimulatedWorkers | None = None,
        effect: Callable[[Attempt], Any] | None = None,
    ) -> None:
        self.capacity, self.seed, self.model = capacity, seed, workers or SimulatedWorkers()
        self.now, self.billed_s, self.invocations, self.cold_starts = 0.0, 0.0, 0, 0
        self._estimates = dict(zip(map(id, plan.programs), plan.estimates, strict=True))
        self._effect = effect
        self._events: list[tuple[float, int, _Event]] = []
        self._of_task: dict[int, list[_Event]] = {}
        self._idle: list[tuple[float, int]] = []
        self._running = self._workers = self._sequence = 0

    def clock(self) -> float:
        """Virtual seconds since the start."""
        return self.now

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Begin on a warm worker, else on a new one; refuse it all where too many are at work."""
        if self._running >= self._allowed():
            for attempt in bundle:
                self._add(self.now, attempt, TaskReport(attempt.id, attempt.number, "throttled"), -1, False)
            return
        worker, cold = self._worker()
        self._running += 1
        self.invocations += 1
        self.cold_starts += cold
        begin = self.now + self.model.launch_s + cold * self.model.cold_s
        seconds = [self._seconds(a) for a in bundle]
        ends = list(accumulate((min(s, a.deadline_s) for s, a in zip(seconds, bundle, strict=True)), initial=begin))
        billed = ends[-1] - self.now - self.model.launch_s
        self.billed_s += billed
        for n, attempt in enumerate(bundle):
            report = self._report(attempt, ends[n], seconds[n], worker)
            if n == 0:
                report.cold, report.billed_ms, report.launch_s = cold, math.ceil(billed * 1000), begin - self.now
            self._add(ends[n + 1], attempt, report, worker, n == len(bundle) - 1)

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """The reports of the next moment at which there are any; the clock moves on to it."""
        limit = math.inf if timeout_s is None else self.now + timeout_s
        events = self._events
        if not events or events[0][0] > limit:
            self.now = self.now if limit == math.inf else limit
            return []
        self.now = max(self.now, events[0][0])
        reports = []
        while events and events[0][0] <= self.now:
            reports.append(self._end(heappop(events)[2]))
        return reports

    def cancel(self, ids: Sequence[int]) -> None:
        """What is under way ends when it would have, without its effect: a function cannot be called back."""
        for task in ids:
            for event in self._of_task.get(task, ()):
                event.cancelled = True

    def close(self) -> None:
        """Forget what is under way."""
        self._events.clear()
        self._of_task.clear()

    def _allowed(self) -> float:
        model = self.model
        if model.concurrency is None:
            return math.inf
        return model.concurrency + model.concurrency_step * (self.now // model.concurrency_every_s)

    def _worker(self) -> tuple[int, bool]:
        """The worker that has been idle for least, and whether it is a new one."""
        if self._idle:
            idle, worker = self._idle.pop()
            if self.now - idle <= self.model.warm_s:
                return worker, False
            self._idle.clear()  # it was the warmest
        self._workers += 1
        return self._workers, True

    def _seconds(self, attempt: Attempt) -> float:
        model, estimate = self.model, self._estimates[id(attempt.task.program)]
        key = (self.seed, attempt.id, attempt.number)
        factor = math.exp(model.spread * _normal(*key, SPREAD)) if model.spread else 1.0
        if model.straggler_share and chance(*key, STRAGGLES) < model.straggler_share:
            factor *= model.straggler_factor
        return estimate.seconds * factor

    def _report(self, attempt: Attempt, begin: float, seconds: float, worker: int) -> TaskReport:
        estimate: Estimate = self._estimates[id(attempt.task.program)]
        report = TaskReport(attempt.id, attempt.number, total_s=seconds, started_s=begin, worker=f"simulated {worker}")
        if seconds > attempt.deadline_s:
            report.status, report.total_s = "timeout", attempt.deadline_s
            report.error = f"the task takes {seconds:.0f} s and may take {attempt.deadline_s:.0f} s"
            return report
        report.compute_s, report.peak_bytes, report.flops = seconds, estimate.peak_bytes, int(estimate.flops)
        report.bytes_read, report.bytes_written = estimate.bytes_read, estimate.bytes_written
        return report

    def _add(self, time: float, attempt: Attempt, report: TaskReport, worker: int, last: bool) -> None:
        event = _Event(attempt, report, worker, last)
        self._sequence += 1
        heappush(self._events, (time, self._sequence, event))
        self._of_task.setdefault(attempt.id, []).append(event)

    def _end(self, event: _Event) -> TaskReport:
        report, attempt = event.report, event.attempt
        if event.last:
            self._running -= 1
            self._idle.append((self.now, event.worker))
        left = self._of_task[attempt.id]
        left.remove(event)
        if not left:
            del self._of_task[attempt.id]
        if event.cancelled:
            report.status, report.error = "error", "cancelled"
        elif report.status == "done" and self._effect is not None:
            try:
                self._effect(attempt)
            except Exception as error:
                report.status, report.error = "error", f"{type(error).__name__}: {error}"
        return report


def _normal(*key: int) -> float:
    """A standard normal number by chance."""
    u, v = chance(*key, 0), chance(*key, 1)
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)
