"""What tasks of built-in kernels take of memory, measured, beside what the planner predicts that they take at most.

    python benchmarks/peaks.py [--mib 16 64] [--only CASE ...] [--json]

Each task runs in a fresh process: forked from one that has imported everything and done nothing, with a worker that has
just the memory that was predicted, so that nothing more is fetched ahead. Measured is the most resident memory that
the process ever had, less what it had before the task. Tiles are in a directory; tasks that touch less than a tile of
the size asked for are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# One thread: those of BLAS would not live through a fork, and a worker of one core has no more.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in (".", "kernels", "lambda_layer")]
WORKERS, MEMORY_MIB = 4, 2048


@dataclass(frozen=True)
class Peak:
    """A task's highest memory in MiB: as it was predicted and as it was measured."""

    case: str
    stage: str
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """How many times as much was predicted as was measured."""
        return self.predicted / max(self.measured, 1e-9)


class Inputs:
    """Stored arrays of 2 by 2 tiles, or of 4, of `mib` MiB each, made when first used; `n` is a square tile's side."""

    def __init__(self, folder: Path, mib: int) -> None:
        self._folder, self.mib = folder, mib
        self.n = n = math.ceil(math.sqrt(mib * 2**20 / 8))
        rng = np.random.default_rng(0)
        # For each array how it is made, and its chunks.
        self._made: dict[str, tuple[Callable[[], np.ndarray], tuple[int, ...]]] = {
            "a": (lambda: rng.standard_normal((2 * n, 2 * n)), (n, n)),
            "b": (lambda: rng.standard_normal((2 * n, 2 * n))[::-1], (n, n)),
            "spd": (lambda: _positive(2 * n), (n, n)),
            "upper": (lambda: np.triu(_positive(2 * n)), (n, n)),
            "tall": (lambda: rng.standard_normal((4 * n * n // 64, 64)), (n * n // 64, 64)),
            "v": (lambda: rng.standard_normal(4 * n * n), (n * n,)),
            "places": (lambda: rng.integers(0, 4 * n * n, 4 * n * n), (n * n,)),
            "rows": (lambda: rng.integers(0, 2 * n, 2 * n), (2 * n,)),
            "single": (lambda: rng.standard_normal((2 * n, 2 * n), np.float32), (n, 2 * n)),
            "complex": (lambda: rng.standard_normal((2 * n, n)).astype("c16"), (n, n // 2)),
            "whole": (lambda: rng.integers(-9, 9, (2 * n, 2 * n)), (n, n)),
        }

    def __getattr__(self, name: str) -> Any:
        import lambdarray as la

        path = self._folder / f"{name}.zarr"
        if not path.exists():
            in_fork(lambda: self._write(name, path))
        return la.open_zarr(str(path))

    def _write(self, name: str, path: Path) -> None:
        import lambdarray as la

        make, chunks = self._made[name]
        la.from_array(make()).rechunk(chunks).to_zarr(str(path))


def _positive(n: int) -> np.ndarray:
    """A symmetric positive definite matrix that is quickly made."""
    x = np.random.default_rng(1).standard_normal((n, n))
    x += x.T
    x.flat[:: n + 1] += 4 * n
    return x


def _assigned(t: Any) -> Any:
    x = t.a
    x[t.n // 2 : t.n, ::2] = t.b[: t.n - t.n // 2, ::2]
    x[:, t.n] = 0
    return x


Case = Callable[[Any, Any], Any]
ELEMENTWISE: dict[str, Case] = {
    "chain": lambda la, t: (np.sin(t.a) * 2 + t.a**2 - t.b) / (1 + abs(t.b)),
    "cast": lambda la, t: t.a.astype("f4"),
    "where": lambda la, t: la.where(t.a > t.b, t.a, 0.0),
    "compare": lambda la, t: t.a > t.b,
    "complex": lambda la, t: np.exp(t.complex) * 1j,
    "broadcast": lambda la, t: t.a + t.v[: 2 * t.n] * t.v[: 2 * t.n, None],
    "transpose": lambda la, t: t.a + t.b.T,
    "shifted": lambda la, t: t.a[1:, 1:] - t.a[:-1, :-1],
    "stepped": lambda la, t: t.a[::-1, ::2] + 1,
    "concat": lambda la, t: la.concat([t.a[: t.n + 5], t.b]) * 2,
    "assigned": lambda la, t: _assigned(t),
    "triangle": lambda la, t: la.tril(t.a),
    "two results": lambda la, t: (t.a + t.b, t.a * t.b),
    "modf": lambda la, t: np.modf(t.a),
    "filled": lambda la, t: la.arange(4 * t.n**2, chunks=t.n**2) * 2.0,
}
REDUCTIONS: dict[str, Case] = {
    "sum": lambda la, t: t.a.sum(),
    "mean of chain": lambda la, t: (np.sin(t.a) * t.b).mean(axis=0),
    "std of columns": lambda la, t: t.a.std(axis=0),
    "var of rows": lambda la, t: t.a.var(axis=1),
    "argmax": lambda la, t: t.a.argmax(axis=0),
    "max": lambda la, t: t.a.max(),
    "any": lambda la, t: (t.a > 9).any(axis=1),
    "three at once": lambda la, t: (t.a.mean(), t.a.std(axis=0), t.a.max()),
    "transposed sum": lambda la, t: (t.a + t.a.T).sum(),
    "large partials": lambda la, t: t.a.reshape(4, t.n, t.n).sum(axis=0),
    "cumsum": lambda la, t: la.cumsum(t.a, axis=0),
    "cumsum of all": lambda la, t: la.cumsum(t.v),
    "median of columns": lambda la, t: la.median(t.a, axis=0),
    "quantiles": lambda la, t: la.quantile(t.a, [0.1, 0.9], axis=1),
    "median": lambda la, t: la.median(t.v),
    "histogram": lambda la, t: la.histogram(t.v, bins=100, range=(-5, 5))[0],
    "bincount": lambda la, t: la.bincount(t.places % 1000, minlength=1000),
}
PRODUCTS: dict[str, Case] = {
    "matmul": lambda la, t: t.a @ t.b,
    "matmul with epilogue": lambda la, t: np.exp(t.a @ t.b) + t.a,
    "matmul of float32": lambda la, t: t.single @ t.single,
    "matmul of int64": lambda la, t: t.whole @ t.whole,
    "gram": lambda la, t: t.a.T @ t.a,
    "matvec": lambda la, t: t.a @ t.v[: 2 * t.n],
    "matmul of joined": lambda la, t: la.concat([t.a[: t.n], t.b[: t.n]]) @ t.b,
    "matmul of tall": lambda la, t: t.tall.T @ t.tall,
    "einsum": lambda la, t: la.einsum("ij,jk->ki", t.a, t.b),
}
MOVEMENT: dict[str, Case] = {
    "reshape": lambda la, t: t.a.reshape(-1),
    "reshape of cube": lambda la, t: t.a.reshape(4, t.n, t.n),
    "rechunk": lambda la, t: t.a.rechunk((t.n // 2, 2 * t.n)),
    "rechunk of rows": lambda la, t: t.single.rechunk((2 * t.n, t.n // 2)),
    "take rows": lambda la, t: t.a[t.rows],
    "take elements": lambda la, t: t.v[t.places],
    "take along": lambda la, t: la.take_along_axis(t.v, t.places, 0),
    "roll": lambda la, t: la.roll(t.a, t.n // 3, axis=0),
    "pad": lambda la, t: la.pad(t.a, 3, mode="edge"),
    "diff": lambda la, t: la.diff(t.a, axis=0),
    "put": lambda la, t: _put(la, t),
}
SORTS: dict[str, Case] = {
    "sort lines": lambda la, t: la.sort(t.a, axis=0),
    "argsort lines": lambda la, t: la.argsort(t.a, axis=1),
    "sort": lambda la, t: la.sort(t.v),
    "argsort": lambda la, t: la.argsort(t.v),
    "partition": lambda la, t: la.partition(t.a, 5, axis=0),
    "topk": lambda la, t: la.topk(t.v, 100),
    "searchsorted": lambda la, t: la.searchsorted(t.v[:1000], t.v),
    "isin": lambda la, t: la.isin(t.places, t.rows),
    "digitize": lambda la, t: la.digitize(t.a, np.linspace(-3, 3, 50)),
}
TRANSFORMS: dict[str, Case] = {
    "fft of lines": lambda la, t: la.fft.fft(t.complex, axis=1),
    "rfft": lambda la, t: la.fft.rfft(t.a, axis=0),
    "irfft": lambda la, t: la.fft.irfft(t.complex, axis=0),
    "fft2": lambda la, t: la.fft.fft2(t.complex),
    "fft of all": lambda la, t: la.fft.fft(t.v[: 1 << (t.n**2).bit_length()]),
}
RANDOM: dict[str, Case] = {
    "normal": lambda la, t: la.random.default_rng(0).standard_normal((2 * t.n, 2 * t.n), chunks=t.n),
    "integers": lambda la, t: la.random.default_rng(0).integers(0, 99, (2 * t.n, 2 * t.n), chunks=t.n),
    "float32": lambda la, t: la.random.default_rng(0).random((2 * t.n, 4 * t.n), dtype="f4", chunks=(t.n, 2 * t.n)),
    "gamma": lambda la, t: la.random.default_rng(0).gamma(t.a**2, 2.0),
    "permutation": lambda la, t: la.random.default_rng(0).permutation(t.v),
    "choice": lambda la, t: la.random.default_rng(0).choice(t.v, 4 * t.n**2),
}
LINEAR_ALGEBRA: dict[str, Case] = {
    "cholesky": lambda la, t: la.linalg.cholesky(t.spd, tile=t.n),
    "lu": lambda la, t: tuple(la.linalg.lu(t.a, tile=t.n)),
    "qr": lambda la, t: tuple(la.linalg.qr(t.a, tile=t.n)),
    "tall qr": lambda la, t: tuple(la.linalg.qr(t.tall)),
    "r of tall qr": lambda la, t: la.linalg.qr(t.tall, mode="r"),
    "tall svd": lambda la, t: tuple(la.linalg.svd(t.tall, full_matrices=False)),
    "solve": lambda la, t: la.linalg.solve(t.spd, t.b, tile=t.n),
    "solve_triangular": lambda la, t: la.linalg.solve_triangular(t.upper, t.b, tile=t.n),
    "lstsq": lambda la, t: la.linalg.lstsq(t.tall, t.tall[:, :3])[0],
    "inv": lambda la, t: la.linalg.inv(t.spd, tile=t.n),
    "small cholesky": lambda la, t: la.linalg.cholesky(t.spd[: t.n, : t.n].rechunk(t.n)),
    "small solve": lambda la, t: la.linalg.solve(t.spd[: t.n, : t.n].rechunk(t.n), t.b[: t.n, : t.n].rechunk(t.n)),
    "small qr": lambda la, t: tuple(la.linalg.qr(t.a[: t.n, : t.n].rechunk(t.n))),
    "small eigh": lambda la, t: tuple(la.linalg.eigh(t.spd[: t.n, : t.n].rechunk(t.n))),
}
CASES = ELEMENTWISE | REDUCTIONS | PRODUCTS | MOVEMENT | SORTS | TRANSFORMS | RANDOM | LINEAR_ALGEBRA


def _put(la: Any, t: Any) -> Any:
    x = t.v
    x[t.places[:1000]] = 1.0
    return x


def in_fork(work: Callable[[], Any]) -> Any:
    """What `work` returns, as JSON has it, in a process of its own that has of this one what it has imported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        text = file.read()
    if os.waitpid(child, 0)[1]:
        raise RuntimeError(text)
    return json.loads(text)


def _be_child(work: Callable[[], Any], writing: int) -> None:
    code = 1
    with open(writing, "w", encoding="utf-8") as file:
        try:
            file.write(json.dumps(work()))
            code = 0
        except BaseException:
            file.write(traceback.format_exc())
    os._exit(code)


def load_everything() -> None:
    """Import what tasks would import: that is no memory of theirs."""
    import lambdarray_kernels.fortran
    import scipy.linalg
    from lambdarray_kernels.registry import MODULES, get

    import lambdarray as la
    import lambdarray.runtime.handler
    import lambdarray.runtime.run
    import lambdarray.store.directory
    import lambdarray.store.zarr

    for name in MODULES:
        get(name)
    lambdarray_kernels.fortran.load()
    la.plan(scipy.linalg.norm(np.ones(3)) + la.ones(3))


def resident_mib(name: str) -> float:
    """VmRSS, what the process has, or VmHWM, the most that it had since that was last forgotten."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Have the system count the highest memory anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peaks(name: str, inputs: Inputs, folder: Path) -> Iterator[Peak]:
    """Each large task of a case's plan: predicted and measured."""
    import lambdarray as la
    from lambdarray.api.compute import make, ops_of

    made = CASES[name](la, inputs)
    with la.config(store=str(folder / "scratch"), workers=WORKERS, memory_mib=MEMORY_MIB) as config:
        plan, objects = make(ops_of(made if isinstance(made, tuple) else (made,)), config)
    in_fork(lambda: run_all(plan, objects, config))
    for number, (program, cost) in enumerate(zip(plan.programs, plan.estimates, strict=True)):
        if cost.bytes_read + cost.bytes_written >= inputs.mib << 20:
            measured = in_fork(lambda n=number: measure(plan, objects, n, config.store))
            yield Peak(name, program.name, cost.peak_bytes / 2**20, measured)
    in_fork(lambda: open_scratch(config.store).delete_prefix(""))


def open_scratch(url: str) -> Any:
    """The store of the tiles."""
    from lambdarray.store import open_store

    return open_store(url)


def run_all(plan: Any, objects: Any, config: Any) -> None:
    """Run the whole plan and keep all of its tiles, which are the inputs of the tasks that are measured."""
    from lambdarray.runtime.executors.threads import ThreadsExecutor
    from lambdarray.runtime.run import run

    executor = ThreadsExecutor(open_scratch(config.store), objects, workers=2)
    run(plan, executor, config=config)
    executor.close()


def measure(plan: Any, objects: Any, number: int, url: str) -> float:
    """The peak in MiB of the largest task of a stage."""
    from lambdarray.runtime.executors import Attempt
    from lambdarray.runtime.worker import Worker
    from lambdarray.store import open_array

    program, scratch = plan.programs[number], open_scratch(url)
    tasks = map(program.task, range(min(program.task_count, 16)))
    task = max(tasks, key=lambda t: math.prod(hi - lo for lo, hi in t.blocks))
    for name, index in task.outputs():
        open_array(program.arrays[name], scratch, objects).delete(index)
    worker = Worker(scratch, objects, plan.estimates[number].peak_bytes, io_threads=2)
    worker.prepare(program)
    forget_peak()
    before = resident_mib("VmRSS")
    report = worker.run(Attempt(task, 0))
    after = resident_mib("VmHWM")
    if report.status != "done":
        raise RuntimeError(report.error + report.traceback)
    return after - before


def table(found: Sequence[Peak]) -> str:
    """The rows as Markdown, with the least and the median of the ratios."""
    lines = ["| case | stage | predicted MiB | measured MiB | ratio |", "|---|---|--:|--:|--:|"]
    lines += [f"| {p.case} | {p.stage} | {p.predicted:.1f} | {p.measured:.1f} | {p.ratio:.2f} |" for p in found]
    ratios = [p.ratio for p in found]
    return "\n".join(
        [*lines, "", f"{len(found)} tasks: least {min(ratios):.3f}, median {statistics.median(ratios):.2f}"]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a task took more than was predicted."""
    parser = argparse.ArgumentParser(description="Measure the peak memory of tasks beside what was predicted.")
    parser.add_argument("--mib", nargs="+", type=int, default=[16, 64], help="the size of tiles (16 and 64)")
    parser.add_argument("--only", nargs="+", default=list(CASES), metavar="CASE", help="these cases alone")
    parser.add_argument("--json", action="store_true", help="print a JSON list")
    options = parser.parse_args(argv)
    load_everything()
    worst = math.inf
    for mib in options.mib:
        with tempfile.TemporaryDirectory(prefix="lambdarray-peaks-") as place:
            inputs = Inputs(Path(place), mib)
            found = [peak for name in options.only for peak in peaks(name, inputs, Path(place))]
        print(json.dumps([asdict(p) for p in found]) if options.json else f"tiles of {mib} MiB\n\n{table(found)}\n")
        worst = min(worst, *(p.ratio for p in found))
    return 0 if worst >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
