"""Bits packed and unpacked, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ..judge import arrays, judge

FEW = settings(max_examples=60)
ORDERS = st.sampled_from(["big", "little", "middle"])
AXES = st.none() | st.integers(-3, 2)


@FEW
@given(x=arrays(max_side=18), axis=AXES, order=ORDERS)
def test_packbits_is_numpys(x: Any, axis: Any, order: str) -> None:
    judge(lambda a: np.packbits(a, axis, order), x, exact=True)


@FEW
@given(x=arrays(dtypes=("u1", "u1", "i4")), axis=AXES, order=ORDERS, count=st.none() | st.integers(-9, 20))
def test_unpackbits_is_numpys(x: Any, axis: Any, order: str, count: Any) -> None:
    judge(lambda a: np.unpackbits(a, axis, count, order), x, exact=True)
