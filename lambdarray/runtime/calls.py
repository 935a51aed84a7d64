"""The kernel that calls a user's function on blocks, and says in the user's own terms what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from lambdarray_kernels.registry import kernel

from ..errors import UserFunctionError
from ..tiling import Cuts, Index, Json, Span, dtype_from_json, dtype_to_json
from .functions import find

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Which block of an array goes with a task: for each axis the stage's that it follows (-1: none), and its cuts."""

    axes: tuple[int, ...]
    cuts: tuple[Cuts, ...]

    def to_json(self) -> Json:
        """Plain data."""
        return [list(self.axes), [c.to_json() for c in self.cuts]]

    @classmethod
    def from_json(cls, data: Json) -> Place:
        """The inverse of `to_json`."""
        axes, cuts = data
        return cls(tuple(axes), tuple(map(Cuts.from_json, cuts)))

    def index(self, index: Index) -> Index:
        """The block of the task at `index`."""
        return tuple([index[a] if a >= 0 else 0 for a in self.axes])

    def spans(self, index: Index) -> list[Span]:
        """The elements of the block of the task at `index`."""
        return [c.span(i) for c, i in zip(self.cuts, self.index(index), strict=True)]

    def shape(self, index: Index) -> tuple[int, ...]:
        """The shape of the block of the task at `index`."""
        return tuple([hi - lo for lo, hi in self.spans(index)])


def packed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype as it travels: without padding between its fields."""
    return dtype_from_json(dtype_to_json(dtype))


def no_flops(*_: Any, **__: Any) -> int:
    """None that are known."""
    return 0


@kernel(flops=no_flops, needs_block=True, needs_index=True, uses_blas=True)
def call(
    *registers: Array,
    block: Sequence[Span],
    shape: Sequence[int],
    index: Index,
    name: str,
    makes: Json,
    **how: Any,
) -> Any:
    """What a user's function makes of blocks: one array, or a tuple of them where it `makes` several.

    Of each that is the place and the dtype. The last register is the function's pickle. Raises UserFunctionError where
    the function raises or returns what does not fit. `how` is what `arguments` takes.
    """
    *blocks, code = registers
    site = f"block {index}, elements [{', '.join(f'{lo}:{hi}' for lo, hi in block)}]"
    func, args, kwargs = find(code, name)
    given, named = arguments(blocks, args, kwargs, index, makes[0], **how)
    result = _called(func, given, named, name, site)
    wanted = [(Place.from_json(place).shape(index), dtype_from_json(dtype)) for place, dtype in makes]
    if len(wanted) == 1:
        return fitted(result, *wanted[0], f"{name} returned", site, spread="grid" in how.get("told", ()))
    if not isinstance(result, tuple | list) or len(result) != len(wanted):
        made = f"{len(result)} values" if isinstance(result, tuple | list) else f"one {type(result).__name__}"
        raise UserFunctionError(f"{name} returned {made} and not {len(wanted)}, for {site}")
    return tuple(
        fitted(value, *expected, f"output {n} of {name} is", site)
        for n, (value, expected) in enumerate(zip(result, wanted, strict=True))
    )


def _called(func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], name: str, site: str) -> Any:
    """What the function returns; what it raises says where."""
    try:
        return func(*args, **kwargs)
    except MemoryError:  # has a status of its own
        raise
    except Exception as error:
        kind, tail = type(error).__name__, error.__traceback__
        error.__traceback__ = tail.tb_next if tail is not None else None  # our own frame says nothing
        raise UserFunctionError(f"{name} raised {kind}: {error}, for {site}{hint(error)}") from error


def hint(error: Exception) -> str:
    """What to do about an error, where we know."""
    if "read-only" in str(error):
        return "; blocks are read-only, since other tasks may read them too: change a copy, as in b = b.copy()"
    return ""


def fitted(
    value: Any, shape: tuple[int, ...], dtype: np.dtype[Any], said: str, site: str, spread: bool = False
) -> Array:
    """A result as an array, if it is of the shape and dtype that its block is to have; else UserFunctionError.

    With `spread` it may be one that broadcasts to the shape.
    """
    wanted = f"for {site} it is to be {dtype} {shape}"
    try:
        found = np.asarray(value)
    except Exception as error:
        raise UserFunctionError(f"{said} no array: {error}; {wanted}") from error
    if type(value).__module__.startswith("numpy.ma"):
        raise UserFunctionError(f"{said} a masked array, {wanted}; return x.filled(value)")
    said = f"{said} None" if value is None else f"{said} {found.dtype} {found.shape}"
    if spread and found.shape != shape:
        with suppress(ValueError):
            found = np.broadcast_to(found, shape).copy()
    if found.shape != shape:
        raise UserFunctionError(f"{said}, {wanted}; say with chunks=, drop_axis= or new_axis= what shape blocks have")
    if found.dtype != dtype and packed(found.dtype) == dtype:
        found = found.astype(dtype)
    if found.dtype != dtype:
        raise UserFunctionError(f"{said}, {wanted}; say dtype={found.dtype}, or return x.astype({dtype})")
    return found


def arguments(
    blocks: Sequence[Array],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    index: Index,
    out: Json,
    *,
    at: Sequence[int] = (),
    lists: Json = (),
    told: Sequence[str] = (),
    inputs: Json = (),
) -> tuple[list[Any], dict[str, Any]]:
    """What a function is given: its constants, and the blocks at the places `at` among them.

    `lists` has, for blocks that are given as lists, [number, [[axis, cuts, how often], ...]] of these. `told` names
    what else it is given: "block_id", "block_info" (of the `inputs`, [position, place] each), or "grid": the indices
    of its elements as `np.ogrid` gives them.
    """
    given: list[Any] = list(blocks)
    for n, axes in lists:
        given[n] = _listed(blocks[n], [(axis, Cuts.from_json(cuts), times) for axis, cuts, times in axes])
    full, named, made = list(args), dict(kwargs), Place.from_json(out[0])
    for position, value in zip(at, given, strict=True):
        full[position] = value
    if "grid" in told:
        full = [*np.ix_(*(np.arange(lo, hi) for lo, hi in made.spans(index))), *full]
    if "block_id" in told:
        named["block_id"] = made.index(index)
    if "block_info" in told:
        named["block_info"] = _info(index, out, inputs)
    return full, named


def _listed(x: Array, axes: Sequence[tuple[int, Cuts, int]]) -> Any:
    """Nested lists of the blocks that cuts along some axes make of an array."""
    if not axes:
        return x
    (axis, cuts, times), *rest = axes
    # The last group of a reduction has less than all of them.
    spans = [cuts.span(i) for i in range(cuts.tiles(0, min(x.shape[axis], cuts.size))[1])]
    return [_listed(x[(slice(None),) * axis + (slice(lo, hi),)], rest) for lo, hi in spans] * times


def _info(index: Index, out: Json, inputs: Json) -> dict[int | None, dict[str, Any]]:
    """Dask's `block_info`: of each input and (None) of the output its shape, and where in it the block lies."""
    found: dict[int | None, dict[str, Any]] = {}
    for position, data in (*inputs, (None, out[0])):
        place = Place.from_json(data)
        found[position] = {
            "shape": tuple(c.size for c in place.cuts),
            "num-chunks": tuple(c.count for c in place.cuts),
            "array-location": place.spans(index),
            "chunk-location": place.index(index),
        }
    found[None].update({"chunk-shape": Place.from_json(out[0]).shape(index), "dtype": dtype_from_json(out[1])})
    return found
