"""What a run was: seconds, bytes, flops and attempts, summed as reports arrive."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from ..config import Config
from ..cost import Machine, machine_of
from ..task import Estimate, Plan, TaskReport
from .decisions import Statistics
from .record import Record

LAMBDA_MIB = 1769


@dataclass(slots=True)
class StageSummary:
    """The sums over the finished tasks of a stage; `predicted` is what one of them was thought to take at most."""

    name: str
    op: str
    tasks: int = 0
    predicted: Estimate = field(default_factory=Estimate)
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
    for functions, failed attempts included; a simulated run's seconds are virtual. `error` says why the run failed.

    It shows as text, in notebooks as a drawing, and is written as a page or as plain data: see `save`.
    """

    plan: str
    executor: str
    workers: int
    seconds: float = 0.0
    stages: list[StageSummary] = field(default_factory=list)
    counts: Statistics = field(default_factory=Statistics)
    more_counts: dict[str, Any] = field(default_factory=dict)
    cold_starts: int = 0
    billed_s: float = 0.0
    error: str = ""
    record: Record = field(default_factory=lambda: Record(()), repr=False)
    settings: Config | None = field(default=None, repr=False)
    planned: Plan | None = field(default=None, repr=False)
    _first: list[int] = field(default_factory=list, repr=False)
    _told: bytearray = field(default_factory=bytearray, repr=False)
    _requests: list[tuple[int, int]] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, plan: Plan, executor: str, workers: int, settings: Config | None = None) -> RunReport:
        """The report of a run that begins."""
        pairs = zip(plan.programs, plan.estimates, strict=True)
        stages = [StageSummary(p.name, p.op, p.task_count, e) for p, e in pairs]
        first = list(accumulate(s.tasks for s in stages))
        out = cls(plan.key, executor, workers, stages=stages, settings=settings, planned=plan)
        out.record, out._first, out._told = Record(first), first, bytearray(plan.task_count)
        return out

    def add(self, report: TaskReport) -> int | None:
        """Add an attempt's report; the number of its stage where it is the first of its task to be done, else None."""
        # 0 before the task is done, then 1 more than the number of the attempt that did it.
        told, number = self._told[report.task], min(report.attempt + 1, 255)
        if told == number and report.status == "done":
            return None  # the same once more
        self.billed_s += report.billed_ms / 1000
        if told or report.status != "done":
            self.record.add(report, False)
            return None
        self._told[report.task] = number
        self.record.add(report, True)
        stage = bisect_right(self._first, report.task)
        self.stages[stage].add(report)
        self.cold_starts += report.cold
        return stage

    def fail(self, error: BaseException) -> None:
        """The run ended with this error."""
        self.error = f"{type(error).__name__}: {error}"

    tasks = _summed("tasks", "Tasks of the plan.")
    done = _summed("done", "Tasks that this run finished.")
    flops = _summed("flops", "Floating-point operations of all finished tasks.")
    bytes_read = _summed("bytes_read", "Bytes that tasks read.")
    bytes_written = _summed("bytes_written", "Bytes that tasks wrote.")
    fetch_s = _summed("fetch_s", "Worker seconds spent reading tiles.")
    wait_s = _summed("wait_s", "Worker seconds in which computing waited for tiles.")
    compute_s = _summed("compute_s", "Worker seconds in kernels.")
    write_s = _summed("write_s", "Worker seconds spent writing tiles.")
    total_s = _summed("total_s", "Worker seconds from the start of a task to its last write.")

    @property
    def statistics(self) -> dict[str, Any]:
        """Counts by name: what an executor adds, and the scheduler's."""
        return {**self.more_counts, **asdict(self.counts)}

    @property
    def attempts(self) -> int:
        """Attempts started."""
        return self.counts.attempts

    @property
    def retries(self) -> int:
        """Attempts that repeated a failed or lost one."""
        return self.counts.retries

    @property
    def gflops(self) -> float:
        """Effective GFLOPS, as the caller saw them."""
        return self.flops / self.seconds / 1e9 if self.seconds else 0.0

    @property
    def began_s(self) -> float:
        """When the run began, in seconds since 1970; 0 where time is virtual."""
        return self.record.origin_s

    @property
    def machine(self) -> Machine | None:
        """What a worker of the run is in numbers."""
        return machine_of(self.settings) if self.settings is not None else None

    @property
    def memory_mib(self) -> int | None:
        """The memory of a worker; None on this machine, where nothing was set."""
        given = self.settings.memory_mib if self.settings is not None else None
        return given or (LAMBDA_MIB if self.executor in ("lambda", "simulated") else None)

    @property
    def requests(self) -> tuple[int, int]:
        """GETs and PUTs: those that were counted, or of the finished tasks as the plan has them, one for each tile."""
        if "gets" in self.more_counts:
            return self.more_counts["gets"], self.more_counts["puts"]
        if self._requests is None:
            from ..report import requests

            self._requests = requests(self)
        shares = [stage.done / max(stage.tasks, 1) for stage in self.stages]
        asked = [(gets * s, puts * s) for (gets, puts), s in zip(self._requests, shares, strict=True)]
        return round(sum(gets for gets, _ in asked)), round(sum(puts for _, puts in asked))

    @property
    def compute_dollars(self) -> float:
        """What the billed seconds cost."""
        machine = self.machine
        return machine.memory_dollars(self.memory_mib or 0, self.billed_s) if machine else 0.0

    @property
    def request_dollars(self) -> float:
        """What invocations and the requests of the store cost, where workers are functions."""
        machine = self.machine
        return machine.request_dollars(self.counts.bundles, *self.requests) if machine and machine.remote else 0.0

    @property
    def dollars(self) -> float:
        """What the run cost, as far as it went."""
        return self.compute_dollars + self.request_dollars

    def task_name(self, task: int) -> str:
        """The stage's name and the index of a task, by its id in the plan."""
        stage = bisect_right(self._first, task)
        if self.planned is None:
            return f"{task}"
        return self.planned.programs[stage].task(task - self._first[stage] + self.stages[stage].tasks).name

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Plain data, as docs/report.md has it; also written to a file where a path is given."""
        from ..report import plain

        return plain(self, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """A page that needs nothing but itself; also written to a file where a path is given."""
        from ..report import page

        return page(self, path)

    def save(self, path: str | Path) -> Path:
        """Write it to a file that ends in .html or .json, or both into a directory; gives the file's path.

        >>> import tempfile, lambdarray as la
        >>> (la.ones(8, chunks=4) + 1).sum().compute()
        array(16.)
        >>> with tempfile.TemporaryDirectory() as there:
        ...     la.last_report().save(there).suffix
        '.html'
        """
        from ..report import save

        return save(self, path)

    def _repr_html_(self) -> str:
        from ..report import fragment

        return fragment(self)

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
        return "\n".join([*lines, f"failed: {self.error}"] if self.error else lines)
