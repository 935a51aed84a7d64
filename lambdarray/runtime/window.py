"""How many bundles may be in flight: up to the capacity, as far as they are let through.

Nobody says how many an account takes just now: a function scales by some 1,000 every ten seconds, but those that are
warm are there at once. So the window is opened until something is refused. Then as many stay as were let through, each
that ends is replaced at once, and now and then one more is tried: it costs nothing where it is refused. Where it is
not, twice as many are tried a moment later, and so on, so that a ramp is followed within seconds.
Only where nothing at all is in flight is there a pause, longer each time.
"""

from __future__ import annotations

from math import inf

FIRST = 1000  # what is tried at once: more than the service starts in one go would only be refused
HEARD_S = 0.2  # what was not refused after this long was let through
REST_S = 0.5  # after a refusal
PAUSE_S, PAUSE_MAX_S = 0.05, 5.0


class Window:
    """The concurrency window. `open_at` is when it may be opened further; `refusals` counts the pauses since something
    was last let through, the first of which began at `refused_at`.

    >>> w = Window()
    >>> w.refused(now=0.0, in_flight=100); w.limit(1000), w.pause_until > 0
    (100, False)
    >>> w.open(now=0.5); w.open(now=0.7); w.limit(1000)
    103
    """

    __slots__ = ("_size", "_step", "open_at", "pause_until", "refusals", "refused_at")

    def __init__(self) -> None:
        self._size = self._step = FIRST
        self.open_at = self.pause_until = self.refused_at = -inf
        self.refusals = 0

    def begin(self, now: float) -> None:
        """The first bundles are launched now."""
        self.open_at = now + HEARD_S

    def limit(self, capacity: int) -> int:
        """The number of bundles that may be in flight."""
        return max(1, min(self._size, capacity))

    def open(self, now: float) -> None:
        """Let more be tried, where it is time; asked where there is work for more than the window lets through."""
        if now >= self.open_at:
            self._size += self._step
            self._step *= 2
            self.open_at = now + HEARD_S

    def refused(self, now: float, in_flight: int) -> None:
        """An attempt was refused while others, `in_flight`, were not."""
        self._size, self._step = max(1, min(self._size, in_flight)), 1
        self.open_at = now + REST_S
        if in_flight == 0 and now >= self.pause_until:
            self.refused_at = self.refused_at if self.refusals else now
            self.pause_until = now + min(PAUSE_MAX_S, PAUSE_S * 2.0 ** min(self.refusals, 16))
            self.refusals += 1

    def let_through(self) -> None:
        """An attempt began: it has ended, well or not, or was not heard of for too long."""
        self.refusals = 0
