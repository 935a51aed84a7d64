"""What computing would do and cost, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import Config
from ..cost import ARCHITECTURES, Machine, Quote, machine_here, machine_there, of_architecture, quote
from ..errors import BudgetError
from ..planner.estimate import totals
from ..task import Plan, Program
from .markup import bytes_text, table

LAMBDA_MIB = 1769
LAMBDA_WORKERS = 1000
STAGE_HEAD = ("stage", "tasks", "grid", "read/task", "written/task", "what")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan in words and figures: stages, bytes, an estimate of seconds, and the price on Lambda."""

    plan: Plan
    config: Config
    workers: int

    @property
    def tasks(self) -> int:
        """Tasks of all stages."""
        return self.plan.task_count

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return self._total[0]

    @property
    def bytes_read(self) -> int:
        """Bytes that tasks read."""
        return int(self._total[1])

    @property
    def bytes_written(self) -> int:
        """Bytes that tasks write."""
        return int(self._total[2])

    @property
    def _total(self) -> tuple[float, int, int]:
        flops, read, written = (
            zip(*(totals(p) for p in self.plan.programs), strict=True) if self.plan.programs else ((),) * 3
        )
        return sum(flops), sum(read), sum(written)

    def quote(self, machine: Machine, workers: int, memory_mib: int = LAMBDA_MIB) -> Quote:
        """Seconds and dollars on a kind of worker: an estimate, from upper bounds of what each task does."""
        cores = machine.cores(memory_mib)
        stages = []
        for p, e in zip(self.plan.programs, self.plan.estimates, strict=True):
            compute = e.flops / machine.flops_per_s(np.dtype(float), cores=cores)
            moved = machine.store.seconds(e.bytes_read, e.bytes_written)
            seconds = max(compute, moved) + machine.task_s if machine.remote else e.seconds
            stages.append((p.task_count, seconds))
        return quote(stages, machine, workers, memory_mib, self.requests)

    @property
    def requests(self) -> tuple[int, int]:
        """GETs and PUTs if every tile went through a store."""
        gets = puts = 0
        for p in self.plan.programs:
            loops = p.loop_count
            gets += p.task_count * sum(len(r.parts) * (loops if r.loop else 1) for r in p.reads)
            puts += p.task_count * len(p.writes)
        return gets, puts

    def _lines(self) -> list[tuple[str, str]]:
        memory = self.config.memory_mib or LAMBDA_MIB
        remote = self.config.executor == "lambda"
        workers = self.workers if remote else LAMBDA_WORKERS
        here = self.quote(machine_here(self.config), self.workers)
        x86, arm = (self.quote(of_architecture(a), workers, memory) for a in ARCHITECTURES)
        rows = [
            ("tasks", f"{self.tasks:,} in {len(self.plan.programs)} stages"),
            ("flops", f"{self.flops / 1e9:,.2f} GFLOP"),
            ("bytes", f"reads {bytes_text(self.bytes_read)}, writes {bytes_text(self.bytes_written)}"),
            ("peak", f"{bytes_text(max((e.peak_bytes for e in self.plan.estimates), default=0))} in a worker"),
        ]
        if not remote:
            rows.append(("here", f"about {_seconds(here.seconds)} on {self.workers} {self.config.executor}"))
        rows.append(
            (
                "on Lambda",
                f"about {_seconds(x86.seconds)} and ${_dollars(x86.dollars)} (x86_64) or ${_dollars(arm.dollars)} "
                f"(arm64), {memory} MiB, up to {workers} workers",
            )
        )
        return rows + [("note", n) for n in self.plan.notes]

    def _stage_rows(self) -> list[tuple[str, ...]]:
        out: list[tuple[str, ...]] = []
        for p, e in zip(self.plan.programs, self.plan.estimates, strict=True):
            moved = bytes_text(e.bytes_read), bytes_text(e.bytes_written)
            out.append((p.name, f"{p.task_count:,}", grid_text(p), *moved, p.op))
        return out

    def __str__(self) -> str:
        rows = [STAGE_HEAD, *self._stage_rows()]
        widths = [max(len(r[i]) for r in rows) for i in range(len(STAGE_HEAD))]
        stages = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
        return "\n".join([*(f"{k:<10} {v}" for k, v in self._lines()), *stages])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(self._lines()) + table(self._stage_rows(), STAGE_HEAD)


def price(plan: Plan, config: Config, workers: int) -> str:
    """What a plan would take, in half a line."""
    found = Explanation(plan, config, workers)
    here = (
        ""
        if config.executor == "lambda"
        else f"about {_seconds(found.quote(machine_here(config), workers).seconds)} here, and "
    )
    there = machine_there(config)
    dollars = found.quote(there, config.workers or LAMBDA_WORKERS, config.memory_mib or LAMBDA_MIB).dollars
    tasks = f"{plan.task_count:,} task" + "s" * (plan.task_count != 1)
    return f"{tasks} that read {bytes_text(found.bytes_read)}: {here}${_dollars(dollars)} on Lambda"


def check_budget(plan: Plan, config: Config) -> None:
    """Raise BudgetError, before any task runs, where a run in Lambda is quoted above `max_dollars`."""
    if config.max_dollars is None or config.executor != "lambda":
        return
    workers = config.workers or LAMBDA_WORKERS
    memory_mib = config.memory_mib or LAMBDA_MIB
    dollars = Explanation(plan, config, workers).quote(machine_there(config), workers, memory_mib).dollars
    if dollars > config.max_dollars:
        raise BudgetError(
            f"this run is quoted at ${_dollars(dollars)}, above max_dollars={config.max_dollars:g}: "
            f"{plan.task_count:,} tasks on up to {workers} functions of {memory_mib} MiB; raise max_dollars, "
            "or see la.explain() for its parts"
        )


def grid_text(p: Program) -> str:
    """The grid of a program's tasks, and how often each loops."""
    loops = f", loop of {p.loop_count}" if p.loop_count > 1 else ""
    return " x ".join(map(str, p.grid)) + loops


def _seconds(s: float) -> str:
    return f"{s:,.0f} s" if s >= 10 else f"{s:.2g} s"


def _dollars(d: float) -> str:
    return f"{d:,.2f}" if d >= 1 else f"{d:.2g}"
