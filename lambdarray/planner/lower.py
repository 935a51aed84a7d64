"""Turns regions into programs: elementwise, products, reshapes, and through `Reductions` the steps of reductions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from lambdarray_kernels.dtypes import real_flops
from lambdarray_kernels.movement import reshape_maps

from ..ops import (
    Blocks,
    Concat,
    Contract,
    Map,
    ObjectSource,
    Op,
    Patch,
    Pick,
    Rechunk,
    Reduce,
    Reshape,
    Stored,
    View,
)
from ..task import ArraySpec, Part, Read, Step, Write
from ..tiling import AxisMap, Cuts, Tiling, dtype_to_json
from . import blocks
from .code import Code, Value
from .estimate import MOST_TASK_S, bytes_a_second, flops_a_second, turns_of
from .reductions import Reductions
from .regions import SOURCES, Region, input_parts, operand_parts, peel_operand, peel_rechunk
from .turns import LAST_COSTS, LEAST_GAIN, in_turns, most_turns
from .views import FIXED, Maps, compose, identity, layout, through_views


class Lowering(Reductions):
    """Makes the programs of a plan, each after those it reads from."""

    def run(self) -> None:
        """Lower every region that stores something."""
        for op in self.order:
            if isinstance(op, Pick):
                self._picks.setdefault(id(op.inputs[0]), {})[op.output] = op
        for op in self.order:
            if id(op) in self.regions.storing:
                self.array_of(op)

    def _lower(self, region: Region) -> None:
        root = region.roots[0]
        if isinstance(root, Reshape):
            self._reshape(root)
        elif isinstance(root, Blocks):
            self._blocks_of(root)
        elif isinstance(region.core, Contract):
            self._product(region, region.core)
        elif isinstance(region.core, Reduce):
            self._reduction(region, region.core)
        else:
            self._elementwise(region)

    def _elementwise(self, region: Region) -> None:
        root = region.roots[0]
        axes = self._blocks(region, root.inputs[0]) if region.partial else root.tiling.axes
        code = Code(len(axes), identity(len(axes)), self.array_of)
        self._members(region, code)
        self._end(region, code, axes, len(axes), {})

    # -- products

    def _product(self, region: Region, op: Contract) -> None:
        a, b = op.inputs
        grid = list(op.tiling.axes) if region.partial else self._kept_cuts(region, op)
        k = a.tiling.axes[-1] if a.tiling.axes[-1].count >= b.tiling.axes[-2].count else b.tiling.axes[-2]
        kept, step, itemsize = list(grid), self._step_of_k(op, k), op.dtype.itemsize
        tiles, pasted = grid[-2].max_chunk + grid[-1].max_chunk, any(_is_pasted(*side) for side in _sides(op))
        sums = op.dtype.kind in "fc" and itemsize >= 4 and not region.partial
        taken = self._taken_from(region, op)
        if not region.partial and self._through_store(op):
            # With an epilogue: the product, what else it reads, put together or not, and what it makes.
            held = 1 + 2 * bool(region.members) + any(isinstance(o, Concat | Patch) for o in region.members.values())
            held = held if taken is None else min(2, len(taken))
            small = 8 * op.shape[-2] * op.shape[-1] <= k.size * (op.shape[-2] + op.shape[-1])
            squares = blocks.squares(grid, step, itemsize, self.resources, held)
            if sums and taken is None and self._turns_of(op, squares, k):
                grid[-2:] = squares
            elif sums and (small or blocks.tasks(grid, op.beside) < self.resources.workers):
                grid[-2:] = blocks.in_parts(grid, k, step, itemsize, self.resources, op.beside)
            else:
                grid[-2:] = blocks.owned(grid, step, itemsize, self.resources, op.beside, held, pasted)
        elif not region.partial and self._in_views(op) and blocks.tasks(grid, op.beside) >= self.resources.workers:
            k = Cuts(k.size, max(k.size, 1))
            grid[-2:] = blocks.rows(grid, k.size, op.dtype.itemsize, self.resources, op.beside)
        m, n = grid[-2].max_chunk, grid[-1].max_chunk
        tiles += m + n if pasted else 0
        most = blocks.most_k(m, n, itemsize, self.resources, tiles)
        k = blocks.of_k(k, most)
        shorter = self._turns_of(op, grid, k) if sums and taken is None else 0
        if shorter and (cut := self._in_turns(op, grid, kept, k, shorter)).count > 1:
            self.notes.append(
                f"{op.describe()}: k split in {cut.count} parts, since tasks would take longer than is well: the first "
                f"takes {cut.chunks[0]} of {k.size}, so that there are short ones at the end"
            )
            self._product_in_turns(region, op, grid, cut, k, tapered=True)
            return
        turns = turns_of(2.0 * m * n * k.size, op.dtype, self.resources) if sums else 1
        parts = blocks.parts_of_k(blocks.tasks(grid, op.beside), m, n, k, self.resources) if sums else 1
        if max(turns, parts) > 1 and k.count > 1:
            self._product_in_parts(region, op, grid, kept, k, most, turns, parts)
            return
        if taken is not None:
            self._product_in_place(region.roots[0], op, taken, (*grid, k))
            return
        code, axes = self._gemm(op), (*grid, k)
        code.stage = self._facing(region, ())
        code.values[id(op), region.view] = ("in", "c")
        self._members(region, code)
        self._end(region, code, axes, op.ndim, {})

    def _step_of_k(self, op: Contract, k: Cuts) -> int:
        """How much of k a task reads at a time: a tile's, or less where rows of k are contiguous in both operands."""
        sides = [(parts, axis) for (parts, _), axis in zip(_sides(op), (1, 0), strict=True)]
        by_rows = op.ndim == 2 and all(maps[0].axis == axis for parts, axis in sides for _, maps in parts)
        return min(k.max_chunk, blocks.LEAST_STEP) if by_rows else k.max_chunk

    def _taken_from(self, region: Region, op: Contract) -> list[tuple[Op, Maps]] | None:
        """What the product is taken from, by its stored parts, where that is all that the region does."""
        root = peel_rechunk(region.roots[0])
        if region.partial or op.ndim != 2 or op.dtype.char not in "fdFD" or not isinstance(root, Map):
            return None
        same = root.name == "subtract" and root.dtype == op.dtype and {*root.loop_in} == {op.dtype}
        if not same or root.args != (0, 1) or peel_rechunk(root.inputs[1]) is not op or root.shape != op.shape:
            return None
        if region.facing != (0, 1):
            return None
        found = operand_parts(root.inputs[0])
        stored = all(isinstance(base, SOURCES) or id(base) in self.regions.storing for base, _ in found)
        alone = all(m is root or isinstance(m, View | Rechunk | Concat) for m in region.members.values())
        return found if stored and alone and root.inputs[0].shape == op.shape else None

    def _product_in_place(self, root: Op, op: Contract, taken: Sequence[tuple[Op, Maps]], axes: Sequence[Cuts]) -> None:
        """The product taken from what a task has read, in the memory of that."""
        code = Code(3, identity(2), self.array_of)
        register = code.read(taken, layout(taken[0][1], 2))
        left = self._operand(code, op.inputs[0], op, (0, 2), (0, 2), 0)
        right = self._operand(code, op.inputs[1], op, (2, 1), (2, 1), 0)
        code.steps.append(Step("gemm_update", (register,), (register, left, right), {"trans": "NN"}, loop=True))
        spec = self._result(root)
        flops = 2.0 * axes[0].max_chunk * axes[1].max_chunk * axes[2].size * real_flops(op.dtype)
        write = Write(register, spec.name, (0, 1), (False, False))
        self._emit(root, f"{op.describe()} subtract", code, axes, 2, [write], flops)

    def _through_store(self, op: Op) -> bool:
        """Whether reading an operand costs a transfer: tiles in memory are handed on as they are."""
        bases = (base for i in op.inputs for base, _ in operand_parts(i))
        return self.resources.remote or any(isinstance(b, Stored) and b.location["kind"] == "zarr" for b in bases)

    def _in_views(self, op: Contract) -> bool:
        """Whether any part of an operand is there as a view, whatever tiles it is said to be cut into."""
        bases = (peel_operand(i)[0] for i in op.inputs)
        return all(isinstance(b, ObjectSource) and isinstance(b.obj, np.ndarray) for b in bases)

    def _gemm(self, op: Contract, first: int = 0) -> Code:
        """The product of a task's blocks, looped over k from `first` on."""
        (a, b), batch = op.inputs, op.ndim - 2
        code = Code(op.ndim + 1, identity(op.ndim), self.array_of)
        left = self._operand(code, a, op, (batch, batch + 2), (*range(batch), batch, batch + 2), first)
        right = self._operand(code, b, op, (batch + 2, batch + 1), (*range(batch), batch + 2, batch + 1), first)
        code.steps.append(Step("gemm", ("c",), (left, right), {"dtype": dtype_to_json(op.dtype)}, loop=True))
        return code

    def _turns_of(self, op: Contract, grid: Sequence[Cuts], k: Cuts) -> int:
        """How many turns of k are worth it beside the last, for tasks that own such blocks: 0 where one does it all."""
        have, (m, n) = self.resources, (grid[-2].max_chunk, grid[-1].max_chunk)
        if not have.functions or op.beside > 1 or 2 * blocks.tasks(grid) < have.workers:
            return 0
        return most_turns(self._seconds(op, k, math.prod(op.shape)) / have.workers, self._turn_s(op, m, n, k))

    def _turn_s(self, op: Contract, m: int, n: int, k: Cuts) -> float:
        """What a turn more costs a task of m by n: its first blocks, and a part to write and to read again."""
        return op.dtype.itemsize * ((m + n) * k.max_chunk + 2.0 * m * n) / bytes_a_second(self.resources)

    def _in_turns(self, op: Contract, grid: Sequence[Cuts], kept: Sequence[Cuts], k: Cuts, most: int) -> Cuts:
        """Stretches of k that are done one after the other, `most` and the last, whose tasks make what is `kept`."""
        task_s = self._seconds(op, k, grid[-2].max_chunk * grid[-1].max_chunk)
        work_s = self._seconds(op, k, math.prod(op.shape)) / self.resources.workers
        costs_s, last_s = (self._turn_s(op, c[-2].max_chunk, c[-1].max_chunk, k) for c in (grid, kept))
        tiles_a_second = k.count / self._seconds(op, k, kept[-2].max_chunk * kept[-1].max_chunk)
        last = max(1, round(LAST_COSTS * last_s * tiles_a_second))
        least = max(1, round(costs_s * work_s / task_s / LEAST_GAIN * tiles_a_second))
        return in_turns(k, task_s, work_s, MOST_TASK_S, most, last, least)

    def _seconds(self, op: Contract, k: Cuts, elements: int) -> float:
        """What a worker takes for so many elements of a product."""
        return 2.0 * elements * k.size * real_flops(op.dtype) / flops_a_second(self.resources)

    def _product_in_parts(
        self,
        region: Region,
        op: Contract,
        grid: Sequence[Cuts],
        kept: Sequence[Cuts],
        k: Cuts,
        most: int,
        turns: int,
        parts: int,
    ) -> None:
        """Partial products over parts of k, then their sum: at least so many `turns`, and `parts`, where k has them."""
        single = blocks.group(k, max(1, min(-(-k.count // parts), most // max(k.max_chunk, 1))))
        long = blocks.evenly(k, max(turns, parts))
        at_once = turns < parts and single.count <= long.count
        count = single.count if at_once else long.count
        few = f"its {blocks.tasks(grid)} output tiles are fewer than the {self.resources.workers} workers"
        why = f"a task would take longer than {MOST_TASK_S:g} s" if turns >= parts else few
        self.notes.append(f"{op.describe()}: k split in {count} parts, since {why}")
        if at_once:
            self._split_product(region, op, (*grid, single), kept)
        else:
            self._product_in_turns(region, op, grid, long, k)

    def _product_in_turns(
        self, region: Region, op: Contract, grid: Sequence[Cuts], turns: Cuts, k: Cuts, tapered: bool = False
    ) -> None:
        """Partial products, each over a stretch of k by a program of its own, then their sum.

        Where they are `tapered` the last ones, of single tiles, are made and added to the others by the same tasks.
        They are to be short, so that each turn of the second half adds a part that one of the first half made: not the
        turn before it, whose slowest tasks have not ended when it begins.
        """
        kept, parts = self._kept_cuts(region, op), list[ArraySpec]()
        spans = [turns.span(i) for i in range(turns.count)]
        last = spans.pop() if tapered else None
        block = math.prod(c.max_chunk for c in grid) * op.dtype.itemsize
        joins = tapered and blocks.parts_of(block, self.resources) > 0
        left = max(2, math.ceil(len(spans) / 2)) if joins else len(spans)
        for lo, hi in spans:
            code, register = self._gemm(op, lo), "c"
            if len(parts) == left:
                code.map_step([("sum", self._sum(code, [parts.pop(0)], op, ("in", "c")), None)], {})
                register = "sum"
            parts.append(self._part(op, f"k from {lo}", code, register, (*grid, _within(k, lo, hi)), kept))
        fits = max(2, blocks.parts_of(math.prod(c.max_chunk for c in kept) * op.dtype.itemsize, self.resources))
        while len(parts) > fits:
            code = Code(op.ndim, identity(op.ndim), self.array_of)
            code.map_step([("c", self._sum(code, parts[:fits], op), None)], {})
            parts = [*parts[fits:], self._part(op, f"sum of {fits} parts", code, "c", kept, kept)]
        if last is None:
            code, axes, total = Code(op.ndim, (), self.array_of), tuple(kept), None
        else:
            code, axes, total = self._gemm(op, last[0]), (*kept, _within(k, *last)), ("in", "c")
        code.stage = self._facing(region, ())
        code.values[id(op), region.view] = self._sum(code, parts, op, total)
        self._members(region, code)
        self._end(region, code, axes, op.ndim, {})

    def _part(
        self, op: Op, text: str, code: Code, register: str, axes: Sequence[Cuts], kept: Sequence[Cuts]
    ) -> ArraySpec:
        """The array of one part of a product, which is as the product is, by a program of its own."""
        spec = self._scratch(Tiling(tuple(kept)), op.dtype, "p")
        write = Write(register, spec.name, tuple(range(op.ndim)), (False,) * op.ndim)
        self._emit(op, f"{op.describe()}, {text}", code, axes, op.ndim, [write])
        return spec

    def _sum(self, code: Code, parts: Sequence[ArraySpec], op: Op, total: Value | None = None) -> Value:
        """What computes the sum of parts of a product, and of a `total` of others."""
        dtype = dtype_to_json(op.dtype)
        for spec in parts:
            part: Value = ("in", f"r{len(code.reads)}")
            code.reads.append(Read(part[1], (Part(spec.name, identity(op.ndim)),), tuple(range(op.ndim))))
            code.arrays[spec.name] = spec
            if total is not None:
                code.instructions.append(["add", [total, part], [dtype, dtype], [dtype]])
                part = ("reg", (len(code.instructions) - 1, 0))
            total = part
        assert total is not None
        return total

    def _split_product(self, region: Region, op: Contract, axes: Sequence[Cuts], kept: Sequence[Cuts]) -> None:
        """Partial products over parts of k, each of which a task reads at once, by one program, then their sum."""
        cuts = (*kept, Cuts(axes[-1].count, 1))
        spec = self._scratch(Tiling(cuts), op.dtype, "p")
        by_block = (False,) * op.ndim + (True,)
        write = Write("c", spec.name, tuple(range(op.ndim + 1)), by_block)
        once = Cuts(1, 1)  # the parts of k are the grid's, so that the loop of each task runs once
        self._emit(op, f"{op.describe()}, split over k", self._gemm(op), (*axes, once), len(axes), [write])
        summed = self._tree(spec, "sum", (op.ndim,), op)
        self._finish(region, op, summed, (op.ndim,))

    def _operand(self, code: Code, op: Op, out: Op, last: tuple[int, int], order: Sequence[int], first: int) -> str:
        """The register of a product's operand, its last axes following the stage's axes `last`, k from `first` on."""
        skip = out.ndim - op.ndim
        stage = [
            FIXED if n == 1 and out.shape[d + skip] != 1 else AxisMap(d + skip) for d, n in enumerate(op.shape[:-2])
        ]
        outer = (*stage, *(AxisMap(axis, first if axis == out.ndim else 0) for axis in last))
        parts = []
        for base, maps in operand_parts(op):
            spec = self.array_of(base)
            code.arrays[spec.name] = spec
            parts.append(Part(spec.name, compose(maps, outer)))
        whole = layout(parts[0].maps, out.ndim + 1)
        register = f"r{len(code.reads)}"
        code.reads.append(Read(register, tuple(parts), tuple(whole[d] for d in order), True))
        return register

    # -- blocks

    def _blocks_of(self, op: Blocks) -> None:
        """A program as the op has it, over the arrays under its inputs' views."""
        code = Code(op.grid_ndim, identity(op.grid_ndim), self.array_of)
        for n, (i, reading) in enumerate(zip(op.inputs, op.reads, strict=True)):
            parts = []
            for base, maps in input_parts(i, reading.maps):
                spec = self.array_of(base)
                code.arrays[spec.name] = spec
                parts.append(Part(spec.name, through_views(maps, reading.maps)))
                order = layout(maps, i.ndim)
            looped = any(m.axis >= op.grid_ndim for part in parts for m in part.maps)
            by_axis = order[reading.by_axis] if reading.by else 0
            code.reads.append(Read(f"r{n}", tuple(parts), order, looped, reading.by, by_axis, reading.most))
        code.steps.extend(op.steps)
        specs = [self._result(made) for made in self._outputs_of(op)]
        self._specs[id(op)] = specs[0]
        writes = [Write(o.register, s.name, o.axes, o.by_block) for o, s in zip(op.outputs, specs, strict=True)]
        self._emit(op, op.name, code, op.axes, op.grid_ndim, writes, op.flops, op.extra_bytes, op.triangle)

    def _outputs_of(self, op: Blocks) -> list[Op]:
        """For each output the op that stands for it in the expression, or a new one where nothing uses it."""
        if len(op.outputs) == 1:
            return [op]
        picks = self._picks.get(id(op), {})
        return [picks.get(n) or Pick((op,), o.tiling, o.dtype, output=n) for n, o in enumerate(op.outputs)]

    # -- reshape

    def _reshape(self, op: Reshape) -> None:
        source = peel_rechunk(op.inputs[0])
        spec = self.array_of(source)
        found = reshape_maps(source.shape, op.shape)
        maps = tuple(AxisMap(axis, size=size, num=num, den=den) for axis, size, num, den in found)
        code = Code(op.ndim, identity(op.ndim), self.array_of)
        code.arrays[spec.name] = spec
        code.reads.append(Read("r0", (Part(spec.name, maps),), tuple(range(source.ndim))))
        code.steps.append(Step("reshape", ("y0",), ("r0",), {"source": list(source.shape)}))
        out = self._result(op)
        write = Write("y0", out.name, tuple(range(op.ndim)), (False,) * op.ndim)
        self._emit(op, f"reshape to {op.shape}", code, op.tiling.axes, op.ndim, [write])


def _sides(op: Contract) -> list[tuple[list[tuple[Op, Maps]], int]]:
    """The parts that each operand of a product is read from, and the operand's axis that is not summed over."""
    a, b = op.inputs
    return [(operand_parts(a), a.ndim - 2), (operand_parts(b), b.ndim - 1)]


def _is_pasted(parts: Sequence[tuple[Op, Maps]], axis: int) -> bool:
    """Whether a block may be put together of several parts: not where each has all of that axis."""
    lengths = [n for base, maps in parts for m, n in zip(maps, base.shape, strict=True) if m.axis == axis]
    starts = {m.start for _, maps in parts for m in maps if m.axis == axis}
    return len(parts) > 1 and (len({*lengths}) > 1 or starts != {0})


def _within(k: Cuts, lo: int, hi: int) -> Cuts:
    """The tiles of k in a stretch of it, from its start on."""
    return Cuts.from_bounds(np.array([*(int(start) - lo for start in k.start(np.arange(*k.tiles(lo, hi)))), hi - lo]))
