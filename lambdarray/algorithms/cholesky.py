"""The Cholesky factorisation of one large matrix, by tiles."""

from __future__ import annotations

from lambdarray_kernels import get

from ..api.array import Array
from ..api.manipulation import concatenate
from ..api.matrices import adjoint, of_matrix, sample
from ..api.stages import In, Out, Stage, single, whole
from ..config import get_config
from ..runtime.launch import worker_count
from ..tiling import Cuts
from .tiles import patched, steps, tiled


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
    if upper:
        return adjoint(cholesky(adjoint(x), tile))
    n, pieces = len(x), []
    for (start, end), (diagonal, below) in zip(steps(n, tile), panels(x, tile), strict=True):
        pieces.append((start, start, diagonal))
        if below is not None:
            pieces.append((end, start, below))
    return patched((n, n), tile, pieces)


def panels(x: Array, tile: int, width: int | None = None) -> list[tuple[Array, Array | None]]:
    """For each column of tiles the factor's tile on the diagonal, and what is below that.

    A group of `width` columns is factorised at a time. Within the group a column is updated by those before it when
    its turn comes (left-looking), then all columns after the group by the group (right-looking): the sum over a group
    is one product, whose tasks write a tile once. So a tile of column k is written at most 1 + ceil(k / width) times
    (E. Anderson and J. Dongarra, "Evaluating block algorithm variants in LAPACK", LAPACK Working Note 19, 1990;
    G. Ballard et al., "Communication-optimal parallel and sequential Cholesky decomposition", 2010).
    """
    n, ends = len(x), list(steps(len(x), tile))
    width = group_width(len(ends), worker_count(get_config())) if width is None else width
    columns = [tiled(x[start:, start:end], tile) for start, end in ends]
    found: list[tuple[Array, Array | None]] = []
    for first in range(0, len(ends), width):
        group = range(first, min(first + width, len(ends)))
        for k in group:
            start, end = ends[k]
            column = _updated(columns[k], start, [(ends[i][1], found[i][1]) for i in range(first, k)], tile)
            found.append(_panel(column, start, tile))
        done = [(ends[i][1], found[i][1]) for i in group]
        for k in range(group.stop, len(ends)):
            columns[k] = _updated(columns[k], ends[k][0], done, tile)
    return found


def group_width(count: int, workers: int) -> int:
    """How many columns of tiles are a group: as many as leave enough tasks that do not wait for one another.

    A diagonal tile goes through about `width` + 2 products of tiles after that of the column before it, and all of
    them take count^3 / 6: a width at which the longest chain is half of what each worker has to do. Fewer columns
    are more writes and no more speed.

    >>> group_width(16, 2), group_width(64, 100), group_width(64, 2800)
    (16, 6, 1)
    """
    return max(1, min(count, count**2 // (6 * workers)))


def _updated(column: Array, start: int, done: list[tuple[int, Array | None]], tile: int) -> Array:
    """A column from its diagonal on, less what columns that are done take from it; each is given with its first row."""
    rows = [below[start - first :] for first, below in done if below is not None]
    if not rows:
        return column
    left = concatenate(rows, 1) if len(rows) > 1 else rows[0]
    return tiled(column - left @ adjoint(left[: column.shape[1]]), tile)  # type: ignore[operator]


def _panel(column: Array, start: int, tile: int) -> tuple[Array, Array | None]:
    """The factor's tile on the diagonal, and the tiles below it."""
    rows, size = column.shape
    diagonal = of_matrix("cholesky", column[:size], (size, size), upper=False, start=start)
    if rows == size:
        return diagonal, None
    stage = Stage("trsm", [Cuts(rows - size, tile), single(size)])
    stage.flops = get("trsm").flops((size, size), (tile, size), right=True) * (4 if column.dtype.kind == "c" else 1)
    stage.call("trsm", ("y",), ("r0", "r1"), right=True, trans="C")
    below = [In(diagonal, [whole(size), whole(size)]), In(column[size:], [0, whole(size)])]
    return diagonal, stage.make(below, Out("y", [0, 1], column.dtype))
