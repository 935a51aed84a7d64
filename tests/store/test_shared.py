from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdarray.store import open_store, shared
from lambdarray.store.directory import MAP_NBYTES
from lambdarray.store.shared import SharedPlace, SharedStore
from lambdarray.store.spill import PREFIX

from .conformance import F8, ByteStoreConformance, race

EVERYTHING = 1 << 60


class Conformance(ByteStoreConformance):
    limit = EVERYTHING

    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.disk = tmp_path / "memory", tmp_path / "disk"
        for folder in (self.folder, self.disk):
            folder.mkdir()
        # A folder of the tests' own stands for a file system in memory.
        monkeypatch.setattr(shared, "room", lambda folder: (held(Path(folder)), EVERYTHING))

    def make(self) -> SharedStore:
        return SharedStore(str(self.folder), str(self.disk), self.limit)

    def test_what_is_deleted_leaves_nothing_behind(self, store: SharedStore) -> None:
        for n in range(20):
            store.put(f"a/b/{n}", np.full(n * 10, float(n)))
        store.delete("a/b/3")
        store.put_bytes("a/c", b"x" * 300)
        store.put_bytes("a/c", b"y")
        store.delete_prefix("a/b")
        assert list(store.list()) == ["a/c"]
        store.delete_prefix("a")
        assert [*self.folder.iterdir(), *self.disk.iterdir()] == []

    def test_another_process_finds_the_store_by_its_url(self, store: SharedStore) -> None:
        store.put("a/0", np.arange(500.0))
        code = (
            "import sys, numpy as np\nfrom lambdarray.store import open_store\n"
            "store = open_store(sys.argv[1])\nassert store.get('a/0', np.dtype('f8'), (500,)).sum() == 124750\n"
            "assert store.put('a/1', np.ones(300)) and not store.put('a/0', np.ones(500)) and not store.durable"
        )
        subprocess.run([sys.executable, "-c", code, store.url], check=True, timeout=60)
        assert store.get("a/1", F8, (300,)).sum() == 300
        assert open_store(store.url) is open_store(store.url)


def held(folder: Path) -> int:
    """The bytes of the files in a folder, without what links lead to."""
    found = (os.stat(f"{where}/{name}", follow_symlinks=False) for where, _, names in os.walk(folder) for name in names)
    return sum(entry.st_size for entry in found)


class TestSharedStoreInMemory(Conformance):
    """All of it fits."""


class TestSharedStoreOnDisk(Conformance):
    """Nothing fits."""

    limit = 0


class TestSharedStoreThatFillsUp(Conformance):
    """What comes first fits."""

    limit = 2000

    def test_no_more_lies_in_memory_than_may(self, store: SharedStore) -> None:
        for n in range(30):
            store.put(f"a/{n}", np.full(40, float(n)))
        links = sum(path.is_symlink() for path in (self.folder / "a").iterdir())
        assert 0 < links < 30
        assert len(list(self.disk.iterdir())) == links
        assert held(self.folder) <= self.limit + 30 * 200  # the links' own lengths
        for n in range(30):
            assert (store.get(f"a/{n}", F8, (40,)) == n).all()

    def test_of_attempts_in_memory_and_on_disk_one_wins(self, store: SharedStore) -> None:
        for turn in range(10):
            won = race(8, lambda i, turn=turn: store.put(f"a/{turn}", np.full(10 * (i + 1), float(i))))
            winner = won.index(True)
            assert sorted(won) == [False] * 7 + [True]
            assert (store.get(f"a/{turn}", F8, (10 * (winner + 1),)) == winner).all()
        store.delete_prefix("a")
        assert list(self.disk.iterdir()) == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[SharedPlace]:
    (tmp_path / "memory").mkdir()
    made = SharedPlace(str(tmp_path / "memory"), str(tmp_path / "disk"), EVERYTHING)
    yield made
    made.close()


def folders(root: Path) -> list[str]:
    # Unlike a glob this does not mind that a folder goes away meanwhile.
    names = (name for _, folders, files in os.walk(root) for name in (*folders, *files))
    return [name for name in names if name.startswith(PREFIX)]


def test_a_file_system_that_is_full_sends_tiles_to_disk(place: SharedPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    write, store = os.write, place.store("memory://")

    def full_once(*args: Any) -> int:
        monkeypatch.setattr(os, "write", write)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full_once)
    assert store.put("a/0", np.arange(30.0)) is True
    assert os.path.islink(f"{store.root}/a/0")
    np.testing.assert_array_equal(store.get("a/0", F8, (30,)), np.arange(30.0))


