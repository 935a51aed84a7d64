"""The fewest bytes that an algorithm of matrices can move: what plans are measured against.

A worker whose fast memory holds S words, and which makes G of an algorithm's multiplications c += a * b, moves at least
2 G / sqrt(S) words to leading order: of products (D. Irony, S. Toledo and A. Tiskin, "Communication lower bounds for
distributed-memory matrix multiplication", 2004; the constant is of T. M. Smith et al., "A tight I/O lower bound for
matrix multiplication", 2019), and of all that consists of such multiplications: LU, Cholesky, QR (G. Ballard,
J. Demmel, O. Holtz and O. Schwartz, "Minimizing communication in numerical linear algebra", 2011).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..planner.estimate import multiplications, written_bytes
from ..task import Plan, Program


@dataclass(frozen=True, slots=True)
class Bound:
    """The least words that workers move together for `multiplications`, which leave `output_words`.

    A worker has room for `memory_words`, and where there are many of them uses no more than its share of the output.
    What goes in and what comes out, `touched_words`, is moved in any case.

    >>> Bound(1000.0**3, 1000**2, 3 * 1000**2, memory_words=10**9, workers=100).words
    20000000.0
    """

    multiplications: float
    output_words: int
    touched_words: int
    memory_words: int
    workers: int

    @property
    def fast_words(self) -> float:
        """S: a worker's share of the output, or as much of it as its memory holds."""
        return min(self.memory_words, self.output_words / self.workers)

    @property
    def words(self) -> float:
        """2 G / sqrt(S), or what is touched."""
        return max(2 * self.multiplications / math.sqrt(self.fast_words), float(self.touched_words))


def least_bytes(plan: Plan, memory_bytes: float, workers: int) -> float:
    """The fewest bytes that a plan's products can move together, or what it reads and leaves where that is more.

    A product is bounded by its own multiplications and its own result, or the partial results of which it is the sum.
    Factorisations count as the multiplications that their kernels make.
    """
    touched = sum(plan.arrays[n].nbytes for n in (plan.read - plan.written) | set(plan.outputs))
    return max(float(touched), sum(_least_of(p, memory_bytes, workers) for p in plan.programs))


def _least_of(program: Program, memory_bytes: float, workers: int) -> float:
    made = written_bytes(program)
    count = multiplications(program)
    if not count or not made:
        return 0.0
    itemsize = max(program.arrays[name].dtype.itemsize for name in made)
    words = sum(made.values()) // itemsize
    if not words:
        return 0.0
    return Bound(count, words, 0, int(memory_bytes // itemsize), min(workers, program.task_count)).words * itemsize
