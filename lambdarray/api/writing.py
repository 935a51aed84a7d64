"""Running expressions into what stays: Zarr arrays, and any object of the user's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any

import numpy as np

from ..config import Config, get_config
from ..errors import ConfigError, StoreError
from ..ops import ObjectSource, Op, Rechunk, Stored, in_order
from ..runtime.launch import Launch
from ..store.objects import Target, TargetArray, lock_of, place_in, place_shape, tiles_share_chunks
from ..task import Plan
from ..tiling import Cuts, Index, Tiling
from .array import Array
from .compute import chosen, make, ops_of, run, with_values
from .remote import check_grants


def to_zarr(
    array: Any,
    url: Any,
    *,
    overwrite: bool = False,
    compressor: str | None = None,
    level: int | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> None:
    """Run, and write the tiles as a Zarr v3 array at a directory or an s3:// URL.

    The target must be empty, or a save of this same expression that was cut short, which is then resumed;
    `overwrite=True` deletes what is there. Ragged tiles are cut anew, as Zarr needs it. `compressor` is "zstd", "gzip"
    or None and `level` its level; `attrs` become the array's attributes. At `run.zarr/name` the array is in the group
    `run.zarr`, which is made where it is not there. Raises TargetExistsError where anything else is at the target.
    """
    store([(array, url)], overwrite=overwrite, compressor=compressor, level=level, attrs=attrs)


def store(
    sources: Any,
    targets: Any = None,
    *,
    lock: Any = None,
    regions: Any = None,
    overwrite: bool = False,
    compressor: str | None = None,
    level: int | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> None:
    """Run once, and write each array to its own target: pairs (array, target), or arrays and as many targets.

    A target is a URL, written as `to_zarr` does it with the same options, or any object with `__setitem__`: a NumPy
    array, a memmap, an HDF5 data set, an array of zarr-python. Tiles are written as they are finished, each once, into
    the object or into the region of it that `regions` names (a tuple of slices and integers for each array). Objects
    that need it are written under a lock; `lock` may be True, False or one of yours. Raises ValueError where a shape
    does not fit, and StoreError for a target that the arrays are computed from.

    >>> import numpy as np, lambdarray as la
    >>> out = np.zeros((2, 3))
    >>> la.store(la.arange(3, chunks=2) + 0.5, out, regions=(1, slice(None)))
    >>> out
    array([[0. , 0. , 0. ],
           [0.5, 1.5, 2.5]])
    """
    ends = _ends(sources, targets, regions)
    saves = _Saves([end for end in ends if _is_url(end[1])], compressor, level, attrs)
    fills = [(_copied(op), obj, region) for op, obj, region in ends if not _is_url(obj)]
    objects = _targets(fills, lock)
    _refuse_own_input([op for op, _, _ in ends], saves.urls, [target.obj for target in objects])
    config = with_values(get_config())
    _check_reachable(saves.urls, config)
    ops = [*saves.ops, *(op for op, _, _ in fills)]
    config = chosen(ops, config, results=bool(fills))
    plan, inputs = make(ops, config, saves.places())
    check_grants(plan, config)
    saves.prepare(plan.key, overwrite)
    filler = _Filler(plan, plan.outputs[len(saves.ops) :], objects, config)
    launch = Launch(filler.plan, {**inputs, **filler.direct}, config)
    run(launch, partial(filler.take, launch) if objects else None, plan.outputs[len(saves.ops) :])
    saves.finish()
    launch.forget()


# -- what goes where


End = tuple[Op, Any, Any]


def _is_url(target: Any) -> bool:
    return isinstance(target, str | os.PathLike)


def _ends(sources: Any, targets: Any, regions: Any) -> list[End]:
    """An op, its target and the region of it, for each array; ValueError where their numbers differ."""
    if isinstance(sources, Array):
        sources, targets = [sources], [targets]
    elif targets is None:
        sources, targets = zip(*sources, strict=True) if sources else ((), ())
    ops = ops_of(sources)
    regions = [regions] * len(ops) if regions is None or isinstance(regions, tuple) else regions
    if not len(ops) == len(targets) == len(regions):
        raise ValueError(
            f"{len(ops)} arrays, {len(targets)} targets and {len(regions)} regions; give one for each array"
        )
    return list(zip(ops, targets, regions, strict=True))


def _targets(fills: Sequence[End], lock: Any) -> list[Target]:
    """The objects to fill, each with its lock: one for all where a lock is asked for, else what each object needs."""
    given = None if lock is None else lock_of(None, lock)
    made: dict[int, Any] = {}
    out = []
    for op, obj, region in fills:
        shared = not isinstance(obj, np.ndarray) and (region is not None or tiles_share_chunks(obj, op.tiling))
        needed = lock_of(obj) or (made.setdefault(id(obj), Lock()) if shared else None)
        out.append(_target(op, obj, region, needed if lock is None else given))
    return out


def _target(op: Op, obj: Any, region: Any, lock: Any) -> Target:
    """An object as a target; TypeError and ValueError where the array cannot be written into it."""
    if isinstance(obj, Array) or not hasattr(obj, "__setitem__"):
        raise TypeError(
            f"a {type(obj).__name__} is no target: give a URL, or an object that takes target[slices] = tile"
        )
    if isinstance(obj, np.ndarray) and not obj.flags.writeable:
        raise ValueError("assignment destination is read-only")
    shape = getattr(obj, "shape", None)
    place = None if region is None else place_in(obj.shape, region)
    there = shape if place is None else place_shape(place)
    if there is not None and tuple(there) != op.shape:
        what = "its target" if place is None else "the region of its target"
        raise ValueError(f"could not write an array of shape {op.shape}: {what} has shape {tuple(there)}")
    return Target(obj, place, lock)


def _copied(op: Op) -> Op:
    """The op as one that the plan makes: what is stored already is copied."""
    return Rechunk((op,), op.tiling, op.dtype) if isinstance(op, ObjectSource | Stored) else op


def _saveable(op: Op) -> Op:
    """The op in regular tiles; one that is stored already is copied."""
    if op.tiling.is_regular:
        return _copied(op)
    cuts = tuple(c if c.regular else Cuts(c.size, c.max_chunk) for c in op.tiling.axes)
    return Rechunk((op,), Tiling(cuts), op.dtype)


def _distinct(ops: Sequence[Op]) -> list[Op]:
    """The ops, with one that is saved a second time as a copy of the first: each has a target of its own."""
    out: list[Op] = []
    for op in ops:
        out.append(Rechunk((op,), op.tiling, op.dtype) if any(op is other for other in out) else op)
    return out


class _Saves:
    """The ops that are saved to Zarr arrays, each to its own."""

    def __init__(self, ends: Sequence[End], compressor: str | None, level: int | None, attrs: Any) -> None:
        from ..store.zarr_targets import codecs_for, new_target

        json.dumps(attrs)  # raises TypeError now for what could not be written then
        codecs = codecs_for(compressor, level)
        self.ops, self._attrs = _distinct([_saveable(op) for op, _, _ in ends]), attrs
        self.urls = [os.fspath(url) for _, url, _ in ends]
        self._arrays = [
            new_target(url, op.shape, op.tiling.max_tile, op.dtype, codecs)
            for op, url in zip(self.ops, self.urls, strict=True)
        ]

    def places(self) -> dict[int, Any]:
        """The location of each op's target, by the op's id."""
        return {id(op): array.location() for op, array in zip(self.ops, self._arrays, strict=True)}

    def prepare(self, plan_key: str, overwrite: bool) -> None:
        """Make the targets ready for the plan's tiles."""
        from ..store.zarr_targets import prepare_target

        for array in self._arrays:
            prepare_target(array, plan_key, overwrite, self._attrs)

    def finish(self) -> None:
        """Mark the targets as whole."""
        from ..store.zarr_targets import finish_target

        for url in self.urls:
            finish_target(url)


