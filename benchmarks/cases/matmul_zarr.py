"""A product from Zarr to Zarr: inputs written once, read from the page cache, the same chunks for every library."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import dgemm, spec, warm, write_zarr

CHUNK = 2048


def prepare(n: int, folder: Path, chunk: int) -> None:
    for seed, path in enumerate(_inputs(folder)):
        write_zarr(path, (n, n), (min(n, chunk), min(n, chunk)), seed)


def _target(path: str, n: int, chunk: int) -> Any:
    """An empty Zarr array, uncompressed, as all of them are here."""
    import zarr

    chunks = (min(n, chunk), min(n, chunk))
    return zarr.create_array(path, shape=(n, n), chunks=chunks, dtype="f8", compressors=None, overwrite=True)


def _inputs(folder: Path) -> tuple[Path, Path]:
    return folder / "a.zarr", folder / "b.zarr"


def _measure(folder: Path, run: Callable[[str, str, str], object]) -> Outcome:
    import zarr

    target = folder / "c.zarr"
    shutil.rmtree(target, ignore_errors=True)
    for path in _inputs(folder):
        warm(path)
    a, b = map(str, _inputs(folder))
    seconds, _ = timed(lambda: run(a, b, str(target)))
    x = np.random.default_rng(0).standard_normal((zarr.open_array(b).shape[1], 3))
    left = zarr.open_array(target)[:] @ x
    right = zarr.open_array(a)[:] @ (zarr.open_array(b)[:] @ x)
    shutil.rmtree(target)
    return Outcome(seconds, bool(np.allclose(left, right, rtol=0, atol=1e-10 * abs(right).max())))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(folder, lambda a, b, c: (la.open_zarr(a) @ la.open_zarr(b)).to_zarr(c))


def dask(n: int, folder: Path, chunk: int) -> Outcome:
    import dask.array as da

    def run(a: str, b: str, c: str) -> None:
        product = da.from_zarr(a) @ da.from_zarr(b)
        da.to_zarr(product, _target(c, n, chunk))

    return _measure(folder, run)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed
    import cubed.array_api as xp

    def run(a: str, b: str, c: str) -> None:
        x, y = (cubed.from_zarr(path, spec=spec(folder)) for path in (a, b))
        cubed.to_zarr(xp.matmul(x, y), c)

    return _measure(folder, run)


def numpy(n: int, folder: Path, chunk: int) -> Outcome:
    import zarr

    def run(a: str, b: str, c: str) -> None:
        _target(c, n, chunk)[:] = zarr.open_array(a)[:] @ zarr.open_array(b)[:]

    return _measure(folder, run)


def case(chunk: int, title: str) -> Case:
    """The case with chunks of `chunk` by `chunk` in all files."""
    return Case(
        title=title,
        size=8192,
        quick=1024,
        contenders={
            "lambdarray": ours,
            "numpy": partial(numpy, chunk=chunk),
            "dask": partial(dask, chunk=chunk),
            "cubed": cubed,
            "dgemm": dgemm,
        },
        prepare=partial(prepare, chunk=chunk),
        # Within 15% of what its flops take.
        goals={"numpy": 1.0, "dask": 1.0, "cubed": 1.0, "dgemm": 1 / 1.15},
    )


CASE = case(CHUNK, "matmul Zarr to Zarr, 8192 x 8192")
