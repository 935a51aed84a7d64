"""Whether arrays are equal, or nearly, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=80)


@st.composite
def near(draw: Any) -> Any:
    """Two arrays that are equal but for a few elements."""
    (a, x), moved = draw(arrays()), draw(arrays(dtypes=("?",)))
    if x.dtype.kind in "fc":
        return (a, x), (a + 1e-9, x + x.dtype.type(1e-9))
    return ((a, x), (a, x)) if draw(st.booleans()) else ((a, x), moved)


@FEW
@given(
    pair=near(), equal_nan=st.booleans(), how=st.sampled_from([{}, {"atol": 0}, {"rtol": 0.5}, {"atol": 1, "rtol": 0}])
)
def test_closeness_is_numpys(pair: Any, equal_nan: bool, how: Any) -> None:
    judge(lambda a, b: np.isclose(a, b, equal_nan=equal_nan, **how), *pair)
    judge(lambda a, b: np.allclose(a, b, equal_nan=equal_nan, **how), *pair)


@FEW
@given(x=arrays(), scalar=st.sampled_from([1, 0.5, True, 2j, np.float32(3), np.nan]))
def test_closeness_to_scalars_is_numpys(x: Any, scalar: Any) -> None:
    judge(lambda a: np.isclose(a, scalar, equal_nan=True), x)
    judge(lambda a: np.isclose(scalar, a, rtol=a), x) if x[1].dtype.kind in "iuf" and np.isfinite(x[1]).all() else None


@FEW
@given(data=st.data(), equal_nan=st.booleans())
def test_equality_is_numpys(data: Any, equal_nan: bool) -> None:
    x = data.draw(arrays())
    y = data.draw(st.just(x) | arrays(shape=x[1].shape) | arrays(max_dims=1))
    judge(lambda a, b: np.array_equal(a, b + 0, equal_nan), x, y)
    judge(lambda a, b: np.array_equiv(a, b), x, y)


def test_answers_are_booleans_where_they_are_asked() -> None:
    x = la.asarray([1.0, 2.0])
    assert la.allclose(x, x + 1e-12)
    assert not la.array_equal(x, x[:1])
