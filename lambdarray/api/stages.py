"""Arrays made by kernels over blocks: the one way in which functions that are not elementwise are built."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ops import Blocks, Output, Pick, Reading
from ..task import Step
from ..tiling import AxisMap, Cuts, Tiling
from .array import Array

# What a task of whole lines reads at most, where lines are shorter than that, and at least.
MOST_BYTES, LEAST_BYTES = 64 << 20, 1 << 20


@dataclass(frozen=True, slots=True)
class Out:
    """A register to keep: the stage's axis that each of its axes follows, and its dtype.

    An axis has the stage's lengths, or those of its own that `cuts` has, or a constant `by_block` for every block.
    With `tiles` each block is stored as several tiles, of these lengths.
    """

    register: str
    axes: Sequence[int]
    dtype: Any
    by_block: Sequence[int] = ()
    cuts: Sequence[Cuts | None] = ()
    tiles: Sequence[Cuts] = ()


@dataclass(frozen=True, slots=True)
class In:
    """An input: an array and how its axes follow the stage's; a bare stage axis stands for `AxisMap(axis)`."""

    array: Array
    axes: Sequence[int | AxisMap]
    by: str = ""
    by_axis: int = 0
    most: int = 0

    def reading(self) -> Reading:
        """The same, as ops have it."""
        maps = tuple(m if isinstance(m, AxisMap) else AxisMap(m) for m in self.axes)
        return Reading(maps, self.by, self.by_axis, self.most)


@dataclass(slots=True)
class Stage:
    """A stage in the making: kernels over blocks of its inputs, which are the registers r0, r1, ...

    `axes` are cut into blocks; the first `grid_ndim` (default: all) make the grid of tasks, the others loops in a task.
    Of a `triangle` there are tasks, and values, on and below the grid's diagonal alone.

    >>> import lambdarray as la, numpy as np
    >>> x = la.arange(6, chunks=3)
    >>> stage = Stage("copy", x._op.tiling.axes)
    >>> stage.call("reshape", ("y",), ("r0",), source=[6])
    >>> stage.make([In(x, [0])], Out("y", [0], x.dtype)).compute()
    array([0, 1, 2, 3, 4, 5])
    """

    name: str
    axes: Sequence[Cuts]
    grid_ndim: int | None = None
    steps: list[Step] = field(default_factory=list)
    flops: float = 0.0
    extra_bytes: int = 0
    triangle: bool = False

    def call(
        self, kernel: str, outs: Sequence[str], ins: Sequence[str], /, *, loop: bool = False, **params: Any
    ) -> None:
        """Add a step. One that loops is given its first output as its first input, None at first."""
        self.steps.append(Step(kernel, tuple(outs), tuple(ins), params, loop))

    def make(self, inputs: Sequence[In], out: Out) -> Array:
        """The array of one output."""
        return Array(self._op(inputs, [out]))

    def make_all(self, inputs: Sequence[In], outs: Sequence[Out]) -> tuple[Array, ...]:
        """The arrays of several outputs."""
        if len(outs) == 1:
            return (self.make(inputs, outs[0]),)
        op = self._op(inputs, outs)
        return tuple(Array(Pick((op,), o.tiling, o.dtype, output=n)) for n, o in enumerate(op.outputs))

    def _op(self, inputs: Sequence[In], outs: Sequence[Out]) -> Blocks:
        made = tuple(self._output(o) for o in outs)
        return Blocks(
            tuple(i.array._op for i in inputs),
            made[0].tiling,
            made[0].dtype,
            name=self.name,
            axes=tuple(self.axes),
            grid_ndim=len(self.axes) if self.grid_ndim is None else self.grid_ndim,
            reads=tuple(i.reading() for i in inputs),
            steps=tuple(self.steps),
            outputs=made,
            flops=self.flops,
            extra_bytes=self.extra_bytes,
            triangle=self.triangle,
        )

    def _output(self, out: Out) -> Output:
        if out.tiles:
            tiling = Tiling(tuple(out.tiles))
            return Output(out.register, tuple(out.axes), (False,) * len(out.axes), tiling, np.dtype(out.dtype))
        counts = out.by_block or (0,) * len(out.axes)
        constant = [Cuts(self.axes[a].count * n, n) if n else None for a, n in zip(out.axes, counts, strict=True)]
        own = out.cuts or constant
        tiling = Tiling(tuple(self.axes[a] if c is None else c for a, c in zip(out.axes, own, strict=True)))
        by_block = tuple(c is not None for c in own)
        return Output(out.register, tuple(out.axes), by_block, tiling, np.dtype(out.dtype))


def single(size: int) -> Cuts:
    """An axis in one block."""
    return Cuts(size, max(size, 1))


def whole(size: int) -> AxisMap:
    """All of a source's axis, for every task."""
    return AxisMap(-1, size=size)


def following(shape: Sequence[int], whole: Sequence[int], at: int = 0) -> list[AxisMap]:
    """How the axes of an array that is broadcast to the shape `whole` follow the stage's axes from `at` on."""
    skip = len(whole) - len(shape)
    return [AxisMap(at + skip + d) if n == whole[skip + d] else AxisMap(-1) for d, n in enumerate(shape)]


def at_most(cuts: Cuts, longest: int) -> Cuts:
    """Cuts with no tile longer than that."""
    from ..planner.blocks import split

    return split(cuts, -(-cuts.max_chunk // max(longest, 1)))


def lines(x: Array, axes: Sequence[int], itemsize: int = 0, most: int = MOST_BYTES) -> list[Cuts]:
    """Blocks of `x` in which `axes` are whole: of the chunks along the others, joined or cut to be worth a task.

    `itemsize` is what an element takes, if that is more than the array's, and `most` what a block may.
    """
    from ..planner.blocks import group, split

    cuts = [single(n) if d in axes else x._op.tiling.axes[d] for d, n in enumerate(x.shape)]
    others = sorted((d for d in range(x.ndim) if d not in axes), key=lambda d: -cuts[d].max_chunk)

    def nbytes() -> int:
        return math.prod(max(c.max_chunk, 1) for c in cuts) * max(itemsize, x.dtype.itemsize)

    for d in others:
        cuts[d] = split(cuts[d], min(max(cuts[d].max_chunk, 1), -(-nbytes() // most)))
    for d in reversed(range(x.ndim)):
        if d not in axes:
            cuts[d] = group(cuts[d], min(cuts[d].count, max(1, LEAST_BYTES // max(nbytes(), 1))))
    return cuts


def along(
    name: str,
    x: Array,
    axes: Sequence[int],
    kernel: str,
    dtype: Any,
    sizes: Mapping[int, int] | None = None,
    /,
    *,
    flops: float = 0.0,
    **params: Any,
) -> Array:
    """A kernel of one input over blocks in which `axes` are whole; `sizes` are the lengths of those that it changes."""
    cuts = lines(x, axes, np.dtype(dtype).itemsize)
    inputs: list[int | AxisMap] = [whole(n) if d in axes else d for d, n in enumerate(x.shape)]
    stage = Stage(name, [single((sizes or {}).get(d, c.size)) if d in axes else c for d, c in enumerate(cuts)])
    stage.flops = flops
    stage.call(kernel, ("y",), ("r0",), **params)
    return stage.make([In(x, inputs)], Out("y", range(x.ndim), dtype))
