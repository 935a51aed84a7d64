"""Executors start attempts and hand back reports; they know no plan and no policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...task import Task, TaskReport


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task.

    `id` is the task's id in the plan, `number` counts its attempts from 0, `deadline_s` is the number of
    seconds that the attempt may take once a worker has begun it.
    """

    task: Task
    id: int
    number: int = 0
    deadline_s: float = 870.0


class Executor(Protocol):
    """Starts attempts somewhere and hands back their reports: late, twice or never, as it may be.

    `capacity` is how many bundles it can hold at once, started or waiting for a worker. It may also say, as plain
    attributes, `workers` (how many bundles run at once while the others wait), `together` (how many workers share what
    they read), `bundle_s` (the longest bundle that it has a use for), `first_bundle_s` (the same of a worker that may
    still have to be started), `urgent_first` (tiles that wait take no memory of workers), `speculate` (False: a second
    attempt beside a slow one gains nothing) and `clock` (its own clock, where that is not the machine's).
    """

    capacity: int

    def start(self, bundle: Sequence[Attempt]) -> None:
        """Give one worker these attempts, to run in order."""

    def wait(self, timeout_s: float | None) -> list[TaskReport]:
        """All reports there are; block until there is one or `timeout_s` is over (None: no limit)."""

    def cancel(self, ids: Sequence[int]) -> None:
        """Forget these task ids where they have not begun, and end them early where that can be done."""

    def close(self) -> None:
        """Let go of workers and connections; attempts that have not begun never begin."""
