"""The best of a few sizes that something may have, by what each would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from typing import TypeVar

T = TypeVar("T")
# Closed formulas are rougher than plans: figures within a tenth of the least are as good.
AS_GOOD = 1.1


@dataclass(frozen=True, slots=True)
class Figures:
    """A size, and the seconds and dollars that are expected of it."""

    size: int
    seconds: float
    dollars: float


def best_of(
    found: Sequence[Figures], objective: str, most_dollars: float = inf, deadline: float | None = None
) -> Figures:
    """The fastest within both limits, or with objective="dollars" the cheapest; of those as good the other figure's.

    Where none is within both, the cheapest if all are too dear, else the fastest: a run is refused when its plan is
    known to be above them, and not because of a formula.

    >>> found = [Figures(1, 10.0, 9.0), Figures(2, 10.5, 4.0), Figures(3, 30.0, 1.0)]
    >>> best_of(found, "time").size, best_of(found, "dollars").size, best_of(found, "dollars", deadline=20.0).size
    (2, 3, 2)
    """
    affordable = [f for f in found if f.dollars <= most_dollars]
    if not affordable:
        return min(found, key=lambda f: (f.dollars, f.seconds))
    within = [f for f in affordable if deadline is None or f.seconds <= deadline]
    if not within:
        return min(affordable, key=lambda f: (f.seconds, f.dollars))
    return nearly_least(within, objective, AS_GOOD)


def nearly_least(found: Sequence[T], objective: str, near: float) -> T:
    """The least of the figure that counts, time or dollars; of those up to `near` times that, the least of the other.

    >>> nearly_least([Figures(1, 10.0, 9.0), Figures(2, 10.5, 4.0)], "time", 1.01).size
    1
    """
    first, second = attrgetter("seconds"), attrgetter("dollars")
    if objective == "dollars":
        first, second = second, first
    least = min(map(first, found))
    return min((f for f in found if first(f) <= near * least), key=lambda f: (second(f), first(f)))
