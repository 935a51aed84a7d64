"""A worker process, from within: bundles come in by a pipe, and reports go out by it.

    {"begin": {"store", "memory_bytes", "environ"}}     a run begins
    {..., "programs": {...}, "attempts": [...]}         a bundle, as a function in Lambda gets it
    {"cancel": [task id, ...]}                          nobody needs these any more
    {"rest": true}                                      the run is over

The answers are lists of reports; an empty one says that the process is ready.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, NoReturn

from ..store import open_store
from ..task import TaskReport
from . import environment
from .cache import ReadCache
from .events import Decoder
from .executors.inbox import Outbox
from .worker import Worker

IO_THREADS = 2


def main(pipe: int, log: int, handles: list[int]) -> NoReturn:
    """Serve the parent at the other end of `pipe`; what a crash leaves to say goes to `log`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable(log)
    environment.be_killed_first()
    # What a function starts must not outlive this process with its ends of the pipes.
    for handle in (pipe, log, *handles):
        os.set_inheritable(handle, False)
        os.register_at_fork(after_in_child=lambda handle=handle: os.close(handle))
    Child(Connection(pipe)).serve()


class Child:
    """Runs the bundles of one run after the other's."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._sending = pipe, Lock()
        self._events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._cancelled: set[int] = set()
        self._decoder, self._worker = Decoder(), Worker(None)
        self._cold = True

    def serve(self) -> NoReturn:
        """Do what comes, in order."""
        Thread(target=self._listen, name="lambdarray-pipe", daemon=True).start()
        self._send([])
        while True:
            event = self._events.get()
            if "begin" in event:
                self._begin(event["begin"])
            elif "rest" in event:
                self._rest()
            else:
                self._run(event)

    def _listen(self) -> NoReturn:
        """Take what comes, also while a task runs. The pipe's end is the parent's end, and this process's too."""
        try:
            while True:
                event = json.loads(self._pipe.recv_bytes())
                if "cancel" in event:
                    self._cancelled.update(event["cancel"])
                    continue
                if "begin" in event:
                    self._cancelled.clear()
                self._events.put(event)
        finally:
            os._exit(1)

    def _send(self, reports: list[TaskReport]) -> None:
        with self._sending, suppress(OSError):  # the parent has gone, which `_listen` learns too
            self._pipe.send_bytes(json.dumps([report.to_json() for report in reports]).encode())

    def _begin(self, run: Mapping[str, Any]) -> None:
        for name in os.environ.keys() - run["environ"].keys():
            del os.environ[name]
        os.environ.update(run["environ"])
        self._decoder = Decoder()
        self._worker = Worker(
            open_store(run["store"]),
            memory_bytes=run["memory_bytes"],
            io_threads=IO_THREADS,
            name=f"process {os.getpid()}",
            cancelled=self._cancelled.__contains__,
        )
        self._worker.share({}, ReadCache())

    def _run(self, event: Mapping[str, Any]) -> None:
        self._worker.cold, self._cold = self._cold, False
        outbox = Outbox(self._send)
        self._worker.run_bundle(self._decoder.attempts(event), outbox.put)
        outbox.flush()

    def _rest(self) -> None:
        self._worker.close()
        self._decoder, self._worker = Decoder(), Worker(None)
