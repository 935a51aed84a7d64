"""The entry point inside Lambda: a bundle of attempts comes in, their reports go out.

    event    {"version", "store", "run", "deadline_s", "limit_s", "programs": {id: Program.to_json()},
              "attempts": [[program id, Task.to_json(), task id, attempt number], ...]}
    answer   {"version", "worker", "cold", "memory_mib", "rss_bytes", "reports": [TaskReport.to_json(), ...]}

What this module imports is the cold start: the worker, the stores and the kernels that a program names.
"""

from __future__ import annotations

from . import environment

if environment.in_function():
    environment.tune_malloc()

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Any

from .._version import __version__
from ..store import open_store
from ..task import Program, TaskReport
from .cache import ReadCache
from .events import Decoder
from .execution import Stopped
from .executors import Attempt
from .prepared import uses_blas
from .worker import Worker

RUNS_KEPT = 4
IO_THREADS = 8
CANCEL_EVERY_S = 5.0
# A function ends its work this long before its own end, so that what is finished is reported.
RESERVE_S = 2.0
TEXT_LIMIT = 4 << 20

RemainingS = Callable[[], float]
_runs: dict[tuple[str, str], RunHere] = {}
_warm = False
_data_bytes: int | None = None


def version() -> str:
    """The version that client and function must share."""
    return os.environ.get("LAMBDARRAY_VERSION") or __version__


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer a ping or run a bundle; an event of another version is refused."""
    if event.get("ping"):
        from .ping import ping

        return ping(event, version())
    if event.get("version") != version():
        return {"error": "version", "version": version()}
    return run_bundle(event, lambda: context.get_remaining_time_in_millis() / 1000)


def run_bundle(event: Mapping[str, Any], remaining_s: RemainingS) -> dict[str, Any]:
    """Run the attempts of an event in order; each gets a report."""
    global _warm
    cold, _warm = not _warm, True
    here = _run_here(event["store"], event["run"])
    with _limit(event.get("limit_s", inf) + RESERVE_S, remaining_s) as remaining_s:
        reports = here.bundle(event, remaining_s, cold)
    return {
        "version": version(),
        "worker": here.worker.name,
        "cold": cold,
        "memory_mib": environment.memory_mib(),
        "rss_bytes": environment.peak_resident_bytes(),
        "reports": [report.to_json() for report in _within_limit(reports)],
    }


class RunHere(Decoder):
    """A run, as far as this environment takes part in it: its worker and its programs are kept while it is warm."""

    def __init__(self, store: str, run: str) -> None:
        super().__init__()
        self.scratch = open_store(store)
        self.worker = Worker(
            self.scratch,
            memory_bytes=_memory(),
            io_threads=IO_THREADS,
            name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
            cancelled=self.cancelled,
            admit=self.admit,
        )
        self.cache = ReadCache()
        self.worker.share({}, self.cache)
        if self.worker.memory_bytes < inf:  # nothing else in a function has a use for its memory
            self.worker.cache_needs = inf
        self._marker = f"runs/{run}.cancel"
        self._cancelled, self._looked = False, monotonic()
        self._remaining_s: RemainingS = lambda: 0.0
        self._left: float | None = None
        self._longest_s = 0.0

    def bundle(self, event: Mapping[str, Any], remaining_s: RemainingS, cold: bool) -> list[TaskReport]:
        """Run the attempts of an event."""
        reports: list[TaskReport] = []
        self._remaining_s, self._left, self._longest_s, self.worker.cold = remaining_s, None, 0.0, cold
        self.worker.run_bundle(self.attempts(event), reports.append)
        return reports

    def meet(self, program: Program) -> None:
        """Give BLAS the function's cores once a program uses it."""
        if any(uses_blas(step.kernel) for step in program.steps):
            environment.set_blas_threads(environment.blas_threads())

    def admit(self, attempt: Attempt) -> None:
        """Raise where too little is left of the function's time for another task; the first is always begun."""
        left, before = self._remaining_s(), self._left
        self._left = left
        if before is None:
            return
        self._longest_s = max(self._longest_s, before - left)
        if left < 1.25 * self._longest_s + RESERVE_S:
            raise Stopped("throttled", f"not begun: {left:.0f} s are left and tasks took up to {self._longest_s:.1f} s")

    def cancelled(self, task: int) -> bool:
        """Whether the run was called off; the store is asked every few seconds."""
        if self._remaining_s() < RESERVE_S:
            raise Stopped("timeout", "the function's own time was over before the task ended")
        if not self._cancelled and monotonic() - self._looked > CANCEL_EVERY_S:
            self._cancelled, self._looked = self.scratch.exists(self._marker), monotonic()
        return self._cancelled


@contextmanager
def _limit(limit_s: float, remaining_s: RemainingS) -> Iterator[RemainingS]:
    """What is left of the function's time, or of the bundle's where that is less: then its end ends the process.

    What the bundle may cost was reckoned with this limit, and a kernel that goes on and on looks at no clock.
    """
    if limit_s >= remaining_s():
        yield remaining_s
        return
    import faulthandler

    end = monotonic() + limit_s
    faulthandler.dump_traceback_later(limit_s, exit=True, file=2)
    try:
        yield lambda: min(remaining_s(), end - monotonic())
    finally:
        faulthandler.cancel_dump_traceback_later()


def _run_here(store: str, run: str) -> RunHere:
    """The run's state in this environment; those of the last few runs are kept."""
    key = (store, run)
    for other in _runs.keys() - {key}:
        _runs[other].cache.clear()
    here = _runs.pop(key, None) or RunHere(store, run)
    _runs[key] = here
    while len(_runs) > RUNS_KEPT:
        _runs.pop(next(iter(_runs))).worker.close()
    return here


def _memory() -> int | None:
    """What data may take here: what was free when the environment was new. What a run lets go of stays its own."""
    global _data_bytes
    if _data_bytes is None:
        _data_bytes = environment.data_bytes()
    return _data_bytes


def _within_limit(reports: list[TaskReport]) -> list[TaskReport]:
    """The reports, their texts cut so that the answer stays below Lambda's 6 MB."""
    texts = sum(len(r.error) + len(r.traceback) + len(r.log) for r in reports)
    if texts > TEXT_LIMIT:
        share = TEXT_LIMIT // (3 * len(reports))
        for r in reports:
            r.error, r.traceback, r.log = r.error[:share], r.traceback[-share:], r.log[-share:]
    return reports
