"""An executor that makes another unreliable: what tests put between the scheduler and the workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from ...task import TaskReport
from ..chance import chance
from . import Attempt, Executor

FAILURES = ("error", "crashed", "timeout", "memory")
FATE, WHEN, TWICE, STRAGGLES, REFUSED, KIND = range(6)  # what a chance is drawn for


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares of attempts to which something happens; each attempt fails, is lost or loses its connection, or neither.

    fail        it fails, half of them before anything is done, half after all of it is
    lost        it never reports, half of them without doing anything
    unknown     its connection breaks at once, and it works on
    twice       it reports a second time, later
    straggle    it reports `straggle_s` late
    refuse      the bundle that it is in is refused
    spare_from  attempts with this number or a higher one are left alone, so that every task ends in the end
    """

    fail: float = 0.2
    lost: float = 0.05
    unknown: float = 0.0
    twice: float = 0.05
    straggle: float = 0.0
    straggle_s: float = 10.0
    refuse: float = 0.0
    spare_from: int = 3


class FlakyExecutor:
    """Wraps an executor. What happens to an attempt depends on the seed, the task and the attempt's number alone.

    `counts` says how often each fault struck.
    """

    def __init__(self, inner: Executor, seed: int = 0, faults: Faults | None = None) -> None:
        self.inner, self.seed, self.faults = inner, seed, faults or Faults()
        self.clock: Callable[[], float] = getattr(inner, "clock", time.monotonic)
        self.counts = dict.fromkeys(("failed", "lost", "unknown", "twice", "straggled", "refused"), 0)
        self._fates: dict[tuple[int, int], str] = {}
        self._ready: list[TaskReport] = []
        self._late: list[tuple[float, int, TaskReport]] = []
        self._sequence = self._bundles = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @property
    def capacity(self) -> int:
        """The inner executor's."""
        return self.inner.capacity

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Decide what happens to each, and start those that do anything."""
        self._bundles += 1
        if chance(self.seed, self._bundles, REFUSED) < self.faults.refuse:
            self.counts["refused"] += len(bundle)
            self._ready += [TaskReport(a.id, a.number, "throttled") for a in bundle]
            return
        begun = [a for a in bundle if self._begins(a)]
        if begun:
            self.inner.start(begun)

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """What the inner executor reports, changed; and what was held back until now."""
        if self._ready:
            timeout_s = 0.0
        elif self._late:
            held = max(0.0, self._late[0][0] - self.clock())
            timeout_s = held if timeout_s is None else min(held, timeout_s)
        reports = [r for report in self.inner.wait(timeout_s) if (r := self._changed(report)) is not None]
        out, self._ready = self._ready + reports, []
        while self._late and self._late[0][0] <= self.clock():
            out.append(heappop(self._late)[2])
        return out

    def cancel(self, ids: Sequence[int]) -> None:
        """Passed on."""
        self.inner.cancel(ids)

    def close(self) -> None:
        """Close the inner executor."""
        self.inner.close()

    def _begins(self, attempt: Attempt) -> bool:
        """Settle an attempt's fate: whether it does anything at all."""
        fate = self._fate(attempt)
        if not fate:
            return True
        self.counts[fate] += 1
        if fate == "unknown":
            self._ready.append(TaskReport(attempt.id, attempt.number, "unknown", error="the connection broke"))
        elif self._chance(attempt.id, attempt.number, WHEN) < 0.5:
            if fate == "failed":
                self._ready.append(self._failure(attempt.id, attempt.number))
            return False
        self._fates[attempt.id, attempt.number] = fate
        return True

    def _fate(self, attempt: Attempt) -> str:
        if attempt.number >= self.faults.spare_from:
            return ""
        drawn = self._chance(attempt.id, attempt.number, FATE)
        shares = (("failed", self.faults.fail), ("lost", self.faults.lost), ("unknown", self.faults.unknown))
        for fate, share in shares:
            if drawn < share:
                return fate
            drawn -= share
        return ""

    def _changed(self, report: TaskReport) -> TaskReport | None:
        """What becomes of a report of the inner executor: None where it is lost or comes late."""
        key = report.task, report.attempt
        fate = self._fates.pop(key, "")
        if fate == "failed":
            return self._failure(*key)
        if fate:
            return None
        if self._chance(*key, TWICE) < self.faults.twice:
            self.counts["twice"] += 1
            self._hold(report, self.faults.straggle_s / 2)
        if report.attempt < self.faults.spare_from and self._chance(*key, STRAGGLES) < self.faults.straggle:
            self.counts["straggled"] += 1
            self._hold(report, self.faults.straggle_s)
            return None
        return report

    def _hold(self, report: TaskReport, seconds: float) -> None:
        self._sequence += 1
        heappush(self._late, (self.clock() + seconds, self._sequence, report))

    def _failure(self, task: int, number: int) -> TaskReport:
        status = FAILURES[int(self._chance(task, number, KIND) * len(FAILURES))]
        return TaskReport(task, number, status, error=f"injected: {status}")

    def _chance(self, task: int, number: int, what: int) -> float:
        return chance(self.seed, task, number, what)
