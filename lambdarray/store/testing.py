"""Stores that count, are slow, or fail: stand-ins at the store's own seam, for tests and for the simulator's checks.

>>> from lambdarray.store.memory import MemoryStore
>>> store = CountingStore(MemoryStore())
>>> store.put("a/0", np.arange(3.0)), store.counts.puts, store.counts.bytes_put
(True, 1, 24)
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import StoreError
from ..tiling import Span
from .base import ByteStore, Head, TileStore
from .format import Parts, encode


class WrapperStore(TileStore):
    """A store that hands every call on to another; subclasses change what they care for."""

    def __init__(self, store: TileStore) -> None:
        self.store = store
        self.url, self.durable, self.remote = store.url, store.durable, store.remote

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Hand on."""
        return self.store.put(key, tile)

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """Hand on."""
        return self.store.get(key, dtype, shape)

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """Hand on."""
        return self.store.get_region(key, dtype, shape, spans)

    def region_nbytes(self, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> int:
        """Hand on."""
        return self.store.region_nbytes(dtype, shape, spans)

    def put_parts(self, key: str, parts: Parts, create: bool) -> bool:
        """Hand on."""
        return self.store.put_parts(key, parts, create)

    def get_bytes(self, key: str, *, immutable: bool = False) -> memoryview:
        """Hand on."""
        return self.store.get_bytes(key, immutable=immutable)

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, immutable: bool = False
    ) -> Sequence[memoryview]:
        """Hand on."""
        return self.store.get_ranges(key, ranges, immutable=immutable)

    def head(self, key: str) -> Head | None:
        """Hand on."""
        return self.store.head(key)

    def heads(self, prefix: str = "") -> Iterator[Head]:
        """Hand on."""
        return self.store.heads(prefix)

    def delete(self, key: str) -> None:
        """Hand on."""
        self.store.delete(key)

    def delete_prefix(self, prefix: str) -> None:
        """Hand on."""
        self.store.delete_prefix(prefix)

    def close(self) -> None:
        """Close both."""
        self.store.close()
        super().close()


@dataclass(slots=True)
class Counts:
    """Calls and bytes: `puts` counts attempts, `created` those that were the first of their key."""

    puts: int = 0
    created: int = 0
    gets: int = 0
    heads: int = 0
    lists: int = 0
    deletes: int = 0
    bytes_put: int = 0
    bytes_got: int = 0


