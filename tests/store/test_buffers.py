"""Memory is lent again once nobody has an array over it, during runs alone."""

from __future__ import annotations

import numpy as np

from lambdarray.store import buffers

SHAPE = (1 << 18,)


def address(x: np.ndarray) -> int:
    return int(x.__array_interface__["data"][0])


def test_memory_comes_back_when_the_last_array_over_it_is_gone():
    with buffers.kept(1 << 30):
        first = buffers.empty(SHAPE, "f8")
        part = np.frombuffer(memoryview(first), "f8")[5:10]
        where = address(first)
        del first
        assert address(buffers.empty(SHAPE, "f8")) != where
        part[:] = 1
        del part
        again = buffers.empty((512, 512), "f8")
        assert address(again) == where
        assert type(again) is np.ndarray


def test_no_more_is_kept_than_was_allowed_and_nothing_after_the_run():
    with buffers.kept(3 << 20):
        lent = [buffers.empty(SHAPE, "f8") for _ in range(3)]
        lent.clear()
        assert sum(map(len, buffers._free.values())) == 1
    assert not buffers._free
    outside = buffers.empty(SHAPE, "f8")
    del outside
    assert not buffers._free


def test_small_arrays_are_numpys_own():
    with buffers.kept(1 << 30):
        assert buffers.empty((3, 4), "f4").base is None
