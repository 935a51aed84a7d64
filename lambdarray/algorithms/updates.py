"""The stage that tiled factorisations and solves are made of: tiles less products of others, and then a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdarray_kernels.dtypes import real_flops

from ..api.array import Array
from ..api.stages import In, Out, Stage, whole
from ..tiling import Cuts

# The smallest tile that is chosen where nearly all work is products of tiles: of 512, BLAS takes a tenth longer.
LEAST_TILE = 640


@dataclass(slots=True)
class Update:
    """A stage in the making, whose tasks own blocks of `x`, by default tiles: register r0 has what is left of one.

    With `triangle` there are none above the diagonal of blocks, where `x` need not have values.

    >>> import lambdarray as la
    >>> update = Update("update", la.ones((2, 2)), 1)
    >>> update.less("gemm_update", [(la.ones((2, 3)), (0, 2)), (la.ones((2, 3)), (1, 2))])
    >>> update.made().compute()
    array([[-2., -2.],
           [-2., -2.]])
    """

    name: str
    x: Array
    tile: int
    blocks: Sequence[Cuts] = ()
    triangle: bool = False
    stage: Stage = field(init=False)
    inputs: list[In] = field(init=False)

    def __post_init__(self) -> None:
        axes = self.blocks or self._tiles()
        self.stage = Stage(self.name, axes, grid_ndim=2, triangle=self.triangle)
        self.inputs = [In(self.x, [0, 1])]

    def less(self, kernel: str, sides: Sequence[tuple[Array, tuple[int, int]]], **params: Any) -> None:
        """Take a product from each block; its operands' axes follow the rows (0), the columns (1) and the sum's (2)."""
        array, axes = sides[0]
        depth = array.shape[axes.index(2)]
        self.stage.axes = [*self.stage.axes, Cuts(depth, max(1, min(depth, self.tile)))]
        registers = [self._read(In(side, list(follows))) for side, follows in sides]
        self.stage.call(kernel, ("r0",), ("r0", *registers), loop=True, **params)
        self._count(len(sides) * depth)

    def then(self, kernel: str, given: Array | None = None, **params: Any) -> None:
        """Call a kernel with what is left, after a whole matrix if one is given; its result takes the place of that."""
        before = [] if given is None else [self._read(In(given, [whole(n) for n in given.shape]))]
        # A sum is the task's own memory; what was read is not.
        self.stage.call(kernel, ("r0",), (*before, "r0"), overwrite=bool(self.stage.steps), **params)
        self._count(len(given) if given is not None else self.stage.axes[0].max_chunk / 3)

    def made(self) -> Array:
        """The array that the stage makes, in tiles."""
        if not self.x.size:
            return self.x
        return self.stage.make(self.inputs, Out("r0", [0, 1], self.x.dtype, tiles=self._tiles()))

    def _tiles(self) -> list[Cuts]:
        return [Cuts(n, max(1, min(n, self.tile))) for n in self.x.shape]

    def _read(self, source: In) -> str:
        self.inputs.append(source)
        return f"r{len(self.inputs) - 1}"

    def _count(self, each: float) -> None:
        """Add the flops of a task, of so many operations for each element of its block."""
        self.stage.flops += each * self._elements() * real_flops(self.x.dtype)

    def _elements(self) -> int:
        return math.prod(cuts.max_chunk for cuts in self.stage.axes[:2])
