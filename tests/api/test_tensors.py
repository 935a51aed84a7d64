"""Products of vectors and of arrays of any number of axes, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=40)


@st.composite
def pairs(draw: Any, **how: Any) -> Any:
    """Two arrays whose axes often have equal lengths."""
    shapes = [tuple(draw(st.lists(st.sampled_from([0, 1, 2, 3, 3, 3]), max_size=3))) for _ in range(2)]
    return tuple(draw(arrays(shape=s, finite=True, **how)) for s in shapes)


@pytest.mark.parametrize("name", ["dot", "inner", "outer", "vdot", "kron", "vecdot", "matvec", "vecmat"])
@FEW
@given(pair=pairs())
def test_products_are_numpys(name: str, pair: Any) -> None:
    judge(lambda a, b: getattr(np, name)(a, b), *pair)


@pytest.mark.parametrize("name", ["dot", "inner", "vdot", "vecdot"])
@FEW
@given(data=st.data(), m=st.integers(0, 3), k=st.integers(0, 4))
def test_products_over_axes_that_fit_are_numpys(name: str, data: Any, m: int, k: int) -> None:
    right = {"dot": (2, k, 3), "inner": (3, k), "vdot": (k, m), "vecdot": (k,)}[name]
    judge(lambda a, b: getattr(np, name)(a, b), *(data.draw(arrays(shape=s, finite=True)) for s in ((m, k), right)))


@FEW
@given(
    data=st.data(), axes=st.sampled_from([0, 1, 2, ([0], [1]), ([1, 0], [0, 1]), ([-1], [0]), (1, 1), ([0, 0], [1, 1])])
)
def test_tensordot_is_numpys(data: Any, axes: Any) -> None:
    pair = data.draw(pairs())
    judge(lambda a, b: np.tensordot(a, b, axes), *pair)


@FEW
@given(data=st.data(), lengths=st.tuples(*[st.integers(0, 3)] * 4))
def test_tensordot_over_several_axes_is_numpys(data: Any, lengths: Any) -> None:
    i, j, k, m = lengths
    x, y = (data.draw(arrays(shape=s, finite=True)) for s in ((i, j, k), (k, m, i)))
    judge(lambda a, b: np.tensordot(a, b, ([0, 2], [2, 0])), x, y)
    judge(lambda a, b: np.tensordot(a, b, ([2], [0])), x, y)


def test_a_product_with_axes_of_their_own_on_both_sides_is_one_matrix_product() -> None:
    a, b = la.ones((3, 8, 8), chunks=4).persist(), la.ones((8, 5), chunks=4).persist()
    plan = la.plan(la.tensordot(a, b, 1))
    assert [p.name.split("-")[0] for p in plan.programs] == ["matmul"]


def test_a_matrix_times_a_vector_is_summed_as_it_is_read() -> None:
    a, v = la.from_array(np.ones((8, 8)), chunks=4), la.from_array(np.ones(8), chunks=4)
    plan = la.plan(la.dot(a + 1, v))
    assert all("matmul" not in p.name for p in plan.programs)


@FEW
@given(data=st.data(), axis=st.integers(-3, 2))
def test_vecdot_along_an_axis_is_numpys(data: Any, axis: int) -> None:
    x, y = (data.draw(arrays(shape=s, finite=True)) for s in ((2, 3, 2), (2, 3, 2)))
    judge(lambda a, b: np.vecdot(a, b, axis=axis), x, y)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@FEW
@given(data=st.data())
def test_cross_is_numpys(data: Any) -> None:
    axis = data.draw(st.integers(-2, 1))
    shapes = [(3, 3), (2, 3), (3, 2), (3,), (2,), (1, 3), (2, 2), (4, 3), ()]
    x, y = (data.draw(arrays(shape=data.draw(st.sampled_from(shapes)), finite=True)) for _ in range(2))
    judge(lambda a, b: np.cross(a, b), x, y)
    judge(lambda a, b: np.cross(a, b, axisb=axis, axisc=axis), x, y)
    judge(lambda a, b: np.cross(a, b, axis=axis), x, y)


def test_infinities_stay_where_they_are_in_a_cross_product() -> None:
    values = np.array([[1.0, np.inf, 2.0], [np.nan, 1.0, 0.0]])
    judge(lambda a: np.cross(a, np.array([1.0, 2.0, 3.0])), (la.from_array(values, chunks=1), values), exact=True)
