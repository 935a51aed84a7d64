"""A thousand tiny stored tiles, the rows of each summed by a task of its own: what a task costs."""

from __future__ import annotations

from pathlib import Path

from harness import Case, Outcome, steady


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    x = la.ones((100 * n, 100), chunks=(100, 100)).persist()
    wanted = x.sum(axis=1)
    tasks = la.plan(wanted).task_count
    seconds, value = steady(wanted.compute, warm=2, repeat=10)
    right = bool((value == 100).all()) and tasks >= n
    return Outcome(seconds, right, {"tasks": tasks, "us_per_task": seconds / tasks * 1e6})


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    x = da.ones((100 * n, 100), chunks=(100, 100)).persist()
    seconds, value = steady(lambda: x.sum(axis=1).compute(), warm=1, repeat=5)
    return Outcome(seconds, bool((value == 100).all()), {"tasks": n, "us_per_task": seconds / n * 1e6})


CASE = Case(
    title="sum(axis=1) of 1,000 stored tiles: one task each",
    size=1000,
    quick=100,
    contenders={"lambdarray": ours, "dask": dask},
    goals={"limit": 50e-6, "dask": 1.0},
)
