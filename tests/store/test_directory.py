from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdarray.errors import AccessError, StoreError
from lambdarray.store import atomic
from lambdarray.store.atomic import TEMPORARY
from lambdarray.store.directory import MAP_NBYTES, DirectoryStore

from .conformance import F8, ByteStoreConformance, race


class Conformance(ByteStoreConformance):
    way = "unnamed"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> DirectoryStore:
        return DirectoryStore(self.folder / "store", self.way)


class TestDirectoryStore(Conformance):
    """As on most file systems of Linux."""


class TestDirectoryStoreWithoutUnnamedFiles(Conformance):
    """As on macOS, and on network file systems."""

    way = "link"


class TestDirectoryStoreWithoutLinks(Conformance):
    """As on some file systems in user space."""

    way = "rename"


@pytest.mark.parametrize("way", ["unnamed", "link"])
def test_what_a_file_system_cannot_do_is_noticed(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    store = DirectoryStore(tmp_path, way)
    assert store.put("a/0", np.zeros(3)) is True
    assert store.files.way == "rename"
    assert store.put("a/0", np.zeros(3)) is False
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["0"]


def test_without_proc_files_get_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "HANDLES", "/nowhere")
    store = DirectoryStore(tmp_path)
    assert store.put("a/0", np.zeros(3)) is True
    assert store.files.way == "link"


@pytest.mark.parametrize("way", ["unnamed", "link", "rename"])
def test_a_write_that_fails_leaves_nothing(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(tmp_path, way)

    def full(*args: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for create in (True, False):
        with pytest.raises(StoreError, match=r"a/0: No space left on device"):
            store.put_bytes("a/0", b"x", create=create)
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("way", ["unnamed", "link", "rename"])
def test_a_write_in_several_pieces_is_whole(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, view: write(handle, view[:70]))
    store, tile = DirectoryStore(tmp_path, way), np.random.default_rng(0).random(100)
    store.put("a/0", tile)
    assert (store.get("a/0", F8, (100,)) == tile).all()


@pytest.mark.parametrize("way", ["unnamed", "link", "rename"])
def test_no_temporary_file_stays(way: str, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path, way)
    race(8, lambda i: store.put("a/b/0", np.full(1000, float(i))))
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["0"]


def test_what_a_killed_writer_left_is_not_listed_and_goes_with_its_prefix(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.put("a/0", np.zeros(3))
    (tmp_path / "a" / f"{TEMPORARY}1-ab-0").write_bytes(b"half a tile")
    assert list(store.list()) == ["a/0"]
    assert [head.key for head in store.heads()] == ["a/0"]
    store.delete_prefix("a")
    assert not (tmp_path / "a").exists()


def test_a_large_tile_is_not_copied_from_the_page_cache(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    tile = np.random.default_rng(0).random(MAP_NBYTES // 8)
    store.put("a/0", tile)
    got = store.get("a/0", F8, tile.shape)
    (tmp_path / "a/0").unlink()
    assert (got == tile).all()
    assert got.ctypes.data % 64 == 0
    assert "mmap" in repr(memoryview(got.base).obj)


def test_a_path_that_is_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        DirectoryStore(tmp_path / "file").put("a/0", np.zeros(3))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_of_somebody_else_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(AccessError, match="check who owns"):
        DirectoryStore(tmp_path).put("a/0", np.zeros(3))
    tmp_path.chmod(0o700)


def test_nothing_is_made_before_the_first_put(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "new")
    assert not store.exists("a/0")
    assert list(store.list()) == []
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("way", ["unnamed", "link", "rename"])
def test_deleting_and_writing_at_once_is_no_error(way: str, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path, way)

    def work(i: int) -> bool:
        for turn in range(60):
            if i % 2:
                store.delete_prefix("a")
            else:
                store.put(f"a/{i}/{turn}", np.zeros(3))
        return True

    assert race(4, work) == [True] * 4
    store.delete_prefix("a")
    assert list(store.list()) == []


def test_a_directory_that_goes_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    """`os.makedirs` finds the directory, and says that it exists where it is gone when it looks once more."""
    store, make, gone = DirectoryStore(str(tmp_path)), os.makedirs, [FileNotFoundError, FileExistsError]

    def makedirs(path, *args, **more):
        if gone:
            raise gone.pop()(path)
        make(path, *args, **more)

    monkeypatch.setattr(os, "makedirs", makedirs)
    assert store.put_bytes("a/b/c", b"x", create=True)
    assert not gone
    assert bytes(store.get_bytes("a/b/c")) == b"x"