@pytest.mark.parametrize("limit", [EVERYTHING, 0])
def test_a_large_tile_is_mapped_wherever_it_lies(limit: int, tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    place = SharedPlace(str(tmp_path / "memory"), str(tmp_path / "disk"), limit)
    store, tile = place.store("memory://"), np.random.default_rng(0).random(MAP_NBYTES // 8)
    store.put("a/0", tile)
    got = store.get("a/0", F8, tile.shape)
    store.delete("a/0")
    assert "mmap" in repr(memoryview(got.base).obj)
    assert (got == tile).all()
    place.close()


def test_each_url_has_a_store_and_all_go_with_the_place(place: SharedPlace, tmp_path: Path) -> None:
    one, two = place.store("memory://"), place.store("memory://two")
    assert one is place.store("memory://")
    one.put("a/0", np.ones(3))
    two.put("a/0", np.zeros(3))
    assert one.get("a/0", F8, (3,)).all()
    assert len(folders(tmp_path)) == 2
    place.close()
    assert folders(tmp_path) == []


def test_without_a_file_system_in_memory_tiles_go_to_disk_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = SharedPlace(str(tmp_path / "nowhere"), str(tmp_path / "disk"))
    assert f"there is no {tmp_path}/nowhere" in caplog.text
    store = place.store("memory://")
    store.put("a/0", np.ones(3))
    assert store.root.startswith(str(tmp_path / "disk"))
    assert not os.path.islink(f"{store.root}/a/0")
    place.close()
    assert folders(tmp_path) == []


def test_where_little_fits_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared, "room", lambda folder: (0, 64 << 20))
    SharedPlace(str(tmp_path), str(tmp_path / "disk"), EVERYTHING).close()
    assert f"{tmp_path} has room for 64 MiB of shared tiles" in caplog.text
    caplog.clear()
    monkeypatch.setattr(shared, "room", lambda folder: (0, 64 << 30))
    with caplog.at_level(logging.WARNING):
        SharedPlace(str(tmp_path), str(tmp_path / "disk"), EVERYTHING).close()
    assert caplog.text == ""


MAKE = """
import os, signal, sys, time
import numpy as np
from lambdarray.store.shared import SharedPlace
place = SharedPlace(sys.argv[1], sys.argv[2], 0)
place.store("memory://").put("a/0", np.ones(300))
"""


def gone(root: Path) -> bool:
    end = time.monotonic() + 20
    while folders(root) and time.monotonic() < end:
        time.sleep(0.01)
    return folders(root) == []


def made_by(tmp_path: Path, code: str) -> int:
    (tmp_path / "memory").mkdir()
    command = [sys.executable, "-c", MAKE + code, str(tmp_path / "memory"), str(tmp_path / "disk")]
    return subprocess.run(command, timeout=60).returncode


def test_the_folders_go_at_the_end_of_the_process(tmp_path: Path) -> None:
    assert made_by(tmp_path, "") == 0
    assert folders(tmp_path) == []


def test_the_folders_of_a_killed_process_go_without_anybody_else(tmp_path: Path) -> None:
    assert made_by(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)") == -signal.SIGKILL
    assert gone(tmp_path)


def test_they_stay_for_as_long_as_a_worker_of_the_killed_process_is_there(tmp_path: Path) -> None:
    code = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[place.handle])
sys.stdout.write(f"{child.pid}")
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGSTOP)
"""
    (tmp_path / "memory").mkdir()
    command = [sys.executable, "-c", MAKE + code, str(tmp_path / "memory"), str(tmp_path / "disk")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)
    os.waitid(os.P_PID, parent.pid, os.WSTOPPED | os.WNOWAIT)
    assert parent.stdout is not None
    child = int(parent.stdout.read1())
    os.kill(child, signal.SIGSTOP)  # it does not see the end of its input
    parent.kill()
    parent.wait()
    parent.stdout.close()
    time.sleep(0.2)
    assert len(folders(tmp_path)) == 2
    os.kill(child, signal.SIGKILL)
    assert gone(tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_takes_nothing_away_and_has_a_place_of_its_own(place: SharedPlace) -> None:
    store = place.store("memory://")
    store.put("a/0", np.ones(3))
    before = shared.shared_place()
    root = before.store("memory://").root
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.delete("a/0")
            store.delete_prefix("a")
            place.close()
            own = shared.shared_place()
            status = int(own is before or own.store("memory://").root == root)
            own.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("a/0", F8, (3,)).all()
