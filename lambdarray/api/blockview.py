"""The chunks of an array by their place in the grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tiling import Cuts
from .array import Array
from .manipulation import concat


class BlockView:
    """The chunks of an array, indexed as a NumPy array of the shape of its grid: what that selects is an array.

    An integer keeps its axis. Integers, slices and one list (or boolean array) are taken; IndexError as NumPy's.

    >>> import lambdarray as la
    >>> x = la.arange(8, chunks=2)
    >>> x.blocks[1].compute(), x.blocks[[-1, 0]].compute()
    (array([2, 3]), array([6, 7, 0, 1]))
    """

    def __init__(self, array: Array) -> None:
        self._array = array

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of chunks along each axis."""
        return self._array.numblocks

    @property
    def size(self) -> int:
        """The number of chunks."""
        return math.prod(self.shape)

    def ravel(self) -> list[Array]:
        """All chunks, in C order."""
        return [self[index] for index in np.ndindex(self.shape)]

    def __getitem__(self, key: Any) -> Array:
        entries = key if isinstance(key, tuple) else (key,)
        if any(entry is None for entry in entries):
            raise ValueError("the blocks of an array have no new axes: np.newaxis selects nothing")
        if sum(isinstance(entry, list | np.ndarray) for entry in entries) > 1:
            raise ValueError("blocks are selected by one list at most")
        out = self._array
        # Which blocks an index selects along an axis, NumPy says.
        for axis, entry in enumerate(self._spelt_out(entries)):
            chosen = np.atleast_1d(np.arange(self.shape[axis])[entry])
            out = _taken(out, axis, self._array._op.tiling.axes[axis], [int(n) for n in chosen])
        return out

    def _spelt_out(self, entries: tuple[Any, ...]) -> list[Any]:
        """An entry for each axis, without an ellipsis."""
        dots = [n for n, entry in enumerate(entries) if entry is Ellipsis]
        if len(dots) > 1 or len(entries) - len(dots) > self._array.ndim:
            raise IndexError(f"too many indices for the blocks of an array of {self._array.ndim} axes: {entries}")
        at = dots[0] if dots else len(entries)
        rest = [slice(None)] * (self._array.ndim - len(entries) + len(dots))
        return [*entries[:at], *rest, *entries[at + 1 :]]


def _taken(x: Array, axis: int, cuts: Cuts, chosen: list[int]) -> Array:
    """Blocks of an axis one after the other; neighbours are one slice."""
    runs: list[list[int]] = []
    for n in chosen:
        if runs and n == runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([n, n + 1])
    before = (slice(None),) * axis
    spans = [(cuts.span(first)[0], cuts.span(last - 1)[1]) for first, last in runs] or [(0, 0)]
    parts = [x[(*before, slice(lo, hi))] for lo, hi in spans]
    return parts[0] if len(parts) == 1 else concat(parts, axis)
