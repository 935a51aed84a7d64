"""Runs to report on: small ones of every kind."""

from __future__ import annotations

from typing import Any

from lambdarray.config import Config
from lambdarray.runtime.assumptions import Assumptions
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor
from lambdarray.runtime.run import run
from lambdarray.runtime.simulation import simulate
from lambdarray.runtime.summary import RunReport
from lambdarray.task import Plan


def simulated(plan: Plan, workers: int, **options: Any) -> RunReport:
    """A run in virtual time in which every worker starts soon, and every attempt is heard of."""
    model = Assumptions.steady(launch_s=0.05, cold_mean_s=0.7, init_s=0.7, spread=0.1, straggler_share=0.01)
    return simulate(plan, Config(executor="simulated", workers=workers), workers, **{"model": model, **options})


def with_faults(plan: Plan, workers: int, faults: Faults, seed: int = 3) -> RunReport:
    """A run in virtual time in which much goes wrong; the report of one that failed is given too."""
    report = RunReport.of(plan, "simulated", workers, Config(executor="simulated", workers=workers))
    executor = FlakyExecutor(SimulatedExecutor(plan, workers, seed=seed), seed, faults)
    policy = Policy(task_timeout_s=200.0)
    try:
        run(plan, executor, policy=policy, on_report=report.add, statistics=report.counts)
    except Exception as error:
        report.fail(error)
    report.seconds = executor.clock()
    return report
