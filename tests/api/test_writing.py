"""Writing: Zarr arrays, NumPy's files, any object; what comes back, what is refused, and that nothing is lost."""

from __future__ import annotations

import io
import sys
import tracemalloc
from time import sleep

import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import ConfigError, StoreError, TargetExistsError, TaskError
from lambdarray.store.objects import tiles_share_chunks

from ..judge import arrays, assert_same


@pytest.fixture
def url(tmp_path):
    return str(tmp_path / "a.zarr")


def test_what_is_saved_comes_back_in_its_chunks(url):
    value = np.arange(35.0).reshape(5, 7)
    la.from_array(value, chunks=(2, 3)).to_zarr(url)
    back = la.open_zarr(url)
    assert back.chunks == ((2, 2, 1), (3, 3, 1))
    np.testing.assert_array_equal(back.compute(), value)


def test_ragged_chunks_are_cut_anew(url):
    value = np.arange(12.0)
    la.from_array(value, chunks=((5, 3, 4),)).to_zarr(url)
    assert la.open_zarr(url).chunks == ((5, 5, 2),)
    np.testing.assert_array_equal(la.open_zarr(url).compute(), value)


def test_several_arrays_are_saved_in_one_run(tmp_path):
    x = la.arange(10.0, chunks=4)
    la.store([(x * 2, tmp_path / "b.zarr"), (x.sum(), tmp_path / "c.zarr")])
    np.testing.assert_array_equal(la.open_zarr(tmp_path / "b.zarr").compute(), np.arange(10.0) * 2)
    assert la.open_zarr(tmp_path / "c.zarr").compute() == 45


def test_one_expression_is_saved_to_as_many_places_as_are_named(tmp_path):
    x = la.arange(10.0, chunks=4)
    once, alike = x * 2, x * 2
    la.store([(once, tmp_path / "a"), (once, tmp_path / "b"), (alike, tmp_path / "c"), (once, tmp_path / "d")])
    for name in "abcd":
        np.testing.assert_array_equal(la.open_zarr(tmp_path / name).compute(), np.arange(10.0) * 2)


def test_a_save_of_other_data_is_refused_and_loses_nothing(url):
    la.ones(6, chunks=2).to_zarr(url)
    with pytest.raises(TargetExistsError, match="overwrite=True"):
        la.zeros(6, chunks=2).to_zarr(url)
    np.testing.assert_array_equal(la.open_zarr(url).compute(), np.ones(6))


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_overwriting_leaves_nothing_of_what_was_there(url, shape):
    la.zeros((6, 6), chunks=2).to_zarr(url)
    la.ones(shape, chunks=2).to_zarr(url, overwrite=True)
    np.testing.assert_array_equal(la.open_zarr(url).compute(), np.ones(shape))


def test_a_target_that_the_expression_reads_is_refused_however_it_is_written(url, tmp_path, monkeypatch):
    la.ones(6, chunks=2).to_zarr(url)
    x = la.open_zarr(url)
    monkeypatch.chdir(tmp_path)
    for name in (url, f"{url}/", "a.zarr", "./a.zarr", f"file://{url}"):
        with pytest.raises(StoreError, match="read by this expression"):
            (x + 1).to_zarr(name, overwrite=True)
    np.testing.assert_array_equal(x.compute(), np.ones(6))


def test_two_arrays_cannot_have_one_target(url):
    with pytest.raises(StoreError, match="two arrays"):
        la.store([(la.ones(3), url), (la.zeros(3), f"{url}/")])


# -- options of a save


def test_attributes_and_a_compressor_are_given_to_the_save(url):
    x = la.from_array(np.arange(10_000) % 7, chunks=3000)
    x.to_zarr(url, compressor="zstd", level=5, attrs={"units": "K"})
    found = zarr.open_array(url, mode="r")
    assert found.attrs["units"] == "K"
    assert found.compressors[0].level == 5
    np.testing.assert_array_equal(found[:], np.arange(10_000) % 7)
    assert_same(la.from_zarr(url) + 1, np.arange(10_000) % 7 + 1)


def test_what_is_saved_in_another_way_is_another_save(url):
    la.ones(6, chunks=2).to_zarr(url, compressor="zstd")
    la.ones(6, chunks=2).to_zarr(url, compressor="zstd")
    with pytest.raises(TargetExistsError):
        la.ones(6, chunks=2).to_zarr(url, compressor="gzip")


