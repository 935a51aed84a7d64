"""Which attempts are worth another one beside them: the policy against stragglers.

What is known of an attempt is when it was asked for and that it has not ended. It may be slow, or lost, or bound to an
environment that has not begun: all that helps is the same, another attempt in an environment that is warm. It takes as
long as the tasks of its stage do, so it is worth it from the moment at which nearly all of these would have ended, as
in LATE (M. Zaharia et al., "Improving MapReduce performance in heterogeneous environments", 2008), where a worker has
nothing else to do. Where other tasks wait it is only worth it for a task that is more urgent than they are, since
others wait for its tiles, and somewhat later: it takes a worker from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf

from .attempts import Bundle, Durations

# Attempts at one task at the same time.
MOST_COPIES = 3
# Where others wait, how many times longer a task may run until it counts as lagging.
URGENT_PATIENCE = 1.3

Patience = Callable[[int], float]


def patience_of(ranks: Sequence[int], waiting: int | None) -> Patience:
    """For a stage, how many times longer than to lag its tasks may take, while tasks of the stage `waiting` wait.

    >>> patience_of([0, 1], None)(1), patience_of([0, 1], 1)(0), patience_of([0, 1], 1)(1)
    (1.0, 1.3, inf)
    """
    if waiting is None:
        return lambda stage: 1.0
    return lambda stage: URGENT_PATIENCE if ranks[stage] < ranks[waiting] else inf


def laggards(
    bundles: Iterable[Bundle], durations: Sequence[Durations], now: float, floor_s: float, patience: Patience
) -> tuple[list[Bundle], float]:
    """The bundles that lag, the longest overdue first, and when the next one will."""
    limits: dict[int, float] = {}
    found: list[tuple[float, Bundle]] = []
    soonest = inf
    for bundle in bundles:
        stage = bundle.program
        limit = limits.get(stage)
        if limit is None:
            limit = limits[stage] = durations[stage].lagging() * patience(stage)
        due = bundle.since + max(limit * bundle.left, floor_s)
        if due <= now:
            found.append((due, bundle))
        elif due < soonest:
            soonest = due
    found.sort(key=lambda each: each[0])
    return [bundle for _, bundle in found], soonest
