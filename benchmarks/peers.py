"""What the cases beside Dask and Cubed share: settings, and matrices on disk that all of them read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def spec(folder: Path) -> Any:
    """Cubed's settings: threads, and a work folder of the benchmark's own."""
    import cubed

    return cubed.Spec(work_dir=str(folder / "cubed"), allowed_mem="6GB", executor_name="threads")


def write_zarr(path: Path, shape: tuple[int, ...], chunks: tuple[int, ...], seed: int = 0) -> None:
    """Normal values, uncompressed, as all Zarr arrays are here."""
    import zarr

    made = zarr.create_array(path, shape=shape, chunks=chunks, dtype="f8", compressors=None, overwrite=True)
    rng = np.random.default_rng(seed)
    for lo in range(0, shape[0], chunks[0]):
        rows = min(chunks[0], shape[0] - lo)
        made[lo : lo + rows] = rng.standard_normal((rows, *shape[1:]))


def warm(path: Path) -> None:
    """Bring a folder's files into the page cache."""
    for file in path.rglob("*"):
        if file.is_file():
            file.read_bytes()
