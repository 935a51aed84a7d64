"""What may be a source: objects that slice as NumPy does, and what has to become a NumPy array first."""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import Array


def sliceable(x: Any) -> Any:
    """The object itself where it slices by position as NumPy does, else the NumPy array of it.

    TypeError for masked and sparse arrays, whose slices are no plain elements.
    """
    if type(x).__module__.startswith("numpy.ma"):
        raise TypeError("a masked array has no tiles; use x.filled(value), with np.nan or what suits your reductions")
    if hasattr(x, "toarray"):
        raise TypeError(f"a {type(x).__name__} is sparse, and tiles are not; use x.toarray()")
    return x if isinstance(x, np.ndarray) or _slices_by_position(x) else np.asarray(x)


def _slices_by_position(x: Any) -> bool:
    if isinstance(x, np.generic) or not all(hasattr(x, name) for name in ("shape", "dtype", "__getitem__")):
        return False
    # pandas and its like slice by label; xarray, which names its axes, by position.
    return _is_plain(x.dtype) and (hasattr(x, "dims") or not hasattr(x, "to_numpy"))


def _is_plain(dtype: Any) -> bool:
    """Whether NumPy knows the dtype, which other libraries name as they like."""
    try:
        return isinstance(dtype, np.dtype) or not np.dtype(dtype).hasobject
    except TypeError:
        return False


def own_chunks(x: Any) -> tuple[Any, ...] | None:
    """The chunks that an object is stored in, of HDF5, Zarr, Dask and xarray; None where it has none."""
    for name in ("shards", "chunks", "chunkshape"):
        found = getattr(x, name, None)
        if isinstance(found, tuple):
            return found
    return None


def holds_arrays(x: Any) -> bool:
    """Whether a list holds an array of ours, at any depth."""
    return isinstance(x, Array) or (isinstance(x, list | tuple) and any(map(holds_arrays, x)))
