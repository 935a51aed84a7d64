"""Attempts that differ in the last bit never mix in one object.

An object (a tile, or a structured partial result) is put whole by the attempt that comes first, and no other attempt
changes it. A task that owns several objects may leave some of one attempt and some of another: each was made from the
same inputs, and what has to agree with itself (a value and its index; a count, a mean and its squares) is one object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from lambdarray_kernels import kernel

import lambdarray as la
from lambdarray.errors import StoreError
from lambdarray.ops import ObjectSource, in_order
from lambdarray.planner import Resources, make_plan
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors import Attempt
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.executors.threads import ThreadsExecutor
from lambdarray.runtime.run import run
from lambdarray.runtime.worker import Worker
from lambdarray.store import open_array
from lambdarray.store.base import TileStore
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import WrapperStore
from lambdarray.task import Plan, Program, Step, Task
from lambdarray.tiling import Index

from .expressions import ALL, FACTORISATIONS

ATTEMPTS = 12
FAULTS = Faults(fail=0.35, lost=0.03, unknown=0.05, twice=0.3, straggle=0.2, straggle_s=0.1, spare_from=6)

pytestmark = pytest.mark.timeout(60)


@kernel(flops=lambda *shapes, **_: 0, name="nudge")
def nudge(values: np.ndarray, by: int) -> np.ndarray:
    """The array with the last bits of its floating-point numbers changed, differently for each `by`.

    No processor rounds integers, which stand in arrays of numbers bit by bit and look like subnormal ones.
    """
    out = values.copy()
    for part in [out] if out.dtype.names is None else [out[name] for name in out.dtype.names]:
        if part.dtype == np.float64:
            changed = (np.ascontiguousarray(part).view(np.int64) ^ by).view(np.float64)
            part[...] = np.where(np.abs(part) < np.finfo(part.dtype).tiny, part, changed)
    return out


def nudged(program: Program, by: int) -> Program:
    """The program of an attempt whose processor rounds in its own way: all that it writes is nudged."""
    steps = [Step("nudge", (f"{w.register} nudged",), (w.register,), {"by": by}) for w in program.writes]
    unique = {step.outs: step for step in steps}.values()
    writes = tuple(replace(w, register=f"{w.register} nudged") for w in program.writes)
    return replace(program, steps=(*program.steps, *unique), writes=writes)


class DifferingExecutor:
    """Has every attempt but a task's first compute something that differs in the last bits."""

    speculate = False

    def __init__(self, inner: ThreadsExecutor) -> None:
        self.inner = inner
        self._programs: dict[tuple[Program, int], Program] = {}

    @property
    def numbers(self) -> set[int]:
        """The attempts beyond the first that there were."""
        return {number for _, number in self._programs}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def start(self, bundle: Sequence[Attempt]) -> None:
        self.inner.start([replace(a, task=self.changed(a.task, a.number)) for a in bundle])

    def changed(self, task: Task, number: int) -> Task:
        if number == 0:
            return task
        key = task.program, number
        if key not in self._programs:
            self._programs[key] = nudged(*key)
        return replace(task, program=self._programs[key])


class Keeping(WrapperStore):
    """Keeps a copy of every object as it was first put."""

    def __init__(self, store: TileStore) -> None:
        super().__init__(store)
        self.kept: dict[str, np.ndarray] = {}

    def put(self, key: str, tile: np.ndarray) -> bool:
        copy = np.array(tile)
        created = self.store.put(key, tile)
        if created:
            self.kept.setdefault(key, copy)
        return created


class LosingPuts(WrapperStore):
    """Fails some of the first puts of each key: half before the object is there, half after."""

    def __init__(self, store: TileStore, seed: int) -> None:
        super().__init__(store)
        self.seed, self._asked = seed, Counter[str]()

    def put(self, key: str, tile: np.ndarray) -> bool:
        self._asked[key] += 1
        drawn = Random(f"{self.seed} {key} {self._asked[key]}").random() if self._asked[key] < 4 else 1.0
        if drawn < 0.2:
            raise StoreError(f"the put of {key} failed, as it was told to")
        created = self.store.put(key, tile)
        if drawn < 0.4:
            raise StoreError(f"the answer to the put of {key} was lost, as it was told to be")
        return created


class Replay(WrapperStore):
    """Reads what was kept; takes what is put."""

    def __init__(self, kept: Mapping[str, np.ndarray]) -> None:
        super().__init__(MemoryStore())
        for key, tile in kept.items():
            self.store.put(key, np.array(tile))
        self.made: dict[str, np.ndarray] = {}

    def put(self, key: str, tile: np.ndarray) -> bool:
        self.made[key] = np.array(tile)
        return True


