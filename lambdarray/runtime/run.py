"""The one loop that drives any executor with the scheduler."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from ..config import Config, get_config
from ..errors import PlanError, RunInterrupted
from ..task import Plan, Task, TaskReport
from ..tiling import Index
from .decisions import Cancel, Decision, Launch, Policy, Release, Statistics
from .scheduler import Scheduler

if TYPE_CHECKING:
    import numpy as np

    from .budget import Budget
    from .executors import Executor

LONGEST_WAIT_S = 60.0  # whatever is due, the loop looks round this often
DRAIN_S = 5.0  # how long a run that ends early waits for what is in flight


def _nothing_exists(task: Task) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did: `tasks` of the plan, `computed` of them now, in `seconds`, with these counts."""

    tasks: int
    computed: int
    seconds: float
    statistics: Statistics


def run(
    plan: Plan,
    executor: Executor,
    *,
    config: Config | None = None,
    policy: Policy | None = None,
    budget: Budget | None = None,
    exists: Callable[[Task], bool] = _nothing_exists,
    release: Callable[[str, Index], object] | None = None,
    on_report: Callable[[TaskReport], object] | None = None,
    on_progress: Callable[[int, int], object] | None = None,
    resume: Iterable[int] | np.ndarray | None = None,
    clock: Callable[[], float] | None = None,
    statistics: Statistics | None = None,
) -> RunResult:
    """Run all tasks of a plan on an executor.

    `exists` says whether all outputs of a task exist; it is asked after an attempt of which nothing is known.
    `release` is told of tiles that no task will read again, possibly twice. `on_report` gets every report,
    `on_progress` the numbers of tasks done and in all. `resume` are tasks whose outputs exist: ids, or a mask. The
    clock is the executor's own where it has one. `statistics` is where the counts are kept, however the run ends.

    Raises the TaskError of a task that failed for good, BudgetError where the next task could not be paid for, and
    RunInterrupted at Ctrl-C; a second Ctrl-C ends at once. In all cases what is finished is kept.
    """
    scheduler = Scheduler(plan, policy or Policy.of(config or get_config(), executor, budget))
    scheduler.statistics = statistics or scheduler.statistics
    if resume is not None:
        scheduler.resume(resume)
    own: Callable[[], float] = getattr(executor, "clock", time.monotonic)
    loop = _Loop(scheduler, executor, clock or own, exists, release)
    loop.on_report, loop.on_progress = on_report, on_progress
    return loop.run()


class _Loop:
    """One run: carries out what the scheduler decides and tells it what comes back."""

    def __init__(
        self,
        scheduler: Scheduler,
        executor: Executor,
        clock: Callable[[], float],
        exists: Callable[[Task], bool],
        release: Callable[[str, Index], object] | None,
    ) -> None:
        self.scheduler, self.executor, self.clock = scheduler, executor, clock
        self.exists, self.release, self.told = exists, release, -1
        self.on_report: Callable[[TaskReport], object] | None = None
        self.on_progress: Callable[[int, int], object] | None = None

    def run(self) -> RunResult:
        scheduler, started = self.scheduler, self.clock()
        before = scheduler.done
        try:
            self._drive()
        except KeyboardInterrupt:
            self._end_early()
            raise RunInterrupted(
                f"interrupted after {scheduler.done} of {scheduler.total} tasks; what is finished is kept in a durable "
                "store, and the same expression resumes from it"
            ) from None
        except BaseException:
            self._end_early()
            raise
        return RunResult(scheduler.total, scheduler.done - before, self.clock() - started, scheduler.statistics)

    def _drive(self) -> None:
        scheduler, executor, clock = self.scheduler, self.executor, self.clock
        while True:
            now = clock()
            for decision in scheduler.decide(now, executor.capacity):
                self._carry_out(decision)
            if scheduler.failure is not None:
                raise scheduler.failure
            if scheduler.done != self.told:
                self._tell_progress()
            if scheduler.finished:
                break
            reports = executor.wait(self._patience(now))
            if reports:
                scheduler.report(reports, clock())
                self._tell(reports)
        self._cancel([task for task, _ in scheduler.in_flight])
        for decision in scheduler.decide(clock(), 1):
            self._carry_out(decision)

    def _patience(self, now: float) -> float:
        """How long to wait for reports; an error where neither a report nor a deadline can come."""
        scheduler = self.scheduler
        due = scheduler.next_time(now, self.executor.capacity)
        if due == inf:
            raise PlanError(
                f"{scheduler.total - scheduler.done} of {scheduler.total} tasks wait for tiles that no task will make; "
                "the plan breaks its own rules: please report it with the expression"
            )
        return min(max(due - now, 0.0), LONGEST_WAIT_S)

    def _carry_out(self, decision: Decision) -> None:
        if isinstance(decision, Launch):
            self.executor.start(decision.attempts)
        elif isinstance(decision, Release):
            if self.release is not None:
                self.release(decision.array, decision.tile)
        elif isinstance(decision, Cancel):
            self._cancel(decision.tasks)
        else:
            found = self.exists(self.scheduler.task(decision.task))
            self.scheduler.probed(decision, found, self.clock())

    def _tell(self, reports: list[TaskReport]) -> None:
        if self.on_report is not None:
            for report in reports:
                self.on_report(report)

    def _tell_progress(self) -> None:
        self.told = self.scheduler.done
        if self.on_progress is not None:
            self.on_progress(self.scheduler.done, self.scheduler.total)

    def _cancel(self, tasks: list[int]) -> None:
        if tasks:
            self.executor.cancel(tasks)

    def _end_early(self) -> None:
        """Start nothing more, call off what can be, and give what runs a few seconds to be kept."""
        self.scheduler.stop()
        left = set(self.scheduler.in_flight)
        self._cancel([task for task, _ in left])
        end = self.clock() + DRAIN_S
        while left and (patience := end - self.clock()) > 0:
            reports = self.executor.wait(patience)
            self._tell(reports)
            left -= {(report.task, report.attempt) for report in reports}
