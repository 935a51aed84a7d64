"""Values spaced evenly, and evenly in their logarithms, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, judge

FEW = settings(max_examples=60)
ENDS = st.sampled_from([0, 1, -3, 2.5, 1e3, 5e-324, np.float32(2), np.int8(4), 2 + 1j, [1, 2.5], [[1], [2]]])


def both(name: str, *args: Any, **kwargs: Any) -> None:
    """NumPy's values, or its exception, for arguments that are no arrays of ours."""
    judge(lambda m: getattr(m, name)(*args, **kwargs), (la, np))


@FEW
@given(
    start=ENDS,
    stop=ENDS,
    num=st.integers(-1, 9),
    endpoint=st.booleans(),
    dtype=st.sampled_from([None, "f4", "f8", "c16"]),
    axis=st.integers(0, 1),
)
def test_linspace_and_logspace_are_numpys(
    start: Any, stop: Any, num: int, endpoint: bool, dtype: Any, axis: int
) -> None:
    if dtype in ("f4", "f8") and (2 + 1j) in (start, stop):
        return
    if axis and not np.ndim(start) and not np.ndim(stop):
        axis = 0
    both("linspace", start, stop, num, endpoint, dtype=dtype, axis=axis)
    if 1e3 not in (start, stop):
        both("logspace", start, stop, num, endpoint, 2.0, dtype, axis)


@pytest.mark.parametrize("dtype", ["i4", "u1", "f2"])
def test_linspace_in_integers_is_floored(dtype: str) -> None:
    both("linspace", 0, 10, 7, dtype=dtype)
    both("linspace", 9, 0, 4, False, dtype=dtype)


def test_the_step_is_given_back_too() -> None:
    values, step = la.linspace(0, 3, 7, retstep=True)
    assert step == 0.5
    assert_same(values, np.linspace(0, 3, 7))


@FEW
@given(
    x=arrays(dtypes=("i4", "f4", "f8", "c16"), finite=True, max_dims=2), num=st.integers(0, 5), axis=st.integers(-1, 0)
)
def test_between_arrays_is_numpys(x: Any, num: int, axis: int) -> None:
    judge(lambda a: np.linspace(a, 3, num, axis=axis), x)
    judge(lambda a: np.linspace(0, a, num, False, axis=axis), x)
    judge(lambda a: np.logspace(a, 1, num, base=1.5, axis=axis), x)


@FEW
@given(
    start=st.sampled_from([1, -2, 0, 1000, 0.5, -1e-3, 1j, 2 + 3j, [1.0, 8.0]]),
    stop=st.sampled_from([1, -2, 0, 1000, 0.5, -8, 3j, [2.0, 2.0]]),
    num=st.integers(0, 6),
    endpoint=st.booleans(),
    dtype=st.sampled_from([None, "f4", "c16"]),
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_geomspace_is_numpys(start: Any, stop: Any, num: int, endpoint: bool, dtype: Any) -> None:
    both("geomspace", start, stop, num, endpoint, dtype)


def test_a_base_for_each_column() -> None:
    both("logspace", 0, 3, 4, base=[2.0, 3.0])
    both("logspace", 0, 3, 4, base=[2.0, 3.0], axis=-1)
