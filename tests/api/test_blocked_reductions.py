"""Reductions by functions of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from tests.judge import arrays, assert_same

PAIR = np.dtype([("n", "i8"), ("total", "f8")])


def count_and_sum(b, axis, keepdims):
    total = b.sum(axis=axis, keepdims=keepdims)
    out = np.empty(total.shape, PAIR)
    out["n"], out["total"] = b.size // max(total.size, 1), total
    return out


def add_up(pairs, axis, keepdims):
    total = pairs["total"].sum(axis=axis, keepdims=keepdims)
    out = np.empty(total.shape, PAIR)
    out["n"], out["total"] = pairs["n"].sum(axis=axis, keepdims=keepdims), total
    return out


def divide(pairs, axis, keepdims):
    both = add_up(pairs, axis, keepdims)
    return both["total"] / both["n"]


@given(arrays(min_dims=1, dtypes=["i8"]), st.data())
@settings(max_examples=40)
def test_a_mean_of_pairs_equals_numpys(pair, data):
    x, n = pair
    axes = data.draw(st.lists(st.integers(0, n.ndim - 1), min_size=1, unique=True).map(tuple))
    if not n.size:
        return
    every = data.draw(st.sampled_from([None, 2, 3, dict.fromkeys(axes, 2)]))
    keepdims = data.draw(st.booleans())
    mean = la.reduction(x, count_and_sum, divide, axes, keepdims, combine=add_up, split_every=every)
    assert_same(mean, n.mean(axes, keepdims=keepdims))


@given(arrays(min_dims=1, dtypes=["i8", "f8"]), st.booleans())
@settings(max_examples=25)
def test_numpys_own_functions_are_told_the_dtype(pair, keepdims):
    x, n = pair
    with np.errstate(all="ignore"):
        expected = n.astype(np.int32).sum(dtype=np.int32, keepdims=keepdims)
    assert_same(la.reduction(x.astype("i4"), np.sum, np.sum, keepdims=keepdims, dtype=np.int32), expected)
    if n.shape[0]:
        assert_same(la.reduction(x, np.max, np.max, axis=0, split_every=2), n.max(0), exact=True)


def test_a_tree_grows_with_the_blocks_and_shrinks_with_what_is_combined_at_once():
    x = la.arange(64, chunks=1)

    def stages(**settings):
        return [
            p.task_count
            for p in la.plan(la.reduction(x, np.sum, np.sum, dtype=int, **settings)).programs
            if p.op != "add"
        ]

    assert stages()[-3:] == [64, 4, 1]
    assert stages(split_every=2)[-7:] == [64, 32, 16, 8, 4, 2, 1]
    assert stages(split_every=64)[-2:] == [64, 1]
    assert_same(la.reduction(x, np.sum, np.sum, dtype=int, split_every=2), np.int64(64 * 63 // 2))


def test_results_may_be_several_elements_and_come_as_lists():
    n = np.arange(40.0)[::-1].copy()
    x = la.from_array(n, chunks=7)

    def least(b, axis, keepdims):
        return np.sort(b)[:3]

    def merged(blocks, axis, keepdims):
        assert isinstance(blocks, list)
        return np.sort(np.concatenate(blocks))[:3]

    found = la.reduction(x, least, merged, keepdims=True, output_size=3, concatenate=False, split_every=2)
    assert_same(found, np.array([0.0, 1.0, 2.0]))
    top = la.reduction(x, least, lambda b, axis, keepdims: np.sort(b)[2], combine=least, output_size=3, dtype=float)
    assert_same(top, np.float64(2))


def test_weights_go_with_the_blocks():
    n, w = np.arange(12.0).reshape(3, 4), np.array([1.0, 0, 2, 0])

    def weighted(b, weights, axis, keepdims):
        return (b * weights).sum(axis=axis, keepdims=keepdims)

    x = la.from_array(n, chunks=2)
    assert_same(la.reduction(x, weighted, np.sum, axis=1, dtype=float, weights=w), (n * w).sum(1))


@pytest.mark.parametrize("every", [1, 0, -3, {0: 1}])
def test_fewer_than_two_at_once_are_refused(every):
    with pytest.raises(ValueError, match="at least 2 results"):
        la.reduction(la.ones(8, chunks=2), np.sum, np.sum, dtype=float, split_every=every)
