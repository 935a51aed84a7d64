"""QR in tiles: panels by TSQR, whose reflectors are reconstructed, so that all else is products.

G. Ballard et al., "Reconstructing Householder vectors from tall-skinny QR", J. Parallel Distrib. Comput. 85, 2015. With
Q = I - X Y^H, where Y are the reflectors and X = Y T, both Q C and Q^H C are two products. Neighbouring panels are
joined first (E. Elmroth and F. Gustavson, "Applying recursion to serial and parallel QR factorization", 2000), so that
the rest of the matrix is read and written once for a group of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.array import Array
from ..api.creation import zeros
from ..api.grids import eye
from ..api.manipulation import concatenate
from ..api.matrices import adjoint
from ..api.products import matmul
from ..api.stages import In, Out, Stage, single, whole
from ..cost.factors import QR
from ..tiling import Cuts
from .tiles import LEAST_TILE, patched, side, steps, tiled
from .tsqr import MOST_TALL_BYTES, as_float, folded, is_tall, tall, work

# Panels are no wider than this, however large tiles are: their work grows with it.
MOST_PANEL = 2048
# A panel of so many tiles below one another or fewer is one task's, while others are busy with products.
MOST_TILES = 16


@dataclass(frozen=True, slots=True)
class Panel:
    """The orthogonal I - X Y^H of the rows from `start` on that makes columns triangular."""

    start: int
    y: Array
    x: Array

    def times(self, c: Array) -> Array:
        """Q C, for the rows from `start` on."""
        return minus(c, self.x, matmul(adjoint(self.y), c))

    def times_below(self, c: Array, rows: int) -> tuple[Array, Array]:
        """Q C for a matrix with so many rows of zeros above `c`: those rows of it, and the others."""
        inner = matmul(adjoint(self.y[rows:]), c)
        top: Any = matmul(self.x[:rows], inner)
        return -top, minus(c, self.x[rows:], inner)

    def adjoint_times(self, c: Array) -> Array:
        """Q^H C, for the rows from `start` on."""
        return minus(c, self.y, matmul(adjoint(self.x), c))


@dataclass(frozen=True, slots=True)
class Tiled:
    """A matrix as Q R: Q is the product of what its groups of panels are, in their order."""

    shape: tuple[int, int]
    panels: tuple[Panel, ...]
    r: Array

    def q(self, columns: int) -> Array:
        """The first columns of Q, made from the last group to the first; each touches only what it can change."""
        made, dtype = None, self.r.dtype
        for panel in reversed(self.panels):
            rows, width = self.shape[0] - panel.start, panel.y.shape[1]
            corner, tile = adjoint(panel.y), max(panel.y.chunks[0])
            width = columns - panel.start if made is None else width
            first = minus(eye(rows, width, dtype=dtype, chunks=tile), panel.x, corner[:, :width])
            parts = [first] if made is None else [first, concatenate(panel.times_below(made, width))]
            made = concatenate(parts, axis=1)
        assert made is not None
        return made

    def apply(self, c: Array, *, transposed: bool = False) -> Array:
        """Q C, or Q^H C with `transposed`; Q is not formed."""
        for panel in self.panels if transposed else self.panels[::-1]:
            change = panel.adjoint_times if transposed else panel.times
            rows = change(c[panel.start :])
            c = concatenate([c[: panel.start], rows]) if panel.start else rows
        return c


def factorised(a: Array, mode: str, tile: int | None = None) -> tuple[Array, ...] | None:
    """Q and R of a matrix that is more than one task's, or R alone with the mode "r"; None of any other.

    >>> import lambdarray as la
    >>> [part.shape for part in factorised(la.ones((9, 4)), "complete", 3)], factorised(la.ones((9, 4)), "r")
    ([(9, 9), (9, 4)], None)
    """
    length, long = side(a, tile, how=QR), a.ndim == 2 and is_tall(a, tile)
    if a.size == 0 or (length is None and not long):
        return None
    if long and mode == "r":
        return (folded(a, tile=tile).r,)
    if long and mode == "reduced":
        whole_tree = tall(a, tile)
        return whole_tree.q(), whole_tree.r
    (m, n), made = a.shape, tiled_qr(a, length or LEAST_TILE)
    if mode == "complete" and m > n:
        return made.q(m), concatenate([made.r, zeros((m - n, n), dtype=made.r.dtype)])
    return (made.r,) if mode == "r" else (made.q(min(m, n)), made.r)


def tiled_qr(a: Array, tile: int) -> Tiled:
    """The factorisation of a matrix of any shape in tiles of that side.

    >>> import lambdarray as la
    >>> made = tiled_qr(la.ones((7, 5)), 2)
    >>> made.q(5).shape, made.r.shape
    ((7, 5), (5, 5))
    """
    rest = tiled(as_float(a), tile)
    (m, n), k = a.shape, min(a.shape)
    panels, rows = list[Panel](), list[tuple[int, int, Array]]()
    for start, stop in steps(k, grouped(k, tile) * tile):
        width = stop - start
        y, x, r = (tiled(part, tile) for part in _group(rest[:, :width], tile))
        panels.append(Panel(start, y, x))
        if stop < n:
            changed = panels[-1].adjoint_times(rest[:, width:])
            rows.append((start, stop, changed[:width]))
            rest = changed[width:]
        rows.append((start, start, r))
    return Tiled((m, n), tuple(panels), patched((k, n), tile, rows))


def grouped(k: int, tile: int) -> int:
    """How many panels are joined: the rest is read k / tile / w times, but w panels cost more the more they are.

    >>> [grouped(count * 512, 512) for count in (16, 32, 64, 128)]
    [1, 1, 2, 3]
    """
    return max(1, math.isqrt(k // tile) // 3)


def _group(a: Array, tile: int) -> tuple[Array, Array, Array]:
    """Y, X and R of some columns, by halves: those of the second half are told what the first does to them."""
    (m, n), wide = a.shape, min(tile, MOST_PANEL)
    if n <= wide:
        return panel(a, tile)
    h = -(-n // wide) // 2 * wide
    y, x, r = _group(a[:, :h], tile)
    first = Panel(0, y, x)
    changed = first.adjoint_times(a[:, h:])
    below_y, below_x, corner = _group(changed[h:], tile)
    # What is stored at once is read in larger blocks than its parts would be.
    top, rest = first.times_below(below_x, h)
    x = patched((m, n), tile, [(0, 0, x), (0, h, top), (h, h, rest)])
    r = patched((n, n), tile, [(0, 0, r), (0, h, changed[:h]), (h, h, corner)])
    return patched((m, n), tile, [(0, 0, y), (h, h, below_y)]), x, r


def panel(a: Array, tile: int) -> tuple[Array, Array, Array]:
    """Y, X and R of columns that one tile is as wide as: of few rows in one task, else through TSQR."""
    m, n = a.shape
    if m <= MOST_TILES * tile and a.nbytes <= MOST_TALL_BYTES:
        packed = _made("wy", a.dtype, single(n + 2 * m), n, a)
        return tiled(packed[n : n + m], tile), tiled(packed[n + m :], tile), tiled(packed[:n], tile)
    rows = max(tile, 4 * n)
    made = tall(a, rows)
    q = made.q()
    lu = _made("signed_lu", a.dtype, single(2 * n), n, q[:n], made.r)
    stage = _stage("reconstruct", a.dtype, [Cuts(m, rows), single(n)], q, lu[:n])
    stage.call("reconstruct", ("y", "x"), ("r0", "r1"))
    inputs = [In(q, [0, 1]), In(lu[:n], [whole(n), whole(n)])]
    y, x = stage.make_all(inputs, [Out(name, [0, 1], a.dtype) for name in ("y", "x")])
    return tiled(y, tile), tiled(x, tile), tiled(lu[n:], tile)


def _made(kernel: str, dtype: np.dtype[Any], rows: Cuts, columns: int, first: Array, *others: Array) -> Array:
    """The only result of a kernel, whose blocks of rows are those of its first input; of the others it has all."""
    stage = _stage(kernel, dtype, [rows, single(columns)], first, *others)
    stage.call(kernel, ("y",), [f"r{n}" for n in range(1 + len(others))])
    follows = whole(first.shape[0]) if rows.count == 1 else 0
    inputs = [In(first, [follows, whole(first.shape[1])]), *(In(x, [whole(n) for n in x.shape]) for x in others)]
    return stage.make(inputs, Out("y", [0, 1], dtype))


def _stage(kernel: str, dtype: np.dtype[Any], axes: Sequence[Cuts], first: Array, *others: Array) -> Stage:
    stage, (m, n) = Stage(kernel, axes), first.shape
    height = m if axes[0].count == 1 else axes[0].max_chunk
    stage.flops = work(kernel, dtype, (height, n), *(x.shape for x in others))
    stage.extra_bytes = 3 * height * n * dtype.itemsize
    return stage


def minus(c: Array, a: Array, b: Array) -> Array:
    """c - a b, in one pass over c."""
    made: Any = np.subtract(c, matmul(a, b))  # type: ignore[call-overload]
    return made  # type: ignore[no-any-return]
