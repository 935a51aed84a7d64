"""The demonstration: two n x n arrays of tiles, multiplied out of core, verified, and measured beside one core's BLAS.

Rates are effective: from bytes in to bytes out, as the caller sees them. `lambdarray demo --help` has the options.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .algorithms.checks import VECTORS, freivalds
from .api.compute import explain, last_report
from .api.random import default_rng
from .api.reading import open_zarr
from .config import LOCAL, config
from .errors import ConfigError, MemoryLimitError, StoreError
from .runtime.environment import MIB_PER_VCPU

ITEM = 8  # bytes of a float64


@dataclass(frozen=True, slots=True)
class Job:
    """What is multiplied, how and where: n, the tile's length, the settings, and the place of the three arrays."""

    n: int
    chunk: int
    place: str
    settings: dict[str, Any]

    @property
    def flops(self) -> int:
        """Floating-point operations of the product."""
        return 2 * self.n**3

    @property
    def nbytes(self) -> int:
        """Bytes of one array."""
        return ITEM * self.n**2

    def url(self, name: str) -> str:
        """Where array `name` is."""
        return f"{self.place.rstrip('/')}/{name}.zarr"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demonstration from a command line; 0 where the product is right."""
    options = make_parser().parse_args(argv)
    if options.n < 1:
        raise ConfigError(f"--n {options.n} is not a size; it must be at least 1")
    with _place(options) as place:
        _run(_job(options, place), options.report)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The options of `lambdarray demo`."""
    told = "Multiply two n x n float64 arrays out of core, verify the product and say how fast it was."
    parser = argparse.ArgumentParser(prog="lambdarray demo", description=told)
    add = parser.add_argument
    add("--n", type=int, default=8192, metavar="N", help="rows and columns of each array (8192)")
    add("--chunks", type=int, default=0, metavar="C", help="rows and columns of a tile (2048, or n/4 where n is small)")
    add("--executor", default="", metavar="NAME", help="threads (default), processes or lambda")
    add("--dir", default="", metavar="URL", help="where the arrays go: a directory or s3://; kept (a temporary one)")
    add("--store", default="", metavar="URL", help="where intermediate tiles go; for lambda an s3:// prefix")
    add(
        "--workers", type=int, metavar="W", help="tasks at once (this machine's cores; on lambda, what the account has)"
    )
    add("--memory", type=int, metavar="MIB", help="memory of a worker (a share of this machine; the function's own)")
    add("--report", default="", metavar="FILE", help="write the product's report: .html, .json, or both to a directory")
    return parser


