"""A thousand tiny chunks of ones, summed; ours may group them into fewer tasks."""

from __future__ import annotations

from pathlib import Path

from harness import Case, Outcome, steady
from peers import spec


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run() -> float:
        return float(la.ones((100 * n, 100), chunks=(100, 100)).sum().compute())

    seconds, value = steady(run, warm=2, repeat=10)
    tasks = la.plan(la.ones((100 * n, 100), chunks=(100, 100)).sum()).task_count
    return Outcome(seconds, value == n * 1e4, {"tasks": tasks, "us_per_chunk": seconds / n * 1e6})


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    def run() -> float:
        return float(da.ones((100 * n, 100), chunks=(100, 100)).sum().compute())

    seconds, value = steady(run, warm=1, repeat=5)
    return Outcome(seconds, value == n * 1e4, {"us_per_chunk": seconds / n * 1e6})


def cubed(n: int, folder: Path) -> Outcome:
    import cubed.array_api as xp

    def run() -> float:
        return float(xp.sum(xp.ones((100 * n, 100), chunks=(100, 100), spec=spec(folder))).compute())

    seconds, value = steady(run, warm=1, repeat=3)
    return Outcome(seconds, value == n * 1e4, {"us_per_chunk": seconds / n * 1e6})


CASE = Case(
    title="ones((100000, 100)) in 1,000 chunks, summed",
    size=1000,
    quick=100,
    contenders={"lambdarray": ours, "dask": dask, "cubed": cubed},
    goals={"limit": 0.1, "dask": 5.0, "cubed": 5.0},
)