def test_options_that_cannot_be_are_refused_before_anything_is_written(url, tmp_path):
    for options, error in (
        ({"compressor": "rar"}, ConfigError),
        ({"level": 3}, ConfigError),
        ({"attrs": {"x": object()}}, TypeError),
    ):
        with pytest.raises(error):
            la.ones(3).to_zarr(url, **options)
    assert not list(tmp_path.iterdir())


def test_arrays_of_a_group_are_at_its_name_and_theirs(tmp_path):
    la.store([(la.arange(3), tmp_path / "run.zarr/a"), (la.arange(4), tmp_path / "run.zarr/deep/b")])
    assert_same(la.open_zarr(tmp_path / "run.zarr" / "a"), np.arange(3))
    np.testing.assert_array_equal(zarr.open_group(tmp_path / "run.zarr", mode="r")["deep/b"][:], np.arange(4))
    with pytest.raises(StoreError, match="group"):
        la.open_zarr(tmp_path / "run.zarr")


# -- any object


class Diary:
    """Takes tiles, and remembers where each went; may refuse the first it is given."""

    def __init__(self, shape, dtype=float, refuse=0):
        self.value, self.keys, self.refuse = np.zeros(shape, dtype), [], refuse
        self.shape, self.inside, self.most = shape, 0, 0

    def __setitem__(self, key, tile):
        self.inside += 1
        self.most = max(self.most, self.inside)
        sleep(0.0005)
        self.inside -= 1
        if self.refuse:
            self.refuse -= 1
            raise OSError("the disk is busy")
        self.keys.append(key)
        self.value[key] = tile


@settings(max_examples=50)
@given(arrays())
def test_an_array_is_stored_into_numpys_own(pair):
    x, value = pair
    for source, expected in ((x, value), (x + x, value + value)):
        out = np.full_like(expected, 9)
        la.store(source, out)
        np.testing.assert_array_equal(out, expected)


def test_tiles_are_cast_as_the_target_casts_them():
    out = np.zeros(3, "i4")
    la.store(la.from_array(np.array([1.9, -1.9, 3.0])), out)
    np.testing.assert_array_equal(out, [1, -1, 3])


@pytest.mark.parametrize("scratch", ["memory://", "directory"])
def test_each_tile_is_written_once(tmp_path, scratch):
    diary = Diary((10, 7))
    x = la.from_array(np.arange(70.0).reshape(10, 7), chunks=((3, 3, 4), (7,)))
    with la.config(store=scratch if "://" in scratch else str(tmp_path), workers=3):
        la.store(np.sqrt(x) + 1, diary)
        la.store(np.sqrt(x) + 1, diary)
    np.testing.assert_array_equal(diary.value, np.sqrt(np.arange(70.0).reshape(10, 7)) + 1)
    assert sorted(key[0].start for key in diary.keys) == [0, 0, 3, 3, 6, 6]


def test_a_target_that_refuses_once_is_asked_again():
    diary = Diary((12,), refuse=2)
    la.store(la.arange(12.0, chunks=4) + 1, diary)
    np.testing.assert_array_equal(diary.value, np.arange(12.0) + 1)
    assert len(diary.keys) == 3


def test_a_target_that_cannot_take_its_tiles_is_an_error_that_says_why():
    with la.config(retries=0), pytest.raises(TaskError, match="the disk is busy"):
        la.store(la.arange(12.0, chunks=4) + 1, Diary((12,), refuse=99))


def test_unknown_objects_are_written_by_one_thread_at_a_time_unless_said_otherwise():
    x = la.ones(200, chunks=1) + 1
    with la.config(workers=4):
        alone, together = Diary((200,)), Diary((200,))
        la.store(x, alone)
        la.store(x, together, lock=False)
    assert alone.most == 1
    assert together.most > 1
    np.testing.assert_array_equal(alone.value, together.value)


def test_what_needs_a_lock_and_what_does_not(tmp_path):
    tiling = la.ones((6, 6), chunks=2)._op.tiling
    aligned = zarr.create_array(tmp_path / "a", shape=(6, 6), chunks=(2, 1), dtype="f8")
    across = zarr.create_array(tmp_path / "b", shape=(6, 6), chunks=(3, 6), dtype="f8")
    sharded = zarr.create_array(tmp_path / "c", shape=(6, 6), chunks=(1, 1), shards=(4, 4), dtype="f8")
    found = [tiles_share_chunks(obj, tiling) for obj in (np.zeros((6, 6)), aligned, across, sharded, Diary((6, 6)))]
    assert found == [False, False, True, True, True]


