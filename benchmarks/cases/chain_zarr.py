"""The fused chain on two Zarr arrays, read from the page cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec, warm, write_zarr

from cases.chain import chain, expected

PARTS = 20


def prepare(n: int, folder: Path) -> None:
    for seed, name in enumerate(("x", "y")):
        write_zarr(folder / f"{name}.zarr", (n,), (n // PARTS,), seed)


def _measure(folder: Path, run: Callable[[str, str], Any]) -> Outcome:
    import zarr

    paths = [folder / "x.zarr", folder / "y.zarr"]
    for path in paths:
        warm(path)
    seconds, value = timed(lambda: float(run(*map(str, paths))))
    x, y = (zarr.open_array(path)[:] for path in paths)
    return Outcome(seconds, bool(np.isclose(value, expected(x, y), rtol=1e-9)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    return _measure(folder, lambda x, y: chain(la.open_zarr(x), la.open_zarr(y)).compute())


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    return _measure(folder, lambda x, y: chain(da.from_zarr(x), da.from_zarr(y)).compute())


def cubed(n: int, folder: Path) -> Outcome:
    import cubed as cb
    import cubed.array_api as xp

    def run(*paths: str) -> Any:
        x, y = (cb.from_zarr(path, spec=spec(folder)) for path in paths)
        return xp.mean((xp.sin(x) * 2 + x**2 - y) / (1 + xp.abs(y))).compute()

    return _measure(folder, run)


def numpy(n: int, folder: Path) -> Outcome:
    import zarr

    return _measure(folder, lambda x, y: chain(zarr.open_array(x)[:], zarr.open_array(y)[:]))


CASE = Case(
    title="the same chain on arrays from Zarr",
    size=10**8,
    quick=10**6,
    contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
    prepare=prepare,
    goals={"dask": 1.0, "cubed": 1.0},
)
