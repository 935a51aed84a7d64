"""One attempt at a task: its registers are loaded, its kernels called, and its output tiles made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from ..errors import AccessError, ConfigError, PlanError, UserFunctionError
from ..store.buffers import copied
from ..task import Task, TaskReport
from ..tiling import Index, Span
from .prepared import Prepared, PreparedStep, PreparedWrite
from .reading import Array, Loaded, PreparedRead

Blocks = tuple[Span, ...]
# What the reads hold, and the seconds that I/O threads spent on them (None: those that the caller waited).
Take = Callable[[Sequence[PreparedRead], Blocks], tuple[list[Loaded], float | None]]
Output = tuple[PreparedWrite, Index, Array]
PAGE_NBYTES = 4096
# What an attempt may raise: a function that calls `sys.exit` ends its task, not the worker.
FAILURES = (Exception, SystemExit)
# What would fail the same way again is not tried again.
FINAL = (
    PlanError,
    AccessError,
    ConfigError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    NotImplementedError,
)


class Stopped(Exception):  # noqa: N818 - not an error of the task
    """The attempt is to end now; `status` is what its report says."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def load_now(reads: Sequence[PreparedRead], blocks: Blocks) -> tuple[list[Loaded], float | None]:
    """Load by direct calls."""
    return [read.load(blocks) for read in reads], None


