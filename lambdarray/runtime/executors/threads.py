"""The threads executor: workers of this process, on tiles that they hand on without a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from queue import SimpleQueue
from threading import Lock
from typing import Any

from ...task import Program, TaskReport
from ..blas_threads import blas_threads
from ..cache import ReadCache
from ..environment import cores
from ..prepared import Prepared, uses_blas
from ..worker import Worker
from . import Attempt
from .inbox import Inbox, Outbox
from .pool import pool

Bundle = Sequence[Attempt]


class ThreadsExecutor:
    """Runs attempts on `workers` threads of this process (default: its cores), each with `memory_bytes` for data.

    BLAS is single-threaded for as long as the executor is open, once a task uses it. With `inline` the tasks run one
    after the other in the calling thread, and BLAS has all cores: for a single task, or a few that would be over
    before another thread has woken up.
    """

    # Threads have nobody's slow machine to wait for, and work is at hand as soon as they ask for it.
    speculate = False
    bundle_s = 0.1

    def __init__(
        self,
        scratch: Any,
        objects: Mapping[str, Any] | None = None,
        *,
        workers: int | None = None,
        memory_bytes: int | None = None,
        inline: bool = False,
    ) -> None:
        self.workers = workers or cores()
        self.capacity = 2 * self.workers
        self._inline = inline
        self._shared = (scratch, objects, memory_bytes)
        self._bundles: SimpleQueue[Bundle | None] = SimpleQueue()
        self._reports = Inbox()
        self._cancelled: set[int] = set()
        self._lock = Lock()
        self._lent = self._busy = 0
        self._closed = False
        self._blas = ExitStack()
        self._known: set[Program] = set()
        self._uses_blas = False
        self._prepared: dict[Program, Prepared] = {}
        self._cache = ReadCache()

    def start(self, bundle: Bundle) -> None:
        """Have one worker run these attempts; another thread is lent where all are busy and there may be more."""
        if self._inline:
            self._run(self._worker("inline"), bundle)
            return
        for program in {attempt.task.program for attempt in bundle} - self._known:
            self._meet(program)
        with self._lock:
            self._busy += 1
            lend = self._lent < min(self.workers, self._busy)
            self._lent += lend
        self._bundles.put(bundle)
        if lend:
            pool.lend(partial(self._serve, f"thread {self._lent}"))

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """All reports there are; waits for the first."""
        return self._reports.take(timeout_s)

    def cancel(self, ids: Sequence[int]) -> None:
        """End these tasks' attempts before their next step; they report that they were cancelled."""
        self._cancelled.update(ids)

    def close(self) -> None:
        """Give the threads back; what has not begun never begins, what runs ends before its next step."""
        self._closed = True
        for _ in range(self._lent):
            self._bundles.put(None)
        self._blas.close()

    def _worker(self, name: str) -> Worker:
        scratch, objects, memory_bytes = self._shared
        made = Worker(scratch, objects, memory_bytes, io_threads=2, name=name, cancelled=self._is_cancelled)
        made.share(self._prepared, self._cache)
        return made

    def _meet(self, program: Program) -> None:
        """Set BLAS to one thread with the first program that uses it, and look again for each that may load another."""
        self._known.add(program)
        if not any(uses_blas(step.kernel) for step in program.steps):
            return
        if self._uses_blas:
            blas_threads.refresh()
        else:
            self._blas.enter_context(blas_threads(1))
        self._uses_blas = True

    def _is_cancelled(self, task: int) -> bool:
        return self._closed or task in self._cancelled

    def _serve(self, name: str) -> None:
        worker = self._worker(name)
        while (bundle := self._bundles.get()) is not None and not self._closed:
            self._run(worker, bundle)
            with self._lock:
                self._busy -= 1
        worker.close()

    def _run(self, worker: Worker, bundle: Bundle) -> None:
        outbox = Outbox(self._reports)
        try:
            worker.run_bundle(bundle, outbox.put)
            outbox.flush()
        except BaseException as error:  # no error of a task, which would be a report
            outbox.flush()
            if not self._inline:
                self._reports.put(error)  # `wait` raises it
                return
            for attempt in bundle:
                self._reports.put(TaskReport(attempt.id, attempt.number, "throttled", error="interrupted"))
            raise
