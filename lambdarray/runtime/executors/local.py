"""What the executors of this machine share: bundles wait for a few threads, which are lent when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock

from ...task import TaskReport
from ..environment import cores
from . import Attempt
from .inbox import Inbox
from .pool import pool

Bundle = Sequence[Attempt]


class LocalExecutor(ABC):
    """Has at most `workers` threads (default: this machine's cores) take bundles, each in `_serve`."""

    # Workers here have nobody's slow machine to wait for, and work is at hand as soon as they ask for it.
    speculate = False
    # A task that is taken from a long bundle early only keeps its tiles in memory for longer.
    bundle_s = 0.02

    def __init__(self, workers: int | None) -> None:
        self.workers = workers or cores()
        self.capacity = 2 * self.workers
        self._bundles: SimpleQueue[Bundle | None] = SimpleQueue()
        self._reports = Inbox()
        self._cancelled: set[int] = set()
        self._lock = Lock()
        self._lent = self._busy = self._working = 0
        self._closed = False

    def start(self, bundle: Bundle) -> None:
        """Have one worker run these attempts; another thread is lent where all are busy and there may be more."""
        with self._lock:
            self._busy += 1
            lend = self._lent < min(self.workers, self._busy)
            self._lent += lend
        self._bundles.put(bundle)
        if lend:
            pool.lend(partial(self._serve, self._lent))

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """All reports there are; waits for the first."""
        return self._reports.take(timeout_s)

    def cancel(self, ids: Sequence[int]) -> None:
        """End these tasks' attempts before their next step; they report that they were cancelled."""
        self._cancelled.update(ids)

    def close(self) -> None:
        """Give the threads back; what has not begun never begins."""
        self._closed = True
        for _ in range(self._lent):
            self._bundles.put(None)

    @abstractmethod
    def _serve(self, number: int) -> None:
        """Run the bundles that this thread takes."""

    def _taken(self) -> Iterator[Bundle]:
        """The bundles that the calling thread takes, until the executor is closed."""
        while (bundle := self._bundles.get()) is not None and not self._closed:
            with self._lock:
                self._working += 1
            yield bundle
            with self._lock:
                self._working -= 1
                self._busy -= 1

    def _more(self) -> Bundle | None:
        """A bundle for a thread that is at work on another; None where there is none, or a thread is idle."""
        with self._lock:
            if self._working < self._lent or self._closed:
                return None
            try:
                bundle = self._bundles.get_nowait()
            except Empty:
                return None
            if bundle is None:
                self._bundles.put(None)
            else:
                self._busy -= 1
            return bundle
