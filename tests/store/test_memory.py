from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lambdarray.errors import CorruptTileError
from lambdarray.store.buffers import empty, kept
from lambdarray.store.memory import MemoryStore, machine_nbytes
from lambdarray.store.spill import PREFIX

from .conformance import F8, StoreConformance, race


class TestMemoryStore(StoreConformance):
    def make(self) -> MemoryStore:
        return MemoryStore()


class TestMemoryStoreThatSpills(StoreConformance):
    """With room for next to nothing, so that almost every tile is on disk."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = str(tmp_path)

    def make(self) -> MemoryStore:
        return MemoryStore(100, spill=self.folder)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[MemoryStore]:
    """Room for ten tiles of 1,000 float64."""
    with MemoryStore(80_000, spill=str(tmp_path)) as store:
        yield store


def test_get_gives_the_very_array_that_was_put() -> None:
    store, tile = MemoryStore(), np.zeros((30, 40))
    store.put("a/0", tile)
    assert store.get("a/0", F8, (30, 40)) is tile
    assert not tile.flags.writeable
    assert store.get_region("a/0", F8, (30, 40), [(3, 9), (0, 40)]).base is tile


def test_a_view_of_most_of_its_base_is_kept_and_charged_for_the_base() -> None:
    store, base = MemoryStore(), np.zeros((10, 100))
    store.put("a/0", base[:6])
    assert store.get("a/0", F8, (6, 100)).base is base
    assert store.nbytes == base.nbytes


def test_a_view_of_less_than_half_its_base_is_copied() -> None:
    store, base = MemoryStore(), np.zeros((10, 100))
    store.put("a/0", base[:4])
    assert store.get("a/0", F8, (4, 100)).base is None
    assert store.nbytes == 4 * 100 * 8


def test_memory_that_its_owner_may_still_write_is_copied() -> None:
    store, users = MemoryStore(), np.zeros(100)
    view = users[:]
    view.setflags(write=False)
    store.put("a/0", view)
    users[:] = 1
    assert not store.get("a/0", F8, (100,)).any()
    assert users.flags.writeable


def test_a_tile_of_the_store_can_be_put_again_without_a_copy() -> None:
    store, tile = MemoryStore(), np.zeros(100)
    store.put("a/0", tile)
    store.put("b/0", store.get_region("a/0", F8, (100,), [(0, 90)]))
    assert store.get("b/0", F8, (90,)).base is tile


def test_a_tile_in_memory_that_is_lent_can_be_put_again_without_a_copy() -> None:
    store = MemoryStore()
    with kept(1 << 30):
        store.put("a/0", empty((1 << 18,), F8))
        tile = store.get("a/0", F8, (1 << 18,))
        store.put("b/0", tile)
        store.put("c/0", tile[: 1 << 16])
    assert store.get("b/0", F8, (1 << 18,)).base is tile.base
    assert store.get("c/0", F8, (1 << 16,)).base is not tile.base


def test_tiles_in_memory_stay_within_the_limit(small: MemoryStore) -> None:
    for i in range(50):
        small.put(f"a/{i}", np.full(1000, float(i)))
        assert small.nbytes <= small.limit_bytes
    assert small.nbytes + small.spilled_nbytes == 50 * 8000
    assert all((small.get(f"a/{i}", F8, (1000,)) == i).all() for i in range(50))
    assert small.nbytes <= small.limit_bytes


def test_the_least_recently_used_tiles_go_first(small: MemoryStore) -> None:
    tiles = [np.full(1000, float(i)) for i in range(11)]
    for i in range(10):
        small.put(f"a/{i}", tiles[i])
    small.get("a/0", F8, (1000,))
    small.put("a/10", tiles[10])
    assert small.get("a/0", F8, (1000,)) is tiles[0]
    assert small.get("a/1", F8, (1000,)) is not tiles[1]
    assert small.get("a/10", F8, (1000,)) is tiles[10]


def test_a_tile_larger_than_the_limit_is_kept_on_disk(small: MemoryStore) -> None:
    small.put("a/0", np.arange(20_000.0))
    assert small.nbytes == 0
    assert (small.get("a/0", F8, (20_000,)) == np.arange(20_000.0)).all()


def test_deleted_tiles_leave_no_file(small: MemoryStore, tmp_path: Path) -> None:
    for i in range(50):
        small.put(f"a/{i}", np.full(1000, float(i)))
    assert list(tmp_path.rglob("*.tile"))
    small.delete_prefix("a")
    assert (small.nbytes, small.spilled_nbytes) == (0, 0)
    assert not list(tmp_path.rglob("*.tile"))


def test_a_key_can_be_put_again_after_it_was_deleted(small: MemoryStore) -> None:
    for turn in range(3):
        for i in range(20):
            assert small.put(f"a/{i}", np.full(1000, float(turn)))
        assert all((small.get(f"a/{i}", F8, (1000,)) == turn).all() for i in range(20))
        small.delete_prefix("a")


def test_threads_that_put_get_and_delete_while_it_spills(small: MemoryStore) -> None:
    def work(worker: int) -> bool:
        for turn in range(30):
            keys = [f"{worker}/{turn}.{i}" for i in range(5)]
            for i, key in enumerate(keys):
                small.put(key, np.full(1000, float(i)))
            if not all((small.get(key, F8, (1000,)) == i).all() for i, key in enumerate(keys)):
                return False
            for key in keys:
                small.delete(key)
        return True

    assert race(4, work) == [True] * 4
    assert (small.nbytes, small.spilled_nbytes) == (0, 0)


def test_a_spilled_tile_is_verified(small: MemoryStore, tmp_path: Path) -> None:
    small.put("a/0", np.zeros(20_000))
    (file,) = tmp_path.rglob("*.tile")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptTileError):
        small.get("a/0", F8, (20_000,))


def test_the_spill_directory_goes_when_the_store_does(tmp_path: Path) -> None:
    store = MemoryStore(100, spill=str(tmp_path))
    store.put("a/0", np.zeros(1000))
    assert len(list(tmp_path.iterdir())) == 1
    store.close()
    assert not list(tmp_path.iterdir())
    other = MemoryStore(100, spill=str(tmp_path))
    other.put("a/0", np.zeros(1000))
    del other
    gc.collect()
    assert not list(tmp_path.iterdir())


PROGRAM = """
import numpy as np, os, signal, sys
from lambdarray.store.memory import MemoryStore
store = MemoryStore(100, spill=sys.argv[1])
store.put("a/0", np.zeros(1000))
assert os.listdir(sys.argv[1])
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run(folder: Path, end: str) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), end], env={**os.environ, "PYTHONPATH": paths}, timeout=60
    )


def test_the_spill_directory_goes_when_the_process_ends(tmp_path: Path) -> None:
    run(tmp_path, "ends")
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_spilled_goes_with_the_next_that_spills(tmp_path: Path) -> None:
    run(tmp_path, "killed")
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(PREFIX)
    with MemoryStore(100, spill=str(tmp_path)) as store:
        store.put("a/0", np.zeros(1000))
        assert len(list(tmp_path.iterdir())) == 1
        assert not left.exists()


def test_the_limit_is_half_of_the_memory_there_is() -> None:
    assert MemoryStore().limit_bytes == machine_nbytes() // 2
    assert 1 << 28 < machine_nbytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
