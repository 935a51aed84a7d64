"""Reading: files of NumPy's, stacks of them, HDF5, and whatever slices or becomes an array."""

from __future__ import annotations

import io
import pickle
import threading

import dask.array
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import ConfigError, CorruptTileError, StoreError, TaskError
from lambdarray.store.objects import HDF5_LOCK, lock_of

from ..judge import DTYPES, arrays, assert_same

# -- .npy


@settings(max_examples=50)
@given(arrays(), st.booleans(), st.sampled_from(["auto", 2, -1]))
def test_a_file_of_numpys_is_read_as_numpy_reads_it(tmp_path_factory, pair, fortran, chunks):
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    value = np.asarray(pair[1], order="F" if fortran else "C")
    np.save(path, value)
    assert_same(la.load(path, chunks=chunks), np.load(path), exact=True)


@pytest.mark.parametrize("dtype", ["M8[s]", "m8[3D]", "U3", "S2", ">i4", ">c16", [("a", "f8"), ("b", "S3")]], ids=str)
def test_files_of_every_dtype_are_read(tmp_path, dtype):
    value = np.zeros((2, 3), dtype)
    np.save(tmp_path / "x.npy", value)
    assert_same(la.from_npy(tmp_path / "x.npy", chunks=2), value)


def test_a_file_larger_than_memory_is_opened_at_once_and_read_where_it_is_needed(tmp_path):
    shape = (1 << 17, 1 << 18)  # 256 GiB, and none of them on the disk
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 8 * shape[0] * shape[1])
    x = la.load(tmp_path / "x.npy")
    assert (x.shape, x.dtype) == (shape, np.float64)
    assert (x[-3:, 100:110:2] + 1).sum().compute() == 15


def test_names_of_local_files_may_be_urls_and_others_may_not(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3))
    assert_same(la.load(f"file://{tmp_path}/x.npy"), np.arange(3))
    for url in ("s3://bucket/x.npy", "http://host/x.npy"):
        with pytest.raises(ConfigError, match="no file of this machine"):
            la.load(url)


def test_a_file_that_numpy_cannot_load_is_refused_as_numpy_refuses_it(tmp_path):
    (tmp_path / "text.npy").write_text("years of work")
    np.save(tmp_path / "objects.npy", np.array([None, 1]), allow_pickle=True)
    for name in ("missing.npy", "text.npy", "objects.npy"):
        with pytest.raises((OSError, ValueError)) as ours:
            la.load(tmp_path / name)
        with pytest.raises((OSError, ValueError)) as theirs:
            np.load(tmp_path / name, mmap_mode="r")
        assert type(ours.value) is type(theirs.value)
    with pytest.raises(ValueError, match="mode must be one of"):
        la.load(tmp_path / "text.npy", mmap_mode="w+")


def test_an_archive_of_arrays_is_not_one(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3))
    with pytest.raises(ValueError, match="archive of several arrays"):
        la.load(tmp_path / "x.npz")


def test_an_open_file_is_read():
    file = io.BytesIO()
    np.save(file, np.arange(4))
    file.seek(0)
    assert_same(la.load(file), np.arange(4))


def test_a_memmap_is_a_source(tmp_path):
    value = np.arange(60.0).reshape(6, 10)
    mapped = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=value.shape)
    mapped[:] = value
    x = la.from_array(mapped, chunks=(2, 5))
    assert_same(x.T @ x, value.T @ value)


# -- stacks of .npy files


