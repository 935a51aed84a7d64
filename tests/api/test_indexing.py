"""`x[key]` and the functions that take elements, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, check_raises, judge
from .keys import keys

few = settings(max_examples=40)
PLAIN = ("i8", "f4", "c16", "?")


def check(function, ours, theirs):
    """As `judge`, for a function of an array and of other things of which we and NumPy each have their own."""
    try:
        expected = function(*theirs)
    except Exception as error:
        check_raises(function, ours, error)
        return
    assert_same(function(*ours), expected, exact=True)


@settings(max_examples=150)
@given(st.data())
def test_any_key_takes_what_numpy_takes(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=6))
    ours, theirs = data.draw(keys(n.shape))
    check(lambda a, k: a[k], (x, ours), (n, theirs))


@settings(max_examples=100)
@given(st.data())
def test_a_key_that_numpy_refuses_is_refused(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=4))
    ours, theirs = data.draw(keys(n.shape, valid=False))
    entries, same = (k if isinstance(k, tuple) else (k,) for k in (ours, theirs))
    nothing = any(isinstance(e, bool | np.bool_ | list | np.ndarray) and not np.any(e) for e in same)
    # Of an integer that is computed nobody knows that it is out of range where nothing is taken.
    assume(not nothing or not any(isinstance(e, la.Array) and not e.ndim for e in entries))
    check(lambda a, k: a[k], (x, ours), (n, theirs))


@few
@given(st.data())
def test_keys_of_views_and_of_what_is_computed_take_what_numpys_take(data):
    x, n = data.draw(arrays(dtypes=("i8",), min_dims=1, max_side=6))
    view = data.draw(st.sampled_from([lambda a: a.T, lambda a: a[::-1], lambda a: a[1:], lambda a: a[None] + 1]))
    x, n = view(x), view(n)
    ours, theirs = data.draw(keys(n.shape))
    again = data.draw(st.booleans())
    check(lambda a, k: a[k] * 2 if not again else a[k][..., ::-1].sum(axis=0), (x, ours), (n, theirs))


# -- functions


def ours_of(draw, value, chunk=2):
    """The same as ours or as NumPy's."""
    return la.from_array(value, chunks=chunk) if draw(st.booleans()) else value


@few
@given(st.data())
def test_take_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    axis = data.draw(st.sampled_from([None, *range(-n.ndim, n.ndim), 7]))
    size = n.size if axis is None else n.shape[axis] if axis < n.ndim else 1
    shape = data.draw(st.sampled_from([(), (0,), (4,), (2, 3)]))
    far = data.draw(st.sampled_from([0, 1]))
    index = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-size - far, size + far + (size == 0), shape)
    # NumPy itself never returns from wrapping into an empty axis.
    mode = data.draw(st.sampled_from(["raise", "wrap", "clip"] if far and size else ["raise", "raise", "no"]))
    ours = ours_of(data.draw, np.asarray(index))
    check(lambda a, i: np.take(a, i, axis=axis, mode=mode), (x, ours), (n, np.asarray(index)))


@few
@given(st.data())
def test_take_along_axis_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, min_dims=1, max_side=5))
    axis = data.draw(st.sampled_from([*range(-n.ndim, n.ndim), None]))
    shape = [n.size] if axis is None else list(n.shape)
    size = shape[axis or 0] if axis is None else shape[axis]
    shape[axis or 0] = data.draw(st.integers(0, 5)) if size else 0
    if axis is not None and data.draw(st.booleans()):
        other = data.draw(st.integers(0, n.ndim - 1))
        shape[other] = shape[other] if other == axis % n.ndim else data.draw(st.sampled_from([1, 1, 2]))
    far = data.draw(st.sampled_from([0, 0, 1]))
    index = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-size - far, max(size, 1) + far, shape)
    ours = ours_of(data.draw, index)
    check(lambda a, i: np.take_along_axis(a, i, axis), (x, ours), (n, index))


@few
@given(st.data())
def test_where_elements_are_not_zero_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    judge(np.nonzero, (x, n))
    judge(lambda a: np.where(a), (x, n))
    judge(np.flatnonzero, (x, n))
    judge(np.argwhere, (x, n))
    judge(np.count_nonzero, (x, n))
    if n.ndim:
        judge(lambda a: np.count_nonzero(a, axis=-1, keepdims=True), (x, n))


@few
@given(st.data())
def test_compress_and_extract_are_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    axis = data.draw(st.sampled_from([None, *range(-n.ndim, n.ndim)]))
    size = n.size if axis is None else n.shape[axis]
    length = max(0, size + data.draw(st.sampled_from([0, 0, -1, 1, 2])))
    condition = np.random.default_rng(data.draw(st.integers(0, 99))).integers(0, 2, length)
    ours = ours_of(data.draw, condition)
    check(lambda c, a: np.compress(c, a, axis=axis), (ours, x), (condition, n))
    check(np.extract, (ours, x), (condition, n))
    judge(lambda a: np.extract(a != 0, a), (x, n), exact=True)


