"""A plan run in virtual time: the real scheduler and loop, no work, no store, no values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from ..config import Config
from ..cost import Machine
from ..task import Plan, TaskReport
from .assumptions import Assumptions
from .budget import Budget
from .executors.simulated import SimulatedExecutor
from .run import run
from .summary import RunReport

OnProgress = Callable[[int, int], object]


def simulate(
    plan: Plan,
    config: Config,
    workers: int,
    *,
    budget: Budget | None = None,
    model: Assumptions | None = None,
    machine: Machine | None = None,
    seed: int = 0,
    on_report: Callable[[TaskReport], object] | None = None,
    on_progress: OnProgress | None = None,
) -> RunReport:
    """Drive a plan through `workers` simulated workers; the report's seconds are virtual.

    Each task takes the seconds of its kernels, as the plan estimates them, and of its bytes, as `model` has them, with
    chance that depends on `seed` alone; where a `machine` is given in its place, as its profile has them, with no
    chance. Nothing is read or written. The report's `statistics` count requests, refusals and crashes too.

    Raises the TaskError of a task that fails at every attempt, such as one that takes longer than `task_timeout_s`.
    """
    report = RunReport.of(plan, "simulated", workers, config)
    if model is None and machine is not None:
        model = Assumptions.of(machine, stored=machine.remote or not config.store.startswith("memory"))
    executor = SimulatedExecutor(plan, workers, seed=seed, model=model)

    def told(task: TaskReport) -> None:
        report.add(task)
        if on_report is not None:
            on_report(task)

    counts = report.counts
    result = run(
        plan, executor, config=config, budget=budget, exists=executor.exists, on_report=told, on_progress=on_progress,
        statistics=counts,
    )  # fmt: skip
    report.seconds = result.seconds
    report.more_counts |= {**asdict(executor.counts), "partitions": executor.store.most}
    report.cold_starts, report.billed_s = executor.counts.cold_starts, executor.counts.billed_s
    return report
