"""Values, cuts and comparisons that several tests of kernels share."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st

# Every kind of dtype that NumPy puts in order.
ORDERED = [
    "?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "g", "c8", "c16", ">f8", ">i4", "M8[s]", "m8[ms]", "U3", "S2",
    [("a", "<i2"), ("b", "<f4")],
]  # fmt: skip
NUMBERS = ["?", "i1", "u4", "i8", "f2", "f4", "f8", "c8", "c16"]


def values(shape: Any, dtype: Any, seed: int = 0, special: bool = True) -> np.ndarray:
    """Values with many ties; with `special` also NaN or NaT, infinities and -0.0 where the dtype has them."""
    rng, dt = np.random.default_rng(seed), np.dtype(dtype)
    if dt.fields:
        out = np.empty(shape, dt)
        for name in dt.names or ():
            out[name] = values(shape, dt[name], seed, special=False)
        return out
    whole = rng.integers(0 if dt.kind in "bu" else -9, 2 if dt.kind == "b" else 9, shape)
    if dt.kind in "fc":
        out = (whole / 2).astype(dt)
        if dt.kind == "c":
            out += (1j * rng.integers(-2, 3, shape)).astype(dt)
        for value in (np.nan, np.inf, -np.inf, -0.0) if special else ():
            out[rng.random(shape) < 0.06] = value
        return out
    out = whole.astype(dt)
    if dt.kind in "mM" and special:
        out[rng.random(shape) < 0.1] = np.array("NaT", dt)
    return out


def bounds(size: int, most: int = 3) -> st.SearchStrategy[list[int]]:
    """Boundaries of ragged tiles of an axis, some of length 1 or 0."""
    return st.lists(st.integers(0, size), max_size=most).map(lambda inner: sorted([0, *inner, size]))


def spans(ends: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(ends))


def same(actual: Any, expected: Any) -> None:
    """The same dtype, shape and values, NaN too, with the sign of zero."""
    expected = np.asarray(expected)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)
    if expected.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(actual), np.signbit(expected))


def close(actual: Any, expected: Any, ulps: float = 64) -> None:
    """The same dtype and shape, and values within some roundings of the largest."""
    expected = np.asarray(expected)
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(actual, expected)
        return
    finite = np.abs(expected[np.isfinite(expected)])
    error = ulps * float(np.finfo(expected.dtype).eps)
    np.testing.assert_allclose(actual, expected, rtol=error, atol=error * float(finite.max(initial=0)))
