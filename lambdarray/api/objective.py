"""What the settings leave to the planner: how many functions to use, for the least time or the fewest dollars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..config import UNITS_PER_DOLLAR, Config, get_purse
from ..cost import Quote
from ..errors import BudgetError, ConfigError, LambdarrayError, MemoryLimitError
from ..ops import Op
from ..planner import make_plan
from ..runtime.launch import worker_count
from ..task import Plan
from .pricing import dollars_text, quote_here, quote_there, resources, seconds_text

# Plans within this share of the best are as good; the second figure decides.
NEAR = 1.01


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan for so many workers, and what it would cost."""

    workers: int
    plan: Plan
    quote: Quote

    @property
    def seconds(self) -> float:
        """The caller's."""
        return self.quote.seconds

    @property
    def dollars(self) -> float:
        """All of them."""
        return self.quote.dollars


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
    plan = make_plan(ops, resources(config))[0]
    if config.local:
        return Candidate(workers, plan, quote_here(plan, config))
    back = plan.outputs if results else ()
    return Candidate(workers, plan, quote_there(plan, config, results=back))


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
    made = list(_candidates(ops, config, counts, results))
    left = float("inf") if config.local else get_purse().left / UNITS_PER_DOLLAR
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


def _candidates(ops: Sequence[Op], config: Config, counts: Sequence[int], results: bool) -> list[Candidate]:
    """The plans that fit their workers; more workers than there are tasks at once would change nothing."""
    made: list[Candidate] = []
    failure: MemoryLimitError | None = None
    for workers in counts:
        try:
            made.append(candidate(ops, config, workers, results))
        except MemoryLimitError as error:
            failure = error
    if not made and failure is not None:
        raise failure
    return made


def best(
    made: Sequence[Candidate], objective: str, most_dollars: float, deadline: float | None = None
) -> Candidate | None:
    """The best of those that are within both limits, None where none is."""
    within = [c for c in made if c.dollars <= most_dollars and (deadline is None or c.seconds <= deadline)]
    if not within:
        return None
    first, second = ("dollars", "seconds") if objective == "dollars" else ("seconds", "dollars")
    least = min(getattr(c, first) for c in within)
    near = [c for c in within if getattr(c, first) <= NEAR * least]
    return min(near, key=lambda c: (getattr(c, second), getattr(c, first)))


def _problem(made: Sequence[Candidate], config: Config, left: float) -> LambdarrayError | None:
    """What is wrong with a deadline that no plan meets; a budget is looked at when it is known what is left to do."""
    deadline, fastest = config.deadline, min(made, key=lambda c: (c.seconds, c.dollars))
    if deadline is None:
        return None
    if fastest.seconds > deadline:
        return ConfigError(
            f"deadline={deadline:g} s cannot be met: the fastest plan takes about {_told(fastest)}; allow more time, "
            "or more workers=, or cut the arrays into more chunks"
        )
    cheapest = min((c for c in made if c.seconds <= deadline), key=lambda c: (c.dollars, c.seconds))
    return BudgetError(
        f"no plan is within both deadline={deadline:g} s and max_dollars={config.max_dollars or 0.0:g}, of which "
        f"${dollars_text(left)} is left: the cheapest in time takes about {_told(cheapest)}, and the cheapest of all "
        f"{_told(min(made, key=lambda c: c.dollars))}",
        left_dollars=left,
        needed_dollars=cheapest.dollars,
    )


def _reason(found: Candidate, made: Sequence[Candidate], config: Config, left: float) -> str:
    what = "cheapest" if config.objective == "dollars" else "fastest"
    limits = [f"deadline={config.deadline:g} s"] * (config.deadline is not None)
    limits += [f"max_dollars={config.max_dollars:g}"] * (config.max_dollars is not None)
    within = f" within {' and '.join(limits)}" if limits else ""
    others = [c for c in made if c is not found]
    if not others:
        return f"up to {found.workers:,}: as it was given, {_told(found)}{', ' + within.strip() if within else ''}"
    fastest = min(others, key=lambda c: c.seconds)
    cheapest = min(others, key=lambda c: c.dollars)
    beside = [_told(c) for c in dict.fromkeys((fastest, cheapest))]
    return f"{_told(found)}: the {what}{within}; the others reach from {' to '.join(beside)}"


def _told(c: Candidate) -> str:
    dollars = f" and ${dollars_text(c.dollars)}" if c.dollars else ""
    return f"{seconds_text(c.seconds)}{dollars} on {c.workers:,} workers"
