"""Elementwise functions that are no ufuncs, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, judge

FEW = settings(max_examples=40)


@pytest.mark.parametrize("name", ["angle", "fix", "i0", "iscomplex", "isneginf", "isposinf", "isreal", "sinc"])
@FEW
@given(x=arrays(max_dims=2))
def test_they_are_numpys(name: str, x: Any) -> None:
    judge(lambda a: getattr(np, name)(a), x)


@FEW
@given(x=arrays(max_dims=2))
def test_angles_in_degrees_are_numpys(x: Any) -> None:
    judge(lambda a: np.angle(a, deg=True), x)


@FEW
@given(data=st.data())
def test_nan_to_num_is_numpys(data: Any) -> None:
    x = data.draw(arrays(max_dims=2))
    values = {k: data.draw(st.sampled_from([1, -2.5])) for k in ("nan", "posinf", "neginf") if data.draw(st.booleans())}
    judge(lambda a: np.nan_to_num(a, **values), x, exact=True)


def test_numbers_for_nan_may_be_an_array() -> None:
    value = np.array([[1.0, np.nan], [np.nan, np.inf]])
    judge(lambda a: np.nan_to_num(a, nan=np.array([7.0, 8.0])), (la.from_array(value, chunks=1), value), exact=True)


@pytest.mark.parametrize("tol", [100, 1e-3, 1])
def test_whether_parts_are_real_is_looked_at(tol: float) -> None:
    for value in (np.array([1 + 1e-15j, 2]), np.array([1 + 1e-4j, 2]), np.array([1 + 0.5j, 2]), np.arange(3)):
        assert_same(la.real_if_close(la.from_array(value, chunks=1), tol), np.real_if_close(value, tol))
