"""Which attempts are worth another one beside them: the policy against stragglers.

What is known of an attempt is when it was asked for and that it has not ended. It may be slow, or lost, or bound to an
environment that has not begun: all that helps is the same, another attempt in an environment that is warm. It takes as
long as the tasks of its stage do, so it is worth it from the moment at which nearly all of these would have ended, as
in LATE (M. Zaharia et al., "Improving MapReduce performance in heterogeneous environments", 2008), where a worker has
nothing else to do. At the very end, where most have nothing to do, it is worth it before: one task in a hundred will
be slow, and all wait for it. Where other tasks wait it is only worth it for a task that is more urgent than they are,
since others wait for its tiles, and somewhat later: it takes a worker from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import inf

from .attempts import Bundle, Durations

# Attempts at one task at the same time.
MOST_COPIES = 3
# Where others wait, how many times longer a task may run until it counts as lagging, and one for which a worker may
# have had to be started.
URGENT_PATIENCE, COLD_PATIENCE = 1.1, 1.4
# How much sooner, as a share, a task lags where all other workers are idle.
IDLE_HASTE = 0.4
# What this may cost, as a share of all that has been done.
HASTE_COST = 0.01

Patience = Callable[[Bundle], float]


def patience_of(ranks: Sequence[int], waiting: int | None, idle: float = 0.0) -> Patience:
    """For a bundle, how many times longer than to lag its tasks may take.

    Meanwhile tasks of the stage `waiting` wait, or else `idle` is the share of workers that have nothing to do.

    >>> urgent, other = Bundle(0, [1], 0.0), Bundle(1, [2], 0.0)
    >>> patience_of([0, 1], None)(other), patience_of([0, 1], 1)(urgent), patience_of([0, 1], 1)(other)
    (1.0, 1.1, inf)
    """
    if waiting is None:
        return lambda bundle: 1.0 - IDLE_HASTE * idle
    here = ranks[waiting]

    def patience(bundle: Bundle) -> float:
        if ranks[bundle.program] >= here:
            return inf
        return COLD_PATIENCE if bundle.cold else URGENT_PATIENCE

    return patience


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
            limit = limits[stage] = durations[stage].lagging()
        times = patience(bundle)
        due = bundle.since + max(limit * times * bundle.left, floor_s) if times < inf else inf
        if due <= now:
            found.append((due, bundle))
        elif due < soonest:
            soonest = due
    found.sort(key=lambda each: each[0])
    return [bundle for _, bundle in found], soonest


def is_late(bundle: Bundle, durations: Sequence[Durations], now: float) -> bool:
    """Whether a bundle lags, without any haste."""
    return now - bundle.since >= durations[bundle.program].lagging() * bundle.left
