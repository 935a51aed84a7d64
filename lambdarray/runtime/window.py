"""How many bundles may be in flight: up to the capacity, fewer after refusals.

Additive increase, multiplicative decrease: it finds what an account lets through without being told.
"""

from __future__ import annotations

CUT, CUT_EVERY_S = 0.7, 1.0  # a burst of refusals is one sign, not many
GROWTH = 0.02  # per finished window's worth of attempts, and at least one bundle
PAUSE_S, PAUSE_MAX_S = 0.05, 5.0


class Window:
    """The concurrency window. `refusals` counts bursts of refusals since something last finished.

    >>> w = Window()
    >>> w.refused(now=0.0, in_flight=100); w.limit(1000), w.pause_until > 0
    (70, True)
    """

    __slots__ = ("_cut_at", "_size", "pause_until", "refusals")

    def __init__(self) -> None:
        self._size, self._cut_at = float("inf"), float("-inf")
        self.pause_until, self.refusals = float("-inf"), 0

    def limit(self, capacity: int) -> int:
        """The number of bundles that may be in flight."""
        size = self._size
        if size >= capacity:
            return capacity if capacity > 1 else 1
        return int(size)

    def refused(self, now: float, in_flight: int) -> None:
        """An attempt was refused: start nothing for a while, and fewer from then on."""
        if now - self._cut_at >= CUT_EVERY_S:
            self._size, self._cut_at = max(1.0, min(self._size, float(in_flight)) * CUT), now
        if now >= self.pause_until:
            self.pause_until = now + min(PAUSE_MAX_S, PAUSE_S * 2.0 ** min(self.refusals, 16))
            self.refusals += 1

    def finished(self) -> None:
        """An attempt finished."""
        self.refusals = 0
        if self._size != float("inf"):
            self._size += max(1.0 / self._size, GROWTH)
