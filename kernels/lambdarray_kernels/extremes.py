"""argmin and argmax: values with the places where they first occur."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial as bound
from typing import Any

import numpy as np

from .partials import Array, Axes, Cut, DType, Running, Spans


class Extreme:
    """argmin or argmax: the value and the index of its first place; a nan comes before all."""

    def __init__(self, find: Callable[..., Any], bound: Callable[[DType], Any]) -> None:
        self.find, self.bound = find, bound

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The value and its place."""
        return np.dtype([("value", given), ("index", "<i8")])

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """The value that loses to every other, after all of them."""
        out = np.empty(shape, dtype)
        out["value"], out["index"] = self.bound(dtype["value"]), np.iinfo("i8").max
        return out

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Find the place in each block."""
        return bound(RunningExtreme, self, cut, self.partial_dtype(given, out))

    def merge(self, partial: Array, axes: Axes) -> Array:
        """The best of the partials, of equals the one with the lowest index."""
        if all(partial.shape[a] == 1 for a in axes):
            return partial
        flat, shape = _reduced_last(partial, axes)
        value = flat["value"]
        best = np.take_along_axis(value, self.find(value, axis=-1, keepdims=True), -1)
        ties = (value == best) | (_is_nan(value) & _is_nan(best))
        merged = np.empty(shape, partial.dtype)
        merged["value"] = best.reshape(shape)
        index = np.where(ties, flat["index"], np.iinfo("i8").max)
        merged["index"] = np.minimum.reduce(index, -1).reshape(shape)
        return merged

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The index."""
        return partial["index"].astype(dtype)


def rebase(place: Array, box: Sequence[tuple[int, int, int]]) -> Array:
    """Flat places in a box as flat places in what holds it; for each axis its length, its start, the holder's length.

    `np.unravel_index` of NumPy 2.4 errs on arrays of shape (n, 1) from 8193 elements on.

    >>> rebase(np.array([0, 1, 2]), [(2, 4, 9), (2, 0, 10)])
    array([40, 41, 50])
    """
    out, stride = np.zeros_like(place), 1
    for length, start, whole in reversed(box):
        place, inside = np.divmod(place, length)
        out += (inside + start) * stride
        stride *= whole
    return out


def _is_nan(x: Array) -> Array:
    return np.asarray(x != x)


def _reduced_last(x: Array, axes: Axes) -> tuple[Array, tuple[int, ...]]:
    """`x` with its reduced axes made one, in C order, as the last; and its shape with length 1 for each of them."""
    kept = [d for d in range(x.ndim) if d not in axes]
    moved = x.transpose(kept + sorted(axes))
    shape = tuple(1 if d in axes else n for d, n in enumerate(x.shape))
    return moved.reshape([x.shape[d] for d in kept] + [-1]), shape


class RunningExtreme:
    """The first place of the extreme value in a tile, block by block; places are flat over the reduced axes."""

    __slots__ = ("axes", "cut", "kind", "parts")

    def __init__(self, kind: Extreme, cut: Cut, dtype: DType) -> None:
        self.kind, self.cut, self.axes = kind, cut, sorted(cut.axes)
        self.parts = np.empty(cut.counts, dtype)

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        flat, shape = _reduced_last(x, self.cut.axes)
        place = self.kind.find(flat, axis=-1, keepdims=True)
        part = self.parts[self.cut.at(span)]
        part["value"] = np.take_along_axis(flat, place, -1).reshape(shape)
        box = [(x.shape[a], span[a][0], self.cut.sizes[a]) for a in self.axes]
        part["index"] = rebase(place, box).reshape(shape)

    def result(self) -> Array:
        """The tile's partial."""
        return self.kind.merge(self.parts, self.cut.axes)
