"""A store of tiles without data: it holds which tiles exist, and that no task begins before its inputs do."""

from __future__ import annotations

from collections import Counter
from itertools import product

from lambdarray.runtime.dependencies import Dependencies
from lambdarray.runtime.executors import Attempt
from lambdarray.task import Plan, Task
from lambdarray.tiling import Index

Tile = tuple[str, Index]


class World:
    """`effect` is the work of an attempt. `puts` counts the tiles that were made, `released` those let go."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.deps = plan, Dependencies(plan)
        self.tiles: set[Tile] = set()
        self.puts: Counter[Tile] = Counter()
        self.released: Counter[Tile] = Counter()
        self.attempts: Counter[int] = Counter()
        self.too_early: list[str] = []

    def inputs(self, task: Task) -> set[Tile]:
        """The tiles of the plan's own that a task reads."""
        number = self.plan.programs.index(task.program)
        return {
            (edge.array, tile)
            for edge in self.deps.reads[number]
            for tile in product(*(range(*span) for span in edge.tiles(task.index)))
        }

    def effect(self, attempt: Attempt) -> None:
        task = attempt.task
        self.attempts[attempt.id] += 1
        missing = self.inputs(task) - self.tiles
        if missing and missing - set(self.released):
            self.too_early.append(task.name)
        if missing:
            raise FileNotFoundError(f"{task.name} lacks {sorted(missing)[0]}")
        for tile in task.outputs():
            if tile not in self.tiles:
                self.tiles.add(tile)
                self.puts[tile] += 1

    def exists(self, task: Task) -> bool:
        return all(tile in self.tiles for tile in task.outputs())

    def release(self, array: str, tile: Index) -> None:
        self.released[array, tile] += 1
        self.tiles.discard((array, tile))

    @property
    def wanted(self) -> set[Tile]:
        """The tiles of the plan's outputs."""
        return {(name, i) for name in self.plan.outputs for i in self.plan.arrays[name].tiling.indices()}
