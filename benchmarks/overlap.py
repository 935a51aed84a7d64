"""Whether transfers hide behind computing: a product of tiles through a store that is as slow as S3 to a function.

    python benchmarks/overlap.py [--mbps 75] [--workers 2] [--only equal ...]

Workers are threads with one BLAS thread each, and a wrapper lets each worker move no more than so many bytes a second,
read and written together. Blocks of the result are sized from this machine's own rate, so that a task's transfers take
as long as its computing, or longer, or shorter. `compute` are the seconds in kernels of the worker that had most of
them, `transfer` those that the wrapper made the bytes take; what is above the greater of both is what was not hidden.
The product is compared with NumPy's on random vectors.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in (".", "kernels", "lambda_layer")]
GOAL = 0.95
DEPTH = 512  # of the tiles along k
LATENCY_S = 0.02
# Of the whole: what cannot be hidden, the first tile's way in and the last block's way out, is to be little of it.
LEAST_S = 150.0
# How many times as long computing takes as transfers do, about.
SHARES = {"equal": 1.0, "more to move": 0.6, "more to compute": 1.3}


@dataclass(frozen=True)
class Product:
    """A product whose result is cut into `rows` by `columns` blocks of `side` squared, `k` deep."""

    side: int
    k: int
    rows: int
    columns: int

    @property
    def flops(self) -> float:
        """Of all of it."""
        return 2.0 * self.side**2 * self.k * self.rows * self.columns


@dataclass(frozen=True)
class Overlap:
    """Seconds of a run: of the busiest worker in kernels, of the bytes on a worker's wire, and on the clock."""

    compute: float
    transfer: float
    wall: float

    @property
    def ratio(self) -> float:
        """The share of the clock's seconds that the longer of both alone would take."""
        return max(self.compute, self.transfer) / self.wall


def dgemm_rate(side: int, depth: int = DEPTH) -> float:
    """Flops a second of one BLAS thread in a product as a task's step makes it, while every core makes one."""
    from concurrent.futures import ThreadPoolExecutor

    from lambdarray_kernels import get
    from threadpoolctl import threadpool_limits

    def work(_: int) -> float:
        rng = np.random.default_rng(0)
        a, b = rng.standard_normal((side, depth)), rng.standard_normal((depth, side))
        c, gemm = np.zeros((side, side)), get("gemm").fn
        gemm(c, a, b)
        start = time.perf_counter()
        for _ in range(3):
            gemm(c, a, b)
        return 6.0 * side**2 * depth / (time.perf_counter() - start)

    cores = len(os.sched_getaffinity(0))
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as pool:
        return float(np.mean(list(pool.map(work, range(cores)))))


def product_for(share: float, bytes_per_s: float, workers: int) -> Product:
    """A product whose tasks compute `share` times as long as they move: 4 or more for each worker, and 16 blocks deep.

    Workers are threads at neighbouring blocks, so that rows are read by one of them for all: with a block of m by m,
    2 m^2 k flops take as long as 8 ((1 + 1 / workers) m k + m^2) bytes.
    """
    m, strips = 1024.0, 1 + 1 / workers
    for _ in range(4):
        rate = dgemm_rate(int(m))
        depth = max(16 * DEPTH, 4.5 * m)
        m = share * 4 * rate / bytes_per_s * (strips + m / depth)
    side = max(64, round(m / 64) * 64)
    task_s = 2 * m**2 * depth / rate / min(share, 1.0)
    columns = 4 * math.ceil(LEAST_S / task_s / 4)
    return Product(side, max(16, round(depth / DEPTH)) * DEPTH, workers, columns)


def measure(product: Product, bytes_per_s: float, workers: int, folder: Path) -> Overlap:
    """Run the product on the slow store; what its operands are made by has run before, on the store itself."""
    import lambdarray as la
    from lambdarray.runtime.executors.threads import ThreadsExecutor
    from lambdarray.runtime.run import run
    from lambdarray.store import open_store
    from lambdarray.store.testing import SlowStore

    store, p = open_store(str(folder)), product
    # Planned for as many workers as there are blocks: a task for each.
    with la.config(store=str(folder), workers=p.rows * p.columns, memory_mib=_memory_mib(p)) as config:
        rng = la.random.default_rng(0)
        x = rng.standard_normal((p.rows * p.side, p.k), chunks=(p.side, DEPTH))
        y = rng.standard_normal((p.k, p.columns * p.side), chunks=(DEPTH, p.side))
        plan = la.plan(x, y, x @ y)
    *makers, last = plan.programs
    assert last.task_count == p.rows * p.columns, last.grid
    made = sum(program.task_count for program in makers)
    executor = ThreadsExecutor(store, workers=workers)
    run(plan.__class__(plan.key, tuple(makers), plan.arrays, plan.outputs[:2], plan.estimates[:-1]), executor)
    executor.close()
    compute: dict[str, float] = defaultdict(float)
    moved = 0

    def told(report: Any) -> None:
        nonlocal moved
        compute[report.worker] += report.compute_s
        moved += report.bytes_read + report.bytes_written

    slow = SlowStore(store, LATENCY_S, bytes_per_s, per_worker=True)
    executor = ThreadsExecutor(slow, workers=workers, memory_bytes=config.memory_mib << 20)
    start = time.perf_counter()
    run(plan, executor, config=config, resume=range(made), on_report=told)
    wall = time.perf_counter() - start
    executor.close()
    _verify(plan, store)
    return Overlap(max(compute.values()), moved / workers / bytes_per_s, wall)


def _memory_mib(product: Product) -> int:
    """Room for a block being computed and one being written, operands for a step, and what is fetched ahead."""
    return 256 + (3 * 8 * product.side * (product.side + 2 * DEPTH) >> 20)


def _verify(plan: Any, store: Any) -> None:
    """Compare the first block of the result with NumPy's."""
    from lambdarray.store import open_array

    a, b, c = (open_array(plan.arrays[name], store) for name in plan.outputs)
    (m, n), k = plan.arrays[plan.outputs[2]].tiling.max_tile, plan.arrays[plan.outputs[0]].tiling.shape[1]
    v = np.random.default_rng(1).standard_normal((n, 2))
    left, right = c.read([(0, m), (0, n)]) @ v, a.read([(0, m), (0, k)]) @ (b.read([(0, k), (0, n)]) @ v)
    if not np.allclose(left, right, rtol=0, atol=1e-9 * abs(right).max()):
        raise RuntimeError("the product is wrong; its time is not reported")


def main(argv: Sequence[str] | None = None) -> int:
    """Print a row for each case; 0 where all reach the goal."""
    parser = argparse.ArgumentParser(description="Measure how much of its transfers a product hides.")
    parser.add_argument("--mbps", type=float, default=75.0, help="MB a second of each worker (75)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="threads (the cores)")
    parser.add_argument("--only", nargs="+", default=list(SHARES), choices=list(SHARES), help="these cases alone")
    options = parser.parse_args(argv)
    rate, good = options.mbps * 1e6, True
    print("| case | block | k | tasks | compute s | transfer s | wall s | ratio |", "|---" * 8 + "|", sep="\n")
    for name in options.only:
        p = product_for(SHARES[name], rate, options.workers)
        with tempfile.TemporaryDirectory(prefix="lambdarray-overlap-") as folder:
            found = measure(p, rate, options.workers, Path(folder))
        good &= found.ratio >= GOAL
        seconds = " | ".join(f"{s:.2f}" for s in (found.compute, found.transfer, found.wall))
        print(f"| {name} | {p.side} | {p.k} | {p.rows * p.columns} | {seconds} | {found.ratio:.3f} |", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
