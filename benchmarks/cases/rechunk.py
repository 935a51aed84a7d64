"""From chunks of rows to chunks of columns, disk to disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec, warm, write_zarr

PARTS = 20


def prepare(n: int, folder: Path) -> None:
    write_zarr(folder / "rows.zarr", (2 * n, n), (2 * n // PARTS, n))


def _measure(n: int, folder: Path, run: Callable[[str, str, tuple[int, int]], object]) -> Outcome:
    import zarr

    source, target = folder / "rows.zarr", folder / "columns.zarr"
    shutil.rmtree(target, ignore_errors=True)
    warm(source)
    chunks = (2 * n, n // PARTS)
    seconds, _ = timed(lambda: run(str(source), str(target), chunks))
    a, b = zarr.open_array(source), zarr.open_array(target)
    same = b.chunks == chunks and all(np.array_equal(a[i :: 2 * n // 7], b[i :: 2 * n // 7]) for i in range(3))
    shutil.rmtree(target)
    return Outcome(seconds, same)


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(n, folder, lambda a, b, chunks: la.open_zarr(a).rechunk(chunks).to_zarr(b))


def _empty(path: str, n: int, chunks: tuple[int, int]) -> Any:
    import zarr

    return zarr.create_array(path, shape=(2 * n, n), chunks=chunks, dtype="f8", compressors=None)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    def run(a: str, b: str, chunks: tuple[int, int]) -> None:
        da.to_zarr(da.from_zarr(a).rechunk(chunks), _empty(b, n, chunks))

    return _measure(n, folder, run)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed

    def run(a: str, b: str, chunks: tuple[int, int]) -> None:
        cubed.to_zarr(cubed.from_zarr(a, spec=spec(folder)).rechunk(chunks), b)

    return _measure(n, folder, run)


def numpy(n: int, folder: Path) -> Outcome:
    import zarr

    def run(a: str, b: str, chunks: tuple[int, int]) -> None:
        _empty(b, n, chunks)[:] = zarr.open_array(a)[:]

    return _measure(n, folder, run)


CASE = Case(
    title="rechunk 20000 x 10000, rows to columns, Zarr to Zarr",
    size=10_000,
    quick=1_000,
    contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
    prepare=prepare,
    goals={"dask": 1.0, "cubed": 1.0},
)
