from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lambdarray.errors import CorruptTileError
from lambdarray.store.format import ALIGNMENT, BLOCK_NBYTES, decode, encode, flat_span, layout, region_of

from .conformance import DTYPES, same

SHAPES = npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=7)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtype_and_shape_alone_give_the_header_s_length(dtype: np.dtype) -> None:
    for shape in [(), (3,), (0, 5), (300_000,)]:
        header, data = encode(np.zeros(shape, dtype))
        plan = layout(np.dtype(dtype), shape)
        assert len(header) == plan.offset
        assert len(data) == plan.data_nbytes
        assert plan.offset % ALIGNMENT == 0


def test_elements_lie_aligned_in_a_mapped_file() -> None:
    assert layout(np.dtype("c16"), (10**6, 3)).offset % ALIGNMENT == 0


def test_there_is_a_checksum_for_each_block() -> None:
    plan = layout(np.dtype("u1"), (3 * BLOCK_NBYTES + 1,))
    assert plan.block_count == 4
    assert plan.blocks(BLOCK_NBYTES - 1, BLOCK_NBYTES + 1) == (0, 2)
    assert plan.block_bytes(3, 4) == (3 * BLOCK_NBYTES, 3 * BLOCK_NBYTES + 1)


@given(npst.arrays(npst.scalar_dtypes(), npst.array_shapes(min_dims=0, min_side=0)))
def test_decode_is_the_inverse_of_encode(tile: np.ndarray) -> None:
    header, data = encode(tile)
    assert same(decode(memoryview(header + bytes(data)), layout(tile.dtype, tile.shape), "k"), tile)


@given(SHAPES, st.data())
def test_the_flat_span_is_the_shortest_run_that_holds_a_region(shape: tuple[int, ...], data: st.DataObject) -> None:
    spans = [tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in shape]
    x = np.arange(np.prod(shape)).reshape(shape)
    region = x[tuple(slice(a, b) for a, b in spans)]
    lo, hi = flat_span(shape, spans)
    assert (lo, hi) == ((region.min(), region.max() + 1) if region.size else (0, 0))
    if region.size:
        got = region_of(memoryview(x[np.newaxis].reshape(-1)[lo:hi].tobytes()), lo * 8, x.dtype, shape, spans)
        assert same(got, region)


def test_a_small_region_does_not_keep_a_large_buffer_alive() -> None:
    x = np.zeros((100, 100))
    assert region_of(x.reshape(-1).view("u1").data, 0, x.dtype, x.shape, [(0, 100), (0, 3)]).base is None
    assert region_of(x.reshape(-1).view("u1").data, 0, x.dtype, x.shape, [(0, 60), (0, 100)]).base is not None


def test_the_error_says_what_is_there() -> None:
    header, data = encode(np.zeros((3, 4), ">f4"))
    whole = memoryview(header + bytes(data))
    with pytest.raises(CorruptTileError, match=r"holds >f4 \(3, 4\), not <f8 \(6,\)"):
        decode(whole, layout(np.dtype("f8"), (6,)), "k")
    with pytest.raises(CorruptTileError, match="does not begin as a tile does"):
        decode(memoryview(bytes(200)), layout(np.dtype("f8"), (6,)), "k")
    newer = bytearray(whole)
    newer[8] = 9
    with pytest.raises(CorruptTileError, match="format 9, and this version reads 1"):
        decode(memoryview(bytes(newer)), layout(np.dtype(">f4"), (3, 4)), "k")


def test_padding_between_fields_and_field_shapes_are_part_of_the_dtype() -> None:
    plain, aligned = np.dtype([("a", "u1"), ("b", "f8")]), np.dtype([("a", "u1"), ("b", "f8")], align=True)
    header, data = encode(np.zeros(3, plain))
    with pytest.raises(CorruptTileError):
        decode(memoryview(header + bytes(data)), layout(aligned, (3,)), "k")
