"""Runs a plan as the settings say: store, executor, uploads, resume, clean-up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from functools import cached_property
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import Config
from ..cost.profiles import machine_there
from ..errors import ConfigError
from ..store import ArrayIO, ResultArray, TileStore, open_array, open_store
from ..task import Plan, Task, TaskReport
from ..tiling import Index
from .environment import cores
from .markers import Marker
from .summary import LAMBDA_MIB, RunReport

if TYPE_CHECKING:
    from .budget import Budget

# What an interpreter with its libraries takes of a function's memory, and data may take of this machine's.
OVERHEAD_MIB = 310
MEMORY_SHARE = 0.6
LAMBDA_WORKERS = 1000
SMALL_S = 0.002
# Of tasks that take so little one thread does as many as two would, which take turns at the interpreter.
SMALL_TASK_S = 0.0001
OnTile = Callable[[str, Index], None]
OnProgress = Callable[[int, int], object]


def worker_count(config: Config) -> int:
    """How many workers the settings ask for."""
    if config.workers is not None:
        return config.workers
    return cores() if config.local else LAMBDA_WORKERS


def worker_memory_bytes(config: Config) -> int:
    """What data may take in a worker: of a function its memory less the interpreter, else a share of the machine."""
    if config.local:
        if config.memory_mib is not None:
            return config.memory_mib << 20
        from ..store.memory import machine_nbytes

        return int(machine_nbytes() * MEMORY_SHARE / worker_count(config))
    mib = LAMBDA_MIB if config.memory_mib is None else config.memory_mib
    machine_there(config).functions.check_memory(mib)
    if mib <= OVERHEAD_MIB:
        raise ConfigError(f"memory_mib={mib} leaves nothing for data beside the {OVERHEAD_MIB} MiB of the interpreter")
    return (mib - OVERHEAD_MIB) << 20


class Launch:
    """A plan about to run: its store, its open arrays, and what to do as tasks finish.

    `budget` is what it may spend, where that is anything; `keep` are the arrays that are to stay in the store, even
    where they are of this process and nothing is to be computed.
    """

    budget: Budget | None

    def __init__(
        self, plan: Plan, objects: Mapping[str, Any], config: Config, keep: Collection[str] = frozenset()
    ) -> None:
        self.scratch, self.budget = open_scratch(config), None
        self.objects, self.config, self.keep = objects, config, frozenset(keep)
        self._given = plan
        self.plan = _with_uploads(plan, objects, config, self.keep)
        self.report = RunReport.of(plan, config.executor, worker_count(config), config)
        self._first = list(accumulate((p.task_count for p in plan.programs), initial=0))
        self._open: dict[str, ArrayIO] = {}
        self._outputs = frozenset(plan.outputs) & plan.written
        self._parts = plan.parts
        makes = [{self._placed(w.array, ())[0] for w in p.writes} for p in plan.programs]
        self._making = {n for n, names in enumerate(makes) if not self._outputs.isdisjoint(names)}

    def array(self, name: str) -> ArrayIO:
        """An array of the plan, open."""
        if name not in self._open:
            self._open[name] = open_array(self.plan.arrays[name], self.scratch, self.objects)
        return self._open[name]

    def tile(self, name: str, index: Index) -> np.ndarray:
        """A tile of an array of the plan."""
        spans = [c.span(i) for c, i in zip(self.plan.arrays[name].tiling.axes, index, strict=True)]
        return self.array(name).read(spans)

    def execute(self, on_tile: OnTile | None = None, on_progress: OnProgress | None = None) -> RunReport:
        """Run all tasks; `on_tile` is told once of each output tile, as soon as it is there."""
        begin = perf_counter()
        self.report.record.begin()
        try:
            if self.plan.programs:
                self._run(_Once(on_tile), on_progress)
            elif self._sent:
                with Marker(self.scratch, self.plan.key):
                    self._upload(self.there)
        except BaseException as error:
            self.report.fail(error)
            raise
        finally:
            self.report.seconds = perf_counter() - begin
        return self.report

    def _run(self, tiles: _Once, on_progress: OnProgress | None) -> None:
        from ..store.buffers import kept
        from .run import run

        there = self.there
        # Of memory for data a quarter may lie ready for the next read.
        spare = worker_memory_bytes(self.config) * worker_count(self.config) // 4 if self._is_here else 0
        with kept(spare), Marker(self.scratch, self.plan.key), closing(self._executor()) as executor:
            self._upload(there)
            run(
                self.plan,
                executor,
                config=self.config,
                budget=self.budget,
                exists=self._exists,
                release=self.drop,
                on_report=lambda report: self._on_report(report, tiles),
                on_progress=on_progress,
                resume=self.finished,
                statistics=self.report.counts,
            )
        for name in self._outputs:
            for index in self.plan.arrays[name].tiling.indices():
                tiles(name, index)

    @property
    def _is_here(self) -> bool:
        return self.config.executor == "threads"

    def _executor(self) -> Any:
        config = self.config
        if self._is_here:
            from .executors.threads import ThreadsExecutor

            return ThreadsExecutor(
                self.scratch,
                self.objects,
                workers=worker_count(config),
                memory_bytes=worker_memory_bytes(config),
                inline=self._is_small(),
            )
        if config.executor == "processes":
            from .executors.processes import ProcessesExecutor

            return ProcessesExecutor(
                self.scratch,
                workers=worker_count(config),
                memory_bytes=worker_memory_bytes(config),
                tasks=self.plan.task_count,
            )
        if config.executor == "lambda":
            from .executors.aws_lambda import LambdaExecutor

            return LambdaExecutor(config.function, config.region, config.store, worker_count(config), self.plan.key)
        raise ConfigError(f"executor={config.executor!r} makes no values; see lambdarray.simulate")

    def _is_small(self) -> bool:
        """Whether the calling thread alone has the plan done as soon as several would.

        Sources of other kinds may block, and users' functions take as long as they like.
        """
        plan = self.plan
        if plan.task_count <= 1:
            return True
        if self.scratch.durable or any(spec.location["kind"] == "zarr" for spec in plan.arrays.values()):
            return False
        if any(type(source) not in (np.ndarray, ResultArray) for source in self.objects.values()):
            return False
        if any(step.kernel == "call" for program in plan.programs for step in program.steps):
            return False
        longest = max(e.seconds for e in plan.estimates)
        pairs = zip(plan.programs, plan.estimates, strict=True)
        return longest <= SMALL_TASK_S or sum(p.task_count * e.seconds for p, e in pairs) <= SMALL_S

    def _exists(self, task: Task) -> bool:
        return all(self.array(name).exists(index) for name, index in task.outputs())

    def _on_report(self, report: TaskReport, tiles: _Once) -> None:
        stage = self.report.add(report)
        if stage is not None and stage in self._making and tiles.wanted:
            for name, index in self.plan.programs[stage].task(report.task - self._first[stage]).outputs():
                whole, place = self._placed(name, index)
                if whole in self._outputs:
                    tiles(whole, place)

    def _placed(self, name: str, index: Index) -> tuple[str, Index]:
        """The array whose tile a tile is, and which of its tiles."""
        if name not in self._parts:
            return name, index
        whole, at = self._parts[name]
        return whole, tuple([i + first for i, first in zip(index, at, strict=False)])

    @cached_property
    def _sent(self) -> list[str]:
        """The arrays of this process that it puts into the store."""
        return [name for name, spec in self.plan.arrays.items() if spec.location.get("upload")]

    def stores(self, name: str) -> bool:
        """Whether the run puts the array's tiles where they are: tasks write them, or this process sends them."""
        return name in self.plan.written or bool(self.plan.arrays[name].location.get("upload"))

    # -- what is there already

    @cached_property
    def there(self) -> dict[str, frozenset[Index]]:
        """The tiles that exist before the run, by array: one LIST of a durable store, none of a store in memory."""
        out = {}
        for name, spec in self.plan.arrays.items():
            if self.stores(name) and (spec.location["kind"] == "zarr" or self.scratch.durable):
                out[name] = frozenset(self.array(name).existing())
        return out

    @cached_property
    def finished(self) -> np.ndarray | None:
        """A mask over all tasks of those whose outputs exist; None where there are none."""
        there = self.there
        if not any(there.values()):
            return None
        out = np.zeros(self._first[-1], bool)
        for stage, program in enumerate(self.plan.programs):
            if any(there.get(w.array) for w in program.writes):
                for number in range(program.task_count):
                    made = program.task(number).outputs()
                    out[self._first[stage] + number] = all(index in there.get(name, ()) for name, index in made)
        return out

    def unfinished(self) -> list[int]:
        """The number of tasks of each stage whose outputs do not exist yet."""
        counts = [p.task_count for p in self.plan.programs]
        if self.finished is None:
            return counts
        return [n - int(self.finished[lo : lo + n].sum()) for lo, n in zip(self._first, counts, strict=False)]

    def _upload(self, there: Mapping[str, frozenset[Index]]) -> None:
        from .upload import upload

        for name in self._sent:
            source = open_array(self._given.arrays[name], self.scratch, self.objects)
            upload(source, self.array(name), there.get(name, frozenset()))

    # -- what goes

    def drop(self, name: str, index: Index) -> None:
        """Let a store in memory forget a tile that nothing will read."""
        if not self.scratch.durable and self.plan.arrays[name].location["kind"] == "tiles":
            self.array(name).delete(index)

    def forget(self) -> None:
        """Delete the plan's scratch, except the arrays to keep."""
        for name, spec in self.plan.arrays.items():
            is_kept = name in self.keep or spec.location.get("whole") in self.keep
            if self.stores(name) and spec.location["kind"] == "tiles" and not is_kept:
                self.scratch.delete_prefix(spec.location["prefix"])


