"""Computations on matrices that exist on paper only, run in virtual time: `lambdarray simulate gemm --n 200000`.

The planner, the scheduler and the loop are those of a run on Lambda; functions and S3 are what `Assumptions` says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from .algorithms.sides import best_side
from .api.array import Array
from .api.compute import ops_of, resources
from .config import config, get_config
from .cost import ARCHITECTURES, Machine, of_architecture
from .cost.factors import CHOLESKY, LU, QR, Factorisation
from .errors import ConfigError
from .ops import Stored
from .planner import make_plan
from .runtime.assumptions import Assumptions
from .runtime.environment import MIB_PER_VCPU
from .runtime.simulation import simulate
from .runtime.summary import RunReport
from .task import Plan
from .tiling import Cuts, Tiling

TALL = 1024
ASSUMED = Assumptions()
# What a run is known by: keys whose values differ from seed to seed.
BY_SEED = (
    "seed", "effective_tflops", "seconds", "dollars", "worker_busy_share", "attempts", "retries", "speculated",
    "cold_starts",
)  # fmt: skip


def matrix(name: str, m: int, n: int, tile: int) -> Any:
    """A matrix in a bucket that nobody looks into, in tiles of `tile` rows and columns.

    >>> matrix("a", 10, 6, 4).chunks
    ((4, 4, 2), (4, 2))
    """
    place = f"s3://paper/{name}"
    cuts = Tiling((Cuts(m, min(m, tile)), Cuts(n, min(n, tile))))
    location = {"kind": "tiles", "store": place, "prefix": name}
    return Array(Stored((), cuts, np.dtype(float), location=location, token=f"{place} {m} {n} {tile}"))


@dataclass(frozen=True, slots=True)
class Scenario:
    """What it is, its arrays for a size and a tile, its flops for a size, its tile or what chooses it."""

    told: str
    make: Callable[[int, int], Sequence[Any]]
    flops: Callable[[int], float]
    tile: int | Factorisation


def _gemm(n: int, tile: int) -> Sequence[Any]:
    a, b = (matrix(name, n, n, tile) for name in "ab")
    return (a @ b,)


def _cholesky(n: int, tile: int) -> Sequence[Any]:
    from .api import linalg

    return (linalg.cholesky(matrix("a", n, n, tile), tile=tile),)


def _lu(n: int, tile: int) -> Sequence[Any]:
    from .api import linalg

    return tuple(linalg.lu_factor(matrix("a", n, n, tile), tile=tile))


def _qr(n: int, tile: int) -> Sequence[Any]:
    from .api import linalg

    return tuple(linalg.qr(matrix("a", n, n, tile), tile=tile))


def _tsqr(n: int, tile: int) -> Sequence[Any]:
    from .api import linalg

    place = Tiling((Cuts(n, min(n, tile)), Cuts(TALL, TALL)))
    location = {"kind": "tiles", "store": "s3://paper/a", "prefix": "a"}
    tall = Array(Stored((), place, np.dtype(float), location=location, token=f"tall {n} {tile}"))
    return tuple(linalg.qr(tall))


def _chain(n: int, tile: int) -> Sequence[Any]:
    x, y = matrix("a", n, n, tile), matrix("b", n, n, tile)
    return ((x * 2 + y) / (y * y + 1) - x,)


SCENARIOS: Mapping[str, Scenario] = {
    "gemm": Scenario("C = A B of n x n", _gemm, lambda n: 2.0 * n**3, 2500),
    "cholesky": Scenario("A = L L^T of n x n", _cholesky, lambda n: n**3 / 3, CHOLESKY),
    "lu": Scenario("P A = L U of n x n", _lu, lambda n: 2.0 * n**3 / 3, LU),
    "qr": Scenario("A = Q R of n x n", _qr, lambda n: 8.0 * n**3 / 3, QR),
    "tsqr": Scenario(f"A = Q R of n x {TALL}", _tsqr, lambda n: 4.0 * n * TALL**2, 32_768),
    "chain": Scenario("(2 A + B) / (B B + 1) - A, element by element, of n x n", _chain, lambda n: 6.0 * n**2, 4000),
}


@dataclass(frozen=True, slots=True)
class Job:
    """What is simulated: a scenario, its size and tile, and the functions that it runs on.

    `gflops` is what a core makes of a product in double precision; None: as the profile of `arch` has it.
    `transfer_cpu` is the seconds that each GB read or written takes of a core beside that.
    """

    name: str
    n: int
    workers: int = 1000
    memory_mib: int = MIB_PER_VCPU
    tile: int | None = None
    gflops: float | None = None
    arch: str = "x86_64"
    model: Assumptions = ASSUMED
    transfer_cpu: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in SCENARIOS:
            raise ConfigError(f"{self.name!r} cannot be simulated; there are: {', '.join(SCENARIOS)}")
        of_architecture(self.arch)
        for name in ("n", "workers", "tile", "gflops"):
            value = getattr(self, name)
            if value is not None and not 0 < value < inf:
                raise ConfigError(f"{name}={value!r} must be above 0, and finite")
        if not 0 <= self.transfer_cpu < inf:
            raise ConfigError(f"transfer_cpu={self.transfer_cpu!r} must be at least 0 s for a GB, and finite")

    @property
    def machine(self) -> Machine:
        """What a function is, in numbers."""
        found = of_architecture(self.arch)
        rates = {f.name: getattr(found.product, f.name) for f in fields(found.product)}
        by = (self.gflops or rates["float64"].gflops) / rates["float64"].gflops
        made = {name: replace(rate, gflops=rate.gflops * by, half_side=0.0) for name, rate in rates.items()}
        # The published rate of a function is one at which it reads and writes too.
        store = replace(found.store, read_cpu_s_per_gb=self.transfer_cpu, write_cpu_s_per_gb=self.transfer_cpu)
        return replace(found, product=replace(found.product, **made), store=store)

    @property
    def flops(self) -> float:
        """Floating-point operations of the computation, however it is done."""
        return SCENARIOS[self.name].flops(self.n)

    @property
    def peak(self) -> float:
        """Flops a second of all workers."""
        return self.workers * self.machine.flops_per_s(np.dtype(float), cores=self.machine.cores(self.memory_mib))

    @property
    def side(self) -> int:
        """Rows and columns of a tile: as given, or for a factorisation as the cost model chooses it."""
        chosen = self.tile or SCENARIOS[self.name].tile
        if isinstance(chosen, int):
            return chosen
        return best_side(chosen, (self.n, self.n), np.dtype(float), replace(get_config(), **self.settings))

    @property
    def settings(self) -> dict[str, Any]:
        """Those of a run on Lambda."""
        place = {"executor": "lambda", "store": "s3://paper/scratch"}
        return {**place, "workers": self.workers, "memory_mib": self.memory_mib}

    def plan(self) -> Plan:
        """The plan that Lambda would run."""
        with config(**self.settings):
            ops = ops_of(SCENARIOS[self.name].make(self.n, self.side))
            return make_plan(ops, replace(resources(get_config()), worker=self.machine))[0]

    def run(self, plan: Plan, seed: int) -> dict[str, Any]:
        """One simulated run in figures."""
        begin = perf_counter()
        settings = replace(get_config(), executor="simulated", workers=self.workers, progress=False)
        report = simulate(plan, settings, self.workers, model=self.model, seed=seed)
        return {**figures(self, report), "seed": seed, "simulated_in_seconds": perf_counter() - begin}


def figures(job: Job, report: RunReport) -> dict[str, Any]:
    """What a run came to: rates, bytes, dollars, and how well the workers were used."""
    counts, machine = report.statistics, job.machine
    compute = machine.memory_dollars(job.memory_mib, report.billed_s)
    requests = machine.request_dollars(counts["invocations"], counts["gets"], counts["puts"])
    names = ("attempts", "retries", "speculated", "invocations", "throttled", "slow_downs", "crashed", "killed")
    return {
        "effective_tflops": job.flops / report.seconds / 1e12,
        "seconds": report.seconds,
        "efficiency": job.flops / report.seconds / job.peak,
        "dollars": compute + requests,
        "dollars_compute": compute,
        "dollars_requests": requests,
        "dollars_per_pflop": (compute + requests) / (job.flops / 1e15),
        "bytes_read": report.bytes_read,
        "bytes_written": report.bytes_written,
        "worker_busy_share": report.compute_s / report.billed_s if report.billed_s else 0.0,
        "billed_seconds": report.billed_s,
        "tasks": report.tasks,
        "cold_starts": report.cold_starts,
        **{name: counts[name] for name in (*names, "unheard", "gets", "puts", "partitions")},
    }


def floor_dollars(machine: Machine) -> float:
    """Dollars of a PFLOP on cores that do nothing else and are busy all the time.

    >>> [round(floor_dollars(of_architecture(name)), 2) for name in ("x86_64", "arm64")]
    [1.6, 1.28]
    """
    seconds = 1e15 / machine.flops_per_s(np.dtype(float))
    return machine.memory_dollars(machine.functions.mib_per_core, seconds)


def simulated(job: Job, seeds: Sequence[int]) -> dict[str, Any]:
    """The runs of a job, one for each seed: the one with the median rate in full, the worst rate, and what was assumed.

    Of an even number of seeds the lower of the middle two is the median run.
    """
    begin = perf_counter()
    plan = job.plan()
    planned = perf_counter() - begin
    runs = sorted((job.run(plan, seed) for seed in seeds), key=lambda run: float(run["effective_tflops"]))
    rates = [run["effective_tflops"] for run in runs]
    out = dict(runs[(len(runs) - 1) // 2])
    if len(runs) > 1:
        out |= {"median_tflops": median(rates), "worst_tflops": rates[0], "best_tflops": rates[-1]}
        out["runs"] = [{name: run[name] for name in BY_SEED} for run in sorted(runs, key=lambda run: int(run["seed"]))]
    floors = {name: floor_dollars(replace(job, arch=name).machine) for name in ARCHITECTURES}
    return {
        "what": f"{job.name}: {SCENARIOS[job.name].told}, float64, from S3 to S3",
        **out,
        "ideal_tflops": job.peak / 1e12,
        "floor_dollars_per_pflop": floors,
        "flops": job.flops,
        "n": job.n,
        "tile": job.side,
        "workers": job.workers,
        "planned_in_seconds": planned,
        "stages": len(plan.programs),
        "notes": list(plan.notes),
        "model": {
            "arch": job.arch,
            "memory_mib": job.memory_mib,
            "gflops_per_core": job.machine.product.float64.gflops,
            "transfer_cpu_s_per_gb": job.transfer_cpu,
            "dollars_per_gib_s": job.machine.prices.dollars_per_gib_s,
            **asdict(job.model),
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Simulate what a command line names."""
    options = make_parser().parse_args(argv)
    model = Assumptions(bandwidth_mbps=options.bandwidth)
    job = Job(
        options.name, options.n, options.workers, options.memory, options.tile, options.gflops, options.arch, model,
        options.transfer_cpu,
    )  # fmt: skip
    if options.seeds is not None and options.seeds < 1:
        raise ConfigError(f"--seeds {options.seeds} is not a number of runs; it must be at least 1")
    seeds = [options.seed] if options.seeds is None else range(options.seed, options.seed + options.seeds)
    found = simulated(job, seeds)
    sys.stdout.write((json.dumps(found, indent=2) if options.json else told(found)) + "\n")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The options of `lambdarray simulate`."""
    about = "Run a computation on Lambda in virtual time: the real planner and scheduler, a model of functions and S3."
    parser = argparse.ArgumentParser(prog="lambdarray simulate", description=about)
    add = parser.add_argument
    add("name", choices=list(SCENARIOS), help="; ".join(f"{name}: {s.told}" for name, s in SCENARIOS.items()))
    add("--n", type=int, required=True, metavar="N", help="the size")
    add("--workers", type=int, default=1000, metavar="W", help="functions at once (1000)")
    add(
        "--memory", type=int, default=MIB_PER_VCPU, metavar="MIB", help="memory of a function (1769, which is one core)"
    )
    add("--gflops", type=float, metavar="G", help="GFLOPS of a core (as the profile has them)")
    add("--bandwidth", type=float, default=ASSUMED.bandwidth_mbps, metavar="MB", help="MB/s of a function (75)")
    add("--transfer-cpu", type=float, default=0.0, metavar="S", help="seconds of a core for each GB moved (0)")
    add("--arch", default="x86_64", metavar="ARCH", help="x86_64 (default) or arm64")
    add("--tile", type=int, metavar="T", help="rows and columns of a tile (as the cost model chooses)")
    add("--seed", type=int, default=0, metavar="S", help="what chance depends on (0)")
    add("--seeds", type=int, metavar="K", help="simulate K runs, of seeds from S on, and tell median and worst")
    add("--json", action="store_true", help="print all figures and all that was assumed as JSON")
    return parser


def told(found: Mapping[str, Any]) -> str:
    """The figures of a simulation for a person."""
    floor = found["floor_dollars_per_pflop"]
    lines = [
        found["what"],
        f"n = {found['n']:,}, tiles of {found['tile']:,}, {found['workers']:,} functions, seed {found['seed']}",
        f"{found['effective_tflops']:.1f} TFLOPS effective of {found['ideal_tflops']:.1f} in {found['seconds']:,.0f} s",
        f"${found['dollars']:,.2f}, ${found['dollars_per_pflop']:.2f} a PFLOP; the floor is ${floor['x86_64']:.2f} on "
        f"x86_64 and ${floor['arm64']:.2f} on arm64",
        f"read {found['bytes_read'] / 1e12:,.2f} TB, wrote {found['bytes_written'] / 1e12:,.2f} TB; workers computed "
        f"for {found['worker_busy_share']:.0%} of the time that is billed",
        f"{found['tasks']:,} tasks, {found['attempts']:,} attempts: {found['retries']:,} retries, "
        f"{found['speculated']:,} beside stragglers; {found['cold_starts']:,} cold starts, "
        f"{found['throttled']:,} refused (429), {found['slow_downs']:,} slowed down (503), "
        f"{found['crashed']:,} crashes",
    ]
    if "worst_tflops" in found:
        lines.append(
            f"of {len(found['runs'])} seeds: median {found['median_tflops']:.1f}, worst {found['worst_tflops']:.1f}, "
            f"best {found['best_tflops']:.1f} TFLOPS"
        )
    return "\n".join(lines)
