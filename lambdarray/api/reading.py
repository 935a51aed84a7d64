"""Arrays from files: NumPy's own, stacks of them, and Zarr."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ConfigError
from ..ops import Stored
from ..tiling import Tiling
from .array import Array
from .creation import from_array


def local_file(file: Any) -> Path:
    """The path of a file of this machine; ConfigError for a URL of another kind."""
    from ..store.locate import local_path

    name = os.fspath(file)
    if "://" in name and not name.startswith("file://"):
        raise ConfigError(f"{name!r} is no file of this machine; arrays elsewhere are Zarr: la.open_zarr, la.to_zarr")
    return Path(local_path(name))


def load(file: Any, mmap_mode: str | None = "r", *, chunks: Any = "auto") -> Array:
    """The array in a .npy file, in C or Fortran order: mapped, and read as it is needed.

    Whatever `mmap_mode` is, NumPy's argument, the file is only read. Raises as `numpy.load` does, and ValueError for an
    archive of several arrays.

    >>> import tempfile, numpy as np, lambdarray as la
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/x.npy", np.arange(6.0))
    ...     la.load(f"{folder}/x.npy", chunks=4).sum().compute()
    array(15.)
    """
    if mmap_mode not in ("r", "c", "r+", None):
        raise ValueError(f"mode must be one of 'r', 'c', 'r+' or None (got {mmap_mode!r})")
    opened = np.load(file) if hasattr(file, "read") else np.load(local_file(file), mmap_mode="r")
    if not isinstance(opened, np.ndarray):
        opened.close()
        raise ValueError(f"{file} is an archive of several arrays; np.load it, and use la.from_array on each")
    return from_array(opened, chunks)


from_npy = load


def from_npy_stack(dirname: Any, mmap_mode: str | None = "r") -> Array:
    """The array in a directory of .npy files as `to_npy_stack`, or Dask's, writes it; each file is a tile.

    The files are mapped, and only read, whatever `mmap_mode` is. Raises StoreError where it is no such directory.
    """
    from ..store.npy import NpyStack

    stack = NpyStack.open(local_file(dirname))
    return from_array(stack, stack.chunks)


def open_zarr(url: Any) -> Array:
    """A Zarr array (v2 or v3) at a directory or an s3:// URL, with its own chunks; one in a group is at `url/name`.

    Only the metadata is read here. Raises StoreError or AccessError where it cannot be, and StoreError, naming the
    package to install, where the chunks cannot be decoded here.
    """
    from ..store import zarr

    found = zarr.open_zarr(str(url))
    tiling = Tiling.regular(found.shape, found.chunks)
    token = f"{url}:{zarr.source_key(str(url))}"
    return Array(Stored((), tiling, found.dtype, location=found.location(), token=token))


from_zarr = open_zarr
