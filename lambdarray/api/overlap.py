"""Functions over blocks that overlap: each sees a margin of its neighbours' elements."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..ops import constant
from ..runtime.calls import Place
from ..tiling import AxisMap, Cuts
from .array import Array
from .blocked import Shaping, dtype_of, map_blocks, told
from .calling import Caller, CutsOf, Label, Operand, Result, align, cut
from .creation import asarray
from .stages import In, Out, Stage

# Dask's boundaries, and the kernel's names for them.
KINDS = {"none": "none", "reflect": "symmetric", "periodic": "periodic", "nearest": "edge"}


@dataclass(frozen=True, slots=True)
class Margin:
    """How far blocks reach along an axis, and how the array goes on beyond its ends: `value` where constant."""

    before: int = 0
    after: int = 0
    kind: str = "none"
    value: str = ""

    @property
    def reach(self) -> tuple[int, int]:
        """What is read of the array before and after a block: a reflection may come from the other side."""
        return (max(self.before, self.after),) * 2 if self.kind == "symmetric" else (self.before, self.after)

    def of_blocks(self, cuts: Cuts) -> np.ndarray:
        """The length of each block's margin: at the array's ends there may be nothing to reach."""
        starts, stops = (np.asarray(f(np.arange(cuts.count))) for f in (cuts.start, cuts.stop))
        if self.kind != "none":
            return np.full(cuts.count, self.before + self.after)
        length: np.ndarray = np.minimum(starts, self.before) + np.minimum(cuts.size - stops, self.after)
        return length


def _per_axis(ndim: int, given: Any, default: Any) -> list[Any]:
    """One value for each axis, of one for all, a tuple, or a mapping from some axes."""
    if isinstance(given, Mapping):
        known = {axis + ndim if axis < 0 else axis: value for axis, value in given.items()}
        return [known.get(d, default) for d in range(ndim)]
    if isinstance(given, tuple):
        return [*given, *[default] * ndim][:ndim]
    return [default if given is None else given] * ndim


def margins(x: Array, depth: Any, boundary: Any) -> list[Margin]:
    """The margin along each axis; ValueError for one that is longer than the axis, or for an unknown boundary."""
    depths, kinds = _per_axis(x.ndim, depth, 0), _per_axis(x.ndim, boundary, "none")
    return [_margin(x, d, deep, kind) for d, (deep, kind) in enumerate(zip(depths, kinds, strict=True))]


def _margin(x: Array, d: int, depth: Any, boundary: Any) -> Margin:
    before, after = (int(n) for n in (depth if isinstance(depth, tuple) else (depth, depth)))
    if min(before, after) < 0 or max(before, after) > x.shape[d]:
        raise ValueError(f"the overlapping depth {depth} is larger than the array, or negative: axis {d} of {x.shape}")
    if boundary is None or not before + after:
        return Margin(before, after)
    if not isinstance(boundary, str):
        return Margin(before, after, "constant", constant(boundary, x.dtype)[2])
    if boundary not in KINDS:
        raise ValueError(
            f"boundary={boundary!r} of axis {d} is not known; use {', '.join(map(repr, KINDS))} or a number"
        )
    return Margin(before, after, KINDS[boundary])


@dataclass(frozen=True, slots=True)
class Overlapped(Operand):
    """An array whose blocks have margins; `blocks` are the stage's cuts."""

    margins: tuple[Margin, ...] = ()
    blocks: tuple[Cuts, ...] = ()

    def cuts(self) -> tuple[Cuts, ...]:
        """How blocks with their margins are cut."""
        pairs = enumerate(zip(self.margins, self.blocks, strict=True))
        return tuple(cut("overlap", d, (np.asarray(c.chunks) + m.of_blocks(c)).tolist()) for d, (m, c) in pairs)

    def load(self, stage: Stage, inputs: list[In], order: Sequence[Label]) -> str:
        """Add what is read of it, and the step that makes a block with its margins."""
        axes = self._axes(order)
        pieces = [self._reads(d, axis) for d, axis in enumerate(axes)]
        first = len(inputs)
        inputs.extend(In(self.array, maps) for maps in product(*pieces))
        how = [
            [axis, n, m.before, m.after, m.kind, m.value]
            for axis, n, m in zip(axes, self.array.shape, self.margins, strict=True)
        ]
        register = f"o{first}"
        stage.call("overlap", [register], [f"r{n}" for n in range(first, len(inputs))], axes=how)
        return register

    def place(self, stage: Stage, order: Sequence[Label]) -> Place:
        """Which of its blocks goes with a task, for `block_info`."""
        return Place(tuple(self._axes(order)), self.cuts())

    @property
    def made_bytes(self) -> int:
        """A block with its margins."""
        return math.prod(c.max_chunk for c in self.cuts()) * self.array.dtype.itemsize

    def _axes(self, order: Sequence[Label]) -> list[int]:
        """The stage's axis that each axis follows; -1 where the whole of it is one block."""
        follows = zip(self.labels, self.blocks, strict=True)
        return [order.index(label) if label in order and c.count > 1 else -1 for label, c in follows]

    def _reads(self, d: int, axis: int) -> list[AxisMap]:
        """What is read along an axis: the block with what the array has around it, and its ends where it is a ring."""
        margin, size = self.margins[d], self.array.shape[d]
        before, after = margin.reach
        block = AxisMap(-1, size=size) if axis < 0 else AxisMap(axis, -before, size=1 + before + after)
        if margin.kind != "periodic":
            return [block]
        low, high = max(1, before), max(1, after)
        return [AxisMap(-1, size - low, size=low), block, AxisMap(-1, size=high)]


