from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdarray.errors import AccessError, StoreError
from lambdarray.store.directory import MAP_NBYTES, TEMPORARY, DirectoryStore

from .conformance import F8, ByteStoreConformance, race


class TestDirectoryStore(ByteStoreConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> DirectoryStore:
        return DirectoryStore(self.folder / "store")


class TestDirectoryStoreWithoutLinks(ByteStoreConformance):
    """As on file systems that have no hard links."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> DirectoryStore:
        store = DirectoryStore(self.folder / "store")
        store.links = False
        return store


def test_a_file_system_without_links_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    store = DirectoryStore(tmp_path)
    assert store.put("a/0", np.zeros(3)) is True
    assert store.links is False
    assert store.put("a/0", np.zeros(3)) is False


def test_no_temporary_file_stays(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
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
