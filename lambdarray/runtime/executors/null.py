"""An executor that does nothing at no cost: what remains is the overhead of planning and scheduling."""

from __future__ import annotations

from collections.abc import Sequence

from ...task import TaskReport
from . import Attempt


class NullExecutor:
    """Reports every attempt as done at once.

    Its clock stands still while there are reports and leaps to the end of any wait for nothing, so that no wait
    takes time.

    >>> NullExecutor().wait(5.0)
    []
    """

    bundle_s = float("inf")

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.now = 0.0
        self._reports: list[TaskReport] = []

    def clock(self) -> float:
        """Virtual seconds."""
        return self.now

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Report all of it."""
        self._reports += [TaskReport(a.id, a.number) for a in bundle]

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """The reports since the last call."""
        reports, self._reports = self._reports, []
        if not reports and timeout_s is not None:
            self.now += timeout_s
        return reports

    def cancel(self, ids: Sequence[int]) -> None:
        """Nothing is ever left to cancel."""

    def close(self) -> None:
        """Nothing is held."""
