"""What the cases beside Dask and Cubed share: settings, and matrices on disk that all of them read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from harness import Outcome, timed

DGEMM = 4096


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


def dgemm(n: int, folder: Path) -> Outcome:
    """As many flops as a product of n by n has, in NumPy's own products of 4096 by 4096 with all threads of BLAS.

    What is not a whole number of those counts by its share. It is this machine's raw rate, warm and sustained.
    """
    size = min(n, DGEMM)
    rng = np.random.default_rng(0)
    a, b, v = rng.standard_normal((size, size)), rng.standard_normal((size, size)), rng.standard_normal((size, 2))
    c = a @ b
    times, count = (n / size) ** 3, -(-(n**3) // size**3)

    def run() -> None:
        for _ in range(count):
            np.matmul(a, b, out=c)

    seconds, _ = timed(run)
    right = bool(np.allclose(c @ v, a @ (b @ v), rtol=0, atol=1e-8 * size))
    seconds *= times / count
    return Outcome(seconds, right, {"gflops": 2e-9 * n**3 / seconds})
