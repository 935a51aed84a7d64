"""The planner's choice of workers: the least time within a budget, the fewest dollars within a deadline."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.objective import NEAR, Candidate, best, choose
from lambdarray.api.pricing import open_budget
from lambdarray.config import Purse, get_config
from lambdarray.errors import BudgetError, ConfigError

REMOTE = {"executor": "lambda", "store": "s3://bucket/scratch"}


def product(n: int = 40_000, chunk: int = 4000) -> la.Array:
    return la.ones((n, n), chunks=chunk) @ la.ones((n, n), chunks=chunk)


def candidates(figures: list[tuple[float, float]]) -> list[Candidate]:
    """Candidates of which only seconds and dollars matter."""
    made = []
    for n, (seconds, dollars) in enumerate(figures):
        quote = SimpleNamespace(
            seconds=seconds, dollars=dollars, seconds_before_results=seconds, dollars_before_results=dollars
        )
        made.append(Candidate(n + 1, None, quote))  # type: ignore[arg-type]
    return made


positive = st.floats(0.1, 1e6)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=12), positive, st.none() | positive)
def test_the_choice_is_within_both_limits_and_nothing_else_within_them_is_better(figures, budget, deadline):
    made = candidates(figures)
    for objective in ("time", "dollars"):
        found = best(made, objective, budget, deadline)
        within = [c for c in made if c.dollars <= budget and (deadline is None or c.seconds <= deadline)]
        if found is None:
            assert not within
            continue
        assert found in within
        name = "seconds" if objective == "time" else "dollars"
        assert getattr(found, name) <= NEAR * min(getattr(c, name) for c in within)


def chosen(**settings) -> la.Array:
    with la.config(**REMOTE, **settings):
        return choose([product()._op], get_config())


def test_a_smaller_budget_is_slower_and_a_shorter_deadline_dearer():
    free = chosen(max_dollars=1e6)
    cheap = chosen(objective="dollars")
    fast, frugal = (next(c for c in x.candidates if c.workers == x.config.workers) for x in (free, cheap))
    assert fast.seconds < frugal.seconds
    assert frugal.dollars < fast.dollars
    between = chosen(objective="dollars", deadline=(fast.quote.seconds + frugal.quote.seconds) / 2)
    made = next(c for c in between.candidates if c.workers == between.config.workers)
    assert fast.dollars >= made.dollars >= frugal.dollars
    assert made.quote.seconds <= (fast.quote.seconds + frugal.quote.seconds) / 2


def test_workers_that_are_given_are_used_and_the_plan_is_made_for_those_that_are_chosen():
    assert chosen(workers=7, max_dollars=1e6).config.workers == 7
    with la.config(**REMOTE, objective="dollars"):
        found = choose([product()._op], get_config())
        plan = next(c.plan for c in found.candidates if c.workers == found.config.workers)
        assert la.plan(product()).task_count == plan.task_count


def test_a_deadline_that_no_plan_meets_is_refused_with_the_fastest():
    with (
        la.config(**REMOTE, deadline=1.0),
        pytest.raises(ConfigError, match="deadline=1 s cannot be met: the fastest"),
    ):
        la.plan(product())
    with la.config(deadline=1e-6, workers=1), pytest.raises(ConfigError, match="on 1 workers"):
        (la.ones((100, 100), chunks=50) + 1).compute()


def test_a_deadline_that_only_results_on_their_way_back_miss_says_so():
    x = la.ones((20_000, 20_000), chunks=2000)
    with la.config(**REMOTE, deadline=30):
        with pytest.raises(ConfigError, match=r"of which results take 256 s to come back to this process"):
            la.plan(x @ x)
        with pytest.raises(ConfigError) as caught:
            la.plan((la.ones((200_000, 200_000), chunks=5000) @ la.ones((200_000, 200_000), chunks=5000)).sum())
    assert "come back" not in str(caught.value)


def test_a_deadline_and_a_budget_that_no_plan_is_within_are_refused_with_both():
    free, cheap = chosen(max_dollars=1e6), chosen(objective="dollars")
    fast, frugal = (next(c for c in x.candidates if c.workers == x.config.workers) for x in (free, cheap))
    budget = (fast.quote.dollars + frugal.quote.dollars) / 2
    with la.config(**REMOTE, deadline=1.02 * fast.quote.seconds, max_dollars=budget):
        choice = choose([product()._op], get_config())
    if choice.problem is None:  # some plan between them is within both
        assert choice.config.workers
        return
    assert isinstance(choice.problem, BudgetError)
    assert "within both" in str(choice.problem)


def test_a_budget_below_the_smallest_plan_is_refused_with_its_price():
    with la.config(**REMOTE, max_dollars=0.0001):
        choice = choose([product()._op], get_config())
        cheapest = min(choice.candidates, key=lambda c: c.dollars)
        assert choice.config.workers == cheapest.workers
        with pytest.raises(BudgetError, match=r"above max_dollars=0\.0001") as caught:
            open_budget(cheapest.plan, choice.config, purse=Purse(0.0001))
    assert caught.value.needed_dollars > caught.value.left_dollars


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "speed"},
        {"deadline": 0},
        {"deadline": -1.0},
        {"deadline": float("inf")},
        {"deadline": "soon"},
        {"max_dollars": float("nan")},
        {"max_dollars": "5"},
        {"workers": 2.5},
        {"workers": "many"},
        {"workers": True},
        {"bundle_s": -1},
        {"task_timeout_s": 0},
        {"task_timeout_s": 901},
        {"retries": None},
    ],
)
def test_settings_that_cannot_be_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        la.config(**settings)


@pytest.mark.parametrize("workers", [[], [0, 5], 1.5, [2.0], "many", True])
def test_numbers_of_workers_that_cannot_be_are_refused(workers):
    with pytest.raises(ConfigError, match="has to be a number of workers"):
        la.explain(la.ones(3) + 1, workers=workers)


@pytest.mark.parametrize("memory_mib", [20_000, 10_241])
def test_memory_that_no_function_has_is_refused_with_what_they_have(memory_mib):
    with la.config(**REMOTE, memory_mib=memory_mib):
        x = la.ones(3)
        with pytest.raises(ConfigError, match=f"memory_mib={memory_mib} is no function's: it has from 128 to 10240"):
            la.plan(x + 1)


def test_a_simulated_run_keeps_to_its_budget_and_needs_about_what_was_quoted():
    x = product(8000, 1000)
    with la.config(workers=20):
        found = la.explain(x)
        free = la.simulate(x)
    with la.config(workers=20, max_dollars=2 * found.there.quote.dollars):
        assert la.simulate(x).tasks == free.tasks
    with la.config(workers=20, max_dollars=found.dollars / 4), pytest.raises(BudgetError):
        la.simulate(x)