@pytest.mark.parametrize("chunks", [(2, 3), (3, 2), ((1, 4, 2), (5, 3)), -1], ids=str)
def test_hdf5_and_zarr_arrays_are_filled_whatever_their_chunks(tmp_path, chunks):
    value = np.arange(56.0).reshape(7, 8)
    x = la.from_array(value, chunks=chunks)
    made = zarr.create_array(tmp_path / "a", shape=(7, 8), chunks=(2, 3), dtype="f8")
    with h5py.File(tmp_path / "x.h5", "w") as file, la.config(workers=4):
        packed = file.create_dataset("x", (7, 8), "f8", chunks=(2, 3), compression="gzip")
        la.store([x * 2, x.T, x.sum()], [packed, made_t := np.zeros((8, 7)), file.create_dataset("s", (), "f8")])
        la.store(la.from_array(packed) + 1, made)
        np.testing.assert_array_equal(packed[:], value * 2)
        assert file["s"][()] == value.sum()
    np.testing.assert_array_equal(made_t, value.T)
    np.testing.assert_array_equal(made[:], value * 2 + 1)


def test_one_expression_fills_several_targets_and_is_read_by_others(tmp_path):
    x = la.from_array(np.arange(12.0), chunks=5)
    y = np.exp(x)
    first, second, total = np.zeros(12), np.zeros(12), np.zeros(())
    la.store([(y, first), (y, tmp_path / "y.zarr"), (y @ y, total), (y, second)])
    expected = np.exp(np.arange(12.0))
    for found in (first, second, la.open_zarr(tmp_path / "y.zarr").compute()):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(total, expected @ expected)


def test_equal_expressions_fill_each_its_own_target():
    x = la.from_array(np.arange(6.0), chunks=2)
    first, second = np.zeros(6), np.zeros(6)
    la.store([x + 1, x + 1], [first, second])
    np.testing.assert_array_equal(first, np.arange(6.0) + 1)
    np.testing.assert_array_equal(second, first)


@settings(max_examples=50)
@given(arrays(dtypes=("f8",)), st.data())
def test_a_region_takes_what_an_assignment_to_it_takes(pair, data):
    x, value = pair
    steps = [data.draw(st.sampled_from([1, 2, -1, -3])) for _ in value.shape]
    spans = [abs(step) * n for step, n in zip(steps, value.shape, strict=True)]
    shape = (3, *(n + 2 for n in spans))
    region = (1, *map(_sliced, value.shape, steps))
    ours, theirs = np.zeros(shape), np.zeros(shape)
    theirs[region] = value
    la.store(x, ours, regions=region)
    np.testing.assert_array_equal(ours, theirs)


def _sliced(size, step):
    """A slice of `size` elements with a step, inside an axis two longer than it needs."""
    if step > 0:
        return slice(1, 1 + size * step, step)
    return slice(size * -step, 0 if size else None, step) if size else slice(0, 0)


def test_parts_of_one_object_are_filled_by_several_arrays(tmp_path):
    made = zarr.create_array(tmp_path / "a", shape=(6, 4), chunks=(4, 4), dtype="f8")
    halves = [(slice(0, 3),), (slice(3, 6), ...)]
    la.store([la.ones((3, 4), chunks=1), la.full((3, 4), 2.0, chunks=2)], [made, made], regions=halves)
    np.testing.assert_array_equal(made[:], np.repeat([[1.0], [2.0]], 3, axis=0) * np.ones(4))


def test_targets_that_do_not_fit_are_refused_before_any_work():
    x = la.ones((2, 3)) + 1
    frozen = np.zeros((2, 3))
    frozen.setflags(write=False)
    for target, regions, error, text in (
        (np.zeros((3, 2)), None, ValueError, r"shape \(2, 3\).*target has shape \(3, 2\)"),
        (np.zeros((4, 3)), (slice(0, 3),), ValueError, r"region of its target has shape \(3, 3\)"),
        (np.zeros((4, 2, 3)), (4,), IndexError, "out of range"),
        (frozen, None, ValueError, "read-only"),
        (la.zeros((2, 3)), None, TypeError, "is no target"),
        (5, None, TypeError, "is no target"),
    ):
        with pytest.raises(error, match=text):
            la.store(x, target, regions=regions)
    with pytest.raises(ValueError, match="1 arrays, 2 targets"):
        la.store([x], [frozen, frozen])
    with pytest.raises(TypeError, match="expected lambdarray arrays"):
        la.store([(np.ones(3), np.zeros(3))])


