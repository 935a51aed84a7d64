"""What a factorisation of a large matrix in tiles takes on functions, in closed form: what its tile is chosen by.

A factorisation does three things at once. Its flops are shared out; so are its bytes, which are fewer the larger tiles
are; and panel after panel waits for a chain of tasks, which is shorter the smaller tiles are, until S3 answers no more
requests. How many tiles a chain moves for each panel, and a plan reads, is counted in plans: a test holds the sums
against these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .best import Figures
from .machine import PARTITION_GETS, Machine
from .timing import launch_seconds

# Tasks own several tiles where these are smaller than this, and so read less: it counts half.
JOINED_SIDE = 2048
# Of chain, work and requests, the part of the second longest that does not go on beside the longest.
NOT_BESIDE = 0.25
# Blocks that tasks of LU update are of whole tiles, and as near to this as they come.
LU_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Factorisation:
    """A kind of factorisation of n by n in tiles of t by t.

    flops    of all, in n^3
    reads    of all, in elements: so many n^3 / t where t is `JOINED_SIDE`
    writes   of all, as a share of what is read
    moves    elements that the tasks of a panel's chain read and write, one after the other, by n and t
    tasks    the tasks of that chain, by n and t
    kind     the kernel on it, and its flops, in t^3
    prefix   the part of what is read that lies in one array, whose requests S3 answers at a rate
    most     tiles a side: a plan for more takes longer to make than it saves
    """

    flops: float
    reads: float
    writes: float
    moves: Callable[[int, int], float]
    tasks: Callable[[int, int], float]
    kind: str
    panel_flops: float
    prefix: float = 0.0
    most: int = 256


def _lu_moves(n: int, t: int) -> float:
    """Panels of LU wait for updates of blocks, and columns are halved: more of both the more panels there are."""
    block = max(1, min(8, LU_BLOCK // t, n // t // 6)) * t
    return math.sqrt(n) * (0.17 * t**2 + 0.063 * block**2)


def _rounds(n: int, t: int) -> float:
    """Those of a tree of blocks of a panel."""
    return max(1.0, math.log2(n / t))


CHOLESKY = Factorisation(0.35, 0.43, 0.2, lambda n, t: 9.0 * t**2, lambda n, t: 3.0, "cholesky", 3.3, prefix=1.0)
LU = Factorisation(0.7, 0.62, 0.28, _lu_moves, lambda n, t: 10.0, "lu", 2.0)
QR = Factorisation(2.9, 2.9, 0.3, lambda n, t: 40.0 * t**2 * _rounds(n, t), lambda n, t: 8 * _rounds(n, t), "qr", 4.0)

# A round of the polar decompositions that eigenvectors and singular vectors are made by.
POLAR = Factorisation(19.7, 13.3, 0.15, lambda n, t: 85.0 * t**2, lambda n, t: 20.0, "triangular", 15.0, most=128)


def factorised(
    how: Factorisation, m: int, n: int, tile: int, dtype: np.dtype[np.generic], machine: Machine, workers: int,
    memory_mib: int,
) -> Figures:  # fmt: skip
    """What it takes to factorise m by n in tiles of this side.

    >>> from lambdarray.cost import profile
    >>> on = np.dtype(float), profile("lambda-x86_64"), 1000, 1769
    >>> [round(factorised(CHOLESKY, 131072, 131072, t, *on).seconds) for t in (512, 1024, 2048, 4096)]
    [688, 218, 414, 1026]
    """
    k, cores, store = min(m, n), machine.cores(memory_mib), machine.store
    panels, real = k / tile, 4.0 if dtype.kind == "c" else 1.0
    read = how.reads * m * n * k / math.sqrt(tile * JOINED_SIDE) * dtype.itemsize
    computing = how.flops * real * m * n * k / machine.flops_per_s(dtype, tile, cores)
    work = max(computing, store.seconds(read, how.writes * read)) + store.cpu_seconds(read, how.writes * read)
    kernel = how.panel_flops * real * tile**3 / machine.kernel_flops_per_s(how.kind, dtype, tile, cores)
    moved = how.moves(k, tile) * dtype.itemsize / 2
    waits = how.tasks(k, tile) * (2 * store.request_s + machine.task_s)
    chain = panels * (kernel + store.seconds(moved, moved) + waits)
    gets = read / (tile**2 * dtype.itemsize)
    requests = machine.request_dollars(0, gets, how.writes * gets)
    used = min(workers, max(1, math.ceil(panels**2 / 2)))
    *_, second, longest = sorted((chain, work / used, how.prefix * gets / PARTITION_GETS))
    seconds = launch_seconds(machine.functions, used) + longest + NOT_BESIDE * second
    return Figures(tile, seconds, requests + machine.memory_dollars(memory_mib, work))
