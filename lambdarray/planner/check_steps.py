"""The part of the checker that is about registers: defined before use, of the dtype that is written, aligned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import PlanError
from ..task import ArraySpec, Program, Read, Step
from ..tiling import dtype_from_json

Dtype = np.dtype[Any]
Registers = dict[str, Dtype | None]  # the dtype of each, None where only the kernel knows it


def check_steps(program: Program, arrays: Mapping[str, ArraySpec]) -> None:
    """Raise PlanError where a step or a write of a program uses what is not there, or of another dtype."""
    reads: dict[str, Read] = {}
    for read in program.reads:
        if read.register in reads:
            raise _broken(program, f"two reads make the register {read.register!r}")
        reads[read.register] = read
    known: Registers = {n: arrays[r.parts[0].array].dtype for n, r in reads.items() if not r.loop}
    looped: Registers = {n: arrays[r.parts[0].array].dtype for n, r in reads.items() if r.loop}
    in_loop = False
    for step in program.steps:
        if step.loop != in_loop:
            if step.loop and in_loop is None:
                raise _broken(program, f"the loop step {step.kernel} stands after the end of the loop")
            in_loop = step.loop or None  # type: ignore[assignment]
        _check_step(program, step, {**known, **looped} if step.loop else known, reads)
        known.update(zip(step.outs, _dtypes_made(program, step, {**known, **looped}), strict=True))
    for write in program.writes:
        _check_written(program, known, write.register, arrays[write.array])


def _broken(program: Program, text: str) -> PlanError:
    return PlanError(f"stage {program.name} ({program.op}): {text}")


def _check_step(program: Program, step: Step, known: Registers, reads: Mapping[str, Read]) -> None:
    for name in step.ins:
        if name not in known:
            loop = name in reads and reads[name].loop
            why = "is read for each iteration only" if loop else "no read or earlier step makes"
            raise _broken(program, f"the step {step.kernel} takes the register {name!r}, which {why}")
    if not step.outs:
        raise _broken(program, f"the step {step.kernel} makes no register")
    if step.kernel == "map":
        for name in step.ins:
            if name in reads:
                _check_aligned(program, reads[name])


def _check_aligned(program: Program, read: Read) -> None:
    """Dimension p of an elementwise operand is the stage's axis p, or has length 1."""
    for part in read.parts:
        for p, d in enumerate(read.layout):
            if d >= 0 and part.maps[d].axis not in (p, -1):
                axis = part.maps[d].axis
                raise _broken(program, f"dimension {p} of {read.register!r} follows axis {axis} of the stage")


def _check_written(program: Program, known: Registers, register: str, spec: ArraySpec) -> None:
    if register not in known:
        raise _broken(program, f"it writes the register {register!r}, which no read or step makes")
    dtype = known[register]
    if dtype is not None and dtype != spec.dtype:
        raise _broken(program, f"it writes {register!r} of {dtype} to {spec.name!r} of {spec.dtype}")


def _dtypes_made(program: Program, step: Step, known: Registers) -> Sequence[Dtype | None]:
    """The dtypes of a step's outputs, where they follow from its parameters."""
    if step.kernel == "map" and "code" in step.params:
        return _dtypes_of_map(program, step, known)
    if step.kernel in ("combine", "reshape") and step.ins:
        return [known.get(step.ins[0])] * len(step.outs)
    if step.kernel in ("gemm", "random", "finish", "fill") and "dtype" in step.params:
        return [dtype_from_json(step.params["dtype"])] * len(step.outs)
    return [None] * len(step.outs)


def _dtypes_of_map(program: Program, step: Step, known: Registers) -> Sequence[Dtype | None]:
    found: list[Dtype | None] = [known.get(name) for name in step.ins]
    for name, args, ins, outs in step.params["code"]:
        for arg, wanted in zip(args, ins, strict=True):
            if isinstance(arg, int) and arg >= len(found):
                raise _broken(program, f"the function {name} takes value {arg} before it is made, as {wanted}")
        found += [dtype_from_json(dtype) for dtype in outs]
    outputs = step.params["outputs"]
    if len(outputs) != len(step.outs):
        raise _broken(program, f"the step map makes {len(outputs)} values for {len(step.outs)} registers")
    if any(register >= len(found) for register, _ in outputs if isinstance(register, int)):
        raise _broken(program, "the step map gives out a value that it does not make")
    return [found[r] if isinstance(r, int) and kind is None else None for r, kind in outputs]
