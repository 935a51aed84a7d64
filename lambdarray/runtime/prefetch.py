"""I/O beside computation: a few threads, and a window of reads that are fetched ahead of their use."""

from __future__ import annotations

import threading
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from ..tiling import Span
from .reading import Loaded, PreparedRead

# Units under way ahead of the one that is needed: more of small ones, to hide latency; fewer of large ones, which
# would take bandwidth from what is needed first.
MAX_AHEAD, MAX_LARGE_AHEAD, LARGE_BYTES = 4, 1, 16 << 20
# A store that computing waits for so long is slow. Then there are ahead so many times the bytes that a task writes.
SLOW_S, WRITTEN_AHEAD = 0.05, 2


class Job:
    """A call that an I/O thread makes; `result` waits for it and raises what it raised."""

    __slots__ = ("_args", "_done", "_error", "_fn", "_value", "begun_s", "seconds")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._fn, self._args = fn, args
        self._value: Any = None
        self._error: BaseException | None = None
        self._done = allocate_lock()
        self._done.acquire()
        self.begun_s = self.seconds = 0.0

    def run(self) -> None:
        """Make the call."""
        self.begun_s = perf_counter()
        try:
            self._value = self._fn(*self._args)
        except BaseException as error:
            self._error = error
        self.seconds = perf_counter() - self.begun_s
        self._args = ()
        self._done.release()

    @property
    def finished(self) -> bool:
        """Whether the call was made, so that `result` does not wait."""
        return not self._done.locked()

    def result(self) -> Any:
        """What the call returned, once; the job lets go of it."""
        with self._done:
            value, self._value = self._value, None
            if self._error is not None:
                raise self._error
            return value


class IoThreads:
    """Daemon threads that make calls in the order given; started when first needed, at most `limit`."""

    def __init__(self, limit: int, name: str = "io") -> None:
        self._limit, self._name = limit, name
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._started = 0

    def submit(self, fn: Callable[..., Any], *args: Any) -> Job:
        """Have a thread call `fn(*args)`."""
        job = Job(fn, args)
        if self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._serve, name=f"lambdarray-{self._name}", daemon=True).start()
        self._queue.put(job)
        return job

    def close(self) -> None:
        """End the threads once they have made the calls given so far."""
        for _ in range(self._started):
            self._queue.put(None)
        self._started = 0

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            del job


class Unit:
    """Reads that are needed at one moment: those before a task's loop, or those of one iteration.

    `position` is the attempt's place in its bundle. Where `after_writes` is set, an earlier task of the bundle
    writes what this one reads, so that it must not be fetched before that task has finished.
    """

    __slots__ = ("after_writes", "blocks", "jobs", "nbytes", "position", "reads")

    def __init__(
        self, position: int, reads: tuple[PreparedRead, ...], blocks: tuple[Span, ...], after_writes: bool
    ) -> None:
        self.position, self.reads, self.blocks, self.after_writes = position, reads, blocks, after_writes
        self.jobs: list[Job] | None = None
        self.nbytes = sum(r.nbytes(blocks) for r in reads)


class Prefetcher:
    """Takes the reads of a stream in order while the next ones are under way.

    `units` gives None where there is none now. How many bytes may be ahead is `room()`; what is needed at once is
    fetched whatever the room. Where the store is slow, twice as much is ahead as the task at work will write
    (`outputs()`): what computes while that is on its way, and while the wire catches up. It is slow where computing
    waited for it, or would while that is written.
    """

    def __init__(
        self,
        io: IoThreads,
        units: Iterator[Unit | None],
        room: Callable[[], float],
        outputs: Callable[[], int],
    ) -> None:
        self._io, self._units, self._room, self._outputs = io, units, room, outputs
        self._window: deque[Unit] = deque()
        self._next: Unit | None = None
        self._taken_s: float | None = None
        self._is_slow = False
        self.position = 0
        self.ahead_bytes = 0

    def begin(self, position: int) -> None:
        """Go on to the attempt at `position`, and drop what was fetched for earlier ones."""
        self.position = position
        while self._window and self._window[0].position < position:
            self.ahead_bytes -= self._window.popleft().nbytes

    def start(self) -> None:
        """Have the next unit's reads under way."""
        self._fill(1)

    def take(self) -> tuple[list[Loaded], float | None]:
        """What the next unit's reads hold, and the seconds that its I/O took."""
        self.start()
        unit = self._window.popleft()
        self.ahead_bytes -= unit.nbytes
        self._fill(0)
        begin, jobs = perf_counter(), unit.jobs or []
        loaded = [job.result() for job in jobs]
        now = perf_counter()
        if not self._is_slow and self._taken_s is not None:  # the first is waited for on any store
            self._is_slow = max(now - begin, self._wait_behind_writes(unit, jobs, begin - self._taken_s)) > SLOW_S
        self._taken_s = now
        return loaded, sum(job.seconds for job in jobs)

    def _wait_behind_writes(self, unit: Unit, jobs: Sequence[Job], computing_s: float) -> float:
        """Seconds that computing waits for a unit like this one, if what the task at work writes is on its way first.

        Only few large units are ahead, and each of them keeps computing busy for `computing_s`.
        """
        if unit.nbytes <= LARGE_BYTES:
            return 0.0
        io_s = max(job.begun_s + job.seconds for job in jobs) - min(job.begun_s for job in jobs)
        return io_s * self._outputs() / unit.nbytes - MAX_LARGE_AHEAD * computing_s

    def _peek(self) -> Unit | None:
        """The next unit that is not of an earlier attempt."""
        while self._next is None or self._next.position < self.position:
            self._next = next(self._units)
            if self._next is None:
                break
        return self._next

    def _fill(self, least: int) -> None:
        while (len(self._window) < MAX_AHEAD or self._is_slow) and (unit := self._peek()) is not None:
            if len(self._window) >= least and not self._admits(unit):
                return
            unit.jobs = [self._io.submit(read.load, unit.blocks) for read in unit.reads]
            self._window.append(unit)
            self.ahead_bytes += unit.nbytes
            self._next = None

    def _admits(self, unit: Unit) -> bool:
        if unit.after_writes and unit.position > self.position:
            return False
        ahead = self.ahead_bytes + unit.nbytes
        most = MAX_AHEAD if unit.nbytes <= LARGE_BYTES else MAX_LARGE_AHEAD
        deeper = self._is_slow and ahead <= WRITTEN_AHEAD * self._outputs()
        return (len(self._window) < most or deeper) and ahead <= self._room()
