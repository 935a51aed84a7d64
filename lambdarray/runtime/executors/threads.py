"""The threads executor: workers of this process, on tiles that they hand on without a copy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from lambdarray_kernels.registry import OF_SCIPY

from ...task import Program, TaskReport
from ..blas_threads import blas_threads
from ..cache import ReadCache
from ..prepared import Prepared, uses_blas
from ..worker import Worker
from .inbox import Outbox
from .local import Bundle, LocalExecutor


class ThreadsExecutor(LocalExecutor):
    """Runs attempts on `workers` threads of this process (default: its cores), each with `memory_bytes` for data.

    BLAS is single-threaded for as long as the executor is open, once a task uses it. With `inline` the tasks run one
    after the other in the calling thread, and BLAS has all cores: for a single task, or a few that would be over
    before another thread has woken up.
    """

    def __init__(
        self,
        scratch: Any,
        objects: Mapping[str, Any] | None = None,
        *,
        workers: int | None = None,
        memory_bytes: int | None = None,
        inline: bool = False,
    ) -> None:
        super().__init__(workers)
        self.together = self.workers
        self._inline = inline
        self._shared = (scratch, objects, memory_bytes)
        self._blas = ExitStack()
        self._known: set[Program] = set()
        self._uses_blas = False
        self._prepared: dict[Program, Prepared] = {}
        self._cache = ReadCache()

    def start(self, bundle: Bundle) -> None:
        """Have one thread run these attempts, or with `inline` the calling one."""
        if self._inline:
            self._run(self._worker("inline"), bundle)
            return
        for program in {attempt.task.program for attempt in bundle} - self._known:
            self._meet(program)
        super().start(bundle)

    def close(self) -> None:
        """Give the threads back; what has not begun never begins, what runs ends before its next step."""
        super().close()
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
        # What calls SciPy's BLAS loads it with its first task, which would run with as many threads as there are cores.
        scipy = any(step.kernel in OF_SCIPY for step in program.steps)
        if scipy or "lambdarray_kernels.fortran" in sys.modules:
            from lambdarray_kernels import fortran

            fortran.load(scipy)
        if self._uses_blas:
            blas_threads.refresh()
        else:
            self._blas.enter_context(blas_threads(1))
        self._uses_blas = True

    def _is_cancelled(self, task: int) -> bool:
        return self._closed or task in self._cancelled

    def _serve(self, number: int) -> None:
        worker = self._worker(f"thread {number}")
        for bundle in self._taken():
            self._run(worker, bundle)
        worker.close()

    def _tell(self, report: TaskReport) -> None:
        """Hand a report on; those of what was taken ahead and never begins, since all is closed, are nobody's."""
        if not self._closed:
            self._reports.put(report)

    def _run(self, worker: Worker, bundle: Bundle) -> None:
        outbox = Outbox(self._reports.put_all)
        try:
            if worker.is_direct(bundle):
                worker.run_direct(bundle, outbox.put)
            else:
                worker.run_stream(bundle, self._tell, self._more)
            outbox.flush()
        except BaseException as error:  # no error of a task, which would be a report
            outbox.flush()
            if not self._inline:
                self._reports.put(error)  # `wait` raises it
                return
            for attempt in bundle:
                self._reports.put(TaskReport(attempt.id, attempt.number, "throttled", error="interrupted"))
            raise
