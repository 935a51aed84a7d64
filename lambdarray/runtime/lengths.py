"""How long the tasks of each stage took, and which took much longer than the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# A stage's seconds are counted in bins of a quarter of an octave, from a microsecond up.
PER_OCTAVE, BINS = 4, 128
LOWEST = -20
LAG = 2.0
KEPT = 200


class Straggler(NamedTuple):
    """A task that took `seconds`, with the worker that did it."""

    task: int
    attempt: int
    seconds: float
    stage: int
    worker: str


class Lengths:
    """Counts of seconds by stage, and the tasks that lag behind their stage's median by most."""

    def __init__(self, stages: int) -> None:
        self._counts = np.zeros((stages, BINS), np.int32)
        self._longest: list[Straggler] = []

    def add(
        self, stages: np.ndarray, seconds: np.ndarray, segments: np.ndarray, workers: list[str], which: np.ndarray
    ) -> None:
        """Attempts, of which those count that are set in `which`: their stages, seconds, segments and workers."""
        at = np.flatnonzero(which)
        np.add.at(self._counts, (stages[at], _bin(seconds[at])), 1)
        excess = seconds[at] - self._medians()[stages[at]]
        for i in at[np.argsort(-excess)[:KEPT]]:
            task, attempt = int(segments["task"][i]), int(segments["attempt"][i])
            self._longest.append(Straggler(task, attempt, float(seconds[i]), int(stages[i]), workers[i]))
        self._longest = self.stragglers(0.0)[:KEPT] if len(self._longest) > KEPT else self._longest

    def stragglers(self, least_s: float, lag: float = 0.0) -> list[Straggler]:
        """Those longer than `lag` medians of their stage and `least_s` above it, the furthest behind first."""
        medians = self._medians()
        found = [s for s in self._longest if s.seconds >= max(lag * medians[s.stage], medians[s.stage] + least_s)]
        return sorted(found, key=lambda s: medians[s.stage] - s.seconds)

    def median(self, stage: int) -> float:
        """The median seconds of a stage's tasks, to a quarter of an octave; 0 where none is done."""
        return float(self._medians()[stage])

    @property
    def count(self) -> int:
        """All that were counted."""
        return int(self._counts.sum())

    def lagging(self) -> int:
        """Tasks that took more than LAG medians of their stage, to a quarter of an octave."""
        first = self._median_bins() + int(PER_OCTAVE * np.log2(LAG)) + 1
        return int(self._counts[np.arange(BINS) >= first[:, None]].sum())

    def _median_bins(self) -> np.ndarray:
        below = np.cumsum(self._counts, axis=1)
        return np.asarray(np.argmax(2 * below >= np.maximum(below[:, -1:], 1), axis=1))

    def _medians(self) -> np.ndarray:
        middles = 2.0 ** ((self._median_bins() + 0.5) / PER_OCTAVE + LOWEST)
        return np.asarray(np.where(self._counts.any(axis=1), middles, 0.0))


def _bin(seconds: np.ndarray) -> np.ndarray:
    octaves = np.log2(np.maximum(seconds, 2.0**LOWEST)) - LOWEST
    return np.asarray(np.minimum(octaves * PER_OCTAVE, BINS - 1), np.int64)
