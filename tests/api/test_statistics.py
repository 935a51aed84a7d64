"""Averages, ranges, counts and covariances, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=50)
AXES = st.none() | st.integers(-3, 2) | st.lists(st.integers(-2, 1), max_size=2, unique=True).map(tuple)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(x=arrays(), axis=AXES, keepdims=st.booleans())
def test_counts_and_ranges_are_numpys(x: Any, axis: Any, keepdims: bool) -> None:
    judge(lambda a: np.count_nonzero(a, axis, keepdims=keepdims), x)
    judge(lambda a: np.ptp(a, axis, keepdims=keepdims), x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(data=st.data(), axis=AXES, returned=st.booleans())
def test_average_is_numpys(data: Any, axis: Any, returned: bool) -> None:
    x = data.draw(arrays())
    judge(lambda a: np.average(a, axis, returned=returned), x)
    w = data.draw(
        arrays(dtypes=("i4", "f4", "f8"), shape=x[1].shape, finite=True)
        | arrays(dtypes=("i4", "f8"), max_dims=2, finite=True)
    )
    judge(lambda a, b: np.average(a, axis, b, returned), x, w)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(data=st.data(), axis=st.sampled_from([0, -1, (0, 2), (2, 0), (1,)]))
def test_average_by_weights_along_axes_is_numpys(data: Any, axis: Any) -> None:
    x = data.draw(arrays(shape=(3, 2, 4)))
    shape = tuple(x[1].shape[d] for d in (axis if isinstance(axis, tuple) else (axis,)))
    judge(lambda a, b: np.average(a, axis, abs(b) + 1), x, data.draw(arrays(dtypes=("f8",), shape=shape, finite=True)))


def test_weights_that_add_up_to_nothing_are_found_by_the_task() -> None:
    x = (la.ones((2, 3), chunks=1), np.ones((2, 3)))
    judge(lambda a: np.average(a, 1, weights=[1, 0, -1]), x)


HOW: list[dict[str, Any]] = [
    {},
    {"rowvar": False},
    {"bias": True},
    {"ddof": 0},
    {"ddof": 3},
    {"ddof": 1.5},
    {"dtype": "f4"},
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
@FEW
@given(x=arrays(finite=True), y=st.none() | arrays(finite=True), how=st.sampled_from(HOW), data=st.data())
def test_cov_is_numpys(x: Any, y: Any, how: Any, data: Any) -> None:
    judge(lambda a: np.cov(a, **how), x)
    if y is not None:
        y = data.draw(st.sampled_from([y, x, (x[0] * 2 + 1, x[1] * 2 + 1)]))
        judge(lambda a, b: np.cov(a, b, **how), x, y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(data=st.data(), ddof=st.sampled_from([None, 0, 1, 2]))
def test_weighted_cov_is_numpys(data: Any, ddof: Any) -> None:
    x = data.draw(arrays(dtypes=("i4", "f8"), shape=(2, 4), finite=True))
    f = data.draw(
        st.sampled_from([None, [1, 2, 0, 3], [1.0, 2.0, 0.0, 1.0], [1, 2, 3], [[1]], [-1, 1, 1, 1], [0.5, 1, 1, 1]])
    )
    w = data.draw(st.sampled_from([None, [0.5, 1.5, 1.0, 2.0], [1, -2, 1, 1], [1]]))
    judge(lambda a: np.cov(a, ddof=ddof, fweights=f, aweights=w), x)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(x=arrays(finite=True), rowvar=st.booleans())
def test_corrcoef_is_numpys(x: Any, rowvar: bool) -> None:
    if x[1].ndim == 2 and min(x[1].shape) < 2:  # of one observation all is noise
        return
    judge(lambda a: np.corrcoef(a, rowvar=rowvar), x)


@FEW
@given(x=arrays(), axes=st.sampled_from([0, (0, 1), (-1,), [2, 0]]))
def test_apply_over_axes_is_numpys(x: Any, axes: Any) -> None:
    if x[1].ndim <= max(map(abs, np.atleast_1d(axes))):
        return
    judge(lambda a: np.apply_over_axes(np.sum, a, axes), x)
