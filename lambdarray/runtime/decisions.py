"""What the scheduler is told and what it decides: the policy, the decisions, and the counts for the report."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from ..config import Config
from ..tiling import Index

if TYPE_CHECKING:
    from .budget import Budget
    from .executors import Attempt


@dataclass(frozen=True, slots=True)
class Policy:
    """How a run deals with failure, small tasks and stragglers; all times in seconds.

    workers            bundles that run at once, where an executor lets others wait for them
    together           workers that share what they read
    retries            attempts after the first that a task may have, whatever they are for; one that ended with a
                       worker of several tasks is not counted
    task_timeout_s     how long an attempt may take; `grace` more, as a share, until it counts as lost
    bundle_s           predicted work that one worker is given at once, at most
    first_bundle_s     the same of a worker that has not been heard of yet: it may be long in starting
    bundle_tasks       tasks that one worker is given at once, at most
    tasks_in_flight    tasks that all workers hold together, about: each costs this process half a kilobyte
    urgent_first       whether the tasks with the longest way to go start first, even if others would let go of tiles
    speculate          whether stragglers are started a second time where workers are idle
    straggler_floor_s  nothing that has run for less is a straggler
    speculative_share  second attempts in flight, at most, as a share of the capacity (one is always allowed)
    backoff_s          before the first retry; doubles with each, up to `backoff_max_s`, and is jittered
    stall_s            how long a run may be refused by its executor with nothing finished
    budget             what the run may spend; None: nothing is counted
    """

    workers: float = inf
    together: int = 1
    retries: int = 4
    task_timeout_s: float = 870.0
    grace: float = 0.05
    bundle_s: float = 300.0
    first_bundle_s: float = inf
    bundle_tasks: int = 256
    tasks_in_flight: int = 65_536
    urgent_first: bool = False
    speculate: bool = True
    straggler_floor_s: float = 2.0
    speculative_share: float = 0.25
    backoff_s: float = 0.1
    backoff_max_s: float = 20.0
    stall_s: float = 300.0
    budget: Budget | None = None

    @classmethod
    def of(cls, config: Config, executor: Any = None, budget: Budget | None = None) -> Policy:
        """The policy of a configuration and of what an executor says of itself (see `Executor`)."""
        return cls(
            workers=getattr(executor, "workers", inf),
            together=getattr(executor, "together", 1),
            retries=config.retries,
            task_timeout_s=config.task_timeout_s,
            bundle_s=min(config.bundle_s, getattr(executor, "bundle_s", config.bundle_s)),
            first_bundle_s=getattr(executor, "first_bundle_s", inf),
            urgent_first=getattr(executor, "urgent_first", False),
            speculate=config.speculate and getattr(executor, "speculate", True),
            budget=budget,
        )


class Launch(NamedTuple):
    """Give these attempts, tasks of one stage, to one worker."""

    attempts: list[Attempt]


class Release(NamedTuple):
    """No task will read this tile again."""

    array: str
    tile: Index


class Probe(NamedTuple):
    """Look whether the outputs of this task exist, and say so to `Scheduler.probed`."""

    task: int
    attempt: int
    final: bool


class Cancel(NamedTuple):
    """These tasks are done; attempts still at work on them are of no use."""

    tasks: list[int]


Decision = Launch | Release | Probe | Cancel


@dataclass(slots=True)
class Statistics:
    """Counts over a run.

    attempts     attempts launched, without those that were throttled
    bundles      launches
    retries      attempts launched because one failed or was lost
    speculated   second attempts of stragglers
    failed       attempts that reported an error
    lost         attempts that were overdue or whose connection broke
    throttled    attempts that the executor refused to start
    duplicates   results that came second and were discarded
    ignored      reports of attempts that had been given up or had reported before
    resumed      tasks that did not have to run because their outputs exist or nobody needs them
    """

    attempts: int = 0
    bundles: int = 0
    retries: int = 0
    speculated: int = 0
    failed: int = 0
    lost: int = 0
    throttled: int = 0
    duplicates: int = 0
    ignored: int = 0
    resumed: int = 0
