"""Small exact expressions: what is computed at once is what a plan computes, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la
from lambdarray.api.exact import SMALL_BYTES, exactly

from ..judge import arrays

STEPS = [
    lambda x: x + x,
    lambda x: x * 3,
    lambda x: ~x if x.dtype == bool else -x,
    lambda x: x.T[::-1] if x.ndim else x[None],
    lambda x: x[..., None] == x[..., None, :] if x.ndim else x,
    lambda x: x.reshape(-1),
    lambda x: la.concat([x, x + x], axis=0) if x.ndim else x,
    lambda x: la.where(x > 2, x, x * 0),
    lambda x: x.sum(axis=0) if x.ndim else x,
    lambda x: x.max(axis=-1, keepdims=True) if x.ndim and x.shape[-1] else x,
    lambda x: x.any(),
    lambda x: x @ x.T if x.ndim == 2 else x,
    lambda x: x // 3,
    lambda x: x.astype("i2") if x.dtype.kind in "biu" else x.astype("c16"),
    lambda x: la.diagonal(x) if x.ndim == 2 else x,
    lambda x: x.rechunk(2),
    lambda x: la.isnan(x) | la.isfinite(x),
]


@settings(max_examples=150)
@given(data=st.data())
def test_what_is_made_at_once_is_what_a_plan_makes(data):
    x, _ = data.draw(arrays(dtypes=("?", "i1", "u8", "i8", "f4", "f8"), max_dims=2, max_side=4))
    for step in data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=4)):
        x = step(x)
    found = exactly(x._op)
    if found is not None:
        value = x.compute()
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(found, value)
    elif x.dtype.kind in "biu":
        assert any(op.dtype.kind in "fc" for op in _ops(x._op))


def _ops(op):
    return [op, *(inner for i in op.inputs for inner in _ops(i))]


@settings(max_examples=60)
@given(data=st.data())
def test_views_are_numpys(data):
    x, value = data.draw(arrays(max_side=5))
    key = data.draw(hnp.basic_indices(value.shape, allow_newaxis=True))
    for ours, theirs in ((x[key], value[key]), (x.T[None], value.T[None]), (la.broadcast_to(x, (2, *x.shape)), None)):
        expected = np.broadcast_to(value, ours.shape) if theirs is None else theirs
        np.testing.assert_array_equal(exactly(ours._op), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.sum(),
        lambda x: np.exp(x),
        lambda x: x @ x,
        lambda x: x.max(),
        lambda x: x.astype(int),
        lambda x: x.astype(complex) / 3,
        lambda x: la.broadcast_to(x[:1], (SMALL_BYTES,)) + 1,
        lambda x: np.cumsum(x),
    ],
)
def test_what_may_be_rounded_otherwise_or_is_large_needs_a_plan(make):
    assert exactly(make(la.asarray([0.1, 0.2]))._op) is None


def test_a_source_that_is_no_array_of_numpys_needs_a_plan(tmp_path):
    source = np.memmap(tmp_path / "x", dtype="i4", mode="w+", shape=(3,))
    assert exactly((la.from_array(source) + 1)._op) is None
