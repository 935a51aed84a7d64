from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.errors import AccessError, CorruptTileError, MissingTileError, StoreError, TargetExistsError
from lambdarray.store import open_array, open_store
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import CountingStore
from lambdarray.store.zarr import open_zarr, read_zarr, source_key
from lambdarray.store.zarr_meta import fill_bytes
from lambdarray.store.zarr_targets import finish_target, new_target
from lambdarray.task import ArraySpec
from lambdarray.tiling import Tiling

from .zarr_arrays import CHUNKS, DTYPES, SHAPE, opened, prepare, sample, save, zarr

# What we write, zarr-python reads; what it writes, we read.


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore:The data type")
def test_zarr_python_reads_what_was_saved(url: str, dtype: str) -> None:
    x = sample(dtype)
    save(url, x)
    found = zarr.open_array(url, mode="r")
    assert (found.shape, found.chunks, found.dtype) == (SHAPE, CHUNKS, x.dtype)
    assert found.attrs["lambdarray"] == {"plan": "p", "complete": True}
    assert np.array_equal(found[:], x)
    assert np.array_equal(read_zarr(url), x)


@pytest.mark.parametrize(
    ("shape", "chunks"), [((), ()), ((0,), (3,)), ((5,), (10,)), ((2, 0, 3), (1, 1, 1)), ((4, 4), (2, 2))], ids=str
)
def test_all_shapes_can_be_saved(url: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    x = sample("f8", shape)
    save(url, x, chunks)
    assert np.array_equal(zarr.open_array(url, mode="r")[...], x)
    assert np.array_equal(read_zarr(url), x)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.filterwarnings("ignore:The data type")
def test_what_zarr_python_wrote_is_read(url: str, dtype: str, zarr_format: int) -> None:
    x = sample(dtype)
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype=x.dtype, zarr_format=zarr_format, compressors=None)[:] = x
    meta = open_zarr(url)
    assert (meta.shape, meta.chunks, meta.dtype, meta.version) == (SHAPE, CHUNKS, x.dtype, zarr_format)
    assert meta.mark is None
    assert np.array_equal(read_zarr(url), x)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    ("dtype", "fill"),
    [("f8", np.nan), ("f4", -np.inf), ("f8", 0.1), ("i8", -7), ("u8", 2**64 - 1), ("?", True), ("c16", 1 + 2j)],
)
def test_missing_chunks_of_a_foreign_array_consist_of_its_fill_value(
    url: str, dtype: str, fill: Any, zarr_format: int
) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype=dtype, fill_value=fill, zarr_format=zarr_format)
    assert np.array_equal(read_zarr(url), np.full(SHAPE, fill, dtype), equal_nan=dtype[0] == "f")
    assert np.array_equal(
        opened(open_zarr(url)).read([(1, 2), (1, 2)])[0, 0], np.dtype(dtype).type(fill), dtype == "f8"
    )


@given(st.floats(width=32), st.sampled_from(["<f4", ">f4"]))
def test_fill_values_may_be_given_as_bits(value: float, dtype: str) -> None:
    bits = f"0x{int.from_bytes(np.float32(value).tobytes(), 'little'):08x}"
    assert fill_bytes(bits, np.dtype(dtype)) == np.array([value], dtype).tobytes()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5)), min_size=1, max_size=3), st.data())
def test_a_region_is_a_slice(axes: list[tuple[int, int]], data: st.DataObject) -> None:
    shape, chunks = zip(*axes, strict=True)
    url = f"memory://zarr-{uuid.uuid4().hex}"
    x = sample("f4", shape)
    save(url, x, chunks)
    spans = [tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in shape]
    got = opened(open_zarr(url)).read(spans)
    assert np.array_equal(got, x[tuple(slice(a, b) for a, b in spans)])
    assert not got.flags.writeable


def test_the_same_in_s3(s3_here: str) -> None:
    url, x = f"{s3_here}/{uuid.uuid4().hex}/a.zarr", sample("f8")
    save(url, x)
    assert np.array_equal(read_zarr(url), x)
    before = source_key(url)
    assert before == source_key(url)
    with pytest.raises(TargetExistsError):
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "other")
    prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "other", overwrite=True)
    assert list(open_store(url).list()) == ["zarr.json"]
    assert source_key(url) != before


def test_big_endian_arrays_are_saved_little_endian(url: str) -> None:
    x = sample(">f8")
    location = new_target(url, SHAPE, CHUNKS, x.dtype).location()
    prepare(url, SHAPE, CHUNKS, x.dtype, "p")
    array = open_array(ArraySpec("a", Tiling.regular(SHAPE, CHUNKS), x.dtype, location), MemoryStore())
    for index in array.spec.tiling.indices():
        array.write(index, x[array.spec.tiling.slices(index)])
    finish_target(url)
    assert np.array_equal(zarr.open_array(url, mode="r")[:], x)
    assert array.read([(0, 7), (0, 10)]).dtype == x.dtype


