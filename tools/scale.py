"""Writes docs/scale.md: plans for matrices of 256K and 1M, made but not run, and what they would take on Lambda.

    python tools/scale.py [algorithm ...]

With names, only those are planned, and printed instead. Every plan is made in a process of its own; then the real
scheduler runs it in virtual time, by the cost model.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import lambdarray as la
from lambdarray.api.pricing import quote_there
from lambdarray.config import get_config
from lambdarray.errors import MemoryLimitError
from lambdarray.planner.estimate import plan_totals
from lambdarray.runtime.simulation import simulate
from tests.algorithms.paper import MEMORY_MIB, PAPERS, TILE, chosen_tile, on_lambda

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
SIZES = (256 * 1024, 1024 * 1024)
WORKERS = (100, 1000, 10_000)
MEMORIES = (MEMORY_MIB, 2 * MEMORY_MIB, 10_240)
# More tasks than these are bounded, not simulated.
MOST_SIMULATED = 100_000
# numpywren's seconds for 256K (V. Shankar et al., "numpywren: serverless linear algebra", 2018).
NUMPYWREN = {"GEMM": 2670, "Cholesky": 3100, "QR": 25_100, "SVD": 77_800}
HEAD = f"""# Scale, on paper

Plans for double-precision matrices of 256K and 1M a side, made by the code that runs, in tiles of {TILE:,} by
{TILE:,}, and in those that the library chooses where these are others; `make scale` writes this, and nothing is
computed. Workers are functions of {MEMORY_MIB:,} MB, or of more where
tasks would not fit. Seconds are those of the real scheduler in virtual time (as
`la.simulate` has them: by the cost model, with cold starts, stragglers and spread). Those with a ~ are of plans of more
than {MOST_SIMULATED:,} tasks: the quote's, the greater of work over workers and the critical path, the longest chain
of tasks that read one another's tiles, and the launch. Dollars are the quote's, for x86-64. "Planned" is the
processor's seconds and the MB that the plan took to be made, in a process of its own.

"""
NOTE = """numpywren ran on up to 1,800 cores; ours are predictions. The SVD is several runs, whose sizes depend on
values: its polar factor stands for it, which is the first of them. A whole SVD is about 7/3 of that: a polar factor,
and the eigenproblem of the other, which is a polar factor and two eigenproblems of half the size."""
COLUMNS = (
    "| algorithm | n | tile | workers | MiB | stages | tasks | planned | PFLOP | reads | writes "
    "| critical path | predicted | dollars |"
)


@dataclass(frozen=True)
class Row:
    """A plan's figures."""

    name: str
    n: int
    tile: int
    workers: int
    memory_mib: int
    stages: int
    tasks: int
    planned_s: float
    planned_mb: float
    flops: float
    bytes_read: int
    bytes_written: int
    critical_s: float
    seconds: float
    simulated: bool
    dollars: float

    def __str__(self) -> str:
        cells = [self.name, f"{self.n // 1024:,}K", f"{self.tile:,}", f"{self.workers:,}", f"{self.memory_mib:,}"]
        cells += [f"{self.stages:,}"]
        cells += [f"{self.tasks:,}", f"{self.planned_s:.2f} s, {self.planned_mb:.0f} MB", f"{self.flops / 1e15:,.1f}"]
        cells += [f"{n / 1e12:,.1f} TB" for n in (self.bytes_read, self.bytes_written)]
        cells += [f"{self.critical_s:,.0f} s", f"{'' if self.simulated else '~'}{self.seconds:,.0f} s"]
        return f"| {' | '.join([*cells, f'{self.dollars:,.0f}'])} |"


def measure(name: str, n: int, tile: int, workers: int) -> Row:
    """Make a plan, for the least memory in which its tasks fit, and drive it in virtual time."""
    for memory_mib in MEMORIES[:-1]:
        try:
            return _measure(name, n, tile, workers, memory_mib)
        except MemoryLimitError as error:
            print(error, file=sys.stderr)
    return _measure(name, n, tile, workers, MEMORIES[-1])


def _measure(name: str, n: int, tile: int, workers: int, memory_mib: int) -> Row:
    with on_lambda(workers, memory_mib):
        la.plan(la.ones((8, 8), chunks=4) @ la.ones((8, 8), chunks=4))  # what is imported at the first use
        before, begin = _peak_mb(), process_time()
        plan = la.plan(*PAPERS[name].make(n, tile))
        planned_s, planned_mb = process_time() - begin, _peak_mb() - before
        found = quote_there(plan, get_config(), workers)
        flops, *moved = plan_totals(plan)
        simulated = plan.task_count <= MOST_SIMULATED
        seconds = simulate(plan, get_config(), workers).seconds if simulated else found.seconds
        stages = len(plan.programs)
    measured = (planned_s, planned_mb, flops, *moved, found.critical_s, seconds, simulated, found.dollars)
    return Row(name, n, tile, workers, memory_mib, stages, plan.task_count, *measured)


def _peak_mb() -> float:
    """The most memory that this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:")).split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts in bytes


def _in_a_process(*arguments: str | int) -> Row:
    command = [sys.executable, __file__, "--row", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Row(**json.loads(done.stdout))


def rows(names: Sequence[str]) -> Iterator[Row]:
    """All plans, those of 256K first."""
    for n in SIZES:
        for name in names:
            for workers in WORKERS:
                for tile in dict.fromkeys((TILE, chosen_tile(name, n, workers))):
                    yield _in_a_process(name, n, tile, workers)


def beside_numpywren(made: Sequence[Row]) -> str:
    """A table of what numpywren published for 256K."""
    lines = ["| 256K | numpywren | " + " | ".join(f"ours, {w:,} workers" for w in WORKERS) + " |", "|---" * 5 + "|"]
    for name, theirs in NUMPYWREN.items():
        found = sorted((r for r in made if r.name == name and r.n == SIZES[0]), key=lambda r: -r.seconds)
        ours = {r.workers: r.seconds for r in found}  # in the tiles that are fastest
        if len(ours) == len(WORKERS):
            lines.append(f"| {name} | {theirs:,} s | " + " | ".join(f"{ours[w]:,.0f} s" for w in WORKERS) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """One row as JSON for another process, or all and the page."""
    if arguments[:1] == ["--row"]:
        name, *numbers = arguments[1:]
        print(json.dumps(asdict(measure(name, *map(int, numbers)))))
        return 0
    made: list[Row] = []
    for row in rows(arguments or list(PAPERS)):
        print(row, file=sys.stderr, flush=True)
        made.append(row)
        if not arguments:  # after each plan, for some take minutes
            PAGE.write_text(page(made))
    if arguments:
        print(page(made))
    return 0


def page(made: Sequence[Row]) -> str:
    """All of docs/scale.md."""
    table = "\n".join([COLUMNS, "|---" * (COLUMNS.count("|") - 1) + "|", *map(str, made)])
    return f"{HEAD}{beside_numpywren(made)}\n\n{NOTE}\n\n{table}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
