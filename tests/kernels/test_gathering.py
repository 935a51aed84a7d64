from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lambdarray_kernels import get

from .samples import NUMBERS, bounds, same, spans, values

gather, scatter, compress, nonzero = (get(name).fn for name in ("gather", "scatter", "compress", "nonzero"))
sort_index, unsort, count, repeat = (get(name).fn for name in ("sort_index", "unsort", "count", "repeat"))
put_masked, put_stepped = (get(name).fn for name in ("put_masked", "put_stepped"))
DTYPES = [*NUMBERS, "M8[s]", "U3", [("a", "<i2"), ("b", "<f4")]]


def pieces(draw, shape):
    """All tiles of ragged cuts of a shape, in C order."""
    return list(itertools.product(*[spans(draw(bounds(n))) for n in shape]))


def cut(x, tile):
    return x[tuple(slice(*span) for span in tile)]


@st.composite
def indexed(draw, most=2):
    """A source, the first axis that is indexed, and integer arrays for the axes from there on."""
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=3)))
    count = draw(st.integers(1, min(most, len(shape))))
    axis = draw(st.integers(0, len(shape) - count))
    whole = tuple(draw(st.lists(st.sampled_from([0, 1, 4, 7]), min_size=1, max_size=2)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    indices = []
    for n in shape[axis : axis + count]:
        sizes = [1 if draw(st.booleans()) and count > 1 else s for s in whole]
        indices.append(rng.integers(-n, n, sizes).astype(draw(st.sampled_from(["i8", "i4", "i1"]))))
    return values(shape, draw(st.sampled_from(DTYPES)), draw(st.integers(0, 9))), axis, indices


def numpys_key(axis, indices):
    return (*(slice(None),) * axis, *indices)


def gathered(draw, x, axis, indices):
    """The whole way: every tile of the result loops over the tiles of the source's indexed axes, in any order."""
    expected = x[numpys_key(axis, indices)]
    count, inner = len(indices), expected.ndim - (x.ndim - len(indices))
    out = np.empty_like(expected)
    loops = pieces(draw, x.shape[axis : axis + count])
    at = [expected.ndim + i for i in range(count)]
    shape = [*expected.shape, *x.shape[axis : axis + count]]
    for tile in pieces(draw, expected.shape):
        before, index_span, after = tile[:axis], tile[axis : axis + inner], tile[axis + inner :]
        parts = [_broadcast_cut(i, expected.shape[axis : axis + inner], index_span) for i in indices]
        found = None
        for loop in draw(st.permutations(loops)):
            block = [*tile, *loop]
            found = gather(found, cut(x, (*before, *loop, *after)), *parts, block=block, shape=shape, at=at, axis=axis)
        out[tuple(slice(*span) for span in tile)] = found
        assert found.dtype == x.dtype
    return out, expected


def _broadcast_cut(index, whole, tile):
    return cut(index, [span if n == w else (0, 1) for n, w, span in zip(index.shape, whole, tile, strict=True)])


@settings(max_examples=50)
@given(st.data(), indexed())
def test_tiles_gather_what_numpys_index_takes(data, case):
    out, expected = gathered(data.draw, *case)
    same(out, expected)


@settings(max_examples=50)
@given(st.data(), st.sampled_from(DTYPES), st.integers(0, 2), st.integers(0, 9))
def test_along_an_axis_tiles_gather_as_take_along_axis(data, dtype, axis, seed):
    x = values((3, 5, 4), dtype, seed)
    size = data.draw(st.integers(0, 6))
    shape = [size if d == axis else n for d, n in enumerate(x.shape)]
    index = np.random.default_rng(seed).integers(-x.shape[axis], x.shape[axis], shape)
    expected, out = np.take_along_axis(x, index, axis), np.empty(shape, dtype)
    loops = spans(data.draw(bounds(x.shape[axis])))
    for tile in pieces(data.draw, shape):
        found = None
        for loop in data.draw(st.permutations(loops)):
            source = cut(x, [loop if d == axis else span for d, span in enumerate(tile)])
            block, whole = [*tile, loop], [*shape, x.shape[axis]]
            found = gather(found, source, cut(index, tile), block=block, shape=whole, at=[3], axis=axis, along=True)
        out[tuple(slice(*span) for span in tile)] = found
    same(out, expected)


@settings(max_examples=50)
@given(st.data(), indexed(), st.sampled_from(["set", "add", "maximum", "multiply", "subtract"]))
def test_tiles_take_what_is_put_into_them_as_numpy_puts_it(data, case, mode):
    x, axis, indices = case
    if mode != "set" and x.dtype.kind not in "iufc":
        x = np.ones(x.shape, "f8")
    key = numpys_key(axis, indices)
    put = values(x[key].shape, x.dtype, 5)
    expected = x.copy()
    with np.errstate(all="ignore"):
        if mode == "set":
            expected[key] = put
        else:
            getattr(np, mode).at(expected, key, put)
    same(scattered(data.draw, x, axis, indices, put, mode), expected)


def scattered(draw, x, axis, indices, put, mode):
    """Every tile of the result loops over the tiles of the indices and values, in order: along the first index axis."""
    count, inner = len(indices), put.ndim - (x.ndim - len(indices))
    whole = put.shape[axis : axis + inner]
    out = np.empty_like(x)
    loops = spans(draw(bounds(whole[0])))
    for tile in pieces(draw, x.shape):
        made = None
        for loop in loops:
            span = (loop, *[(0, n) for n in whole[1:]])
            parts = [_broadcast_cut(i, whole, span) for i in indices]
            given_values = cut(put, (*tile[:axis], *span, *tile[axis + count :]))
            made = scatter(
                made, cut(x, tile), *parts, given_values, block=[*tile, loop], shape=[*x.shape, whole[0]],
                at=list(range(axis, axis + count)), axis=axis, mode=mode,
            )  # fmt: skip
        out[tuple(slice(*span) for span in tile)] = made
    return out


@settings(max_examples=50)
@given(st.data(), st.integers(0, 1), st.integers(0, 9))
def test_along_an_axis_values_are_put_as_by_put_along_axis(data, axis, seed):
    x = values((4, 5), "f8", seed)
    shape = [3 if d == axis else n for d, n in enumerate(x.shape)]
    rng = np.random.default_rng(seed)
    index, put = rng.integers(-x.shape[axis], x.shape[axis], shape), rng.random(shape)
    expected = x.copy()
    np.put_along_axis(expected, index, put, axis)
    out = np.empty_like(x)
    for tile in pieces(data.draw, x.shape):
        made = None
        for loop in ((0, 1), (1, 3)):
            span = [loop if d == axis else s for d, s in enumerate(tile)]
            made = scatter(
                made, cut(x, tile), cut(index, span), cut(put, span), block=[*tile, loop], shape=[*x.shape, 3],
                at=[axis], axis=axis, along=True,
            )  # fmt: skip
        out[tuple(slice(*span) for span in tile)] = made
    same(out, expected)


def test_of_several_values_for_one_element_the_last_stays():
    where = {"block": [(0, 3)], "shape": [3], "at": [0]}
    made = scatter(None, np.zeros(3), np.array([1, 1, 2]), np.array([1.0, 2.0, 3.0]), **where)
    made = scatter(made, np.zeros(3), np.array([2, 0]), np.array([4.0, 5.0]), **where)
    assert made.tolist() == [5.0, 2.0, 4.0]


def test_a_scatter_leaves_its_tile_as_it_was_and_broadcasts_its_values():
    tile = np.zeros((2, 3))
    tile.flags.writeable = False
    made = scatter(None, tile, np.array([0, 2]), np.array(7), block=[(0, 2), (0, 3)], shape=[2, 3], at=[1], axis=1)
    same(made, np.array([[7.0, 0, 7], [7, 0, 7]]))
    assert not tile.any()


def test_a_function_of_one_operand_needs_no_values():
    made = scatter(None, np.array([1, 2, 3]), np.array([0, 0, 2]), block=[(0, 3)], shape=[3], at=[0], mode="negative")
    assert made.tolist() == [1, 2, -3]


@pytest.mark.parametrize("bad", [4, -5, 99])
def test_an_index_outside_is_numpys_error_in_whichever_tile(bad):
    x, index = np.arange(12).reshape(3, 4), np.array([0, bad])
    with pytest.raises(IndexError) as expected:
        x.take(index, axis=1)
    with pytest.raises(IndexError) as found:
        gather(None, x[:, :2], index, block=[(0, 3), (0, 2), (0, 2)], shape=[3, 2, 4], at=[2], axis=1)
    assert str(found.value) == str(expected.value)
    with pytest.raises(IndexError, match="is out of bounds for axis 1 with size 4"):
        scatter(None, x, index, np.array(0), block=[(0, 3), (0, 4)], shape=[3, 4], at=[1], axis=1)


def test_nothing_is_taken_from_nothing_and_anything_else_is_an_error():
    empty = np.zeros((0, 3))
    block, shape = [(0, 0), (0, 3), (0, 0)], [0, 3, 0]
    assert gather(None, empty, np.zeros(0, int), block=block, shape=shape, at=[2]).shape == (0, 3)
    with pytest.raises(IndexError):
        gather(None, empty, np.zeros(1, int), block=[(0, 1), (0, 3), (0, 0)], shape=[1, 3, 0], at=[2])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_picks_as_in_numpy(axis):
    x = values((3, 4, 5), "f4")
    for count in range(1, 4 - axis):
        mask = values(x.shape[axis : axis + count], "?", 1)
        same(compress(x, mask, axis=axis), x[(*(slice(None),) * axis, mask)])


@settings(max_examples=50)
@given(st.data(), st.sampled_from([(7,), (3, 4), (2, 3, 5), (0, 4)]), st.sampled_from(NUMBERS))
def test_the_places_that_are_not_zero_are_numpys(data, shape, dtype):
    x = values(shape, dtype, 3)
    rows = spans(data.draw(bounds(shape[0])))
    found = [nonzero(x[lo:hi], np.array([lo])) for lo, hi in rows]
    flat = [nonzero(x[lo:hi], np.array([lo]), flat=True) for lo, hi in rows]
    same(np.concatenate([np.zeros((0, x.ndim), np.int64), *found]), np.argwhere(x).astype(np.int64))
    same(np.concatenate([np.zeros(0, np.int64), *flat]), np.flatnonzero(x).astype(np.int64))


@settings(max_examples=50)
@given(st.data(), indexed())
def test_of_a_sorted_index_each_tile_gives_its_stretch(data, case):
    x, axis, indices = case
    expected = x[numpys_key(axis, indices)]
    count, inner = len(indices), expected.ndim - (x.ndim - len(indices))
    sizes, by = x.shape[axis : axis + count], data.draw(st.integers(0, count - 1))
    order, *rising = sort_index(*indices, block=[], shape=[], sizes=sizes, axis=axis, by=by)
    found, at = None, [expected.ndim + i for i in range(count)]
    for loop in data.draw(st.permutations(pieces(data.draw, sizes))):
        source = cut(x, [*[(0, n) for n in x.shape[:axis]], *loop, *[(0, n) for n in x.shape[axis + count :]]])
        block = [*[(0, n) for n in expected.shape], *loop]
        found = gather(found, source, *rising, block=block, shape=[], at=at, axis=axis, rising=by)
    block = [(0, n) for n in expected.shape]
    same(unsort(found, order, block=block, shape=[], axis=axis, ndim=inner), expected)


def test_a_tile_that_nothing_is_put_into_is_handed_on():
    tile = np.zeros(2)
    where = {"block": [(2, 4)], "shape": [9], "at": [0]}
    assert scatter(None, tile, np.array([7]), np.array(1.0), **where) is tile
    assert scatter(tile, tile, np.array([2]), np.array(1.0), **where).tolist() == [1, 0]
    assert not tile.any()
    mask = np.zeros(2, bool)
    assert put_masked(tile, mask, np.ones(1)) is tile


@pytest.mark.parametrize("axis", [0, 1])
def test_values_are_put_by_a_mask_as_in_numpy(axis):
    x = values((3, 4, 2), "f4")
    mask = values(x.shape[axis : axis + 2], "?", 1)
    put = values((*x.shape[:axis], int(mask.sum()), *x.shape[axis + 2 :]), "f4", 2)
    expected = x.copy()
    expected[(*(slice(None),) * axis, mask)] = put
    same(put_masked(x, mask, put, axis=axis), expected)


@given(st.data(), st.integers(1, 12), st.integers(1, 5))
def test_tiles_take_every_nth_element_from_the_values(data, count, step):
    size = (count - 1) * step + 1
    x, put = np.zeros(size), np.arange(1.0, count + 1)
    expected = x.copy()
    expected[::step] = put
    tiles = []
    for lo, hi in spans(data.draw(bounds(size))):
        part = put[lo // step : -(-hi // step)]
        tiles.append(put_stepped(x[lo:hi], part, block=[(lo, hi)], shape=[size], steps=[step]))
        same(
            put_stepped(x[lo:hi], np.ones(1), block=[(lo, hi)], shape=[size], steps=[step]),
            (expected[lo:hi] > 0).astype(float),
        )
    same(np.concatenate(tiles), expected)


def test_repeats_are_counted_and_made_as_by_numpy():
    x, repeats = np.arange(6).reshape(2, 3), np.array([2, 0, 1])
    same(repeat(x, repeats, axis=1), np.repeat(x, repeats, 1))
    assert count(repeats).tolist() == [3]
    assert count(repeats > 0).tolist() == [2]
    with pytest.raises(ValueError, match="negative"):
        count(np.array([1, -1]))


def test_moving_costs_no_flops():
    assert get("gather").flops(None, (5,), (3,), at=[1]) == 0
    assert get("scatter").flops(None, (5,), (3,), (3,), at=[0]) == 0
    assert get("scatter").flops(None, (5,), (3,), (3,), at=[0], mode="add") == 3
    assert get("nonzero").flops((3, 4), (1,)) == math.prod((3, 4))
