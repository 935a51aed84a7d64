"""The Cholesky factorisation of one large matrix, by tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..api.array import Array
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, sample
from ..config import get_config
from ..runtime.launch import worker_count
from .tiles import patched, steps, tiled
from .updates import Update

# Columns of tiles are updated together where there are more: what lies above the diagonal in a block of them is work
# for nothing, and so many blocks keep that near a twentieth of all.
MOST_BLOCKS = 32


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


def factor(x: Array, tile: int, width: int | None = None) -> list[Columns]:
    """The factor, one column of tiles after the other.

    A group of `width` columns is factorised at a time. Within the group a column is updated by those before it when
    its turn comes (left-looking), then all columns after the group by the group (right-looking): the sum over a group
    is one product, whose tasks write a tile once. So a tile of column k is written at most 1 + ceil(k / width) times
    (E. Anderson and J. Dongarra, "Evaluating block algorithm variants in LAPACK", LAPACK Working Note 19, 1990;
    G. Ballard et al., "Communication-optimal parallel and sequential Cholesky decomposition", 2010).
    """
    n = len(x)
    count = -(-n // tile)
    width = group_width(count, worker_count(get_config())) if width is None else width
    blocks = steps(n, tile * -(-count // MOST_BLOCKS))
    rest = [Columns(lo, tiled(x[lo:hi, lo:hi], tile), tiled(x[hi:, lo:hi], tile)) for lo, hi in blocks]
    found: list[Columns] = []
    while rest:
        group: list[Columns] = []
        while rest and len(group) < width:
            column, rest[:1] = rest[0].split(tile)
            group.append(_factored(column, group, tile))
        rest = [_updated(columns, group, tile) for columns in rest]
        found += group
    return found


def group_width(count: int, workers: int) -> int:
    """How many columns of tiles are a group: as many as leave enough tasks that do not wait for one another.

    A diagonal tile waits for about 2 `width` products of tiles since that of the column before it, and all products
    are count^3 / 6: at this width the longest chain is half of what each worker has to do. Fewer columns are more
    writes and no more speed; a single one, which would move a third more bytes than two, is never a group. The last
    quarter of all, in which there is less and less to do at once, is not left to be updated by one column at a time.

    >>> group_width(16, 2), group_width(64, 100), group_width(64, 2800)
    (10, 3, 2)
    """
    return max(2, min(-(-3 * count // 4), count**2 // (12 * workers)))


def _updated(columns: Columns, done: Sequence[Columns], tile: int) -> Columns:
    """Columns less what those that are done take from them."""
    diagonal, below = _on_diagonal("update", columns, done, tile), _below("update", columns, done, tile)
    return Columns(columns.start, diagonal.made(), below.made())


def _factored(column: Columns, done: Sequence[Columns], tile: int) -> Columns:
    """A column of the factor: less what those before it in its group take, and solved with its diagonal."""
    on, below = _on_diagonal("cholesky", column, done, tile), _below("trsm", column, done, tile)
    on.then("cholesky", start=column.start)
    diagonal = on.made()
    below.then("trsm", diagonal, right=True, trans="C")
    return Columns(column.start, diagonal, below.made())


def _on_diagonal(name: str, columns: Columns, done: Sequence[Columns], tile: int) -> Update:
    update = Update(name, columns.diagonal, tile)
    if done:
        rows = _rows(done, columns.start, columns.end)
        alone = len(columns.diagonal) <= tile  # then the other triangle is not needed
        update.less("herk_update" if alone else "gemm_update", [(rows, (0, 2)), (rows, (1, 2))][: 2 - alone])
    return update


def _below(name: str, columns: Columns, done: Sequence[Columns], tile: int) -> Update:
    update = Update(name, columns.below, tile)
    if done:
        rows = _rows(done, columns.end, columns.end + len(columns.below))
        update.less("gemm_update", [(rows, (0, 2)), (_rows(done, columns.start, columns.end), (1, 2))])
    return update


def _rows(done: Sequence[Columns], start: int, end: int) -> Array:
    """Those rows of neighbouring columns, which are read where they lie."""
    return concatenate([columns.rows(start, end) for columns in done], 1)
