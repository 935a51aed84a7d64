"""Elements chosen from several arrays, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=60)


@FEW
@given(data=st.data(), default=st.sampled_from([0, 1.5, np.float32(2), [7]]))
def test_select_is_numpys(data: Any, default: Any) -> None:
    x = data.draw(arrays(max_dims=2))
    c, d = (
        data.draw(arrays(dtypes=("?",), shape=x[1].shape) | arrays(dtypes=("?", "i4"), shape=x[1].shape[:0]))
        for _ in range(2)
    )
    judge(lambda a, m, n: np.select([m, n], [a, a * 2], default), x, c, d)
    judge(lambda a, m, n: np.select([m, n], [a, 3]), x, c, d)


@pytest.mark.parametrize("lists", [([], []), ([True], [1, 2])])
def test_lists_that_numpy_refuses_are_refused(lists: Any) -> None:
    judge(lambda m: m.select(*lists), (la, np))


@FEW
@given(data=st.data(), mode=st.sampled_from(["raise", "wrap", "clip"]))
def test_choose_is_numpys(data: Any, mode: str) -> None:
    x = data.draw(arrays(dtypes=("?", "i1", "u8", "i8", "f8"), max_dims=2))
    if data.draw(st.booleans()):
        x = (x[0] % 2, x[1] % 2) if x[1].dtype.kind in "iu" else x
    y, z = data.draw(arrays(shape=x[1].shape)), data.draw(arrays(max_dims=1))
    judge(lambda a, b, c: np.choose(a, [b, c], mode=mode), x, y, z)
    judge(lambda a, b: np.choose(a, [b, 3], mode=mode), x, y)
    judge(lambda a: np.choose(a, []), x)


@FEW
@given(data=st.data())
def test_piecewise_is_numpys(data: Any) -> None:
    x = data.draw(arrays(dtypes=("i4", "f4", "f8"), finite=True))
    if not x[1].size:  # NumPy then takes conditions of any length
        return
    functions = data.draw(
        st.sampled_from([[1, 2], [1, 2, 3], [abs, lambda v: v / 2], [abs, 5, lambda v: -v], [1], [1, 2, 3, 4]])
    )
    judge(lambda a: np.piecewise(a, [a < 0, a > 2], functions), x)
    judge(lambda a: np.piecewise(a, a < 0, functions), x)
    judge(lambda a: np.piecewise(a, [a < 0, a[:1] > 0] if a.ndim else True, functions), x)


def test_arguments_of_piecewise_reach_its_functions() -> None:
    value = np.arange(6.0)
    judge(
        lambda a: np.piecewise(a, [a < 3], [lambda v, k, n=0: v * k + n], 2, n=1),
        (la.from_array(value, chunks=4), value),
    )
