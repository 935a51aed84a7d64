"""The Cholesky factorisation of one large matrix, by tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.compute import resources
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, sample
from ..config import get_config
from ..planner.blocks import Resources
from ..planner.estimate import turns_of
from ..tiling import Cuts
from .tiles import patched, steps, tiled
from .updates import Update

# Columns of tiles are updated together where there are more: what lies above the diagonal in a block of them is work
# for nothing, and so many blocks keep that near a twentieth of all.
MOST_BLOCKS = 32
# Groups of so many columns are few, so that there may be twice as many blocks.
WIDE = 8
# How many times longer than all workers together need the longest chain of tasks may be, for fewer bytes.
MOST_WAIT = 2.5


def cholesky(a: Array, tile: int, *, upper: bool = False) -> Array:
    """The lower triangular factor of a Hermitian positive definite matrix of which the lower triangle is read.

    With `upper` the other factor, of the other triangle. What is above the diagonal is one zero everywhere.

    >>> import lambdarray as la, numpy as np
    >>> a = la.asarray([[4.0, 2.0, 2.0], [2.0, 5.0, 3.0], [2.0, 3.0, 6.0]])
    >>> cholesky(a, tile=2).compute()
    array([[2., 0., 0.],
           [1., 2., 0.],
           [1., 1., 2.]])
    """
    (kind,) = sample("cholesky", [a], {})
    x = a.astype(kind)
    if not x.size:
        return x
    if upper:
        return adjoint(cholesky(adjoint(x), tile))
    return patched(x.shape, tile, [piece for column in factor(x, tile) for piece in column.pieces()])


@dataclass(frozen=True, slots=True)
class Columns:
    """Neighbouring columns from the diagonal on: where they start, the square on the diagonal, what is below it."""

    start: int
    diagonal: Array
    below: Array

    @property
    def end(self) -> int:
        """The first row of `below`."""
        return self.start + len(self.diagonal)

    def pieces(self) -> list[tuple[int, int, Array]]:
        """Its parts with their places, as `patched` takes them."""
        parts = [(self.start, self.start, self.diagonal), (self.end, self.start, self.below)]
        return [part for part in parts if part[2].size]

    def rows(self, start: int, end: int) -> Array:
        """Rows of the whole matrix, all of them below the square on the diagonal."""
        return self.below[start - self.end : end - self.end]

    def split(self, width: int) -> tuple[Columns, list[Columns]]:
        """The first columns, and the others if there are any."""
        if width >= len(self.diagonal):
            return self, []
        first = concatenate([self.diagonal[width:, :width], self.below[:, :width]])
        rest = Columns(self.start + width, self.diagonal[width:, width:], self.below[:, width:])
        return Columns(self.start, self.diagonal[:width, :width], first), [rest]


def factor(x: Array, tile: int, groups: Groups | None = None) -> list[Columns]:
    """The factor, one column of tiles after the other.

    Columns far from the panel are updated by a group of `far` columns at a time (right-looking), and this is one
    product, whose tasks write a tile once. The group itself is factorised by halves, the second updated by the first,
    down to `near` columns, each of which is updated by those before it when its turn comes (left-looking). So a tile
    of column k is written at most 1 + ceil(k / near) times (E. Anderson and J. Dongarra, "Evaluating block algorithm
    variants in LAPACK", LAPACK Working Note 19, 1990; G. Ballard et al., "Communication-optimal parallel and
    sequential Cholesky decomposition", 2010).
    """
    n = len(x)
    count = -(-n // tile)
    groups = Groups.of(count, tile, x.dtype, resources(get_config())) if groups is None else groups
    most = MOST_BLOCKS if groups.far < WIDE else 2 * MOST_BLOCKS
    width = max(groups.block, -(-count // most))
    at_once = -(-groups.far // width)
    # Columns of the first group are those of the input itself, of which two parts would be put together for a column.
    first = min(n, at_once * width * tile)
    spans = [*steps(first, tile), *((first + lo, first + hi) for lo, hi in steps(n - first, tile * width))]
    rest = [Columns(lo, tiled(x[lo:hi, lo:hi], tile), tiled(x[hi:, lo:hi], tile)) for lo, hi in spans]
    many = at_once * width
    found: list[Columns] = []
    while rest:
        group, rest, many = rest[:many], rest[many:], at_once
        done = _factor(group, Owned(tile, groups.block, 1, group[-1].end + groups.far * tile), groups.near)
        rest = [_updated(columns, done, Owned(tile, groups.block, groups.block)) for columns in rest]
        found += done
    return found


@dataclass(frozen=True, slots=True)
class Groups:
    """How many columns of tiles are factorised one by one, how many before those after them are updated, and by whom.

    The tasks of an update own blocks of `block` tiles a side.
    """

    near: int
    far: int
    block: int = 1

    @classmethod
    def of(cls, count: int, tile: int, dtype: np.dtype[Any], given: Resources) -> Groups:
        """The largest blocks, then the widest groups, for which the longest chain of tasks is not too long.

        Of products of tiles, of which all columns have count^3 / 6, a column waits for about 2 / 3 where it is
        factorised, one half for each time that its group is halved, and block^2 where groups meet. Blocks have to fit
        a worker, beside what is read for them. A group is updated tile by tile, so that wide ones read more than they
        save in writes: most where there are twice the root of `count` columns in one.

        >>> float64, worker = np.dtype(float), 1459 << 20
        >>> [Groups.of(128, 4096, float64, Resources(n, worker, remote=True)) for n in (100, 1000, 10_000)]
        [Groups(near=13, far=16, block=2), Groups(near=2, far=16, block=2), Groups(near=2, far=2, block=1)]
        """
        near = group_width(count, given.workers)
        limit = MOST_WAIT * count**2 / 6 / given.workers
        most = math.isqrt(given.memory_bytes // (tile**2 * dtype.itemsize)) if given.remote else 1
        for block in range(min(most, count), 0, -1):
            # The block, and of both operands as much as it is long; a tile of each is under way.
            fits = (block**2 + 2 * block + 2) * tile**2 * dtype.itemsize <= given.memory_bytes
            widest = math.isqrt(4 * count) if block > 1 else count
            for far in (2**power for power in range(widest.bit_length() - 1, 0, -1)) if fits or block == 1 else ():
                quick = turns_of(2.0 * (block * tile) ** 2 * far * tile, dtype, given) <= 1
                if far >= block and quick and 2 / 3 + math.log2(far) / 2 + block**2 <= limit:
                    return cls(min(near if block == 1 else max(near, 2 * block), far), far, block)
        return cls(near, near)


def group_width(count: int, workers: int) -> int:
    """How many columns of tiles are factorised one by one: as many as leave enough tasks that wait for no other.

    A diagonal tile waits for about 2 `width` products of tiles since that of the column before it, and all products
    are count^3 / 6: at this width the longest chain is half of what each worker has to do. Fewer columns are more
    writes and no more speed; a single one, which would move a third more bytes than two, is never a group. The last
    quarter of all, in which there is less and less to do at once, is not left to be updated by one column at a time.

    >>> group_width(16, 2), group_width(64, 100), group_width(64, 2800)
    (10, 3, 2)
    """
    return max(2, min(-(-3 * count // 4), count**2 // (12 * workers)))


@dataclass(frozen=True, slots=True)
class Owned:
    """The tiles that a task owns: so many rows and columns of them, but one by one the rows before `fine`, which the
    columns that are next wait for."""

    tile: int
    rows: int = 1
    columns: int = 1
    fine: int = 0

    def blocks(self, x: Array, start: int) -> list[Cuts]:
        """The blocks of an array whose first row is that of the matrix.

        >>> import lambdarray as la
        >>> Owned(2, rows=3, fine=13).blocks(la.ones((13, 2)), 10)
        [Cuts.ragged([2, 2, 6, 3]), Cuts(2, 2)]
        """
        size, long = len(x), self.tile * self.rows
        single = min(size, max(0, -(-(self.fine - start) // self.tile)) * self.tile)
        after = Cuts(size - single, long).chunks
        return [Cuts.ragged([*Cuts(single, self.tile).chunks, *after]), Cuts(x.shape[1], self.tile * self.columns)]


def _factor(group: Sequence[Columns], owned: Owned, near: int) -> list[Columns]:
    """The factor of some columns, in columns of a tile."""
    width = sum(len(columns.diagonal) for columns in group)
    if width <= near * owned.tile or len(group) == 1:
        return _one_by_one(group, owned)
    half = -(-len(group) // 2)
    first = _factor(group[:half], owned, near)
    return first + _factor([_updated(columns, first, owned) for columns in group[half:]], owned, near)


def _one_by_one(group: Sequence[Columns], owned: Owned) -> list[Columns]:
    found: list[Columns] = []
    rest = list(group)
    while rest:
        column, rest[:1] = rest[0].split(owned.tile)
        found.append(_factored(column, found, owned))
    return found


def _updated(columns: Columns, done: Sequence[Columns], owned: Owned) -> Columns:
    """Columns less what those that are done take from them."""
    diagonal, below = _on_diagonal("update", columns, done, owned), _below("update", columns, done, owned)
    return Columns(columns.start, diagonal.made(), below.made())


def _factored(column: Columns, done: Sequence[Columns], owned: Owned) -> Columns:
    """A column of the factor: less what those before it in its group take, and solved with its diagonal."""
    on, below = _on_diagonal("cholesky", column, done, owned), _below("trsm", column, done, owned)
    on.then("cholesky", start=column.start)
    diagonal = on.made()
    below.then("trsm", diagonal, right=True, trans="C")
    return Columns(column.start, diagonal, below.made())


def _on_diagonal(name: str, columns: Columns, done: Sequence[Columns], owned: Owned) -> Update:
    side = owned.tile * owned.columns
    update = Update(name, columns.diagonal, owned.tile, [Cuts(len(columns.diagonal), side)] * 2)
    if done:
        rows = _rows(done, columns.start, columns.end)
        alone = len(columns.diagonal) <= side  # then the other triangle is not needed
        update.less("herk_update" if alone else "gemm_update", [(rows, (0, 2)), (rows, (1, 2))][: 2 - alone])
    return update


def _below(name: str, columns: Columns, done: Sequence[Columns], owned: Owned) -> Update:
    update = Update(name, columns.below, owned.tile, owned.blocks(columns.below, columns.end))
    if done:
        rows = _rows(done, columns.end, columns.end + len(columns.below))
        update.less("gemm_update", [(rows, (0, 2)), (_rows(done, columns.start, columns.end), (1, 2))])
    return update


def _rows(done: Sequence[Columns], start: int, end: int) -> Array:
    """Those rows of neighbouring columns, which are read where they lie."""
    return concatenate([columns.rows(start, end) for columns in done], 1)
