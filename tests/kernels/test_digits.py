"""The element of a rank from counts of digits over tiles is the one in the sorted whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.digits import keys_of, rounds

digit_counts, pick_digit, key_values = (get(name).fn for name in ("digit_counts", "pick_digit", "key_values"))
DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


def select(tiles, ranks, dtype):
    state = None
    for number in range(rounds(dtype)):
        known = [] if state is None else [state]
        counts = sum(digit_counts(t, *known, number=number, ranks=len(ranks))[0] for t in tiles)
        state = pick_digit(counts, *known, ranks=ranks)
    return key_values(state, dtype=np.dtype(dtype).str)


@given(st.sampled_from(DTYPES), st.integers(0, 999), st.data())
@settings(max_examples=60, deadline=None)
def test_ranks_are_those_of_the_sorted_whole(dtype, seed, data):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(40) * 10.0 ** rng.integers(-3, 4)
    if np.dtype(dtype).kind == "f":
        x[rng.integers(0, 40, 3)] = [np.nan, np.inf, -np.inf]
        x[5:8] = [0.0, 1e-30, -1e-30]
    with np.errstate(all="ignore"):
        x = np.nan_to_num(x, nan=3).astype(dtype) if np.dtype(dtype).kind in "iub" else x.astype(dtype)
    ranks = data.draw(st.lists(st.integers(0, 39), min_size=1, max_size=3))
    np.testing.assert_array_equal(select(np.array_split(x, 4), ranks, dtype), np.sort(x)[ranks])


@pytest.mark.parametrize("dtype", DTYPES)
def test_keys_are_in_the_order_of_the_elements(dtype):
    values = np.array([-3, -1, 0, 2, 7, 100]) if np.dtype(dtype).kind in "fi" else np.array([0, 1, 1])
    x = values.astype(dtype)
    assert (np.diff(keys_of(x).astype(object)) >= 0).all()
