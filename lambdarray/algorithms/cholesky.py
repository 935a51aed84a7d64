"""The Cholesky factorisation of one large matrix, by tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import real_flops

from ..api.array import Array
from ..api.compute import resources
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, sample
from ..config import get_config
from ..planner.blocks import Resources
from ..planner.estimate import bytes_a_second, flops_a_second, turns_of
from ..tiling import Cuts
from .tiles import patched, tiled
from .updates import Update

# How many times longer than the least a factor may take, for fewer bytes: of functions where time counts, and else.
MOST_SLACK, MOST_WAIT = 1.05, 4.0
# How many times longer than its tasks take on average a chain of them takes: it waits for the slow ones.
MOST_LATE = 1.25


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
class Column:
    """A column of the factor, a tile wide: where it starts, the tile on the diagonal, what is below it."""

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
        """Rows of the whole matrix, all of them below the tile on the diagonal."""
        return self.below[start - self.end : end - self.end]


@dataclass(frozen=True, slots=True)
class Panel:
    """Neighbouring columns that are yet to be factorised, from the diagonal on; above it they have no values."""

    start: int
    values: Array

    @property
    def width(self) -> int:
        """The number of columns."""
        return int(self.values.shape[1])

    @property
    def end(self) -> int:
        """The first column after it."""
        return self.start + self.width

    def split(self, width: int) -> tuple[Panel, list[Panel]]:
        """The first columns, and the others if there are any."""
        if width >= self.width:
            return self, []
        first = Panel(self.start, self.values[:, :width])
        return first, [Panel(first.end, self.values[width:, width:])]

    def opened(self, width: int) -> list[Panel]:
        """The first columns, then as many, and then twice as many as before, again and again."""
        count = -(-self.width // width)
        if count < 2:
            return [self]
        # All but the last are the widest power of two that leaves some.
        first, rest = self.split(width << ((count - 1).bit_length() - 1))
        return first.opened(width) + rest


def factor(x: Array, tile: int, groups: Groups | None = None) -> list[Column]:
    """The factor, one column of tiles after the other.

    Columns far from the panel are updated by a group of `far` columns at a time (right-looking), and this is one
    product, whose tasks write a tile once. The group itself is factorised by halves, the second updated by the first,
    down to `near` columns, each of which is updated by those before it when its turn comes (left-looking). So a tile
    of column k is written at most 1 + ceil(k / near) times (E. Anderson and J. Dongarra, "Evaluating block algorithm
    variants in LAPACK", LAPACK Working Note 19, 1990; G. Ballard et al., "Communication-optimal parallel and
    sequential Cholesky decomposition", 2010).

    The columns of the next group are updated by a stage of their own, and those after them by few, each twice as wide
    as the one before, so that what is needed soon is not in one with what is not (lookahead).
    """
    n = len(x)
    if groups is None:
        config = get_config()
        groups = Groups.of(-(-n // tile), tile, x.dtype, resources(config), config.objective)
    width = groups.far * tile
    rest, found = Panel(0, tiled(x, tile)).opened(width), list[Column]()
    while rest:
        group, *rest = rest
        done = _factor(group, Owned(tile, groups.block, 1, group.end + width), groups.near)
        if rest:
            rest = rest[0].opened(width) + rest[1:]
        rest = [_updated(panel, done, Owned(tile, groups.block, groups.block)) for panel in rest]
        found += done
    return found


@dataclass(frozen=True, slots=True)
class Groups:
    """How many columns of tiles are factorised one by one, how many before those after them are updated, and by whom.

    The tasks of an update own blocks of `block` tiles a side, which divides `far`: a group begins where a block does.
    """

    near: int
    far: int
    block: int = 1

    @classmethod
    def of(cls, count: int, tile: int, dtype: np.dtype[Any], given: Resources, objective: str = "time") -> Groups:
        """Those that take the least time, or that move the fewest bytes in not much more than that.

        Blocks have to fit a worker, beside what is read for them. A group is updated tile by tile, so that wide ones
        read more than they save in writes: most where there are twice the root of `count` columns in one.

        >>> float64, worker = np.dtype(float), 1459 << 20
        >>> [Groups.of(128, 4096, float64, Resources(n, worker, remote=True)) for n in (10, 100, 1000)]
        [Groups(near=4, far=16, block=2), Groups(near=4, far=4, block=1), Groups(near=2, far=2, block=1)]
        """
        near, pace = group_width(count, given.workers), Pace.of(tile, dtype, given)
        most = math.isqrt(given.memory_bytes // (tile**2 * dtype.itemsize)) if given.remote else 1
        found = [cls(near, near)]
        for block in range(1, min(most, count) + 1):
            # The block, and of both operands as much as it is long; a tile of each is under way.
            if block > 1 and (block**2 + 2 * block + 2) * tile**2 * dtype.itemsize > given.memory_bytes:
                break
            widest = math.isqrt(4 * count) if block > 1 else count
            steps = {block * 2**power for power in range(block == 1, widest.bit_length())}
            for far in sorted(steps if given.remote else steps | {count}):  # here the whole matrix may be one group
                if far <= widest and turns_of(2.0 * (block * tile) ** 2 * far * tile, dtype, given) <= 1:
                    found.append(cls(min(near if block == 1 else 2 * block, far), far, block))
        seconds = {groups: pace.seconds(groups, count, given.workers) for groups in found}
        allowed = min(seconds.values()) * (MOST_SLACK if given.remote and objective == "time" else MOST_WAIT)
        return min((g for g, s in seconds.items() if s <= allowed), key=lambda g: (g.moved, seconds[g]))

    @property
    def moved(self) -> float:
        """The tiles that are read and written for each product of tiles."""
        return 2 / self.block + 2 / self.far


@dataclass(frozen=True, slots=True)
class Pace:
    """The seconds of a worker for a product of tiles, and for moving a tile."""

    product: float
    move: float

    @classmethod
    def of(cls, tile: int, dtype: np.dtype[Any], given: Resources) -> Pace:
        """Those of workers that tasks are cut for."""
        move = tile**2 * dtype.itemsize / bytes_a_second(given) + given.cut_for.store.request_s
        return cls(real_flops(dtype) * 2.0 * tile**3 / flops_a_second(given), move if given.remote else 0.0)

    def seconds(self, groups: Groups, count: int, workers: int) -> float:
        """About what a factor of `count` columns of tiles takes: its longest chain of tasks, and some of all the work.

        A row goes through all columns, one after the other. Of products of tiles, of which there are count^3 / 6, each
        of its tiles waits for half a one where it is solved with, for half of those with the `near` columns, for half a
        one each time that its group was halved, and where groups meet for one; so many times as a task owns tiles. And
        each waits for what these tasks read and write. Of the many tasks that a chain waits for some are slow.
        """
        near, far, block = groups.near, groups.far, groups.block
        before = (near - 1) / 2 + math.log2(far / near) / 2
        products = block * (1 / 2 + before) + block**2
        moves = 2 * block + 1 + before * (block + 1) + 2 * block / near + 2 * block + 2 * block**2 / far
        chain = MOST_LATE * count * (products * self.product + moves * self.move)
        work = count**3 / 6 / workers * max(self.product, groups.moved * self.move)
        return max(chain, work) + min(chain, work) / 2


def group_width(count: int, workers: int) -> int:
    """How many columns of tiles are factorised one by one: as many as leave enough tasks that wait for no other.

    A diagonal tile waits for about 2 `width` products of tiles since that of the column before it, and all products
    are count^3 / 6: at this width the longest chain is three quarters of what each worker does. Fewer columns are more
    writes and no more speed; a single one, which would move a third more bytes than two, is never a group. The last
    quarter of all, in which there is less and less to do at once, is not left to be updated by one column at a time.

    >>> group_width(16, 2), group_width(64, 100), group_width(64, 2800)
    (12, 5, 2)
    """
    return max(2, min(-(-3 * count // 4), count**2 // (8 * workers)))


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


def _factor(group: Panel, owned: Owned, near: int) -> list[Column]:
    """The factor of some columns, in columns of a tile."""
    count = -(-group.width // owned.tile)
    if count <= near:
        return _one_by_one(group, owned)
    left, right = group.split(-(-count // 2) * owned.tile)
    first = _factor(left, owned, near)
    return first + [column for panel in right for column in _factor(_updated(panel, first, owned), owned, near)]


def _one_by_one(group: Panel, owned: Owned) -> list[Column]:
    found: list[Column] = []
    rest = [group]
    while rest:
        column, rest = rest[0].split(owned.tile)
        found.append(_factored(column, found, owned))
    return found


def _updated(panel: Panel, done: Sequence[Column], owned: Owned) -> Panel:
    """Columns less what those that are done take from them."""
    start, end = panel.start, panel.end
    update = Update("update", panel.values, owned.tile, owned.blocks(panel.values, start), triangle=True)
    rows = _rows(done, start, start + len(panel.values))
    update.less("gemm_update", [(rows, (0, 2)), (_rows(done, start, end), (1, 2))])
    return Panel(start, update.made())


def _factored(column: Panel, done: Sequence[Column], owned: Owned) -> Column:
    """A column of the factor: less what those before it in its group take, and solved with its diagonal."""
    start, width = column.start, column.width
    on = Update("cholesky", column.values[:width], owned.tile)
    lower = column.values[width:]
    below = Update("trsm", lower, owned.tile, owned.blocks(lower, start + width))
    if done:
        across = _rows(done, start, start + width)
        on.less("herk_update", [(across, (0, 2))])
        rows = _rows(done, start + width, start + len(column.values))
        below.less("gemm_update", [(rows, (0, 2)), (across, (1, 2))])
    on.then("cholesky", start=start)
    diagonal = on.made()
    below.then("trsm", diagonal, right=True, trans="C")
    return Column(start, diagonal, below.made())


def _rows(done: Sequence[Column], start: int, end: int) -> Array:
    """Those rows of neighbouring columns, which are read where they lie."""
    return concatenate([column.rows(start, end) for column in done], 1)