@settings(max_examples=25)
@given(arrays(min_dims=1), st.data())
def test_a_stack_goes_to_dask_and_comes_from_it(tmp_path_factory, pair, data):
    x, value = pair
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    la.to_npy_stack(ours, x, axis)
    np.testing.assert_array_equal(dask.array.from_npy_stack(ours).compute(scheduler="sync"), value)
    dask.array.to_npy_stack(theirs, dask.array.from_array(value, chunks=x.chunks), axis % x.ndim)
    for folder in (ours, theirs):
        assert_same(la.from_npy_stack(folder), value, exact=True)
    part = tuple(slice(n // 3, n - n // 4) for n in x.shape)
    assert_same(la.from_npy_stack(theirs)[part], value[part], exact=True)


def test_each_file_of_a_stack_is_a_tile(tmp_path):
    x = la.from_array(np.arange(24.0).reshape(6, 4), chunks=((1, 3, 2), 2))
    la.to_npy_stack(tmp_path / "stack", x)
    assert sorted(path.name for path in (tmp_path / "stack").iterdir()) == ["0.npy", "1.npy", "2.npy", "info"]
    assert la.from_npy_stack(tmp_path / "stack").chunks == ((1, 3, 2), (4,))


class Mischief:
    def __reduce__(self):
        return exec, ("raise SystemExit('run by a pickle')",)


@pytest.mark.parametrize(
    "info", [pickle.dumps(Mischief()), b"", b"text", pickle.dumps({"axis": 0}), pickle.dumps([1])], ids=range(5)
)
def test_what_a_stack_says_of_itself_runs_nothing(tmp_path, info):
    (tmp_path / "info").write_bytes(info)
    with pytest.raises(StoreError, match=r"info does not describe a stack"):
        la.from_npy_stack(tmp_path)


def test_no_stack_is_a_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError):
        la.from_npy_stack(tmp_path)


def test_a_file_of_a_stack_that_is_another_is_noticed(tmp_path):
    la.to_npy_stack(tmp_path, la.ones((4, 2), chunks=2))
    np.save(tmp_path / "1.npy", np.ones((3, 2)))
    with pytest.raises(TaskError, match=rf"{CorruptTileError.__name__}.*1\.npy holds float64 \(3, 2\)"):
        la.from_npy_stack(tmp_path).sum().compute()


# -- HDF5, and objects with chunks of their own


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        yield file


@pytest.mark.parametrize("dtype", [*DTYPES, "S3", [("a", "f8"), ("b", "i2")]], ids=str)
@pytest.mark.parametrize("shape", [(), (7,), (40, 30), (3, 0)], ids=str)
def test_an_hdf5_data_set_is_read(file, dtype, shape):
    value = np.zeros(shape, dtype)
    if value.dtype.names is None:
        value = np.asarray(np.arange(value.size).reshape(shape)).astype(dtype)
    found = file.create_dataset("x", data=value)
    assert_same(la.from_array(found, chunks=-1 if 0 in shape else 8), value)


def test_tiles_hold_whole_chunks_of_a_data_set(file):
    large = file.create_dataset("large", shape=(6000, 5000), dtype="f8", chunks=(100, 300))
    x = la.from_array(large)
    assert all(n % own == 0 for lengths, own in zip(x.chunks, large.chunks, strict=True) for n in lengths[:-1])
    assert 8 << 20 <= np.prod(x.chunksize) * 8 <= 32 << 20
    huge = file.create_dataset("huge", shape=(9000, 9000), dtype="f8", chunks=(3000, 3000))
    assert la.from_array(huge).chunksize == (3000, 3000)
    assert la.from_array(large, chunks=(50, -1)).chunksize == (50, 5000)


def test_chunks_follow_those_of_other_libraries_too(tmp_path):
    value = np.arange(48.0).reshape(6, 8)
    shards = zarr.create_array(tmp_path / "s", shape=(6000, 6000), dtype="f8", chunks=(100, 100), shards=(2000, 3000))
    assert la.from_array(shards).chunksize == (2000, 3000) or la.from_array(shards).chunksize[0] % 2000 == 0
    ragged = dask.array.from_array(value, chunks=((1, 5), (3, 3, 2)))
    for x in (ragged, xarray.DataArray(ragged)):
        assert la.from_array(x).chunks == ((1, 5), (3, 3, 2))
        assert_same(la.from_array(x), value)


class Crowd:
    """Counts how many threads are inside at once; each waits a little for others to come."""

    shape, dtype = (64,), np.dtype(float)

    def __init__(self):
        self.inside, self.most, self.gate = 0, 0, threading.Event()

    def __getitem__(self, key):
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside > 1:
            self.gate.set()
        self.gate.wait(0.005)
        self.inside -= 1
        return np.ones(64)[key]


def test_one_thread_at_a_time_reads_under_a_lock():
    mine = threading.Lock()
    for lock, alone in ((True, True), (mine, True), (False, False), (None, False)):
        crowd = Crowd()
        with la.config(workers=4):
            x = la.from_array(crowd, chunks=1, lock=lock)
            assert ((x + 1).compute() == 2).all()
        assert (crowd.most == 1) is alone, lock
    assert not mine.locked()


def test_data_sets_have_the_lock_of_their_library(file):
    assert lock_of(file.create_dataset("x", data=np.arange(3))) is HDF5_LOCK
    assert lock_of(np.arange(3)) is None


# -- everything else that is an array, or becomes one


@pytest.mark.parametrize(
    "value",
    [
        5,
        2.5,
        True,
        1j,
        "text",
        np.float32(3),
        np.array(7),
        [1, 2, 3],
        [[1.5, 2], [3, 4]],
        (1, 2),
        [],
        range(5),
        memoryview(b"abc"),
        np.datetime64("2026-01-01"),
        pd.Series([1, 2, 3], index=[30, 10, 20]),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([True, False]),
        pd.date_range("2026-01-01", periods=4),
        pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]}),
        xarray.DataArray(np.arange(12.0).reshape(3, 4), dims=("x", "y"), coords={"x": [3, 1, 2]}),
        dask.array.arange(10, chunks=3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_numpy_makes_an_array_of_is_one(value):
    expected = np.asarray(value)
    assert_same(la.from_array(value), expected)
    assert_same(la.asarray(value, chunks=2 if expected.ndim and expected.size else "auto"), expected)


def test_what_xarray_has_not_loaded_is_read_tile_by_tile(tmp_path):
    value = np.arange(60.0).reshape(10, 6)
    xarray.Dataset({"heat": (("t", "x"), value)}).to_zarr(tmp_path / "d.zarr", consolidated=False, zarr_format=2)
    with xarray.open_dataset(tmp_path / "d.zarr", engine="zarr", consolidated=False, chunks=None) as found:
        x = la.from_array(found["heat"], chunks=4)
        assert not found["heat"]._in_memory
        assert_same(x, value)


class Alike:
    """Has shape, dtype and slices, and names its dtype in its own way."""

    shape = (6,)

    def __init__(self, dtype):
        self.dtype = dtype

    def __getitem__(self, key):
        return np.arange(6.0)[key]


@pytest.mark.parametrize("dtype", [np.dtype(float), "f8", float], ids=repr)
def test_anything_that_slices_is_a_source(dtype):
    assert_same(la.from_array(Alike(dtype), chunks=4), np.arange(6.0))


@pytest.mark.parametrize(
    "value",
    [
        scipy.sparse.eye_array(4).tocsr(),
        np.ma.masked_array([1, 2], [True, False]),
        pd.Series(["a", None], dtype=object),
        [None, 1],
        object(),
        Alike(object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_tiles_cannot_hold_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"tiles|sparse"):
        la.from_array(value)


# -- lists of our arrays


@settings(max_examples=50)
@given(arrays(max_dims=2), st.data())
def test_a_list_of_our_arrays_is_stacked(pair, data):
    x, value = pair
    other, theirs = data.draw(arrays(shape=value.shape))
    assert_same(la.asarray([x, other]), np.asarray([value, theirs]), exact=True)
    assert_same(la.asarray([[x], [other]]), np.asarray([[value], [theirs]]), exact=True)
    assert_same(la.asarray((x, theirs), chunks=1 if value.size else -1), np.asarray((value, theirs)), exact=True)


def test_lists_may_mix_our_scalars_and_pythons():
    x = la.arange(4).sum()
    assert_same(la.asarray([x, 2.5]), np.asarray([np.int64(6), 2.5]))
    assert_same(la.asarray([[x, 1], [2, 3]], dtype="f4"), np.asarray([[6, 1], [2, 3]], dtype="f4"))


def test_a_list_of_unequal_arrays_is_a_value_error():
    with pytest.raises(ValueError, match="same shape"):
        la.asarray([la.ones(3), la.ones(4)])


# -- the guard of what is not asked for


def test_a_conversion_above_the_limit_is_refused_and_says_how_to_lift_it():
    x = la.ones((1 << 10, 1 << 10), chunks=-1)
    with la.config(implicit_mib=7):
        for convert in (np.asarray, lambda x: x.tolist(), lambda x: np.array(x, dtype="f4")):
            with pytest.raises(MemoryError, match=r"8\.0 MiB here, above implicit_mib=7.*implicit_mib=8"):
                convert(x)
        with la.config(implicit_mib=8):
            assert np.asarray(x).sum() == 1 << 20
        with la.config(implicit_mib=None):
            assert np.asarray(x).shape == x.shape
        assert x.compute().shape == x.shape


def test_the_limit_is_a_setting_like_others(monkeypatch):
    with pytest.raises(ConfigError, match="implicit_mib=-1"):
        la.config(implicit_mib=-1)
    assert la.get_config().implicit_mib == 1024
