from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.scans import neutral

from .samples import NUMBERS, bounds, close, same, spans, values

scan, scan_total = get("scan").fn, get("scan_total").fn
EXACT = ["maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "logical_xor"]
BITS = ["bitwise_and", "bitwise_or", "bitwise_xor"]
ROUNDED = ["add", "multiply", "logaddexp", "logaddexp2"]


def cut(x, axis, lo, hi):
    return x[(slice(None),) * axis + (slice(lo, hi),)]


def tiled(x, ends, name, axis, **params):
    """The whole way: the totals of tiles, those before each, and each tile's scan from there."""
    tiles = spans(ends)
    totals = np.concatenate([scan_total(cut(x, axis, *t), name=name, axis=axis, **params) for t in tiles], axis=axis)
    whole = [(0, n) for n in totals.shape]
    before = scan(totals, block=whole, shape=totals.shape, name=name, axis=axis, exclusive=True)
    parts = [one_tile(x, t, cut(before, axis, i, i + 1), name, axis, **params) for i, t in enumerate(tiles)]
    return np.concatenate(parts, axis=axis)


def one_tile(x, tile, before, name, axis, **params):
    block = [tile if d == axis else (0, n) for d, n in enumerate(x.shape)]
    return scan(cut(x, axis, *tile), before, block=block, shape=x.shape, name=name, axis=axis, **params)


def chained(x, ends, name, axis, **params):
    parts = []
    for tile in spans(ends):
        before = next((p.take([-1], axis) for p in reversed(parts) if p.shape[axis]), None)
        parts.append(one_tile(x, tile, before, name, axis, chain=True, **params))
    return np.concatenate(parts, axis=axis)


def numpys(x, name, axis, dtype=None):
    with np.errstate(all="ignore"):
        return getattr(np, name).accumulate(x, axis, dtype)


@settings(max_examples=50)
@given(st.data(), st.sampled_from(EXACT + BITS), st.sampled_from(NUMBERS), st.integers(0, 1))
def test_exact_functions_scan_to_numpys_result_in_any_tiles(data, name, dtype, axis):
    x = values((5, 11), "i8" if name in BITS and dtype[0] in "fc" else dtype, data.draw(st.integers(0, 9)))
    same_but_for_zeros(tiled(x, data.draw(bounds(x.shape[axis])), name, axis), numpys(x, name, axis))


def same_but_for_zeros(actual, expected):
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=50)
@given(st.data(), st.sampled_from(["add", "multiply"]), st.sampled_from(["?", "i1", "u4", "i8", "m8[s]"]))
def test_integers_wrap_in_tiles_as_in_numpy(data, name, dtype):
    x = values((20, 2), "i4" if name == "multiply" and dtype == "m8[s]" else dtype)
    same(tiled(x, data.draw(bounds(20)), name, 0), numpys(x, name, 0))
    if x.dtype.kind != "m":
        same(tiled(x, data.draw(bounds(20)), name, 0, dtype="<i2"), numpys(x, name, 0, "i2"))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(ROUNDED), st.sampled_from(["f4", "f8", "c8", "c16"]))
def test_floats_scan_to_numpys_result_but_for_rounding(data, name, dtype):
    x = values((3, 13), "f8" if name.startswith("log") else dtype, data.draw(st.integers(0, 9)), special=False)
    close(tiled(x, data.draw(bounds(13)), name, 1), numpys(x, name, 1))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(["add", "multiply"]), st.integers(0, 9))
def test_nan_and_infinities_go_on_through_the_tiles(data, name, seed):
    x = values(17, "f8", seed)
    close(tiled(x, data.draw(bounds(17)), name, 0), numpys(x, name, 0))


@pytest.mark.parametrize("name", EXACT + ROUNDED + ["subtract", "hypot"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_a_line_in_one_tile_is_numpys_own(name, dtype):
    x = np.random.default_rng(0).standard_normal((30, 7)).astype(dtype)
    for axis in (0, 1, -1):
        same(one_tile(x, (0, x.shape[axis]), None, name, axis % 2), numpys(x, name, axis))
        same(one_tile(x, (0, x.shape[axis]), x[:1, :1], name, axis % 2), numpys(x, name, axis))


@settings(max_examples=50)
@given(st.data(), st.sampled_from([*ROUNDED, "subtract", "divide", "hypot"]), st.sampled_from(["f4", "i4"]))
def test_a_chain_of_tiles_is_numpys_own_bit_for_bit_for_every_ufunc(data, name, dtype):
    x = np.random.default_rng(1).standard_normal((4, 15)) * 9
    x = x.astype(dtype)
    same(chained(x, data.draw(bounds(15)), name, 1), numpys(x, name, 1))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_sum_of_positive_numbers_never_steps_back_between_tiles(dtype):
    x = np.random.default_rng(0).random(100_000).astype(dtype)
    whole = tiled(x, [0, 10, 30_000, 30_001, 77_777, 100_000], "add", 0)
    assert (np.diff(whole) >= 0).all()
    np.testing.assert_allclose(whole, np.cumsum(x, dtype="f8"), rtol=1e-3 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize(("name", "theirs"), [("add", np.nancumsum), ("multiply", np.nancumprod)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i4"])
def test_nan_is_skipped_as_numpy_skips_it(name, theirs, dtype):
    x = values((4, 25), dtype)
    x[~np.isfinite(x) & ~np.isnan(x)] = 2
    for axis in (0, 1):
        expected = theirs(x, axis=axis)
        same(one_tile(x, (0, x.shape[axis]), None, name, axis, skip_nan=True), expected)
        close(tiled(x, [0, 1, 3, x.shape[axis]], name, axis, skip_nan=True), expected)


@pytest.mark.parametrize("dtype", [*NUMBERS, "m8[s]", "M8[s]"])
def test_the_neutral_value_leaves_every_value_as_it_is(dtype):
    x = values(50, dtype)
    names = [*EXACT[:4], *([] if x.dtype.kind == "M" else ["add"]), *([] if x.dtype.kind in "mM" else ["multiply"])]
    names += BITS if x.dtype.kind in "biu" else []
    for name in names:
        known = x[np.isfinite(x)] if (name, x.dtype.kind) == ("multiply", "c") else x  # 1 * inf is nan where complex
        with np.errstate(all="ignore"):
            same(getattr(np, name)(neutral(name, dtype), known), known)


def test_an_exclusive_scan_is_what_stands_before():
    x = np.array([[1, 2, 3], [4, 5, 6]])
    block = [(0, 2), (0, 3)]
    same(scan(x, block=block, shape=x.shape, name="add", axis=1, exclusive=True), np.array([[0, 1, 3], [0, 4, 9]]))
    later = scan(x, np.array([[9], [8]]), block=[(0, 2), (3, 6)], shape=[2, 6], name="add", axis=1, exclusive=True)
    same(later, np.array([[9, 10, 12], [8, 12, 17]]))


def test_a_ufunc_without_a_neutral_value_has_no_exclusive_scan():
    with pytest.raises(KeyError, match="subtract"):
        scan(np.ones(2), block=[(0, 2)], shape=[2], name="subtract", exclusive=True)


def test_flops_are_the_elements():
    assert get("scan").flops((3, 4), (3, 1), name="add") == 12
