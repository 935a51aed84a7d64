"""Running expressions into files of this machine: NumPy's own, stacks of them, HDF5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import StoreError
from .array import Array
from .axes import axis_of
from .creation import asarray
from .reading import local_file
from .writing import store


def save(file: Any, arr: Any, allow_pickle: bool = True) -> None:
    """Run, and write the array as a .npy file, tile by tile; the name gets `.npy` at its end, as NumPy gives it.

    What is at the path is replaced once the new file is whole, so that an array may be computed from the file that it
    is saved to. `allow_pickle` is NumPy's and means nothing here: there are no Python objects in arrays.
    """
    from ..store.npy import new_file

    array = asarray(arr)
    if hasattr(file, "write"):
        np.save(file, np.asarray(array))
        return
    path = local_file(file)
    path = path if path.name.endswith(".npy") else path.with_name(f"{path.name}.npy")
    with new_file(path, array.shape, array.dtype) as target:
        store(array, target)


def to_npy_stack(dirname: Any, x: Any, axis: int = 0) -> None:
    """Run, and write a directory of .npy files, one for each tile along `axis`, as Dask's function does it."""
    from ..store.npy import NpyStack

    array = asarray(x)
    along = axis_of(axis, array.ndim)
    array = array.rechunk({d: -1 for d in range(array.ndim) if d != along})
    path = local_file(dirname)
    path.mkdir(parents=True, exist_ok=True)
    stack = NpyStack(path, array.chunks, array.dtype, along)
    store(array, stack, lock=False)
    stack.write_info()


def to_hdf5(filename: Any, *args: Any, chunks: Any = True, **options: Any) -> None:
    """Run, and write arrays as data sets of an HDF5 file: a mapping from their names, or one name and its array.

    The file is made where it is not there; a data set that is, and has the shape and dtype, is overwritten. `chunks`
    are those of each data set: True for the array's own tiles, None for none. `options`, such as compression="gzip",
    are h5py's. Raises TypeError where a data set of another shape or dtype is there.
    """
    try:
        from h5py import File
    except ImportError:
        raise StoreError(f"{filename} is HDF5, which needs the package h5py: pip install h5py") from None
    arrays = _named(args)
    with File(local_file(filename), "a") as file:
        sets = [
            file.require_dataset(name, x.shape, x.dtype, chunks=_stored_chunks(x, chunks), **options)
            for name, x in arrays.items()
        ]
        store(list(arrays.values()), sets)


def _named(args: tuple[Any, ...]) -> dict[str, Array]:
    if len(args) == 2 and isinstance(args[0], str):
        return {args[0]: asarray(args[1])}
    if len(args) == 1 and isinstance(args[0], Mapping):
        return {name: asarray(x) for name, x in args[0].items()}
    raise ValueError("give the name of a data set and its array, or a mapping {'/name': array}")


def _stored_chunks(x: Array, chunks: Any) -> Any:
    """The chunks of a data set; HDF5 has none where there are no elements or no axes."""
    if x.ndim == 0 or x.size == 0:
        return None
    return x.chunksize if chunks is True else chunks
