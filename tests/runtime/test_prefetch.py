from __future__ import annotations

from time import sleep

import numpy as np
import pytest

from lambdarray.runtime.prefetch import LARGE_BYTES, MAX_AHEAD, MAX_LARGE_AHEAD, IoThreads, Prefetcher, Unit

FETCH_S, COMPUTE_S = 0.005, 0.02


class TileRead:
    """A read of as many bytes, which takes a while."""

    def __init__(self, nbytes):
        self.size = nbytes

    def nbytes(self, blocks):
        return self.size

    def load(self, blocks):
        sleep(FETCH_S)
        return np.empty(0), self.size


@pytest.fixture
def io():
    made = IoThreads(2)
    yield made
    made.close()


def most_ahead(io, nbytes, written_bytes, room=float("inf")):
    """The greatest number of units that are ahead while a task computes from 12 of so many bytes one by one."""
    units = iter([Unit(0, (TileRead(nbytes),), (), False) for _ in range(12)])
    prefetcher, most = Prefetcher(io, (next(units, None) for _ in range(99)), lambda: room, lambda: written_bytes), 0
    for _ in range(12):
        (loaded,), _ = prefetcher.take()
        assert loaded[1] == nbytes
        most = max(most, prefetcher.ahead_bytes // nbytes)
        sleep(COMPUTE_S)
    assert prefetcher.ahead_bytes == 0
    return most


@pytest.mark.parametrize(("nbytes", "expected"), [(LARGE_BYTES, MAX_AHEAD), (LARGE_BYTES + 1, MAX_LARGE_AHEAD)])
def test_few_units_are_ahead_where_computing_does_not_wait(io, nbytes, expected):
    assert most_ahead(io, nbytes, nbytes) == expected


def test_as_much_is_ahead_as_is_written_where_that_would_take_the_wire_for_long(io):
    """Nothing is waited for; but with one unit ahead the next task would wait while this one's outputs are written.

    The second unit shows how long I/O takes beside computing; with the third all of the others are under way.
    """
    assert most_ahead(io, 2 * LARGE_BYTES, 1000 * 2 * LARGE_BYTES) == 9


def test_no_more_is_ahead_than_there_is_room_for(io):
    nbytes = 2 * LARGE_BYTES
    assert most_ahead(io, nbytes, 1000 * nbytes, room=3 * nbytes) == 3
