"""The window follows what is let through: at once where all is, within seconds along a ramp, and without hammering."""

from __future__ import annotations

import pytest

from lambdarray.runtime.window import Window

TURN_S = 0.05  # how long a refusal takes to come back
TASK_S = 5.0


class Account:
    """Lets through what `allowed(seconds)` says; the client replaces what ends and opens its window where it may."""

    def __init__(self, allowed, capacity):
        self.allowed, self.capacity, self.window = allowed, capacity, Window()
        self.ends, self.refused, self.worked, self.could = [], 0, 0.0, 0.0
        self.window.begin(0.0)

    def run(self, seconds):
        for turn in range(round(seconds / TURN_S)):
            now = turn * TURN_S
            ended = [end for end in self.ends if end <= now]
            self.ends = self.ends[len(ended) :]
            for _ in ended:
                self.window.let_through()
            self.send(now)
            self.worked += len(self.ends) * TURN_S
            self.could += min(self.allowed(now), self.capacity) * TURN_S
        return self

    def send(self, now):
        limit = self.window.limit(self.capacity)
        if len(self.ends) >= limit and limit < self.capacity:
            self.window.open(now)
        sent = self.window.limit(self.capacity) - len(self.ends)
        good = max(0, min(sent, int(self.allowed(now)) - len(self.ends)))
        self.ends += [now + TASK_S] * good
        for left in range(sent - good - 1, -1, -1):
            self.refused += 1
            self.window.refused(now, len(self.ends) + left)


def test_where_all_is_let_through_all_is_in_flight_within_a_second():
    account = Account(lambda now: 1e9, 10_000).run(1.0)
    assert len(account.ends) == 10_000
    assert account.refused == 0


@pytest.mark.parametrize(
    "allowed",
    [lambda now: 1000 + 1000 * (now // 10), lambda now: 1000 + 100 * now],
    ids=["in steps", "all the time"],
)
def test_a_ramp_is_followed_within_seconds_and_with_few_refusals(allowed):
    account = Account(allowed, 10_000).run(60.0)
    assert account.worked > 0.85 * account.could
    assert account.refused < 3000  # of 36,000 that ran


def test_a_limit_that_stays_is_tried_twice_a_second():
    account = Account(lambda now: 300, 1000).run(1.0)
    before = account.refused
    account.run(100.0)
    assert account.refused - before <= 201
    assert len(account.ends) == 300


def test_tasks_of_many_minutes_do_not_keep_the_window_shut(monkeypatch):
    monkeypatch.setattr(f"{__name__}.TASK_S", 600.0)
    account = Account(lambda now: 1000 + 1000 * (now // 10), 2800).run(25.0)
    assert len(account.ends) == 2800
