"""Plans of matrices that exist on paper only: how many bytes they move, beside the least that is possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import lambdarray as la
from lambdarray.algorithms.bounds import Bound
from lambdarray.algorithms.polar import least, schedule, step
from lambdarray.algorithms.sides import best_side
from lambdarray.api.array import Array
from lambdarray.api.compute import resources
from lambdarray.config import get_config
from lambdarray.cost.factors import CHOLESKY, LU, QR, Factorisation
from lambdarray.ops import Stored
from lambdarray.planner.estimate import totals
from lambdarray.task import Plan
from lambdarray.tiling import Cuts, Tiling

TILE, MEMORY_MIB, WORKERS = 4096, 1769, 1000
WORD = 8


def matrix(name: str, m: int, n: int, tile: int = TILE) -> Array:
    """A matrix in a bucket that nobody looks into."""
    place = f"s3://paper/{name}"
    cuts = Tiling((Cuts(m, min(m, tile)), Cuts(n, min(n, tile))))
    location = {"kind": "tiles", "store": place, "prefix": name}
    return Array(Stored((), cuts, np.dtype(float), location=location, token=f"{place} {m} {n} {tile}"))


@contextmanager
def on_lambda(workers: int = WORKERS, memory_mib: int = MEMORY_MIB) -> Iterator[None]:
    """Settings of functions, for plans that are not run."""
    with la.config(executor="lambda", store="s3://paper/scratch", workers=workers, memory_mib=memory_mib):
        yield


def product(n: int, tile: int = TILE) -> Any:
    return (matrix("a", n, n, tile) @ matrix("b", n, n, tile),)


def cholesky(n: int, tile: int = TILE) -> Any:
    return (la.linalg.cholesky(matrix("a", n, n, tile), tile=tile),)


def lu(n: int, tile: int = TILE) -> Any:
    return la.linalg.lu_factor(matrix("a", n, n, tile), tile=tile)


def qr_r(n: int, tile: int = TILE) -> Any:
    return (la.linalg.qr(matrix("a", n, n, tile), "r", tile=tile),)


def qr(n: int, tile: int = TILE) -> Any:
    return la.linalg.qr(matrix("a", n, n, tile), tile=tile)


def svd(n: int, tile: int = TILE) -> Any:
    """The first run of several: a round of the polar decomposition. What the next runs are depends on values."""
    x = matrix("a", n, n, tile)
    for weight in schedule(least(x.dtype), float(np.finfo(x.dtype).eps) ** 0.7):
        x = step(x, weight, tile)
    return (x,)


@dataclass(frozen=True)
class Paper:
    """An algorithm: its expressions, its multiplications over n^3 (None: as many as the plan makes), its limit.

    `touched` is the words that go in and come out over n^2, `output` those that come out, which workers share. `how`
    says what the library chooses a tile by, where it does.
    """

    make: Callable[..., Any]
    share: float | None
    formula: str
    touched: float
    limit: float
    output: float = 1.0
    how: Factorisation | None = None


PAPERS: Mapping[str, Paper] = {
    "GEMM": Paper(product, 1.0, "2 n^3 / sqrt(S)", 3.0, 2.0),
    "Cholesky": Paper(cholesky, 1 / 6, "n^3 / (3 sqrt(S))", 1.0, 2.0, 0.5, CHOLESKY),
    "LU": Paper(lu, 1 / 3, "2 n^3 / (3 sqrt(S))", 2.0, 4.0, how=LU),
    "QR, R alone": Paper(qr_r, 2 / 3, "4 n^3 / (3 sqrt(S))", 1.5, 4.0, how=QR),
    "QR": Paper(qr, 4 / 3, "8 n^3 / (3 sqrt(S))", 2.5, 4.0, how=QR),
    "SVD, its polar factor": Paper(svd, None, "flops of its calls / sqrt(S)", 2.0, 4.0),
}


def chosen_tile(name: str, n: int, workers: int) -> int:
    """The tile that the library chooses for so many functions; of what it cuts as it is told, the usual one."""
    how = PAPERS[name].how
    with on_lambda(workers):
        return TILE if how is None else best_side(how, (n, n), np.dtype(float), get_config())


@dataclass(frozen=True)
class Moved:
    """What a plan moves, beside the bound."""

    plan: Plan
    bound: Bound
    flops: float
    bytes_read: int
    bytes_written: int

    @property
    def ratio(self) -> float:
        """Bytes read and written over the fewest possible."""
        return (self.bytes_read + self.bytes_written) / (self.bound.words * WORD)


def moved(name: str, grid: int, workers: int | None = None) -> Moved:
    """The plan for `grid` tiles a side, on a worker for each tile, at most a thousand, that is to move few bytes."""
    paper, n = PAPERS[name], grid * TILE
    count = min(grid * grid, WORKERS) if workers is None else workers
    with on_lambda(count):
        with la.config(objective="dollars"):
            wanted = paper.make(n)
        made = la.plan(*wanted)
        memory_words = resources(get_config()).memory_bytes // WORD
    flops, read, written = (sum(column) for column in zip(*map(totals, made.programs), strict=True))
    multiplications = flops / 2 if paper.share is None else paper.share * n**3
    bound = Bound(multiplications, int(paper.output * n * n), int(paper.touched * n * n), memory_words, count)
    return Moved(made, bound, flops, int(read), int(written))
