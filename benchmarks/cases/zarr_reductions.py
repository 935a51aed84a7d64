"""Reductions of a matrix on disk: mean, deviation along rows and maximum, in one run or each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import Case, Outcome, timed
from peers import spec, warm, write_zarr

# Each of a library's array functions `xp` and an array of its own.
Reduction = Callable[[Any, Any], Any]
ALL: dict[str, Reduction] = {
    "mean": lambda xp, x: xp.mean(x),
    "std(axis=0)": lambda xp, x: xp.std(x, axis=0),
    "max": lambda xp, x: xp.max(x),
}


def prepare(n: int, folder: Path) -> None:
    write_zarr(folder / "tall.zarr", (2 * n, n), (min(n, 2000), min(n, 2000)))


def _measure(folder: Path, names: Sequence[str], run: Callable[[str], Sequence[Any]]) -> Outcome:
    import zarr

    path = folder / "tall.zarr"
    warm(path)
    seconds, values = timed(lambda: run(str(path)))
    x = zarr.open_array(path)[:]
    right = (np.allclose(value, ALL[name](np, x)) for name, value in zip(names, values, strict=True))
    return Outcome(seconds, all(right))


def case(title: str, names: Sequence[str]) -> Case:
    """The reductions of these names, by every library."""

    def made(xp: Any, x: Any) -> list[Any]:
        return [ALL[name](xp, x) for name in names]

    def ours(n: int, folder: Path) -> Outcome:
        import lambdarray as la

        def run(path: str) -> Sequence[Any]:
            found = la.compute(*made(la, la.open_zarr(path)))
            return found if isinstance(found, tuple) else (found,)

        return _measure(folder, names, run)

    def dask(n: int, folder: Path) -> Outcome:
        import dask as d
        import dask.array as da

        return _measure(folder, names, lambda path: d.compute(*made(da, da.from_zarr(path))))

    def cubed(n: int, folder: Path) -> Outcome:
        import cubed as cb
        import cubed.array_api as xp

        return _measure(folder, names, lambda path: cb.compute(*made(xp, cb.from_zarr(path, spec=spec(folder)))))

    def numpy(n: int, folder: Path) -> Outcome:
        import zarr

        return _measure(folder, names, lambda path: made(np, zarr.open_array(path)[:]))

    return Case(
        title=title,
        size=10_000,
        quick=1_000,
        contenders={"lambdarray": ours, "numpy": numpy, "dask": dask, "cubed": cubed},
        prepare=prepare,
        goals={"dask": 1.0, "cubed": 1.0},
    )


CASE = case("mean, std(axis=0) and max of 20000 x 10000 from Zarr, in one run", list(ALL))