def test_an_object_that_the_expression_reads_is_refused(tmp_path):
    value = np.arange(6.0)
    mapped = np.memmap(tmp_path / "m", dtype=float, mode="w+", shape=6)
    again = np.memmap(tmp_path / "m", dtype=float, mode="r+", shape=6)
    made = zarr.create_array(tmp_path / "a", data=value, chunks=(2,))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = value
        for source, target in (
            (value, value),
            (value, value[::-1]),
            (mapped, again),
            (file["x"], file["x"]),
            (made, zarr.open_array(tmp_path / "a")),
        ):
            with pytest.raises(StoreError, match="read by this expression"):
                la.store(la.from_array(source)[::-1] + 1, target)
        with pytest.raises(StoreError, match="read by this expression"):
            la.store(la.open_zarr(tmp_path / "a") + 1, made)
        la.store(la.from_array(value[:3]) + 1, value[3:])
    np.testing.assert_array_equal(value, [0, 1, 2, 1, 2, 3])


# -- HDF5


@settings(max_examples=25)
@given(arrays(), st.sampled_from([True, None]))
def test_a_file_of_hdf5_has_the_arrays_under_their_names(tmp_path_factory, pair, chunks):
    path = tmp_path_factory.mktemp("hdf5") / "x.h5"
    x, value = pair
    la.to_hdf5(path, {"/x": x, "/deep/twice": x + x}, chunks=chunks)
    la.to_hdf5(path, "/x", x)
    with h5py.File(path, "r") as file:
        np.testing.assert_array_equal(file["x"][()], value)
        np.testing.assert_array_equal(file["deep/twice"][()], value + value)
        assert (file["x"].dtype, file["x"].shape) == (value.dtype, value.shape)


def test_a_data_set_has_the_tiles_for_chunks_and_the_options_of_its_library(tmp_path):
    la.to_hdf5(tmp_path / "x.h5", "x", la.ones((10, 6), chunks=(4, 3)), compression="gzip")
    with h5py.File(tmp_path / "x.h5", "r") as file:
        assert (file["x"].chunks, file["x"].compression) == ((4, 3), "gzip")
    with pytest.raises(TypeError, match="Shapes do not match"):
        la.to_hdf5(tmp_path / "x.h5", "x", la.ones(3))
    for args in ((la.ones(3),), ("x",), ("x", la.ones(3), 4)):
        with pytest.raises(ValueError, match="mapping"):
            la.to_hdf5(tmp_path / "x.h5", *args)


def test_without_h5py_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(StoreError, match="pip install h5py"):
        la.to_hdf5(tmp_path / "x.h5", "x", la.ones(3))


# -- .npy


@settings(max_examples=50)
@given(arrays())
def test_a_saved_file_is_what_numpy_saves(tmp_path_factory, pair):
    folder = tmp_path_factory.mktemp("npy")
    la.save(folder / "ours", pair[0])
    np.save(folder / "theirs", pair[1])
    assert (folder / "ours.npy").read_bytes() == (folder / "theirs.npy").read_bytes()


def test_numpys_own_save_saves_our_arrays(tmp_path):
    x = la.from_array(np.zeros(4, [("a", "f8"), ("b", "S3")]), chunks=3)
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.zeros(4, [("a", "f8"), ("b", "S3")]))
    file = io.BytesIO()
    la.save(file, [1, 2])
    np.testing.assert_array_equal(np.load(io.BytesIO(file.getvalue())), [1, 2])


def test_a_file_may_be_saved_over_what_it_is_computed_from(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.arange(20.0).reshape(4, 5))
    la.save(path, la.load(path, chunks=2).T * 2)
    np.testing.assert_array_equal(np.load(path), np.arange(20.0).reshape(4, 5).T * 2)


def test_a_save_that_fails_leaves_what_was_there_and_nothing_else(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3))
    broken = la.from_array(Broken())
    with la.config(retries=0), pytest.raises(TaskError, match="the disk is gone"):
        la.save(tmp_path / "x.npy", broken + 1)
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), np.arange(3))


class Broken:
    shape, dtype = (20,), np.dtype(float)

    def __getitem__(self, key):
        raise OSError("the disk is gone")


def test_a_file_is_written_without_the_whole_in_memory(tmp_path):
    x = la.random.default_rng(0).random((4000, 2000), chunks=(250, 1000))
    with la.config(workers=2):
        x[:500, :1000].compute()  # what is loaded and made once
        tracemalloc.start()
        la.save(tmp_path / "x.npy", x)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert x.nbytes == (tmp_path / "x.npy").stat().st_size - 128
    assert peak < x.nbytes / 4
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy", mmap_mode="r")[::500], x[::500].compute())
