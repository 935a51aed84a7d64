"""Users' functions over blocks, judged by the same functions over NumPy's parts, put together by hand."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import MemoryLimitError, TaskMemoryError, UserFunctionError
from tests.judge import arrays, assert_same, cuts

from .by_hand import by_hand


@given(arrays(), st.data())
@settings(max_examples=40)
def test_a_function_gets_every_chunk_and_its_results_are_put_together(pair, data):
    x, n = pair
    if data.draw(st.booleans()):
        x, n = x.T[..., ::-1] if x.ndim else x, n.T[..., ::-1] if n.ndim else n

    def largest_first(b):
        return np.sort(b, axis=None)[::-1].reshape(b.shape)

    y = la.map_blocks(largest_first, x)
    assert y.chunks == x.chunks
    assert_same(y, by_hand(largest_first, x.chunks, n), exact=True)


@given(arrays(min_dims=1, dtypes=("f8", "i4")), st.data())
@settings(max_examples=30)
def test_blocks_may_get_other_lengths(pair, data):
    x, n = pair
    axis = data.draw(st.integers(0, n.ndim - 1))

    def twice_and_first(b):
        return np.concatenate([b, b, np.zeros_like(b, shape=(*b.shape[:axis], 1, *b.shape[axis + 1 :]))], axis)

    longer = tuple(2 * k + 1 for k in x.chunks[axis])
    y = x.map_blocks(twice_and_first, chunks=(*x.chunks[:axis], longer, *x.chunks[axis + 1 :]))
    assert y.chunks[axis] == longer
    assert_same(y, by_hand(twice_and_first, x.chunks, n), exact=True)
    assert_same(y[::-1] + 1, by_hand(twice_and_first, x.chunks, n)[::-1] + 1, exact=True)


@given(arrays(min_dims=1, dtypes=("f8", "i4")), st.data())
@settings(max_examples=30)
def test_a_function_may_drop_an_axis_which_it_gets_whole_and_add_others(pair, data):
    x, n = pair
    axis, new = data.draw(st.integers(-n.ndim, n.ndim - 1)), data.draw(st.integers(0, n.ndim - 1))

    def spread_and_sum(b):
        return np.stack([b.sum(axis), np.full_like(b, b.shape[axis]).sum(axis)], new)

    wanted = [c for d, c in enumerate(x.chunks) if d != axis % n.ndim]
    wanted.insert(new, 2)
    y = x.map_blocks(spread_and_sum, drop_axis=axis, new_axis=new, chunks=tuple(wanted))
    assert_same(y, spread_and_sum(n))


def test_new_axes_are_of_length_1_and_on_the_left_where_nothing_else_is_said():
    n = np.arange(6.0)
    x = la.from_array(n, chunks=4)
    assert_same(x.map_blocks(lambda b: b[:, None], new_axis=1), n[:, None])
    assert_same(x.map_blocks(lambda b: np.stack([b, b]), chunks=(2, (4, 2))), np.stack([n, n]))
    y = x.map_blocks(lambda b: np.full((b.size, 2), b[0]), new_axis=[1], chunks=((4, 2), (2, 2)))
    np.testing.assert_array_equal(y.compute(), np.repeat([[0.0] * 4, [4.0] * 4], [4, 2], axis=0))


@given(st.data())
@settings(max_examples=30)
def test_blocks_of_several_arrays_go_together_and_one_goes_with_all(data):
    shape = [data.draw(st.integers(1, 5)) for _ in range(3)]
    chunks = [cuts(data.draw, n) for n in shape]
    kept = [data.draw(st.booleans()) for _ in shape]
    x, n = data.draw(arrays(shape=tuple(shape), dtypes=["f8"]))
    x = x.rechunk(tuple(chunks))
    one = tuple(k if keep else 1 for k, keep in zip(shape, kept, strict=True))
    y, m = data.draw(arrays(shape=one, dtypes=["i4"]))
    y = y.rechunk(tuple(c if keep else -1 for c, keep in zip(chunks, kept, strict=True)))
    last, k = data.draw(arrays(shape=shape[2:], dtypes=["f4"]))
    last = last.rechunk((chunks[2],))

    def both(a, scale, b, c, plus):
        return a * scale + b + c + plus + b.size

    z = la.map_blocks(both, x, 3, y, last, plus=0.5)
    assert_same(z, by_hand(lambda a, b, c: both(a, 3, b, c, 0.5), x.chunks, n, m, k), exact=True)


def test_blocks_go_together_by_their_number_whatever_their_lengths():
    x, y = la.arange(1000, chunks=100), la.arange(100, chunks=10)
    z = la.map_blocks(lambda a, b: np.array([a.max(), b.max()]), x, y, chunks=(2,), dtype="i8")
    np.testing.assert_array_equal(z.compute(), np.ravel([[100 * i + 99, 10 * i + 9] for i in range(10)]))
    w = la.map_blocks(
        lambda a, b: a[:1] + b[-1:], la.arange(5, chunks=((2, 3),)), la.arange(5, chunks=((4, 1),)), chunks=(1,)
    )
    np.testing.assert_array_equal(w.compute(), [0 + 3, 2 + 4])
    with pytest.raises(ValueError, match=r"along axis -1 the arrays have 10 and 20 blocks; .*rechunk"):
        la.map_blocks(np.add, x, y.rechunk(5))


def test_a_function_is_told_which_block_it_has():
    n = np.zeros((5, 6))
    x = la.from_array(n, chunks=((2, 3), 3))
    one = la.ones((1, 6), chunks=(1, 3))

    def told(a, b, block_id=None, block_info=None):
        seen.append((block_id, block_info))
        return np.full((1, *a.shape), 10 * block_id[1] + block_id[2])

    seen: list[Any] = []
    y = la.map_blocks(told, x, one, new_axis=0, dtype="i8")
    np.testing.assert_array_equal(y.compute()[0, ::2, ::3], [[0, 1], [10, 11], [10, 11]])
    info = dict(seen)[0, 1, 0]
    assert info[0] == {
        "shape": (5, 6),
        "num-chunks": (2, 2),
        "chunk-location": (1, 0),
        "array-location": [(2, 5), (0, 3)],
    }
    assert info[1] == {
        "shape": (1, 6),
        "num-chunks": (1, 2),
        "chunk-location": (0, 0),
        "array-location": [(0, 1), (0, 3)],
    }
    assert info[None] == {
        "shape": (1, 5, 6),
        "num-chunks": (1, 2, 2),
        "chunk-location": (0, 1, 0),
        "array-location": [(0, 1), (2, 5), (0, 3)],
        "chunk-shape": (1, 3, 3),
        "dtype": np.dtype("i8"),
    }


def test_without_arrays_the_chunks_say_what_is_made():
    def positions(block_info=None):
        return np.arange(*block_info[None]["array-location"][0])

    assert_same(la.map_blocks(positions, chunks=((4, 4, 1),)), np.arange(9))
    assert_same(la.map_blocks(lambda: np.float32(3), chunks=()), np.float32(3))


# -- dtypes


def test_the_dtype_is_found_out_on_blocks_of_one_element():
    x = la.arange(6, chunks=3)
    shapes = []

    def root(b):
        shapes.append(b.shape)
        return np.sqrt(b)

    y = x.map_blocks(root)
    assert (y.dtype, shapes) == (np.dtype("f8"), [(1,)])
    assert x.map_blocks(root, dtype="f4").dtype == np.float32
    assert x.map_blocks(root, meta=np.empty(0, "f4")).dtype == np.float32
    assert len(shapes) == 1


def test_a_function_that_cannot_take_one_element_says_to_give_the_dtype():
    x = la.arange(6, chunks=3)
    with pytest.raises(ValueError, match=r"map_blocks called lambda on blocks of one element .* IndexError: .*dtype="):
        x.map_blocks(lambda b: b[2:] + b[2])
    assert_same(x.map_blocks(lambda b: b[2:] + b[2], chunks=(1,), dtype=int), np.array([4, 10]))


@pytest.mark.parametrize("dtype", ["M8[D]", "U3", "S2", [("a", "f8"), ("b", "i4")], "?"])
def test_blocks_may_be_of_any_dtype_that_is_stored(dtype):
    n = np.zeros(5, dtype)
    assert_same(la.from_array(n, chunks=2).map_blocks(lambda b: b.copy()), n)


def test_fields_may_have_padding_between_them():
    aligned = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    n = np.array([(1, 2.0), (3, 4.0), (5, 6.0)], aligned)
    assert_same(la.from_array(n, chunks=2).map_blocks(lambda b: b.copy()), n)
    with pytest.raises(TypeError, match="a field that is an array"):
        la.arange(3).map_blocks(np.abs, dtype=[("a", "f8", (2,))])


def test_objects_are_not_stored():
    with pytest.raises(TypeError, match="Python objects"):
        la.arange(3).map_blocks(lambda b: b.astype(object))


# -- what is refused at once


@pytest.mark.parametrize(
    ("error", "text", "make"),
    [
        (TypeError, "must be callable, not int", lambda x: la.map_blocks(3, x)),
        (TypeError, "w= is an Array", lambda x: la.map_blocks(np.add, x, w=x)),
        (ValueError, "1 entries for a result of 2 axes", lambda x: x.map_blocks(np.abs, chunks=(2,))),
        (ValueError, "has 3 blocks, and there are 2", lambda x: x.map_blocks(np.abs, chunks=((2, 1, 1), -1))),
        (ValueError, r"lengths \(4, 0\): none may be 0", lambda x: x.map_blocks(np.abs, chunks=((4, 0), 3))),
        (ValueError, "'big' is no length", lambda x: x.map_blocks(np.abs, chunks=("big", 3))),
        (np.exceptions.AxisError, "out of bounds", lambda x: x.map_blocks(np.abs, drop_axis=2)),
        (np.exceptions.AxisError, "out of bounds", lambda x: x.map_blocks(np.abs, new_axis=4)),
        (ValueError, "has the label 'i' twice", lambda x: la.blockwise(np.abs, "ii", x, "ij")),
        (ValueError, "the label 'k' of the result is on no array", lambda x: la.blockwise(np.abs, "ik", x, "ij")),
        (ValueError, "'i' are 1, for an array of 2 axes", lambda x: la.blockwise(np.abs, "i", x, "i")),
        (ValueError, "come in pairs", lambda x: la.blockwise(np.abs, "i", x)),
        (ValueError, "do not broadcast: along axis 'i'", lambda x: la.blockwise(np.add, "ij", x, "ij", x, "ji")),
    ],
)
def test_what_cannot_be_is_refused_on_the_users_line(error, text, make):
    with pytest.raises(error, match=text):
        make(la.ones((4, 6), chunks=(2, 6)))


# -- blockwise


@given(st.data())
@settings(max_examples=30)
def test_blocks_along_a_label_that_the_result_lacks_come_as_a_list_or_as_one(data):
    m, k, n = (data.draw(st.integers(1, 5)) for _ in range(3))
    x, a = data.draw(arrays(shape=(m, k), dtypes=["i8"]))
    y, b = data.draw(arrays(shape=(k, n), dtypes=["i8"]))

    def dot(xs, ys):
        assert isinstance(xs, list)
        return sum(p @ q for p, q in zip(xs, ys, strict=True))

    assert_same(la.blockwise(dot, "ij", x, "ik", y, "kj"), a @ b)
    assert_same(la.blockwise(np.matmul, "ij", x, "ik", y, "kj", concatenate=True), a @ b)
    total = la.blockwise(lambda rows: sum(c.sum() for row in rows for c in row), "", x, "ik")
    assert_same(total, a.sum())


@given(arrays(min_dims=2, max_dims=2, dtypes=("f4", "i8")))
@settings(max_examples=25)
def test_labels_say_how_axes_go_and_what_becomes_of_their_lengths(pair):
    x, n = pair
    assert_same(la.blockwise(lambda b, k: k * b.T, "ji", x, "ij", 2, None), 2 * n.T, exact=True)
    tripled = la.blockwise(lambda b: np.concatenate([b, b, b]), "ij", x, "ij", adjust_chunks={"i": lambda n: 3 * n})
    assert tripled.chunks[0] == tuple(3 * k for k in x.chunks[0])
    assert_same(tripled, by_hand(lambda b: np.concatenate([b, b, b]), x.chunks, n), exact=True)
    stacked = la.blockwise(lambda b: np.stack([b] * 3, -1), "ijk", x, "ij", new_axes={"k": 3})
    assert_same(stacked, np.stack([n] * 3, -1), exact=True)
    firsts = la.blockwise(
        lambda b: b.sum(keepdims=True), "ij", x, "ij", adjust_chunks={"i": 1, "j": [1] * len(x.chunks[1])}
    )
    assert firsts.shape == x.numblocks
    assert_same(firsts, by_hand(lambda b: b.sum(keepdims=True), x.chunks, n))


def test_one_block_goes_with_every_block_of_a_list():
    n, one = np.arange(10.0).reshape(2, 5), np.array([7.0])
    x, y = la.from_array(n, chunks=(2, (2, 3))), la.from_array(one)

    def pairs(xs, ys):
        return sum(a.sum(1) * b[0] for a, b in zip(xs, ys, strict=True))

    assert_same(la.blockwise(pairs, "i", x, "ij", y, "j"), n.sum(1) * 7)
    assert_same(la.blockwise(pairs, "i", x, "ij", la.arange(9.0, 11.0), "j", align_arrays=False), n.sum(1) * 9)
    ragged = la.arange(5.0, chunks=((4, 1),))
    firsts = la.blockwise(pairs, "i", x, "ij", ragged, "j", align_arrays=False)
    assert_same(firsts, n[:, 2:].sum(1) * 4)


def test_a_label_that_an_array_has_twice_is_its_diagonal_of_blocks():
    n = np.arange(36.0).reshape(6, 6)
    x = la.from_array(n, chunks=((2, 3, 1), (2, 3, 1)))
    traces = la.blockwise(lambda b: b.diagonal().copy(), "i", x, "ii")
    assert_same(traces, n.diagonal())


@given(st.data())
@settings(max_examples=25)
def test_arrays_in_different_chunks_meet_in_the_finest_blocks(data):
    shape = (data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6)))
    x, n = data.draw(arrays(shape=shape, dtypes=["f8"]))
    y, m = data.draw(arrays(shape=shape[1:], dtypes=["f8"]))
    z = la.blockwise(lambda a, b: a * 2 + b, "ij", x, "ij", y, "j")
    ends = [set(np.cumsum([c for c in along if c]).tolist()) for along in (x.chunks[1], y.chunks[0])]
    assert np.cumsum(z.chunks[1]).tolist() == sorted(ends[0] | ends[1])
    assert_same(z, n * 2 + m, exact=True)


def test_an_array_without_labels_is_given_whole():
    x, n = la.arange(6, chunks=2), np.arange(6)
    y = la.blockwise(lambda b, whole: b + whole.max(), "i", x, "i", x * 2, None)
    assert_same(y, n + 10)


# -- errors of the function


def fails(b, block_id):
    if block_id == (1, 0):
        return int(b.sum()) // 0
    return b


def failure(y) -> UserFunctionError:
    with pytest.raises(UserFunctionError) as caught:
        y.compute()
    assert caught.value.attempts == 1
    return caught.value


def test_an_error_of_the_function_names_it_the_block_the_line_and_what_was_raised():
    x = la.ones((5, 6), chunks=(2, 3), dtype=int)
    y = x.map_blocks(fails, dtype=int)
    line = y._op.where
    assert line.partition(":")[0] == __file__
    error = failure(y)
    first = str(error).splitlines()[0]
    assert first.startswith("map_blocks fails: task map_blocks-")
    assert "[1,0], which makes " in first
    assert first.endswith(
        "failed after 1 attempt; the function that was passed to it failed: fails raised ZeroDivisionError: integer "
        "division or modulo by zero, for block (1, 0), elements [2:4, 0:3]"
    )
    assert error.where == line
    assert f"made at {line}" in str(error)
    assert "in fails" in error.remote_traceback
    assert "return int(b.sum()) // 0" in error.remote_traceback
    assert "lambdarray/runtime" not in error.remote_traceback


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda b: b[1:], "returned float64 (1, 3), for block (0, 0), elements [0:2, 0:3] it is to be float64 (2, 3)"),
        (lambda b: b.sum(), "returned float64 (), for block (0, 0)"),
        (lambda b: b.astype("f4"), "it is to be float64 (2, 3); say dtype=float32, or return x.astype(float64)"),
        (lambda b: None, "returned None, for block (0, 0)"),
        (lambda b: [[1.0, 2.0], [1.0]], "returned no array"),
        (lambda b: np.ma.masked_array(b, b > 3), "returned a masked array"),
    ],
)
def test_a_result_of_another_shape_or_dtype_is_refused_with_what_was_expected(f, said):
    x = la.ones((2, 3), chunks=(2, 3))
    assert said in str(failure(x.map_blocks(f, dtype=float)))


def test_blocks_are_read_only_and_an_error_about_that_says_what_to_do():
    x = la.ones(6, chunks=3)

    def in_place(b):
        b += 1
        return b

    with pytest.raises(ValueError, match=r"read-only, since other tasks may read them too: change a copy"):
        x.map_blocks(in_place)
    assert "change a copy" in str(failure(x.map_blocks(in_place, dtype=float)))
    source = np.ones(6)
    assert "change a copy" in str(failure(la.from_array(source, chunks=3).map_blocks(in_place, dtype=float)))
    np.testing.assert_array_equal(source, np.ones(6))


def test_memory_that_the_function_says_it_needs_counts():
    x = la.ones(1000, chunks=500)
    few, many = (la.plan(x.map_blocks(np.negative, extra_bytes=n)).estimates[-1].peak_bytes for n in (0, 1 << 20))
    assert many - few >= 1 << 20
    with la.config(memory_mib=128), pytest.raises(MemoryLimitError, match="map_blocks negative needs"):
        la.plan(x.map_blocks(np.negative, extra_bytes=128 << 20))


def test_a_function_that_runs_out_of_memory_is_told_apart():
    def greedy(b):
        raise MemoryError("no more")

    with la.config(retries=1, store="memory://"), pytest.raises(TaskMemoryError) as caught:
        la.ones(6, chunks=3).map_blocks(greedy, dtype=float).compute()
    assert caught.value.attempts == 2


# -- what is one and what is not


def test_equal_functions_with_equal_arguments_are_called_once():
    x = la.arange(6, chunks=3)
    twice = [x.map_blocks(lambda b, k: b * k, 2, dtype=int) for _ in range(2)]
    assert la.plan(twice[0] + twice[1]).task_count == la.plan(twice[0] + twice[0]).task_count
    tripled = x.map_blocks(lambda b, k: b * k, 3, dtype=int)
    np.testing.assert_array_equal((twice[0] + tripled).compute(), 5 * np.arange(6))


def test_a_token_names_one_function():
    x = la.arange(6, chunks=3)
    y = x.map_blocks(np.negative, token="mine")
    again = x.map_blocks(np.negative, token="mine")
    assert la.plan(y + again).task_count == la.plan(y + y).task_count
    with pytest.raises(ValueError, match="token='mine' is that of negative in another array"):
        x.map_blocks(np.abs, token="mine")
    del y, again
    assert_same(x.map_blocks(np.abs, token="mine"), np.arange(6))


def test_on_threads_the_function_itself_is_called():
    seen, lock = [], threading.Lock()

    def remember(b):
        with lock:
            seen.append(b.sum())
        return b

    la.arange(6, chunks=3).map_blocks(remember, dtype=int).compute()
    assert sorted(seen) == [3, 12]


# -- blocks as views


@given(arrays(min_dims=1, dtypes=["i8"]), st.data())
@settings(max_examples=40)
def test_blocks_are_indexed_by_their_place_in_the_grid(pair, data):
    x, n = pair
    kinds = st.sampled_from(["one", "slice", "ellipsis", "list"])
    grid = x.blocks.shape
    assert grid == x.numblocks
    assert x.blocks.size == x.npartitions
    axis, kind = data.draw(st.integers(0, n.ndim - 1)), data.draw(kinds)
    count = grid[axis]
    chosen: Any = slice(None)
    if kind == "one":
        chosen = data.draw(st.integers(-count, count - 1))
    elif kind == "slice":
        chosen = data.draw(st.slices(count))
    elif kind == "list":
        chosen = data.draw(st.lists(st.integers(-count, count - 1), min_size=1, max_size=4))
    ends = np.cumsum([0, *x.chunks[axis]])
    picked = np.atleast_1d(np.arange(count)[chosen])
    elements = [e for i in picked for e in range(ends[i], ends[i + 1])]
    before = (...,) if kind == "ellipsis" else (slice(None),) * axis
    key = (*before, chosen) if kind != "ellipsis" else before
    assert_same(x.blocks[key], n if kind == "ellipsis" else n.take(elements, axis), exact=True)


def test_blocks_that_are_not_there_are_refused():
    x = la.ones((4, 6), chunks=2)
    assert len(x.blocks.ravel()) == 6
    assert_same(x.blocks.ravel()[5], np.ones((2, 2)))
    with pytest.raises(IndexError):
        x.blocks[2]
    with pytest.raises(IndexError, match="too many indices"):
        x.blocks[0, 0, 0]
    with pytest.raises(ValueError, match="one list"):
        x.blocks[[0], [1]]
    with pytest.raises(ValueError, match="newaxis"):
        x.blocks[None]
