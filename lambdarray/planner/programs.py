"""The programs and arrays of a plan that is being made, and how every program ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lambdarray_kernels.reductions import partial_dtype

from ..errors import MemoryLimitError
from ..ops import ObjectSource, Op, Pick, Reduce, Stored
from ..task import ArraySpec, Estimate, Part, Program, Read, Write
from ..tiling import Cuts, Tiling, dtype_to_json
from .blocks import LEAST_SHARE, Resources
from .code import Code
from .estimate import estimate
from .passes import refined
from .regions import Region, Regions
from .share import Targets
from .views import identity


class Programs:
    """The programs so far, each after those it reads from; subclasses know how a region becomes programs."""

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
        self._partials: dict[int, ArraySpec] = {}
        self._picks: dict[int, dict[int, Op]] = {}
        self._passes: dict[tuple[str, Tiling], ArraySpec] = {}

    def array_of(self, op: Op) -> ArraySpec:
        """The stored array of a source or of a stored op, whose program is made first where it is not yet."""
        if id(op) not in self._specs:
            if isinstance(op, ObjectSource | Stored):
                self._specs[id(op)] = self._source(op)
            elif isinstance(op, Pick):
                self._lower(self.regions.storing[id(op.inputs[0])])
            else:
                self._lower(self.regions.storing[id(op)])
        return self._specs[id(op)]

    def _lower(self, region: Region) -> None:
        """Make the programs of a region."""
        raise NotImplementedError

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

    def _emit(
        self,
        op: Op,
        text: str,
        code: Code,
        axes: Sequence[Cuts],
        grid: int,
        writes: Sequence[Write],
        flops: float = 0.0,
        extra_bytes: int = 0,
        triangle: bool = False,
    ) -> None:
        self._add_passes(op, code, axes, grid)
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
            flops=flops,
            extra_bytes=extra_bytes,
            triangle=triangle,
        )
        cost = estimate(program, self.resources)
        if cost.peak_bytes > self.resources.memory_bytes:
            raise MemoryLimitError(self._too_large(program, cost))
        self.programs.append(program)
        self.estimates.append(cost)

    def _add_passes(self, op: Op, code: Code, axes: Sequence[Cuts], grid: int) -> None:
        """Have reads that would move too much of their source read tiles that are cut for them."""
        for n, read in enumerate(code.reads):
            elsewhere = all(self._is_far(self.arrays[part.array]) for part in read.parts)
            if elsewhere and not read.by and math.prod(c.count for c in axes[:grid]) > 1:
                parts = tuple([self._reachable(op, part, code, axes) for part in read.parts])
                code.reads[n] = replace(read, parts=parts) if parts != read.parts else read

    def _is_far(self, spec: ArraySpec) -> bool:
        return spec.location["kind"] == "zarr" or (spec.location["kind"] == "tiles" and self.resources.remote)

    def _reachable(self, op: Op, part: Part, code: Code, axes: Sequence[Cuts]) -> Part:
        spec = self.arrays[part.array]
        tiling = refined(part, spec, axes, self.resources.memory_bytes)
        if tiling is None:
            return part
        if (spec.name, tiling) not in self._passes:
            first = Code(len(tiling.axes), identity(len(tiling.axes)), self.array_of)
            first.arrays[spec.name] = spec
            first.reads.append(Read("r0", (Part(spec.name, first.stage),), tuple(range(len(tiling.axes)))))
            made = self._passes[spec.name, tiling] = self._scratch(tiling, spec.dtype)
            write = Write("r0", made.name, tuple(range(len(tiling.axes))), (False,) * len(tiling.axes))
            self.notes.append(
                f"{spec.name} is cut anew into {tiling.max_tile}, since {op.describe()} reads parts of it"
            )
            self._emit(op, "rechunk first pass", first, spec.tiling.axes, len(tiling.axes), [write])
        made = self._passes[spec.name, tiling]
        code.arrays[made.name] = made
        return replace(part, array=made.name)

    def _too_large(self, program: Program, cost: Estimate) -> str:
        need, have = cost.peak_bytes / 2**20, self.resources.memory_bytes / 2**20
        # A larger worker has larger blocks and buffers.
        setting = f"la.config(memory_mib={math.ceil(need * (1 + 2 / LEAST_SHARE)) + self.resources.overhead_mib})"
        fits = (1 - 1 / LEAST_SHARE) * have / need
        whole = max((_whole(part) for read in program.reads for part in read.parts), key=math.prod, default=())
        if len(whole) > 1:
            largest = tuple(max(1, int(n * fits ** (1 / len(whole)))) for n in whole)
            return (
                f"{program.op} of {whole} is one task's work: it needs {need:.0f} MiB, and a worker has {have:.0f} MiB "
                f"for data, enough for about {largest}; use {setting} (made at {program.where})"
            )
        tile = max(program.arrays.values(), key=lambda a: math.prod(a.tiling.max_tile) * a.dtype.itemsize)
        # Beside the result of a product two pairs of operand tiles should fit; else what is advised is tight.
        room = 0.2 if any(s.kernel == "gemm" for s in program.steps) else 0.95
        smaller = tuple(max(1, int(n * math.sqrt(room * fits))) for n in tile.tiling.max_tile)
        return (
            f"{program.op} needs {need:.0f} MiB a task with tiles of {tile.tiling.max_tile}, and a worker has "
            f"{have:.0f} MiB for data; use chunks of at most {smaller} or "
            f"{setting} (made at {program.where})"
        )

    def _members(self, region: Region, code: Code) -> None:
        """Write the code of a region's members, inputs first."""
        ordered = sorted(region.members.items(), key=lambda item: self.place[item[0][0]])
        for (_, maps), op in ordered:
            code.compute(op, maps, region.shape)

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

    # -- ends

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

    def _end_partial(self, region: Region, code: Code, axes: Sequence[Cuts], grid: int) -> None:
        outs, writes = [], []
        for n, op in enumerate(region.roots):
            assert isinstance(op, Reduce)
            source = op.inputs[0]
            value = code.value(source, identity(source.ndim))
            value = code.as_value(value, source) if value[0] == "const" else value
            name = f"p{n}"
            outs.append((name, value, reduction_of(op)))
            spec = self._partial_array(op, axes[:grid])
            by_block = tuple(d in op.axes for d in range(source.ndim))
            writes.append(Write(name, spec.name, tuple(range(source.ndim)), by_block))
            self._partials[id(op)] = spec
        code.map_step(outs, {})
        self._emit(region.roots[0], self._text(region, code), code, axes, grid, writes)

    def _partial_array(self, op: Reduce, axes: Sequence[Cuts]) -> ArraySpec:
        cuts = tuple(Cuts(c.count, 1) if d in op.axes else c for d, c in enumerate(axes))
        dtype = partial_dtype(op.kind, op.inputs[0].dtype, op.accumulator)
        return self._scratch(Tiling(cuts), dtype, "p")


def _whole(part: Part) -> tuple[int, ...]:
    """The lengths of the source's axes that every task reads in full, so that no chunks make it smaller."""
    return tuple(m.size for m in part.maps if m.axis < 0 and m.size > 1)


def reduction_of(op: Reduce) -> dict[str, Any]:
    """The reduction of a `map` step's output."""
    return {"kind": op.kind, "axes": list(op.axes), "dtype": dtype_to_json(op.accumulator)}
