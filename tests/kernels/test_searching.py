from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get

from .samples import ORDERED, bounds, same, spans, values

searchsorted, digitize, interp, isin, unique = (
    get(name).fn for name in ("searchsorted", "digitize", "interp", "isin", "unique")
)
PLAIN = ORDERED[:-1]


def tiles(draw, x):
    """The tiles of ragged cuts of an array, with their blocks, in any order."""
    boxes = list(itertools.product(*[spans(draw(bounds(n, 2))) for n in x.shape]))
    return [(box, x[tuple(slice(*b) for b in box)]) for box in draw(st.permutations(boxes))]


@settings(max_examples=50)
@given(st.data(), st.sampled_from(PLAIN), st.sampled_from(["left", "right"]), st.integers(0, 9))
def test_an_ordered_line_in_tiles_is_searched_as_if_it_were_whole(data, dtype, side, seed):
    line, wanted = np.sort(values(20, dtype, seed)), values((3, 5), dtype, seed + 1)
    found = None
    for _, tile in tiles(data.draw, line):
        found = searchsorted(found, tile, wanted, side=side)
    same(found, np.searchsorted(line, wanted, side).astype(np.int64))


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("bins", [[-2.0, 0.0, 0.5, 3.0], [3.0, 0.5, 0.5, -2.0], [1.0]])
def test_bins_are_numpys(bins, right):
    x = values((4, 6), "f8")
    same(digitize(x, np.array(bins), right=right), np.digitize(x, bins, right).astype(np.int64))


def test_bins_without_order_are_numpys_error():
    with pytest.raises(ValueError, match="monotonically"):
        digitize(np.ones(2), np.array([1.0, 3.0, 2.0]))


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("params", [{}, {"left": -1.0, "right": 5}, {"period": 3.0}])
def test_interpolation_is_numpys_whatever_the_tiles(dtype, params):
    xp, fp, x = np.sort(np.random.default_rng(0).random(9)) * 9, values(9, dtype), np.linspace(-1, 10, 50)
    for ends in ([0, 50], [0, 1, 3, 30, 50]):
        got = np.concatenate([interp(x[lo:hi], xp, fp, **params) for lo, hi in spans(ends)])
        same(got, np.interp(x, xp, fp, **params))


def test_a_complex_end_is_given_by_its_parts():
    got = interp(np.array([-1.0, 9.0]), np.array([0.0, 1.0]), np.array([0j, 1j]), left=[1, 2], right=[3, 4])
    same(got, np.array([1 + 2j, 3 + 4j]))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(PLAIN))
def test_what_is_in_any_tile_is_in_the_whole(data, dtype):
    x, test = values((4, 5), dtype, 1), values(6, dtype, 2)
    found = None
    for _, tile in tiles(data.draw, test):
        found = isin(found, x, tile)
    same(found, np.isin(x, test))


@settings(max_examples=50)
@given(
    st.data(), st.sampled_from(PLAIN), st.sampled_from([(0,), (1,), (30,), (4, 7), (2, 3, 5)]), st.booleans(),
    st.integers(0, 9),
)  # fmt: skip
def test_the_distinct_values_of_tiles_in_any_order_are_numpys(data, dtype, shape, equal_nan, seed):
    x = values(shape, dtype, seed)
    found = None
    for block, tile in tiles(data.draw, x):
        found = unique(found, tile, block=block, shape=shape, equal_nan=equal_nan)
    expected = np.unique(x, return_index=True, return_counts=True, equal_nan=equal_nan)
    for got, theirs in zip((found["value"], found["index"], found["count"]), expected, strict=True):
        np.testing.assert_array_equal(got, theirs)
    assert found["value"].dtype == x.dtype
    if equal_nan and x.dtype.kind != "c":
        inverse = np.unique(x, return_inverse=True)[1]
        np.testing.assert_array_equal(searchsorted(None, found["value"], x), inverse)


def test_triples_of_tiles_merge_like_tiles():
    x = np.array([5, 9, 5, 9, 9, 2])
    parts = [unique(None, x[i : i + 3], block=[(i, i + 3)], shape=[6]) for i in (0, 3)]
    found = unique(parts[1], parts[0], block=[(0, 1)], shape=[1])
    assert found.tolist() == [(2, 5, 1), (5, 0, 2), (9, 1, 3)]


def test_a_search_is_counted_by_halvings():
    assert get("searchsorted").flops(None, (1023,), (5, 2)) == 100
    assert get("digitize").flops((10,), (7,)) == 30
    assert get("isin").flops(None, (8,), (7,)) == 32
    assert get("unique").flops(None, (8,)) == 24
    assert get("interp").flops((2,), (4,), (4,)) == 2 * (3 + 4)
