"""Parts of lines reduced, ordered, filled and summed are as NumPy has them, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import segments
from tests.judge import arrays, close, judge

SMALL = settings(max_examples=30, deadline=None)
UFUNCS = (np.add, np.multiply, np.maximum, np.subtract, np.logical_or, np.hypot)


@pytest.fixture(params=[8, 40, 1 << 26], ids=["by slices", "in groups", "in one task"], scope="module")
def most(request):
    """How much a task reads: less than a segment, some of them, all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "MOST_BYTES", request.param)
        yield request.param


@given(arrays(dtypes=("?", "i4", "u1", "f4", "f8"), min_dims=1), st.data())
@SMALL
def test_reductions_between_indices(most, pair, data):
    axis = data.draw(st.integers(0, pair[1].ndim - 1))
    indices = data.draw(st.lists(st.integers(0, 7), max_size=8))
    indices = sorted(indices) if data.draw(st.booleans()) else indices
    ufunc = data.draw(st.sampled_from(UFUNCS))
    judge(lambda x: ufunc.reduceat(x, np.array(indices, dtype=int), axis), pair)


def test_arguments_of_reduceat(most):
    n = np.arange(12, dtype="i2").reshape(3, 4)
    pair = la.from_array(n, chunks=2), n
    for change in (
        lambda x: np.add.reduceat(x, [0, 2], 1, dtype="f4"),
        lambda x: np.add.reduceat(x, [0.5]),
        lambda x: np.add.reduceat(x, np.array([0.5])),
        lambda x: np.add.reduceat(x, [-1]),
        lambda x: np.add.reduceat(x, [3]),
        lambda x: np.add.reduceat(x, [0], axis=2),
        lambda x: np.add.reduceat(x, [[0]]),
    ):
        judge(change, pair)


def test_many_indices_make_few_tasks():
    x = la.arange(10_000, chunks=1000)
    assert la.plan(np.add.reduceat(x, np.arange(0, 10_000, 3))).task_count <= 12


@given(st.data(), st.integers(1, 3))
@SMALL
def test_orders_by_several_keys(data, count):
    first = data.draw(arrays(dtypes=("u1", "f8"), min_dims=1, max_dims=2))
    others = [data.draw(arrays(dtypes=("?", "i4", "f4"), shape=first[1].shape)) for _ in range(count)]
    axis = data.draw(st.integers(-first[1].ndim, first[1].ndim))
    few = [(np.minimum(a, 3), np.minimum(n, 3)) for a, n in (first, *others)]
    judge(lambda *keys: np.lexsort(keys, axis), *few)


def test_keys_that_do_not_fit():
    n = np.arange(4)
    pair = la.from_array(n, chunks=2), n
    judge(lambda x: np.lexsort((x, x[:2])), pair)
    judge(lambda x: np.lexsort(x.reshape(2, 2)), pair)


@given(arrays(dtypes=("i1", "u2", "i8", "f4", "f8", "c8"), min_dims=1))
@SMALL
def test_sorted_as_complex_numbers(pair):
    judge(np.sort_complex, pair)


@given(arrays(dtypes=("f4", "f8"), min_dims=1), st.integers(0, 3), st.data())
@SMALL
def test_gaps_are_filled_from_before(pair, most, data):
    axis = data.draw(st.integers(0, pair[1].ndim - 1))
    expected, lost_at = np.moveaxis(pair[1].copy(), axis, 0), np.moveaxis(np.isnan(pair[1]), axis, 0)
    age = np.zeros(expected.shape[1:], int)
    for i, lost in enumerate(lost_at):
        age = np.where(lost, age + 1, 0)
        if not i:
            continue
        expected[i] = np.where(lost & (age <= most), expected[i - 1], expected[i])
    np.testing.assert_array_equal(la.push(pair[0], most, axis).compute(), np.moveaxis(expected, 0, axis))


@given(arrays(dtypes=("i4", "f8"), min_dims=1, max_dims=2), st.integers(1, 3), st.booleans())
@SMALL
def test_neighbours_are_reduced_in_groups(pair, factor, trim):
    x, n = pair
    if n.shape[-1] % factor and not trim:
        with pytest.raises(ValueError, match="trim_excess"):
            la.coarsen(np.sum, x, {-1: factor})
        return
    groups = n.shape[-1] // factor
    expected = n[..., : groups * factor].reshape(*n.shape[:-1], groups, factor).sum(-1)
    value = la.coarsen(np.sum, x, {-1: factor}, trim_excess=trim)
    assert value.dtype == expected.dtype
    np.testing.assert_allclose(value.compute(), expected)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["f8", "f4", "i4"])
def test_central_moments(order, kind):
    n = (np.random.default_rng(0).random((6, 5)) * 9).astype(kind)
    x = la.from_array(n, chunks=(4, 2))
    work = n.astype("f8" if kind == "i4" else kind)
    expected = ((work - work.mean(0)) ** order).sum(0) / (6 - 1)
    value = la.moment(x, order, axis=0, ddof=1)
    assert value.dtype == work.dtype
    close(value.compute() + 1, expected.astype(work.dtype) + 1)
    with pytest.raises(ValueError, match="order"):
        la.moment(x, -1)


@given(arrays(dtypes=("i4", "f4", "f8", "c16"), min_dims=1), st.data())
@SMALL
def test_integrals(pair, data):
    axis = data.draw(st.integers(-pair[1].ndim, pair[1].ndim - 1))
    places = data.draw(arrays(dtypes=("i4", "f8"), shape=(pair[1].shape[axis],)))
    judge(lambda y: np.trapezoid(y, dx=0.5, axis=axis), pair)
    judge(lambda y, x: np.trapezoid(y, x, axis=axis), pair, places)
    judge(lambda y: np.trapezoid(y, y, axis=axis), pair)


@given(arrays(dtypes=("i4", "f4", "f8"), min_dims=1), st.sampled_from([{}, {"period": 4}, {"period": 5, "discont": 4}]))
@SMALL
def test_angles_without_jumps(pair, given):
    judge(lambda x: np.unwrap(x, axis=0, **given), pair)
