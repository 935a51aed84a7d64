"""Predicted seconds beside measured ones, on plans on which no constant was fitted.

    lambdarray calibrate --out machine.toml
    python benchmarks/predicted.py --profile machine.toml [--rounds 5] [--only NAME ...] [--quick] [--cloud]

What is predicted is the plan's own run in virtual time, with the seconds of its estimates. With --cloud runs go to
functions of the local cloud, and the constants are measured there first.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lambdarray as la
from lambdarray.config import get_config
from lambdarray.runtime.assumptions import Assumptions
from lambdarray.runtime.launch import Launch, worker_count
from lambdarray.runtime.simulation import simulate
from lambdarray.task import Plan

Run = Callable[[], object]
BUCKET = "lambdarray-local"
# Nothing is left to chance, and nothing starts.
STEADY = Assumptions.steady(estimated=True)


@dataclass(frozen=True)
class Row:
    """A plan's seconds: predicted, and the median, the least and the most that were measured."""

    name: str
    tasks: int
    predicted: float
    measured: float
    least: float
    most: float

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted / self.measured


# -- what is run: each makes its inputs, and returns what is timed


def gemm(n: int) -> Run:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
    return lambda: (la.from_array(a) @ la.from_array(b)).compute()


def cholesky(n: int) -> Run:
    x = np.random.default_rng(0).standard_normal((n, n))
    a = x + x.T + 4 * n * np.eye(n)
    return lambda: la.linalg.cholesky(la.from_array(a), tile=n // 8).compute()


def chain(n: int) -> Run:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(n), rng.standard_normal(n)

    def run() -> object:
        x, y = la.from_array(a), la.from_array(b)
        return ((np.sin(x) * 2 + x**2 - y) / (1 + abs(y))).mean().compute()

    return run


def rechunk(n: int) -> Run:
    """From rows to columns, Zarr to Zarr."""
    folder = Path(tempfile.mkdtemp(dir=_folder[0]))
    parts = 20
    la.from_array(np.random.default_rng(0).standard_normal((2 * n, n)), chunks=(2 * n // parts, n)).to_zarr(
        str(folder / "rows.zarr")
    )

    def run() -> object:
        source = la.open_zarr(str(folder / "rows.zarr"))
        return source.rechunk((2 * n, n // parts)).to_zarr(str(folder / "columns.zarr"), overwrite=True)

    return run


def tsqr(m: int) -> Run:
    a = np.random.default_rng(0).standard_normal((m, 64))
    return lambda: la.compute(*la.linalg.qr(la.from_array(a)))


_folder = [""]
# By name: what is run, its size, its size where it is to be over soon and on the local cloud.
CASES: Mapping[str, tuple[Callable[[int], Run], int, int]] = {
    "gemm 4096": (gemm, 4096, 1024),
    "gemm 8192": (gemm, 8192, 2048),
    "cholesky": (cholesky, 8192, 2048),
    "chain": (chain, 10**8, 10**7),
    "rechunk": (rechunk, 10_000, 2_000),
    "tsqr": (tsqr, 2_000_000, 200_000),
}


@contextmanager
def noted() -> Iterator[list[Plan]]:
    """The plans that are run meanwhile."""
    plans: list[Plan] = []
    execute = Launch.execute

    def note(self: Launch, *args: Any) -> Any:
        plans.append(self.plan)
        return execute(self, *args)

    Launch.execute = note  # type: ignore[method-assign]
    try:
        yield plans
    finally:
        Launch.execute = execute  # type: ignore[method-assign]


def measure(name: str, run: Run, rounds: int, stages: bool) -> Row:
    """Run it a few times, the first of which is not counted, and its plan in virtual time."""
    seconds = []
    for _ in range(rounds + 1):
        gc.collect()
        with noted() as plans:
            begin = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - begin)
    (plan,) = plans
    config = get_config()
    predicted = simulate(plan, config, worker_count(config), model=STEADY).seconds
    if stages:
        report = la.last_report()
        assert report is not None
        for stage, program, estimate in zip(report.stages, plan.programs, plan.estimates, strict=True):
            print(
                f"    {stage.name:<24} {program.task_count:>6} tasks  predicted {estimate.seconds * 1e3:10.3f} ms"
                f"  measured {stage.total_s / max(stage.done, 1) * 1e3:10.3f} ms"
            )
    measured = sorted(seconds[1:])
    return Row(name, plan.task_count, predicted, statistics.median(measured), measured[0], measured[-1])


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| plan | tasks | predicted | measured (median; least to most) | ratio |", "|---" * 5 + "|"]
    for r in rows:
        lines.append(
            f"| {r.name} | {r.tasks:,} | {r.predicted:.3g} s | {r.measured:.3g} s ({r.least:.3g} to {r.most:.3g}) "
            f"| {r.ratio:.2f} |"
        )
    return "\n".join(lines)


@contextmanager
def local_cloud(folder: str) -> Iterator[dict[str, Any]]:
    """Settings for functions of the local cloud, deployed and measured."""
    import platform

    from lambdarray import cli
    from lambdarray.cloud import LocalCloud

    arch = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    store = f"s3://{BUCKET}/scratch"
    with LocalCloud(bucket=BUCKET) as cloud:
        os.environ.update(cloud.environ)
        assert cli.main(["deploy", "--arch", arch, "--yes", "--store", store]) == 0
        profile = f"{folder}/function.toml"
        assert cli.main(["calibrate", "--function", "lambdarray", "--out", profile]) == 0
        yield {"executor": "lambda", "store": store, "workers": 2, "profile": profile}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description="Predicted seconds beside measured ones.")
    parser.add_argument("--profile", metavar="FILE", help="the constants; default: the shipped ones")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs that are counted (5)")
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that all runs, not how well")
    parser.add_argument("--stages", action="store_true", help="print every stage beside what its tasks took")
    parser.add_argument("--cloud", action="store_true", help="on functions of the local cloud, small sizes")
    options = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory(prefix="lambdarray-predicted-") as folder:
        _folder[0] = folder
        where = local_cloud(folder) if options.cloud else _threads(options.profile)
        with where as settings, la.config(progress=False, **settings):
            for name in options.only:
                make, size, quick = CASES[name]
                if options.cloud and make is rechunk:
                    continue  # its arrays are in a folder of this machine, which no function reads
                run = make(quick if options.quick or options.cloud else size)
                rows.append(measure(name, run, options.rounds, options.stages))
                print(f"{rows[-1].name}: {rows[-1].ratio:.3f}", file=sys.stderr, flush=True)
    print(table(rows))
    return 0


@contextmanager
def _threads(profile: str | None) -> Iterator[dict[str, Any]]:
    yield {"profile": profile}


if __name__ == "__main__":
    sys.exit(main())
