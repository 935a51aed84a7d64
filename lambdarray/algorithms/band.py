"""The eigenvalues alone of one large Hermitian matrix: made a band by reflections, and solved as one in one task.

Columns are taken in panels as wide as the band; the reflectors that make a panel triangular are applied on both sides
to the rest of the matrix, by products (C. H. Bischof, B. Lang and X. Sun, "A framework for symmetric band reduction",
ACM Trans. Math. Softw. 26, 2000). Nothing in it depends on values, so that all of it is left to be computed.
"""

from __future__ import annotations

from typing import Any

from lambdarray_kernels import get
from lambdarray_kernels.dtypes import real_flops

from ..api.array import Array
from ..api.creation import zeros
from ..api.manipulation import concatenate
from ..api.matrices import adjoint
from ..api.stages import In, Out, Stage, single, whole
from .qr import Panel, panel
from .tiles import tiled

# The width of the band: its one task takes 6 n^2 times that, and n over that are the panels, one after another.
WIDTH = 64


def eigvalsh(x: Array, tile: int) -> Array:
    """Of a Hermitian matrix, least first.

    >>> import lambdarray as la, numpy as np
    >>> eigvalsh(la.asarray(np.diag([3.0, 1.0, 4.0, 1.5, 9.0])), tile=2).compute().round(12)
    array([1. , 1.5, 3. , 4. , 9. ])
    """
    n, width = len(x), min(WIDTH, tile)
    strips = banded(x, tile, width)
    stage = Stage("eigenvalues of a band", [single(n)])
    stage.flops = get("band_eigenvalues").flops(strips.shape) * real_flops(x.dtype)
    stage.extra_bytes = 3 * strips.nbytes
    stage.call("band_eigenvalues", ("y",), ("r0",))
    return stage.make([In(strips, [whole(n), whole(2 * width)])], Out("y", [0], x.real.dtype))


def banded(x: Array, tile: int, width: int) -> Array:
    """A band matrix with the same eigenvalues, as the kernel `band_eigenvalues` has it."""
    rest: Any = tiled(x, tile)
    strips: list[Any] = []
    while len(rest) > width:
        below: Any = tiled(rest[width:, :width], tile, width)
        rows = min(width, len(below))
        y, turned, corner = panel(below[:, :rows], tile)
        found = [rest[:width, :width], corner[:rows]]
        if rows < width:
            found[1] = concatenate([corner[:rows], Panel(0, y, turned).adjoint_times(below[:, rows:])], 1)
        strips.append(_padded(concatenate(found), 2 * width))
        rest = _turned(rest[width:, width:], y, turned, tile)
    strips.append(_padded(rest, 2 * width))
    return tiled(concatenate(strips, 1).T, tile, 2 * width)


def _turned(a: Any, y: Any, x: Any, tile: int) -> Array:
    """Q^H A Q for Q = I - X Y^H and a Hermitian A, as A - Y Z^H - Z Y^H."""
    image: Any = tiled(tiled(a, tile) @ x, tile)
    z: Any = tiled(image - y @ (adjoint(x) @ image) / 2, tile)
    left: Any = concatenate([y, z], 1)
    return tiled(a - left @ adjoint(concatenate([z, y], 1)), tile)


def _padded(x: Array, rows: int) -> Array:
    """With rows of zeros below."""
    missing = rows - len(x)
    return concatenate([x, zeros((missing, x.shape[1]), x.dtype)]) if missing else x
