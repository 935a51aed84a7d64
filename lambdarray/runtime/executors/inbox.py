"""Where reports wait for the scheduler: any thread puts, one takes all that there are."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic

from ...task import TaskReport

# Reports of tasks that take microseconds are handed over together: each hand-over wakes the scheduler's thread.
TOGETHER_S = 0.001


class Inbox:
    """Reports from any thread, and errors that end the run: those `take` raises.

    What wakes the taker is not what it takes: Ctrl-C strikes just when a wait ends, and must not lose a report.
    """

    def __init__(self) -> None:
        self._found: deque[list[TaskReport] | BaseException] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()

    def put(self, found: TaskReport | BaseException) -> None:
        """Add one."""
        self._found.append(found if isinstance(found, BaseException) else [found])
        self._bell.put(None)

    def put_all(self, reports: list[TaskReport]) -> None:
        """Add several at once; the list is the inbox's from now on."""
        if reports:
            self._found.append(reports)
            self._bell.put(None)

    def take(self, timeout_s: float | None) -> list[TaskReport]:
        """All there are; waits for the first, and returns nothing once the time is over."""
        found, out = self._found, list[TaskReport]()
        try:
            if not found:
                self._bell.get(timeout=timeout_s)
            while True:
                self._bell.get_nowait()
        except Empty:
            pass
        while found:
            first = found.popleft()
            if isinstance(first, BaseException):
                raise first
            out.extend(first)
        return out


class Outbox:
    """Hands a worker's reports on (to `Inbox.put_all`), those of one millisecond together; `flush` after the last."""

    __slots__ = ("_due", "_hand_on", "_lock", "_reports")

    def __init__(self, hand_on: Callable[[list[TaskReport]], object]) -> None:
        self._hand_on, self._lock = hand_on, Lock()
        self._reports: list[TaskReport] = []
        self._due = monotonic() + TOGETHER_S

    def put(self, report: TaskReport) -> None:
        """Add one, from any thread."""
        with self._lock:
            self._reports.append(report)
        if monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Hand over what there is."""
        with self._lock:
            reports, self._reports = self._reports, []
            self._due = monotonic() + TOGETHER_S
        if reports:
            self._hand_on(reports)
