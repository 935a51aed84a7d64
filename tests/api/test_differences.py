"""Differences of neighbours, gradients and integrals, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=50)


@FEW
@given(x=arrays(), n=st.integers(-1, 3), axis=st.integers(-3, 2), data=st.data())
def test_diff_is_numpys(x: Any, n: int, axis: int, data: Any) -> None:
    judge(lambda a: np.diff(a, n, axis), x, exact=True)
    ends = {
        k: data.draw(st.sampled_from([0, 2.5, [[1, 2]]])) for k in ("prepend", "append") if data.draw(st.booleans())
    }
    judge(lambda a: np.diff(a, n, axis, **ends), x, exact=True)


@FEW
@given(x=arrays(), axis=st.integers(-1, 0))
def test_diff_between_arrays_of_ours_is_numpys(x: Any, axis: int) -> None:
    judge(lambda a: np.diff(a, axis=axis, prepend=a, append=a), x, exact=True)


@FEW
@given(x=arrays(), ends=st.sampled_from([(None, None), (1, None), (None, [2, 3]), (0.5, 9), ([[1], [2]], None)]))
def test_ediff1d_is_numpys(x: Any, ends: Any) -> None:
    judge(lambda a: np.ediff1d(a, *ends), x, exact=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=80)
@given(data=st.data())
def test_gradient_is_numpys(data: Any) -> None:
    x = data.draw(arrays(min_dims=1, max_dims=2, finite=True))
    order = data.draw(st.integers(1, 3))
    axis = data.draw(st.none() | st.integers(-2, 1) | st.just((0,)) | st.just((1, 0)))
    places = [np.cumsum(np.arange(1.0, n + 1)) for n in x[1].shape]
    spacings = data.draw(
        st.sampled_from([(), (2,), (np.float32(0.5),), (1, 2), (*places,), (places[0], 3.0), ([1, 2],)])
    )
    judge(lambda a: np.gradient(a, *spacings, axis=axis, edge_order=order), x)


@FEW
@given(x=arrays(min_dims=2, max_dims=2, finite=True), order=st.integers(1, 2))
def test_gradient_between_places_that_are_arrays_of_ours_is_numpys(x: Any, order: int) -> None:
    places = np.cumsum(np.arange(1.0, x[1].shape[1] + 1))
    judge(lambda a, p: np.gradient(a, p, axis=1, edge_order=order), x, (la.from_array(places, chunks=2), places))


def test_a_gradient_reads_its_array_once_for_all() -> None:
    x = la.from_array(np.ones((40, 40)), chunks=10)
    plan = la.plan(la.gradient(x, axis=0))
    sizes = [plan.arrays[w.array].nbytes for p in plan.programs for w in p.writes]
    assert sorted(sizes)[-2] <= 40 * 8


def test_gradients_of_times_are_times() -> None:
    value = np.array([1, 3, 6, 10], "M8[s]")
    judge(lambda a: np.gradient(a), (la.from_array(value, chunks=2), value))
    judge(lambda a: np.gradient(a - value[0]), (la.from_array(value, chunks=2), value))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(data=st.data(), axis=st.integers(-3, 2))
def test_trapezoid_is_numpys(data: Any, axis: int) -> None:
    y = data.draw(arrays())
    judge(lambda a: np.trapezoid(a, axis=axis), y)
    judge(lambda a: np.trapezoid(a, dx=0.5, axis=axis), y)
    x = data.draw(arrays(dtypes=("i4", "f8"), shape=y[1].shape) | arrays(dtypes=("f8",), max_dims=1))
    judge(lambda a, b: np.trapezoid(a, b, axis=axis), y, x)
