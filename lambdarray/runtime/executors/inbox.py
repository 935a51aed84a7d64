"""Where reports wait for the scheduler: any thread puts, one takes all that there are."""

from __future__ import annotations

from queue import Empty, SimpleQueue

from ...task import TaskReport


class Inbox:
    """Reports from any thread, and errors that end the run: those `take` raises."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[TaskReport | BaseException] = SimpleQueue()
        self.put = self._queue.put

    def take(self, timeout_s: float | None) -> list[TaskReport]:
        """All there are; waits for the first, and returns nothing once the time is over."""
        out: list[TaskReport] = []
        try:
            self._add(out, self._queue.get(timeout=timeout_s))
            while True:
                self._add(out, self._queue.get_nowait())
        except Empty:
            return out

    @staticmethod
    def _add(out: list[TaskReport], found: TaskReport | BaseException) -> None:
        if isinstance(found, BaseException):
            raise found
        out.append(found)
