"""Arrays built from places: grids, and functions of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import Array
from .chunks import tiling_for
from .creation import arange, asarray, iota, storable
from .elementwise import call, where
from .grids import along as index_along
from .grids import linspace
from .manipulation import broadcast_arrays, stack


def _axis_by_axis(vectors: Sequence[Array], ndim: int) -> list[Array]:
    """Each vector along an axis of its own."""
    return [x[(None,) * d + (slice(None),) + (None,) * (ndim - d - 1)] for d, x in enumerate(vectors)]


def indices(dimensions: Any, dtype: Any = int, sparse: bool = False, *, chunks: Any = "auto") -> Any:
    """For each axis of an array of this shape the places along it: one array of them all, or with `sparse` a tuple."""
    shape = tuple(int(n) for n in dimensions)
    if sparse:
        return tuple(_axis_by_axis([arange(n, dtype=dtype) for n in shape], len(shape)))
    kind, whole = storable(dtype), (len(shape), *shape)
    tiling = tiling_for(whole, ("auto",) * len(whole) if chunks == "auto" else (-1, *chunks), kind)
    number, *places = (index_along(whole, d, tiling) for d in range(len(whole)))
    out: Any = places[0] if places else number
    for n, place in enumerate(places[1:], 1):
        out = where(call(np.equal, number, n), place, out)
    return out.astype(kind)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Array:
    """The powers 0 to N - 1 of each element, in a row; the highest first if not `increasing`."""
    v = asarray(x)
    if v.ndim != 1:
        raise ValueError(f"x must be a one-dimensional array or sequence, not of shape {v.shape}")
    count = v.size if N is None else int(N)
    kind = np.promote_types(v.dtype, int)
    power: Any = iota(count, "auto")
    if not increasing:
        power = count - 1 - power
    return call(np.power, v[:, None].astype(kind), power[None, :].astype(kind))  # type: ignore[no-any-return]


class Grid:
    """What slices say as arrays of places: `grid[0:5, 0:1:3j]`, where an imaginary step is a number of places."""

    def __init__(self, sparse: bool) -> None:
        self.sparse = sparse

    def __getitem__(self, key: Any) -> Any:
        """The places that a slice names, or those that several name, each along its own axis."""
        if isinstance(key, slice):
            return _named(key, ())
        starts = [0 if k.start is None else k.start for k in key]
        kind = np.result_type(*starts, *(k.stop for k in key), *(_step(k) for k in key), int)
        vectors = _axis_by_axis([_named(k, (kind,)) for k in key], len(key))
        return tuple(vectors) if self.sparse else stack(broadcast_arrays(*vectors))

    def __repr__(self) -> str:
        return f"Grid(sparse={self.sparse})"


def _step(key: slice) -> Any:
    """The step of a slice, as a number that says its dtype."""
    return 1 if key.step is None else float(abs(key.step)) if isinstance(key.step, complex) else key.step


def _named(key: slice, dtype: tuple[Any, ...]) -> Array:
    start = 0 if key.start is None else key.start
    if isinstance(key.step, complex):
        values: Array = linspace(start, key.stop, int(abs(key.step)))
        return values.astype(*dtype) if dtype else values
    return arange(start, key.stop, 1 if key.step is None else key.step, *dtype)


mgrid, ogrid = Grid(sparse=False), Grid(sparse=True)
