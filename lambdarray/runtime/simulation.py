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
from .launch import worker_memory_bytes
from .run import run
from .summary import RunReport

OnProgress = Callable[[int, int], object]
# Reads whose tiles are looked for in what functions have kept; each takes some microseconds.
MOST_FOLLOWED = 1 << 17


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
        stored = machine.remote or not config.store.startswith("memory")
        model = Assumptions.of(machine, stored, cache_mib(plan, config) if machine.remote else 0.0)
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


def cache_mib(plan: Plan, config: Config) -> float:
    """What a function may keep of what it reads, as `runtime.bundle` says: half of what its tasks leave free.

    Nothing for plans of more reads than can be followed one by one in seconds.
    """
    if sum(p.task_count * p.loop_count * len(p.reads) for p in plan.programs) > MOST_FOLLOWED:
        return 0.0
    most = max((e.peak_bytes for e in plan.estimates), default=0)
    return max(0, worker_memory_bytes(config) - most) / 2 / 2**20
