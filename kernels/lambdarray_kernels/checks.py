"""Products of matrices with a few vectors of plus and minus one: what tells in O(n^2) whether two results agree.

Where C = A B, then C x = A (B x) for every x; where not, a random x shows it with a chance of at least one half (R.
Freivalds, "Probabilistic machines can use less running time", 1977), and three do with 7/8. One wrong element always
shows.

A sketch of a matrix has VECTORS columns of such products, in double precision, and two of sizes: the sums of the sizes
of all that was summed up, which bounds the rounding of the sketch itself, and the same with the norms of the rows of
the first matrix, which bounds the rounding of what is checked: the errors e of a row add up to e x, and that is above
8 |e| for one x in 10^13 (W. Hoeffding, "Probability inequalities for sums of bounded random variables", 1963).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Block = Sequence[tuple[int, int]]

VECTORS = 3
SUMS, NORMS, WIDTH = VECTORS, VECTORS + 1, VECTORS + 2
# Elements of a tile that are taken at once, so that they stay in the cache while they are used twice.
ELEMENTS, LEAST_ROWS = 1 << 15, 16
LOWER = ("lower", "triangle")
DIFFERENCE, ALLOWED, ROW, SKIPPED, FIGURES = range(5)


class Disagreement(ArithmeticError):  # noqa: N818 - it is no error of the program
    """A result that does not agree with what it was made from."""


def probes(start: int, stop: int, dtype: Any) -> Array:
    """The sketch of the identity's rows start to stop: fixed vectors, mixed by SplitMix64 (G. Steele et al., 2014).

    >>> probes(5, 7, float)
    array([[ 1., -1.,  1.,  1.,  1.],
           [ 1.,  1., -1.,  1.,  1.]])
    """
    z = np.arange(start + 1, stop + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits = z[:, None] >> np.arange(63, 63 - VECTORS, -1, dtype=np.uint64) & np.uint64(1)
    out = np.ones((stop - start, WIDTH), dtype)
    out[:, :VECTORS][bits.astype(bool)] = np.array(-1).astype(out.dtype)
    return out


def _sketch_flops(m: Shape, *_: Any, **__: Any) -> int:
    return 2 * WIDTH * math.prod(m)


@kernel(flops=_sketch_flops, needs_block=True, uses_blas=True)
def sketch(
    m: Array, v: Array | None = None, *, dtype: str, block: Block, shape: Shape, part: str = "", conj: bool = False
) -> Array:
    """A tile times its rows of a sketch; of the identity's where none is given.

    `part` is "" for all, "triangle" for the lower triangle, "lower" for that with a real diagonal, "upper triangle" for
    the upper one and "upper" for what is above the diagonal.

    >>> sketch(np.array([[4.0, -3.0]]), dtype="<f8", block=[(0, 1), (5, 7)], shape=(1, 7))
    array([[ 1., -7.,  7.,  7.,  5.]])
    """
    rows, columns = block[-2:]
    given = probes(*columns, dtype) if v is None else v
    out = np.zeros((*np.broadcast_shapes(m.shape[:-2], given.shape[:-2]), m.shape[-2], WIDTH), dtype)
    if (part.startswith("upper") and columns[1] <= rows[0]) or (part in LOWER and rows[1] <= columns[0]):
        return out
    vectors, sums = np.ascontiguousarray(given[..., :VECTORS]), np.abs(given[..., SUMS:])
    step = max(LEAST_ROWS, ELEMENTS // max(1, m.shape[-1]))
    turned = m.strides[-1] > m.strides[-2]
    sides = m.shape[-1], min(step, m.shape[-2])
    memory = np.empty((*m.shape[:-2], *(sides if turned else sides[::-1])), sums.dtype)
    memory = memory.swapaxes(-1, -2) if turned else memory
    for lo in range(0, m.shape[-2], step):
        some = _part(m[..., lo : lo + step, :], part, rows[0] + lo - columns[0]).astype(dtype, copy=False)
        into, size = out[..., lo : lo + step, :], memory[..., : some.shape[-2], :]
        into[..., :VECTORS] = (some.conj() if conj else some) @ vectors
        np.abs(some, out=size)
        into[..., SUMS:] = size @ sums
        if v is None:
            into[..., NORMS] = np.sqrt(np.square(size, out=size).sum(-1))
    return out


def _part(m: Array, part: str, offset: int) -> Array:
    """A triangle of a matrix of which this tile has its first row `offset` rows below its first column."""
    whole = offset + m.shape[-2] <= 0 if part.startswith("upper") else offset >= m.shape[-1]
    if not part or whole:
        return m
    if part.startswith("upper"):
        return np.triu(m, offset + (part == "upper"))
    out = np.tril(m, offset)
    if part == "lower" and out.dtype.kind == "c":
        i = np.arange(max(0, -offset), max(0, -offset, min(m.shape[-2], m.shape[-1] - offset)))
        out[..., i, i + offset] = out[..., i, i + offset].real
    return out


@kernel(flops=lambda parts, **_: math.prod(parts))
def tally(parts: Array, *, first: bool) -> Array:
    """The sum of sketches that stand side by side; of the `first` matrix's norms the norm.

    >>> tally(np.array([[1.0, 2, 3, 4, 3, 5, 6, 7, 8, 4]]), first=True)
    array([[ 6.,  8., 10., 12.,  5.]])
    """
    apart = parts.reshape(*parts.shape[:-1], -1, WIDTH)
    out: Array = apart.sum(-2, dtype=parts.dtype)
    if first:
        out[..., NORMS] = np.sqrt(np.square(apart[..., NORMS]).sum(-1))
    return out


@kernel(flops=lambda d, *_, **__: WIDTH * math.prod(d), needs_block=True)
def weigh(d: Array, v: Array | None = None, *, dtype: str, block: Block, shape: Shape) -> Array:
    """A diagonal matrix times a sketch, of the identity where none is given.

    >>> weigh(np.array([-2.0]), dtype="<f8", block=[(5, 6), (0, 5)], shape=(9, 5))
    array([[-2.,  2., -2.,  2.,  2.]])
    """
    out = (probes(*block[-2], dtype) if v is None else v) * d[..., None]
    out[..., SUMS:] = np.abs(out[..., SUMS:])
    return out.astype(dtype, copy=False)


@kernel(flops=lambda *terms, **_: sum(map(math.prod, terms)), needs_block=True)
def residual(
    *terms: Array,
    signs: Sequence[int],
    given: int,
    identity: bool,
    by_row: bool,
    rounding: Sequence[float],
    block: Block,
    shape: Shape,
) -> Array:
    """How far the sum of sketches, each with its sign, is from 0, or from the identity's, in a block of rows.

    For each matrix: the largest difference, what is allowed, the row, and whether nothing can be said, since one of the
    first `given` sketches is not finite (with the sign 0 it is no part of the sum); `by_row` those of the row that is
    worst by its own measure. `rounding` is what each of the two sizes is multiplied by. Integers have no rounding.

    >>> one = np.array([[1.0, 1.0, 1.0, 2.0, 2.0], [5.0, 3.0, 3.0, 8.0, 8.0]])
    >>> how = {"given": 1, "identity": False, "by_row": True, "block": [(6, 8), (0, 5)], "shape": (8, 5)}
    >>> residual(one, one + 0.5, signs=[1, -1], rounding=[0.1, 0], **how)
    array([[0.5 , 0.45, 6.  , 0.  ]])
    """
    parts = [(sign, t) for sign, t in zip(signs, terms, strict=True) if sign]
    total = np.asarray(sum(t[..., :VECTORS] if sign > 0 else -t[..., :VECTORS] for sign, t in parts))
    sizes = np.asarray(sum(np.abs(t[..., SUMS:]).astype(float) for _, t in parts))
    known = np.isfinite(sum(np.abs(t[..., SUMS:]).astype(float) for t in terms[:given])).all(-1)
    if identity:
        total = total - probes(*block[-2], total.dtype)[:, :VECTORS]
    if total.dtype.kind in "iu":
        differs, allowed = (total != 0).any(-1).astype(float), np.zeros(total.shape[:-1])
    else:
        differs = _not_less(np.abs(total).max(-1))
        allowed = (sizes + int(identity)) @ np.array(rounding)
    if by_row:
        differs = np.where(known, differs, 0)
    else:
        allowed = np.broadcast_to(allowed.max(-1, keepdims=True), allowed.shape)
    worst = np.argmax(_ratio(differs, allowed) if by_row else differs, -1)[..., None]
    found = [np.take_along_axis(x, worst, -1) for x in (differs, allowed)]
    skipped = np.broadcast_to(~known.all(-1, keepdims=True) & (not by_row), worst.shape)
    return np.stack([*found, worst + block[-2][0], skipped], -1).astype(float)


def _not_less(x: Array) -> Array:
    """What is not a number is infinitely far off."""
    return np.where(np.isnan(x), np.inf, x)


def _ratio(differs: Array, allowed: Array) -> Array:
    """What differs in units of what may; 0 where nothing does."""
    with np.errstate(all="ignore"):
        found = differs / np.maximum(allowed, np.finfo(float).tiny)
    return np.where(differs == 0, 0.0, found)


@kernel(flops=lambda found, **_: math.prod(found), needs_block=True)
def agree(found: Array, *, what: str, by_row: bool, block: Block, shape: Shape, raises: bool = True) -> Array:
    """Of the residuals of all blocks of rows the worst, in units of what is allowed; Disagreement above 1.

    >>> agree(np.array([[1e-15, 3e-13, 7, 0]]), what="a product", by_row=True, block=[], shape=())
    array(0.00333333)
    """
    differs, allowed = found[..., DIFFERENCE], found[..., ALLOWED]
    if not by_row:
        allowed = np.broadcast_to(allowed.max(-1, keepdims=True), allowed.shape)
    ratios = np.where(found[..., SKIPPED].any(-1, keepdims=True), 0.0, _ratio(differs, allowed))
    ratios = _not_less(ratios)
    if raises and not (ratios <= 1).all():
        at = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
        row, matrix = int(found[at][ROW]), tuple(lo + int(n) for (lo, _), n in zip(block, at[:-1], strict=True))
        raise Disagreement(
            f"{what} is wrong: for a vector of +-1 its residual has {differs[at]:.3g} in row {row}"
            f"{f' of matrix {matrix}' if matrix else ''}, and rounding explains at most {allowed[at]:.3g}"
        )
    return np.asarray(ratios.max(-1))
