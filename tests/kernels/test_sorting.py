from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.sorting import pair_dtype

from .samples import ORDERED, bounds, same, spans, values

SHAPES = [(0,), (1,), (17,), (4, 9), (3, 0), (2, 5, 6)]


def kernel(name):
    return get(name).fn


@pytest.mark.parametrize("dtype", ORDERED, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_whole_lines_are_sorted_as_numpy_sorts_them(dtype, shape):
    x = values(shape, dtype)
    for axis in range(-1, x.ndim):
        expected = np.sort(x, axis=axis, kind="stable")
        same(kernel("sort")(x, axis=axis, stable=True), expected)
        np.testing.assert_array_equal(kernel("sort")(x, axis=axis), expected)
        order = kernel("argsort")(x, axis=axis)
        same(order, np.argsort(x, axis=axis, kind="stable"))
        assert order.dtype == np.int64


@pytest.mark.parametrize("dtype", ORDERED, ids=str)
def test_descending_is_ascending_reversed_with_equal_elements_in_place(dtype):
    x = values((5, 30), dtype)
    down = kernel("sort")(x, axis=1, descending=True)
    np.testing.assert_array_equal(down, np.flip(np.sort(x, axis=1), 1))
    order = kernel("argsort")(x, axis=1, descending=True)
    np.testing.assert_array_equal(np.take_along_axis(x, order, 1), down)
    # The stable order by how many places there are from the end.
    rank = np.unique(x, return_inverse=True, equal_nan=True)[1].reshape(x.shape) if x.dtype.kind in "bui" else None
    if rank is not None:
        same(order, np.argsort(-rank, axis=1, kind="stable"))


def test_a_stable_descending_sort_keeps_the_order_of_zeros():
    x = np.array([0.0, -0.0, 1.0, -0.0])
    same(kernel("sort")(x, stable=True, descending=True), np.array([1.0, 0.0, -0.0, -0.0]))


@pytest.mark.parametrize("dtype", ORDERED, ids=str)
@pytest.mark.parametrize("kth", [0, 3, [1, 7], -1])
def test_a_partition_has_its_elements_in_their_places(dtype, kth):
    x = values((4, 9), dtype)
    for axis, k in ((1, kth), (0, 2)):
        expected = np.sort(x, axis=axis)
        order = kernel("argpartition")(x, kth=k, axis=axis)
        assert order.dtype == np.int64
        for part in (kernel("partition")(x, kth=k, axis=axis), np.take_along_axis(x, order, axis)):
            np.testing.assert_array_equal(np.take(part, k, axis), np.take(expected, k, axis))
            np.testing.assert_array_equal(np.sort(part, axis=axis), expected)


def test_a_place_outside_the_line_is_numpys_error():
    with pytest.raises(ValueError, match="kth"):
        kernel("partition")(np.arange(3), kth=3)


@settings(max_examples=50)
@given(st.data(), st.sampled_from(ORDERED[:-1]), st.integers(-12, 12))
def test_the_k_largest_come_out_of_any_tiles_in_any_order(data, dtype, k):
    x = values((2, 10), dtype, data.draw(st.integers(0, 9)))
    ends = data.draw(bounds(10))
    best, pairs = None, None
    for lo, hi in data.draw(st.permutations(spans(ends))):
        tile = x[:, lo:hi]
        best = kernel("topk")(best, tile, k=k, axis=1)
        pairs = kernel("argtopk")(pairs, tile, block=[(0, 2), (lo, hi)], shape=x.shape, k=k, axis=1)
    ordered = np.sort(x, axis=1)
    expected = np.flip(ordered, 1)[:, :k] if k >= 0 else ordered[:, :-k]
    np.testing.assert_array_equal(best, expected)
    assert pairs.dtype == pair_dtype(x.dtype)
    np.testing.assert_array_equal(pairs["value"], expected)
    np.testing.assert_array_equal(np.take_along_axis(x, pairs["index"], 1), expected)


def test_the_largest_records_are_found():
    x = values(20, ORDERED[-1])
    same(kernel("topk")(x[:9], x[9:], k=4), np.sort(x)[:-5:-1])


def test_equal_elements_are_found_in_the_order_in_which_they_lie():
    x = np.array([3, 1, 3, 3, 2])
    found = None
    for lo, hi in [(2, 5), (0, 2)]:
        found = kernel("argtopk")(found, x[lo:hi], block=[(lo, hi)], shape=[5], k=4)
    assert found["index"].tolist() == [0, 2, 3, 4]


def test_pairs_of_tiles_merge_like_tiles():
    x = np.array([5, 9, 1, 7, 8, 2])
    parts = [kernel("argtopk")(None, x[i : i + 3], block=[(i, i + 3)], shape=[6], k=2) for i in (0, 3)]
    found = kernel("argtopk")(parts[0], parts[1], block=[(0, 1)], shape=[1], k=2)
    assert found.tolist() == [(9, 1), (8, 4)]


def test_flops_are_comparisons():
    assert get("sort").flops((4, 1024), axis=1) == 4 * 1024 * math.log2(1024)
    assert get("sort").flops((0,)) == 0
    assert get("topk").flops(None, (10,), k=3) == 20
