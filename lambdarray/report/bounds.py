"""What a run had to read and write at the very least."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..algorithms.bounds import least_bytes as least_bytes_of
from ..runtime.launch import worker_memory_bytes

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
    """A lower bound on the bytes read and written: every input and output once, or what products take.

    None where nothing is read that was not made here, and products take no more than the outputs; and where not all
    of the plan was done by this run.
    """
    plan = report.planned
    if plan is None or report.settings is None or report.done < report.tasks:
        return None
    found = least_bytes_of(plan, worker_memory_bytes(report.settings), report.workers)
    return math.ceil(found) if input_bytes(report) or found > output_bytes(report) else None
