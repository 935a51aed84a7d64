"""Reductions against NumPy: axes, keepdims, dtypes, NaN, empties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

NAMES = ("sum", "prod", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax")


@st.composite
def cases(draw, single=False):
    x = draw(arrays())
    ndim = x[1].ndim
    axes = st.none() | st.integers(-ndim - 1, ndim)
    if not single:
        axes = axes | st.lists(st.integers(-ndim, max(ndim - 1, 0)), max_size=ndim, unique=True).map(tuple)
    return x, draw(axes), draw(st.booleans())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(data=st.data())
def test_reductions_are_numpys(name, data):
    x, axis, keepdims = data.draw(cases(single=name.startswith("arg")))
    judge(lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims), x)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(x=arrays(dtypes=("i4", "f8", "c16")), ddof=st.integers(0, 3))
def test_ddof_is_numpys(name, x, ddof):
    judge(lambda a: getattr(np, name)(a, ddof=ddof), x)


@pytest.mark.parametrize("name", ["sum", "prod", "mean"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(x=arrays(dtypes=("i4", "u1", "f4")), dtype=st.sampled_from(["f8", "c16"]))
def test_dtype_is_numpys(name, x, dtype):
    judge(lambda a: getattr(np, name)(a, axis=0, dtype=dtype) if a.ndim else a + 0, x)


def test_the_sum_of_many_tiles_goes_through_a_tree():
    x = la.ones((3000,), chunks=1)
    with la.config(workers=400):
        assert float(x.sum()) == 3000


def test_reductions_that_share_a_source_read_it_once():
    x = la.from_array(np.arange(40.0).reshape(8, 5), chunks=(4, 5))
    plan = la.plan(x.mean(axis=0), x.std(axis=0), (x * 2).max(axis=0))
    assert sum(bool(p.reads) and p.reads[0].parts[0].array.startswith("s") for p in plan.programs) == 1
    mean, std, top = la.compute(x.mean(axis=0), x.std(axis=0), (x * 2).max(axis=0))
    value = np.arange(40.0).reshape(8, 5)
    np.testing.assert_allclose(mean, value.mean(axis=0))
    np.testing.assert_allclose(std, value.std(axis=0))
    np.testing.assert_array_equal(top, (value * 2).max(axis=0))