def _job(options: argparse.Namespace, place: str) -> Job:
    given = {
        "executor": options.executor,
        "store": options.store,
        "workers": options.workers,
        "memory_mib": options.memory,
    }
    chunk = options.chunks or max(1, min(2048, -(-options.n // 4)))
    return Job(options.n, chunk, place, {name: value for name, value in given.items() if value})


@contextmanager
def _place(options: argparse.Namespace) -> Iterator[str]:
    """The place of the arrays: the one that was given, or a temporary one that goes at the end."""
    if options.dir:
        yield options.dir
    elif options.executor == "lambda":
        raise ConfigError("functions cannot reach a directory of this machine: give --dir s3://bucket/prefix too")
    else:
        with tempfile.TemporaryDirectory(prefix="lambdarray-demo-") as made:
            yield made


# -- the job


def _run(job: Job, place_of_report: str = "") -> None:
    check_room(job)
    say = Teller(sys.stdout)
    with config(**job.settings) as settings:
        say.title(
            f"{job.n} x {job.n} float64 times the same, tiles of {job.chunk} x {job.chunk}, on {settings.executor}"
        )
        raw = _measure_machine(say, job)
        _write_inputs(say, job)
        seconds = _multiply(say, job)
        report = last_report()
        residual = _verify(say, job)
    _summary(say, job, Measured(seconds, raw, residual, report))
    if place_of_report and report is not None:
        say.line("report", str(report.save(place_of_report)))


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out: seconds of the product, this machine's GFLOPS on one core, the residual and the run's report."""

    seconds: float
    raw_gflops: float
    residual: float
    report: Any


def _measure_machine(say: Teller, job: Job) -> float:
    size = max(1, min(4096, job.n))
    raw = dgemm_gflops(size)
    say.line("one core", f"{raw:.1f} GFLOPS: this machine's own DGEMM, {size} x {size}, best of 3")
    return raw


def dgemm_gflops(size: int, repeat: int = 3) -> float:
    """GFLOPS of NumPy's matrix product on one BLAS thread, the best of `repeat`."""
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((size, size)), rng.standard_normal((size, size))
    c = np.zeros((size, size))
    with threadpool_limits(1, "blas"):
        best = min(_seconds_of(lambda: np.matmul(a, b, out=c)) for _ in range(repeat))
    return float(2 * size**3 / best / 1e9)


def _seconds_of(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _write_inputs(say: Teller, job: Job) -> None:
    def write() -> None:
        rng = default_rng(0)
        for name in ("a", "b"):
            x = rng.standard_normal((job.n, job.n), chunks=job.chunk)
            x.to_zarr(job.url(name), overwrite=True)

    took = _seconds_of(write)
    say.line("inputs", f"{2 * job.nbytes / 1e9:.2f} GB of tiles written in {took:.1f} s: {job.url('a')}, b.zarr")


def _product(job: Job) -> Any:
    a: Any = open_zarr(job.url("a"))
    return a @ open_zarr(job.url("b"))


def _multiply(say: Teller, job: Job) -> float:
    product = _product(job)
    say.block(str(explain(product)))
    took = _seconds_of(lambda: product.to_zarr(job.url("c"), overwrite=True))
    say.line("product", f"{job.nbytes / 1e9:.2f} GB written in {took:.2f} s: {job.url('c')}")
    return took


# -- verification


def _verify(say: Teller, job: Job) -> float:
    # Read by this process, whatever computed it.
    with config(executor="threads", store="memory://"):
        a, b, c = (open_zarr(job.url(name)) for name in "abc")
        residual = float(freivalds(a, b, c))
    say.line("verified", f"C x = A (B x) for {VECTORS} random vectors; {residual:.1e} of the bound on rounding")
    return residual


# -- room


def check_room(job: Job) -> None:
    """Refuse what this machine has no room for, before anything starts. StoreError or MemoryLimitError."""
    if "://" not in job.place:
        need, have = int(3.05 * job.nbytes), _free_disk(Path(job.place))
        if need > have:
            raise StoreError(
                f"three arrays of {job.n} x {job.n} need {need / 1e9:.1f} GB and {job.place} has {have / 1e9:.1f} GB "
                f"free; give another --dir or --n {_largest(job.n, have / need)}"
            )
    workers = job.settings.get("workers") or os.cpu_count() or 1
    need, known = max(3 * ITEM * min(job.n, 4096) ** 2, 5 * workers * ITEM * job.chunk**2), _free_memory()
    if known is not None and need > known:
        raise MemoryLimitError(
            f"{workers} workers with tiles of {job.chunk} x {job.chunk} need about {need / 1e9:.1f} GB of memory and "
            f"{known / 1e9:.1f} GB are free; use fewer --workers, smaller --chunks, "
            f"or --n {_largest(job.n, known / need)}"
        )


def _largest(n: int, ratio: float) -> int:
    """The n whose square is `ratio` of this one's, rounded down to a full 16."""
    return max(1, int(n * ratio**0.5) // 16 * 16)


def _free_disk(place: Path) -> int:
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def _free_memory() -> int | None:
    """Bytes that this machine can still give; None where it does not say."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in text.splitlines() if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


# -- what is printed


class Teller:
    """Prints labelled lines; bold where it prints to a terminal that may be coloured."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.bold = stream.isatty() and "NO_COLOR" not in os.environ

    def title(self, text: str) -> None:
        """A heading."""
        self._print(f"\033[1m{text}\033[0m" if self.bold else text)

    def line(self, label: str, text: str) -> None:
        """A label and what there is to say of it."""
        self._print(f"  {label:<10} {text}")

    def block(self, text: str) -> None:
        """Several lines, indented."""
        self._print("\n" + "\n".join(f"    {line}" for line in text.splitlines()) + "\n")

    def _print(self, text: str) -> None:
        print(text, file=self.stream, flush=True)


def _summary(say: Teller, job: Job, found: Measured) -> None:
    report = found.report
    effective = job.flops / found.seconds / 1e9
    say.block(str(report))
    say.title(f"{effective:.1f} GFLOPS effective, from tiles in to tiles out")
    if report.executor in LOCAL:
        per_core = effective / report.workers
        share = per_core / found.raw_gflops
        say.line("per core", f"{per_core:.1f} GFLOPS on {report.workers} cores, {share:.0%} of one core's own DGEMM")
    say.line("computing", _computing(job, found))
    say.line("overlap", _overlap(report))


def _computing(job: Job, found: Measured) -> str:
    """The rate while kernels ran, on one core: how well BLAS was fed its tiles."""
    cores = _cores_of_a_worker(job, found.report.executor)
    rate = job.flops / max(found.report.compute_s, 1e-9) / cores / 1e9
    where = "inside the function" if found.report.executor == "lambda" else "in a worker"
    return f"{rate:.1f} GFLOPS per core {where}, {rate / found.raw_gflops:.2f} of one core's own DGEMM"


def _cores_of_a_worker(job: Job, executor: str) -> float:
    memory = job.settings.get("memory_mib", MIB_PER_VCPU) if executor == "lambda" else MIB_PER_VCPU
    return max(1.0, round(memory / MIB_PER_VCPU))


def _overlap(report: Any) -> str:
    """How much of reading and writing went on while kernels ran."""
    moving = report.fetch_s + report.write_s
    # Tasks overlap too: the last one's tiles are written while the next computes.
    busy = min(report.total_s, report.seconds * min(report.workers, report.tasks))
    hidden = min(moving, max(0.0, moving + report.compute_s - busy))
    share = f", {hidden / moving:.0%} of it while computing" if moving else ""
    return (
        f"fetch {report.fetch_s:.1f} s and write {report.write_s:.1f} s{share}; compute {report.compute_s:.1f} s; "
        f"workers were busy {busy:.1f} s"
    )
