from __future__ import annotations

import json
import sys
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
from lambdarray.store.zarr import (
    ZarrArray,
    finish_target,
    open_zarr,
    prepare_target,
    read_zarr,
    source_key,
    target_chunks,
    target_location,
)
from lambdarray.store.zarr_meta import ZarrMeta, fill_bytes
from lambdarray.task import ArraySpec
from lambdarray.tiling import Tiling

zarr = pytest.importorskip("zarr", reason="zarr-python is the judge of what is valid; it is in the extra 'test'")

SHAPE, CHUNKS = (7, 10), (3, 4)
DTYPES = ["?", "i1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "M8[ns]", "m8[3D]"]


def sample(dtype: Any, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    raw = np.random.default_rng(0).integers(0, 100, shape)
    return raw.astype("i8").view(dtype) if np.dtype(dtype).kind in "mM" else raw.astype(dtype)


def spec_for(meta: ZarrMeta, name: str = "a") -> ArraySpec:
    return ArraySpec(name, meta.tiling, meta.dtype, json.loads(json.dumps(meta.location())))


def opened(meta: ZarrMeta) -> ZarrArray:
    array = open_array(spec_for(meta), MemoryStore())
    assert isinstance(array, ZarrArray)
    return array


def save(url: str, x: np.ndarray, chunks: tuple[int, ...] = CHUNKS, plan: str = "p", finish: bool = True) -> None:
    array = opened(prepare_target(url, x.shape, chunks, x.dtype, plan))
    for index in array.spec.tiling.indices():
        assert array.write(index, x[array.spec.tiling.slices(index)]) is True
    if finish:
        finish_target(url)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "a.zarr")


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


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compressors": "auto", "zarr_format": 2},
        {"compressors": zarr.codecs.GzipCodec()},
        {"compressors": zarr.codecs.BloscCodec(cname="lz4")},
        {"compressors": [zarr.codecs.ZstdCodec(level=1), zarr.codecs.Crc32cCodec()]},
        {"compressors": zarr.codecs.Crc32cCodec()},
        {"filters": zarr.codecs.TransposeCodec(order=(1, 0))},
        {"order": "F", "zarr_format": 2, "compressors": None},
        {"serializer": zarr.codecs.BytesCodec(endian="big"), "compressors": None},
        {"chunk_key_encoding": {"name": "v2", "separator": "."}},
        {"chunk_key_encoding": {"name": "default", "separator": "."}},
        {"chunk_key_encoding": {"name": "v2", "separator": "/"}, "zarr_format": 2, "compressors": None},
        {"chunks": (2, 2), "shards": (4, 6)},
        {"chunks": (2, 2), "shards": (4, 6), "compressors": None, "filters": zarr.codecs.TransposeCodec(order=(1, 0))},
    ],
    ids=lambda options: "-".join(options) or "default",
)
def test_codecs(url: str, options: dict[str, Any]) -> None:
    x = sample("f8")
    zarr.create_array(url, **{"shape": SHAPE, "chunks": CHUNKS, "dtype": "f8", "fill_value": 5.0, **options})[:5] = x[
        :5
    ]
    wanted = np.where(np.arange(7)[:, None] < 5, x, 5)
    assert np.array_equal(read_zarr(url), wanted)
    array = opened(open_zarr(url))
    for spans in ([(1, 3), (2, 9)], [(4, 7), (0, 10)], [(3, 4), (4, 8)], [(2, 2), (0, 5)]):
        assert np.array_equal(array.read(spans), wanted[slice(*spans[0]), slice(*spans[1])])
        assert array.read_nbytes(spans) >= 0


@pytest.mark.parametrize("zlib", [True, False])
def test_filters_and_compressors_of_version_2(url: str, zlib: bool) -> None:
    numcodecs = pytest.importorskip("numcodecs", reason="comes with zarr")
    x = sample("i4")
    options = {"filters": [numcodecs.Delta("i4")], "compressors": numcodecs.Zlib() if zlib else numcodecs.LZ4()}
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", zarr_format=2, **options)[:] = x
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
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "other")
    prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "other", overwrite=True)
    assert list(open_store(url).list()) == ["zarr.json"]
    assert source_key(url) != before


def test_big_endian_arrays_are_saved_little_endian(url: str) -> None:
    x = sample(">f8")
    location = target_location(url, SHAPE, CHUNKS, x.dtype)
    prepare_target(url, SHAPE, CHUNKS, x.dtype, "p")
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


