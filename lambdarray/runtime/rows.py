"""What some workers did, one after the other: of all where they are few, of a sample where they are many."""

from __future__ import annotations

import numpy as np

WORKERS = 64
SEGMENTS = 8192
# An attempt of a worker; or several, `count` of them, that followed one another where there were too many. Times are
# seconds from the run's start, `launched` that of the start where nothing is known of it; `lost_s` was of no use, and
# in `write_s` a worker had nothing else to do.
SEGMENT = np.dtype(
    [(name, "f8") for name in ("launched", "start", "wait_s", "compute_s", "lost_s", "write_s", "end")]
    + [(name, "i8") for name in ("worker", "task", "attempt", "count")]
)
SUMMED = ("wait_s", "compute_s", "lost_s", "write_s", "count")
UNSETTLED = -1.0


class Rows:
    """Segments of at most WORKERS workers.

    Workers are kept by the hash of their names: a sample that does not depend on when they came.
    """

    def __init__(self) -> None:
        self._hashes: list[int] = []
        self._blocks: list[np.ndarray] = []
        self._size, self._cell_s = 0, 0.0

    def meet(self, name: str) -> None:
        """A worker that was not known; they are numbered from 0."""
        from zlib import crc32

        self._hashes.append(crc32(name.encode()))

    def add(self, segments: np.ndarray) -> None:
        """Segments whose `write_s` is UNSETTLED."""
        self._blocks.append(segments[np.isin(segments["worker"], self._chosen())])
        self._size += len(self._blocks[-1])
        if self._size > SEGMENTS:
            self._shrink()

    def all(self) -> np.ndarray:
        """The segments by worker and time."""
        found = np.concatenate([np.empty(0, SEGMENT), *self._blocks])
        found = found[np.isin(found["worker"], self._chosen())]
        return _settled(found[np.lexsort((found["start"], found["worker"]))])

    def _chosen(self) -> np.ndarray:
        return np.argsort(np.array(self._hashes, np.uint32), kind="stable")[:WORKERS]

    def _shrink(self) -> None:
        """Forget workers that are not of the sample any longer, then join neighbours within longer and longer cells."""
        found = self.all()
        while len(found) > SEGMENTS // 2:
            span = found["end"].max() - found["start"].min()
            self._cell_s = max(2 * self._cell_s, span / SEGMENTS, 1e-9)
            found = _joined(found, self._cell_s)
        self._blocks, self._size = [found], len(found)


def _settled(found: np.ndarray) -> np.ndarray:
    """With the seconds in which a worker had nothing to do but to write: until its next segment begins."""
    after = np.full(len(found), np.inf)
    same = found["worker"][1:] == found["worker"][:-1]
    after[:-1][same] = found["launched"][1:][same]
    computed = found["start"] + found["wait_s"] + found["compute_s"] + found["lost_s"]
    written = np.maximum(np.minimum(found["end"], after) - computed, 0.0)
    out = found.copy()
    out["write_s"] = np.where(found["write_s"] == UNSETTLED, written, found["write_s"])
    return out


def _joined(found: np.ndarray, cell_s: float) -> np.ndarray:
    """One segment for those of a worker that start in the same cell of time."""
    cell = np.floor(found["start"] / cell_s)
    first = np.ones(len(found), bool)
    first[1:] = (found["worker"][1:] != found["worker"][:-1]) | (cell[1:] != cell[:-1])
    at = np.flatnonzero(first)
    out = found[at].copy()
    for name in SUMMED:
        out[name] = np.add.reduceat(found[name], at)
    out["end"] = np.maximum.reduceat(found["end"], at)
    return out
