"""Arrays from indices along axes, and what is made of shapes and neighbours, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, check_raises, judge

few = settings(max_examples=40)
K = st.integers(-5, 5) | st.sampled_from([-(2**70), 2**70])


@few
@given(n=st.integers(0, 5), m=st.none() | st.integers(0, 6), k=st.integers(-8, 8), dtype=st.sampled_from("?if"))
def test_tri_is_numpys(n, m, k, dtype):
    assert_same(la.tri(n, m, k, dtype, chunks=2), np.tri(n, m, k, dtype), exact=True)


@few
@given(x=arrays(max_dims=4, max_side=5), k=st.integers(-6, 6))
def test_triangles_are_numpys(x, k):
    judge(lambda a: np.tril(a, k), x, exact=True)
    judge(lambda a: np.triu(a, k=k), x, exact=True)


@pytest.mark.parametrize("k", [2**70, -(2**70)])
def test_diagonals_far_outside_are_empty(k):
    assert_same(la.eye(3, 4, k=k), np.zeros((3, 4)), exact=True)
    assert_same(la.tril(la.ones((3, 4)), k=k), np.full((3, 4), float(k > 0)), exact=True)


@few
@given(data=st.data(), sparse=st.booleans(), indexing=st.sampled_from(["xy", "ij"]))
def test_meshgrid_is_numpys(data, sparse, indexing):
    vectors = [data.draw(arrays(max_dims=1, max_side=4)) for _ in range(data.draw(st.integers(0, 3)))]
    ours = la.meshgrid(*[a for a, _ in vectors], sparse=sparse, indexing=indexing)
    assert_same(ours, np.meshgrid(*[v for _, v in vectors], sparse=sparse, indexing=indexing), exact=True)


def test_meshgrid_refuses_other_words_for_the_order():
    with pytest.raises(ValueError, match="indexing"):
        la.meshgrid(la.ones(2), indexing="yx")


@few
@given(
    start=arrays(dtypes=("f8", "i4", "f4", "c16"), max_dims=1, max_side=3),
    stop=st.sampled_from([0, 7, -2.5, 1 + 2j, np.arange(3.0)]),
    num=st.integers(0, 6),
    endpoint=st.booleans(),
    axis=st.sampled_from([0, -1]),
    dtype=st.sampled_from([None, "i4", "f4"]),
)
def test_linspace_between_arrays_is_numpys(start, stop, num, endpoint, axis, dtype):
    complex_ = np.iscomplexobj(stop) or np.iscomplexobj(start[1])
    if not np.isfinite(start[1]).all() or (complex_ and dtype):
        return

    def call(a):
        module = la if isinstance(a, la.Array) else np
        return module.linspace(a, stop, num, endpoint, dtype=dtype, axis=axis)

    judge(call, start)


def test_linspace_tells_its_step():
    values, step = la.linspace(0, 3, 4, retstep=True, chunks=3)
    assert_same(values, np.linspace(0, 3, 4), exact=True)
    assert step == 1.0
    values, step = la.linspace(la.zeros(2), la.asarray([2.0, 4.0]), 3, retstep=True)
    assert_same(step, np.array([1.0, 2.0]), exact=True)


@few
@given(x=arrays(max_side=4), axis=st.integers(-3, 2))
def test_unstack_is_numpys(x, axis):
    judge(lambda a: np.unstack(a, axis=axis), x, exact=True)


@few
@given(data=st.data())
def test_diff_is_numpys(data):
    x = data.draw(arrays(dtypes=("?", "u1", "i8", "f4", "c16")))
    n, axis = data.draw(st.integers(-1, 4)), data.draw(st.integers(-3, 2))
    judge(lambda a: np.diff(a, n, axis), x, exact=True)
    ndim = x[1].ndim
    if ndim and -ndim <= axis < ndim:
        shape = list(x[1].shape)
        shape[axis] = data.draw(st.integers(0, 2))
        edge = data.draw(arrays(dtypes=("i8",), shape=tuple(shape)))
        judge(lambda a, e: np.diff(a, n, axis, prepend=e, append=2), x, edge, exact=True)


@few
@given(x=arrays(), axis=st.none() | st.integers(-3, 2), keepdims=st.booleans())
def test_count_nonzero_is_numpys(x, axis, keepdims):
    judge(lambda a: np.count_nonzero(a, axis, keepdims=keepdims), x, exact=True)


@pytest.mark.parametrize("shapes", [(), ((3,),), ((2, 1), (3,)), ((2, 3), (4,)), (5, (1,)), ((0,), (1, 1))])
def test_broadcast_shapes_are_numpys(shapes):
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError as error:
        check_raises(lambda: la.broadcast_shapes(*shapes), (), error)
    else:
        assert la.broadcast_shapes(*shapes) == expected


@few
@given(x=arrays(max_dims=2), axis=st.integers(-4, 3) | st.lists(st.integers(-4, 3), max_size=2).map(tuple))
def test_expand_dims_is_numpys(x, axis):
    judge(lambda a: np.expand_dims(a, axis), x, exact=True)
