"""Rows of a matrix that change places between tasks: those that become pivots' go up, others make room for them.

Which rows they are is known to tasks only. A task looks for its rows through all tiles that they may be in; where
that are many, rows are first arranged within their tiles by where they go, so that a task reads only what is its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lambdarray_kernels.dtypes import real_flops

from ..api.array import Array
from ..api.stages import In, Out, Stage, single, whole
from ..tiling import AxisMap, Cuts
from .squares import Tiles, corner, stage_of

# Through more tiles than these no task looks for its rows.
FEW_TILES = 8


Product = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Change:
    """How rows from `start` on change places when pivots are found: their numbers before, and after.

    The first `height` are pivots then. All others stay where they are, but those that make room for pivots.
    """

    before: Array
    after: Array
    start: int
    height: int

    def of(self, a: Array, tiles: Tiles) -> Looking | Arranged:
        """The same for the rows of a matrix, which begins at `start`."""
        far = self.height > FEW_TILES * tiles.side
        return Arranged.of(self, a, tiles) if far else Looking(self, a, tiles)

    def eliminated(self, a: Array, tiles: Tiles, pivots: Array) -> Array:
        """The rows of a panel after those of the pivots, as what they are of these pivots' U."""
        return Looking(self, a, tiles).lower(pivots=pivots)


@dataclass(frozen=True, slots=True)
class Looking:
    """Rows that tasks look for through all tiles that may have them."""

    change: Change
    a: Array
    tiles: Tiles

    def top(self, square: Array | None = None) -> Array:
        """The rows that are the first `height` now; or L^-1 times them, where a square of one tile is given."""
        (m, n), change, dtype = self.a.shape, self.change, self.a.dtype
        axes = [Cuts(change.height, self.tiles.taken), Cuts(n, self.tiles.columns), Cuts(m, self.tiles.depth)]
        flops = 0 if square is None else change.height**2 * axes[1].max_chunk
        stage = stage_of("take_rows", axes, dtype, flops, 0 if square is None else change.height**2)
        stage.call("take_rows", ("y",), ("r0", "r1", "r2"), loop=True)
        numbers = [In(change.before, [AxisMap(2, change.start)]), In(change.after, [AxisMap(0, change.start)])]
        reads = [In(self.a, [2, 1]), *numbers]
        if square is not None:
            stage.call("trsm", ("y",), ("r3", "y"), unit_diagonal=True, overwrite=True)
            reads.append(corner(square, change.height))
        return stage.make(reads, Out("y", [0, 1], dtype))

    def lower(self, product: Product | None = None, pivots: Array | None = None) -> Array:
        """The rows after those: less a product, or what they are of the pivots' U."""
        (m, n), change, tiles, dtype = self.a.shape, self.change, self.tiles, self.a.dtype
        first = change.start + change.height
        axes = [Cuts(m - change.height, tiles.rows), Cuts(n, tiles.columns), Cuts(change.height, tiles.depth)]
        flops = 0 if product is None else 2 * axes[0].max_chunk * axes[1].max_chunk * change.height
        stage = stage_of("update_rows", axes, dtype, flops, 0 if pivots is None else n * n)
        reads = [
            In(self.a, [AxisMap(0, change.height), 1]),
            In(change.before, [AxisMap(0, first)]),
            In(change.after, [AxisMap(0, first)]),
            In(self.a, [2, 1]),
            In(change.before, [AxisMap(2, change.start)]),
        ]
        reads += [] if product is None else [In(product[0], [0, 2]), In(product[1], [2, 1])]
        stage.call("update_rows", ("y",), [f"r{n}" for n in range(len(reads))], loop=True)
        if pivots is None:
            return stage.make(reads, Out("y", [0, 1], dtype))
        stage.call("eliminate", ("z",), ("y", f"r{len(reads)}"))
        stage.flops += n * n * axes[0].max_chunk * real_flops(dtype)
        reads.append(In(pivots, list(map(whole, pivots.shape))))
        return stage.make(reads, Out("z", [0, 1], dtype))


@dataclass(frozen=True, slots=True)
class Arranged:
    """Rows that are in the order of where they go within each tile of `a`.

    `ranges` says for each block of the result which rows of each tile are its own, the tiles one after the other, and
    `places` in which order it has what it reads of them.
    """

    change: Change
    a: Array
    tiles: Tiles
    ranges: Array
    places: Array

    @classmethod
    def of(cls, change: Change, a: Array, tiles: Tiles) -> Arranged:
        """The rows of a matrix, arranged."""
        m, n = a.shape
        cuts = Cuts(m, tiles.side)
        blocks = [*range(0, change.height, tiles.rows), *range(change.height, m, tiles.rows), m]
        plan = Stage("route rows", [single(m), single((len(blocks) - 1) * cuts.count), single(2)])
        plan.call("route_rows", ("to", "ranges", "places"), ("r0", "r1"), blocks=blocks, tile=tiles.side)
        plan.extra_bytes = 64 * m
        rows = [In(numbers, [AxisMap(-1, change.start, size=m)]) for numbers in (change.before, change.after)]
        outs = [Out("to", [0], np.int64), Out("ranges", [1, 2], np.int64), Out("places", [0], np.int64)]
        to, ranges, places = plan.make_all(rows, outs)
        stage = stage_of("arrange_rows", [cuts, Cuts(n, tiles.side)], a.dtype, 0, 0)
        stage.call("arrange_rows", ("y",), ("r0", "r1"))
        arranged = stage.make([In(a, [0, 1]), In(to, [0])], Out("y", [0, 1], a.dtype))
        return cls(change, arranged, tiles, ranges, places)

    def top(self) -> Array:
        """The rows that are the first `height` now."""
        return self._brought(0, self.change.height, 0, None)

    def lower(self, product: Product | None = None) -> Array:
        """The rows after those, less a product."""
        blocks = -(-self.change.height // self.tiles.rows)
        return self._brought(self.change.height, self.a.shape[0] - self.change.height, blocks, product)

    def _brought(self, first: int, size: int, block: int, product: Product | None) -> Array:
        """So many rows from the first on, which that block begins with."""
        count, tiles, dtype = self.a._op.tiling.axes[0].count, self.tiles, self.a.dtype
        axes = [Cuts(size, tiles.rows), Cuts(self.a.shape[1], tiles.columns)]
        elements = axes[0].max_chunk * axes[1].max_chunk
        flops = 0 if product is None else 2 * elements * self.change.height
        axes += [] if product is None else [Cuts(self.change.height, tiles.depth)]
        stage = stage_of("bring_rows", axes, dtype, flops, elements)
        reads = [
            In(self.a, [whole(self.a.shape[0]), 1], by="r1", by_axis=0, most=axes[0].max_chunk),
            In(self.ranges, [AxisMap(0, block * count, step=count, size=count, by_block=True), whole(2)]),
            In(self.places, [AxisMap(0, first)]),
        ]
        stage.call("bring_rows", ("y",), ("r0", "r2"))
        if product is not None:
            reads += [In(product[0], [0, 2]), In(product[1], [2, 1])]
            stage.call("gemm_update", ("y",), ("r3", "r4"), loop=True, trans="NN")
        return stage.make(reads, Out("y", [0, 1], dtype))
