"""Why tiles are as large as they are: those of the largest array, and those of a factorisation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..cost.best import Figures
from ..cost.factors import CHOLESKY, LU, QR, Factorisation
from ..ops import in_order
from ..task import ArraySpec
from .markup import bytes_text
from .pricing import dollars_text, seconds_text
from .tile_sizes import HERE_BYTES, LEAST_BYTES, candidates, chosen

if TYPE_CHECKING:
    from .explain import Explanation

# The kernels by which a plan's factorisation is known.
KERNELS: Mapping[str, Factorisation] = {"cholesky": CHOLESKY, "choose_pivots": LU, "wy": QR, "signed_lu": QR}


def chunks_reason(found: Explanation) -> str:
    """How the largest array is cut, and what a pass over it takes in other tiles; nothing of arrays of one tile."""
    array = max(in_order(found.ops), key=lambda op: op.nbytes, default=None)
    if array is None or array.tiling.count <= 1:
        return ""
    shape, itemsize = array.shape, array.dtype.itemsize
    tile = math.prod(array.tiling.max_tile) * itemsize
    text = f"the largest array, {_by(shape)}, is in tiles of {bytes_text(tile)}"
    if found.config.local:
        return f"{text}; 'auto' has up to {bytes_text(HERE_BYTES)} here, where one task alone has all cores"
    if array.nbytes <= LEAST_BYTES:
        return f"{text}; 'auto' has one tile of less than {bytes_text(LEAST_BYTES)}"
    passes = candidates(shape, itemsize, found.config)
    best = chosen(passes, found.config)
    whose = "as 'auto' has it" if best.size == tile else f"'auto' has {bytes_text(best.size)}"
    return f"{text}; {whose}: a pass takes {_figures(best)}{_others(passes, best, bytes_text)}"


def side_reason(found: Explanation) -> str:
    """In what tiles a matrix is factorised, and what it would take in others; nothing where none is."""
    kinds = [KERNELS[step.kernel] for p in found.plan.programs for step in p.steps if step.kernel in KERNELS]
    matrix = _factorised(found)
    if not kinds or matrix is None or len(kinds) > 2 + 2 * min(matrix.tiling.grid):  # several factorisations
        return ""
    from ..algorithms.sides import sides

    shape, tile = matrix.tiling.shape, min(matrix.tiling.max_tile)
    if found.config.local:
        return f"{_by(shape)} is factorised in tiles of {tile:,}: about 16 a side keep this machine's cores busy"
    tried = sides(kinds[0], shape, np.result_type(matrix.dtype, np.float32), found.config)
    best = chosen(tried, found.config)
    whose = "as the library has it" if best.size == tile else f"the library has {best.size:,}"
    told = f"{_by(shape)} is factorised in tiles of {tile:,}; {whose}: about {_figures(best)}"
    return told + _others(tried, best, lambda n: f"{n:,}")


def _factorised(found: Explanation) -> ArraySpec | None:
    """The largest matrix in several square tiles, of the results where there is one among them."""
    plan = found.plan
    for names in (plan.outputs, sorted(plan.written)):
        square = [a for a in map(plan.arrays.__getitem__, names) if _is_square_tiled(a)]
        if square:
            return max(square, key=lambda a: a.nbytes)
    return None


def _is_square_tiled(spec: ArraySpec) -> bool:
    return len(spec.tiling.axes) == 2 and spec.tiling.count > 1 and len(set(spec.tiling.max_tile)) == 1


def _others(tried: Sequence[Figures], best: Figures, named: Callable[[int], str]) -> str:
    """The figures of the next smaller and the next larger one."""
    smaller = max((f for f in tried if f.size < best.size), key=lambda f: f.size, default=None)
    larger = min((f for f in tried if f.size > best.size), key=lambda f: f.size, default=None)
    told = [f"in {named(f.size)} {_figures(f)}" for f in (smaller, larger) if f is not None]
    return f"; {', '.join(told)}" if told else ""


def _figures(f: Figures) -> str:
    return f"{seconds_text(f.seconds)} and ${dollars_text(f.dollars)}"


def _by(shape: Sequence[int]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
