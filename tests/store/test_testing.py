from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lambdarray.errors import CorruptTileError, StoreError
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import CountingStore, FlakyStore, SlowStore, WrapperStore

from .conformance import F8, StoreConformance, race


class TestWrapperStore(StoreConformance):
    def make(self) -> WrapperStore:
        return WrapperStore(MemoryStore())


class TestCountingStore(StoreConformance):
    def make(self) -> CountingStore:
        return CountingStore(MemoryStore())


def test_calls_and_bytes_are_counted() -> None:
    store = CountingStore(MemoryStore())
    race(4, lambda i: [store.put(f"a/{k}", np.zeros(10)) for k in range(100)])
    store.get("a/0", F8, (10,))
    store.get_region("a/1", F8, (10,), [(2, 5)])
    store.exists("a/0")
    counts = store.counts
    assert (counts.puts, counts.created, counts.bytes_put) == (400, 100, 32_000)
    assert (counts.gets, counts.bytes_got, counts.heads) == (2, 80 + 24, 1)
    assert store.got_keys == ["a/0", "a/1"]


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_slow_store_takes_latency_and_bandwidth() -> None:
    clock = Clock()
    store = SlowStore(MemoryStore(), 0.02, 1000.0, clock=lambda: clock.now, sleep=clock.sleep)
    store.put("a/0", np.zeros(10))
    assert clock.now == pytest.approx(0.02 + 0.08)
    store.get("a/0", F8, (10,))
    assert clock.now == pytest.approx(2 * (0.02 + 0.08))


@pytest.mark.parametrize(("per_worker", "last"), [(False, 0.02 + 4 * 0.08), (True, 0.02 + 0.08)])
def test_threads_share_the_wire_or_have_one_each(per_worker: bool, last: float) -> None:
    slept: list[float] = []
    store = SlowStore(MemoryStore(), 0.02, 1000.0, per_worker=per_worker, clock=lambda: 0.0, sleep=slept.append)
    race(4, lambda i: store.put(f"a/{i}", np.zeros(10)))
    assert max(slept) == pytest.approx(last)


def outcomes(seed: int) -> list[str]:
    store, out = FlakyStore(MemoryStore(), seed, fail=0.3, lose=0.2), []
    for i in range(200):
        try:
            store.put(f"a/{i}", np.zeros(3))
            out.append("done")
        except StoreError as error:
            out.append("lost" if store.store.exists(f"a/{i}") else str(error)[:3])
    return out


def test_a_flaky_store_fails_alike_for_a_seed() -> None:
    assert outcomes(1) == outcomes(1) != outcomes(2)
    assert 40 <= outcomes(1).count("put") <= 80
    assert 15 <= outcomes(1).count("lost") <= 45


def test_a_second_attempt_has_its_own_luck() -> None:
    store = FlakyStore(MemoryStore(), 0, fail=0.5, lose=0)
    for i in range(50):
        for _attempt in range(40):
            try:
                store.put(f"a/{i}", np.zeros(3))
                break
            except StoreError:
                continue
    assert len(list(store.list())) == 50


def test_turned_bits_are_noticed(tmp_path: Path) -> None:
    store = FlakyStore(DirectoryStore(tmp_path), 0, fail=0, lose=0, corrupt=1.0)
    for i, tile in enumerate([np.zeros(100), np.zeros(0), np.zeros(300_000)]):
        store.put(f"a/{i}", tile)
        with pytest.raises(CorruptTileError):
            store.get(f"a/{i}", F8, tile.shape)
    with pytest.raises(ValueError, match="no checksums"):
        FlakyStore(MemoryStore(), corrupt=0.1)
