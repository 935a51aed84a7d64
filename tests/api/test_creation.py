"""Creation functions and random arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la

from ..judge import assert_same

NUMBERS = st.integers(-20, 20) | st.floats(-20, 20, allow_subnormal=False)


@given(start=NUMBERS, stop=NUMBERS, step=st.sampled_from([1, 2, -3, 0.7, -1.3]), chunk=st.integers(1, 9))
def test_arange_is_numpys_bit_for_bit(start, stop, step, chunk):
    assert_same(la.arange(start, stop, step, chunks=chunk), np.arange(start, stop, step), exact=True)


@given(start=NUMBERS, stop=NUMBERS, num=st.integers(0, 20), endpoint=st.booleans())
def test_linspace_is_numpys_bit_for_bit(start, stop, num, endpoint):
    ours = la.linspace(start, stop, num, endpoint=endpoint, chunks=3)
    assert_same(ours, np.linspace(start, stop, num, endpoint=endpoint), exact=True)


@given(n=st.integers(0, 7), m=st.integers(0, 7), k=st.integers(-8, 8), dtype=st.sampled_from(["?", "i4", "f8", "c16"]))
def test_eye_is_numpys(n, m, k, dtype):
    assert_same(la.eye(n, m, k=k, dtype=dtype, chunks=2), np.eye(n, m, k=k, dtype=dtype), exact=True)


@pytest.mark.parametrize("name", ["ones", "zeros"])
def test_fills_have_numpys_dtype_and_shape(name):
    assert_same(getattr(la, name)((3, 4), chunks=2), getattr(np, name)((3, 4)), exact=True)
    assert_same(getattr(la, name)(5, dtype="i2"), getattr(np, name)(5, dtype="i2"), exact=True)
    assert_same(getattr(la, f"{name}_like")(la.eye(3)), getattr(np, f"{name}_like")(np.eye(3)), exact=True)


def test_full_takes_its_dtype_from_the_value():
    assert_same(la.full((2, 3), 7), np.full((2, 3), 7), exact=True)
    assert_same(la.full((2, 3), np.arange(3.0)), np.full((2, 3), np.arange(3.0)), exact=True)


@pytest.mark.parametrize("shape", [(-1,), (2, -3)])
def test_negative_lengths_are_refused(shape):
    with pytest.raises(ValueError, match="negative"):
        la.ones(shape)


def test_python_objects_are_refused():
    with pytest.raises(TypeError, match="Python objects"):
        la.from_array(np.array([object()]))


def test_from_array_reads_anything_with_shape_dtype_and_slicing():
    class Rows:
        shape, dtype = (6, 4), np.dtype("f4")

        def __getitem__(self, key):
            return np.arange(24, dtype="f4").reshape(6, 4)[key]

    assert_same(la.from_array(Rows(), chunks=(2, 3)) * 2, np.arange(24, dtype="f4").reshape(6, 4) * 2, exact=True)


def test_a_result_never_shares_memory_with_its_source():
    source = np.arange(6.0)
    out = la.from_array(source).compute()
    out[0] = 100
    assert source[0] == 0


@pytest.mark.parametrize("name", ["random", "standard_normal", "uniform", "normal", "exponential", "poisson"])
@given(chunk=st.integers(1, 400))
def test_random_values_do_not_depend_on_chunks(name, chunk):
    one = getattr(la.random.default_rng(7), name)(size=(300, 9))
    other = getattr(la.random.default_rng(7), name)(size=(300, 9), chunks=chunk)
    np.testing.assert_array_equal(one.compute(), other.compute())


def test_each_call_of_a_generator_draws_anew():
    rng = la.random.default_rng(3)
    assert not np.array_equal(rng.random(50).compute(), rng.random(50).compute())


def test_random_parameters_that_numpy_refuses_are_refused_at_once():
    with pytest.raises(ValueError, match="scale"):
        la.random.default_rng(0).normal(0, -1, size=3)
    with pytest.raises(ValueError):
        la.random.default_rng(0).integers(5, 5, size=3)
