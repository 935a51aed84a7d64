"""How many bundles may be in flight: up to the capacity, and after refusals as many as were let through.

A refusal says how many the account takes just now: those still in flight. Each that finishes is replaced at once, and
the window grows with what finishes, to find out when more are let through. Only where nothing at all is in flight is
there a pause, longer each time.

While work waits, more are tried every now and then, though nothing has finished: an account lets more through as time
goes by, and tasks may be long. A few at first; where nobody refuses them twice as many the next time, and sooner.
"""

from __future__ import annotations

GROWTH = 0.1  # for each that finishes: a tenth more with each turn of the window
PAUSE_S, PAUSE_MAX_S = 0.05, 5.0
TRY_S, TRY_MAX_S, TRY_SHARE = 0.25, 0.5, 0.02


class Window:
    """The concurrency window. `refusals` counts pauses since something last finished.

    >>> w = Window()
    >>> w.refused(now=0.0, in_flight=100); w.limit(1000), w.pause_until > 0
    (100, False)
    """

    __slots__ = ("_every_s", "_size", "_step", "_tried", "pause_until", "refusals", "try_at")

    def __init__(self) -> None:
        self._size = float("inf")
        self._step, self._every_s, self._tried = 1.0, TRY_S, False
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
        if self._tried:
            self._tried, self._every_s = False, min(2 * self._every_s, TRY_MAX_S)
        self._step, self.try_at = max(1.0, TRY_SHARE * self._size), now + self._every_s
        if in_flight == 0 and now >= self.pause_until:
            self.pause_until = now + min(PAUSE_MAX_S, PAUSE_S * 2.0 ** min(self.refusals, 16))
            self.refusals += 1

    def widen(self, now: float, capacity: int) -> None:
        """Let more be tried, where it is time to."""
        if now < self.try_at:
            return
        if self._tried:  # the last were let through
            self._step, self._every_s = 2 * self._step, TRY_S
        self._size, self._tried, self.try_at = self._size + self._step, True, now + self._every_s
        if self._size >= capacity:
            self._size = self.try_at = float("inf")

    def finished(self) -> None:
        """An attempt finished."""
        self.refusals = 0
        if self._size != float("inf"):
            self._size += max(1.0 / self._size, GROWTH)
