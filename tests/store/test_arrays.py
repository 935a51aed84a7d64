from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdarray.errors import MissingTileError, PlanError, StoreError
from lambdarray.store import open_array, open_store
from lambdarray.store.arrays import TileArray, overlaps, tile_index, tile_key
from lambdarray.store.buffers import kept
from lambdarray.store.directory import DirectoryStore
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import CountingStore, WrapperStore
from lambdarray.task import ArraySpec
from lambdarray.tiling import Cuts, Tiling

LENGTHS = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def spec_of(tiling: Tiling, dtype: Any = "f8", **location: Any) -> ArraySpec:
    return ArraySpec("a", tiling, np.dtype(dtype), location or {"kind": "tiles", "prefix": "0f/plan/a"})


def stored(x: np.ndarray, tiling: Tiling, store: Any) -> Any:
    array = open_array(spec_of(tiling, x.dtype), store)
    for index in tiling.indices():
        assert array.write(index, x[tiling.slices(index)].copy()) is True
    return array


def spans_of(data: st.DataObject, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    return [tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in shape]


def cut(x: np.ndarray, spans: list[tuple[int, int]]) -> np.ndarray:
    return x[tuple(slice(a, b) for a, b in spans)]


@given(st.lists(LENGTHS, min_size=0, max_size=3), st.data())
def test_a_region_read_from_tiles_is_a_slice(chunks: list[list[int]], data: st.DataObject) -> None:
    tiling = Tiling.from_chunks(chunks)
    x = np.random.default_rng(0).random(tiling.shape)
    array = stored(x, tiling, MemoryStore())
    spans = spans_of(data, tiling.shape)
    got = array.read(spans)
    assert got.dtype == x.dtype
    assert np.array_equal(got, cut(x, spans))
    assert not got.flags.writeable
    assert array.read_nbytes(spans) == got.nbytes


def test_memory_for_a_tile_is_that_of_one_that_was_let_go() -> None:
    array = open_array(spec_of(Tiling((Cuts(1024, 512), Cuts(512, 512)))), MemoryStore())
    with kept(1 << 30):
        first = array.reserve([(0, 512), (0, 512)])
        assert first is not None
        where = first.__array_interface__["data"][0]
        assert array.write((0, 0), first)
        assert array.read([(0, 512), (0, 512)]) is first
        array.delete((0, 0))
        del first
        again = array.reserve([(512, 1024), (0, 512)])
        assert again is not None
        assert again.__array_interface__["data"][0] == where
        assert array.reserve([(0, 1024), (0, 512)]).shape == (1024, 512)
        assert array.reserve([(0, 0), (0, 512)]).shape == (0, 512)


def test_regular_and_listed_cuts_read_alike() -> None:
    x, store = np.arange(70.0).reshape(7, 10), MemoryStore()
    for n, cuts in enumerate([Cuts(7, 3), Cuts(7, 0, np.array([0, 3, 6, 7]))]):
        tiling = Tiling((cuts, Cuts(10, 4)))
        spec = spec_of(tiling, kind="tiles", prefix=f"p{n}")
        array = open_array(spec, store)
        for index in tiling.indices():
            array.write(index, x[tiling.slices(index)].copy())
        assert np.array_equal(array.read([(2, 7), (3, 9)]), x[2:7, 3:9])
        assert np.array_equal(array.read([(3, 6), (4, 8)]), x[3:6, 4:8])


def test_a_whole_tile_in_memory_is_the_tile_itself_and_a_part_a_view_of_it() -> None:
    store, tile = MemoryStore(), np.zeros((4, 4))
    array = open_array(spec_of(Tiling.regular((8, 8), (4, 4))), store)
    array.write((1, 0), tile)
    assert array.read([(4, 8), (0, 4)]) is tile
    assert array.read([(5, 7), (1, 2)]).base is tile


def test_a_write_is_create_only_and_can_be_taken_back() -> None:
    array = open_array(spec_of(Tiling.regular((4,), (2,))), MemoryStore())
    assert not array.exists((1,))
    assert array.write((1,), np.zeros(2)) is True
    assert array.write((1,), np.ones(2)) is False
    assert array.exists((1,))
    array.delete((1,))
    assert not array.exists((1,))


@pytest.mark.parametrize("tile", [np.zeros(3), np.zeros((2, 1)), np.zeros(2, "f4"), np.zeros(2, ">f8")], ids=repr)
def test_a_tile_of_another_shape_or_dtype_is_never_written(tile: np.ndarray) -> None:
    store = MemoryStore()
    array = open_array(spec_of(Tiling.regular((4,), (2,))), store)
    with pytest.raises(PlanError, match="is to be float64"):
        array.write((1,), tile)
    assert not list(store.list())


def test_a_missing_tile_is_an_error_also_where_others_are_there() -> None:
    array = open_array(spec_of(Tiling.regular((4,), (2,))), MemoryStore())
    array.write((0,), np.zeros(2))
    for span in ((0, 4), (2, 4), (3, 4)):
        with pytest.raises(MissingTileError, match=r"0f/plan/a/1"):
            array.read([span])


@pytest.mark.parametrize("spans", [[(0, 5)], [(-1, 2)], [(4, 5)], [(7, 9)]])
@pytest.mark.parametrize("tiling", [Tiling.regular((4,), (2,)), Tiling.from_chunks([[1, 3]])], ids=repr)
def test_a_region_outside_the_array_is_an_error(tiling: Tiling, spans: list[tuple[int, int]]) -> None:
    array = stored(np.zeros(4), tiling, MemoryStore())
    with pytest.raises(PlanError, match="does not lie in an array"):
        array.read(spans)


def test_an_empty_array_has_a_tile_and_no_elements() -> None:
    tiling = Tiling.regular((0, 5), (3, 2))
    array = stored(np.zeros((0, 5)), tiling, MemoryStore())
    assert array.read([(0, 0), (0, 5)]).shape == (0, 5)
    assert array.exists((0, 2))


def test_tiles_may_be_in_a_store_of_their_own(tmp_path: Path) -> None:
    spec = spec_of(Tiling.regular((4,), (2,)), kind="tiles", store=str(tmp_path), prefix="p")
    scratch = MemoryStore()
    open_array(spec, scratch).write((0,), np.ones(2))
    assert list(scratch.list()) == []
    assert list(open_store(tmp_path).list()) == ["p/0"]


def test_a_region_moves_only_the_blocks_it_needs(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((2000, 500))
    array = stored(x, Tiling.regular(x.shape, (1000, 500)), DirectoryStore(tmp_path))
    assert array.read_nbytes([(0, 10), (0, 500)]) < 1_100_000
    assert array.read_nbytes([(995, 1005), (0, 500)]) < 2 * 1_100_000
    assert np.array_equal(array.read([(995, 1005), (7, 400)]), x[995:1005, 7:400])


def test_parts_of_a_remote_array_are_fetched_at_once() -> None:
    class Remote(WrapperStore):
        """Answers no call before the fourth has come."""

        gate = threading.Barrier(4, timeout=30)

        def get_region(self, *args: Any) -> np.ndarray:
            self.gate.wait()
            return super().get_region(*args)

    store = Remote(MemoryStore())
    x = np.arange(16.0)
    array = stored(x, Tiling.regular((16,), (4,)), store)
    store.remote = True
    assert np.array_equal(array.read([(1, 15)]), x[1:15])


def test_a_failure_of_one_part_is_the_failure_of_the_read() -> None:
    store = WrapperStore(MemoryStore())
    array = stored(np.arange(16.0), Tiling.regular((16,), (4,)), store)
    store.remote = True
    array.delete((2,))
    with pytest.raises(MissingTileError, match="a/2"):
        array.read([(1, 15)])


@settings(max_examples=50)
@given(st.lists(LENGTHS, min_size=1, max_size=3), st.data())
@example([[1]], None)
def test_overlaps_cover_each_element_of_a_region_once(chunks: list[list[int]], data: st.DataObject | None) -> None:
    tiling = Tiling.from_chunks(chunks)
    spans = spans_of(data, tiling.shape) if data is not None else [(0, 1)]
    count = np.zeros([b - a for a, b in spans], int)
    x = np.arange(np.prod(tiling.shape)).reshape(tiling.shape)
    for index, local, place in overlaps(tiling.axes, spans):
        count[place] += 1
        assert np.array_equal(cut(x[tiling.slices(index)], local), cut(x, spans)[place])
    assert (count == 1).all()


@pytest.mark.parametrize("index", [(), (0,), (3, 12, 0)])
def test_a_key_tells_its_index(index: tuple[int, ...]) -> None:
    assert tile_index(tile_key("0f/p.1/a", index), len(index)) == index
    spec = spec_of(Tiling.regular((20,) * len(index), (1,) * len(index)), kind="tiles", prefix="0f/100%/a")
    store = MemoryStore()
    TileArray(spec, store, "0f/100%/a").write(index, np.zeros((1,) * len(index)))
    assert list(store.list()) == [tile_key("0f/100%/a", index)]


class Sliced:
    """Something that is no array: shape, dtype and slices."""

    shape, dtype = (6, 4), np.dtype("i4")

    def __getitem__(self, where: tuple[slice, ...]) -> list[list[int]]:
        return np.arange(24, dtype="i4").reshape(6, 4)[where].tolist()


def test_an_object_is_read_by_slices() -> None:
    tiling = Tiling.regular((6, 4), (3, 4))
    array = open_array(spec_of(tiling, "i4", kind="object", token="t"), MemoryStore(), {"t": Sliced()})
    got = array.read([(2, 5), (1, 3)])
    assert got.dtype == np.dtype("i4")
    assert np.array_equal(got, np.arange(24).reshape(6, 4)[2:5, 1:3])
    assert array.read_nbytes([(2, 5), (1, 3)]) == got.nbytes
    assert array.exists((0, 0))


def test_an_array_of_the_user_is_viewed_and_never_made_read_only() -> None:
    x = np.arange(6.0)
    array = open_array(spec_of(Tiling.regular((6,), (6,)), kind="object", token="t"), MemoryStore(), {"t": x})
    got = array.read([(0, 6)])
    assert got.base is x
    assert not got.flags.writeable
    assert x.flags.writeable


def test_an_object_that_is_not_here_or_is_written_says_so() -> None:
    spec = spec_of(Tiling.regular((6,), (6,)), kind="object", token="t")
    with pytest.raises(StoreError, match="is not here"):
        open_array(spec, MemoryStore())
    array = open_array(spec, MemoryStore(), {"t": np.zeros(6)})
    for act in (lambda: array.write((0,), np.zeros(6)), lambda: array.delete((0,))):
        with pytest.raises(StoreError, match="only be read"):
            act()


def test_an_object_that_gives_another_shape_is_noticed() -> None:
    spec = spec_of(Tiling.regular((9,), (9,)), kind="object", token="t")
    with pytest.raises(StoreError, match=r"slice of shape \(6,\), not \(9,\)"):
        open_array(spec, MemoryStore(), {"t": np.zeros(6)}).read([(0, 9)])


def test_an_unknown_location_is_refused() -> None:
    with pytest.raises(PlanError, match="'tiles', 'zarr', 'object' and 'result'"):
        open_array(spec_of(Tiling.regular((6,), (6,)), kind="tape"), MemoryStore())


def test_reading_one_tile_asks_the_store_once() -> None:
    store = CountingStore(MemoryStore())
    array = stored(np.arange(16.0), Tiling.regular((16,), (4,)), store)
    array.read([(4, 8)])
    array.read([(5, 8)])
    assert (store.counts.gets, store.counts.heads, store.counts.lists) == (2, 0, 0)
