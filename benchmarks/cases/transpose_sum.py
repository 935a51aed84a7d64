"""A matrix plus its transpose, summed, from disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec, warm, write_zarr


def prepare(n: int, folder: Path) -> None:
    write_zarr(folder / "square.zarr", (n, n), (min(n, 2048), min(n, 2048)))


def _measure(folder: Path, run: Callable[[str], Any]) -> Outcome:
    import zarr

    path = folder / "square.zarr"
    warm(path)
    seconds, value = timed(lambda: float(run(str(path))))
    return Outcome(seconds, bool(np.isclose(value, 2 * zarr.open_array(path)[:].sum(), rtol=1e-8)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run(path: str) -> Any:
        a = la.open_zarr(path)
        return (a + a.T).sum().compute()

    return _measure(folder, run)


def dask(n: int, folder: Path) -> Outcome:
    import dask.array as da

    def run(path: str) -> Any:
        a = da.from_zarr(path)
        return (a + a.T).sum().compute()

    return _measure(folder, run)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed
    import cubed.array_api as xp

    def run(path: str) -> Any:
        a = cubed.from_zarr(path, spec=spec(folder))
        return xp.sum(a + a.T).compute()

    return _measure(folder, run)


def numpy(n: int, folder: Path) -> Outcome:
    import zarr

    def run(path: str) -> Any:
        a = zarr.open_array(path)[:]
        return (a + a.T).sum()

    return _measure(folder, run)


CASE = Case(
    title="(a + a.T).sum() of 16384 x 16384 from Zarr",
    size=16_384,
    quick=1_024,
    contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
    prepare=prepare,
    goals={"dask": 1.0, "cubed": 1.0},
)
