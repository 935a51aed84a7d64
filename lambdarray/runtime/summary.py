"""What a run was: seconds, bytes, flops and attempts, summed as reports arrive."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ..task import Plan, TaskReport


@dataclass(slots=True)
class StageSummary:
    """The sums over the finished tasks of a stage."""

    name: str
    op: str
    tasks: int = 0
    done: int = 0
    fetch_s: float = 0.0
    wait_s: float = 0.0
    compute_s: float = 0.0
    write_s: float = 0.0
    total_s: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    flops: int = 0
    peak_bytes: int = 0

    def add(self, report: TaskReport) -> None:
        """Add one finished task."""
        self.done += 1
        self.fetch_s += report.fetch_s
        self.wait_s += report.wait_s
        self.compute_s += report.compute_s
        self.write_s += report.write_s
        self.total_s += report.total_s
        self.bytes_read += report.bytes_read
        self.bytes_written += report.bytes_written
        self.flops += report.flops
        if report.peak_bytes > self.peak_bytes:
            self.peak_bytes = report.peak_bytes


def _summed(name: str, doc: str) -> Any:
    """A property: the sum of a field over the stages."""
    return property(lambda self: sum(getattr(stage, name) for stage in self.stages), doc=doc)


@dataclass(slots=True)
class RunReport:
    """A finished run: wall-clock seconds as the caller saw them, and sums over its tasks.

    `fetch_s`, `compute_s` and `write_s` are worker seconds by phase and overlap one another; `wait_s` is what workers
    waited for tiles. `gflops` is the effective rate: flops over the caller's seconds. `billed_s` is what Lambda billed
    for functions, failed attempts included; a simulated run's seconds are virtual.
    """

    plan: str
    executor: str
    workers: int
    seconds: float = 0.0
    stages: list[StageSummary] = field(default_factory=list)
    statistics: dict[str, Any] = field(default_factory=dict)
    cold_starts: int = 0
    billed_s: float = 0.0
    _first: list[int] = field(default_factory=list, repr=False)
    _told: bytearray = field(default_factory=bytearray, repr=False)

    @classmethod
    def of(cls, plan: Plan, executor: str, workers: int) -> RunReport:
        """The report of a run that begins."""
        stages = [StageSummary(p.name, p.op, p.task_count) for p in plan.programs]
        first = list(accumulate(s.tasks for s in stages))
        return cls(plan.key, executor, workers, stages=stages, _first=first, _told=bytearray(plan.task_count))

    def add(self, report: TaskReport) -> int | None:
        """Add an attempt's report; the number of its stage where it is the first of its task to be done, else None."""
        self.billed_s += report.billed_ms / 1000
        if report.status != "done" or self._told[report.task]:
            return None
        self._told[report.task] = True
        stage = bisect_right(self._first, report.task)
        self.stages[stage].add(report)
        self.cold_starts += report.cold
        return stage

    tasks = _summed("tasks", "Tasks of the plan.")
    flops = _summed("flops", "Floating-point operations of all finished tasks.")
    bytes_read = _summed("bytes_read", "Bytes that tasks read.")
    bytes_written = _summed("bytes_written", "Bytes that tasks wrote.")
    fetch_s = _summed("fetch_s", "Worker seconds spent reading tiles.")
    wait_s = _summed("wait_s", "Worker seconds in which computing waited for tiles.")
    compute_s = _summed("compute_s", "Worker seconds in kernels.")
    write_s = _summed("write_s", "Worker seconds spent writing tiles.")
    total_s = _summed("total_s", "Worker seconds from the start of a task to its last write.")

    @property
    def attempts(self) -> int:
        """Attempts started."""
        return int(self.statistics.get("attempts", 0))

    @property
    def retries(self) -> int:
        """Attempts that repeated a failed or lost one."""
        return int(self.statistics.get("retries", 0))

    @property
    def gflops(self) -> float:
        """Effective GFLOPS, as the caller saw them."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    def __str__(self) -> str:
        busy = f"fetch {self.fetch_s:.2f} s, wait {self.wait_s:.2f} s, compute {self.compute_s:.2f} s"
        lines = [
            f"{self.tasks} tasks on {self.workers} {self.executor} workers in {self.seconds:.3f} s, "
            f"{self.gflops:.1f} effective GFLOPS",
            f"worker seconds: {busy}, write {self.write_s:.2f} s, all {self.total_s:.2f} s",
            f"read {self.bytes_read / 1e6:,.1f} MB, wrote {self.bytes_written / 1e6:,.1f} MB; "
            f"{self.attempts} attempts, {self.retries} retries",
        ]
        for s in self.stages:
            lines.append(
                f"  {s.name:<14} {s.done:>7}/{s.tasks:<7} compute {s.compute_s:8.2f} s  fetch {s.fetch_s:7.2f} s  "
                f"write {s.write_s:7.2f} s  peak {s.peak_bytes / 2**20:8.1f} MiB"
            )
        return "\n".join(lines)
