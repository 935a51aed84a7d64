"""Memory is lent again once nobody has an array over it, during runs alone."""

from __future__ import annotations

import numpy as np

from lambdarray.store import buffers
from lambdarray.store.format import as_bytes

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


def test_memory_of_up_to_twice_the_size_serves_too_the_smallest_first():
    with buffers.kept(1 << 30):
        lent = [buffers.empty((n << 18,), "f8") for n in (4, 3, 1)]
        large, medium, small = map(address, lent)
        lent.clear()
        asked = [buffers.empty((2 << 18,), "f8") for _ in range(3)]
        assert [address(x) for x in asked[:2]] == [medium, large]
        assert address(asked[2]) != small
        assert [x.base.nbytes for x in asked] == [n << 21 for n in (3, 4, 2)]
        asked.clear()
        assert sorted(buffers._free) == [n << 21 for n in (1, 2, 3, 4)]


def test_no_more_is_kept_than_was_allowed_and_nothing_after_the_run():
    with buffers.kept(3 << 20):
        lent = [buffers.empty(SHAPE, "f8") for _ in range(3)]
        lent.clear()
        assert sum(map(len, buffers._free.values())) == 1
    assert not buffers._free
    outside = buffers.empty(SHAPE, "f8")
    del outside
    assert not buffers._free


def test_what_outlives_its_run_leaves_nothing_behind():
    with buffers.kept(1 << 30):
        lent = buffers.empty(SHAPE, "f8")
    del lent
    assert not buffers._free


def test_of_a_size_nobody_asks_for_only_a_few_are_kept():
    with buffers.kept(1 << 30):
        lent = [buffers.empty(SHAPE, "f8") for _ in range(buffers.MOST_OF_A_SIZE + 3)]
        lent.clear()
        assert sum(map(len, buffers._free.values())) == buffers.MOST_OF_A_SIZE


def test_small_arrays_are_numpys_own():
    with buffers.kept(1 << 30):
        assert buffers.empty((3, 4), "f4").base is None


def test_memory_ends_with_a_huge_page_where_that_is_little_more_than_was_asked_for():
    with buffers.kept(1 << 30):
        sizes = [len(buffers.empty((n,), "u1").base) for n in (3 << 20, 4_000_000)]
    assert sizes == [3 << 20, 4 << 20]


def test_what_is_to_be_given_back_is_not_the_allocators():
    lent = buffers.empty((1 << 20,), "u1", given_back=True)
    assert isinstance(lent.base, buffers.Leased)
    assert not isinstance(buffers.empty((1 << 20,), "u1").base, buffers.Leased)


def test_a_tile_that_does_not_lie_in_order_is_copied_to_memory_that_is_given_back():
    tile = np.arange(1 << 18, dtype="f8").reshape(512, 512).T
    data = as_bytes(tile)
    assert isinstance(np.asarray(data.obj).base.base, buffers.Leased)
    assert np.array_equal(np.frombuffer(data, "f8").reshape(512, 512), tile)