class Disturbed:
    """A plan run to its end while attempts differ, fail and are doubled, and puts fail in between."""

    def __init__(self, name: str, store: TileStore, seed: int) -> None:
        array, self.expected = (ALL | FACTORISATIONS)[name]()
        ops = [array._op]
        sources = (op for op in in_order(ops) if isinstance(op, ObjectSource))
        tokens = {op.token: str(n) for n, op in enumerate(sources)}
        self.plan: Plan
        self.plan, self.objects = make_plan(ops, Resources(2, 1 << 30, remote=True), tokens=tokens)
        self.keeping = Keeping(store)
        self.results: dict[Index, np.ndarray] = {}
        self._run(LosingPuts(self.keeping, seed), seed)

    def _run(self, scratch: TileStore, seed: int) -> None:
        threads = ThreadsExecutor(scratch, self.objects, workers=2)
        self.executor = DifferingExecutor(threads)
        arrays = {name: open_array(spec, self.keeping, self.objects) for name, spec in self.plan.arrays.items()}
        run(
            self.plan,
            FlakyExecutor(self.executor, seed, FAULTS),
            policy=Policy(retries=ATTEMPTS - 1, task_timeout_s=0.25, backoff_s=0.01, speculate=False),
            exists=lambda task: all(arrays[name].exists(index) for name, index in task.outputs()),
            release=lambda name, index: None if scratch.durable else arrays[name].delete(index),
        )
        threads.close()
        (output,) = self.plan.outputs
        spans = [(0, n) for n in self.plan.arrays[output].tiling.shape]
        self.result = np.array(arrays[output].read(spans))

    def made_by(self) -> dict[str, set[int]]:
        """For each object the numbers of the attempts that make exactly it from the inputs that there are."""
        return {
            key: found for p in self.plan.programs for n in range(p.task_count) for key, found in self._of(p.task(n))
        }

    def _of(self, task: Task) -> list[tuple[str, set[int]]]:
        found: dict[str, set[int]] = {self.key(*tile): set() for tile in task.outputs()}
        for number in range(ATTEMPTS):
            for key, tile in self._replayed(self.executor.changed(task, number)).items():
                if tile.tobytes() == self.keeping.kept[key].tobytes():
                    found[key].add(number)
        return list(found.items())

    def _replayed(self, task: Task) -> dict[str, np.ndarray]:
        store = Replay(self.keeping.kept)
        worker = Worker(store, self.objects)
        report = worker.run(Attempt(task, 0))
        worker.close()
        assert report.status == "done", report.error
        return store.made

    def can_differ(self, key: str) -> bool:
        """Whether attempts at an object differ at all."""
        tile = self.keeping.kept[key]
        return nudge(tile, 1).tobytes() != tile.tobytes()

    def key(self, name: str, index: Index) -> str:
        prefix = self.plan.arrays[name].location["prefix"]
        return f"{prefix}/{'.'.join(map(str, index)) or '0'}"


def make_store(kind: str, folder: Path) -> TileStore:
    return MemoryStore() if kind == "memory" else DirectoryStore(folder / "scratch")


@pytest.mark.parametrize("kind", ["memory", "directory"])
@pytest.mark.parametrize("name", ALL)
def test_every_object_is_one_attempts_whole_output(name: str, kind: str, tmp_path: Path) -> None:
    ran = Disturbed(name, make_store(kind, tmp_path), seed=len(name))
    np.testing.assert_allclose(ran.result, ran.expected, rtol=1e-10, atol=1e-10)
    makers = ran.made_by()
    assert makers.keys() == ran.keeping.kept.keys()
    assert all(makers.values()), {key for key, found in makers.items() if not found}
    for key, maker in makers.items():
        assert len(maker) == 1 or not ran.can_differ(key), f"{key} does not tell its attempts apart"


@pytest.mark.parametrize("name", FACTORISATIONS)
def test_what_a_factorisation_makes_of_attempts_that_differ_agrees_with_itself(name: str, tmp_path: Path) -> None:
    ran = Disturbed(name, make_store("directory", tmp_path), seed=len(name))
    np.testing.assert_allclose(ran.result, ran.expected, rtol=1e-10, atol=1e-10)
    assert ran.executor.numbers


def test_retries_did_make_objects_that_differ(tmp_path: Path) -> None:
    ran = Disturbed("product_whose_tasks_own_several_tiles", make_store("directory", tmp_path), seed=1)
    assert {number for found in ran.made_by().values() for number in found} >= {0, 1}


def test_the_tiles_of_one_task_may_be_of_two_attempts_and_each_is_whole(tmp_path: Path) -> None:
    name, mixed = "product_whose_tasks_own_several_tiles", 0
    for seed in range(3):
        ran = Disturbed(name, make_store("directory", tmp_path / str(seed)), seed)
        makers = ran.made_by()
        for program in ran.plan.programs:
            for n in range(program.task_count):
                mixed += len({min(makers[ran.key(*tile)]) for tile in program.task(n).outputs()}) > 1
        np.testing.assert_allclose(ran.result, ran.expected, rtol=1e-10, atol=1e-10)
    assert mixed > 0


@pytest.mark.parametrize("kind", ["mean", "var", "argmin"])
def test_what_must_agree_with_itself_is_one_object(kind: str) -> None:
    x = la.random.default_rng(0).standard_normal((4000, 300), chunks=(1000, 300))
    plan = la.plan(getattr(x, kind)(axis=0))
    first = plan.programs[0]
    (write,) = first.writes
    assert plan.arrays[write.array].dtype.names is not None
    assert len(first.task(0).outputs()) == 1
