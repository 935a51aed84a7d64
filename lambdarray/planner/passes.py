"""Reads that would move a source many times over go through tiles cut for them: a second pass over the data.

Along each axis the source's tiles are cut where a block's length asks for it, so that the first pass reads each
source tile once and whole, and the second reads little more than it needs (as rechunker does; Abernathey, 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..task import ArraySpec, Part
from ..tiling import Cuts, Tiling
from .blocks import refine

# A second pass costs one more write and read of all; small tiles are not worth it.
WORTH_IT = 3.0
LEAST_TILE_BYTES = 1 << 18
# What the first pass moves of all: it reads and writes it.
FIRST_PASS = 2


def refined(part: Part, spec: ArraySpec, axes: Sequence[Cuts], memory_bytes: int) -> Tiling | None:
    """The tiling for a second pass, where reading `part` directly moves much more than it needs; None where not.

    Nor where all blocks together move no more than the first pass would, nor where that, which holds a source tile and
    its parts, would not fit a worker.
    """
    tile = spec.tiling.max_tile
    nbytes = math.prod(tile) * spec.dtype.itemsize
    if nbytes < LEAST_TILE_BYTES or 2 * nbytes > memory_bytes:
        return None
    lengths = [_length(part, d, axes, n) for d, n in enumerate(spec.tiling.shape)]
    region = [max(1, min(r, t)) for r, t in zip(lengths, tile, strict=True)]
    moved = math.prod(tile) if not _in_parts(spec) else stretch(tile, region)
    if moved < WORTH_IT * math.prod(region):
        return None
    met = math.prod(-(-r // t) for r, t in zip(lengths, tile, strict=True))
    if moved * met * math.prod(c.count for c in axes) <= FIRST_PASS * math.prod(spec.tiling.shape):
        return None
    return Tiling(tuple(refine(c, -(-t // r)) for c, t, r in zip(spec.tiling.axes, tile, region, strict=True)))


def _length(part: Part, d: int, axes: Sequence[Cuts], size: int) -> int:
    """The elements along a source's axis that a block needs at most."""
    m = part.maps[d]
    if m.axis < 0:
        return m.size
    if m.table:
        return max(hi - lo for lo, hi in zip(m.table[::2], m.table[1::2], strict=True))
    lo, hi = m.span((0, axes[m.axis].max_chunk))
    return min(hi - lo, size)


def stretch(tile: Sequence[int], region: Sequence[int]) -> int:
    """The elements of a tile, in C order, from the first to the last of a region."""
    last = 0
    for n, r in zip(tile, region, strict=True):
        last = last * n + r - 1
    return last + 1


def _in_parts(spec: ArraySpec) -> bool:
    """Whether a part of a tile can be read without the whole: not where chunks are encoded."""
    return all(codec["name"] == "bytes" for codec in spec.location.get("codecs", ()))
