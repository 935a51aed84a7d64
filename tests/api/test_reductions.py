"""Reductions against NumPy: axes, keepdims, dtypes, NaN, empties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.folds import KINDS

from ..judge import arrays, judge

KINDS_OF_UFUNC = sorted({ufunc.__name__ for ufunc in KINDS})
NAMES = ("sum", "prod", "mean", "var", "std", "min", "max", "any", "all", "argmin", "argmax")
NAMES += ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax")


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
    x, axis, keepdims = data.draw(cases(single="arg" in name))
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


MASKED = ("sum", "prod", "mean", "var", "std", "min", "max", "any", "all")
MASKED += ("nansum", "nanprod", "nanmin", "nanmax", "nanmean", "nanvar", "nanstd")


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=25)
@given(data=st.data())
def test_masked_reductions_are_numpys(name, data):
    x, axis, keepdims = data.draw(cases())
    shape = x[1].shape[data.draw(st.integers(0, x[1].ndim)) :] if x[1].ndim else ()
    mask = data.draw(arrays(dtypes=("?",), shape=data.draw(st.sampled_from([shape, tuple(1 for _ in shape)]))))
    extra = (
        {} if name.endswith(("mean", "var", "std", "any", "all")) else {"initial": data.draw(st.sampled_from([0, 3]))}
    )
    judge(lambda a, m: getattr(np, name)(a, axis=axis, keepdims=keepdims, where=m, **extra), x, mask)


@pytest.mark.parametrize("name", ["sum", "prod", "min", "max", "nanmin"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "extra",
    [
        {"initial": 5},
        {"initial": -1},
        {"initial": 0.5},
        {"initial": [1, 2, 3]},
        {"where": [True, False, True]},
        {"where": [1, 0, 1]},
        {"where": np.array([1.0, 0.0, 1.0])},
        {"where": np.ones((5, 4, 3), bool)},
        {"where": np.array(False)},
        {"where": np.ones(2, bool)},
    ],
)
@settings(max_examples=5)
@given(data=st.data())
def test_what_is_no_mask_and_no_initial_value_is_refused_as_by_numpy(name, extra, data):
    for shape in ((4, 3), (0, 3)):
        x = data.draw(arrays(dtypes=("u1", "i8", "f8"), shape=shape))
        judge(lambda a: getattr(np, name)(a, axis=0, **extra), x)


@pytest.mark.parametrize("name", ["var", "std", "nanvar", "nanstd"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=25)
@given(x=arrays(min_dims=1), ddof=st.integers(0, 2))
def test_a_variance_about_a_given_mean_is_numpys(name, x, ddof):
    judge(lambda a: getattr(np, name)(a, axis=0, mean=a.mean(axis=0, keepdims=True), ddof=ddof), x)
    judge(lambda a: getattr(np, name)(a, axis=0, mean=2.0, ddof=ddof, correction=1), x)


@pytest.mark.parametrize("name", KINDS_OF_UFUNC)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=25)
@given(data=st.data())
def test_ufuncs_reduce_as_in_numpy(name, data):
    x, axis, keepdims = data.draw(cases())
    if x[1].dtype.kind in "iu" and name in ("gcd", "lcm", "left_shift", "right_shift"):
        x = tuple(np.abs(a) % 3 for a in x)
    if x[1].dtype.kind == "c" and name in ("float_power", "divide"):
        return
    initial = data.draw(st.sampled_from([np._NoValue, 1]))
    judge(lambda a: getattr(np, name).reduce(a, axis=axis, keepdims=keepdims, initial=initial), x)


def test_a_reduction_that_has_an_order_goes_along_an_axis_of_many_chunks():
    values = np.random.default_rng(0).integers(1, 9, (3, 900)) / 8
    x = la.from_array(values, chunks=(1, 100))
    for name in ("subtract", "divide", "nextafter"):
        judge(lambda a, name=name: getattr(np, name).reduce(a * 2, axis=1), (x, values), exact=True)
        judge(lambda a, name=name: getattr(np, name).reduce(a.T, axis=0), (x, values), exact=True)
    plan = la.plan(np.subtract.reduce(x, axis=1))
    assert plan.task_count <= 3


def test_out_of_a_ufuncs_reduction_is_refused():
    with pytest.raises(TypeError, match="immutable"):
        np.add.reduce(la.ones(3), out=np.empty(()))


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


@pytest.mark.parametrize(
    "options", [{}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}, {"initial": 3}, {"where": [True, False]}]
)
def test_booleans_are_counted_without_making_integers_of_them(options):
    x = np.arange(12).reshape(3, 2, 2)
    total = (la.from_array(x, chunks=1) > 4).sum(**options)
    assert total.dtype == np.int64
    np.testing.assert_array_equal(total.compute(), (x > 4).sum(**options))
    assert not any("cast" in str(step.params) for p in la.plan(total).programs for step in p.steps)
