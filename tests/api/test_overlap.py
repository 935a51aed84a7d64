"""Blocks with margins, judged by slices of NumPy's padded arrays."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import lambdarray as la
from tests.judge import arrays, assert_same

from .by_hand import joined

MODES: dict[Any, str] = {"reflect": "symmetric", "nearest": "edge", "periodic": "wrap"}
BOUNDARIES = ["none", "reflect", "nearest", "periodic", 7]


def around(n, chunks, depths, kinds):
    """The blocks of an array with their margins, in C order: slices of what `np.pad` makes of it."""
    for axis, ((before, after), kind) in enumerate(zip(depths, kinds, strict=True)):
        if kind != "none" and before + after:
            width = [(before, after) if d == axis else (0, 0) for d in range(n.ndim)]
            more = {} if kind in MODES else {"constant_values": kind}
            n = np.pad(n, width, MODES.get(kind, "constant"), **more)
    spans = []
    for lengths, (before, after), kind in zip(chunks, depths, kinds, strict=True):
        ends = [int(end) for end in np.cumsum([0, *lengths])]
        padded = kind != "none"
        reach = [(lo - before, hi + after) for lo, hi in pairwise(ends)]
        spans.append([slice(lo + before, hi + before) if padded else slice(max(lo, 0), hi) for lo, hi in reach])
    return [n[at] for at in product(*spans)]


def within(blocks, chunks, depths, kinds):
    """Blocks without their margins."""
    out, along = [], []
    for lengths, (before, _), kind in zip(chunks, depths, kinds, strict=True):
        ends = [int(end) for end in np.cumsum([0, *lengths])]
        firsts = [before if kind != "none" else min(before, lo) for lo, _ in pairwise(ends)]
        along.append([slice(first, first + k) for first, k in zip(firsts, lengths, strict=True)])
    for cut, block in zip(product(*along), blocks, strict=True):
        out.append(block[cut])
    return out


def put_together(blocks, chunks):
    return joined(iter(blocks), [len(c) for c in chunks])


@st.composite
def cases(draw, max_dims=3):
    x, n = draw(arrays(min_dims=1, max_dims=max_dims, dtypes=("f8", "i4"), max_side=6))
    depths = [tuple(draw(st.integers(0, min(k, 3))) for _ in range(2)) for k in n.shape]
    kinds = [draw(st.sampled_from(BOUNDARIES)) for _ in n.shape]
    return x, n, depths, kinds


def mixed(b):
    """Nothing of a block that a margin does not change."""
    return (b * 3 - np.flip(b)) if b.size else b


@given(cases())
@settings(max_examples=60)
def test_a_function_sees_margins_of_any_depth_whatever_the_chunks_and_boundaries(case):
    x, n, depths, kinds = case
    y = la.map_overlap(mixed, x, depth=tuple(depths), boundary=tuple(kinds))
    with np.errstate(all="ignore"):
        blocks = [mixed(b) for b in around(n, x.chunks, depths, kinds)]
    assert y.chunks == x.chunks
    assert_same(y, put_together(within(blocks, x.chunks, depths, kinds), x.chunks), exact=True)


@given(cases(max_dims=2))
@settings(max_examples=40)
def test_overlap_makes_an_array_of_the_blocks_with_margins_and_trimming_takes_them_off(case):
    x, n, depths, kinds = case
    shared = la.overlap(x, dict(enumerate(depths)), dict(enumerate(kinds)))
    assert_same(shared, put_together(around(n, x.chunks, depths, kinds), x.chunks), exact=True)
    assume(all(max(depth) <= min(lengths) for depth, lengths in zip(depths, x.chunks, strict=True)))
    back = la.trim_overlap(shared, tuple(depths), tuple(kinds))
    assert back.chunks == x.chunks
    assert_same(back, n, exact=True)


@given(arrays(min_dims=1, max_dims=2, dtypes=["i8"], max_side=6), st.sampled_from(BOUNDARIES), st.integers(0, 2))
@settings(max_examples=30)
def test_a_stencil_does_not_depend_on_the_chunks(pair, boundary, depth):
    x, n = pair
    depth = min([depth, *n.shape])

    def stencil(b):
        return sum(np.roll(b, k, d) * (d + 2) for d in range(b.ndim) for k in (-depth, depth))

    if boundary == "none":
        boundary = 0
    padded = np.pad(n, depth, MODES.get(boundary, "constant"), **({} if boundary in MODES else {"constant_values": 0}))
    inside = (slice(depth, -depth or None),) * n.ndim
    assert_same(x.map_overlap(stencil, depth, boundary), stencil(padded)[inside])


def test_margins_may_be_longer_than_chunks():
    n = np.arange(12.0)
    x = la.from_array(n, chunks=((1, 2, 1, 8),))
    y = x.map_overlap(lambda b: np.convolve(b, np.ones(7), "same"), depth=3, boundary="reflect")
    np.testing.assert_array_equal(y.compute(), np.convolve(np.pad(n, 3, "symmetric"), np.ones(7), "valid"))


def test_several_arrays_have_their_own_margins_and_broadcast():
    n, m = np.arange(24.0).reshape(4, 6), np.arange(6.0)
    x, y = la.from_array(n, chunks=(2, 4)), la.from_array(m, chunks=3)
    z = la.map_overlap(
        lambda a, b: a[1:-1, 1:-1] + b[1:-1] + (b[:-2] + b[2:]),
        x, y, depth=[1, 1], boundary=["nearest", "periodic"], trim=False, dtype=float,
    )  # fmt: skip
    assert z.chunks == ((2, 2), (3, 1, 2))
    np.testing.assert_array_equal(z.compute(), n + m + np.roll(m, 1) + np.roll(m, -1))
    one = la.map_overlap(lambda a, b: a + b.sum(), x, la.ones((1, 1)), depth=[{1: 1}, 0], boundary="reflect")
    np.testing.assert_array_equal(one.compute(), n + 1)


def test_a_function_may_change_the_shape_of_blocks_with_margins():
    n = np.arange(24.0).reshape(4, 6)
    x = la.from_array(n, chunks=(2, 3))
    sums = la.map_overlap(lambda b: b.sum(1), x, depth={0: 1}, boundary="nearest", drop_axis=1)
    assert_same(sums, n.sum(1))
    whole = la.map_overlap(
        lambda b: b.sum(), la.ones(10, dtype=int), depth=1, boundary="reflect", drop_axis=0, chunks=()
    )
    assert_same(whole, np.int64(12))
    stacked = x.map_overlap(lambda b: np.stack([b, -b]), 1, "periodic", new_axis=0, chunks=(2, 4, 5))
    assert_same(stacked, np.stack([n, -n]))
    corners = x.map_overlap(lambda b: b[:1, :1].copy(), 1, 5, trim=False, chunks=(1, 1))
    np.testing.assert_array_equal(corners.compute(), [[5, 5], [5, n[1, 2]]])


def test_a_function_is_told_where_its_block_with_margins_lies():
    x = la.ones((4, 6), chunks=2)

    def lengths(b, block_info, block_id):
        (lo, hi), _ = block_info[0]["array-location"]
        return np.full(b.shape, 100 * hi + 10 * lo + block_id[1])

    y = x.map_overlap(lengths, {0: 1}, "reflect", dtype=int)
    np.testing.assert_array_equal(y.compute()[::2, ::2], [[400, 401, 402], [840, 841, 842]])


def test_without_a_margin_it_is_map_blocks():
    x = la.arange(6, chunks=3)
    assert la.plan(x.map_overlap(np.negative, 0)).programs[-1].op == "map_blocks negative"


@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("depth 7 is larger than the array", lambda x: x.map_overlap(np.abs, 7)),
        ("depth -1 is larger than the array, or negative", lambda x: x.map_overlap(np.abs, -1)),
        ("boundary='mirror' of axis 0 is not known; use 'none'", lambda x: x.map_overlap(np.abs, 1, "mirror")),
        ("cannot convert float NaN to integer", lambda x: x.map_overlap(np.abs, 1, np.nan)),
        ("do not align", lambda x: la.map_overlap(np.add, x, x.rechunk(2), depth=1, align_arrays=False)),
        ("needs an array", lambda x: la.map_overlap(np.add, depth=1)),
    ],
)
def test_what_cannot_be_is_refused_on_the_users_line(text, make):
    with pytest.raises((ValueError, TypeError), match=text):
        make(la.arange(6, chunks=3))
