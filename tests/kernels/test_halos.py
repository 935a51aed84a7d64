from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get
from lambdarray_kernels.halos import MODES

from .samples import bounds, same, spans, values

pad_edges, overlap, trim, sliding = (get(name).fn for name in ("pad_edges", "overlap", "trim", "sliding"))


def with_halo(x, block, depth):
    """What a task reads: as much of the halo as there is."""
    ends = zip(block, depth, x.shape, strict=True)
    return x[tuple(slice(max(lo - a, 0), min(hi + b, n)) for (lo, hi), (a, b), n in ends)]


def padded(x, depth, boundary):
    """The whole array with its halo, by NumPy."""
    for axis, (mode, width) in enumerate(zip(boundary, depth, strict=True)):
        widths = [width if d == axis else (0, 0) for d in range(x.ndim)]
        if isinstance(mode, str):
            x = np.pad(x, widths, mode)
        elif mode is not None:
            x = np.pad(x, widths, constant_values=mode)
    return x


@settings(max_examples=50)
@given(st.data(), st.sampled_from(["i2", "f8", "c8"]), st.sampled_from([(9,), (4, 6), (1, 5)]))
def test_the_halo_of_a_tile_is_that_of_the_whole_array(data, dtype, shape):
    x = values(shape, dtype, special=False)
    depth = [data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3))) for _ in shape]
    boundary = [data.draw(st.sampled_from([*MODES, 7, 0, None] if a == b else ["edge", 7, None])) for a, b in depth]
    whole = padded(x, depth, boundary)
    for block in itertools.product(*[spans(data.draw(bounds(n))) for n in shape]):
        where = {"block": block, "shape": shape, "depth": depth, "boundary": boundary}
        tile = pad_edges(with_halo(x, block, depth), **where)
        index = []
        for (lo, hi), (a, b), mode, n in zip(block, depth, boundary, shape, strict=True):
            index.append(slice(max(lo - a, 0), min(hi + b, n)) if mode is None else slice(lo, hi + a + b))
        if all(lo < hi for lo, hi in block):
            same(tile, whole[tuple(index)])
        same(trim(tile, **where), x[tuple(slice(*b) for b in block)])


def test_another_boundary_is_an_error_that_lists_those_there_are():
    with pytest.raises(ValueError, match="no boundary 'wrap'; there are edge, reflect, symmetric, a constant and None"):
        pad_edges(np.ones(3), block=[(0, 2)], shape=[5], depth=[(1, 1)], boundary=["wrap"])


def test_a_reflection_needs_one_depth_on_both_sides():
    with pytest.raises(ValueError, match=r"depth \(0, 1\) of axis 0 with boundary 'reflect': both must be the same"):
        pad_edges(np.ones(3), block=[(0, 2)], shape=[2], depth=[(0, 1)], boundary=["reflect"])


def test_a_tile_in_the_middle_is_not_copied():
    x = np.arange(10)
    assert pad_edges(x[2:8], block=[(3, 7)], shape=[10], depth=[(1, 1)], boundary=["edge"]).base is x


@settings(max_examples=50)
@given(st.data(), st.sampled_from([((3,), (0,)), ((2, 3), (1, 0)), ((2,), (-1,)), ((2, 2), (1, 1))]))
def test_windows_of_tiles_are_numpys(data, how):
    x = values((7, 8), "f4")
    window, axes = how
    expected = np.lib.stride_tricks.sliding_window_view(x, window, axes)
    lengths = expected.shape[: x.ndim]
    halo = [n - m for n, m in zip(x.shape, lengths, strict=True)]
    out = np.empty_like(expected)
    for block in itertools.product(*[spans(data.draw(bounds(n))) for n in lengths]):
        tile = x[tuple(slice(lo, hi + more) for (lo, hi), more in zip(block, halo, strict=True))]
        out[tuple(slice(*b) for b in block)] = sliding(tile, window=window, axes=axes)
    same(out, expected)


@settings(max_examples=100)
@given(st.data())
def test_a_tile_overlaps_by_any_depth_over_rings_and_mirrors_too_and_is_trimmed_again(data):
    n = data.draw(st.integers(1, 7))
    before, after = (data.draw(st.integers(0, n)) for _ in range(2))
    kind = data.draw(st.sampled_from([*MODES[::2], "periodic", "constant", "none"]))
    (lo, hi) = data.draw(st.sampled_from(spans(data.draw(bounds(n)))))
    x = values((n,), "c8")
    reach = (max(before, after),) * 2 if kind == "symmetric" else (before, after)
    (tile,) = [with_halo(x, [(lo, hi)], [reach])]
    pieces = [x[n - max(1, before) :], tile, x[: max(1, after)]] if kind == "periodic" else [tile]
    constant = np.complex64(3 - 1j)
    how = [0, n, before, after, kind, constant.tobytes().hex()]
    found = overlap(*pieces, block=[(lo, hi)], shape=[n], axes=[how])
    if kind == "none":
        expected = with_halo(x, [(lo, hi)], [(before, after)])
    else:
        more = {"constant_values": constant} if kind == "constant" else {}
        whole = np.pad(x, (before, after), "wrap" if kind == "periodic" else kind, **more)
        expected = whole[lo : hi + before + after]
    if lo < hi:
        same(found, expected)
        boundary = [None if kind == "none" else kind]
        same(trim(found, block=[(lo, hi)], shape=[n], depth=[(before, after)], boundary=boundary), x[lo:hi])


def test_rings_of_two_axes_meet_in_their_corners():
    x = np.arange(12).reshape(3, 4)
    ends = [(slice(2, 3), slice(0, 1)), (slice(3, 4), slice(0, 1))]
    parts = itertools.product(*[(last, slice(None), first) for last, first in ends])
    axes = [[-1, 3, 1, 1, "periodic", ""], [-1, 4, 1, 1, "periodic", ""]]
    same(overlap(*(x[at] for at in parts), block=[], shape=[], axes=axes), np.pad(x, 1, "wrap"))
