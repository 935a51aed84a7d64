"""A budget is never passed, whatever goes wrong; and a run that need not stop for it does not."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.config import UNITS_PER_DOLLAR, Purse, config, get_purse
from lambdarray.errors import BudgetError, TaskError
from lambdarray.runtime.assumptions import Assumptions
from lambdarray.runtime.budget import Budget, Terms
from lambdarray.runtime.decisions import Policy
from lambdarray.runtime.executors.faults import FlakyExecutor
from lambdarray.runtime.executors.simulated import SimulatedExecutor
from lambdarray.runtime.run import run

from .plans import chain, elementwise_and_tree, product
from .test_faults import faults
from .test_scheduler import Driver, singles
from .world import World

PLANS = [chain(3, 7, 3.0), elementwise_and_tree((9, 5), fan=3), product(3, 4, 2, 20.0), chain(1, 1), chain(1, 300, 0.5)]
COLD_S = 0.7
workers = st.builds(
    Assumptions.steady,
    cold_mean_s=st.just(COLD_S),
    init_s=st.just(COLD_S),
    together=st.booleans(),
    spread=st.sampled_from([0.0, 0.2, 1.0]),
    straggler_share=st.sampled_from([0.0, 0.1, 0.5]),
    straggler_factor=st.sampled_from([3.0, 100.0]),
)


def terms_of(plan, dollars_per_s=0.01, requests=0.002):
    stages = [requests] * len(plan.programs)
    return Terms(dollars_per_s, 0.0001, stages, start_s=COLD_S, longest_s=900.0)


def billed(plan, inner, attempts, terms):
    """What all that was started costs, as the executor itself counts it."""
    requests = sum(terms.requests[0] for _ in attempts)
    return inner.counts.billed_s * terms.dollars_per_s + inner.counts.invocations * terms.invocation + requests


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
    terms = terms_of(plan)
    work = sum(p.task_count * e.seconds for p, e in zip(plan.programs, plan.estimates, strict=True))
    max_dollars = factor * (work * terms.dollars_per_s + plan.task_count * (terms.requests[0] + terms.invocation))
    world, begun = World(plan), []
    inner = SimulatedExecutor(plan, capacity, seed=seed, model=model, effect=world.effect)
    start = inner.start
    inner.start = lambda bundle: (begun.extend(bundle), start(bundle))
    purse = Purse(max_dollars)
    budget = Budget(terms, purse)
    policy = Policy(task_timeout_s=100.0, budget=budget)
    executor = FlakyExecutor(inner, seed, wrong)
    failure = None
    try:
        run(plan, executor, policy=policy, exists=world.exists, release=world.release)
    except (BudgetError, TaskError) as error:  # an attempt's time, however long, may be too short for it
        failure = error
    paid = billed(plan, inner, begun, terms)
    assert paid <= budget.worst_dollars + 1e-9
    assert budget.worst_dollars <= max_dollars
    assert purse.used == budget.spent + budget.held <= purse.most
    if failure is None:
        assert world.wanted <= world.tiles
    if isinstance(failure, BudgetError):
        assert failure.done < failure.total == plan.task_count
        assert failure.spent_dollars <= max_dollars


@given(st.lists(st.sampled_from(PLANS), min_size=2, max_size=4), st.integers(0, 10**6), st.floats(0.2, 4.0), faults)
@settings(max_examples=25, deadline=None)
def test_several_plans_of_one_purse_never_pass_it_together(plans, seed, factor, wrong):
    terms = [terms_of(plan) for plan in plans]
    work = [sum(p.task_count * e.seconds for p, e in zip(x.programs, x.estimates, strict=True)) for x in plans]
    purse, paid = Purse(factor * max(work) * terms[0].dollars_per_s), 0.0
    for n, plan in enumerate(plans):
        world, begun = World(plan), []
        inner = SimulatedExecutor(plan, 10, seed=seed + n, effect=world.effect)
        start = inner.start
        inner.start = lambda bundle, begun=begun, start=start: (begun.extend(bundle), start(bundle))
        policy = Policy(task_timeout_s=100.0, budget=Budget(terms[n], purse))
        with suppress(BudgetError, TaskError):
            run(plan, FlakyExecutor(inner, seed, wrong), policy=policy, exists=world.exists, release=world.release)
        paid += billed(plan, inner, begun, terms[n])
    assert paid <= purse.used / UNITS_PER_DOLLAR + 1e-9
    assert purse.used <= purse.most


def drive(plan, max_dollars, capacity=100, **terms):
    """A scheduler with a hand on its clock, a budget, and a dollar for a second."""
    given = {"dollars_per_s": 1.0, "start_s": 0.0, "longest_s": 1e9, **terms}
    budget = Budget(Terms(**given), Purse(max_dollars))
    return Driver(plan, capacity, budget=budget, speculate=False), budget


def test_as_many_start_as_can_be_paid_for_and_the_next_when_one_has_cost_less():
    d, budget = drive(singles(10, seconds=2.0), 4 * 8.0)  # at least four times the predicted 2 s each
    assert len(d.step()) == 4
    assert budget.left_dollars == 0
    assert d.scheduler.next_time(d.now, d.capacity) > d.now
    d.report(0, total_s=2.0, billed_ms=2000, now=2.0)
    assert d.step() == []  # 6 dollars are left, and a task may take 8
    d.report(1, total_s=2.0, billed_ms=2000)
    assert len(d.step()) == 1
    assert budget.spent_dollars == 4.0


def test_deadlines_are_shortened_to_what_is_left_and_not_without_need():
    d, _ = drive(singles(10, seconds=2.0), 10 * 30.0)
    deadlines = [a.deadline_s for decision in d.scheduler.decide(0.0, 100) for a in decision.attempts]
    assert deadlines == [30.0] * 10
    d, _ = drive(singles(10, seconds=2.0), 1e6)
    deadlines = [a.deadline_s for decision in d.scheduler.decide(0.0, 100) for a in decision.attempts]
    assert deadlines == [870.0] * 10


def test_an_attempt_that_ran_out_of_a_shortened_time_gets_twice_as_much():
    d, _ = drive(singles(1, seconds=2.0), 40.0)
    (launch,) = d.scheduler.decide(0.0, 100)
    assert launch.attempts[0].deadline_s == 40.0
    d, _ = drive(singles(16, seconds=2.0), 16 * 8.0)
    first = d.scheduler.decide(0.0, 100)
    assert {a.deadline_s for launch in first for a in launch.attempts} == {8.0}
    for task in range(15):
        d.report(task, total_s=2.0, billed_ms=2000, now=2.0)
    d.report(15, 0, "timeout", billed_ms=8000, now=8.0)
    d.now = d.scheduler.next_time(d.now, 100)
    (again,) = d.scheduler.decide(d.now, 100)
    assert again.attempts[0].deadline_s >= 16.0


def test_a_run_that_cannot_pay_for_its_next_task_says_what_is_spent_left_and_done():
    d, _ = drive(singles(10, seconds=2.0), 20.0, capacity=1, resume="workers=7 and ")
    d.step()
    while d.scheduler.failure is None:
        d.report(*d.launched[-1], total_s=5.0, billed_ms=5000, now=d.now + 5.0)
        d.step()
    error = d.scheduler.failure
    assert isinstance(error, BudgetError)
    assert (error.spent_dollars, error.left_dollars, error.done, error.total) == (5.0, 15.0, 1, 10)
    assert error.needed_dollars == 20.0  # tasks take 5 s, as it turned out
    for part in ("$5 is spent", "$15 left", "1 of 10", "resumes from it with workers=7 and a new max_dollars"):
        assert part in str(error)


def test_a_silent_attempt_and_a_lost_connection_are_charged_at_their_worst_and_a_refusal_nothing():
    for status, charged in (("unknown", 10.0), ("throttled", 0.0), ("error", 1.0), ("done", 1.0)):
        d, budget = drive(singles(1, seconds=2.0), 1e6, longest_s=10.0)
        d.step()
        d.report(0, 0, status, billed_ms=1000 if charged == 1.0 else 0)
        assert (budget.spent_dollars, budget.held) == (charged, 0), status
    d, budget = drive(singles(1, seconds=2.0), 1e6, longest_s=10.0)
    d.step()
    d.step(now=1e4)
    assert budget.spent_dollars == 10.0


def test_a_bundle_pays_once_for_all_its_tasks_requests_and_one_invocation():
    d, budget = drive(singles(100, seconds=0.1), 1e6, capacity=1, requests=[0.5], invocation=0.25)
    d.step()
    tasks = len(d.bundles[0])
    assert tasks > 1
    for task, attempt in d.bundles[0]:
        d.report(task, attempt, billed_ms=1000 * (task == 0))
    assert budget.spent_dollars == 1.0 + 0.25 + 0.5 * tasks


def test_a_bundle_is_cut_to_what_can_be_paid_for():
    d, _ = drive(singles(1000, seconds=0.1), 23.0, capacity=1)  # at least 5 s for each
    d.step()
    assert len(d.bundles[0]) == 1  # a sixteenth of what is left is less than the time for two
    d, _ = drive(singles(1000, seconds=0.1), 16 * 23.0, capacity=1)
    d.step()
    assert len(d.bundles[0]) == 4


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**13)), max_size=20), st.floats(0, 20))
def test_a_purse_never_gives_more_than_it_and_those_around_it_have(steps, most):
    outer, taken = Purse(10.0), []
    inner = Purse(most, outer)
    for take, units in steps:
        if take:
            before = inner.left
            assert inner.take(units) == (units <= before)
            taken += [units] * (units <= before)
        elif taken:
            inner.give_back(taken.pop())
        assert inner.used == outer.used == sum(taken) <= min(inner.most, outer.most)


def test_every_run_of_a_block_shares_its_budget_and_a_block_within_it_too():
    with config(max_dollars=3.0):
        assert get_purse().take(UNITS_PER_DOLLAR)
        with config(workers=2):
            assert get_purse().left == 2 * UNITS_PER_DOLLAR
        with config(max_dollars=1.0):
            assert get_purse().left == UNITS_PER_DOLLAR
            assert get_purse().take(UNITS_PER_DOLLAR)
            assert not get_purse().take(1)
        assert get_purse().left == UNITS_PER_DOLLAR
        with config(max_dollars=None):
            assert get_purse().left == float("inf")
    with config(max_dollars=3.0):
        assert get_purse().left == 3 * UNITS_PER_DOLLAR
    assert get_purse().left == float("inf")
