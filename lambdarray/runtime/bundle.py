"""Bundles on stores that block: reads ahead of their use and writes behind, both within the worker's memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from ..task import Task, TaskReport
from .execution import FAILURES, Blocks, Execution, Output, fail
from .executors import Attempt
from .prefetch import IoThreads, Job, Prefetcher, Unit
from .prepared import Prepared
from .reading import Loaded, PreparedRead

if TYPE_CHECKING:
    from .worker import Worker


class Pending:
    """An attempt whose outputs are being written; its report is given out with the last of them."""

    def __init__(self, report: TaskReport, begin: float, outputs: int, emit: Callable[[TaskReport], None]) -> None:
        self.report, self._begin, self._left, self._emit = report, begin, outputs, emit
        self._lock = Lock()

    def write(self, output: Output) -> None:
        """Write one tile; False from the store means that another attempt was first, which is as good."""
        write, index, tile = output
        begin, failure = perf_counter(), None
        try:
            write.array.write(index, tile)
        except Exception as error:
            failure = error
        with self._lock:
            self.report.write_s += perf_counter() - begin
            self.report.bytes_written += tile.nbytes
            if failure is not None:
                fail(self.report, failure)
            self._left -= 1
            last = self._left == 0
        if last:
            self.settle()

    def settle(self) -> None:
        """Give out the report."""
        self.report.total_s = perf_counter() - self._begin
        self._emit(self.report)


@dataclass(frozen=True, slots=True)
class Entry:
    """An attempt of the stream; `follows` says that it reads an array that an earlier one of its bundle writes."""

    attempt: Attempt
    prepared: Prepared | Exception
    follows: bool


class Stream:
    """Attempts that one worker runs in order, the I/O of one beside the computing of the next.

    They are those of a bundle, and of each further one that `more` gives when the reads of all before are under way.
    """

    def __init__(
        self,
        worker: Worker,
        io: IoThreads,
        attempts: Sequence[Attempt],
        emit: Callable[[TaskReport], None],
        more: Callable[[], Sequence[Attempt] | None],
    ) -> None:
        self._worker, self._io, self._emit, self._more = worker, io, emit, more
        self._entries: dict[int, Entry] = {}
        self._count = 0
        self._add(attempts)
        self._writes: deque[tuple[Job, int]] = deque()
        self._written_bytes = 0
        self._need = self._made = 0
        self._cached_bytes = 0.0
        self._execution: Execution | None = None
        self._prefetcher = Prefetcher(io, self._units(), self._room, lambda: self._made)

    def run(self) -> None:
        """Run all of them; all reports are given out when this returns."""
        position = 0
        while position < self._count or self._extend():
            self._run(position, self._entries[position])
            del self._entries[position]
            position += 1
        self._drain(0)

    def _add(self, attempts: Sequence[Attempt]) -> None:
        written: set[str] = set()
        for attempt in attempts:
            prepared, follows = self._worker.prepare_or_error(attempt.task.program), False
            if not isinstance(prepared, Exception):
                follows = not prepared.read_arrays.isdisjoint(written)
                written |= prepared.written_arrays
            self._entries[self._count] = Entry(attempt, prepared, follows)
            self._count += 1

    def _extend(self) -> bool:
        """Add the next bundle, if there is one now."""
        attempts = self._more()
        self._add(attempts or ())
        return bool(attempts)

    def _run(self, position: int, entry: Entry) -> None:
        begin, report = perf_counter(), self._worker.begin(entry.attempt)
        outputs: list[Output] = []
        try:
            outputs = self._compute(position, entry, report)
        except FAILURES as error:
            fail(report, error)
        self._execution = None
        pending = Pending(report, begin, len(outputs), self._emit)
        self._write(pending, outputs)
        if not outputs:
            pending.settle()

    def _write(self, pending: Pending, outputs: Sequence[Output]) -> None:
        """Have tiles written; those that do not lie in order are copied for that, as many at once as there is room."""
        copied = [tile.nbytes for _, _, tile in outputs if not tile.flags.c_contiguous]
        block, left = sum(copied), len(copied)  # which stays until the last of them is written
        for output in outputs:
            tile = output[2]
            nbytes = tile.nbytes
            if not tile.flags.c_contiguous:
                ahead = self._prefetcher.ahead_bytes + self._cached_bytes
                self._drain(max(self._worker.memory_bytes - block - nbytes - ahead, 0))
                left -= 1
                nbytes += 0 if left else block
            self._written_bytes += nbytes
            self._writes.append((self._io.submit(pending.write, output), nbytes))

    def _compute(self, position: int, entry: Entry, report: TaskReport) -> list[Output]:
        prepared, attempt, task = entry.prepared, entry.attempt, entry.attempt.task
        if isinstance(prepared, Exception):
            raise prepared
        self._made = sum(w.nbytes(task.index, task.blocks) for w in prepared.writes)
        self._need = needed_bytes(prepared, task)
        self._allow_cache()
        self._prefetcher.begin(position)
        left = self._worker.memory_bytes - self._need - self._prefetcher.ahead_bytes
        self._drain(0 if entry.follows else left)
        check = self._worker.check(attempt)
        if self._worker.written_before(attempt, prepared, report.cold):
            return []
        self._execution = Execution(prepared, task, self._take, check, report)
        outputs = self._execution.run()
        prepared.most_bytes = max(prepared.most_bytes, self._execution.most)
        return outputs

    def _take(self, reads: Sequence[PreparedRead], blocks: Blocks) -> tuple[list[Loaded], float | None]:
        self._prefetcher.start()
        if self._execution is not None:
            self._execution.reserve()
        taken = self._prefetcher.take()
        if self._execution is not None:
            self._execution.other = self._prefetcher.ahead_bytes + self._written_bytes
        return taken

    def _room(self) -> float:
        self._drain(math.inf)
        live = 0 if self._execution is None else self._execution.live
        return self._worker.memory_bytes - max(live, self._need) - self._written_bytes - self._cached_bytes

    def _allow_cache(self) -> None:
        """Let half of what the task leaves free hold what is read again, or a few times its need where that is less."""
        worker = self._worker
        if worker.cache is not None:
            half = max(0.0, (worker.memory_bytes - self._need) / 2)
            self._cached_bytes = min(worker.cache_needs * self._need, half)
            worker.cache.allow(worker.name, self._cached_bytes)

    def _drain(self, limit: float) -> None:
        """Wait until at most `limit` bytes of outputs are still being written."""
        while self._writes and (self._written_bytes > limit or limit <= 0 or self._writes[0][0].finished):
            job, nbytes = self._writes.popleft()
            job.result()
            self._written_bytes -= nbytes

    def _units(self) -> Iterator[Unit | None]:
        """The reads of all attempts in order; None where all that there are now have been given."""
        position = 0
        while True:
            if position == self._count and not self._extend():
                yield None
                continue
            entry = self._entries.get(position)  # None where the attempt has been run
            if entry is not None and not isinstance(entry.prepared, Exception):
                for reads, blocks in reads_in_order(entry.prepared, entry.attempt.task):
                    yield Unit(position, reads, blocks, entry.follows)
            position += 1


def reads_in_order(prepared: Prepared, task: Task) -> Iterator[tuple[tuple[PreparedRead, ...], Blocks]]:
    """The reads of a task as it makes them."""
    if prepared.before_reads:
        yield prepared.before_reads, task.blocks
    if prepared.loop_reads:
        for blocks in prepared.turns(task):
            yield prepared.loop_reads, blocks
    if prepared.after_reads:
        yield prepared.after_reads, task.blocks


def needed_bytes(prepared: Prepared, task: Task) -> int:
    """The bytes that a task needs with nothing fetched ahead: its reads, its outputs, and what they are made from.

    What an earlier task of the program had at most counts where that was more; and what its kernels take beside that.
    """
    reads = sum(r.nbytes(task.blocks) for r in (*prepared.before_reads, *prepared.after_reads))
    if prepared.loop_reads:
        first = task.blocks + prepared.loop_blocks(0)
        reads += sum(r.nbytes(first) for r in prepared.loop_reads)
    made = sum(w.nbytes(task.index, task.blocks) for w in prepared.writes if w.register not in prepared.own_reads)
    needed = max(reads + made * min(2, len(task.program.steps)), prepared.most_bytes)
    return needed + task.program.extra_bytes
