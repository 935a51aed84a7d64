"""Writes the elementwise code of one region: registers, reads and instructions for the `map` kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops import Concat, Fill, Iota, Map, Op, Patch, Random, Rechunk, View, constant
from ..task import ArraySpec, Part, Read, Step
from ..tiling import dtype_to_json
from .regions import layers_of, parameters_of, seen_parts
from .views import Maps, broadcast, compose, layout

INT64 = np.dtype(np.int64)
Value = tuple[str, Any]  # ("in", register name) | ("reg", instruction, output) | ("const", plain data)


class Code:
    """The reads, steps and instructions of one program, made as ops are asked for.

    `stage` says how a region's axes follow the stage's; `array_of` gives the stored array of an op.
    """

    def __init__(self, ndim: int, stage: Maps, array_of: Callable[[Op], ArraySpec]) -> None:
        self.ndim, self.stage, self.array_of = ndim, stage, array_of
        self.reads: list[Read] = []
        self.steps: list[Step] = []
        self.arrays: dict[str, ArraySpec] = {}
        self.instructions: list[list[Any]] = []
        self.values: dict[tuple[int, Maps], Value] = {}
        self._registers: dict[Any, str] = {}
        self._instructions: dict[str, int] = {}

    def compute(self, op: Op, maps: Maps, shape: Sequence[int]) -> None:
        """Write what computes a member of a region of this shape, whose own inputs have been computed."""
        if isinstance(op, Map):
            self.values[id(op), maps] = self._instruction(op, maps)
        elif isinstance(op, Random):
            self.values[id(op), maps] = self._random(op)
        elif isinstance(op, Concat):
            self.values[id(op), maps] = ("in", self.read(seen_parts(op, maps, shape)))
        elif isinstance(op, Patch):
            self.values[id(op), maps] = self._patch(op, maps)
        elif isinstance(op, View):
            self.values[id(op), maps] = self.value(op.inputs[0], compose(op.maps, maps))
        elif isinstance(op, Rechunk):
            self.values[id(op), maps] = self.value(op.inputs[0], maps)

    def value(self, op: Op, maps: Maps) -> Value:
        """The value of an op seen through `maps`: one computed here, a constant, or a read of its array."""
        if (id(op), maps) in self.values:
            return self.values[id(op), maps]
        if isinstance(op, Fill):
            return ("const", constant(op.value, op.dtype))
        if isinstance(op, Iota):
            return ("const", self._iota(maps))
        return ("in", self.read(((op, maps),)))

    def read(self, sources: Sequence[tuple[Op, Maps]], order: tuple[int, ...] | None = None, fill: Any = None) -> str:
        """The register that holds the union of stored ops, or what they are over the constant `fill`.

        It has the stage's axes where no other `order` is given.
        """
        parts = []
        for op, maps in sources:
            spec = self.array_of(op)
            self.arrays[spec.name] = spec
            staged = compose(maps, self.stage)
            parts.append(Part(spec.name, staged))
            order = layout(staged, self.ndim) if order is None else order
        key = (tuple(parts), order, repr(fill))
        if key not in self._registers:
            self._registers[key] = name = f"r{len(self.reads)}"
            self.reads.append(Read(name, key[0], order or (), fill=fill))
        return self._registers[key]

    def _iota(self, maps: Maps) -> list[Any]:
        m = compose(maps, self.stage)[0]
        if m.axis < 0:
            return constant(m.start, INT64)
        return ["i", m.axis, m.start, m.step, INT64.str]

    def _random(self, op: Random) -> Value:
        name = f"x{len(self.steps)}"
        params: dict[str, Any] = {"seed": op.seed, "call": op.call, "name": op.name, "args": dict(op.args)}
        registers = tuple(
            self.read(((base, maps),), tuple(range(base.ndim)) if op.whole else None)
            for base, maps in parameters_of(op)
        )
        given = {"given": list(op.given)} if op.given else {}
        self.steps.append(Step("random", (name,), registers, {**params, **given, "dtype": dtype_to_json(op.dtype)}))
        return ("in", name)

    def _patch(self, op: Patch, maps: Maps) -> Value:
        base, layers = layers_of(op)
        fill = None if base is None else constant(base.value, op.dtype)
        seen = [(layer, compose(inner, maps)) for layer, inner in layers]
        seen = [(layer, staged) for layer, staged in seen if _is_met(layer, staged)]
        return ("in", self.read(seen, fill=fill)) if seen else ("const", fill)

    def _instruction(self, op: Map, maps: Maps) -> Value:
        args = [self._argument(op, a, maps) for a in op.args]
        loops = [[dtype_to_json(d) for d in loop] for loop in (op.loop_in, op.loop_out)]
        key = repr((op.name, args, loops))
        if key not in self._instructions:
            self._instructions[key] = len(self.instructions)
            self.instructions.append([op.name, args, *loops])
        return ("reg", (self._instructions[key], op.output))

    def _argument(self, op: Map, arg: Any, maps: Maps) -> Value:
        if not isinstance(arg, int):
            return ("const", arg)
        i = op.inputs[arg]
        return self.value(i, broadcast(i.shape, op.shape, maps))

    def as_value(self, value: Value, op: Op) -> Value:
        """The value as a register that has the block's full shape, copying where it is a constant or broadcast."""
        if value[0] == "reg":
            return value
        dtype = dtype_to_json(op.dtype)
        self.instructions.append(["copy", [value], [dtype], [dtype]])
        return ("reg", (len(self.instructions) - 1, 0))

    def map_step(self, outs: Sequence[tuple[str, Value, Any]], params: dict[str, Any]) -> None:
        """End with a `map` step that makes `outs`: (register, value, reduction or None)."""
        inputs: dict[str, int] = {}
        for value in [v for _, args, _, _ in self.instructions for v in args] + [v for _, v, _ in outs]:
            if value[0] == "in":
                inputs.setdefault(value[1], len(inputs))
        firsts, n = [], len(inputs)
        for _, _, _, out_dtypes in self.instructions:
            firsts.append(n)
            n += len(out_dtypes)

        def number(value: Value) -> Any:
            kind, what = value
            if kind == "in":
                return inputs[what]
            return what if kind == "const" else firsts[what[0]] + what[1]

        code = [[name, [number(a) for a in args], ins, os] for name, args, ins, os in self.instructions]
        outputs = [[number(v), reduction] for _, v, reduction in outs]
        made = tuple(name for name, _, _ in outs)
        self.steps.append(Step("map", made, tuple(inputs), {"code": code, "outputs": outputs, **params}))


def _is_met(op: Op, maps: Maps) -> bool:
    """Whether the elements that are the same for all blocks are among the op's."""
    return all(m.axis >= 0 or 0 <= m.start < n for m, n in zip(maps, op.shape, strict=True))
