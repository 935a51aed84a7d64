"""Turns regions into programs: elementwise, products, the steps of reductions, reshapes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lambdarray_kernels.movement import reshape_maps
from lambdarray_kernels.reductions import partial_dtype

from ..errors import MemoryLimitError
from ..ops import Contract, ObjectSource, Op, Reduce, Reshape, Stored
from ..task import ArraySpec, Estimate, Part, Program, Read, Step, Write
from ..tiling import AxisMap, Cuts, Tiling, dtype_to_json
from . import blocks
from .blocks import Resources
from .code import Code
from .estimate import estimate
from .regions import SOURCES, Region, Regions, peel_operand, peel_rechunk
from .views import FIXED, Maps, compose, identity, layout

Targets = Mapping[int, Mapping[str, Any]]


class Lowering:
    """Makes the programs of a plan, each after those it reads from."""

    def __init__(
        self, order: Sequence[Op], regions: Regions, resources: Resources, prefix: str, targets: Targets
    ) -> None:
        self.order, self.regions, self.resources = order, regions, resources
        self.prefix, self.targets = prefix, targets
        self.place = {id(op): n for n, op in enumerate(order)}
        self.arrays: dict[str, ArraySpec] = {}
        self.objects: dict[str, Any] = {}
        self.programs: list[Program] = []
        self.estimates: list[Estimate] = []
        self.notes: list[str] = []
        self._specs: dict[int, ArraySpec] = {}
        self._partials: dict[int, tuple[ArraySpec, str]] = {}

    def run(self) -> None:
        """Lower every region that stores something."""
        for op in self.order:
            if id(op) in self.regions.storing:
                self.array_of(op)

    def array_of(self, op: Op) -> ArraySpec:
        """The stored array of a source or of a stored op, whose program is made first where it is not yet."""
        if id(op) not in self._specs:
            if isinstance(op, ObjectSource | Stored):
                self._specs[id(op)] = self._source(op)
            else:
                self._lower(self.regions.storing[id(op)])
        return self._specs[id(op)]

    # -- arrays

    def _source(self, op: ObjectSource | Stored) -> ArraySpec:
        if isinstance(op, Stored):
            return self._add(f"s{len(self.arrays)}", op.tiling, op.dtype, op.location)
        self.objects[op.token] = op.obj
        return self._add(f"s{len(self.arrays)}", op.tiling, op.dtype, {"kind": "object", "token": op.token})

    def _add(self, name: str, tiling: Tiling, dtype: np.dtype[Any], location: Mapping[str, Any]) -> ArraySpec:
        spec = self.arrays[name] = ArraySpec(name, tiling, dtype, location)
        return spec

    def _scratch(self, tiling: Tiling, dtype: np.dtype[Any], letter: str = "t") -> ArraySpec:
        name = f"{letter}{len(self.arrays)}"
        return self._add(name, tiling, dtype, {"kind": "tiles", "prefix": f"{self.prefix}/{name}"})

    def _result(self, op: Op) -> ArraySpec:
        """The array that an op is stored in."""
        if id(op) in self.targets:
            spec = self._add(f"t{len(self.arrays)}", op.tiling, op.dtype, self.targets[id(op)])
        else:
            spec = self._scratch(op.tiling, op.dtype)
        self._specs[id(op)] = spec
        return spec

    # -- programs

    def _emit(self, op: Op, text: str, code: Code, axes: Sequence[Cuts], grid: int, writes: Sequence[Write]) -> None:
        kind = text.split(" ", 1)[0]
        arrays = {**code.arrays, **{w.array: self.arrays[w.array] for w in writes}}
        program = Program(
            name=f"{kind}-{len(self.programs)}",
            op=text,
            where=op.where,
            arrays=arrays,
            axes=tuple(axes),
            grid_ndim=grid,
            reads=tuple(code.reads),
            steps=tuple(code.steps),
            writes=tuple(writes),
        )
        cost = estimate(program, self.resources)
        if cost.peak_bytes > self.resources.memory_bytes:
            raise MemoryLimitError(self._too_large(program, cost))
        self.programs.append(program)
        self.estimates.append(cost)

    def _too_large(self, program: Program, cost: Estimate) -> str:
        need, have = cost.peak_bytes / 2**20, self.resources.memory_bytes / 2**20
        tile = max(program.arrays.values(), key=lambda a: math.prod(a.tiling.max_tile) * a.dtype.itemsize)
        # Beside the result of a product two pairs of operand tiles should fit; else what is advised is tight.
        room = 0.2 if any(s.kernel == "gemm" for s in program.steps) else 0.95
        smaller = tuple(max(1, int(n * math.sqrt(room * have / need))) for n in tile.tiling.max_tile)
        return (
            f"{program.op} needs {need:.0f} MiB a task with tiles of {tile.tiling.max_tile}, and a worker has "
            f"{have:.0f} MiB for data; use chunks of at most {smaller} or la.config(memory_mib=...) with "
            f"{need - have:.0f} MiB more (made at {program.where})"
        )

    def _lower(self, region: Region) -> None:
        root = region.roots[0]
        if isinstance(root, Reshape):
            self._reshape(root)
        elif isinstance(region.core, Contract):
            self._product(region, region.core)
        elif isinstance(region.core, Reduce):
            self._reduction(region, region.core)
        else:
            self._elementwise(region)

    def _members(self, region: Region, code: Code) -> None:
        """Write the code of a region's members, inputs first."""
        ordered = sorted(region.members.items(), key=lambda item: self.place[item[0][0]])
        for (_, maps), op in ordered:
            code.compute(op, maps)

    def _elementwise(self, region: Region) -> None:
        root = region.roots[0]
        axes = self._blocks(region, root.inputs[0]) if region.partial else root.tiling.axes
        code = Code(len(axes), identity(len(axes)), self.array_of)
        self._members(region, code)
        self._end(region, code, axes, len(axes), {})

    def _blocks(self, region: Region, source: Op) -> tuple[Cuts, ...]:
        """The blocks of a region that begins reductions of `source`."""
        read = self._read_by(region)
        itemsize = max(source.dtype.itemsize, sum(op.dtype.itemsize for op in read))
        stored = [op for op in read if not isinstance(op, ObjectSource)]
        in_parts = all(map(_read_in_parts, stored))
        return blocks.for_reduction(source.tiling, itemsize, self.resources, bool(stored), in_parts)

    def _read_by(self, region: Region) -> list[Op]:
        """The sources and stored ops that a region reads."""
        inputs = {id(i): i for op in (*region.members.values(), *region.roots) for i in op.inputs}
        return [i for i in inputs.values() if isinstance(i, SOURCES) or id(i) in self.regions.storing]

    def _end(self, region: Region, code: Code, axes: Sequence[Cuts], grid: int, params: dict[str, Any]) -> None:
        """End a program with what its region makes: stored values, or partial results of reductions."""
        if region.partial:
            self._end_partial(region, code, axes, grid)
            return
        dropped = params.get("kept", ())
        outs: list[tuple[str, Any, Any]] = []
        writes = []
        for op in region.roots:
            value = code.value(op, identity(op.ndim))
            name = value[1] if value[0] == "in" and self._whole(value[1], op, code) else f"y{len(outs)}"
            if name.startswith("y"):
                outs.append((name, code.as_value(value, op), None))
            spec = self._result(op)
            follows = [code.stage[d].axis for d in range(op.ndim)]
            followed = tuple(-1 if a in dropped else a for a in follows)
            writes.append(Write(name, spec.name, followed, (False,) * op.ndim))
        if outs:
            code.map_step(outs, params)
        self._emit(region.roots[0], self._text(region, code), code, axes, grid, writes)

    def _whole(self, register: str, op: Op, code: Code) -> bool:
        """Whether a register holds the block as it is to be stored: of its shape and dtype, nothing broadcast."""
        read = next((r for r in code.reads if r.register == register), None)
        if read is None:
            return True
        missing = [d for d, s in enumerate(read.layout) if s < 0]
        follows = [m.axis for m in code.stage]
        return all(d not in follows for d in missing)

    def _text(self, region: Region, code: Code) -> str:
        """A region in a few words: its core, then the functions of its code."""
        words = [i[0] for i in code.instructions]
        core = [region.core.describe()] if region.core is not None else []
        if not core and not words:
            core = ["random" if any(s.kernel == "random" for s in code.steps) else "copy"]
        shown = words if len(words) <= 6 else [*words[:5], f"... ({len(words)} functions)"]
        kinds = [r.describe() for r in region.roots] if region.partial else []
        return " ".join([*core, *shown, *(["then " + ", ".join(kinds)] if kinds else [])])

    # -- reductions

    def _end_partial(self, region: Region, code: Code, axes: Sequence[Cuts], grid: int) -> None:
        outs, writes = [], []
        for n, op in enumerate(region.roots):
            assert isinstance(op, Reduce)
            source = op.inputs[0]
            value = code.value(source, identity(source.ndim))
            value = code.as_value(value, source) if value[0] == "const" else value
            name = f"p{n}"
            outs.append((name, value, _reduction(op)))
            spec = self._partial_array(op, axes[:grid])
            by_block = tuple(d in op.axes for d in range(source.ndim))
            writes.append(Write(name, spec.name, tuple(range(source.ndim)), by_block))
            self._partials[id(op)] = (spec, op.kind)
        code.map_step(outs, {})
        self._emit(region.roots[0], self._text(region, code), code, axes, grid, writes)

    def _partial_array(self, op: Reduce, axes: Sequence[Cuts]) -> ArraySpec:
        cuts = tuple(Cuts(c.count, 1) if d in op.axes else c for d, c in enumerate(axes))
        dtype = partial_dtype(op.kind, op.inputs[0].dtype, op.accumulator)
        return self._scratch(Tiling(cuts), dtype, "p")

    def _reduction(self, region: Region, op: Reduce) -> None:
        begin = self.regions.beginning[id(op)]
        if self._in_one_task(region, begin, op):
            return
        if id(op) not in self._partials:
            if isinstance(begin.core, Contract):
                self._product(begin, begin.core)
            else:
                self._elementwise(begin)
        spec, _ = self._partials[id(op)]
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
        code = Code(source.ndim, identity(source.ndim), self.array_of)
        self._members(begin, code)
        value = code.value(source, identity(source.ndim))
        value = code.as_value(value, source) if value[0] == "const" else value
        code.map_step([("p", value, _reduction(op))], {})
        self._epilogue(region, op, code, axes, op.axes, begin=code)
        return True

    def _kept_cuts(self, region: Region, op: Op) -> list[Cuts]:
        """The cuts of the core's axes that the region's roots ask for."""
        cuts = [Cuts(n, max(n, 1)) for n in op.shape]
        tiling = region.roots[0].tiling
        for d, s in enumerate(region.facing):
            if s >= 0:
                cuts[s] = tiling.axes[d]
        return cuts

    def _tree(self, spec: ArraySpec, kind: str, axes: Sequence[int], op: Op) -> ArraySpec:
        """Combine partial results in groups until one task can combine what is left."""
        while True:
            left = math.prod(spec.tiling.grid[d] for d in axes)
            tile_bytes = math.prod(spec.tiling.max_tile) * spec.dtype.itemsize
            fan_in = blocks.of_tree(left, tile_bytes, self.resources)
            if left <= fan_in:
                return spec
            spec = self._combine(spec, kind, axes, op, fan_in)

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

    # -- products

    def _product(self, region: Region, op: Contract) -> None:
        a, b = op.inputs
        batch = op.ndim - 2
        grid = list(op.tiling.axes) if region.partial else self._kept_cuts(region, op)
        k = a.tiling.axes[-1] if a.tiling.axes[-1].count >= b.tiling.axes[-2].count else b.tiling.axes[-2]
        if not region.partial and self._through_store(op):
            grid[-2:] = blocks.owned(grid, k.max_chunk, op.dtype.itemsize, self.resources)
        m, n = grid[-2].max_chunk, grid[-1].max_chunk
        most = blocks.most_k(m, n, op.dtype.itemsize, self.resources)
        k = blocks.of_k(k, most)
        sums = op.dtype.kind in "fc" and op.dtype.itemsize >= 4 and not region.partial
        parts = None if not sums else blocks.split_k([c.count for c in grid], k, most, self.resources)
        split = parts is not None
        k = k if parts is None else parts
        code = Code(op.ndim + 1, identity(op.ndim), self.array_of)
        left = self._operand(code, a, op, (batch, batch + 2), (*range(batch), batch, batch + 2))
        right = self._operand(code, b, op, (batch + 2, batch + 1), (*range(batch), batch + 2, batch + 1))
        params = {"dtype": dtype_to_json(op.dtype)}
        code.steps.append(Step("gemm", ("c",), (left, right), params, loop=True))
        axes = (*grid, k)
        if split:
            self._split_product(region, op, code, axes)
            return
        code.stage = self._facing(region, ())
        code.values[id(op), region.view] = ("in", "c")
        self._members(region, code)
        self._end(region, code, axes, op.ndim, {})

    def _through_store(self, op: Op) -> bool:
        """Whether reading an operand costs a transfer: tiles in memory are handed on as they are."""
        bases = (peel_operand(i)[0] for i in op.inputs)
        return self.resources.remote or any(isinstance(b, Stored) and b.location["kind"] == "zarr" for b in bases)

    def _split_product(self, region: Region, op: Contract, code: Code, axes: Sequence[Cuts]) -> None:
        """Partial products over parts of k, then their sum: where the grid alone is too small for the workers."""
        parts = axes[-1].count
        self.notes.append(
            f"{op.describe()}: k split in {parts} parts, since its {math.prod(c.count for c in axes[:-1])} "
            f"output tiles are fewer than the {self.resources.workers} workers"
        )
        cuts = (*axes[:-1], Cuts(parts, 1))
        spec = self._scratch(Tiling(cuts), op.dtype, "p")
        by_block = (False,) * op.ndim + (True,)
        write = Write("c", spec.name, tuple(range(op.ndim + 1)), by_block)
        once = Cuts(1, 1)  # the parts of k are the grid's, so that the loop of each task runs once
        self._emit(op, f"{op.describe()}, split over k", code, (*axes, once), len(axes), [write])
        summed = self._tree(spec, "sum", (op.ndim,), op)
        self._finish(region, op, summed, (op.ndim,))

    def _operand(self, code: Code, op: Op, out: Op, last: tuple[int, int], order: Sequence[int]) -> str:
        """The register of a product's operand, its last axes following the stage's axes `last`."""
        skip = out.ndim - op.ndim
        stage = [
            FIXED if n == 1 and out.shape[d + skip] != 1 else AxisMap(d + skip) for d, n in enumerate(op.shape[:-2])
        ]
        base, maps = peel_operand(op)
        staged = compose(maps, (*stage, AxisMap(last[0]), AxisMap(last[1])))
        spec = self.array_of(base)
        code.arrays[spec.name] = spec
        whole = layout(staged, out.ndim + 1)
        register = f"r{len(code.reads)}"
        code.reads.append(Read(register, (Part(spec.name, staged),), tuple(whole[d] for d in order), True))
        return register

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


def _read_in_parts(op: Op) -> bool:
    """Whether a part of a tile can be read without the whole: not where chunks are encoded."""
    codecs = op.location.get("codecs", ()) if isinstance(op, Stored) else ()
    return all(codec["name"] == "bytes" for codec in codecs)


def _reduction(op: Reduce) -> dict[str, Any]:
    """The reduction of a `map` step's output."""
    return {"kind": op.kind, "axes": list(op.axes), "dtype": dtype_to_json(op.accumulator)}