def test_our_own_array_is_not_copied_from_the_page_cache_and_a_foreign_one_is(url: str, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((512, 512))
    save(url, x, (512, 512))
    assert "mmap" in repr(memoryview(opened(open_zarr(url)).read([(0, 512), (0, 512)]).base.base).obj)
    other = str(tmp_path / "b.zarr")
    zarr.create_array(other, shape=x.shape, chunks=x.shape, dtype="f8", compressors=None)[:] = x
    assert "mmap" not in repr(memoryview(opened(open_zarr(other)).read([(0, 512), (0, 512)]).base).obj)


def test_rows_of_a_plain_chunk_are_read_by_byte_range(url: str) -> None:
    x = sample("f8", (100, 50))
    zarr.create_array(url, shape=x.shape, chunks=x.shape, dtype="f8", compressors=None)[:] = x
    array = opened(open_zarr(url))
    array.store = CountingStore(array.store)
    asked: list[Any] = []
    whole = array.store.get_ranges
    array.store.get_ranges = lambda key, ranges, **options: asked.append(ranges) or whole(key, ranges, **options)
    assert np.array_equal(array.read([(10, 20), (0, 50)]), x[10:20])
    assert asked == [[(4000, 8000)]]
    assert array.read_nbytes([(10, 20), (0, 50)]) == 4000


# Damage, and what is not there.


def test_a_damaged_chunk_is_noticed(url: str) -> None:
    save(url, sample("f8"))
    chunk = Path(url) / "c/1/2"
    chunk.write_bytes(chunk.read_bytes()[:-6] + b"\1" + chunk.read_bytes()[-5:])
    with pytest.raises(CorruptTileError, match=r"chunk c/1/2 of .* has CRC-32C"):
        read_zarr(url)
    chunk.write_bytes(b"")
    with pytest.raises(CorruptTileError, match="c/1/2"):
        read_zarr(url)


def test_a_missing_chunk_of_our_own_array_is_an_error(url: str) -> None:
    save(url, sample("f8"))
    (Path(url) / "c/1/2").unlink()
    with pytest.raises(MissingTileError, match=r"chunk c/1/2 of .* is missing"):
        read_zarr(url)


def test_a_chunk_that_may_not_be_read_is_not_missing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)
    array = opened(open_zarr(url))

    def refuse(*args: Any, **options: Any) -> None:
        raise AccessError("no")

    monkeypatch.setattr(array.store, "get_bytes", refuse)
    monkeypatch.setattr(array.store, "get_ranges", refuse)
    for spans in ([(0, 7), (0, 10)], [(0, 1), (0, 2)]):
        with pytest.raises(AccessError):
            array.read(spans)


def test_an_incomplete_save_is_not_opened(url: str) -> None:
    save(url, sample("f8"), finish=False)
    with pytest.raises(StoreError, match="incomplete save"):
        open_zarr(url)
    finish_target(url)
    finish_target(url)
    assert open_zarr(url).mark == {"plan": "p", "complete": True}


def test_no_array_is_a_file_not_found(url: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Zarr array"):
        open_zarr(url)
    with pytest.raises(StoreError, match="no array that is being saved"):
        finish_target(url)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_group_is_no_array(url: str, zarr_format: int) -> None:
    zarr.create_group(url, zarr_format=zarr_format)
    with pytest.raises(StoreError, match="group"):
        open_zarr(url)
    with pytest.raises(TargetExistsError, match="group"):
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"node_type": "array"}', '{"node_type": "array", "shape": 3}'])
def test_broken_metadata_is_said_to_be(url: str, text: str) -> None:
    open_store(url).put_bytes("zarr.json", text.encode())
    with pytest.raises(StoreError, match=r"not JSON|not as it must be|group"):
        open_zarr(url)


@pytest.mark.filterwarnings("ignore")
def test_strings_of_any_length_are_refused(url: str) -> None:
    zarr.create_array(url, shape=(3,), chunks=(2,), dtype=str)
    with pytest.raises(StoreError, match="string"):
        open_zarr(url)


def test_the_key_of_a_source_changes_with_its_content(url: str) -> None:
    made = zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)
    made[:] = 1
    first = source_key(url)
    assert source_key(url) == first
    made[0, 0] = 2
    assert source_key(url) != first


def test_opening_by_location_reads_nothing(url: str) -> None:
    save(url, sample("f8"))
    location = open_zarr(url).location()
    open_store(url).delete_prefix("")
    array = open_array(ArraySpec("a", Tiling.regular(SHAPE, CHUNKS), np.dtype("f8"), location), MemoryStore())
    with pytest.raises(MissingTileError, match="chunk c/0/0"):
        array.read([(0, 1), (0, 1)])


def test_a_location_with_nothing_but_a_url_reads_the_metadata(url: str) -> None:
    save(url, sample("f8"))
    spec = ArraySpec("a", Tiling.regular(SHAPE, CHUNKS), np.dtype("f8"), {"kind": "zarr", "url": url})
    assert np.array_equal(open_array(spec, MemoryStore()).read([(0, 7), (0, 10)]), sample("f8"))


def test_a_region_of_few_columns_takes_no_memory_for_the_others(tmp_path: Path) -> None:
    x = np.arange(1500 * 2000, dtype="f8").reshape(1500, 2000)
    zarr.create_array(tmp_path / "x", shape=x.shape, chunks=x.shape, dtype="f8", compressors=None)[:] = x
    array = opened(open_zarr(str(tmp_path / "x")))
    for rows, columns in [((0, 1500), (500, 1000)), ((7, 1490), (1990, 2000)), ((0, 1), (3, 5))]:
        found = array.read([rows, columns])
        assert np.array_equal(found, x[slice(*rows), slice(*columns)])
        assert found.base is None or found.base.nbytes <= max(2 * found.nbytes, 2 * (columns[1] - columns[0]) * 8)
