"""Elementwise functions against NumPy: values, dtypes, exceptions."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.elementwise import UFUNCS

from ..judge import arrays, judge, ufunc

UNARY = [n for n in UFUNCS if getattr(np, n).nin == 1]
BINARY = [n for n in UFUNCS if getattr(np, n).nin == 2]
OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift", "rshift"]
OPERATORS += ["eq", "ne", "lt", "le", "gt", "ge"]
SCALARS = [True, 0, 2, 3, -2, 300, 0.5, -1.0, 2.5, 1 - 2j, np.float32(1.5), np.int8(7)]


@pytest.mark.parametrize("name", UNARY)
@given(x=arrays(max_dims=2))
def test_unary_ufuncs_are_numpys(name, x):
    judge(lambda a: ufunc(name, a), x, exact=True)


@pytest.mark.parametrize("name", BINARY)
@given(data=st.data())
def test_binary_ufuncs_are_numpys(name, data):
    x = data.draw(arrays(max_dims=2))
    y = data.draw(arrays(shape=x[1].shape) | arrays(max_dims=1))
    judge(lambda a, b: ufunc(name, a, b), x, y, exact=True)


@pytest.mark.parametrize("name", OPERATORS)
@given(x=arrays(max_dims=2), scalar=st.sampled_from(SCALARS))
def test_operators_with_scalars_promote_as_numpy(name, x, scalar):
    def call(a, b):
        return ufunc("floor_divide", a, b) if name == "floordiv" else getattr(operator, name)(a, b)

    judge(lambda a: call(a, scalar), x, exact=True)
    judge(lambda a: call(scalar, a), x, exact=True)


@given(x=arrays(), dtype=st.sampled_from(["?", "i2", "u8", "f4", "f8", "c16"]))
def test_astype_is_numpys(x, dtype):
    if x[1].dtype.kind == "c" and dtype not in ("c16",):
        return
    if not np.isfinite(x[1]).all():
        return
    judge(lambda a: a.astype(dtype), x, exact=True)


@given(data=st.data())
def test_where_is_numpys(data):
    x = data.draw(arrays(max_dims=2))
    c = data.draw(arrays(dtypes=("?",), shape=x[1].shape))
    y = data.draw(arrays(shape=x[1].shape))
    judge(lambda m, a, b: la.where(m, a, b) if isinstance(m, la.Array) else np.where(m, a, b), c, x, y, exact=True)


def test_a_python_integer_that_does_not_fit_overflows_as_in_numpy():
    with pytest.raises(OverflowError):
        la.ones(3, dtype=np.uint8) + 300


def test_shapes_that_do_not_broadcast_name_both():
    with pytest.raises(ValueError, match=r"\(3,4\).*\(5,\)"):
        la.ones((3, 4)) + la.ones(5)


def test_out_is_refused_since_arrays_are_immutable():
    x = la.ones(3)
    with pytest.raises(TypeError, match="immutable"):
        np.add(x, 1, out=x)


BOUNDS = st.sampled_from([None, 0, 2.5, -3, 300, True, np.float32(1), np.nan])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(x=arrays(), low=BOUNDS, high=BOUNDS)
def test_clip_between_scalars_is_numpys(x, low, high):
    judge(lambda a: np.clip(a, low, high), x, exact=True)


@given(data=st.data())
def test_clip_between_arrays_is_numpys(data):
    x = data.draw(arrays())
    low, high = (data.draw(arrays(shape=x[1].shape) | arrays(max_dims=1)) for _ in range(2))
    judge(lambda a, b, c: np.clip(a, b, c), x, low, high, exact=True)
    judge(lambda a, b: np.clip(a, b, None), x, low, exact=True)
