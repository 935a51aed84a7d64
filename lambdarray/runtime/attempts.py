"""What is in flight: bundles, their attempts, how long the tasks of a stage take, and who lags behind."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from statistics import median

SAMPLES = 65
# Without a finished task this many times the estimate counts as lagging, fewer once other stages have shown how good
# estimates are.
UNKNOWN_STAGE, KIN_STAGE, LEAST_KIN = 10.0, 3.0, 16
# A task lags that has run for longer than nine of ten of its stage, and some more, but for at most twice the median.
LAG_SHARE, LAG_MORE, LEAST_LAG, MOST_LAG = 0.9, 1.1, 1.2, 2.0
NUMBER_BITS = 12  # an attempt's key is its task's id and, in the low bits, its number


def attempt_key(task: int, number: int) -> int:
    """One integer for an attempt."""
    return task << NUMBER_BITS | number


def attempt_of(key: int) -> tuple[int, int]:
    """The inverse of `attempt_key`."""
    return key >> NUMBER_BITS, key & ((1 << NUMBER_BITS) - 1)


class Bundle:
    """Attempts that one worker runs in order; `since` is when it began or last reported one.

    For a `Budget` it has the time that each attempt was given, what is held for it, what was billed for it, whether it
    began, and whether what became of it is unknown. `cold` says that the worker may have had to be started.
    """

    __slots__ = ("began", "billed_ms", "cold", "deadline_s", "held", "keys", "left", "lost", "program", "since")

    def __init__(
        self,
        program: int,
        keys: list[int],
        now: float,
        deadline_s: float = inf,
        held: int = 0,
        cold: bool = False,
    ) -> None:
        self.cold = cold
        self.program, self.keys, self.left, self.since = program, keys, len(keys), now
        self.deadline_s, self.held = deadline_s, held
        self.billed_ms, self.began, self.lost = 0, False, False


class InFlight:
    """All bundles that have not reported in full: those that run, the longest silent first, then those that wait.

    Of an executor with fewer `workers` than it holds bundles the rest wait, and their time has not begun.
    """

    __slots__ = ("_keys", "_running", "_waiting", "_workers")

    def __init__(self, workers: float = inf) -> None:
        self._workers = workers
        self._running: dict[Bundle, None] = {}
        self._waiting: dict[Bundle, None] = {}
        self._keys: dict[int, Bundle] = {}

    def __len__(self) -> int:
        return len(self._running) + len(self._waiting)

    def __iter__(self) -> Iterator[Bundle]:
        """The bundles that run."""
        return iter(self._running)

    @property
    def attempts(self) -> int:
        """The number of attempts that have not reported."""
        return len(self._keys)

    @property
    def keys(self) -> list[int]:
        """The attempts that have not reported."""
        return list(self._keys)

    def add(self, bundle: Bundle) -> None:
        """A bundle that has been launched."""
        queue = self._running if len(self._running) < self._workers else self._waiting
        queue[bundle] = None
        for key in bundle.keys:
            self._keys[key] = bundle

    def reported(self, key: int, now: float) -> tuple[Bundle | None, float]:
        """Take an attempt out; its bundle, None where it is not in flight, and for how long it ran."""
        bundle = self._keys.pop(key, None)
        if bundle is None:
            return None, 0.0
        seconds, bundle.since = now - bundle.since, now
        bundle.left -= 1
        if bundle in self._running:
            del self._running[bundle]
        else:
            del self._waiting[bundle]
        if bundle.left:
            self._running[bundle] = None
        else:
            self._begin_next(now)
        return bundle, seconds

    def left_of(self, bundle: Bundle) -> list[int]:
        """The attempts of a bundle that have not reported."""
        return [key for key in bundle.keys if self._keys.get(key) is bundle]

    def first_silent(self) -> Bundle | None:
        """The bundle at work that has been silent for longest."""
        return next(iter(self._running), None)

    def give_up(self, bundle: Bundle, now: float) -> list[int]:
        """Take a whole bundle out; the attempts that it still had."""
        keys = self.left_of(bundle)
        for key in keys:
            del self._keys[key]
        del self._running[bundle]
        self._begin_next(now)
        return keys

    def _begin_next(self, now: float) -> None:
        if self._waiting and len(self._running) < self._workers:
            bundle = next(iter(self._waiting))
            del self._waiting[bundle]
            bundle.since = now
            self._running[bundle] = None


class Pace:
    """How long tasks of all stages took, over what was thought that they would take."""

    __slots__ = ("count", "thought_s", "took_s")

    def __init__(self) -> None:
        self.count, self.took_s, self.thought_s = 0, 0.0, 0.0

    @property
    def known(self) -> bool:
        """Whether enough have finished to tell."""
        return self.count >= LEAST_KIN and self.thought_s > 0

    @property
    def factor(self) -> float:
        """Seconds for each that was thought."""
        return self.took_s / self.thought_s if self.known else 1.0


class Durations:
    """How long the tasks of one stage take: the planner's estimate, at the pace of others, until some have finished."""

    __slots__ = ("_count", "_estimate", "_pace", "_samples", "_total")

    def __init__(self, estimate: float, pace: Pace | None = None) -> None:
        self._estimate, self._total, self._count = estimate, 0.0, 0
        self._samples: list[float] = []
        self._pace = pace or Pace()

    def add(self, seconds: float) -> None:
        """A task that finished."""
        self._total += seconds
        if self._count < SAMPLES:
            self._samples.append(seconds)
        else:
            self._samples[self._count % SAMPLES] = seconds
        self._count += 1
        pace = self._pace
        pace.count += 1
        pace.took_s += seconds
        pace.thought_s += self._estimate

    @property
    def mean(self) -> float:
        """The mean so far."""
        return self._total / self._count if self._count else self._estimate * self._pace.factor

    def lagging(self) -> float:
        """After how long a task lags behind its stage."""
        if not self._count:
            return (KIN_STAGE if self._pace.known else UNKNOWN_STAGE) * self.mean
        ordered = sorted(self._samples)
        middle, most = median(ordered), LAG_MORE * ordered[int(LAG_SHARE * len(ordered))]
        return min(max(most, LEAST_LAG * middle), MOST_LAG * middle)
