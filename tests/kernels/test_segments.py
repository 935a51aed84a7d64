from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get

from .samples import same, values

reduceat, lexsort, last_known, push, headed, parts, merge_unique, unique, unique_rows = (
    get(name).fn
    for name in (
        "reduceat",
        "lexsort",
        "last_known",
        "push",
        "headed",
        "parts",
        "merge_unique",
        "unique",
        "unique_rows",
    )
)


@pytest.mark.parametrize("name", ["add", "maximum", "subtract"])
@pytest.mark.parametrize("dtype", ["i4", "f4", "?"])
def test_indices_are_counted_from_where_a_tile_begins(name, dtype):
    if (name, dtype) == ("subtract", "?"):
        return
    x, indices = values((10, 3), dtype, special=False), np.array([2, 5, 5, 8])
    whole = getattr(np, name).reduceat(x, indices)
    same(reduceat(x, indices, name=name), whole)
    same(reduceat(x[2:], indices, name=name, relative=True), whole)
    assert reduceat(x, indices[:0], name=name).shape == (0, 3)


def test_keys_are_ordered_along_an_axis():
    keys = [values((4, 5), dtype, seed) for seed, dtype in enumerate(("i4", "f8", "?"))]
    for axis in (0, 1, -1):
        same(lexsort(*keys, axis=axis), np.lexsort(keys, axis))


@pytest.mark.parametrize("dtype", ["f4", "c16"])
@pytest.mark.parametrize("most", [None, 1])
def test_gaps_are_filled_from_the_tiles_before(dtype, most):
    x = np.array([[np.nan, 1, np.nan, np.nan, 2, np.nan]], dtype)
    filled = np.array([[np.nan, 1, 1, 1 if most is None else np.nan, 2, 2]], dtype)
    tiles = {(0, 2): x[:, :2], (2, 3): x[:, 2:3], (3, 6): x[:, 3:]}
    ends = [last_known(tile, axis=1, block=[(0, 1), span], shape=[1, 6]) for span, tile in tiles.items()]
    known = [np.concatenate(part, axis=1) for part in zip(*ends, strict=True)]
    np.testing.assert_array_equal(known[1], [[1, -1, 4]])
    for span, tile in tiles.items():
        made = push(tile, *known, axis=1, most=most, block=[(0, 1), span], shape=[1, 6])
        same(made, filled[:, slice(*span)])


def test_what_is_shorter_than_its_block_stands_at_the_head():
    rows, line, length = headed(np.ones((2, 3)), np.array([4, 5]), length=3)
    same(rows, np.array([[1.0] * 3, [1.0] * 3, [0.0] * 3]))
    same(line, np.array([4, 5, 0]))
    same(length, np.array([2]))


@pytest.mark.parametrize("equal_nan", [True, False])
def test_distinct_values_of_tiles_joined_are_those_of_all(equal_nan):
    x = values(30, "f8")
    tiles = [unique(None, x[i : i + 10], block=[(i, i + 10)], shape=[30], equal_nan=equal_nan) for i in (20, 0, 10)]
    value, index, count = parts(merge_unique(np.concatenate(tiles), equal_nan=equal_nan))
    expected = np.unique(x, return_index=True, return_counts=True, equal_nan=equal_nan)
    for actual, wanted in zip((value, index, count), expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)


def test_rows_are_numpys():
    x = np.array([[2, 1], [0, 1], [2, 1]])
    for actual, wanted in zip(unique_rows(x), np.unique(x, True, True, True, axis=0), strict=True):
        np.testing.assert_array_equal(actual, wanted)