class Execution:
    """The registers of a task under way, and what it has used so far, kept in its report.

    `live` is the bytes of its registers, `most` the most that they ever were; `other` is what the worker holds beside.
    """

    __slots__ = ("_check", "_given", "_prepared", "_registers", "_report", "_take", "_task", "live", "most", "other")

    def __init__(
        self, prepared: Prepared, task: Task, take: Take, check: Callable[[], None], report: TaskReport
    ) -> None:
        self._prepared, self._task, self._take, self._check, self._report = prepared, task, take, check, report
        self._registers: dict[str, Any] = {}
        self._given: dict[PreparedWrite, Array | None] = {}
        self.live = self.most = self.other = 0

    def run(self) -> list[Output]:
        """Load, compute, and return the tiles to write."""
        begin, prepared, blocks = perf_counter(), self._prepared, self._task.blocks
        self._load(prepared.before_reads, blocks)
        for step in prepared.before:
            self._call(step, blocks)
        if prepared.loop:
            self._run_loop()
        self._load(prepared.after_reads, blocks)
        for step in prepared.after:
            self._call(step, blocks)
        outputs = self._outputs()
        self._report.compute_s = perf_counter() - begin - self._report.wait_s
        return outputs

    def reserve(self) -> None:
        """Get the memory of the loop's results, and have the system find it: for where there is time for that anyway.

        Memory that was never used can take a virtual machine two seconds a gigabyte.
        """
        for step in self._prepared.loop:
            if step.target is not None and step.target not in self._given:
                out = self._memory_of(step.target)
                if out is not None:
                    out[..., :: max(1, PAGE_NBYTES // out.itemsize)] = np.zeros((), out.dtype)

    def _memory_of(self, target: PreparedWrite) -> Array | None:
        """The memory in which what the task writes may be made; asked for once."""
        if target not in self._given:
            self._given[target] = target.reserve(self._task.index, self._task.blocks)
        return self._given[target]

    def _run_loop(self) -> None:
        prepared = self._prepared
        for step in prepared.loop:
            if step.accumulates and step.outs[0] in self._registers:
                # Now: with a loop's first blocks there would be more at once.
                self._keep(step.outs[0], self._own(step.outs[0]))
        for turn, blocks in enumerate(prepared.turns(self._task)):
            self._load(prepared.loop_reads, blocks)
            for step in prepared.loop:
                self._call(step, blocks, turn == 0)
        self._free(prepared.loop_frees)

    def _load(self, reads: Sequence[PreparedRead], blocks: Blocks) -> None:
        if not reads:
            return
        self._check()
        begin, report = perf_counter(), self._report
        loaded, io_s = self._take(reads, blocks)
        waited = perf_counter() - begin
        report.wait_s += waited
        report.fetch_s += waited if io_s is None else io_s
        for read, (data, nbytes) in zip(reads, loaded, strict=True):
            report.bytes_read += nbytes
            self._keep(read.register, data)

    def _load_by(self, read: PreparedRead, blocks: Blocks) -> None:
        """Load what an earlier step has chosen."""
        begin = perf_counter()
        data, nbytes = read.load_by(blocks, self._registers[read.by])
        waited = perf_counter() - begin
        self._report.wait_s += waited
        self._report.fetch_s += waited
        self._report.bytes_read += nbytes
        self._keep(read.register, data)

    def _call(self, step: PreparedStep, blocks: Blocks, first: bool = True) -> None:
        self._check()
        registers = self._registers
        for name in step.ins:
            if name not in registers:
                self._load_by(self._prepared.by_reads[name], blocks)
        args = [registers[name] for name in step.ins]
        if step.accumulates:
            args.insert(0, registers.get(step.outs[0]))
        extra: dict[str, Any] = {}
        if step.needs_block:
            extra = {"block": blocks, "shape": self._prepared.sizes[: len(blocks)]}
        if step.needs_index:
            extra["index"] = self._task.index
        if first and step.target is not None:
            extra["out"] = self._memory_of(step.target)
        result = step.fn(*args, **step.params, **extra)
        self._report.flops += step.flops(args, extra)
        if len(step.outs) == 1:
            self._keep(step.outs[0], result)
        else:
            for name, value in zip(step.outs, result, strict=True):
                self._keep(name, value)
        self._free(step.frees)

    def _own(self, name: str) -> Array:
        """A register as memory of the task's own, which what was read need not be: it may be a stored tile's."""
        value: Array = self._registers[name]
        if name in self._prepared.own_reads and value.flags.c_contiguous:
            with suppress(ValueError):  # a file's memory, which cannot be written
                value.setflags(write=True)
                return value
        return copied(value)  # in C order, as kernels that change it want it

    def _keep(self, name: str, value: Any) -> None:
        before = self._registers.get(name)
        self.live += value.nbytes - (0 if before is None else before.nbytes)
        self._registers[name] = value
        if self.live > self.most:
            self.most = self.live
        if self.live + self.other > self._report.peak_bytes:
            self._report.peak_bytes = self.live + self.other

    def _free(self, names: Sequence[str]) -> None:
        for name in names:
            if (value := self._registers.pop(name, None)) is not None:
                self.live -= value.nbytes

    def _outputs(self) -> list[Output]:
        task, registers = self._task, self._registers
        for write, out in self._given.items():
            if out is not None and registers[write.register] is not out:  # a kernel had no use for it
                write.release(task.index, task.blocks)
        return [
            (write, index, tile)
            for write in self._prepared.writes
            for index, tile in write.tiles(registers[write.register], task.index, task.blocks)
        ]


def _is_disagreement(error: BaseException) -> bool:
    """Whether a check found a result to be wrong."""
    from lambdarray_kernels.checks import Disagreement

    return isinstance(error, Disagreement)


def fail(report: TaskReport, error: BaseException) -> None:
    """Turn an error into its report."""
    if isinstance(error, Stopped):
        report.status, report.error = error.status, str(error)
        return
    from traceback import format_exception

    shown = error
    report.status = "error"
    if isinstance(error, MemoryError):
        report.status = "memory"
    elif isinstance(error, UserFunctionError):
        report.status = "user_error"
        shown = error.__cause__ or error
    elif isinstance(error, LinAlgError):
        report.status = "matrix_error"
    elif isinstance(error, SystemExit):
        report.status = "crashed"
    elif _is_disagreement(error):
        report.status = "wrong"
    report.error = f"{type(error).__name__}: {error}"
    report.traceback = "".join(format_exception(shown))
    report.retry = not isinstance(error, FINAL)
