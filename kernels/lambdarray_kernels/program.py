"""A fused program made ready: its instructions with their functions found, its constants read, its casts explicit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import functions
from .dtypes import dtype_from_json

Array = np.ndarray
DType = np.dtype
Json = Any


@dataclass(frozen=True, slots=True)
class Iota:
    """`start + step * e` for the elements e of an axis, with the roundings of `np.arange`."""

    axis: int
    start: Any
    step: Any
    dtype: DType

    def values(self, lo: int, hi: int) -> Array:
        """The values of elements lo to hi.

        >>> Iota(0, 1.0, 0.5, np.dtype("f8")).values(2, 4)
        array([2. , 2.5])
        """
        if self.dtype.kind not in "fc":
            return self._whole(lo, hi)
        # NumPy's step is the difference of the first two values, as stored; half precision it computes in single.
        wide = np.dtype("f4") if self.dtype.char == "e" else self.dtype
        first, second = np.array([self.start, self.start + self.step]).astype(self.dtype).astype(wide)
        out = (first + np.arange(lo, hi).astype(wide.type(0).real.dtype) * (second - first)).astype(self.dtype)
        if lo <= 1 < hi:
            out[1 - lo] = second
        return np.asarray(out)

    def _whole(self, lo: int, hi: int) -> Array:
        """Integers and times, whose arithmetic wraps."""
        first, step = (np.array(v, "i8") for v in (self.start, self.step))
        values = first + step * np.arange(lo, hi)
        return values.view(self.dtype) if self.dtype.kind in "mM" else values.astype(self.dtype)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One call: registers in, registers out.

    Exactly one of `fn` (called with `out=`), `view` (makes the output from the input's memory) and `iota` is set.
    """

    ins: tuple[int, ...]
    outs: tuple[int, ...]
    fn: Callable[..., Any] | None = None
    inplace: bool = False
    view: Callable[[Array], Array] | None = None
    iota: Iota | None = None


@dataclass(slots=True)
class Program:
    """Instructions on registers: first the inputs, then the outputs of the code, then constants and casts.

    `stores` are the registers to return whole, each made by an instruction of its own; `reduces` those to
    reduce. Both say where in the kernel's results they go.
    """

    dtypes: list[DType]
    count: int
    instructions: list[Instruction] = field(default_factory=list)
    constants: dict[int, Array] = field(default_factory=dict)
    stores: list[tuple[int, int]] = field(default_factory=list)
    reduces: list[tuple[int, int, Json]] = field(default_factory=list)


def prepare(code: Sequence[Json], outputs: Sequence[Json], dtypes: Sequence[DType]) -> Program:
    """Make a program ready for inputs of these dtypes."""
    made = [dtype_from_json(d) for _, _, _, outs in code for d in outs]
    program = Program([*dtypes, *made], len(dtypes))
    maker = _Maker(program)
    number = len(dtypes)
    for name, args, ins, outs in code:
        places = tuple(range(number, number + len(outs)))
        maker.call(name, args, [dtype_from_json(d) for d in ins], places)
        number += len(outs)
    for place, (register, spec) in enumerate(outputs):
        if spec is None:
            program.stores.append((place, maker.own(register)))
        else:
            program.reduces.append((place, register, spec))
    return program


class _Maker:
    """Adds instructions to a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.iotas: dict[str, int] = {}

    def call(self, name: str, args: Sequence[Json], ins: Sequence[DType], outs: tuple[int, ...]) -> None:
        """Add a call, and before it the casts that its function does not do by itself."""
        dtypes = self.program.dtypes
        registers = [self.register(a, d) for a, d in zip(args, ins, strict=True)]
        made = [dtypes[o] for o in outs]
        view = functions.view(name, dtypes[registers[0]], made[0]) if len(registers) == 1 else None
        if view is not None:
            self.program.instructions.append(Instruction((registers[0],), outs, view=view))
            return
        found = functions.find(name, [dtypes[r] for r in registers], ins, made)
        if found.casts is not None and name not in ("cast", "copy"):
            registers = [self.cast(r, d) for r, d in zip(registers, found.casts, strict=True)]
        self.program.instructions.append(Instruction(tuple(registers), outs, found.fn, found.inplace))

    def register(self, arg: Json, dtype: DType) -> int:
        """The register of an argument: its number, a constant in the dtype of its loop, or an iota."""
        if isinstance(arg, int):
            return arg
        if arg[0] == "c":
            value = np.frombuffer(bytes.fromhex(arg[2]), dtype_from_json(arg[1])).reshape(())
            register = self.new(dtype)
            self.program.constants[register] = np.empty((), dtype)
            functions.cast(value, out=self.program.constants[register])
            return register
        return self.iota(arg)

    def iota(self, arg: Json) -> int:
        """The register of an iota, the same for the same one."""
        key = repr(arg)
        if key not in self.iotas:
            _, axis, start, step, dtype = arg
            self.iotas[key] = self.new(np.dtype(dtype))
            iota = Iota(axis, start, step, np.dtype(dtype))
            self.program.instructions.append(Instruction((), (self.iotas[key],), iota=iota))
        return self.iotas[key]

    def cast(self, register: int, dtype: DType) -> int:
        """A register with the value cast to `dtype`."""
        if self.program.dtypes[register] == dtype:
            return register
        out = self.new(dtype)
        self.program.instructions.append(Instruction((register,), (out,), functions.cast))
        return out

    def own(self, register: int) -> int:
        """A register that an instruction writes and that no other output has; a copy where there is none."""
        program = self.program
        free = all(r != register for _, r in program.stores)
        if free and any(i.fn is not None and register in i.outs for i in program.instructions):
            return register
        out = self.new(program.dtypes[register])
        program.instructions.append(Instruction((register,), (out,), functions.cast))
        return out

    def new(self, dtype: DType) -> int:
        """A further register."""
        self.program.dtypes.append(dtype)
        return len(self.program.dtypes) - 1
