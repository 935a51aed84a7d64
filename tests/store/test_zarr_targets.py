"""Arrays that are saved: what is kept, what is refused, and that zarr-python reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import StoreError, TargetExistsError
from lambdarray.store import open_array, open_store
from lambdarray.store.memory import MemoryStore
from lambdarray.store.zarr import open_zarr, read_zarr
from lambdarray.store.zarr_targets import (
    finish_target,
    groups_of,
    new_target,
    prepare_target,
    target_chunks,
)
from lambdarray.task import ArraySpec
from lambdarray.tiling import Tiling

from .zarr_arrays import CHUNKS, SHAPE, opened, prepare, sample, save, zarr


def test_a_target_keeps_what_its_own_plan_wrote(url: str) -> None:
    save(url, sample("f8"), finish=False)
    prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    assert len(list(open_store(url).list("c"))) == 9
    finish_target(url)
    prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    assert np.array_equal(read_zarr(url), sample("f8"))


def test_a_target_that_holds_anything_else_is_refused(url: str) -> None:
    save(url, sample("f8"), plan="other")
    with pytest.raises(TargetExistsError, match="overwrite=True"):
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    assert np.array_equal(read_zarr(url), sample("f8"))


def test_overwrite_deletes_an_array_first(url: str) -> None:
    for make in (
        lambda: save(url, sample("f8"), (2, 2), plan="other"),
        lambda: zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", overwrite=True, fill_value=9),
        lambda: zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="i4", overwrite=True, zarr_format=2),
    ):
        open_store(url).delete_prefix("")
        make()
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
        assert list(open_store(url).list()) == ["zarr.json"]
        save(url, sample("f8"))
        assert np.array_equal(read_zarr(url), sample("f8"))


def test_overwrite_never_deletes_what_is_no_array(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(TargetExistsError, match=r"thesis\.tex"):
            prepare(str(tmp_path), SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite)
    assert (tmp_path / "thesis.tex").exists()


def test_an_array_whose_deletion_was_cut_short_is_taken_for_no_plan_s(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(url, sample("f8"), plan="other")
    monkeypatch.setattr(type(open_store(url)), "delete_all", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="incomplete"):
        open_zarr(url)
    with pytest.raises(TargetExistsError):
        prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p", overwrite=True)
    assert list(open_store(url).list()) == ["zarr.json"]


@pytest.mark.parametrize("dtype", ["f16", "O", [("a", "f8", (2,))], "S0"], ids=str)
def test_a_dtype_that_zarr_does_not_have_is_refused_before_any_writing(url: str, dtype: Any) -> None:
    with pytest.raises(StoreError, match="Zarr has no data type"):
        prepare(url, SHAPE, CHUNKS, np.dtype(dtype), "p")
    assert not Path(url).exists()


def test_irregular_chunks_cannot_be_saved(url: str) -> None:
    assert target_chunks(Tiling.from_chunks([[3, 3, 1], [0]])) == (3, 1)
    with pytest.raises(StoreError, match=r"axis 1 its chunks are \(1, 2\).*rechunk"):
        target_chunks(Tiling.from_chunks([[3, 3, 1], [1, 2]]))
    with pytest.raises(StoreError, match="one length for each axis"):
        prepare(url, (3, 3), [(2, 1), (3,)], np.dtype("f8"), "p")  # type: ignore[list-item]


def test_tiles_that_are_not_the_chunks_are_never_written(url: str) -> None:
    meta = prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p")
    array = open_array(ArraySpec("a", Tiling.regular(SHAPE, (2, 2)), meta.dtype, meta.location()), MemoryStore())
    with pytest.raises(StoreError, match="into others"):
        array.write((0, 0), np.zeros((2, 2)))


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": zarr.codecs.BloscCodec()},
        {"filters": zarr.codecs.TransposeCodec(order=(1, 0))},
        {"shards": (6, 8)},
        {"compressors": [zarr.codecs.Crc32cCodec(), zarr.codecs.GzipCodec()]},
    ],
    ids=lambda options: next(iter(options)),
)
def test_chunks_that_are_encoded_as_we_do_not_are_not_written(url: str, options: Any) -> None:
    zarr.create_array(url, shape=SHAPE, chunks=CHUNKS, dtype="f8", **options)
    array = opened(open_zarr(url))
    with pytest.raises(StoreError, match="written plain"):
        array.write((0, 0), np.zeros(array.meta.chunks))


def test_attributes_of_the_user_stand_beside_the_mark(url: str) -> None:
    target = new_target(url, (4,), (2,), np.dtype("f8"))
    prepare_target(target, "p", attributes={"units": "m", "valid": [0, 1]})
    prepare_target(target, "p")
    finish_target(url)
    mark = {"lambdarray": {"plan": "p", "complete": True}}
    assert dict(zarr.open_array(url, mode="r").attrs) == {"units": "m", "valid": [0, 1], **mark}
    prepare_target(target, "p", attributes={"units": "km"})
    assert dict(zarr.open_array(url, mode="r").attrs) == {"units": "km", **mark}


def test_an_array_in_a_group_makes_the_group(tmp_path: Path) -> None:
    x = sample("f8")
    for name in ("a", "deep/b", "deep/c"):
        save(f"{tmp_path}/run.zarr/{name}", x)
    group = zarr.open_group(tmp_path / "run.zarr", mode="r")
    assert sorted(group) == ["a", "deep"]
    assert np.array_equal(group["deep/c"][:], x)
    assert np.array_equal(la.open_zarr(tmp_path / "run.zarr" / "deep" / "b").compute(), x)
    assert not (tmp_path / "zarr.json").exists()


def test_groups_keep_what_they_are(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "run.zarr", attributes={"title": "mine"})
    save(f"{tmp_path}/run.zarr/a", sample("f8"))
    assert dict(group.attrs) == {"title": "mine"}
    assert list(zarr.open_group(tmp_path / "run.zarr", mode="r")) == ["a"]


def test_an_array_is_not_put_into_an_array_nor_into_a_group_of_version_2(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "a.zarr", shape=(2,), dtype="f8")
    zarr.create_group(tmp_path / "b.zarr", zarr_format=2)
    for name in ("a.zarr/x", "b.zarr/x"):
        with pytest.raises(TargetExistsError, match="is no group of Zarr version 3"):
            prepare(f"{tmp_path}/{name}", SHAPE, CHUNKS, np.dtype("f8"), "p")
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("url", "groups"),
    [
        ("/data/a.zarr", []),
        ("/data/a.zarr/", []),
        ("a.zarr/x", ["a.zarr"]),
        ("s3://b/a.zarr/x/y/", ["s3://b/a.zarr", "s3://b/a.zarr/x"]),
        ("/data/a/x", []),
    ],
)
def test_a_group_is_told_by_its_name(url: str, groups: list[str]) -> None:
    assert groups_of(url) == groups


def test_chunks_exist_once_they_are_written(url: str) -> None:
    array = opened(prepare(url, SHAPE, CHUNKS, np.dtype("f8"), "p"))
    assert not array.exists((0, 0))
    assert array.write((0, 0), np.zeros(CHUNKS)) is True
    assert array.write((0, 0), np.ones(CHUNKS)) is False
    assert array.exists((0, 0))
    array.delete((0, 0))
    assert not array.exists((0, 0))
