"""What a run did over time, in bounded memory: who was at what, which tasks lagged, and what went wrong.

Reports are kept as they are until there are some thousands, and only then, or when somebody asks, looked at together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from time import time

import numpy as np

from ..task import TaskReport
from .bins import Bins
from .lengths import Lengths
from .rows import SEGMENT, UNSETTLED, Rows

HELD = 8192
TROUBLES = 500
# Seconds of workers, each of which is at one thing at a time: on its way to its first task, waiting for tiles, in
# kernels, waiting for its writes to end, and at what was of no use.
PHASES = ("starting", "waiting", "computing", "writing", "lost")
# Beside those: seconds of their I/O threads, which work while they compute, and what was done.
SERIES = (*PHASES, "fetching_io", "writing_io", "flops", "bytes_read", "bytes_written", "tasks")
FIGURES = (
    "started_s", "wait_s", "compute_s", "total_s", "fetch_s", "write_s", "bytes_read", "bytes_written", "flops",
    "launch_s", "task", "attempt",
)  # fmt: skip
_figures = attrgetter(*FIGURES)
Columns = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt that was not the only one of its task, or not done at all; "late" is one that came second."""

    task: int
    attempt: int
    status: str
    seconds: float
    worker: str
    error: str


class Record:
    """Takes reports, and holds up to `held` of them; `first` has the ids of the last task of each stage, plus 1.

    `origin_s` is the time of the workers' clocks at which the run began: 0 where time is virtual.
    """

    def __init__(self, first: Sequence[int], held: int = HELD) -> None:
        self._first, self._most_held = first, held
        self.bins, self.rows = Bins(SERIES), Rows()
        self.lengths, self.launches = Lengths(len(first)), Lengths(1)
        self.origin_s = 0.0
        self.troubles: list[Trouble] = []
        self.statuses: Counter[str] = Counter()
        self._useful: list[TaskReport] = []
        self._useless: list[TaskReport] = []
        self._workers: dict[str, int] = {}
        # When each worker's last attempt had computed, and when it had written.
        self._computed, self._written = np.full(0, -inf), np.full(0, -inf)

    def begin(self) -> None:
        """The run begins now, on the machine's clock."""
        self.origin_s = time()

    @property
    def workers(self) -> list[str]:
        """The names of all workers that reported, in the order in which they did."""
        return list(self._workers)

    @property
    def heard(self) -> bool:
        """Whether any attempt has reported."""
        return bool(self._useful or self._useless or self._workers or self.statuses)

    def add(self, report: TaskReport, useful: bool) -> None:
        """A report; useful, where it is the first that says that its task is done."""
        (self._useful if useful else self._useless).append(report)
        if len(self._useful) + len(self._useless) >= self._most_held:
            self._look()

    def settle(self) -> Record:
        """The same, with all that was told in the sums: what each worker wrote last, too."""
        self._look()
        at = np.flatnonzero(self._written > self._computed)
        self._spend("writing", self._computed[at], self._written[at])
        self._computed[at] = self._written[at]
        return self

    def _look(self) -> None:
        """Sum up the reports that are held."""
        useful, useless = self._useful, self._useless
        self._useful, self._useless = [], []
        for report in useless:
            self._note(report, "late" if report.status == "done" else report.status)
        for report in useful:
            if report.attempt:
                self._note(report, report.status)
        # What never began, and what came of a worker's end, has no times.
        timed = [(r, True) for r in useful if r.total_s > 0] + [(r, False) for r in useless if r.total_s > 0]
        if timed:
            self._sum_up(*map(list, zip(*timed, strict=True)))

    def _note(self, report: TaskReport, status: str) -> None:
        self.statuses[status] += 1
        if len(self.troubles) < TROUBLES and (status != "throttled" or report.total_s > 0):
            error = report.error.partition("\n")[0][:300]
            found = Trouble(report.task, report.attempt, status, report.total_s, report.worker, error)
            self.troubles.append(found)

    def _sum_up(self, reports: list[TaskReport], useful: list[bool]) -> None:
        figures = np.array([_figures(r) for r in reports], float)
        workers = self._numbers(reports)
        order = np.lexsort((figures[:, 0], workers))
        columns = dict(zip(FIGURES, figures[order].T, strict=True))
        segments = self._segments(columns, np.array(useful)[order], workers[order])
        self._count(columns, segments)
        self.rows.add(segments)
        names = [reports[n].worker for n in order]
        stages = np.searchsorted(self._first, segments["task"], side="right")
        self.lengths.add(stages, columns["total_s"], segments, names, segments["lost_s"] == 0)
        self.launches.add(np.zeros_like(stages), columns["launch_s"], segments, names, columns["launch_s"] > 0)

    def _segments(self, columns: Columns, useful: np.ndarray, workers: np.ndarray) -> np.ndarray:
        """The attempts by worker and time, each from its launch to its last write."""
        out = np.zeros(len(useful), SEGMENT)
        out["worker"], out["task"], out["attempt"], out["count"] = workers, columns["task"], columns["attempt"], 1
        out["wait_s"], out["compute_s"] = columns["wait_s"] * useful, columns["compute_s"] * useful
        out["lost_s"], out["write_s"] = columns["total_s"] * ~useful, UNSETTLED
        out["start"] = out["launched"] = np.maximum(columns["started_s"] - self.origin_s, 0.0)
        out["end"] = out["start"] + columns["total_s"]
        out["launched"] -= columns["launch_s"]
        return out

    def _count(self, columns: Columns, segments: np.ndarray) -> None:
        """Add to the sums over time; a worker is launched and writes only while it does nothing else."""
        bins, start, end = self.bins, segments["start"], segments["end"]
        bins.reach(float(end.max()))
        computed = np.minimum(start + segments["wait_s"] + segments["compute_s"] + segments["lost_s"], end)
        before, wrote = self._before(segments["worker"], computed, end)
        segments["launched"] = np.minimum(np.maximum(segments["launched"], np.maximum(wrote, 0.0)), start)
        self._spend("writing", before, np.minimum(wrote, segments["launched"]))
        self._spend("starting", segments["launched"], start)
        for name, amount in (
            ("waiting", segments["wait_s"]),
            ("computing", segments["compute_s"]),
            ("lost", segments["lost_s"]),
            ("fetching_io", columns["fetch_s"]),
            ("bytes_read", columns["bytes_read"]),
            ("flops", columns["flops"] * (segments["lost_s"] == 0)),
        ):
            bins.spread(name, start, computed, amount)
        bins.spread("writing_io", computed, end, columns["write_s"])
        bins.spread("bytes_written", computed, end, columns["bytes_written"])
        bins.spread("tasks", end, end, (segments["lost_s"] == 0).astype(float))

    def _spend(self, phase: str, begin: np.ndarray, end: np.ndarray) -> None:
        real = np.flatnonzero(np.isfinite(begin) & (end > begin))
        self.bins.spread(phase, begin[real], end[real], end[real] - begin[real])

    def _numbers(self, reports: list[TaskReport]) -> np.ndarray:
        """The workers by number."""
        known = self._workers
        for name in dict.fromkeys(r.worker for r in reports):
            if name not in known:
                known[name] = len(known)
                self.rows.meet(name)
        more = np.full(len(known) - len(self._computed), -inf)
        self._computed, self._written = np.concatenate([self._computed, more]), np.concatenate([self._written, more])
        return np.array([known[r.worker] for r in reports])

    def _before(self, workers: np.ndarray, computed: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When the attempt before each had computed, and had written; a worker's last is kept for the next time."""
        same = np.zeros(len(workers), bool)
        same[1:] = workers[1:] == workers[:-1]
        out = []
        for values, kept in ((computed, self._computed), (end, self._written)):
            out.append(np.where(same, np.roll(values, 1), kept[workers]))
            kept[workers] = values  # of a worker's several, the last one stays
        return out[0], out[1]