@few
@given(st.data())
def test_repeat_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=5))
    axis = data.draw(st.sampled_from([None, *range(-n.ndim, n.ndim)]))
    size = n.size if axis is None else n.shape[axis]
    shape = data.draw(st.sampled_from([(), (1,), (size,), (size,), (size,), (size + 1,), (1, size)]))
    low = data.draw(st.sampled_from([0, 0, -1]))
    repeats = np.asarray(np.random.default_rng(data.draw(st.integers(0, 99))).integers(low, 4, shape))
    ours = ours_of(data.draw, repeats)
    check(lambda a, r: np.repeat(a, r, axis=axis), (x, ours), (n, repeats))


@few
@given(st.data())
def test_trim_zeros_is_numpys(data):
    n = np.zeros(data.draw(st.sampled_from([(7,), (5, 6), (3, 0), ()])))
    for _ in range(data.draw(st.integers(0, 3)) if n.size else 0):
        n[tuple(data.draw(st.integers(0, s - 1)) for s in n.shape)] = 3
    trim = data.draw(st.sampled_from(["fb", "f", "b", "B", "x"]))
    axis = data.draw(st.sampled_from([None, 0, -1, ()]))
    judge(lambda a: np.trim_zeros(a, trim, axis), (la.from_array(n, chunks=2), n))


@few
@given(st.data())
def test_insert_delete_and_append_are_numpys(data):
    x, n = data.draw(arrays(dtypes=("i8", "f4"), min_dims=1, max_side=5))
    axis = data.draw(st.sampled_from([None, *range(-n.ndim, n.ndim)]))
    size = n.size if axis is None else n.shape[axis]
    index = st.integers(-size, max(size - 1, 0))
    masks = st.lists(st.booleans(), min_size=size, max_size=size).map(lambda m: np.asarray(m, bool))
    places = data.draw(
        st.one_of(
            index, st.lists(index, max_size=4), st.builds(slice, index, index, st.sampled_from([1, 2, -1])), masks
        )
    )
    judge(lambda a: np.delete(a, places, axis), (x, n), exact=True)
    length = len(np.arange(size)[places]) if isinstance(places, slice) else np.size(places)
    length = int(np.sum(places)) if isinstance(places, np.ndarray) else length
    value = np.arange(length + data.draw(st.sampled_from([0, 0, 1])))
    value = data.draw(st.sampled_from([9, value]))
    ours = ours_of(data.draw, value) if isinstance(value, np.ndarray) else value
    check(lambda a, v: np.insert(a, places, v, axis), (x, ours), (n, value))
    judge(lambda a: np.append(a, a, axis), (x, n), exact=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.delete(a, 5, 0),
        lambda a: np.delete(a, [7], 0),
        lambda a: np.delete(a, [True], 0),
        lambda a: np.delete(a, 1.0, 0),
        lambda a: np.insert(a, 9, 1, 0),
        lambda a: np.insert(a, [9, 1], 1, 0),
        lambda a: np.insert(a, [[1]], 1, 0),
        lambda a: np.append(a, [1], 0),
        lambda a: np.take(a, [1.5]),
        lambda a: np.take(a, np.zeros(2)),
        lambda a: np.take_along_axis(a, np.zeros((1, 1)), 1),
        lambda a: np.compress([[1]], a),
        lambda a: np.repeat(a, np.ones(12)),
        lambda a: np.where(a, 1),
        lambda a: np.trim_zeros(a, axis=4),
    ],
)
def test_what_numpy_refuses_is_refused(function):
    n = np.arange(12.0).reshape(3, 4)
    judge(function, (la.from_array(n, chunks=2), n))


# -- what it costs


