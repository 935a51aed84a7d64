"""Objects of the user's as sources and targets: whatever slices, behind a lock where threads must not meet in it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from ..errors import PlanError
from ..task import ArraySpec
from ..tiling import Index, Span, Tiling
from .arrays import ArrayIO, check_tile

LockLike = AbstractContextManager[Any]
# The HDF5 library takes one call at a time, whichever package makes it.
HDF5_LOCK = Lock()
HDF5_PACKAGES = ("h5py", "h5netcdf", "netCDF4", "tables")


def package_of(obj: Any) -> str:
    """The package that an object's class is from."""
    return type(obj).__module__.partition(".")[0]


def lock_of(obj: Any, wanted: Any = None) -> LockLike | None:
    """The lock for an object: the one that is `wanted`, a new one for True, none for False; for None what it needs."""
    if wanted is None:
        return HDF5_LOCK if package_of(obj) in HDF5_PACKAGES else None
    if isinstance(wanted, bool):
        return Lock() if wanted else None
    lock: LockLike = wanted
    return lock


class Locked:
    """An object with shape, dtype and slices that one thread at a time reads."""

    def __init__(self, held: Any, lock: LockLike) -> None:
        self.held, self._lock = held, lock
        self.shape, self.dtype = held.shape, held.dtype

    def __getitem__(self, key: Any) -> np.ndarray:
        with self._lock:
            return np.asarray(self.held[key])


def locked(obj: Any, wanted: Any = None) -> Any:
    """The object behind the lock that is wanted or that it needs; itself where there is none."""
    lock = lock_of(obj, wanted)
    return obj if lock is None else Locked(obj, lock)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the elements of an array go: an object with `__setitem__`, or the region of it that `place` names.

    `place` has an integer or a slice for each axis of the object.
    """

    obj: Any
    place: tuple[int | slice, ...] | None = None
    lock: LockLike | None = None

    def put(self, spans: Sequence[Span], tile: np.ndarray) -> None:
        """Write the elements [lo, hi) along each axis of the array."""
        with self.lock or nullcontext():
            self.obj[self._key(spans)] = tile

    def _key(self, spans: Sequence[Span]) -> tuple[int | slice, ...]:
        if self.place is None:
            return tuple([slice(lo, hi) for lo, hi in spans])
        rest = iter(spans)
        return tuple([part if isinstance(part, int) else _within(part, next(rest)) for part in self.place])


def _within(whole: slice, span: Span) -> slice:
    """The elements of a span of what a slice selects.

    >>> _within(slice(10, 30, 2), (1, 4))
    slice(12, 18, 2)
    """
    (lo, hi), start, step = span, whole.start, whole.step
    if lo == hi:
        return slice(0, 0, 1)
    stop = start + hi * step
    return slice(start + lo * step, stop if stop >= 0 else None, step)


def place_in(shape: Sequence[int], region: Any) -> tuple[int | slice, ...]:
    """A region of an array of `shape` with an entry for each axis: an index from 0, or a slice without None.

    >>> place_in((5, 7), (..., slice(None, 4)))
    (slice(0, 5, 1), slice(0, 4, 1))
    """
    entries = list(region) if isinstance(region, tuple | list) else [region]
    if Ellipsis in entries:
        at = entries.index(Ellipsis)
        entries[at : at + 1] = [slice(None)] * (len(shape) + 1 - len(entries))
    entries += [slice(None)] * (len(shape) - len(entries))
    return tuple([_entry(part, n) for part, n in zip(entries, shape, strict=True)])


def _entry(part: Any, size: int) -> int | slice:
    return slice(*part.indices(size)) if isinstance(part, slice) else range(size)[part]


def place_shape(place: Sequence[int | slice]) -> tuple[int, ...]:
    """The shape of a region."""
    return tuple([len(range(p.start, p.stop, p.step)) for p in place if isinstance(p, slice)])


def tiles_share_chunks(obj: Any, tiling: Tiling) -> bool:
    """Whether two tiles may lie in one chunk of those that an object is stored in, and must not be written at once.

    NumPy's arrays have no chunks; of most other objects nothing is known.
    """
    if isinstance(obj, np.ndarray):
        return False
    own = getattr(obj, "shards", None) or getattr(obj, "chunks", None)
    if package_of(obj) != "zarr" or not isinstance(own, tuple):
        return True
    starts = (cuts.start(np.arange(cuts.count)) for cuts in tiling.axes)
    return any(bool(np.any(start % n)) for start, n in zip(starts, own, strict=True))


class TargetArray(ArrayIO):
    """An array whose tiles are written into objects of the user's as they are finished, each once."""

    def __init__(self, spec: ArraySpec, targets: Sequence[Target]) -> None:
        self.spec, self._targets = spec, targets
        self._done: set[Index] = set()
        self._busy: dict[Index, Lock] = {}
        self._lock = Lock()

    def read(self, spans: Sequence[Span]) -> np.ndarray:
        """Refused: tasks read what is never changed."""
        raise PlanError(f"array {self.spec.name} is the user's own, which no task reads")

    def read_nbytes(self, spans: Sequence[Span]) -> int:
        """Nothing is read."""
        return 0

    def write(self, index: Index, tile: np.ndarray) -> bool:
        """Write a tile; False where it is there already. A second attempt waits until the first has come to its end."""
        check_tile(self.spec, index, tile)
        with self._lock:
            busy = self._busy.setdefault(index, Lock())
        with busy:
            if index in self._done:
                return False
            spans = [c.span(i) for c, i in zip(self.spec.tiling.axes, index, strict=True)]
            for target in self._targets:
                target.put(spans, tile)
            self._done.add(index)
        return True

    def exists(self, index: Index) -> bool:
        """Whether the tile was written."""
        return index in self._done

    def existing(self) -> list[Index]:
        """The tiles that were written: what was in the objects before is not ours."""
        return sorted(self._done)
