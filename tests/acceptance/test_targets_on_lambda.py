"""What functions compute comes to objects and files of this machine, and compressed chunks to S3."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import TaskError

from .conftest import BUCKET

VALUE = np.arange(70.0).reshape(7, 10)


def test_objects_and_files_of_this_machine_are_filled(on_lambda: str, tmp_path: Path) -> None:
    x = la.from_array(VALUE, chunks=(3, 4))
    y = x * 2
    first, second = np.zeros((7, 10)), np.zeros((7, 10))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        packed = file.create_dataset("x", (7, 10), "f8", chunks=(2, 5))
        la.store([y, y, x.T @ x, y + 1], [first, second, total := np.zeros((10, 10)), packed])
        np.testing.assert_array_equal(packed[:], VALUE * 2 + 1)
    np.testing.assert_array_equal(first, VALUE * 2)
    np.testing.assert_array_equal(second, VALUE * 2)
    np.testing.assert_allclose(total, VALUE.T @ VALUE)
    la.save(tmp_path / "x.npy", y)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), VALUE * 2)


def test_functions_write_compressed_chunks_into_a_group_and_read_them(on_lambda: str) -> None:
    url = f"s3://{BUCKET}/out/run.zarr/deep/x"
    la.from_array(VALUE, chunks=4).to_zarr(url, compressor="gzip", attrs={"units": "K"})
    np.testing.assert_array_equal((la.open_zarr(url) + 1).compute(), VALUE + 1)


def test_a_codec_that_functions_do_not_have_is_named_at_the_first_attempt(on_lambda: str) -> None:
    # Without a package of this machine's the client would refuse first.
    pytest.importorskip("numcodecs", reason="comes with zarr")
    with pytest.raises(TaskError, match="needs the package numcodecs") as failed:
        la.from_array(VALUE, chunks=4).to_zarr(f"s3://{BUCKET}/out/zstd", compressor="zstd")
    assert failed.value.attempts == 1
