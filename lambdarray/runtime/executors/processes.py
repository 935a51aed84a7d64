"""The processes executor: workers in processes of this machine, for functions that hold the interpreter's lock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..._version import __version__
from ...task import TaskReport
from ..environment import cores
from .answers import all_as
from .crew import crew
from .local import Bundle, LocalExecutor
from .payload import Encoder
from .process import Process, Settings

# How much longer than it may take an attempt is waited for: between steps a worker ends it by itself.
LATE, SPARE_S = 1.02, 0.1


class ProcessesExecutor(LocalExecutor):
    """Runs attempts in `workers` processes of this machine, each with `memory_bytes` for data.

    A thread stands for each process: it sends bundles, as a function in Lambda gets them, and hears the reports. A
    process that dies or is overdue is replaced, and its attempts reported as what became of it. `scratch` is a store
    that other processes open by its URL. `tasks` is how many there are: no more processes are started.
    """

    def __init__(
        self,
        scratch: Any,
        *,
        workers: int | None = None,
        memory_bytes: int | None = None,
        tasks: int | None = None,
    ) -> None:
        super().__init__(workers)
        self._settings = Settings.here(max(1, cores() // self.workers))
        self._start_of_run = {"store": scratch.url, "memory_bytes": memory_bytes, "environ": self._settings.environ()}
        self._encoder = Encoder(__version__, scratch.url, "")
        self._free: list[Process] = []
        self._running: dict[Process, Bundle] = {}
        crew.warm(self._settings, self.workers if tasks is None else min(self.workers, tasks))

    def cancel(self, ids: Sequence[int]) -> None:
        """End these tasks' attempts before their next step; they report that they were cancelled."""
        super().cancel(ids)
        with self._lock:
            told = [(p, sorted(set(ids).intersection(a.id for a in bundle))) for p, bundle in self._running.items()]
        for process, here in told:
            if here:
                with suppress(OSError):
                    process.send(json.dumps({"cancel": here}).encode())

    def close(self) -> None:
        """End the processes that are at work still; the others wait for the next run."""
        super().close()
        with self._lock:
            running, free, self._free = list(self._running), self._free, []
        for process in running:
            process.kill()
        for process in free:
            with suppress(OSError):
                process.send(b'{"rest": true}')
            crew.give(process, self.workers)

    def _serve(self, number: int) -> None:
        for bundle in self._taken():
            try:
                self._run(bundle)
            except Exception as error:  # no error of a task, which would be a report
                self._reports.put(error)

    def _run(self, bundle: Bundle) -> None:
        gone = self._cancelled.intersection(a.id for a in bundle)
        self._reports.put_all(all_as([a for a in bundle if a.id in gone], "throttled", "cancelled"))
        left: Bundle = [a for a in bundle if a.id not in gone]
        process = self._take(left)
        if process is None:
            return
        try:
            self._send(process, left)
            while left:
                left = self._hear(process, left)
        except BaseException:
            self._drop(process)
            raise

    def _take(self, bundle: Bundle) -> Process | None:
        """A process that takes part in this run; None where there is nothing to do."""
        if not bundle:
            return None
        with self._lock:
            process = self._free.pop() if self._free else None
        process = process or self._begun()
        with self._lock:
            if not self._closed:
                self._running[process] = bundle
                return process
        crew.end(process)
        return None

    def _begun(self) -> Process:
        """A process of the crew's that has begun with this run; one that died while it waited is passed over."""
        while True:
            process = crew.take(self._settings)
            try:
                process.begin(self._start_of_run)
            except OSError:
                crew.end(process)
            except BaseException:
                crew.end(process)
                raise
            else:
                return process

    def _send(self, process: Process, bundle: Bundle) -> None:
        for _, event in self._encoder.encode(bundle, process.programs):
            with suppress(OSError):  # it has ended, which `_hear` finds out
                process.send(event)

    def _hear(self, process: Process, left: Bundle) -> Bundle:
        """Hand on what a process says next; those attempts of which it has yet to say anything."""
        seconds = min(a.deadline_s for a in left)
        try:
            reports = process.receive(LATE * seconds + SPARE_S)
        except EOFError:
            return self._bury(process, left, *process.ending())
        if reports is None:
            return self._bury(process, left, "timeout", f"took longer than {seconds:g} s, and its process was ended")
        told = {(r.task, r.attempt) for r in reports}
        left = [a for a in left if (a.id, a.number) not in told]
        if not left:
            self._release(process)
        self._reports.put_all(reports)
        return left

    def _release(self, process: Process) -> None:
        """Let it take the next bundle; called before its last reports are handed on, for these may end the run."""
        with self._lock:
            del self._running[process]
            if not self._closed:
                self._free.append(process)
                return
        crew.end(process)

    def _bury(self, process: Process, left: Bundle, status: str, text: str) -> Bundle:
        process.kill()
        reports: list[TaskReport] = [] if self._closed else all_as(left, status, f"the worker's process: {text}")
        for report in reports:
            report.log, report.shared = process.log(), len(left) > 1
        self._drop(process)
        self._reports.put_all(reports)
        return ()

    def _drop(self, process: Process) -> None:
        with self._lock:
            self._running.pop(process, None)
        crew.end(process)
