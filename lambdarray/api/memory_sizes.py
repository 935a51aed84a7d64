"""Functions of other memory than those that are there: what the same expression would take on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from ..config import Config
from ..cost import Machine
from ..errors import ConfigError, MemoryLimitError
from ..ops import Op
from ..task import Plan
from .objective import MANY_STAGES, Candidate, best, candidate, priced

if TYPE_CHECKING:
    from .explain import Explanation

# Half a core, one, two, three and four.
CORES = (0.5, 1, 2, 3, 4)


def memories(machine: Machine) -> list[int]:
    """The sizes to look at, in MiB: some cores, and all that a function may have.

    >>> from lambdarray.cost import profile
    >>> memories(profile("lambda-x86_64"))
    [885, 1769, 3538, 5307, 7076, 10240]
    """
    f = machine.functions
    sizes = [ceil(cores * f.mib_per_core) for cores in CORES]
    return [*(mib for mib in sizes if f.least_mib <= mib < f.most_mib), int(f.most_mib)]


def by_memory(ops: Sequence[Op], config: Config, plan: Plan, workers: int, machine: Machine) -> list[Candidate]:
    """A plan for each size whose functions hold its tasks; of many stages one plan for all, as `plan` is."""
    found = []
    for mib in memories(machine):
        there = replace(config, memory_mib=mib)
        try:
            if not ops or len(plan.programs) > MANY_STAGES:
                if _holds(plan, there):
                    found.append(priced(plan, there, workers, True))
            else:
                found.append(candidate(ops, there, workers))
        except (MemoryLimitError, ConfigError):
            continue
    return found


def _holds(plan: Plan, config: Config) -> bool:
    from ..runtime.launch import worker_memory_bytes

    return max((e.peak_bytes for e in plan.estimates), default=0) <= worker_memory_bytes(config)


def best_memory(found: Explanation) -> Candidate | None:
    """The size that the objective asks for, within the budget and the deadline; None where no plan is."""
    return best(found.by_memory, found.config.objective, found.left_dollars, found.config.deadline)