class Counting:
    """An array that counts how often its elements are read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.read = np.zeros(array.shape, int)

    def __getitem__(self, key):
        self.read[key] += 1
        return self.array[key]


def large(rows, width=1 << 16):
    """Rows in chunks of two, each of 1 MB, which no task joins with another; and a counter of what is read of them."""
    source = Counting(np.arange(rows * width, dtype=np.float64).reshape(rows, width))
    return la.from_array(source, chunks=(2, -1)), source


def test_a_sorted_take_is_one_task_for_each_tile_that_it_needs_and_reads_nothing_else():
    x, source = large(20)
    index = np.array([3, 3, 4, 9, 9, 11])
    y = x[index]
    assert la.plan(y).task_count == 4
    assert y.chunks[0] == (2, 1, 2, 1)
    np.testing.assert_array_equal(y.compute(), source.array[index])
    assert np.flatnonzero(source.read.sum(axis=1)).tolist() == [3, 4, 9, 11]
    assert source.read.max() == 1


def test_a_take_in_steps_is_a_view():
    x, _ = large(9)
    assert la.plan(x[[1, 3, 5]] + 0).task_count == la.plan(x[1:6:2] + 0).task_count
    assert len(la.plan(x[np.arange(8, -1, -1)] * 2).programs) == 1


@settings(max_examples=5)
@given(st.permutations(range(-14, 0)), st.sampled_from([(-1,), (-1, 1), (2, 7)]))
def test_a_take_in_any_order_moves_each_element_twice(index, shape):
    x, source = large(14)
    index = np.asarray(index).reshape(shape)
    y = x[index]
    np.testing.assert_array_equal(y.compute(), source.array[index])
    if shape != (2, 7):  # of more in a row than in a tile the row is put together by a third pass
        assert source.read.max() == 1
        assert la.last_report().bytes_read <= 2 * y.nbytes + 4096
        assert la.plan(y).task_count <= 14


@settings(max_examples=5)
@given(st.lists(st.tuples(st.integers(-14, 13), st.integers(-4, 3)), min_size=20, max_size=40))
def test_pairs_of_indices_in_any_order_are_numpys(pairs):
    n = np.arange(14 * 4 * (1 << 14), dtype=np.float64).reshape(14, 4, 1 << 14)
    x, (rows, columns) = la.from_array(n, chunks=(2, 4, -1)), np.array(pairs).T
    np.testing.assert_array_equal(x[rows, columns].compute(), n[rows, columns])
    np.testing.assert_array_equal(x.transpose(0, 2, 1)[rows, :, columns].compute(), n[rows, columns])
    x = la.from_array(n[..., :9], chunks=(2, 1, -1))
    np.testing.assert_array_equal(x[rows, columns].compute(), n[rows, columns, :9])


def test_an_index_that_is_computed_is_looked_up_in_every_tile():
    x, source = large(6)
    index = la.from_array(np.array([[5, -1], [0, 3], [3, 3]]), chunks=2)
    np.testing.assert_array_equal(x[index].compute(), source.array[[[5, -1], [0, 3], [3, 3]]])
    np.testing.assert_array_equal(x[:, 7][index % 4].compute(), source.array[:, 7][[[1, 3], [0, 3], [3, 3]]])


@pytest.mark.parametrize("store", ["memory://", "disk"])
def test_elements_are_taken_and_put_through_any_store(store, tmp_path):
    x, source = large(14)
    rng = np.random.default_rng(0)
    index, mask = rng.permutation(14), rng.random(14) < 0.5
    with la.config(store=store if store != "disk" else str(tmp_path)):
        n = source.array[index][mask]
        y = x[index][la.from_array(mask, chunks=3) == True]  # noqa: E712
        y[[2, 0, 2], 5], n[[2, 0, 2], 5] = [1, 2, 3], [1, 2, 3]
        y[:, 9::7], n[:, 9::7] = 8, 8
        y[1:3, :4], n[1:3, :4] = 9, 9
        y[y > 1e5], n[n > 1e5] = 0, 0
        np.testing.assert_array_equal(y.compute(), n)


def test_a_part_of_what_is_computed_is_computed_alone():
    x, source = large(16)
    np.testing.assert_array_equal((x + 1)[[3, 3, 5]].compute(), source.array[[3, 3, 5]] + 1)
    assert np.flatnonzero(source.read.sum(axis=1)).tolist() == [3, 4, 5]


def test_a_mask_is_counted_once_and_then_kept():
    source = Counting(np.arange(40.0))
    x, y = la.from_array(source, chunks=5), la.from_array(np.arange(40), chunks=8)
    chosen = y[x % 10 > 7]
    assert la.last_report().tasks > 0
    assert chosen.shape == (8,)
    assert source.read.tolist() == [1] * 40
    np.testing.assert_array_equal(chosen.compute(), [8, 9, 18, 19, 28, 29, 38, 39])
    assert source.read.max() == 1


def test_tiles_that_give_nothing_are_left_out():
    x, source = large(10)
    mask = np.zeros(10, bool)
    mask[[2, 7]] = True
    y = x[mask]
    assert y.chunks[0] == (1, 1)
    assert la.plan(y).task_count == 2
    y.compute()
    assert np.flatnonzero(source.read.sum(axis=1)).tolist() == [2, 3, 6, 7]


def test_a_known_mask_needs_no_run():
    x = la.ones((6, 4), chunks=2)
    with la.config(eager=False):
        assert x[np.eye(6, 4) > 0].shape == (4,)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[x > 1],
        lambda x: x.nonzero(),
        lambda x: la.argwhere(x),
        lambda x: la.repeat(x, la.asarray([1, 2, 3])),
        lambda x: la.trim_zeros(x),
        lambda x: la.compress(x > 1, x),
    ],
)
def test_a_shape_that_depends_on_data_is_refused_with_its_price_where_runs_are_to_be_asked_for(function):
    x = la.arange(3, chunks=2)
    with la.config(eager=False), pytest.raises(la.errors.EagerError, match=r"a run of \d+ tasks? .*\$.*eager=True"):
        function(x)
    function(x)


def test_indexing_with_lists_of_our_scalars_is_numpys():
    x = la.arange(5, chunks=2)
    assert x[[x[1], x[3]]].compute().tolist() == [1, 3]
    assert x[x[2]].compute() == 2
    assert x[int(x[3]) :].compute().tolist() == [3, 4]
