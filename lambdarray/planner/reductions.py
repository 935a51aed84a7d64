"""The steps of reductions: blocks to partial results, a tree of combinations, the value and what follows it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lambdarray_kernels.reductions import ORDERED, partial_dtype

from ..ops import ObjectSource, Op, Rechunk, Reduce, Stored, View
from ..task import ArraySpec, Part, Read, Step, Write
from ..tiling import AxisMap, Cuts, Tiling, dtype_to_json
from . import blocks, trees
from .code import Code
from .programs import Programs, reduction_of
from .regions import SOURCES, Region
from .views import FIXED, Maps, identity


class Reductions(Programs):
    """How reductions become programs, and how what starts from a core goes on."""

    def _reduction(self, region: Region, op: Reduce) -> None:
        begin = self.regions.beginning[id(op)]
        if self._in_one_task(region, begin, op):
            return
        if id(op) not in self._partials:
            self._lower(begin)
        spec = self._partials[id(op)]
        self._finish(region, op, self._tree(spec, op.kind, op.axes, op), op.axes)

    def _in_one_task(self, region: Region, begin: Region, op: Reduce) -> bool:
        """Reduce at once where every reduced axis lies in one block, and say whether that was so."""
        if len(begin.roots) > 1 or begin.core is not None:
            return False
        source = op.inputs[0]
        cuts = self._blocks(begin, source)
        if any(cuts[d].count > 1 for d in op.axes):
            return False
        kept = self._kept_cuts(region, op)
        axes = [cuts[d] if d in op.axes else kept[d] for d in range(source.ndim)]
        longer = any(axes[d].max_chunk > c.max_chunk for d, c in enumerate(cuts))
        if longer and not blocks.fits(axes, source.dtype.itemsize, self.resources):
            return False
        code = Code(source.ndim, identity(source.ndim), self.array_of)
        self._members(begin, code)
        value = code.value(source, identity(source.ndim))
        value = code.as_value(value, source) if value[0] == "const" else value
        code.map_step([("p", value, reduction_of(op))], {})
        self._epilogue(region, op, code, axes, op.axes, begin=code)
        return True

    def _blocks(self, region: Region, source: Op) -> tuple[Cuts, ...]:
        """The blocks of a region that begins reductions of `source`."""
        read = self._read_by(region)
        itemsize = max(source.dtype.itemsize, sum(op.dtype.itemsize for op in read))
        stored = [op for op in read if not isinstance(op, ObjectSource)]
        in_parts = all(map(_read_in_parts, stored))
        whole = {d for root in region.roots if isinstance(root, Reduce) and root.kind in ORDERED for d in root.axes}
        axes = [Cuts(1, 1) if d in whole else c for d, c in enumerate(source.tiling.axes)]
        itemsize *= math.prod(source.shape[d] for d in whole)
        cuts = blocks.for_reduction(Tiling(tuple(axes)), itemsize, self.resources, bool(stored), in_parts)
        return tuple(Cuts(n, max(n, 1)) if d in whole else cuts[d] for d, n in enumerate(source.shape))

    def _read_by(self, region: Region) -> list[Op]:
        """The sources and stored ops that a region reads, one for each view of it."""
        users = (op for op in (*region.members.values(), *region.roots) if not isinstance(op, View | Rechunk))
        read = map(_under_views, {id(i): i for op in users for i in op.inputs}.values())
        return [op for op in read if isinstance(op, SOURCES) or id(op) in self.regions.storing]

    def _tree(self, spec: ArraySpec, kind: str, axes: Sequence[int], op: Op) -> ArraySpec:
        """Combine partial results in groups until one task can combine what is left."""
        grid, tile_bytes = spec.tiling.grid, math.prod(spec.tiling.max_tile) * spec.dtype.itemsize
        left = math.prod(grid[d] for d in axes)
        beside = spec.tiling.count // max(left, 1)
        if (why := trees.reason(left, tile_bytes, self.resources, beside)) is not None:
            self.notes.append(f"{op.describe()}: {why}")
        while left > (fan_in := trees.of_tree(left, tile_bytes, self.resources, beside)):
            spec = self._combine(spec, kind, axes, op, fan_in)
            left = math.prod(spec.tiling.grid[d] for d in axes)
        return spec

    def _combine(self, spec: ArraySpec, kind: str, axes: Sequence[int], op: Op, fan_in: int) -> ArraySpec:
        cuts = list(spec.tiling.axes)
        for d in reversed(axes):
            factor = min(cuts[d].count, fan_in)
            cuts[d] = blocks.group(cuts[d], factor)
            fan_in = max(1, fan_in // factor)
        code = Code(len(cuts), identity(len(cuts)), self.array_of)
        register = self._read_all(code, spec)
        code.steps.append(Step("combine", ("p",), (register,), {"kind": kind, "axes": list(axes)}))
        grouped = tuple(Cuts(c.count, 1) if d in axes else c for d, c in enumerate(cuts))
        out = self._scratch(Tiling(grouped), spec.dtype, "p")
        write = Write("p", out.name, tuple(range(len(cuts))), tuple(d in axes for d in range(len(cuts))))
        self._emit(op, f"combine {kind}", code, cuts, len(cuts), [write])
        return out

    def _read_all(self, code: Code, spec: ArraySpec) -> str:
        """A register with the block of a partial array, whose axes are the stage's."""
        code.arrays[spec.name] = spec
        ndim = len(spec.tiling.axes)
        code.reads.append(Read("r0", (Part(spec.name, identity(ndim)),), tuple(range(ndim))))
        return "r0"

    def _finish(self, region: Region, op: Op, spec: ArraySpec, axes: Sequence[int]) -> None:
        """The last step: combine what is left, make the value of it, and go on with the region's own code."""
        kept = self._kept_cuts(region, op)
        counts = spec.tiling.shape
        cuts = [Cuts(n, max(n, 1)) if d in axes else kept[d] for d, n in enumerate(counts)]
        code = Code(len(cuts), identity(len(cuts)), self.array_of)
        register = self._read_all(code, spec)
        kind = op.kind if isinstance(op, Reduce) else "sum"
        code.steps.append(Step("combine", ("p",), (register,), {"kind": kind, "axes": list(axes)}))
        self._epilogue(region, op, code, cuts, axes)

    # -- from a core on

    def _kept_cuts(self, region: Region, op: Op) -> list[Cuts]:
        """The cuts of the core's axes that the region's roots ask for."""
        cuts = [Cuts(n, max(n, 1)) for n in op.shape]
        tiling = region.roots[0].tiling
        for d, s in enumerate(region.facing):
            if s >= 0:
                cuts[s] = tiling.axes[d]
        return cuts

    def _epilogue(
        self,
        region: Region,
        op: Op,
        code: Code,
        cuts: Sequence[Cuts],
        axes: Sequence[int],
        begin: Code | None = None,
    ) -> None:
        """From the partial result `p` to what the region stores."""
        value = "p"
        if isinstance(op, Reduce) and partial_dtype(op.kind, op.inputs[0].dtype, op.accumulator) != op.dtype:
            params = {"kind": op.kind, "dtype": dtype_to_json(op.dtype), "ddof": op.ddof}
            code.steps.append(Step("finish", ("f",), ("p",), params))
            value = "f"
        if begin is not None:
            code = self._continue(begin)
        code.stage = self._facing(region, axes)
        code.values[id(op), region.view] = ("in", value)
        self._members(region, code)
        self._end(region, code, cuts, len(cuts), {"kept": list(axes)})

    def _continue(self, code: Code) -> Code:
        """Fresh code with what the steps so far have read, for a second `map` step of the same program."""
        new = Code(code.ndim, code.stage, code.array_of)
        new.reads, new.steps, new.arrays = code.reads, code.steps, code.arrays
        return new

    def _facing(self, region: Region, dropped: Sequence[int]) -> Maps:
        """How the axes of a region's roots follow the stage of its core; those with one element follow none."""
        return tuple(AxisMap(s) if s >= 0 and s not in dropped else FIXED for s in region.facing)


def _under_views(op: Op) -> Op:
    while isinstance(op, View | Rechunk):
        op = op.inputs[0]
    return op


def _read_in_parts(op: Op) -> bool:
    """Whether a part of a tile can be read without the whole: not where chunks are encoded."""
    codecs = op.location.get("codecs", ()) if isinstance(op, Stored) else ()
    return all(codec["name"] == "bytes" for codec in codecs)
