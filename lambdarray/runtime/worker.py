"""The worker: runs tasks. It loads what they read, calls their kernels, and writes what they make.

    worker = Worker(scratch, objects)
    worker.run_bundle(attempts, emit)      # one report to `emit` for each attempt

On a store in memory all is a direct call. On one that blocks, the tiles needed next are fetched while a kernel
runs, and outputs are written while the next task computes, both within the worker's memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter, time
from typing import Any

import numpy as np

from ..task import ArraySpec, Program, TaskReport
from .bundle import Stream
from .cache import ReadCache
from .execution import FAILURES, Execution, Stopped, fail, load_now
from .executors import Attempt
from .prefetch import IoThreads
from .prepared import Prepared

Emit = Callable[[TaskReport], None]
PROGRAMS_KEPT = 256


def _silent() -> Any:
    """Floating-point errors make inf and nan, no warning: it would appear in the log of some worker."""
    return np.errstate(all="ignore")


def _nothing() -> None:
    """No further bundle."""


class Worker:
    """Runs attempts at tasks, one after the other, against a scratch store.

    `objects` holds in-memory sources by token. `memory_bytes` is what data may take (None: no limit); what it
    leaves free is used to fetch ahead. `cancelled(task id)` is asked between steps, and `admit(attempt)` called before
    one begins: both may raise Stopped.
    """

    def __init__(
        self,
        scratch: Any,
        objects: Mapping[str, Any] | None = None,
        memory_bytes: int | None = None,
        io_threads: int = 4,
        name: str = "",
        cancelled: Callable[[int], bool] | None = None,
        admit: Callable[[Attempt], None] | None = None,
    ) -> None:
        self.scratch, self.objects, self.name = scratch, objects or {}, name
        self.memory_bytes = math.inf if memory_bytes is None else memory_bytes
        self.cancelled, self.admit = cancelled, admit
        self.cold = False
        self._io = IoThreads(io_threads, name or "io")
        self._prepared: dict[Program, Prepared] = {}
        self.cache: ReadCache | None = None
        # What is kept for later tasks may take this many times what a task needs, where so much is free.
        self.cache_needs = 2.0

    def share(self, prepared: dict[Program, Prepared], cache: ReadCache) -> None:
        """Keep prepared programs, and what is read more than once, where other workers of the process find them."""
        self._prepared, self.cache = prepared, cache

    def prepare(self, program: Program) -> Prepared:
        """The program made ready to run here; kept for its next task."""
        found = self._prepared.get(program)
        if found is None:
            if len(self._prepared) >= PROGRAMS_KEPT:
                self._prepared.pop(next(iter(self._prepared)), None)
            found = self._prepared[program] = Prepared(program, self._open, self.cache)
        return found

    def prepare_or_error(self, program: Program) -> Prepared | Exception:
        """The program made ready, or why it cannot be: that becomes the report of each of its attempts."""
        try:
            return self.prepare(program)
        except Exception as error:
            return error

    def run(self, attempt: Attempt) -> TaskReport:
        """Run one attempt; an error becomes part of its report."""
        reports: list[TaskReport] = []
        self.run_bundle((attempt,), reports.append)
        return reports[0]

    def run_bundle(self, attempts: Sequence[Attempt], emit: Emit) -> None:
        """Run attempts in order, and give `emit` the report of each when its outputs are written.

        `emit` may be called from an I/O thread.
        """
        if self.is_direct(attempts):
            self.run_direct(attempts, emit)
        else:
            self.run_stream(attempts, emit)

    def is_direct(self, attempts: Sequence[Attempt]) -> bool:
        """Whether none of these reads or writes what blocks."""
        prepared = (self.prepare_or_error(program) for program in {a.task.program: None for a in attempts})
        return all(isinstance(p, Exception) or p.in_memory for p in prepared)

    def run_direct(self, attempts: Sequence[Attempt], emit: Emit) -> None:
        """Run attempts by direct calls of stores in memory."""
        with _silent():
            for attempt in attempts:
                self._run_direct(attempt, emit)

    def run_stream(
        self, attempts: Sequence[Attempt], emit: Emit, more: Callable[[], Sequence[Attempt] | None] = _nothing
    ) -> None:
        """Run attempts, and those that `more` gives, the I/O of some beside the computing of others."""
        with _silent():
            Stream(self, self._io, attempts, emit, more).run()

    def close(self) -> None:
        """End the I/O threads."""
        self._io.close()

    def begin(self, attempt: Attempt) -> TaskReport:
        """The report of an attempt that starts now."""
        report = TaskReport(attempt.id, attempt.number, worker=self.name, started_s=time(), cold=self.cold)
        self.cold = False
        return report

    def check(self, attempt: Attempt) -> Callable[[], None]:
        """A function that raises where the attempt is to stop: its time is over, or it was cancelled.

        Raises at once where it should not begin.
        """
        deadline, cancelled = perf_counter() + attempt.deadline_s, self.cancelled

        def check() -> None:
            if perf_counter() > deadline:
                raise Stopped("timeout", f"task {attempt.task.name} took longer than {attempt.deadline_s:g} s")
            if cancelled is not None and cancelled(attempt.id):
                raise Stopped("throttled", "cancelled")

        if self.admit is not None:
            self.admit(attempt)
        check()
        return check

    def written_before(self, attempt: Attempt, prepared: Prepared, cold: bool) -> bool:
        """Whether another attempt wrote all of the task's outputs.

        It is not looked for at the first attempt, but where a `cold` worker may have been so long in starting that a
        second one has ended.
        """
        if attempt.number == 0 and not cold:
            return False
        arrays = {w.name: w.array for w in prepared.writes}
        return all(arrays[name].exists(index) for name, index in attempt.task.outputs())

    def _open(self, spec: ArraySpec) -> Any:
        from ..store import open_array

        return open_array(spec, self.scratch, self.objects)

    def _run_direct(self, attempt: Attempt, emit: Emit) -> None:
        begin, report = perf_counter(), self.begin(attempt)
        try:
            prepared = self.prepare(attempt.task.program)
            check = self.check(attempt)
            if not self.written_before(attempt, prepared, report.cold):
                execution = Execution(prepared, attempt.task, load_now, check, report)
                outputs = execution.run()
                written = perf_counter()
                for write, index, tile in outputs:
                    write.array.write(index, tile)  # False: another attempt was first, which is as good
                    report.bytes_written += tile.nbytes
                report.write_s = perf_counter() - written
        except FAILURES as error:
            fail(report, error)
        report.total_s = perf_counter() - begin
        emit(report)
