"""Three reductions of a matrix on disk in one run: mean, deviation along rows, maximum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec, warm, write_zarr


def prepare(n: int, folder: Path) -> None:
    write_zarr(folder / "tall.zarr", (2 * n, n), (min(n, 2000), min(n, 2000)))


def _measure(folder: Path, run: Callable[[str], Sequence[Any]]) -> Outcome:
    import zarr

    path = folder / "tall.zarr"
    warm(path)
    seconds, (mean, std, top) = timed(lambda: run(str(path)))
    x = zarr.open_array(path)[:]
    right = [np.isclose(float(mean), x.mean()), np.isclose(float(top), x.max()), np.allclose(std, x.std(axis=0))]
    return Outcome(seconds, bool(all(right)))


def ours(n: int, folder: Path) -> Outcome:
    import lambdarray as la

    def run(path: str) -> Sequence[Any]:
        x = la.open_zarr(path)
        found: Sequence[Any] = la.compute(x.mean(), x.std(axis=0), x.max())
        return found

    return _measure(folder, run)


def dask(n: int, folder: Path) -> Outcome:
    import dask
    import dask.array as da

    def run(path: str) -> Sequence[Any]:
        x = da.from_zarr(path)
        found: Sequence[Any] = dask.compute(x.mean(), x.std(axis=0), x.max())
        return found

    return _measure(folder, run)


def cubed(n: int, folder: Path) -> Outcome:
    import cubed
    import cubed.array_api as xp

    def run(path: str) -> Sequence[Any]:
        x = cubed.from_zarr(path, spec=spec(folder))
        found: Sequence[Any] = cubed.compute(xp.mean(x), xp.std(x, axis=0), xp.max(x))
        return found

    return _measure(folder, run)


def numpy(n: int, folder: Path) -> Outcome:
    import zarr

    def run(path: str) -> Sequence[Any]:
        x = zarr.open_array(path)[:]
        return x.mean(), x.std(axis=0), x.max()

    return _measure(folder, run)


CASE = Case(
    title="mean, std(axis=0) and max of 20000 x 10000 from Zarr, in one run",
    size=10_000,
    quick=1_000,
    contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
    prepare=prepare,
    goals={"dask": 1.0, "cubed": 1.0},
)
