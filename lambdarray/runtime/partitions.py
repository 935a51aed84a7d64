"""How much the prefixes of a store are asked for, what they answer, and when they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .assumptions import Assumptions

Requests = Mapping[str, int]


@dataclass(slots=True)
class Prefix:
    """The requests a second that are asked of an array's prefix, and its partitions; `over_since` while too many."""

    partitions: int
    gets: float = 0.0
    puts: float = 0.0
    over_since: float | None = None


class Partitions:
    """S3 as a rate for each array: no request is an event of its own.

    >>> store = Partitions(Assumptions(partition_gets=100.0, split_after_s=60.0))
    >>> store.ask(0.0, {"a": 400.0}, {}), store.ask(60.0, {}, {}), store.ask(60.0, {"a": 0.0}, {})
    (4.0, 1.0, 2.0)
    """

    def __init__(self, model: Assumptions) -> None:
        self._model, self._prefixes = model, dict[str, Prefix]()

    def ask(self, now: float, gets: Mapping[str, float], puts: Mapping[str, float]) -> float:
        """Add requests a second to what is asked; how many times slower than asked for they are answered."""
        slowest = 1.0
        for name, rate in gets.items():
            self._prefix(name).gets += rate
        for name, rate in puts.items():
            self._prefix(name).puts += rate
        for name in {*gets, *puts}:
            slowest = max(slowest, self._pressure(now, self._prefix(name)))
        return slowest

    def leave(self, gets: Mapping[str, float], puts: Mapping[str, float]) -> None:
        """Take back what was added."""
        for name, rate in gets.items():
            self._prefix(name).gets -= rate
        for name, rate in puts.items():
            self._prefix(name).puts -= rate

    @property
    def most(self) -> int:
        """The most partitions that a prefix has come to have."""
        return max((p.partitions for p in self._prefixes.values()), default=self._model.partitions)

    def _prefix(self, name: str) -> Prefix:
        found = self._prefixes.get(name)
        if found is None:
            found = self._prefixes[name] = Prefix(self._model.partitions)
        return found

    def _pressure(self, now: float, prefix: Prefix) -> float:
        model = self._model
        asked = max(prefix.gets / model.partition_gets, prefix.puts / model.partition_puts)
        if asked <= prefix.partitions:
            prefix.over_since = None
            return 1.0
        if prefix.over_since is None:
            prefix.over_since = now
        elif now - prefix.over_since >= model.split_after_s:
            prefix.partitions, prefix.over_since = 2 * prefix.partitions, now
        return max(1.0, asked / prefix.partitions)
