"""How many bundles may be in flight: up to the capacity, and after refusals as many as were let through.

A refusal says how many the account takes just now: those still in flight. Each that finishes is replaced at once, and
the window grows with what finishes, to find out when more are let through. Only where nothing at all is in flight is
there a pause, longer each time.

While work waits, more are tried now and then, though nothing has finished: an account lets more through as time goes
by, and tasks may be long. The first tries are few, and each that nobody refuses is followed by one of twice as many.
"""

from __future__ import annotations

GROWTH = 0.1  # for each that finishes: a tenth more with each turn of the window
PAUSE_S, PAUSE_MAX_S = 0.05, 5.0
TRY_S, FIRST_TRY = 0.25, 16


class Window:
    """The concurrency window. `refusals` counts pauses since something last finished.

    >>> w = Window()
    >>> w.refused(now=0.0, in_flight=100); w.limit(1000), w.pause_until > 0
    (100, False)
    """

    __slots__ = ("_size", "_step", "pause_until", "refusals", "try_at")

    def __init__(self) -> None:
        self._size = float("inf")
        self._step = FIRST_TRY
        self.pause_until, self.refusals, self.try_at = float("-inf"), 0, float("inf")

    def limit(self, capacity: int) -> int:
        """The number of bundles that may be in flight."""
        size = self._size
        if size >= capacity:
            return capacity if capacity > 1 else 1
        return int(size)

    def refused(self, now: float, in_flight: int) -> None:
        """An attempt was refused while others, `in_flight`, were not."""
        self._size = max(1.0, min(self._size, float(in_flight)))
        self._step, self.try_at = FIRST_TRY, now + TRY_S
        if in_flight == 0 and now >= self.pause_until:
            self.pause_until = now + min(PAUSE_MAX_S, PAUSE_S * 2.0 ** min(self.refusals, 16))
            self.refusals += 1

    def widen(self, now: float, capacity: int) -> None:
        """Let more be tried, where it is time to."""
        if now >= self.try_at:
            self._size += self._step
            self._step, self.try_at = 2 * self._step, now + TRY_S
            if self._size >= capacity:
                self._size = self.try_at = float("inf")

    def finished(self) -> None:
        """An attempt finished."""
        self.refusals = 0
        if self._size != float("inf"):
            self._size += max(1.0 / self._size, GROWTH)
