"""What a plan of a million tasks costs beside the work: seconds and MB to make it, tasks a second to drive it.

    python benchmarks/plan_scale.py [tasks]
    python benchmarks/plan_scale.py SHAPE TASKS

Every row is a fresh process. `made` is from the expression to the first decision: planner, checker, dependency
counts, consumers and queue. `driven` is the whole run through an executor that does nothing: the scheduler, the loop,
and the tasks, attempts and reports themselves. MB are those of the process's peak above what it held after the
imports.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in (".", "kernels")]
GOAL_S, GOAL_MB, GOAL_RATE = 1.0, 100.0, 30_000.0
TILE = 4096


class Source:
    """An array that is too large to be, of which only shape and dtype are asked."""

    dtype = np.dtype(np.float64)

    def __init__(self, *shape: int) -> None:
        self.shape, self.ndim = shape, len(shape)

    def __getitem__(self, key: Any) -> Any:
        raise NotImplementedError("nothing is computed here")


def line(la: Any, tasks: int) -> Any:
    """One axis: an elementwise stage and a tree of sums over it."""
    return ((la.from_array(Source(tasks * TILE**2), chunks=TILE**2) + 1).sum(),)


def square(la: Any, tasks: int) -> Any:
    """Two axes: the same."""
    side = round(tasks**0.5)
    return ((la.from_array(Source(side * TILE, side * TILE), chunks=TILE) + 1).sum(),)


def cube(la: Any, tasks: int) -> Any:
    """Three axes, the sum over two of them."""
    side = round(tasks ** (1 / 3))
    return ((la.from_array(Source(*(side * 256,) * 3), chunks=256) + 1).sum(axis=(0, 2)),)


def stored(la: Any, tasks: int) -> Any:
    """Two axes: half of the tasks store what the other half reads, transposed."""
    side = round((tasks / 2) ** 0.5)
    x = la.ones((side * TILE, side * TILE), chunks=TILE) + 1
    return x, x.T * 2


def triangle(la: Any, tasks: int) -> Any:
    """A Cholesky factor, by two columns at a time: n columns of tiles are n^3 / 12 tasks in some 5 n stages."""
    side = round((12 * tasks) ** (1 / 3))
    return (la.linalg.cholesky(la.from_array(Source(side * TILE, side * TILE), chunks=TILE), tile=TILE),)


SHAPES: dict[str, Callable[[Any, int], Any]] = {f.__name__: f for f in (line, square, cube, stored, triangle)}


def peak_mb() -> float:
    """The most memory that this process ever held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure(shape: str, tasks: int) -> None:
    """One row."""
    import lambdarray as la
    from lambdarray.runtime.executors.null import NullExecutor
    from lambdarray.runtime.run import run
    from lambdarray.runtime.scheduler import Scheduler

    la.plan(*SHAPES[shape](la, 8))  # what is imported at the first use
    run(la.plan(la.ones(8, chunks=4) + 1), NullExecutor())
    # So many workers are planned for that no tiles are grouped: the plans have a task for each.
    la.config(executor="simulated", workers=max(1, tasks // 8), memory_mib=3008)
    before, start = peak_mb(), time.perf_counter()
    plan = la.plan(*SHAPES[shape](la, tasks))
    planned = time.perf_counter() - start
    scheduler = Scheduler(plan)
    scheduler.decide(0.0, 1)
    made, made_mb = time.perf_counter() - start, peak_mb() - before
    del scheduler
    start, cpu = time.perf_counter(), time.process_time()
    result = run(plan, NullExecutor(1000))
    driven, cpu = time.perf_counter() - start, time.process_time() - cpu
    assert result.computed == plan.task_count
    rate, mb = plan.task_count / driven, peak_mb() - before
    good = made <= GOAL_S and mb <= GOAL_MB and rate >= GOAL_RATE
    print(
        f"{shape:<8} {plan.task_count:>9,} tasks {len(plan.programs):>3} stages   made in {made:7.4f} s "
        f"(planner {planned:.4f}) and {made_mb:5.1f} MB   driven at {rate:>7,.0f} tasks/s "
        f"({cpu / plan.task_count * 1e6:4.1f} us of CPU a task), {mb:5.1f} MB"
        f"   {'met' if good else 'MISSED'}"
    )


def main(arguments: list[str]) -> None:
    """All rows, or the one that is named."""
    if arguments and arguments[0] in SHAPES:
        measure(arguments[0], int(arguments[1]))
        return
    tasks = arguments[0] if arguments else "1000000"
    print(f"goals: made in {GOAL_S:g} s and {GOAL_MB:g} MB, driven at {GOAL_RATE:,.0f} tasks/s and in that memory")
    for shape in SHAPES:
        subprocess.run([sys.executable, __file__, shape, tasks], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
