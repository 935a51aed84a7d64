"""Sums over time in bounded memory: equal bins from 0 on, which grow wider as a run gets longer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BINS = 512
FIRST_WIDTH_S = 2.0**-20
# What is shorter than this share of a bin goes into one: a rate from so short a time would drown the others.
SHORT = 1e-6


class Bins:
    """Several series of sums over the same bins.

    >>> bins = Bins(("busy_s",))
    >>> bins.reach(10.0)
    >>> bins.spread("busy_s", np.array([1.0]), np.array([9.0]), np.array([4.0]))
    >>> float(bins["busy_s"].sum())
    4.0
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.width_s, self.end_s = FIRST_WIDTH_S, 0.0
        self._number = {name: n for n, name in enumerate(names)}
        self._sums = np.zeros((len(names), BINS))

    def __getitem__(self, name: str) -> np.ndarray:
        """The sums of a series, up to the last bin that time has reached."""
        return self._sums[self._number[name], : max(1, int(np.ceil(self.end_s / self.width_s)))]

    def reach(self, end_s: float) -> None:
        """Have bins up to this time: pairs of bins become one until there are enough."""
        self.end_s = max(self.end_s, end_s)
        while self.width_s * BINS < self.end_s:
            self.width_s *= 2
            pairs = self._sums.reshape(len(self._sums), BINS // 2, 2).sum(axis=2)
            self._sums = np.concatenate([pairs, np.zeros_like(pairs)], axis=1)

    def spread(self, name: str, begin: np.ndarray, end: np.ndarray, amount: np.ndarray) -> None:
        """Add amounts, each evenly over its own time."""
        length, width = end - begin, self.width_s
        long = length > SHORT * width
        rate = amount[long] / length[long]
        # A rate that begins or ends within a bin counts for the rest of it, and in full for all later ones.
        times, rates = np.concatenate([begin[long], end[long]]), np.concatenate([rate, -rate])
        at = self._bins(times)
        rest = np.bincount(at, rates * ((at + 1) * width - times), BINS)
        change = np.bincount(at, rates, BINS)
        # What ends with a bin is in it, and not in the next one, which there may not be.
        at_once = np.bincount(self._bins(np.nextafter(end[~long], 0.0)), amount[~long], BINS)
        self._sums[self._number[name]] += np.maximum(rest + width * (np.cumsum(change) - change) + at_once, 0.0)

    def _bins(self, times: np.ndarray) -> np.ndarray:
        return np.clip(times / self.width_s, 0, BINS - 1).astype(np.int64)
