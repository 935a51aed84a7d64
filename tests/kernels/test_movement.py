from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.functions import entries
from lambdarray_kernels.movement import pack, reshape_groups, reshape_maps
from numpy.testing import assert_array_equal

from lambdarray.task import AxisMap

reshape = get("reshape").fn
FACTORS = [1, 1, 2, 2, 2, 3, 3, 5]


@st.composite
def factorings(draw, factors):
    """A shape whose axes are products of neighbouring factors, with some axes of length 1."""
    cuts = sorted(draw(st.sets(st.integers(0, len(factors)))) | {0, len(factors)})
    shape = [math.prod(factors[lo:hi]) for lo, hi in pairwise(cuts)]
    for place in draw(st.lists(st.integers(0, len(shape)), max_size=2)):
        shape.insert(place, 1)
    return tuple(shape)


@st.composite
def reshapes(draw):
    factors = draw(st.lists(st.sampled_from(FACTORS), max_size=7))
    # Shuffled factors do not align, those in order do: groups of many kinds.
    other = draw(st.permutations(factors)) if draw(st.booleans()) else factors
    return draw(factorings(factors)), draw(factorings(other))


@st.composite
def blocks(draw, source, target):
    """A block that cuts the leading target axis of each group only."""
    block = [(0, n) for n in target]
    for _, right in reshape_groups(source, target):
        if right and target[right[0]] > 0:
            lo = draw(st.integers(0, target[right[0]] - 1))
            block[right[0]] = (lo, draw(st.integers(lo + 1, target[right[0]])))
    return block


def read(x, target, block):
    """What a worker reads for a block."""
    maps = [AxisMap(axis, size=n, num=num, den=den) for axis, n, num, den in reshape_maps(x.shape, target)]
    return x[tuple(slice(*m.span(block[m.axis] if m.axis >= 0 else (0, 0))) for m in maps)]


@given(st.data())
def test_a_block_of_a_reshape_is_numpys(data):
    source, target = data.draw(reshapes())
    block = data.draw(blocks(source, target))
    x = np.arange(math.prod(source)).reshape(source)
    expected = x.reshape(target)[tuple(slice(*span) for span in block)]
    part = read(x, target, block)
    for held in (part, np.ascontiguousarray(part), np.asfortranarray(part)):
        result = reshape(held, block=block, shape=target, source=source)
        assert result.shape == expected.shape
        assert_array_equal(result, expected)


@given(st.data())
def test_a_read_brings_less_than_a_row_too_much_on_each_side(data):
    source, target = data.draw(reshapes())
    block = data.draw(blocks(source, target))
    x = np.arange(math.prod(source)).reshape(source)
    part = read(x, target, block)
    for left, right in reshape_groups(source, target):
        if left and right:
            needed = math.prod(hi - lo for lo, hi in (block[d] for d in right))
            row = math.prod(source[d] for d in left[1:])
            assert needed <= math.prod(part.shape[d] for d in left) <= needed + 2 * (row - 1)


@given(reshapes())
def test_groups_cover_every_axis_once_in_order_with_equal_products(shapes):
    source, target = shapes
    groups = reshape_groups(source, target)
    for side, shape in ((0, source), (1, target)):
        assert sorted(d for group in groups for d in group[side]) == list(range(len(shape)))
    for left, right in groups:
        assert math.prod(source[d] for d in left) == math.prod(target[d] for d in right)
        assert list(left) == sorted(left)
        assert list(right) == sorted(right)


@pytest.mark.parametrize(
    ("source", "target"), [((0,), (0, 3)), ((2, 0), (0,)), ((0, 5), (5, 1, 0)), ((3, 0, 2), (0, 7))]
)
def test_an_empty_array_takes_any_empty_shape(source, target):
    block = [(0, n) for n in target]
    x = np.zeros(source, "f4")
    result = reshape(read(x, target, block), block=block, shape=target, source=source)
    assert (result.shape, result.dtype) == (target, np.dtype("f4"))


def test_a_scalar_becomes_any_shape_of_one_element():
    assert reshape(np.array(3), block=[(0, 1), (0, 1)], shape=(1, 1), source=()).tolist() == [[3]]
    assert reshape(np.ones((1, 1)), block=[], shape=(), source=(1, 1)).shape == ()


def test_contiguous_rows_are_cut_without_a_copy():
    x = np.arange(60).reshape(12, 5)
    block = [(2, 7), (0, 6)]
    result = reshape(read(x, (10, 6), block), block=block, shape=(10, 6), source=(12, 5))
    assert np.shares_memory(result, x)


def test_axes_that_stay_are_groups_of_their_own():
    assert reshape_groups((4, 6, 5), (4, 2, 3, 5)) == [((0,), (0,)), ((1,), (1, 2)), ((2,), (3,))]
    assert reshape_groups((4, 6), (6, 4)) == [((0, 1), (0, 1))]
    assert reshape_groups((1, 3), (3, 1)) == [((0,), ()), ((), (1,)), ((1,), (0,))]


def test_unequal_counts_are_an_error_with_both():
    with pytest.raises(ValueError, match="6 elements are not 8"):
        reshape_groups((2, 3), (8,))


@pytest.mark.parametrize("dtype", ["f8", "i2", "U3", "M8[s]"])
def test_an_array_packed_into_one_element_has_its_elements_in_order(dtype):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    for layout in (x, np.asfortranarray(x), x[::-1, ::-1]):
        packed = pack(layout, ndim=3)
        assert packed.shape == (1, 1, 1)
        assert_array_equal(entries(packed, x.dtype), layout.ravel())
