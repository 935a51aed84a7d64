"""Rows that change places, as by swaps one after the other, and pivots of a tournament."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get, pivoting, row_orders


def kernel(name):
    return get(name).fn


def orders(size=12):
    return st.integers(1, size).flatmap(lambda n: st.permutations(range(n))).map(np.array)


@settings(max_examples=50, deadline=None)
@given(orders())
def test_an_order_is_made_by_its_interchanges_and_undone_by_its_inverse(order):
    swaps = kernel("interchanges")(order, count=len(order))
    assert kernel("interchanged")(swaps, length=len(order)).tolist() == order.tolist()
    assert order[kernel("inverse_order")(order)].tolist() == list(range(len(order)))
    assert kernel("parity")(order) == (-1) ** np.count_nonzero(swaps != np.arange(len(order)))
    assert kernel("parity")(order) == round(np.linalg.det(np.eye(len(order))[order]))


@settings(max_examples=50, deadline=None)
@given(orders(), st.integers(0, 3), st.data())
def test_pivots_change_places_as_swaps_do(order, start, data):
    pivots = order[: data.draw(st.integers(1, len(order)))]
    rows = np.arange(100, 100 + start + len(order))
    expected = rows.copy()
    for i, p in enumerate(pivots):
        (place,) = np.flatnonzero(expected == rows[start + p])
        expected[[start + i, place]] = expected[[place, start + i]]
    made = kernel("place_pivots")(rows, row_orders.packed(np.ones((len(pivots), 2)), pivots), start=start)
    assert made.tolist() == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(orders(), st.integers(1, 4), st.sampled_from(["f4", "f8", "c8", "c16"]), st.data())
def test_rows_are_brought_together_from_parts(order, part, dtype, data):
    height = data.draw(st.integers(1, len(order)))
    rows = np.arange(len(order)) * 7
    after = kernel("place_pivots")(rows, row_orders.packed(np.ones((height, 1)), order[:height]), start=0)
    a = np.random.default_rng(0).standard_normal((len(order), 3)).astype(dtype)
    expected = a[after // 7]
    parts = [slice(i, i + part) for i in range(0, len(order), part)]
    top = None
    for p in parts:
        top = kernel("take_rows")(top, a[p], rows[p], after[:height])
    np.testing.assert_array_equal(top, expected[:height])
    left, right = np.ones((len(order) - height, height), dtype), np.full((height, 3), 2, dtype)
    lower = plain = None
    for lo in range(0, height, part):
        p = slice(lo, min(lo + part, height))
        given_rows = a[height:], rows[height:], after[height:], a[p], rows[p]
        plain = kernel("update_rows")(plain, *given_rows)
        lower = kernel("update_rows")(lower, *given_rows, left[:, p], right[p])
    np.testing.assert_array_equal(plain, expected[height:])
    np.testing.assert_allclose(lower, expected[height:] - 2 * height, rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(orders(), orders(), st.integers(1, 5), st.integers(1, 5), st.integers(0, 12))
def test_rows_that_are_arranged_by_where_they_go_are_read_from_each_tile_in_one_piece(
    order, other, tile, block, height
):
    size = min(len(order), len(other))
    before, after = (n[n < size] + 100 for n in (order, other))
    blocks = [*range(0, min(height, size), block), *range(min(height, size), size, block), size]
    to, ranges, places = kernel("route_rows")(before, after, blocks=blocks, tile=tile)
    starts = range(0, size, tile)
    tiles = [kernel("arrange_rows")(before[i : i + tile, None], to[i : i + tile]) for i in starts]
    for n, (lo, hi) in enumerate(pairwise(blocks)):
        spans = ranges[n * len(tiles) : (n + 1) * len(tiles)]
        read = np.concatenate([t[first:last] for t, (first, last) in zip(tiles, spans, strict=True)])
        assert kernel("bring_rows")(read, places[lo:hi])[:, 0].tolist() == after[lo:hi].tolist()


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
def test_one_block_has_lapacks_pivots_and_several_find_as_good_ones(dtype):
    rng = np.random.default_rng(0)
    a = (rng.standard_normal((40, 5)) + (1j * rng.standard_normal((40, 5)) if dtype[0] == "c" else 0)).astype(dtype)
    whole = kernel("choose_pivots")(a, block=[(0, 40), (0, 5)], shape=[40, 5], last=True)
    packed, swaps = scipy.linalg.lu_factor(a)
    factor, numbers = row_orders.unpacked(whole)
    np.testing.assert_array_equal(factor, packed)
    assert numbers.tolist() == kernel("interchanged")(swaps, length=40).tolist()
    parts = [
        kernel("choose_pivots")(a[i : i + 10], block=[(i, i + 10), (0, 5)], shape=[40, 5]) for i in range(0, 40, 10)
    ]
    for made in parts:
        values, numbers = row_orders.unpacked(made)
        np.testing.assert_array_equal(values, a[numbers])
    joined = kernel("join_pivots")(np.concatenate(parts), last=True)
    factor, numbers = row_orders.unpacked(joined)
    np.testing.assert_allclose((np.tril(factor, -1) + np.eye(5)) @ np.triu(factor), a[numbers], atol=1e-5)
    below = kernel("eliminate")(a, joined)
    assert np.abs(below).max() < 3
    np.testing.assert_allclose(below @ np.triu(factor), a, atol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(150, 70), (70, 150), (90, 90), (64, 3), (0, 0), (5, 0)])
def test_a_panel_is_factorised_in_its_place_as_lapack_does(shape, dtype, monkeypatch):
    monkeypatch.setattr(pivoting, "FEW_COLUMNS", 8)
    rng = np.random.default_rng(1)
    values = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if dtype[0] == "c" else 0)
    wide = np.zeros((shape[0], shape[1] + 3), dtype)
    made, a = wide[:, : shape[1]], values.astype(dtype)
    made[...] = a
    order = pivoting.factorise(made)
    assert (wide[:, shape[1] :] == 0).all()
    k = min(shape)
    lower, upper = np.tril(made, -1)[:, :k] + np.eye(shape[0], k), np.triu(made)[:k]
    np.testing.assert_allclose(lower @ upper, a[order], atol=200 * np.finfo(dtype).eps)
    if k:
        assert order.tolist() == kernel("interchanged")(scipy.linalg.lu_factor(a)[1], length=shape[0]).tolist()


def test_a_panel_of_low_rank_has_zeros_on_its_diagonal_and_small_multipliers(monkeypatch):
    monkeypatch.setattr(pivoting, "FEW_COLUMNS", 8)
    a = np.outer(2.0 ** (np.arange(200) % 9), np.ones(100))
    made = a.copy()
    order = pivoting.factorise(made)
    assert (made.diagonal()[1:] == 0).all()
    assert np.abs(np.tril(made, -1)).max() <= 1
    np.testing.assert_allclose(np.tril(made, -1)[:, :1] + np.eye(200, 1), a[order][:, :1] / 256)


def test_what_only_rounding_left_eliminates_nothing():
    a = np.array([[1.0, 1.0], [1.0, 1.0 + 2e-16], [3.0, 3.0 + 4e-16]])
    joined = row_orders.packed(np.array([[1.0, 1.0], [1.0, 1e-20]]), np.array([0, 1]))
    assert pivoting.eliminate(a, joined).tolist() == [[1, 0], [1, 0], [3, 0]]
    graded = row_orders.packed(np.array([[1.0, 1.0], [1e-20, 1e-20]]), np.array([0, 1]))
    np.testing.assert_allclose(pivoting.eliminate(np.array([[0.0, 1e-20]]), graded), [[0, 1]])
