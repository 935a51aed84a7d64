"""What every store must do; each store's tests subclass it and say how to make one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.errors import CorruptTileError, MissingTileError, PlanError, StoreError
from lambdarray.store import TileStore
from lambdarray.store.base import ByteStore
from lambdarray.store.format import BLOCK_NBYTES, encode

F8 = np.dtype("f8")
POINT = np.dtype([("x", "<f8"), ("n", "<i4", (3,)), ("name", "S5")])
DTYPES = ["?", "i1", "<u2", ">i4", "<i8", "<f2", ">f8", "<c8", ">c16", "<M8[ns]", "<m8[3D]", "S7", "<U3", "V5", POINT]
DTYPES.append(np.dtype([("a", "u1"), ("b", "<f8")], align=True))
_names = itertools.count()


def new_key() -> str:
    return f"0f/plan/a/{next(_names)}.0"


def some_tile(dtype: Any, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Any bytes at all are elements of a dtype, but for the booleans."""
    dtype = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    raw = rng.integers(65, 91, int(np.prod(shape)) * dtype.itemsize, dtype=np.uint8)
    if dtype.kind == "U":
        raw = np.frombuffer("".join(map(chr, raw[: len(raw) // 4])).encode("utf-32-le"), np.uint8).copy()
    return raw.view(dtype).reshape(shape) if raw.size else np.zeros(shape, dtype)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    # Bytes between fields are nobody's.
    return all(same(a[n], b[n]) for n in a.dtype.names) if a.dtype.names else a.tobytes() == b.tobytes()


def race(count: int, work: Any) -> list[Any]:
    """What `work(i)` gives on `count` threads that start at once."""
    gate, out = threading.Barrier(count), [None] * count

    def run(i: int) -> None:
        gate.wait()
        try:
            out[i] = work(i)
        except Exception as error:
            out[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


class StoreConformance:
    """Subclasses say in `make` how to make an empty store."""

    many = 1100

    def make(self) -> TileStore:
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> Iterator[TileStore]:
        with self.make() as made:
            yield made

    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    @pytest.mark.parametrize("shape", [(), (7,), (3, 4), (2, 0, 3)], ids=str)
    def test_a_tile_comes_back_as_it_was(self, store: TileStore, dtype: Any, shape: tuple[int, ...]) -> None:
        tile = some_tile(dtype, shape)
        wanted = tile.copy()
        assert store.put("a/0", tile) is True
        assert same(store.get("a/0", wanted.dtype, shape), wanted)

    @pytest.mark.parametrize("order", ["F", "reversed", "every second", "broadcast"])
    def test_the_order_in_memory_does_not_matter(self, store: TileStore, order: str) -> None:
        x = np.arange(60.0).reshape(6, 10)
        views = {"F": np.asfortranarray(x), "reversed": x[::-1, ::-1], "every second": x[::2, 1::2]}
        tile = views.get(order, np.broadcast_to(np.float64(3), (4, 5)))
        wanted = tile.copy()
        store.put("a/0", tile)
        assert same(store.get("a/0", F8, wanted.shape), wanted)

    def test_a_tile_is_read_only(self, store: TileStore) -> None:
        store.put("a/0", np.zeros((4, 4)))
        whole, part = store.get("a/0", F8, (4, 4)), store.get_region("a/0", F8, (4, 4), [(1, 3), (0, 4)])
        for got in (whole, part):
            with pytest.raises(ValueError, match="read-only"):
                got[0, 0] = 1

    def test_a_later_put_changes_nothing(self, store: TileStore) -> None:
        assert store.put("a/0", np.zeros(5)) is True
        assert store.put("a/0", np.ones(5)) is False
        assert not store.get("a/0", F8, (5,)).any()

    def test_of_racing_puts_exactly_one_wins(self, store: TileStore) -> None:
        for turn in range(5):
            key = f"a/{turn}"
            won = race(8, lambda i, key=key: store.put(key, np.full(4000, float(i))))
            assert sorted(won) == [False] * 7 + [True]
            assert (store.get(key, F8, (4000,)) == won.index(True)).all()

    def test_readers_see_a_whole_tile_or_none(self, store: TileStore) -> None:
        """Each reader asks again until the tile is there; then all of it is."""
        shape = (300, 1000)

        def work(i: int) -> bool:
            if i < 2:
                return store.put("a/0", np.full(shape, 7.0))
            end = monotonic() + 60
            while monotonic() < end:
                try:
                    return bool((store.get("a/0", F8, shape) == 7).all())
                except MissingTileError:
                    sleep(0)  # others have their turn
            return False

        results = race(6, work)
        assert sorted(results[:2]) == [False, True]
        assert results[2:] == [True] * 4

    def test_a_missing_tile_is_an_error_and_not_zeros(self, store: TileStore) -> None:
        for ask in (
            lambda: store.get("a/0", F8, (3,)),
            lambda: store.get_region("a/0", F8, (3,), [(0, 2)]),
            lambda: store.get_region("a/0", F8, (10**6,), [(600_000, 600_002)]),
            lambda: store.get_bytes("a/0"),
            lambda: store.get_ranges("a/0", [(0, 4)]),
        ):
            with pytest.raises(MissingTileError, match="a/0"):
                ask()
        assert not store.exists("a/0")
        assert store.head("a/0") is None

    @pytest.mark.parametrize(("dtype", "shape"), [("f4", (6,)), ("f8", (2, 3)), ("i8", (6,)), ("f8", (7,))])
    def test_another_dtype_or_shape_is_an_error(self, store: TileStore, dtype: str, shape: tuple[int, ...]) -> None:
        store.put("a/0", np.zeros(6))
        with pytest.raises(CorruptTileError, match="a/0"):
            store.get("a/0", np.dtype(dtype), shape)
        with pytest.raises(CorruptTileError, match="a/0"):
            store.get_region("a/0", np.dtype(dtype), shape, [(0, 1)] * len(shape))

    @pytest.mark.parametrize("dtype", ["O", np.dtype([("a", "O")]), np.dtypes.StringDType()], ids=str)
    def test_references_are_refused(self, store: TileStore, dtype: Any) -> None:
        with pytest.raises(StoreError, match="references"):
            store.put("a/0", np.zeros(3, dtype))
        assert not store.exists("a/0")

    def test_bytes_are_replaced_unless_created(self, store: TileStore) -> None:
        assert store.put_bytes("runs/p.json", b"one", create=True) is True
        assert store.put_bytes("runs/p.json", b"two", create=True) is False
        assert bytes(store.get_bytes("runs/p.json")) == b"one"
        assert store.put_bytes("runs/p.json", b"three") is True
        assert bytes(store.get_bytes("runs/p.json")) == b"three"
        store.put_bytes("empty", b"")
        assert bytes(store.get_bytes("empty")) == b""

    def test_ranges_of_bytes(self, store: TileStore) -> None:
        data = np.random.default_rng(1).bytes(3_000_000)
        store.put_bytes("x", data)
        ranges = [(0, 10), (5, 900), (2_999_000, 3_000_000)]
        assert [bytes(part) for part in store.get_ranges("x", ranges)] == [data[a:b] for a, b in ranges]
        assert [bytes(part) for part in store.get_ranges("x", [(2_999_990, 3_000_050)])] == [data[-10:]]
        assert [bytes(part) for part in store.get_ranges("x", [(4_000_000, 4_000_050)])] == [b""]

    def test_a_head_changes_with_its_object(self, store: TileStore) -> None:
        store.put_bytes("x", b"one")
        before = store.head("x")
        store.put_bytes("x", b"other")
        after = store.head("x")
        assert before is not None
        assert after is not None
        assert (before.key, before.nbytes, after.nbytes) == ("x", 3, 5)
        assert before.etag != after.etag
        assert {head.key: head.etag for head in store.heads()} == {"x": after.etag}

    def test_a_prefix_is_a_whole_name(self, store: TileStore) -> None:
        keys = ["a/0", "a/b/1", "a/b/2", "ab/3", "c"]
        for key in keys:
            store.put(key, np.zeros(2))
        assert sorted(store.list()) == keys
        assert sorted(store.list("a")) == sorted(store.list("a/")) == keys[:3]
        assert sorted(store.list("a/b")) == keys[1:3]
        assert list(store.list("nothing")) == []
        assert sorted(head.key for head in store.heads("a")) == keys[:3]

    def test_deleting(self, store: TileStore) -> None:
        for key in ("a/0", "a/b/1", "ab/3", "c"):
            store.put(key, np.zeros(2))
        store.delete("c")
        store.delete("c")
        store.delete_prefix("a")
        store.delete_prefix("nothing")
        assert list(store.list()) == ["ab/3"]
        assert store.put("a/0", np.ones(2)) is True
        store.delete_all(["a/0", "ab/3"])
        assert list(store.list()) == []
        store.put("a/1", np.ones(2))
        store.delete_prefix("")
        assert list(store.list()) == []

    def test_more_objects_than_one_page_lists(self, store: TileStore) -> None:
        for i in range(self.many):
            store.put_bytes(f"many/{i}", b"")
        assert len(list(store.list("many"))) == self.many
        store.delete_prefix("many")
        assert not list(store.list("many"))

    def test_a_region_is_a_slice(self, store: TileStore) -> None:
        @settings(max_examples=25)
        @given(data=st.data())
        def check(data: st.DataObject) -> None:
            shape = tuple(data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)))
            dtype = data.draw(st.sampled_from(["f8", ">i2", "?", "c16", POINT]))
            tile, key = some_tile(dtype, shape), new_key()
            wanted = tile.copy()
            store.put(key, tile)
            spans = [tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in shape]
            got = store.get_region(key, wanted.dtype, shape, spans)
            assert same(got, wanted[tuple(slice(a, b) for a, b in spans)])

        check()

    @pytest.mark.parametrize("rows", [(0, 1), (0, 500), (130, 131), (131, 262), (200, 320), (499, 500), (100, 400)])
    @pytest.mark.parametrize("columns", [(0, 1000), (3, 900)])
    def test_a_region_of_several_blocks(
        self, store: TileStore, rows: tuple[int, int], columns: tuple[int, int]
    ) -> None:
        tile = np.random.default_rng(2).random((500, 1000))
        assert tile.nbytes > 3 * BLOCK_NBYTES
        wanted = tile[slice(*rows), slice(*columns)].copy()
        store.put("a/0", tile)
        assert same(store.get_region("a/0", F8, (500, 1000), [rows, columns]), wanted)
        moved = store.region_nbytes(F8, (500, 1000), [rows, columns])
        assert wanted.nbytes <= moved <= 500 * 8000 + 4096

    @pytest.mark.parametrize("spans", [[(0, 7)], [(-1, 2)], [(3, 2)]])
    def test_a_region_outside_the_tile_is_an_error(self, store: TileStore, spans: list[tuple[int, int]]) -> None:
        store.put("a/0", np.zeros(6))
        with pytest.raises(PlanError, match="region"):
            store.get_region("a/0", F8, (6,), spans)

    def test_many_threads_at_once(self, store: TileStore) -> None:
        tiles = [np.random.default_rng(i).random((50, 40)) for i in range(40)]
        wanted = [tile.copy() for tile in tiles]

        def work(i: int) -> bool:
            for k in range(i, 40, 4):
                store.put(f"a/{k}", tiles[k])
            return all(
                same(store.get(f"a/{k}", F8, (50, 40)), wanted[k])
                and same(store.get_region(f"a/{k}", F8, (50, 40), [(9, 20), (0, 40)]), wanted[k][9:20])
                for k in range(i, 40, 4)
            )

        assert race(4, work) == [True] * 4


class ByteStoreConformance(StoreConformance):
    """What stores of bytes must do besides."""

    @pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\0"])
    def test_a_key_stays_under_the_root(self, store: ByteStore, key: str) -> None:
        with pytest.raises(StoreError, match="key"):
            store.put(key, np.zeros(3))

    @pytest.mark.parametrize("shape", [(), (5,), (500, 1000)])
    def test_no_bit_of_a_tile_turns_unnoticed(self, store: ByteStore, shape: tuple[int, ...]) -> None:
        tile = np.random.default_rng(3).random(shape)
        header, data = encode(tile)
        whole = header + bytes(data)
        used = len(header.rstrip(b"\0"))
        for at in (0, 9, 17, used - 1, len(header), len(whole) // 2, len(whole) - 1):
            damaged = bytearray(whole)
            damaged[at] ^= 4
            store.put_bytes("a/0", bytes(damaged))
            with pytest.raises(CorruptTileError, match="a/0"):
                store.get("a/0", F8, shape)

    def test_the_error_names_key_block_and_checksums(self, store: ByteStore) -> None:
        tile = np.random.default_rng(3).random((500, 1000))
        header, data = encode(tile)
        damaged = bytearray(header + bytes(data))
        damaged[len(header) + 2 * BLOCK_NBYTES + 5] ^= 1
        store.put_bytes("a/0", bytes(damaged))
        with pytest.raises(CorruptTileError, match=r"a/0 is corrupt: block 2 has CRC-32C [0-9a-f]{8}, and"):
            store.get("a/0", F8, (500, 1000))
        with pytest.raises(CorruptTileError, match="block 2"):
            store.get_region("a/0", F8, (500, 1000), [(300, 301), (0, 1000)])
        # Blocks that were not touched are not judged.
        assert same(store.get_region("a/0", F8, (500, 1000), [(0, 9), (0, 1000)]), tile[:9])

    @pytest.mark.parametrize("left", [0, 7, 60, 100, 2_000_000, 3_999_999])
    def test_a_tile_that_is_cut_short_is_corrupt(self, store: ByteStore, left: int) -> None:
        header, data = encode(np.random.default_rng(3).random((500, 1000)))
        store.put_bytes("a/0", (header + bytes(data))[:left])
        with pytest.raises(CorruptTileError, match="a/0"):
            store.get("a/0", F8, (500, 1000))
        with pytest.raises(CorruptTileError, match="a/0"):
            store.get_region("a/0", F8, (500, 1000), [(480, 500), (0, 1000)])

    def test_a_tile_with_something_behind_it_is_corrupt(self, store: ByteStore) -> None:
        header, data = encode(np.zeros(5))
        store.put_bytes("a/0", header + bytes(data) + b"more")
        with pytest.raises(CorruptTileError, match="bytes"):
            store.get("a/0", F8, (5,))

    def test_a_small_region_moves_few_bytes(self, store: ByteStore) -> None:
        shape = (2000, 1000)
        assert store.region_nbytes(F8, shape, [(0, 2000), (0, 1000)]) < 16_000_000 + 4096
        assert store.region_nbytes(F8, shape, [(1500, 1510), (0, 1000)]) <= 2 * BLOCK_NBYTES + 4096
        assert store.region_nbytes(F8, shape, [(5, 5), (0, 1000)]) == 0
