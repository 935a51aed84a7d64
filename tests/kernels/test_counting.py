from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get

from .samples import bounds, close, same, spans, values

bincount, bin_edges, histogram, histogramdd, combine, finish = (
    get(name).fn for name in ("bincount", "bin_edges", "histogram", "histogramdd", "combine", "finish")
)


def summed(draw, x, partial, *others):
    """The partials of ragged tiles of an array, and of others of its shape, added up as a plan adds them."""
    axes = list(range(x.ndim))
    boxes = list(itertools.product(*[spans(draw(bounds(n, 2))) for n in x.shape]))
    total = None
    for box in draw(st.permutations(boxes)):
        part = tuple(slice(*b) for b in box)
        one = partial(box, *[y[part] for y in (x, *others)])
        total = combine(total, one, kind="sum", axes=axes)
    return finish(total, kind="sum", dtype=one.dtype.str).reshape(total.shape[x.ndim :])


@settings(max_examples=50)
@given(st.data(), st.sampled_from([(0,), (30,), (4, 7)]), st.sampled_from(["i8", "u1", "?"]), st.booleans())
def test_numbers_are_counted_over_tiles_and_blocks_of_bins(data, shape, dtype, weighted):
    x = np.abs(values(shape, dtype))
    weights = [values(shape, "f4", 1, special=False)] if weighted else []
    length = int(x.max(initial=0)) + 3
    parts = []
    for lo, hi in spans(data.draw(bounds(length))):

        def partial(box, tile, *heavy, span=(lo, hi)):
            return bincount(tile, *heavy, block=[*box, span], shape=[*shape, length])

        parts.append(summed(data.draw, x, partial, *weights))
    expected = np.bincount(x.reshape(-1), *[w.reshape(-1) for w in weights], minlength=length)
    close(np.concatenate(parts), expected.astype("f8") if weighted else expected)


@pytest.mark.parametrize(("bad", "match"), [(-1, "must have no negative"), (4, "needs 5 bins, and there are 4")])
def test_a_number_without_a_bin_is_an_error(bad, match):
    with pytest.raises(ValueError, match=match):
        bincount(np.array([0, bad]), block=[(0, 2), (1, 2)], shape=[2, 4])


DTYPES = ["f2", "f4", "f8", "i1", "u1", "i8", "u8", "?"]


@settings(max_examples=50)
@given(st.data(), st.sampled_from(DTYPES), st.integers(1, 12), st.integers(0, 9), st.booleans())
def test_equal_bins_hold_what_numpy_puts_into_them(data, dtype, bins, seed, weighted):
    x = np.random.default_rng(seed).normal(size=(5, 40)) * 30
    x = (x.round(1) if seed % 2 else x).astype("i8" if dtype[0] in "u" else dtype).astype(dtype)
    weights = [values(x.shape, "f8", 1, special=False)] if weighted else []
    low, high = x.min(keepdims=True), x.max(keepdims=True)

    def partial(_, tile, *heavy):
        return histogram(tile, low, high, *heavy, bins=bins, weighted=weighted)

    source = x.astype("u1") if dtype == "?" else x
    counts, edges = np.histogram(source, bins, weights=weights[0] if weighted else None)
    close(summed(data.draw, x, partial, *weights), counts)
    same(bin_edges(low, high, bins=bins, dtype=dtype), edges)


@settings(max_examples=50)
@given(st.data(), st.sampled_from(["f4", "f8", "i4"]), st.sampled_from([(0, 1), (-1.5, 4), (0.1, 0.7)]))
def test_a_range_of_pythons_numbers_is_numpys(data, dtype, ends):
    x = values((6, 30), dtype, 2)
    got = summed(data.draw, x, lambda _, tile: histogram(tile, bins=7, range=ends))
    same(got, np.histogram(x, 7, ends)[0])


@settings(max_examples=50)
@given(st.data(), st.sampled_from(["f4", "f8", "i4", "c16"]), st.booleans())
def test_given_edges_are_numpys(data, weight_dtype, weighted):
    x, edges = values((6, 30), "f8", 2), np.array([-3, -0.5, 0, 0, 2, 2.5])
    weights = [values(x.shape, weight_dtype, 1, special=False)] if weighted else []

    def partial(_, tile, *heavy):
        return histogram(tile, edges, *heavy, weighted=weighted)

    close(summed(data.draw, x, partial, *weights), np.histogram(x, edges, weights=weights[0] if weighted else None)[0])


def test_an_element_on_an_edge_is_counted_as_numpy_rounds_it():
    x = np.arange(1001) / 10
    low, high = x[:1], x[-1:]
    for bins in range(1, 400, 7):
        parts = [histogram(x[lo:hi], low, high, bins=bins) for lo, hi in spans([0, 1, 300, 1001])]
        same(sum(parts)[0], np.histogram(x, bins)[0])


def test_a_range_that_is_not_finite_is_numpys_error():
    with pytest.raises(ValueError, match="is not finite"):
        histogram(np.ones(3), np.array([np.nan]), np.array([1.0]), bins=3)


@settings(max_examples=50)
@given(st.data(), st.booleans(), st.sampled_from(["f4", "f8"]))
def test_points_in_tiles_are_counted_as_in_numpy(data, weighted, dtype):
    points = values((60, 3), dtype, 4)
    edges = [np.array([-4.0, 0, 1, 4]), np.array([-2.0, 2.5]), np.linspace(-4, 4, 6)]
    heavy = values(60, "f8", 5, special=False)
    total = 0
    for lo, hi in spans(data.draw(bounds(60))):
        given_weights = [heavy[lo:hi]] if weighted else []
        total = total + histogramdd(points[lo:hi], *edges, *given_weights, weighted=weighted)
    close(total[0, 0], np.histogramdd(points, edges, weights=heavy if weighted else None)[0])


def test_counting_costs_an_operation_an_element():
    assert get("bincount").flops((3, 4)) == 12
    assert get("histogram").flops((5,), (3,)) == 5
    assert get("histogramdd").flops((5, 2)) == 10
    assert get("bin_edges").flops((1,), (1,), bins=4, dtype="<f8") == 5