class _Filler:
    """Brings finished tiles to the user's objects: workers of this process do it by themselves, else `take` does."""

    def __init__(self, plan: Plan, names: Sequence[str], targets: Sequence[Target], config: Config) -> None:
        of_name: dict[str, list[Target]] = {}
        for name, target in zip(names, targets, strict=True):
            of_name.setdefault(name, []).append(target)
        self._arrays = {name: TargetArray(plan.arrays[name], found) for name, found in of_name.items()}
        here = config.executor == "threads"
        # What tasks read as well stays where they find it.
        own = {n for n in of_name if n not in plan.read and plan.arrays[n].location["kind"] == "tiles"}
        self.direct = {name: array for name, array in self._arrays.items() if here and name in own}
        self.plan = plan.moved({name: {"kind": "result", "token": name} for name in self.direct})

    def take(self, launch: Launch, name: str, index: Index) -> None:
        """Bring a tile, and let a store in memory forget it where nothing else will read it."""
        if name not in self._arrays or name in self.direct:
            return
        self._arrays[name].write(index, launch.tile(name, index))
        if name not in self.plan.read:
            launch.drop(name, index)


# -- what is refused


def _refuse_own_input(ops: Sequence[Op], urls: Sequence[str], objects: Sequence[Any]) -> None:
    sources = in_order(ops)
    read = {_place(str(op.location["url"])) for op in sources if isinstance(op, Stored) and "url" in op.location}
    held = [getattr(op.obj, "held", op.obj) for op in sources if isinstance(op, ObjectSource)]
    both = next((url for url in urls if _place(url) in read), None)
    again = next((o for o in objects if _store_path(o) in read or any(_is_same(o, other) for other in held)), None)
    if both is not None or again is not None:
        name = both if both is not None else f"a {type(again).__name__}"
        raise StoreError(f"{name} is read by this expression and cannot be its target; save to another place")
    places = [_place(url) for url in urls]
    twice = next((url for url, place in zip(urls, places, strict=True) if places.count(place) > 1), None)
    if twice is not None:
        raise StoreError(f"{twice} is the target of two arrays; each needs its own")


def _is_same(target: Any, source: Any) -> bool:
    """Whether writing one may change the other."""
    if isinstance(target, np.ndarray) and isinstance(source, np.ndarray):
        file = getattr(target, "filename", None)
        return np.may_share_memory(target, source) or (file is not None and file == getattr(source, "filename", None))
    return target is source or (type(target) is type(source) and (target == source) is True)


def _store_path(obj: Any) -> str | None:
    """Where an array of zarr-python is."""
    path = getattr(obj, "store_path", None)
    return None if path is None else _place(str(path))


def _place(url: str) -> str:
    """Where a URL leads, however it is written."""
    from ..store.locate import local_path

    return url.rstrip("/") if url.startswith("s3://") else local_path(url)


def _check_reachable(urls: Sequence[str], config: Config) -> None:
    if config.executor == "lambda" and (local := next((u for u in urls if not u.startswith("s3://")), None)):
        raise ConfigError(f"functions cannot write to {local!r}; with executor='lambda' save to an s3:// URL")
