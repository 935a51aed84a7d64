"""What the steps of a task take on a machine: the shapes of registers, what kernels count for them, seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from lambdarray_kernels import get
from lambdarray_kernels.dtypes import real_flops

from ..cost import Machine
from ..task import Program, Read, Step
from ..tiling import AxisMap, Span, dtype_from_json


def _by_name(kinds: Mapping[str, str]) -> dict[str, str]:
    """Each name with its kind."""
    return {name: kind for kind, names in kinds.items() for name in names.split()}


# Kinds of elementwise functions, as a machine has them; all others are "other".
FUNCTIONS = _by_name(
    {
        "quick": "absolute add bitwise_and bitwise_or bitwise_xor cast ceil clip conjugate copy copysign equal fabs "
        "floor fmax fmin greater greater_equal imag invert isfinite isinf isnan left_shift less less_equal logical_and "
        "logical_not logical_or logical_xor maximum minimum multiply negative not_equal positive real right_shift rint "
        "sign signbit square subtract trunc where",
        "divide": "divide reciprocal sqrt",
        "exponential": "exp exp2 expm1 log log10 log1p log2",
        "trigonometric": "cos sin",
    }
)
DISTRIBUTIONS = _by_name(
    {"uniform": "random uniform integers", "normal": "standard_normal normal standard_exponential exponential"}
)
# Kinds of kernels that call BLAS and LAPACK; all others move bytes.
KERNELS = _by_name(
    {
        "product": "gemm gemm_update update_rows sketch matrix_power expm",
        "symmetric": "herk_update",
        "triangular": "trsm trtrs eliminate reconstruct lu_solve solve_triangular",
        "cholesky": "cholesky",
        "lu": "lu lu_factor choose_pivots join_pivots signed_lu inv solve det slogdet",
        "qr": "qr reflect fold wy",
        "narrow": "unfold",
        "spectral": "svd svdvals eigh eigvalsh eig eigvals pinv lstsq matrix_rank norm cond sqrtm logm",
    }
)
# Reductions by what they do for an element, in quick functions; all others are like a sum.
REDUCTIONS: Mapping[str, float] = dict.fromkeys(("var", "std", "nanvar", "nanstd", "argmin", "argmax"), 4.0)

Shape = tuple[int, ...]
Register = tuple[Shape, np.dtype[Any]]


class Work:
    """The largest task of a program: its registers, and the seconds of its steps on a machine with so many cores."""

    def __init__(self, program: Program, spans: Sequence[Span], machine: Machine, cores: float) -> None:
        self.program, self.spans, self.machine = program, spans, machine
        self.cores, self.alone = cores, min(cores, 1.0)
        self.block = tuple(hi - lo for lo, hi in spans[: program.grid_ndim])
        self.flops = 0.0
        self.registers = {r.register: self._read(r) for r in program.reads}
        self.made = {w.register: self._written(w.array, w.axes, w.by_block) for w in program.writes}

    def seconds(self) -> float:
        """The seconds of all steps, without what reads and writes take; `flops` are counted on the way."""
        turns = math.prod(c.size / c.max_chunk for c in self.program.loops if c.size)
        total = 0.0
        for step in self.program.steps:
            seconds, flops = self._step(step)
            total += seconds * (turns if step.loop else 1.0)
            self.flops += flops * (turns if step.loop else 1.0)
        return total

    # -- registers

    def _read(self, read: Read) -> Register:
        part = read.parts[0]
        spec = self.program.arrays[part.array]
        lengths = [self._length(m) for m in part.maps]
        if read.by:
            lengths[read.by_axis] = read.most
        return tuple(1 if s < 0 else lengths[s] for s in read.layout), spec.dtype

    def _length(self, m: AxisMap) -> int:
        return length_of(m, self.spans[m.axis] if m.axis >= 0 else (0, 1))

    def _written(self, array: str, axes: Sequence[int], by_block: Sequence[bool]) -> Register:
        spec = self.program.arrays[array]
        follows = zip(spec.tiling.axes, axes, by_block, strict=True)
        shape = tuple(c.max_chunk if own else 1 if a < 0 else self.spans[a][1] for c, a, own in follows)
        return shape, spec.dtype

    # -- steps

    def _step(self, step: Step) -> tuple[float, float]:
        """Seconds of one call, and its real flops where its kernel counts what it computes."""
        given = [self.registers[name] for name in step.ins if name in self.registers]
        made = [self._out(step, name, given) for name in step.outs]
        flops = 0.0
        if step.kernel == "map":
            seconds, flops = self._map(step)
        elif step.kernel == "random":
            kind = DISTRIBUTIONS.get(step.params["name"], "other")
            seconds = math.prod(self.block) * self._ns(self.machine.random, kind, made[0][1]) / self.alone
        elif step.kernel in KERNELS:
            seconds, flops = self._linear_algebra(step, given, made)
        else:
            moved = sum(map(nbytes, (*given, *made)))
            seconds = moved / (self.machine.memory.gather_gbps * 1e9) / self.alone
        self.registers |= dict(zip(step.outs, made, strict=True))
        return seconds, flops

    def _out(self, step: Step, name: str, given: Sequence[Register]) -> Register:
        """What a step makes: as it is written, as it was before, or the block."""
        if step.kernel == "gemm":
            a, b = (shape for shape, _ in given[-2:])
            return (*np.broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1]), dtype_from_json(step.params["dtype"])
        if step.kernel == "random":
            return self.block, dtype_from_json(step.params["dtype"])
        if name in self.registers:
            return self.registers[name]
        matrices = (register for register in given if len(register[0]) > 1)
        return self.made.get(name) or next(matrices, (self.block, np.dtype(float)))

    def _map(self, step: Step) -> tuple[float, float]:
        rates, elements = self.machine.elementwise, math.prod(self.block)
        total = 0.0
        for name, _, ins, outs in step.params["code"]:
            widest = max(map(dtype_from_json, (*ins, *outs)), key=lambda d: d.itemsize)
            total += self._ns(rates, FUNCTIONS.get(name, "other"), widest)
        for _, reduction in step.params["outputs"]:
            if reduction is not None:
                dtype = dtype_from_json(reduction["dtype"]) if "dtype" in reduction else np.dtype(float)
                total += REDUCTIONS.get(reduction["kind"], 1.0) * self._ns(rates, "quick", dtype)
        count = len(step.params["code"]) + sum(r is not None for _, r in step.params["outputs"])
        return elements * total / self.alone, float(elements * count)

    @staticmethod
    def _ns(rates: Any, kind: str, dtype: np.dtype[Any]) -> float:
        """Seconds of an element: in proportion to its bytes, since vectors have fewer of larger ones."""
        ns: float = getattr(rates, f"{kind}_ns")
        return ns * 1e-9 * dtype.itemsize / 8

    def _linear_algebra(self, step: Step, given: Sequence[Register], made: Sequence[Register]) -> tuple[float, float]:
        kind, dtype = KERNELS[step.kernel], made[0][1]
        flops = self._flops(step, given, made)
        if kind == "product":
            side = product_side(flops / real_flops(dtype), made[0][0])
        else:
            side = step.params.get("columns") or min(
                (min(shape[-2:]) for shape, _ in given if len(shape) > 1), default=1
            )
        return flops / self.machine.kernel_flops_per_s(kind, dtype, side, self.cores), flops

    def _flops(self, step: Step, given: Sequence[Register], made: Sequence[Register]) -> float:
        """Real flops of one call, by the kernel's own count."""
        shapes: list[Shape | None] = [shape for shape, _ in given]
        if step.loop and step.ins[:1] != step.outs[:1]:
            shapes.insert(0, made[0][0])
        kernel = get(step.kernel)
        extra: dict[str, Any] = {}
        if kernel.needs_block:
            extra = {"block": self.spans, "shape": [c.size for c in self.program.axes]}
        count = float(kernel.flops(*shapes, **step.params, **extra))
        return count if step.kernel == "gemm" else count * real_flops(made[0][1])


def product_side(flops: float, result: Shape) -> float:
    """The side of square tiles whose product is as hard: the harmonic mean of rows, columns and what is summed over.

    >>> round(product_side(2 * 10 * 10 * 10, (10, 10)))
    10
    """
    m, n = (1, 1, *result)[-2:]
    k = flops / max(2 * math.prod(result), 1)
    return 3 / (1 / max(m, 1) + 1 / max(n, 1) + 1 / max(k, 1))


def length_of(m: AxisMap, span: Span) -> int:
    """The elements of a source that a block of `span` elements needs at most."""
    if m.table:
        return max(hi - lo for lo, hi in zip(m.table[::2], m.table[1::2], strict=True))
    lo, hi = m.span(span)
    return -(-(hi - lo) // abs(m.step)) if m.size == 1 else hi - lo


def nbytes(register: Register) -> int:
    """The bytes of a register."""
    shape, dtype = register
    return math.prod(shape) * dtype.itemsize