class _Once:
    """Tells of each output tile once."""

    def __init__(self, on_tile: OnTile | None) -> None:
        self.wanted, self._seen = on_tile, set[tuple[str, Index]]()

    def __call__(self, name: str, index: Index) -> None:
        if self.wanted is not None and (name, index) not in self._seen:
            self._seen.add((name, index))
            self.wanted(name, index)


def open_scratch(config: Config) -> TileStore:
    """The store for tiles between tasks: memory is one process's own, so that several have files in its place."""
    if config.executor == "processes" and config.store.startswith("memory:"):
        from ..store.shared import shared_place

        return shared_place().store(config.store)
    return open_store(config.store)


def _with_uploads(plan: Plan, objects: Mapping[str, Any], config: Config, keep: frozenset[str]) -> Plan:
    """The plan with arrays of this process as tiles in the scratch store, where they are to stay or workers need them.

    What was persisted in memory goes to processes of this machine; to functions it would have to be sent.
    """
    from .functions import place_of

    if config.executor != "threads":
        sent = keep | plan.read
    elif not config.store.startswith("memory:"):
        sent = keep
    else:
        return plan

    def is_here(location: Mapping[str, Any]) -> bool:
        persisted = str(location.get("store", "")).startswith("memory:")
        return location["kind"] == "object" or (config.local and persisted)

    def place(name: str, location: Mapping[str, Any]) -> str:
        source = objects[location["token"]] if location["kind"] == "object" else None
        return f"{plan.key[:2]}/{plan.key}/{place_of(name, source)}"

    return plan.moved(
        {
            name: {"kind": "tiles", "prefix": place(name, spec.location), "upload": True}
            for name, spec in plan.arrays.items()
            if name in sent and is_here(spec.location)
        }
    )
