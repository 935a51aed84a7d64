"""What computing would do and cost, in figures and as text; `explain_html` shows it in notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf
from numbers import Integral
from typing import Any

from ..config import Config, get_purse
from ..cost import ARCHITECTURES, Machine, of_architecture
from ..cost.quote import Quote
from ..errors import ConfigError, MemoryLimitError
from ..ops import Op
from ..planner import Resources
from ..planner.estimate import plan_totals
from ..planner.traffic import Requests, requests
from ..runtime.launch import LAMBDA_WORKERS, worker_count
from ..task import Plan
from .choices import choices
from .compute import resources
from .explain_text import as_text
from .markup import bytes_text
from .memory_sizes import best_memory, by_memory
from .objective import Candidate, Choice, candidate, choose
from .pricing import dollars_text, quote_here, quote_there, seconds_text


@dataclass(frozen=True)
class Explanation:
    """A plan in words and figures: stages, bytes, requests, seconds, and the price on Lambda.

    `found_there` is the plan for functions, which is another one where the settings' executor is of this machine;
    `choice` says why there are so many workers; `sweep` are the plans for other numbers of workers; `ops` is what is
    planned, and `left_dollars` what was left of the budget then.
    """

    plan: Plan
    config: Config
    workers: int
    found_there: Candidate | None = None
    choice: Choice | None = None
    sweep: tuple[Candidate, ...] = ()
    more_notes: tuple[str, ...] = ()
    ops: tuple[Op, ...] = field(default=(), repr=False)
    left_dollars: float = inf

    # -- the plan

    @property
    def tasks(self) -> int:
        """Tasks of all stages."""
        return self.plan.task_count

    @cached_property
    def _total(self) -> tuple[float, int, int]:
        return plan_totals(self.plan)

    @property
    def flops(self) -> float:
        """Floating-point operations."""
        return self._total[0]

    @property
    def bytes_read(self) -> int:
        """Bytes that tasks read."""
        return self._total[1]

    @property
    def bytes_written(self) -> int:
        """Bytes that tasks write."""
        return self._total[2]

    @cached_property
    def least_bytes(self) -> float:
        """The fewest bytes that so many workers can move for it (see `algorithms.bounds`)."""
        from ..algorithms.bounds import least_bytes

        return least_bytes(self.plan, self.resources.memory_bytes, self.workers)

    @property
    def bytes_ratio(self) -> float:
        """Bytes read and written over the fewest that are possible."""
        return (self.bytes_read + self.bytes_written) / self.least_bytes if self.least_bytes else 1.0

    @property
    def resources(self) -> Resources:
        """What the plan was made for."""
        return resources(replace(self.config, workers=self.workers))

    @cached_property
    def requests(self) -> Requests:
        """GETs and PUTs if every tile goes through a store."""
        asked = [requests(p) for p in self.plan.programs]
        columns = [(r.gets, r.puts, r.gets_of_task, r.puts_of_task) for r in asked] or [(0, 0, 0, 0)]
        gets, puts, most_gets, most_puts = zip(*columns, strict=True)
        return Requests(sum(gets), sum(puts), max(most_gets), max(most_puts))

    @property
    def invocations(self) -> int:
        """Invocations of functions, about: small tasks share one."""
        return self.there.quote.invocations

    @property
    def peak_bytes(self) -> int:
        """The most that a task holds."""
        return max((e.peak_bytes for e in self.plan.estimates), default=0)

    # -- what it takes

    @cached_property
    def here(self) -> Quote | None:
        """On this machine, where the settings' executor is of this machine."""
        return quote_here(self.plan, self.config, self.workers) if self.config.local else None

    @cached_property
    def there(self) -> Candidate:
        """On functions: the plan that they would get, and what it would cost."""
        workers = LAMBDA_WORKERS if self.config.local else self.workers
        return self.found_there or Candidate(workers, self.plan, self.quote(workers=workers, results=True))

    def quote(
        self,
        machine: Machine | None = None,
        workers: int | None = None,
        memory_mib: int | None = None,
        *,
        results: bool = False,
    ) -> Quote:
        """What this plan would cost on other workers; by default on functions as the settings have them."""
        if machine is not None and not machine.remote:
            return quote_here(self.plan, self.config, workers)
        back = self.plan.outputs if results else ()
        workers, mib = workers or self.workers, memory_mib or None
        return quote_there(self.plan, self.config, workers, machine=machine, memory_mib=mib, results=back)

    @property
    def configured(self) -> Quote:
        """With the settings' executor and workers."""
        return self.here or self.there.quote

    @property
    def seconds(self) -> float:
        """Until all is computed and stored, with the settings' executor and workers: an estimate."""
        return self.configured.seconds_before_results

    @property
    def critical_s(self) -> float:
        """The longest chain of tasks that need one another's tiles: no number of workers is faster."""
        return self.configured.critical_s

    @property
    def dollars(self) -> float:
        """On Lambda: compute, requests, storage while it runs, reads from other regions."""
        return self.there.dollars

    @property
    def egress_dollars(self) -> float:
        """What results cost on their way out of AWS, where they come back to this process."""
        return self.there.quote.egress_dollars

    @cached_property
    def dollars_by_architecture(self) -> dict[str, float]:
        """On Lambda, by the functions' processor."""
        plan, config, mine = self.there.plan, on_functions(self.config), self.there.quote.machine
        found = {mine.functions.architecture: self.dollars}
        for machine in map(of_architecture, ARCHITECTURES):
            if machine.functions.architecture not in found:
                quote = quote_there(plan, config, self.there.workers, machine=machine)
                found[machine.functions.architecture] = quote.dollars
        return {name: found[name] for name in ARCHITECTURES}

    @cached_property
    def by_memory(self) -> list[Candidate]:
        """Plans for functions of other memory, and of the memory that there is, of all that hold the tasks."""
        there, config = self.there, replace(on_functions(self.config), workers=self.there.workers)
        return by_memory(self.ops, config, there.plan, there.workers, there.quote.machine)

    @property
    def memory_mib(self) -> int | None:
        """The memory of functions that would be best within budget and deadline; None where no size is within them."""
        found = best_memory(self)
        return None if found is None else found.quote.memory_mib

    @cached_property
    def choices(self) -> list[tuple[str, str]]:
        """What the planner chose, each with the reason."""
        return choices(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say."""
        return (*self.plan.notes, *self.more_notes)

    def __str__(self) -> str:
        return as_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .explain_html import page

        return page(self)


def on_functions(config: Config) -> Config:
    """The settings, with functions in place of workers of this machine."""
    if not config.local:
        return config
    return replace(config, executor="lambda", store="s3://bucket/scratch", workers=None, memory_mib=None)


def explanation(ops: Sequence[Op], config: Config, workers: Any = None) -> Explanation:
    """Explain ops under these settings; `workers` are numbers of functions, one or several to compare."""
    counts = _counts(workers)
    if counts and not config.local:
        config = replace(config, workers=counts[0])
    choice = choose(ops, config)
    config, notes = choice.config, [] if choice.problem is None else [str(choice.problem)]
    found = candidate(ops, config, worker_count(config))
    if config.local:
        there, more = _there(ops, config, found.plan, counts[0] if counts else LAMBDA_WORKERS)
    else:
        there, more = found, _over_budget(config, found)
    sweep = tuple(candidate(ops, on_functions(config), count) for count in counts) if len(counts) > 1 else ()
    told, left = (*notes, *more), get_purse().left_dollars
    return Explanation(found.plan, config, found.workers, there, choice, sweep, told, tuple(ops), left)


def _counts(workers: Any) -> list[int]:
    """The numbers of functions that are asked for."""
    if workers is None:
        return []
    several = isinstance(workers, Iterable) and not isinstance(workers, str)
    counts = list(workers) if several else [workers]
    if not counts or any(not isinstance(n, Integral) or isinstance(n, bool) or n < 1 for n in counts):
        raise ConfigError(f"workers={workers!r} has to be a number of workers, at least 1, or several to compare")
    return [int(n) for n in counts]


def _there(ops: Sequence[Op], config: Config, plan: Plan, workers: int) -> tuple[Candidate, list[str]]:
    """What functions would do in place of this machine, by a plan for them; by that for here where none fits them."""
    try:
        return candidate(ops, on_functions(config), workers), []
    except MemoryLimitError as error:
        quote = quote_there(plan, config, workers, results=plan.outputs)
        return Candidate(workers, plan, quote), [f"on Lambda it would have to be cut otherwise: {error}"]


def _over_budget(config: Config, found: Candidate) -> list[str]:
    left = get_purse().left_dollars
    if config.max_dollars is None or found.quote.dollars <= left:
        return []
    return [f"max_dollars={config.max_dollars:g}, of which ${dollars_text(left)} is left, would refuse this run"]


def price(plan: Plan, config: Config, workers: int) -> str:
    """What a plan would take, in half a line."""
    here = f"about {seconds_text(quote_here(plan, config, workers).seconds)} here, and " if config.local else ""
    dollars = quote_there(plan, config, None if config.local else workers).dollars
    tasks = f"{plan.task_count:,} task" + "s" * (plan.task_count != 1)
    read = bytes_text(plan_totals(plan)[1])
    return f"{tasks} that read {read}: {here}${dollars_text(dollars)} on Lambda"
