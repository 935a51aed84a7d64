"""A budget that is never passed: nothing is dispatched that could not be paid for if it took as long as it may.

What a run has spent and what its bundles in flight would cost at worst are taken out of a purse that other runs may
share. There is no clock here and no I/O: the scheduler tells what it dispatches, reports tell what was billed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple

from ..config import UNITS_PER_DOLLAR, Purse
from ..errors import BudgetError
from ..task import TaskReport

if TYPE_CHECKING:
    from .attempts import Bundle

# A shortened deadline is never below so many times what a task is thought to take, nor below so many seconds.
LEAST_FACTOR, LEAST_S = 4.0, 5.0
# What is left is kept for so many bundles where fewer could start now.
KEPT_FOR = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """What work costs, in US dollars.

    dollars_per_s      a function at work for a second
    invocation         an invocation
    requests           for each stage, the requests that one attempt at a task makes of the store
    start_s            seconds that may be billed beside those of the tasks: a cold start, and the end
    longest_s          an invocation is ended after this long, whatever it does
    what, resume       what is paid for, and the settings with which the plan is made again, for messages
    """

    dollars_per_s: float
    invocation: float = 0.0
    requests: Sequence[float] = ()
    start_s: float = 0.0
    longest_s: float = 900.0
    what: str = "one function"
    resume: str = ""


class Offer(NamedTuple):
    """A bundle that can be paid for: how many tasks, how long each may take, and what is held for it."""

    tasks: int
    deadline_s: float
    held: int = 0


class Budget:
    """The account of one run, out of a purse.

    `spent` is what was billed, or charged at its worst where nobody knows; `held` is what may yet be billed for the
    bundles in flight. Both are in units (see `config.UNITS_PER_DOLLAR`). `_least` has twice the seconds that an attempt
    ran out of, for each stage of which one did because they were shortened.
    """

    def __init__(self, prices: Terms, purse: Purse | None = None) -> None:
        self.prices, self.purse = prices, purse or Purse()
        self.spent = self.held = 0
        self._least: dict[int, float] = {}
        self._second = prices.dollars_per_s * UNITS_PER_DOLLAR

    @property
    def spent_dollars(self) -> float:
        """What was billed or charged."""
        return self.spent / UNITS_PER_DOLLAR

    @property
    def worst_dollars(self) -> float:
        """What the run comes to if all that is in flight takes as long as it may."""
        return (self.spent + self.held) / UNITS_PER_DOLLAR

    @property
    def left_dollars(self) -> float:
        """What may yet be dispatched."""
        return self.purse.left_dollars

    def pay(self, dollars: float) -> bool:
        """Spend what is no task's, as an upload; False where it is more than is left."""
        units = ceil(dollars * UNITS_PER_DOLLAR)
        if not self.purse.take(units):
            return False
        self.spent += units
        return True

    def least_s(self, stage: int, predicted_s: float) -> float:
        """The least seconds that an attempt at a task of a stage is given."""
        return max(LEAST_S, LEAST_FACTOR * predicted_s, self._least.get(stage, 0.0))

    def offer(self, stage: int, most: int, predicted_s: float, timeout_s: float, bundles: int = KEPT_FOR) -> Offer:
        """Hold what a bundle of at most `most` tasks costs at worst, out of what is left for `bundles` alike.

        Each task gets `timeout_s` where that can be paid, else less; the offer is of no task where not one can be paid.
        """
        start, left = self._worst(stage, ()), self.purse.left
        least = min(timeout_s, self.least_s(stage, predicted_s))
        one = self._worst(stage, [least])
        share = max(left / max(bundles, 1), one)
        tasks = most if share == inf else max(1, min(most, floor((share - start) / max(one - start, 1))))
        deadline_s = timeout_s
        if self._second and self._worst(stage, [timeout_s] * tasks) > share:
            seconds = ((share - start) / tasks - self._requests(stage)) / self._second
            deadline_s = min(timeout_s, max(least, floor(seconds)))
        worst = self._worst(stage, [deadline_s] * tasks)
        if not self.purse.take(worst):
            return Offer(0, 0.0, 0)
        self.held += worst
        return Offer(tasks, deadline_s, worst)

    def decline(self, offer: Offer) -> None:
        """Nothing is dispatched on this offer."""
        self.held -= offer.held
        self.purse.give_back(offer.held)

    def has_spare(self, stage: int, predicted_s: float) -> bool:
        """Whether what is left pays for two tasks: second attempts are no reason for others to go without."""
        return 2 * self._worst(stage, [self.least_s(stage, predicted_s)]) <= self.purse.left

    def count(self, bundle: Bundle, report: TaskReport, timeout_s: float) -> bool:
        """An attempt has reported; whether that was the last of its bundle, which is then paid."""
        bundle.billed_ms += report.billed_ms
        bundle.began = bundle.began or report.status != "throttled"
        bundle.lost = bundle.lost or report.status == "unknown"
        # A function whose bundle's time is over is ended, whatever it does.
        ended = report.status == "crashed" and bundle.billed_ms >= 1000 * bundle.deadline_s
        if (ended or report.status == "timeout") and bundle.deadline_s < timeout_s:
            least = self._least.get(bundle.program, 0.0)
            self._least[bundle.program] = max(least, 2 * bundle.deadline_s)
        if not bundle.left:
            self._settle(bundle)
        return not bundle.left

    def give_up(self, bundle: Bundle) -> None:
        """Nothing is heard of a bundle any more: it may have cost the worst."""
        bundle.began = bundle.lost = True
        self._settle(bundle)

    def _settle(self, bundle: Bundle) -> None:
        """A bundle is over: pay what was billed, the worst where nobody knows that, and nothing if it never began."""
        held, bundle.held = bundle.held, 0
        paid = held if bundle.began else 0
        if bundle.billed_ms and not bundle.lost:
            paid = self._fixed(bundle.program, len(bundle.keys)) + ceil(bundle.billed_ms * self._second / 1000)
        self.held -= held
        self.spent += paid
        self.purse.give_back(held - paid)

    def is_cut_short(self, stage: int, timeout_s: float) -> bool:
        """Whether tasks of a stage ran out of a time that was less than they may have by the settings."""
        return 0.0 < self._least.get(stage, 0.0) < 2 * timeout_s

    def error(self, stage: int, predicted_s: float, timeout_s: float, done: int, total: int) -> BudgetError:
        """The error of a run that cannot pay for one more task."""
        least = min(timeout_s, self.least_s(stage, predicted_s))
        needed = self._worst(stage, [least]) / UNITS_PER_DOLLAR
        spent, left = self.spent_dollars, self.left_dollars
        return BudgetError(
            f"the run stops before it passes its budget: ${spent:.4g} is spent and ${left:.4g} left, and one more task "
            f"may cost ${needed:.4g} ({least:.3g} s of {self.prices.what}, and a start); {done:,} of {total:,} tasks "
            "are done; what is finished is kept in a durable store, and the same expression resumes from it with "
            f"{self.prices.resume}a new max_dollars",
            spent_dollars=spent,
            left_dollars=left,
            needed_dollars=needed,
            done=done,
            total=total,
        )

    def _requests(self, stage: int) -> float:
        requests = self.prices.requests
        return requests[stage] * UNITS_PER_DOLLAR if requests else 0.0

    def _fixed(self, stage: int, tasks: int) -> int:
        return ceil(self.prices.invocation * UNITS_PER_DOLLAR + tasks * self._requests(stage))

    def _worst(self, stage: int, deadlines: Sequence[float]) -> int:
        """What attempts in one invocation cost if each takes all of its time."""
        seconds = min(sum(deadlines), self.prices.longest_s) + self.prices.start_s
        return self._fixed(stage, len(deadlines)) + ceil(seconds * self._second)
