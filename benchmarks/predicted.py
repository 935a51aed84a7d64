"""Predicted seconds beside measured ones, on plans on which no constant was fitted.

    python benchmarks/predicted.py [--profile FILE] [--rounds 5] [--only NAME ...] [--quick] [--patience S]
        [--cloud]

What is predicted is the plan's own run in virtual time, by the simulator with the constants of a profile, or with those
that `lambdarray calibrate` measures first. With --cloud runs go to functions of the local cloud, and the constants are
measured there. Its S3 server should be a real one, since moto reads all of an object for a part:

    TMPDIR=/dev/shm taskset -c 0 sh tools/with_versitygw.sh python benchmarks/predicted.py --cloud --cores 1

Results stay in the store there, as those of a batch job do, and what is predicted begins with functions that are warm,
as those of all runs but the first are. The server has cores and memory of its own, since neither what functions compute
nor what a disk has yet to write slows S3 down.

Before each round that counts files are read, since the system of a virtual machine may page out what it did not use
for a minute, and memory is taken and let go, as `lambdarray calibrate` does before it measures, since it may have gone
back to the host; the first round is as it comes, and is shown beside. Constants and rounds are of one `placement` of
the cores by that host: a round that begins or ends in another one is made anew, while a row has patience left.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from peers import warm
from placement import Placement

import lambdarray as la
from lambdarray.calibration import warm_memory
from lambdarray.config import get_config
from lambdarray.cost import machine_of
from lambdarray.runtime.environment import cores
from lambdarray.runtime.launch import Launch, worker_count
from lambdarray.runtime.simulation import simulate
from lambdarray.runtime.summary import RunReport
from lambdarray.store import open_store
from lambdarray.task import Plan

Run = Callable[[], object]
BUCKET = "lambdarray-local"
# More than any case takes, files included.
MOST_NBYTES = 4 << 30
# What is over soon is run more often, until it took so long in all, or so many times as often.
ENOUGH_S, MORE = 8.0, 4


@dataclass(frozen=True)
class Row:
    """A plan's seconds: predicted; measured, their median, the least and the most; and those of the first run.

    `elsewhere` is how many of the runs were made although the cores' placement was another.
    `stages` has for each stage its name, its tasks, and the seconds of one of them: predicted, and measured.
    """

    name: str
    tasks: int
    predicted: float
    measured: float
    least: float
    most: float
    first: float
    elsewhere: int
    stages: list[tuple[str, int, float, float]]

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted / self.measured


# -- what is run: each makes its inputs, and returns what is timed


def given(values: np.ndarray) -> Any:
    """An array of ours: the values where they lie, or for functions tiles that are in the store before."""
    x = la.from_array(values)
    return x if get_config().local else x.persist()


def result(*arrays: Any) -> object:
    """Their values, or of functions tiles that stay in the store."""
    return la.compute(*arrays) if get_config().local else la.persist(*arrays)


def gemm(n: int) -> Run:
    rng = np.random.default_rng(0)
    a, b = given(rng.standard_normal((n, n))), given(rng.standard_normal((n, n)))
    return lambda: result(a @ b)


def cholesky(n: int) -> Run:
    x = np.random.default_rng(0).standard_normal((n, n))
    a = given(x + x.T + 4 * n * np.eye(n))
    return lambda: result(la.linalg.cholesky(a, tile=n // 8))


def chain(n: int) -> Run:
    rng = np.random.default_rng(0)
    x, y = given(rng.standard_normal(n)), given(rng.standard_normal(n))
    return lambda: result(((np.sin(x) * 2 + x**2 - y) / (1 + abs(y))).mean())


def rechunk(n: int) -> Run:
    """From rows to columns, Zarr to Zarr."""
    place, parts = open_store(_place[0]), 20
    rows = np.random.default_rng(0).standard_normal((2 * n, n))
    la.from_array(rows, chunks=(2 * n // parts, n)).to_zarr(f"{place.url}/rows.zarr")

    def run() -> object:
        place.delete_prefix("columns.zarr")  # or memory would fill, which is slower where it was not used before
        return la.open_zarr(f"{place.url}/rows.zarr").rechunk((2 * n, n // parts)).to_zarr(f"{place.url}/columns.zarr")

    return run


def tsqr(m: int) -> Run:
    a = given(np.random.default_rng(0).standard_normal((m, 64)))
    return lambda: result(*la.linalg.qr(a))


_place = [""]
# By name: what is run, its size, its size where it is to be over soon.
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


def once(run: Run) -> tuple[Plan, RunReport]:
    """The plan of a run, and what it took."""
    with noted() as plans:
        run()
    (plan,), report = plans, la.last_report()
    if not get_config().local:  # or the next run would find its results there
        open_store(get_config().store).delete_prefix(f"{plan.key[:2]}/{plan.key}")
    assert report is not None
    return plan, report


def measure(name: str, run: Run, rounds: int, place: Placement) -> Row:
    """Run it a few times, the first of which is not counted, and its plan in virtual time."""

    def warmed() -> tuple[Plan, RunReport]:
        if get_config().local:
            warm(Path(_place[0]))
        warm_memory(MOST_NBYTES)
        return once(run)

    first = once(run)[1].seconds
    runs = list[tuple[tuple[Plan, RunReport], bool]]()
    while len(runs) < rounds or (len(runs) < MORE * rounds and sum(r.seconds for (_, r), _ in runs) < ENOUGH_S):
        runs.append(place.hold(warmed))
    (plan, report), _ = runs[-1]
    config = get_config()
    machine = machine_of(config)
    if machine.remote:
        machine = replace(machine, functions=replace(machine.functions, cold_start_s=0.0))
    predicted = simulate(plan, config, worker_count(config), machine=machine).seconds
    stages = [
        (stage.name, program.task_count, estimate.seconds, stage.total_s / max(stage.done, 1))
        for stage, program, estimate in zip(report.stages, plan.programs, plan.estimates, strict=True)
    ]
    seconds, elsewhere = [report.seconds for (_, report), _ in runs], sum(not held for _, held in runs)
    middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
    return Row(name, plan.task_count, predicted, middle, least, most, first, elsewhere, stages)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    head = "| plan | tasks | predicted | measured (median; least to most) | ratio | first run |"
    lines = [head, "|---" * 6 + "|"]
    for r in rows:
        lines.append(
            f"| {r.name} | {r.tasks:,} | {r.predicted:.3g} s | {r.measured:.3g} s ({r.least:.3g} to {r.most:.3g}) "
            f"| {r.ratio:.2f} | {r.first:.3g} s |"
        )
    return "\n".join(lines)


def stages_text(row: Row) -> str:
    """A task of each stage, predicted beside measured; what overlaps the next task's work counts for both."""
    return "\n".join(
        f"    {name:<24} {tasks:>6} tasks  predicted {predicted * 1e3:10.3f} ms  measured {measured * 1e3:10.3f} ms"
        for name, tasks, predicted, measured in row.stages
    )