def test_a_damaged_compressed_or_short_chunk_is_noticed(url: str) -> None:
    for options in ({"compressors": zarr.codecs.GzipCodec()}, {}, {"compressors": None}, {"shards": (6, 8)}):
        settings = {"shape": SHAPE, "chunks": CHUNKS, "dtype": "f8", "overwrite": True, **options}
        zarr.create_array(url, **settings)[:] = sample("f8")
        chunk = Path(url) / "c/0/0"
        chunk.write_bytes(chunk.read_bytes()[:-40])
        with pytest.raises(CorruptTileError, match="c/0/0"):
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
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)


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


def test_without_numcodecs_the_error_says_what_to_install(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8")[:] = 1
    monkeypatch.setitem(sys.modules, "numcodecs", None)
    with pytest.raises(StoreError, match=r"'zstd', which needs the package numcodecs: pip install numcodecs"):
        read_zarr(url)


def test_an_unknown_codec_is_named(url: str) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)[:] = 1
    document = json.loads((Path(url) / "zarr.json").read_text())
    document["codecs"].append({"name": "squeeze"})
    (Path(url) / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="'squeeze'"):
        read_zarr(url)


# Targets.


def test_a_target_keeps_what_its_own_plan_wrote(url: str) -> None:
    save(url, sample("f8"), finish=False)
    prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    assert len(list(open_store(url).list("c"))) == 9
    finish_target(url)
    prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    assert np.array_equal(read_zarr(url), sample("f8"))


def test_a_target_that_holds_anything_else_is_refused(url: str) -> None:
    save(url, sample("f8"), plan="other")
    with pytest.raises(TargetExistsError, match="overwrite=True"):
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    assert np.array_equal(read_zarr(url), sample("f8"))


def test_overwrite_deletes_an_array_first(url: str) -> None:
    for make in (
        lambda: save(url, sample("f8"), (2, 2), plan="other"),
        lambda: zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", overwrite=True, fill_value=9),
        lambda: zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", overwrite=True, zarr_format=2),
    ):
        open_store(url).delete_prefix("")
        make()
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
        assert list(open_store(url).list()) == ["zarr.json"]
        save(url, sample("f8"))
        assert np.array_equal(read_zarr(url), sample("f8"))


def test_overwrite_never_deletes_what_is_no_array(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(TargetExistsError, match=r"thesis\.tex"):
            prepare_target(str(tmp_path), SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite)
    assert (tmp_path / "thesis.tex").exists()


def test_an_array_whose_deletion_was_cut_short_is_taken_for_no_plan_s(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(url, sample("f8"), plan="other")
    monkeypatch.setattr(type(open_store(url)), "delete_all", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="incomplete"):
        open_zarr(url)
    with pytest.raises(TargetExistsError):
        prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    assert list(open_store(url).list()) == ["zarr.json"]


@pytest.mark.parametrize("dtype", [[("a", "f8")], "S3", "V4", "f16", "O"], ids=str)
def test_a_dtype_that_zarr_does_not_have_is_refused_before_any_writing(url: str, dtype: Any) -> None:
    with pytest.raises(StoreError, match="Zarr has no data type"):
        prepare_target(url, SHAPE, CHUNKS, np.dtype(dtype), "p")
    assert not Path(url).exists()


def test_irregular_chunks_cannot_be_saved(url: str) -> None:
    assert target_chunks(Tiling.from_chunks([[3, 3, 1], [0]])) == (3, 1)
    with pytest.raises(StoreError, match=r"axis 1 its chunks are \(1, 2\).*rechunk"):
        target_chunks(Tiling.from_chunks([[3, 3, 1], [1, 2]]))
    with pytest.raises(StoreError, match="one length for each axis"):
        prepare_target(url, (3, 3), [(2, 1), (3,)], np.dtype("f8"), "p")  # type: ignore[list-item]


def test_tiles_that_are_not_the_chunks_are_never_written(url: str) -> None:
    meta = prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    array = open_array(ArraySpec("a", Tiling.regular(SHAPE, (2, 2)), meta.dtype, meta.location()), MemoryStore())
    with pytest.raises(StoreError, match="into others"):
        array.write((0, 0), np.zeros((2, 2)))


def test_compressed_arrays_are_not_written(url: str) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8")
    with pytest.raises(StoreError, match="only uncompressed"):
        opened(open_zarr(url)).write((0, 0), np.zeros(CHUNKS))


def test_chunks_exist_once_they_are_written(url: str) -> None:
    array = opened(prepare_target(url, SHAPE, CHUNKS, np.dtype("f8"), "p"))
    assert not array.exists((0, 0))
    assert array.write((0, 0), np.zeros(CHUNKS)) is True
    assert array.write((0, 0), np.ones(CHUNKS)) is False
    assert array.exists((0, 0))
    array.delete((0, 0))
    assert not array.exists((0, 0))


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
