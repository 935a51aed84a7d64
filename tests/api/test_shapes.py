"""Indexing, reshaping, joining and cutting anew, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la

from ..judge import arrays, assert_same, judge


@given(data=st.data())
def test_basic_indexing_is_numpys(data):
    x = data.draw(arrays(max_side=9))
    key = data.draw(hnp.basic_indices(x[1].shape, allow_newaxis=True))
    judge(lambda a: a[key], x, exact=True)


@given(data=st.data())
def test_an_index_of_an_index_is_numpys(data):
    x = data.draw(arrays(min_dims=1, max_side=9))
    key = data.draw(hnp.basic_indices(x[1].shape))
    again = data.draw(hnp.basic_indices(np.shape(x[1][key])))
    judge(lambda a: a[key][again] + 0, x, exact=True)


@pytest.mark.parametrize("key", [9, (0, 0, 0), (..., ...), 1.5, "a", (slice(None), -7)])
def test_indices_that_numpy_refuses_are_refused(key):
    judge(lambda a: a[key], (la.ones((3, 4), chunks=2), np.ones((3, 4))))


@given(data=st.data())
def test_transposing_is_numpys(data):
    x = data.draw(arrays())
    order = data.draw(st.permutations(range(x[1].ndim)))
    judge(lambda a: a.transpose(order), x, exact=True)
    judge(lambda a: a.T, x, exact=True)


@given(data=st.data())
def test_reshape_is_numpys(data):
    x = data.draw(arrays(max_side=6))
    n = x[1].size
    parts = [d for d in range(1, n + 1) if n % d == 0] if n else [0, 1, 3]
    first = data.draw(st.sampled_from(parts))
    rest = n // first if first else data.draw(st.integers(0, 3))
    shape = data.draw(st.sampled_from([(first, rest), (first, 1, rest), (-1,), (n,), (1, first, -1), (n + 1,)]))
    judge(lambda a: a.reshape(shape), x, exact=True)


@given(data=st.data())
def test_concat_and_stack_are_numpys(data):
    x = data.draw(arrays(min_dims=1, max_dims=2))
    axis = data.draw(st.integers(-x[1].ndim, x[1].ndim - 1))
    shape = list(x[1].shape)
    shape[axis] = data.draw(st.integers(0, 5))
    y = data.draw(arrays(shape=tuple(shape)))
    judge(lambda a, b: np.concatenate([a, b, a], axis=axis), x, y, exact=True)
    judge(lambda a, b: np.concatenate([a, b], axis=axis) * 2, x, y, exact=True)
    judge(lambda a: np.stack([a, a], axis=axis), x, exact=True)


@given(data=st.data())
def test_broadcast_to_is_numpys(data):
    x = data.draw(arrays(max_dims=2))
    longer = tuple(data.draw(st.integers(0, 4)) if n == 1 else n for n in x[1].shape)
    shape = data.draw(st.sampled_from([longer, (2, *longer), (0, *longer), (*longer, 3), longer[1:]]))
    judge(lambda a: np.broadcast_to(a, shape), x, exact=True)


@given(data=st.data())
def test_rechunk_changes_chunks_and_no_value(data):
    x = data.draw(arrays(min_dims=1))
    chunks = tuple(data.draw(st.integers(1, 5)) for _ in x[1].shape)
    out = x[0].rechunk(chunks)
    assert all(max(c, default=0) <= n for c, n in zip(out.chunks, chunks, strict=True))
    assert_same(out, x[1], exact=True)


@pytest.mark.parametrize("name", ["expand_dims", "squeeze", "moveaxis", "swapaxes", "flip"])
def test_axis_functions_are_numpys(name):
    value = np.arange(24.0).reshape(2, 1, 3, 4)
    x = (la.from_array(value, chunks=(1, 1, 2, 3)), value)
    extra = {"expand_dims": (1,), "squeeze": (1,), "moveaxis": (0, -1), "swapaxes": (1, 3), "flip": (2,)}[name]
    judge(lambda a: getattr(np, name)(a, *extra), x, exact=True)


@pytest.mark.parametrize("chunks", [0, -2, (3,), "some", ((2, 2), (4,)), 1.5, {5: 1}])
def test_impossible_chunks_are_refused_where_they_are_asked_for(chunks):
    with pytest.raises((ValueError, TypeError), match="chunks"):
        la.ones((3, 4), chunks=chunks)
