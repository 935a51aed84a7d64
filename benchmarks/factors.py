"""What the cases of linear algebra share: matrices, how each library is given them, and checks by random vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import Outcome, timed
from peers import spec

# Below this the library would make a matrix one task's: quick runs ask for tiles.
LEAST_TILED = 2048
TILES_A_SIDE = 5
DASK_CHUNK = 1024
NEAR = 1e-9

Matrix = np.ndarray[Any, Any]
Check = Callable[..., bool]


def normal(m: int, n: int) -> Matrix:
    """Standard normal values."""
    return np.random.default_rng(0).standard_normal((m, n))


def positive(n: int) -> Matrix:
    """A symmetric positive definite matrix."""
    x = normal(n, n)
    made: Matrix = x @ x.T / n
    made.flat[:: n + 1] += 1
    return made


def symmetric(n: int) -> Matrix:
    """The symmetric part of a normal matrix."""
    x = normal(n, n)
    return (x + x.T) / 2


def tile_of(n: int) -> int | None:
    """What quick runs ask for; None for the library's own choice."""
    return None if n > LEAST_TILED else max(1, n // TILES_A_SIDE)


def near(value: Any, wanted: Any) -> bool:
    """Whether the values are equal but for rounding, by norm."""
    return bool(np.linalg.norm(np.asarray(value) - wanted) <= NEAR * np.linalg.norm(wanted))


def vectors(n: int) -> Matrix:
    """Random vectors to check a product with."""
    return np.random.default_rng(1).standard_normal((n, 3))


def is_identity(q: Matrix) -> bool:
    """Whether columns are orthonormal."""
    x = vectors(q.shape[1])
    return near(q.T @ (q @ x), x)


def is_qr(a: Matrix, q: Matrix, r: Matrix) -> bool:
    """Whether this is a QR factorisation."""
    x = vectors(a.shape[1])
    return near(q @ (r @ x), a @ x) and is_identity(q)


def is_svd(a: Matrix, u: Matrix, s: Matrix, vh: Matrix) -> bool:
    """Whether this is a singular value decomposition."""
    x = vectors(a.shape[1])
    return near((u * s) @ (vh @ x), a @ x) and is_identity(u) and is_identity(vh.T)


def ours(run: Callable[..., Any], check: Check, *arrays: Matrix) -> Outcome:
    """From tiles in memory to tiles in memory; `check` is given NumPy's arrays and the result's."""
    import lambdarray as la

    given = [la.from_array(a) for a in arrays]

    def made() -> tuple[Any, ...]:
        value = run(la, *given)
        found = la.persist(*value) if isinstance(value, tuple) else la.persist(value)
        return found if isinstance(found, tuple) else (found,)

    seconds, value = timed(made)
    return Outcome(seconds, check(*arrays, *(part.compute() for part in value)))


def dask(run: Callable[..., Any], check: Check, *arrays: Matrix, chunks: Any = DASK_CHUNK) -> Outcome:
    """The same, of Dask."""
    import dask
    import dask.array as da

    # name=False: without hashing the arrays, which would cost more than it is worth here.
    given = [da.from_array(a, chunks=chunks, name=False) for a in arrays]

    def made() -> tuple[Any, ...]:
        value = run(da, *given)
        found: tuple[Any, ...] = dask.persist(*(value if isinstance(value, tuple) else (value,)))
        return found

    seconds, value = timed(made)
    return Outcome(seconds, check(*arrays, *(part.compute() for part in value)))


def cubed(run: Callable[..., Any], check: Check, a: Matrix, folder: Path, chunks: tuple[int, int]) -> Outcome:
    """The same, of Cubed, from a Zarr array on disk: of arrays in memory it takes no more than a megabyte."""
    import cubed as cb
    import cubed.array_api as xp
    import zarr

    path = folder / "cubed-input.zarr"
    zarr.create_array(path, shape=a.shape, chunks=chunks, dtype=a.dtype, compressors=None, overwrite=True)[:] = a
    seconds, value = timed(lambda: cb.compute(*run(xp, cb.from_zarr(str(path), spec=spec(folder)))))
    return Outcome(seconds, check(a, *value))


def theirs(run: Callable[..., Any], check: Check, *arrays: Matrix) -> Outcome:
    """NumPy or SciPy, with all threads of BLAS."""
    seconds, value = timed(lambda: run(*arrays))
    return Outcome(seconds, check(*arrays, *(value if isinstance(value, tuple) else (value,))))
