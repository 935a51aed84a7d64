"""A thousand tiny stored tiles, one task for each: what a task costs."""

from __future__ import annotations

from pathlib import Path

from harness import Case, Outcome, steady


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    x = la.ones((100 * n, 100), chunks=(100, 100)).persist()
    wanted = (x + 1).rechunk((100, 100))
    tasks = la.plan(wanted).task_count
    seconds, kept = steady(wanted.persist, warm=2, repeat=10)
    right = bool((kept.compute() == 2).all()) and tasks >= n
    return Outcome(seconds, right, {"tasks": tasks, "us_per_task": seconds / tasks * 1e6})


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    x = da.ones((100 * n, 100), chunks=(100, 100)).persist()
    seconds, kept = steady(lambda: (x + 1).persist(), warm=1, repeat=5)
    return Outcome(seconds, bool((kept.compute() == 2).all()), {"tasks": n, "us_per_task": seconds / n * 1e6})


CASE = Case(
    title="1,000 stored tiles plus 1: one task each",
    size=1000,
    quick=100,
    contenders={"lambdarray": ours, "dask": dask},
    goals={"limit": 100e-6, "dask": 1.0},
)
