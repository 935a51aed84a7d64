"""What a run had to read and write at the very least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lambdarray_kernels.dtypes import real_flops

from ..runtime.launch import worker_memory_bytes
from ..task import Plan, Program

if TYPE_CHECKING:
    from ..runtime.summary import RunReport


def input_bytes(report: RunReport) -> int:
    """Bytes of the arrays that the plan reads and does not make: not of functions, which it reads too."""
    plan = report.planned
    specs = [plan.arrays[name] for name in plan.read - plan.written] if plan else []
    return sum(spec.nbytes for spec in specs if spec.dtype.kind != "V" or spec.dtype.names)


def output_bytes(report: RunReport) -> int:
    """Bytes of the arrays that were asked for."""
    plan = report.planned
    return sum(plan.arrays[name].nbytes for name in frozenset(plan.outputs) & plan.written) if plan else 0


def least_bytes(report: RunReport) -> int | None:
    """A lower bound on the bytes read and written: every input and output once, or what its products take.

    None where nothing is read that was not made here, and products take no more than the outputs; and where not all
    of the plan was done by this run.
    A worker whose memory holds S words moves at least 2 G / sqrt(S) of them for the G multiplications that it makes of
    products and what consists of such (Irony, Toledo and Tiskin, 2004; Ballard, Demmel, Holtz and Schwartz, 2011).
    """
    plan = report.planned
    if plan is None or report.done < report.tasks:
        return None
    inputs, outputs = input_bytes(report), output_bytes(report)
    memory = worker_memory_bytes(report.settings) if report.settings else 0
    products = sum(_moved(plan, n, memory) for n in range(len(plan.programs))) if memory else 0.0
    return math.ceil(max(inputs + outputs, products)) if inputs or products > outputs else None


def _moved(plan: Plan, n: int, memory: float) -> float:
    program, estimate = plan.programs[n], plan.estimates[n]
    if not is_product(program) or not program.writes:
        return 0.0
    dtype = program.arrays[program.writes[0].array].dtype
    multiplications = estimate.flops * program.task_count / (2 * real_flops(dtype))
    return 2 * multiplications * dtype.itemsize / math.sqrt(memory / dtype.itemsize)


def is_product(program: Program) -> bool:
    """Whether a stage's work is multiplications of matrices, or an algorithm that consists of them."""
    return program.flops > 0 or any(step.kernel == "gemm" for step in program.steps)
