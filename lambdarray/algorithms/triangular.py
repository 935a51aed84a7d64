"""Triangular systems with one large matrix, by tiles."""

from __future__ import annotations

from dataclasses import dataclass

from ..api.array import Array
from ..api.matrices import sample
from ..config import get_config
from ..runtime.launch import worker_count
from .tiles import Layers, Span, piece, steps, tiled, together
from .updates import Update


def solve_triangular(
    a: Array, b: Array, tile: int, *, lower: bool = False, trans: str = "N", unit_diagonal: bool = False
) -> Array:
    """op(a)^-1 b for a matrix `b`; op is what `trans` says, "N", "T" or "C", and the other triangle of `a` is not read.

    Rows are solved in groups of tiles. Within a group a row loses what those before it take, when its turn comes;
    then the rows after the group lose what the whole group takes, all at once (G. H. Golub and C. F. Van Loan,
    "Matrix Computations", 4th edition, 3.1).

    >>> import lambdarray as la
    >>> a = la.asarray([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [3.0, 1.0, 4.0]])
    >>> solve_triangular(a, la.asarray([[2.0], [3.0], [9.0]]), tile=2, lower=True).compute()
    array([[1.],
           [2.],
           [1.]])
    """
    (kind,) = sample("solve_triangular", [a, b], {})
    if not b.size:
        return b.astype(kind)
    system = _System(Layers(a.astype(kind)), tile, lower, trans, unit_diagonal)
    rows = list(steps(len(a), tile))
    width = group_width(len(rows), -(-b.shape[1] // tile), worker_count(get_config()))
    ordered = rows if system.forward else rows[::-1]
    rest = _Rows(0, b.astype(kind))
    found: list[_Rows] = []
    for first in range(0, len(rows), width):
        group: list[_Rows] = []
        for span in ordered[first : first + width]:
            group.append(system.solved(rest.part(span), group))
        found += group
        if later := sorted(ordered[first + width :]):
            after = rest.part((later[0][0], later[-1][1]))
            rest = _Rows(after.start, system.updated("update", after, group).made())
    return joined(found)


def group_width(count: int, columns: int, workers: int) -> int:
    """How many rows of tiles are a group, of a system with so many columns of tiles on its right-hand side.

    A row waits for about half of `width` products after the row before it, and each worker has to make
    count^2 * columns / 2 / workers of them: at this width the longest chain is half of that.

    >>> group_width(16, 16, 2), group_width(16, 1, 2), group_width(64, 1, 1000)
    (16, 4, 1)
    """
    return max(1, min(count, count * columns // (2 * workers)))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows of the right-hand side, or of the solution, and the number of the first."""

    start: int
    values: Array

    @property
    def span(self) -> Span:
        return self.start, self.start + len(self.values)

    def part(self, span: Span) -> _Rows:
        lo, hi = span
        return _Rows(lo, piece(self.values, (lo - self.start, hi - self.start), (0, self.values.shape[1])))


def joined(rows: list[_Rows]) -> Array:
    """Neighbouring rows as one array, which is read where they lie."""
    return together([r.values for r in sorted(rows, key=lambda r: r.start)], 0)


@dataclass(frozen=True, slots=True)
class _System:
    """A triangular matrix, and how its tiles act on those of a right-hand side."""

    a: Layers
    tile: int
    lower: bool
    trans: str
    unit_diagonal: bool

    @property
    def forward(self) -> bool:
        """Whether the first row is solved first."""
        return self.lower == (self.trans == "N")

    def updated(self, name: str, rows: _Rows, done: list[_Rows]) -> Update:
        """A stage for rows less what those that are done take from them."""
        update = Update(name, tiled(rows.values, self.tile), self.tile)
        if done:
            spans = [r.span for r in done]
            columns = min(spans)[0], max(spans)[1]
            plain = self.trans == "N"
            side = self.a.piece(rows.span, columns) if plain else self.a.piece(columns, rows.span)
            sides = [(side, (0, 2) if plain else (2, 0)), (joined(done), (2, 1))]
            update.less("gemm_update", sides, trans=self.trans + "N")
        return update

    def solved(self, rows: _Rows, done: list[_Rows]) -> _Rows:
        """The solution's rows of one tile of the diagonal."""
        update = self.updated("trtrs", rows, done)
        params = {"lower": self.lower, "trans": self.trans, "unit_diagonal": self.unit_diagonal}
        update.then("trtrs", self.a.piece(rows.span, rows.span), start=rows.start, **params)
        return _Rows(rows.start, update.made())
