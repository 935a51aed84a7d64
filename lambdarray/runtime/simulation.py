"""A plan run in virtual time: the real scheduler and loop, no work, no store, no values."""

from __future__ import annotations

from collections.abc import Callable

from ..config import Config
from ..task import Plan, TaskReport
from .budget import Budget
from .executors.simulated import SimulatedExecutor, SimulatedWorkers
from .run import run
from .summary import RunReport

OnProgress = Callable[[int, int], object]


def simulate(
    plan: Plan,
    config: Config,
    workers: int,
    *,
    budget: Budget | None = None,
    model: SimulatedWorkers | None = None,
    seed: int = 0,
    on_report: Callable[[TaskReport], object] | None = None,
    on_progress: OnProgress | None = None,
) -> RunReport:
    """Drive a plan through `workers` simulated workers; the report's seconds are virtual.

    Each task takes its estimate's seconds, spread by chance that depends on `seed` alone. Nothing is read or written.
    Raises the TaskError of a task whose estimate exceeds `task_timeout_s` at every attempt.
    """
    report = RunReport.of(plan, "simulated", workers, config)
    executor = SimulatedExecutor(plan, workers, seed=seed, workers=model)

    def told(task: TaskReport) -> None:
        report.add(task)
        if on_report is not None:
            on_report(task)

    counts = report.counts
    result = run(
        plan, executor, config=config, budget=budget, on_report=told, on_progress=on_progress, statistics=counts
    )
    report.seconds = result.seconds
    return report