@contextmanager
def running_on(places: Sequence[int]) -> Iterator[None]:
    """What is started meanwhile runs on these cores, if there are any here."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, places or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def local_cloud(folder: str, places: Sequence[int], patience_s: float) -> Iterator[dict[str, Any]]:
    """Settings for functions of the local cloud on these cores, one on each: deployed and measured.

    Without any the functions are on all cores, half as many, since the S3 server is on them too.
    """
    import platform

    from lambdarray import cli
    from lambdarray.cloud import LocalCloud

    arch = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
    store, data, profile = f"s3://{BUCKET}/scratch", f"s3://{BUCKET}/data", f"{folder}/function.toml"
    s3 = os.environ.get("AWS_ENDPOINT_URL_S3") or "moto"
    with ExitStack() as stack:
        with running_on(places):
            cloud = stack.enter_context(LocalCloud(bucket=BUCKET, s3=s3))
        os.environ.update(cloud.environ)
        assert cli.main(["deploy", "--arch", arch, "--yes", "--store", store, "--write", data]) == 0
        distance = calibrated(patience_s, "--function", "lambdarray", "--out", profile)
        workers = len(places) or max(1, cores() // 2)
        settings = {"executor": "lambda", "store": store, "workers": workers, "profile": profile}
        yield settings | {"place": data, "distance": distance}


@contextmanager
def threads(folder: str, profile: str | None, patience_s: float) -> Iterator[dict[str, Any]]:
    """Settings for this machine, measured unless its constants are given."""
    measured = f"{folder}/machine.toml"
    distance = Placement().distance if profile else calibrated(patience_s, "--out", measured)
    yield {"profile": profile or measured, "place": f"{folder}/data", "distance": distance}


def calibrated(patience_s: float, *arguments: str) -> float:
    """Measure constants, again where cores were placed anew meanwhile; how far apart they are."""
    place, command = Placement(patience_s=patience_s), [sys.executable, "-m", "lambdarray", "calibrate", *arguments]
    place.hold(lambda: subprocess.run(command, check=True, stdout=sys.stderr))
    return place.distance


def child(name: str, size: int, rounds: int, patience_s: float, settings: Mapping[str, Any]) -> Row:
    """A row from a process of its own, whose memory is as a user's is."""
    asked = {"name": name, "size": size, "rounds": rounds, "patience_s": patience_s, "settings": settings}
    told = json.dumps(asked)
    done = subprocess.run([sys.executable, __file__, "--child", told], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed\n{done.stderr}")
    return Row(**json.loads(done.stdout.splitlines()[-1]))


def be_child(told: str) -> int:
    """Measure one case, and print its row as JSON."""
    asked = json.loads(told)
    settings = dict(asked["settings"])
    _place[0] = settings.pop("place") + f"/{asked['name'].replace(' ', '-')}"
    place = Placement(settings.pop("distance"), asked["patience_s"])
    with la.config(progress=False, **settings):
        row = measure(asked["name"], CASES[asked["name"]][0](asked["size"]), asked["rounds"], place)
        for url in (_place[0], get_config().store):
            open_store(url).delete_prefix("")
    print(json.dumps(asdict(row)))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for, and print it."""
    parser = argparse.ArgumentParser(description="Predicted seconds beside measured ones.")
    parser.add_argument("--profile", metavar="FILE", help="the constants, or a shipped profile; default: measured")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="runs that are counted, more of what is quick (5)"
    )
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that all runs, not how well")
    patience = "how long a row waits for the cores' placement at calibration (120; with --quick it does not)"
    parser.add_argument("--patience", type=float, default=120.0, metavar="S", help=patience)
    parser.add_argument("--stages", action="store_true", help="print every stage beside what its tasks took")
    parser.add_argument("--cloud", action="store_true", help="on functions of the local cloud")
    parser.add_argument("--cores", type=int, nargs="+", default=[], metavar="N", help="on which cores these run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        return be_child(options.child)
    rows, patience_s = [], 0.0 if options.quick else options.patience
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lambdarray-predicted-"))
        if options.cloud:
            where = local_cloud(folder, options.cores, patience_s)
        else:
            where = threads(folder, options.profile, patience_s)
        settings = stack.enter_context(where)
        for name in options.only:
            _, size, quick = CASES[name]
            rows.append(child(name, quick if options.quick else size, options.rounds, patience_s, settings))
            print(f"{name}: {rows[-1].ratio:.3f}", file=sys.stderr, flush=True)
            if options.stages:
                print(stages_text(rows[-1]), file=sys.stderr, flush=True)
    print(table(rows))
    print(f"cores {settings['distance']:.0f} ns apart, but in {sum(row.elsewhere for row in rows)} rounds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