def map_overlap(
    func: Callable[..., Any],
    *args: Any,
    depth: Any = None,
    boundary: Any = None,
    trim: bool = True,
    align_arrays: bool = True,
    allow_rechunk: bool = True,
    dtype: Any = None,
    chunks: Any = None,
    drop_axis: Any = None,
    new_axis: Any = None,
    token: str | None = None,
    meta: Any = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Array:
    """A function called on every block with a margin of `depth` elements of its neighbours, which is then cut off.

    `depth` is one for all axes, a tuple with one for each, or a mapping from axes; a pair is what lies before and what
    after. `boundary` says, in the same forms, what lies beyond the ends of the array: "none" (nothing: blocks there
    are shorter), "reflect" (mirrored, the edge too), "nearest", "periodic", or a number. With several arrays both may
    be lists, with an entry for each. With `trim` False the function itself returns blocks without a margin, or of the
    shape that `chunks` says. Margins may be longer than chunks, so that `allow_rechunk` has no meaning here; the rest
    is as in `map_blocks`.

    >>> import numpy as np, lambdarray as la
    >>> x = la.from_array(np.array([1, 1, 2, 3, 3, 3, 2, 1, 1]), chunks=5)
    >>> la.map_overlap(lambda b: b - np.roll(b, 1), x, depth=1, boundary=0).compute()
    array([ 1,  0,  1,  1,  0,  0, -1, -1,  0])
    """
    arrays = [asarray(a) for a in args]
    if not arrays:
        raise TypeError("map_overlap needs an array: map_overlap(function, x, depth=...)")
    shaped = {"dtype": dtype, "chunks": chunks, "drop_axis": drop_axis, "new_axis": new_axis, "meta": meta}
    cuts = align("map_overlap", [Operand(a, _labels(a)) for a in arrays])
    operands = _overlapped(arrays, cuts, depth, boundary)
    if not align_arrays and any(
        b.count > 1 and b != c for o in operands for b, c in zip(o.array._op.tiling.axes, o.blocks, strict=True)
    ):
        raise ValueError("map_overlap: the arrays' chunks do not align; use rechunk(), or align_arrays=True")
    if not any(m.before + m.after for o in operands for m in o.margins):
        return map_blocks(func, *arrays, token=token, extra_bytes=extra_bytes, **shaped, **kwargs)
    largest = max(operands, key=lambda o: o.array.ndim)
    seen = dict(zip(largest.labels, largest.cuts() if trim else largest.blocks, strict=True))
    shaping = Shaping("map_overlap", operands, cuts, seen)
    shaping.change(chunks, drop_axis, new_axis)
    caller = Caller(
        "map_overlap", func, [None] * len(arrays), kwargs, range(len(arrays)), token, extra_bytes, told(func, kwargs)
    )
    result = Result(shaping.labels, dtype_of(dtype, meta), shaping.own)
    return caller.over(operands, shaping.cuts, [_trimmed(result, largest, shaping.cuts) if trim else result])[0]


def _labels(x: Array) -> tuple[Label, ...]:
    return tuple(range(-x.ndim, 0))


def _overlapped(arrays: Sequence[Array], cuts: CutsOf, depth: Any, boundary: Any) -> list[Overlapped]:
    """The arrays with their margins, in the blocks of `cuts` but along an axis that goes with all of them."""
    depths = depth if isinstance(depth, list) else [depth] * len(arrays)
    kinds = boundary if isinstance(boundary, list) else [boundary] * len(arrays)
    made = []
    for x, deep, kind in zip(arrays, depths, kinds, strict=True):
        follows = zip(_labels(x), x._op.tiling.axes, strict=True)
        blocks = tuple(cuts[label] if cuts[label].size == own.size else own for label, own in follows)
        made.append(Overlapped(x, _labels(x), margins=tuple(margins(x, deep, kind)), blocks=blocks))
    return made


def _trimmed(result: Result, source: Overlapped, stage: CutsOf) -> Result:
    """The result of blocks with margins, of which those are cut off again."""
    margin = dict(zip(source.labels, source.margins, strict=True))
    of_axis = [margin.get(label, Margin()) for label in result.labels]
    kept = {}
    for d, (label, m) in enumerate(zip(result.labels, of_axis, strict=True)):
        made = np.asarray(result.cuts.get(label, stage[label]).chunks) - m.of_blocks(stage[label])
        kept[label] = cut("map_overlap", d, made.tolist())
    return replace(result, trims=_trims(of_axis), kept=kept)


def _trims(of_axis: Sequence[Margin]) -> dict[str, Any]:
    """The parameters of the kernel that cuts margins off."""
    boundary = [None if m.kind == "none" else m.kind for m in of_axis]
    return {"depth": [[m.before, m.after] for m in of_axis], "boundary": boundary}


def overlap(x: Any, depth: Any, boundary: Any = None, *, allow_rechunk: bool = True) -> Array:
    """The array of blocks that share their margins with their neighbours, `depth` and `boundary` as in `map_overlap`.

    >>> import lambdarray as la
    >>> la.overlap(la.arange(6, chunks=3), 1, "periodic").compute()
    array([5, 0, 1, 2, 3, 2, 3, 4, 5, 0])
    """
    x = asarray(x)
    operand = Overlapped(x, _labels(x), margins=tuple(margins(x, depth, boundary)), blocks=x._op.tiling.axes)
    stage, inputs = Stage("overlap", operand.blocks, extra_bytes=operand.made_bytes), list[In]()
    register = operand.load(stage, inputs, operand.labels)
    return stage.make(inputs, Out(register, range(x.ndim), x.dtype, cuts=operand.cuts()))


def trim_overlap(x: Any, depth: Any, boundary: Any = None) -> Array:
    """The array of blocks without their margins: the inverse of `overlap`, of margins no longer than blocks.

    >>> import lambdarray as la
    >>> la.trim_overlap(la.overlap(la.arange(6, chunks=3), 1), 1).compute()
    array([0, 1, 2, 3, 4, 5])
    """
    x = asarray(x)
    source = Overlapped(x, _labels(x), margins=tuple(margins(x, depth, boundary)), blocks=x._op.tiling.axes)
    result = _trimmed(Result(source.labels), source, dict(zip(source.labels, source.blocks, strict=True)))
    stage = Stage("trim", source.blocks)
    stage.call("trim", ["y"], ["r0"], **result.trims)
    return stage.make([In(x, range(x.ndim))], result.out("y", x.dtype, stage, source.labels))
