"""What several tasks read is read once, within the memory that workers allow."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import lambdarray as la
from lambdarray.runtime.cache import ReadCache
from lambdarray.store.directory import DirectoryStore


def tile(value: int) -> np.ndarray:
    return np.full(100, value, np.uint8)


def test_a_key_is_read_once_while_it_is_kept():
    cache = ReadCache()
    cache.allow("w", 250)
    assert [cache.get(k, lambda k=k: tile(k))[1] for k in (1, 2, 1, 3, 1, 2)] == [True, True, False, True, False, True]
    assert cache.nbytes == 200


def test_less_room_lets_go_of_what_was_used_longest_ago():
    cache = ReadCache()
    cache.allow("a", 200)
    cache.allow("b", 100)
    for k in (1, 2, 3):
        cache.get(k, lambda k=k: tile(k))
    cache.allow("b", 0)
    assert [cache.get(k, lambda k=k: tile(k))[1] for k in (3, 2)] == [False, False]
    cache.allow("a", 0)
    assert cache.nbytes == 0


class Key:
    """A key that tells when as many lookups were made as two make that wait for one read."""

    def __init__(self, lookups: int) -> None:
        self.left, self.all_made = lookups, threading.Event()

    def __hash__(self) -> int:
        self.left -= 1
        if self.left == 0:
            self.all_made.set()
        return 1


@pytest.mark.parametrize("room", [1000, 0])
def test_two_workers_that_want_one_key_at_once_read_it_once(room):
    cache, reads, key = ReadCache(), [], Key(5)
    cache.allow("w", room)

    def read() -> np.ndarray:
        reads.append(1)
        assert key.all_made.wait(10)
        return tile(1)

    found = []
    workers = [threading.Thread(target=lambda: found.append(cache.get(key, read))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(reads) == 1
    assert [value[0] for value, _ in found] == [1, 1]
    assert sorted(is_new for _, is_new in found) == [False, True]


def test_what_is_asked_for_no_more_is_let_go():
    cache = ReadCache()
    cache.allow("w", 1000)
    assert [cache.get("k", lambda: tile(1), uses=3)[1] for _ in range(3)] == [True, False, False]
    assert cache.nbytes == 0
    cache.get("once", lambda: tile(1), uses=1)
    assert cache.nbytes == 0


@pytest.mark.parametrize(("remote", "times"), [(True, 2), (False, 3)])
def test_a_product_reads_each_chunk_once_but_of_files_that_the_system_keeps_too(tmp_path, monkeypatch, remote, times):
    """Of files only what the next task reads is kept: the second factor is read for each row of blocks, of two."""
    # What is kept takes half of the cache: where it took all, a read a moment too early would push something out.
    values = np.arange(64 * 32, dtype=float).reshape(64, 32)
    for name, factor in {"a": values, "b": values.T}.items():
        la.from_array(factor, chunks=16).to_zarr(tmp_path / f"{name}.zarr")
    a, b = (la.open_zarr(tmp_path / f"{name}.zarr") for name in "ab")
    monkeypatch.setattr(DirectoryStore, "remote", remote)
    with la.config(workers=1):
        (a @ b).to_zarr(tmp_path / "c.zarr")
    report = la.last_report()
    assert report is not None
    assert report.bytes_read == times * values.nbytes
    np.testing.assert_array_equal(la.open_zarr(tmp_path / "c.zarr").compute(), values @ values.T)
