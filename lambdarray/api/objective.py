"""What the settings leave to the planner: how many functions to use, for the least time or the fewest dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from ..config import Config, get_purse
from ..cost.best import nearly_least
from ..cost.quote import Quote
from ..errors import BudgetError, ConfigError, LambdarrayError, MemoryLimitError
from ..ops import Op
from ..planner import make_plan
from ..runtime.launch import worker_count
from ..task import Plan
from .compute import resources
from .pricing import dollars_text, quote_here, quote_there, seconds_text

# Plans within this share of the best are as good; the second figure decides.
NEAR = 1.01
MANY_STAGES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan for so many workers, and what it would cost."""

    workers: int
    plan: Plan
    quote: Quote

    @property
    def seconds(self) -> float:
        """Until all is computed and stored: what comes back afterwards is the same for all."""
        return self.quote.seconds_before_results

    @property
    def dollars(self) -> float:
        """Without results that come back."""
        return self.quote.dollars_before_results

    def is_within(self, dollars: float, deadline: float | None) -> bool:
        """Whether it is within both limits, results and all."""
        return self.quote.dollars <= dollars and (deadline is None or self.quote.seconds <= deadline)


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings with the number of workers that was chosen, the reason, and why no choice is good enough."""

    config: Config
    reason: str
    problem: LambdarrayError | None = None
    candidates: Sequence[Candidate] = ()


def candidate(ops: Sequence[Op], config: Config, workers: int, results: bool = True) -> Candidate:
    """The plan for so many workers."""
    config = replace(config, workers=workers)
    return priced(make_plan(ops, resources(config))[0], config, workers, results)


def priced(plan: Plan, config: Config, workers: int, results: bool) -> Candidate:
    """A plan with what it costs on so many workers."""
    if config.local:
        return Candidate(workers, plan, quote_here(plan, config, workers))
    back = plan.outputs if results else ()
    return Candidate(workers, plan, quote_there(plan, config, workers, results=back))


def choose(ops: Sequence[Op], config: Config, results: bool = True) -> Choice:
    """How many workers to use. Plans are made for it only where a budget, a deadline or an objective asks for that.

    The fastest within the budget and the deadline, or with objective="dollars" the cheapest.
    """
    most = worker_count(config)
    asked = config.deadline is not None or config.objective != "time" or config.max_dollars is not None
    if config.local and config.deadline is None:
        given = "as it was given" if config.workers else "this machine's cores"
        return Choice(config, f"{most}: {given}")
    if not asked:
        given = (
            "as it was given" if config.workers else "as many as an account has at once, unless it is told otherwise"
        )
        return Choice(config, f"up to {most:,}: {given}")
    counts = [most] if config.workers or config.local else counts_below(most)
    made = _candidates(ops, config, counts, results)
    if len(counts) > 1 and len(made[0].plan.programs) <= MANY_STAGES:
        # Just as many workers as a plan has tasks at once: with one less they take two turns.
        exact = {max((p.task_count for p in c.plan.programs), default=0) for c in made} - {*counts, 0}
        made += _candidates(ops, config, sorted(n for n in exact if n < most), results, required=False)
    left = inf if config.local else get_purse().left_dollars
    found = best(made, config.objective, left, config.deadline)
    if found is None:
        cheapest = min(made, key=lambda c: (c.dollars, c.seconds))
        chosen = cheapest if len(counts) > 1 else made[0]
        problem = _problem(made, config, left)
        return Choice(replace(config, workers=chosen.workers), f"{chosen.workers:,}: the cheapest", problem, made)
    chosen_config = config if len(counts) == 1 else replace(config, workers=found.workers)
    return Choice(chosen_config, _reason(found, made, config, left), None, made)


def counts_below(most: int) -> list[int]:
    """Numbers of workers to look at, each half of the one before.

    >>> counts_below(1000)
    [1000, 500, 250, 125, 63, 32, 16, 8, 4, 2, 1]
    """
    out = [most]
    while out[-1] > 1:
        out.append(-(-out[-1] // 2))
    return out


def _candidates(
    ops: Sequence[Op], config: Config, counts: Sequence[int], results: bool, required: bool = True
) -> list[Candidate]:
    """A plan for each number of workers that fits them; of many stages one plan for all, since it takes long to make.

    The stages of such a plan are those of a factorisation, whose tasks are its tiles whatever the workers.
    """
    made: list[Candidate] = []
    failure: MemoryLimitError | None = None
    for workers in counts:
        try:
            if made and len(made[0].plan.programs) > MANY_STAGES:
                made.append(priced(made[0].plan, config, workers, results))
            else:
                made.append(candidate(ops, config, workers, results))
        except MemoryLimitError as error:
            failure = error
    if not made and failure is not None and required:
        raise failure
    return made


def best(
    made: Sequence[Candidate], objective: str, most_dollars: float, deadline: float | None = None
) -> Candidate | None:
    """The best of those that are within both limits, None where none is."""
    within = [c for c in made if c.is_within(most_dollars, deadline)]
    if not within:
        return None
    return nearly_least(within, objective, NEAR)


def _problem(made: Sequence[Candidate], config: Config, left: float) -> LambdarrayError | None:
    """What is wrong with a deadline that no plan meets; a budget is looked at when it is known what is left to do."""
    deadline, fastest = config.deadline, min(made, key=lambda c: (c.seconds, c.dollars))
    if deadline is None:
        return None
    if fastest.quote.seconds > deadline:
        return ConfigError(
            f"deadline={deadline:g} s cannot be met: the fastest plan takes about {_told(fastest)}"
            f"{_coming_back(fastest)}; allow more time, or more workers=, or cut the arrays into more chunks"
        )
    cheapest = min((c for c in made if c.is_within(inf, deadline)), key=lambda c: (c.dollars, c.seconds))
    return BudgetError(
        f"no plan is within both deadline={deadline:g} s and max_dollars={config.max_dollars or 0.0:g}, of which "
        f"${dollars_text(left)} is left: the cheapest in time takes about {_told(cheapest)}, and the cheapest of all "
        f"{_told(min(made, key=lambda c: c.dollars))}",
        left_dollars=left,
        needed_dollars=cheapest.dollars,
    )


def _reason(found: Candidate, made: Sequence[Candidate], config: Config, left: float) -> str:
    what = "cheapest" if config.objective == "dollars" else "fastest"
    limits = [f"deadline={config.deadline:g} s"] if config.deadline is not None else []
    limits += [f"max_dollars={config.max_dollars:g}"] if config.max_dollars is not None else []
    within = f" within {' and '.join(limits)}" if limits else ""
    others = [c for c in made if c is not found]
    told = f"{seconds_text(found.seconds)}{_price(found.dollars)} on up to {found.workers:,} workers"
    if not others:
        return f"{told}, as it was given,{within}" if within else f"{told}, as it was given"
    fastest, cheapest = min(others, key=lambda c: c.seconds), min(others, key=lambda c: c.dollars)
    return (
        f"{told}: the {what}{within}; of {len(others)} other plans the fastest takes {seconds_text(fastest.seconds)}"
        f"{_price(fastest.dollars)} on {fastest.workers:,}, the cheapest {seconds_text(cheapest.seconds)}"
        f"{_price(cheapest.dollars)} on {cheapest.workers:,}"
    )


def _told(c: Candidate) -> str:
    """A candidate with all that is counted, results that come back too."""
    return f"{seconds_text(c.quote.seconds)}{_price(c.quote.dollars)} on {c.workers:,} workers"


def _coming_back(c: Candidate) -> str:
    """What of the time results take that come back, where it is most of it."""
    if c.quote.download_s < c.seconds:
        return ""
    took = seconds_text(c.quote.download_s)
    return f", of which results take {took} to come back to this process, as to_zarr() and persist() do without"


def _price(dollars: float) -> str:
    return f" and ${dollars_text(dollars)}" if dollars else ""
