"""A budget is never passed, whatever goes wrong; and a run that need not stop for it does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.config import UNITS_PER_DOLLAR, Purse
from lambdarray.errors import BudgetError, TaskError
from lambdarray.runtime.budget import LEAST_FACTOR, LEAST_S, Budget, Prices
from lambdarray.runtime.decisions import Launch, Policy
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor, SimulatedWorkers
from lambdarray.runtime.run import run
from lambdarray.runtime.scheduler import Scheduler
from lambdarray.task import TaskReport

from .plans import chain, elementwise_and_tree, product
from .test_faults import faults
from .world import World

PLANS = [chain(3, 7, 3.0), elementwise_and_tree((9, 5), fan=3), product(3, 4, 2, 20.0), chain(1, 1), chain(1, 300, 0.5)]
COLD_S = 0.7
workers = st.builds(
    SimulatedWorkers,
    cold_s=st.just(COLD_S),
    spread=st.sampled_from([0.0, 0.2, 1.0]),
    straggler_share=st.sampled_from([0.0, 0.1, 0.5]),
    straggler_factor=st.sampled_from([3.0, 100.0]),
)


def prices(plan, dollars_per_s=0.01, requests=0.002):
    stages = [requests] * len(plan.programs)
    return Prices(dollars_per_s, 0.0001, stages, start_s=COLD_S, longest_s=900.0)


def billed(plan, inner, attempts, terms):
    """What all that was started costs, as the executor itself counts it."""
    requests = sum(terms.requests[0] for _ in attempts)
    return inner.billed_s * terms.dollars_per_s + inner.invocations * terms.invocation + requests


@given(
    st.sampled_from(PLANS),
    st.integers(1, 50),
    st.integers(0, 10**6),
    faults,
    workers,
    st.sampled_from([0.05, 0.4, 0.9, 1.1, 1.5, 3.0, 20.0]),
)
@settings(max_examples=50, deadline=None)
def test_what_is_billed_never_passes_the_budget(plan, capacity, seed, wrong, model, factor):
    terms = prices(plan)
    work = sum(p.task_count * e.seconds for p, e in zip(plan.programs, plan.estimates, strict=True))
    max_dollars = factor * (work * terms.dollars_per_s + plan.task_count * (terms.requests[0] + terms.invocation))
    world, begun = World(plan), []
    inner = SimulatedExecutor(plan, capacity, seed=seed, workers=model, effect=world.effect)
    start = inner.start
    inner.start = lambda bundle: (begun.extend(bundle), start(bundle))
    purse = Purse(max_dollars)
    budget = Budget(terms, purse)
    policy = Policy(task_timeout_s=100.0, budget=budget)
    executor = FlakyExecutor(inner, seed, wrong)
    ended = ""
    try:
        run(plan, executor, policy=policy, exists=world.exists, release=world.release)
    except BudgetError as error:
        ended = str(error)
        assert error.done < error.total == plan.task_count
        assert error.spent_dollars <= max_dollars
        assert error.needed_dollars > error.left_dollars
    except TaskError as error:  # an attempt's time, however long, may be too short for it
        ended = str(error)
    paid = billed(plan, inner, begun, terms)
    assert paid <= budget.worst_dollars + 1e-9
    assert budget.worst_dollars <= max_dollars
    assert purse.used == budget.spent + budget.held <= purse.most
    if not ended:
        assert world.wanted <= world.tiles