class CountingStore(WrapperStore):
    """Counts calls and bytes of tiles; `put_keys` and `got_keys` name them in order."""

    def __init__(self, store: TileStore) -> None:
        super().__init__(store)
        self.counts = Counts()
        self.put_keys: list[str] = []
        self.got_keys: list[str] = []
        self._counting = threading.Lock()

    def _count(self, **more: int) -> None:
        with self._counting:
            for name, n in more.items():
                setattr(self.counts, name, getattr(self.counts, name) + n)

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Count a put, also one that comes too late."""
        nbytes = tile.nbytes
        created = self.store.put(key, tile)
        self._count(puts=1, created=int(created), bytes_put=nbytes)
        self.put_keys.append(key)
        return created

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """Count a get."""
        out = self.store.get(key, dtype, shape)
        self._count(gets=1, bytes_got=out.nbytes)
        self.got_keys.append(key)
        return out

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """Count a get, by the bytes that it moves."""
        out = self.store.get_region(key, dtype, shape, spans)
        self._count(gets=1, bytes_got=self.store.region_nbytes(dtype, shape, spans))
        self.got_keys.append(key)
        return out

    def head(self, key: str) -> Head | None:
        """Count a look."""
        self._count(heads=1)
        return self.store.head(key)

    def heads(self, prefix: str = "") -> Iterator[Head]:
        """Count a list."""
        self._count(lists=1)
        return self.store.heads(prefix)

    def delete(self, key: str) -> None:
        """Count a delete."""
        self._count(deletes=1)
        self.store.delete(key)


class SlowStore(WrapperStore):
    """Takes `latency_s` for each call and moves `bytes_per_s`, which all threads share.

    With `per_worker` threads of one name share them: the I/O threads of a worker have one.
    `clock` and `sleep` can be a test's own, so that it takes no time.
    """

    def __init__(
        self,
        store: TileStore,
        latency_s: float = 0.02,
        bytes_per_s: float = 40e6,
        *,
        per_worker: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(store)
        self.latency_s, self.bytes_per_s, self.per_worker = latency_s, bytes_per_s, per_worker
        self._now, self._sleep = clock, sleep
        self._free_at: dict[str, float] = {}
        self._queue = threading.Lock()

    def _wait(self, nbytes: int) -> None:
        """Wait for the latency, then for this call's turn on the wire and its time there."""
        lane = threading.current_thread().name if self.per_worker else ""
        with self._queue:
            now = self._now()
            start = max(now + self.latency_s, self._free_at.get(lane, now))
            self._free_at[lane] = start + nbytes / self.bytes_per_s
            pause = self._free_at[lane] - now
        self._sleep(pause)

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Wait, then put."""
        self._wait(tile.nbytes)
        return self.store.put(key, tile)

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """Get, then wait for as many bytes."""
        out = self.store.get(key, dtype, shape)
        self._wait(out.nbytes)
        return out

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """Get, then wait for as many bytes as that moves."""
        out = self.store.get_region(key, dtype, shape, spans)
        self._wait(self.store.region_nbytes(dtype, shape, spans))
        return out

    def head(self, key: str) -> Head | None:
        """Wait for the latency."""
        self._wait(0)
        return self.store.head(key)


class FlakyStore(WrapperStore):
    """Fails by chance, the same for a seed, a key and how often it was asked for.

    A share `fail` of calls raises StoreError and does nothing; of puts, a share `lose` succeeds and raises all the
    same, as when an answer is lost, and a share `corrupt` writes a tile with one bit turned, which needs a store
    with checksums.
    """

    def __init__(
        self, store: TileStore, seed: int = 0, *, fail: float = 0.2, lose: float = 0.05, corrupt: float = 0.0
    ) -> None:
        super().__init__(store)
        if corrupt and not isinstance(store, ByteStore):
            raise ValueError(f"{store!r} has no checksums, so that turned bits would not be noticed")
        self.seed, self.fail, self.lose, self.corrupt = seed, fail, lose, corrupt
        self._asked: dict[tuple[str, str], int] = {}
        self._asking = threading.Lock()

    def _dice(self, what: str, key: str) -> random.Random:
        with self._asking:
            count = self._asked[what, key] = self._asked.get((what, key), 0) + 1
        return random.Random(f"{self.seed} {what} {key} {count}")

    def _fail(self, what: str, key: str) -> random.Random:
        dice = self._dice(what, key)
        if dice.random() < self.fail:
            raise StoreError(f"{what} of {key} failed, as it was told to")
        return dice

    def put(self, key: str, tile: np.ndarray) -> bool:
        """Put, unless it fails; then perhaps say that it failed, or turn a bit."""
        dice = self._fail("put", key)
        if dice.random() < self.corrupt:
            return self.store.put_bytes(key, turn_a_bit(tile, dice), create=True)
        created = self.store.put(key, tile)
        if dice.random() < self.lose:
            raise StoreError(f"the answer to the put of {key} was lost, as it was told to be")
        return created

    def get(self, key: str, dtype: np.dtype[Any], shape: Sequence[int]) -> np.ndarray:
        """Get, unless it fails."""
        self._fail("get", key)
        return self.store.get(key, dtype, shape)

    def get_region(self, key: str, dtype: np.dtype[Any], shape: Sequence[int], spans: Sequence[Span]) -> np.ndarray:
        """Get, unless it fails."""
        self._fail("get", key)
        return self.store.get_region(key, dtype, shape, spans)

    def head(self, key: str) -> Head | None:
        """Look, unless it fails."""
        self._fail("head", key)
        return self.store.head(key)


def turn_a_bit(tile: np.ndarray, dice: random.Random) -> bytes:
    """The object of a tile with one bit of its elements, or of its header where it has none, turned."""
    header, data = encode(tile)
    whole = bytearray(header + bytes(data))
    at = dice.randrange(len(header), len(whole)) if len(data) else 0
    whole[at] ^= 1 << dice.randrange(8)
    return bytes(whole)
