"""Chunks that are encoded: what zarr-python writes by any codec is read; what cannot be says which package to get."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
from crc32c import crc32c

import lambdarray as la
from lambdarray.errors import ConfigError, CorruptTileError, StoreError, TaskError
from lambdarray.store import compression, open_store
from lambdarray.store.zarr import open_zarr, read_zarr
from lambdarray.store.zarr_targets import (
    codecs_for,
)

from .zarr_arrays import CHUNKS, SHAPE, opened, sample, save, zarr


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
    x = sample("i4")
    options = {"filters": [numcodecs.Delta("i4")], "compressors": numcodecs.Zlib() if zlib else numcodecs.LZ4()}
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", zarr_format=2, **options)[:] = x
    assert np.array_equal(read_zarr(url), x)


@pytest.mark.parametrize(
    "codecs",
    [
        [],
        [{}],
        [{"name": "crc32c"}],
        [{"name": "transpose"}, {"name": "bytes"}],
        [{"name": "sharding_indexed", "configuration": {}}],
        [{"name": "numcodecs.delta"}, {"name": "bytes"}],
        [{"name": "numcodecs.delta", "configuration": {"dtype": "nonsense"}}, {"name": "bytes"}],
        [{"name": "bytes"}, {"name": "numcodecs.blosc", "configuration": {"levels": 3}}],
        3,
    ],
    ids=str,
)
def test_codecs_that_are_not_as_they_must_be_are_noticed_when_the_array_is_opened(url: str, codecs: Any) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)
    document = json.loads((Path(url) / "zarr.json").read_text())
    (Path(url) / "zarr.json").write_text(json.dumps({**document, "codecs": codecs}))
    with pytest.raises(StoreError, match=r"a\.zarr (is encoded by|is not as it must be)"):
        open_zarr(url)


@pytest.mark.parametrize("nbytes", [0, 1, 7, 8, 1000])
def test_a_checksum_stands_behind_parts_that_are_summed_as_they_are_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nbytes: int
) -> None:
    monkeypatch.setattr(compression, "SUMMED_NBYTES", 8)
    data = np.random.default_rng(0).bytes(nbytes)
    parts = compression.WithCrc(memoryview(data))
    whole = data + crc32c(data).to_bytes(4, "little")
    assert b"".join(parts) == whole
    assert b"".join(parts) == whole  # a write that is made once more
    store = open_store(f"{tmp_path}")
    assert store.put_parts("a", parts, True)
    assert store.get_bytes("a") == whole


def test_storage_transformers_are_refused(url: str) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)
    document = json.loads((Path(url) / "zarr.json").read_text())
    (Path(url) / "zarr.json").write_text(json.dumps({**document, "storage_transformers": [{"name": "x"}]}))
    with pytest.raises(StoreError, match="storage transformers"):
        open_zarr(url)


def test_a_damaged_compressed_or_short_chunk_is_noticed(url: str) -> None:
    for options in ({"compressors": zarr.codecs.GzipCodec()}, {}, {"compressors": None}, {"shards": (6, 8)}):
        settings = {"shape": SHAPE, "chunks": CHUNKS, "dtype": "f8", "overwrite": True, **options}
        zarr.create_array(url, **settings)[:] = sample("f8")
        chunk = Path(url) / "c/0/0"
        chunk.write_bytes(chunk.read_bytes()[:-40])
        with pytest.raises(CorruptTileError, match="c/0/0"):
            read_zarr(url)


PACKAGES = ("numcodecs", "compression.zstd", "backports.zstd")


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize("codec", ["blosc", "zstd", "numcodecs.lz4"])
@pytest.mark.filterwarnings("ignore:Numcodecs codecs")
def test_without_its_package_an_array_is_not_opened_and_the_error_names_it(
    url: str, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = {"name": codec, "configuration": {}}
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=[codec])[:] = 1
    without(monkeypatch, *PACKAGES)
    with pytest.raises(StoreError, match=r"a\.zarr is encoded by '\w+', which needs the package numcodecs: pip"):
        la.open_zarr(url)


def test_a_codec_that_goes_missing_ends_a_run_at_the_first_attempt(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=zarr.codecs.BloscCodec())[:] = 1
    x = la.open_zarr(url)
    without(monkeypatch, *PACKAGES)
    with pytest.raises(TaskError, match="pip install numcodecs") as failed:
        x.sum().compute()
    assert failed.value.attempts == 1


@pytest.mark.parametrize(
    "missing", [("compression.zstd", "backports.zstd"), ("numcodecs",)], ids=["numcodecs", "backport"]
)
@pytest.mark.parametrize(
    ("compressor", "level"), [("zstd", None), ("zstd", 19), ("zstd", -5), ("gzip", None), ("gzip", 9)]
)
def test_what_is_saved_compressed_is_read_by_zarr_python_and_by_us(
    url: str, compressor: str, level: int | None, missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = sample("i8", (300, 200))
    without(monkeypatch, *missing)
    save(url, x, (200, 150), codecs=codecs_for(compressor, level))
    assert np.array_equal(read_zarr(url), x)
    monkeypatch.undo()
    assert np.array_equal(zarr.open_array(url, mode="r")[:], x)
    assert sum(path.stat().st_size for path in (Path(url) / "c").rglob("*")) < x.nbytes / 3


@pytest.mark.parametrize(
    ("compressor", "level"), [("lzma", None), ("zstd", 23), ("gzip", 10), ("gzip", -1), (None, 3)], ids=str
)
def test_a_compressor_or_level_that_there_is_not_is_refused(compressor: str | None, level: int | None) -> None:
    with pytest.raises(ConfigError, match=r"compressor=|level="):
        codecs_for(compressor, level)


def test_zstd_without_any_package_for_it_is_refused_before_anything_is_written(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, *PACKAGES)
    with pytest.raises(StoreError, match="pip install numcodecs"):
        la.ones(3).to_zarr(url, compressor="zstd")
    assert not Path(url).exists()


FILTERS = {
    "delta": {"dtype": "<i4", "astype": "<i2"},
    "fixedscaleoffset": {"offset": 1, "scale": 2, "dtype": "<i4", "astype": "<i2"},
    "astype": {"encode_dtype": "<f8", "decode_dtype": "<i4"},
}


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("shards", [None, (6, 8)])
@pytest.mark.filterwarnings("ignore:Numcodecs codecs")
def test_filters_of_version_3(url: str, kind: str, shards: Any) -> None:
    x = sample("i4")
    filters = [{"name": f"numcodecs.{kind}", "configuration": FILTERS[kind]}]
    # Bits that small integers do not have.
    filters += [{"name": "numcodecs.bitround", "configuration": {"keepbits": 20}}] if kind == "astype" else []
    compressors = [
        {"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}},
        {"name": "numcodecs.lz4", "configuration": {}},
    ]
    options = {"filters": filters, "compressors": compressors, "shards": shards}
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", **options)[:] = x
    assert np.array_equal(read_zarr(url), x)
    chunk = Path(url) / "c/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-30] + bytes(30))
    with pytest.raises(CorruptTileError, match="c/0/0"):
        read_zarr(url)


@pytest.mark.parametrize("kind", ["Packed", "Scaled", "Delta"])
def test_filters_of_version_2_in_fortran_order(url: str, kind: str) -> None:
    filters, dtype = {
        "Packed": (numcodecs.PackBits(), "?"),
        "Scaled": (numcodecs.FixedScaleOffset(offset=0, scale=4, dtype="f4", astype="i2"), "f4"),
        "Delta": (numcodecs.Delta("i8"), "i8"),
    }[kind]
    x = (sample("i8") % 2).astype(dtype)
    options = {"filters": [filters], "compressors": numcodecs.Blosc(cname="zstd"), "order": "F"}
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype=dtype, zarr_format=2, **options)[:] = x
    assert np.array_equal(read_zarr(url), x)


def test_an_unknown_codec_is_named(url: str) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", compressors=None)[:] = 1
    document = json.loads((Path(url) / "zarr.json").read_text())
    document["codecs"].append({"name": "squeeze"})
    (Path(url) / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match="'squeeze'"):
        read_zarr(url)
