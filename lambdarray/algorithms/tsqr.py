"""QR of tall matrices as a tree over blocks of rows, each of which is one task's.

J. Demmel, L. Grigori, M. Hoemmen and J. Langou, "Communication-optimal parallel and sequential QR and LU
factorizations", SIAM J. Sci. Comput. 34, 2012. Where Q is wanted the reflectors of a block are stored, a little more
than its own bytes; where only R is, or R and Q^H b, nothing but triangles is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from lambdarray_kernels import get
from lambdarray_kernels.dtypes import real_flops
from lambdarray_kernels.orthogonal import packed_size

from ..api.array import Array
from ..api.creation import zeros
from ..api.grids import eye
from ..api.manipulation import concatenate
from ..api.matrices import sample
from ..api.reductions import sum as sum_
from ..api.stages import In, Out, Stage, single, whole
from ..tiling import AxisMap, Cuts
from .tiles import LEAST_SIDE

# A matrix of more bytes is factorised in blocks of so many rows, where it is tall.
MOST_TALL_BYTES = 32 << 20


def is_tall(x: Array, tile: int | None = None) -> bool:
    """Whether this is one matrix of so many rows that blocks of them are factorised; with `tile` as soon as it may be.

    >>> import lambdarray as la
    >>> is_tall(la.ones((1_000_000, 64))), is_tall(la.ones((1000, 64))), is_tall(la.ones((1000, 64)), 300)
    (True, False, True)
    """
    if x.ndim != 2 or 0 in x.shape or x.shape[1] > (tile or LEAST_SIDE):
        return False
    return x.shape[0] > tile if tile else x.nbytes > MOST_TALL_BYTES and x.shape[0] >= 4 * x.shape[1]


def block_rows(x: Array, tile: int | None = None) -> int:
    """The rows of a task: as many as `tile`, or what a task holds, and enough to leave a triangle that is much less.

    >>> import lambdarray as la
    >>> [block_rows(la.ones((100_000, n))) for n in (64, 2048)], block_rows(la.ones((9, 3)), tile=2)
    ([65536, 8192], 3)
    """
    n = x.shape[1]
    return max(n, tile) if tile else max(4 * n, MOST_TALL_BYTES // (n * x.itemsize))


@dataclass(frozen=True, slots=True)
class Tall:
    """A factorised tall matrix: how each level of the tree is cut into blocks, and the reflectors of these."""

    levels: tuple[tuple[Cuts, Array], ...]
    columns: int

    @property
    def r(self) -> Array:
        """The triangle."""
        n, packed = self.columns, self.levels[-1][1]
        stage = Stage("R", [single(n), single(n)])
        stage.call("reshape", ("y",), ("r0",), source=[1, n * n])
        return stage.make([In(packed, [whole(1), whole(n * n)])], Out("y", [0, 1], packed.dtype))

    def q(self, top: Array | None = None) -> Array:
        """Q, or its product with a small matrix `top`, which takes no more."""
        n, dtype = self.columns, self.levels[0][1].dtype
        made = eye(n, dtype=dtype) if top is None else top.astype(dtype)
        k = made.shape[1]
        for cuts, packed in reversed(self.levels):
            stage = Stage("Q of rows", [cuts, single(k)])
            stage.flops = work("unfold", dtype, (1, packed.shape[1]), (n, k), block=[(0, cuts.max_chunk)], columns=n)
            stage.extra_bytes = cuts.max_chunk * k * dtype.itemsize
            stage.call("unfold", ("y",), ("r0", "r1"), columns=n)
            block = AxisMap(0, by_block=True), whole(packed.shape[1])
            piece = AxisMap(0, step=n, size=n, by_block=True), whole(k)
            made = stage.make([In(packed, block), In(made, piece)], Out("y", [0, 1], dtype))
        return made


def work(kernel: str, dtype: np.dtype[Any], *shapes: tuple[int, ...], **params: Any) -> int:
    """The flops of a kernel, as those of real numbers."""
    return get(kernel).flops(*shapes, **params) * real_flops(dtype)


def tall(x: Array, tile: int | None = None) -> Tall:
    """The factorisation of a matrix with at least as many rows as columns, from which R and Q can be had.

    >>> import lambdarray as la
    >>> made = tall(la.ones((9, 2)), tile=4)
    >>> made.q().shape, made.r.shape, len(made.levels)
    ((9, 2), (2, 2), 3)
    """
    (m, n), source, most = x.shape, as_float(x), block_rows(x, tile)
    cuts = Cuts(m, most)
    levels: list[tuple[Cuts, Array]] = []
    reading = In(source, [0, whole(n)])
    while True:
        size = packed_size(cuts.max_chunk, n, source.itemsize)
        # The tasks of an upper level have whole triangles, one in each row that they read.
        over = cuts if not levels else Cuts(cuts.size // n, cuts.chunk // n)
        stage = Stage("reflectors of rows", [over, single(size)])
        stage.flops = work("reflect", source.dtype, (cuts.max_chunk, n), columns=n)
        stage.extra_bytes = 2 * cuts.max_chunk * n * source.itemsize
        stage.call("reflect", ("y",), ("r0",), columns=n, size=size)
        packed = stage.make([reading], Out("y", [0, 1], source.dtype, [1, 0]))
        levels.append((cuts, packed))
        if cuts.count == 1:
            return Tall(tuple(levels), n)
        reading, cuts = In(packed, [0, whole(n * n)]), above(cuts, n, most)


def above(cuts: Cuts, n: int, most: int) -> Cuts:
    """The blocks of rows of the next level, which are those of the triangles of this one.

    >>> above(Cuts(100, 10), 3, 9)
    Cuts(30, 9)
    """
    return Cuts(cuts.count * n, max(2, most // n) * n)


class Folded(NamedTuple):
    """R, the first rows of Q^H b, and for each column of b the sum of squares of the others."""

    r: Array
    z: Array
    left: Array


def folded(x: Array, b: Array | None = None, tile: int | None = None) -> Folded:
    """R of a tall matrix, and what least squares need of a right-hand side, by one reading of both.

    >>> import lambdarray as la
    >>> r, z, left = folded(la.asarray([[3.0], [4.0]]), la.asarray([[1.0], [0.0]]))
    >>> z.compute().round(3), left.compute().round(3)
    (array([[-0.6]]), array([0.64]))
    """
    (m, n), source, most = x.shape, as_float(x, b), block_rows(x, tile)
    parts = [source] if b is None else [source, b.astype(source.dtype)]
    width, cuts = sum(part.shape[1] for part in parts), Cuts(m, most)
    left: list[Array] = []
    real = np.empty(0, source.dtype).real.dtype
    while True:
        stage = Stage("R of rows", [cuts, single(width), single(width - n)])
        stage.flops = work("fold", source.dtype, (cuts.max_chunk, width), columns=n)
        stage.extra_bytes = 2 * cuts.max_chunk * width * source.itemsize
        stage.call("fold", ("r", "left"), [f"r{i}" for i in range(len(parts))], columns=n)
        kept = [Out("r", [0, 1], source.dtype, [n, 0]), Out("left", [0, 2], real, [1, 0])]
        made = stage.make_all([In(part, [0, whole(part.shape[1])]) for part in parts], kept[: 1 if b is None else 2])
        left += made[1:]
        parts = [made[0]]
        if cuts.count == 1:
            total = sum_(concatenate(left), 0) if left else zeros(0, dtype=real)
            return Folded(made[0][:, :n], made[0][:, n:], total)
        cuts = above(cuts, n, most)


def as_float(*arrays: Array | None) -> Array:
    """The first of them in the dtype that LAPACK has for all; TypeError as NumPy for what it has none for."""
    first, *others = [x for x in arrays if x is not None]
    kinds = [kind for x in (first, *others) for kind in sample("qr", [x], {})]
    return first.astype(np.result_type(*kinds), copy=False)
