"""What kinds of reduction have in common: how a tile is cut, how blocks are folded, and what a kind can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray
DType = np.dtype
Axes = tuple[int, ...]
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A tile of these sizes, cut into blocks, to reduce along `axes`."""

    sizes: tuple[int, ...]
    block: tuple[int, ...]
    axes: Axes

    @property
    def counts(self) -> tuple[int, ...]:
        """The shape of the blocks' partials together: reduced axes have an element for each block."""
        pairs = zip(self.sizes, self.block, strict=True)
        return tuple(-(-n // b) if d in self.axes else n for d, (n, b) in enumerate(pairs))

    def at(self, span: Spans) -> tuple[Any, ...]:
        """Where among them the partial of a block belongs."""
        # Rounded up, since the last block may begin early.
        number = [-(-lo // b) for (lo, _), b in zip(span, self.block, strict=True)]
        here = [
            slice(n, n + 1) if d in self.axes else slice(*s) for d, (s, n) in enumerate(zip(span, number, strict=True))
        ]
        # With the ellipsis what is taken is an array even where it has no axes.
        return (*here, ...)


class Kind(Protocol):
    """How one kind of reduction is done."""

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The dtype of its partials."""

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """Partials of no elements."""

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """What starts a reduction over a tile, block by block."""

    def merge(self, partial: Array, axes: Axes) -> Array:
        """Partials to one, with length 1 along `axes`."""

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """A partial to the result."""


class Running(Protocol):
    """A reduction under way in a tile."""

    def add(self, x: Array, span: Spans) -> None:
        """Take the block of these elements."""

    def result(self) -> Array:
        """The tile's partial."""


# Rows at most this long are added up side by side, several to a lane.
_SHORT_ROW = 512


def fold(ufunc: np.ufunc, x: Array, axes: Axes, dtype: DType | None = None) -> Array:
    """Reduce by a ufunc over axes that are kept with length 1.

    Down the columns of short rows NumPy goes row by row; here many rows are taken as one, which is up to ten times
    as fast, and rounds less: as the square root of the number of rows, where NumPy's error grows with the number.
    """
    # By position: dtype, out, keepdims. Calls by keyword cost twice as much.
    reduce: Callable[..., Array] = ufunc.reduce
    if axes != (0,) or x.ndim != 2 or len(x) < 256 or x.shape[1] > _SHORT_ROW or not x.flags.c_contiguous:
        return reduce(x, axes, dtype, None, True)
    lanes = 1 << (len(x).bit_length() // 2)
    even = len(x) - len(x) % lanes
    total = reduce(reduce(x[:even].reshape(-1, lanes, x.shape[1]), 0, dtype), 0, dtype, None, True)
    return total if even == len(x) else ufunc(total, reduce(x[even:], 0, dtype, None, True))


def sums(x: Array, axes: Axes, dtype: DType | None = None) -> Array:
    """Sums over axes that are kept with length 1."""
    return fold(np.add, x, axes, dtype)


def wide(dtype: DType) -> DType:
    """What partial sums of this dtype are kept in."""
    return _WIDER.get(dtype.char, dtype)


def loop(dtype: DType) -> DType:
    """What sums of this dtype are made in within a block."""
    return np.dtype("f4") if dtype.char == "e" else dtype


_WIDER: dict[str, DType] = {"e": np.dtype("f4"), "f": np.dtype("f8"), "F": np.dtype("c16")}


class Parts:
    """The partials of the blocks of a tile, each by one call on the block."""

    __slots__ = ("block", "cut", "dtype", "merge", "parts")

    def __init__(
        self,
        cut: Cut,
        dtype: DType,
        block: Callable[[Array, Axes], Array],
        merge: Callable[[Array, Axes], Array],
    ) -> None:
        self.cut, self.dtype, self.block, self.merge = cut, dtype, block, merge
        self.parts: Array | None = None

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        part = self.block(x, self.cut.axes)
        if x.shape == self.cut.sizes:
            self.parts = part if part.dtype == self.dtype else part.astype(self.dtype)
            return
        if self.parts is None:
            self.parts = np.empty(self.cut.counts, self.dtype)
        self.parts[self.cut.at(span)] = part

    def result(self) -> Array:
        """The tile's partial."""
        assert self.parts is not None
        return self.merge(self.parts, self.cut.axes)
