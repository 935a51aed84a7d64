"""Saving to Zarr: what comes back, what is refused, and that nothing of the user's is lost."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import StoreError, TargetExistsError


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
