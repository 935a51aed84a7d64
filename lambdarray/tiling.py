"""How an array is cut into tiles, and how the elements of one array's axis follow those of another's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from lambdarray_kernels.dtypes import dtype_from_json as dtype_from_json
from lambdarray_kernels.dtypes import dtype_to_json as dtype_to_json

Index = tuple[int, ...]
Slices = tuple[slice, ...]
Span = tuple[int, int]
Json = Any


class Cuts:
    """The boundaries of the tiles along one axis of `size` elements.

    Regular cuts hold a size and a chunk; ragged ones an int64 array of boundaries. Every element is in
    exactly one tile. An axis of size 0 has one tile of length 0.

    >>> Cuts(7, 3).chunks
    (3, 3, 1)
    >>> Cuts.ragged([2, 5]).find(4)
    1
    """

    __slots__ = ("bounds", "chunk", "count", "size")

    def __init__(self, size: int, chunk: int, bounds: np.ndarray | None = None) -> None:
        self.size, self.chunk, self.bounds = size, chunk, bounds
        self.count = len(bounds) - 1 if bounds is not None else max(1, -(-size // chunk))

    @classmethod
    def ragged(cls, lengths: Sequence[int]) -> Cuts:
        """Cuts with these tile lengths, those of 0 left out; falls back to the rule where they follow one."""
        lengths = [n for n in lengths if n] or [0]
        size = int(sum(lengths))
        first = int(lengths[0])
        regular = Cuts(size, max(first, 1))
        if len(lengths) == regular.count and all(n == first for n in lengths[:-1]) and lengths[-1] <= first:
            return regular
        return cls(size, 0, np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]))

    @classmethod
    def from_bounds(cls, bounds: np.ndarray) -> Cuts:
        """Cuts at these boundaries, the first of which is 0 and the last the size."""
        return cls.ragged(np.diff(bounds).tolist())

    @property
    def chunks(self) -> tuple[int, ...]:
        """The length of each tile."""
        if self.bounds is not None:
            return tuple(np.diff(self.bounds).tolist())
        full = (self.chunk,) * (self.count - 1)
        return (*full, self.size - self.chunk * (self.count - 1))

    @property
    def regular(self) -> bool:
        """Whether all tiles but the last have one length, and the last is no longer."""
        return self.bounds is None

    @property
    def max_chunk(self) -> int:
        """The length of the longest tile."""
        return min(self.chunk, self.size) if self.bounds is None else int(np.diff(self.bounds).max())

    def start(self, i: Any) -> Any:
        """The first element of tile `i`, for an integer or an array of them."""
        return i * self.chunk if self.bounds is None else self.bounds[i]

    def stop(self, i: Any) -> Any:
        """One past the last element of tile `i`, for an integer or an array of them."""
        if self.bounds is not None:
            return self.bounds[i + 1]
        end = (i + 1) * self.chunk
        return min(end, self.size) if isinstance(end, int) else np.minimum(end, self.size)

    def span(self, i: int) -> tuple[int, int]:
        """The elements [start, stop) of tile `i`."""
        if self.bounds is None:
            lo = i * self.chunk
            return lo, min(lo + self.chunk, self.size)
        return int(self.bounds[i]), int(self.bounds[i + 1])

    def find(self, element: Any) -> Any:
        """The tile that holds `element`, for an integer or an array of them."""
        if self.bounds is None:
            return element // self.chunk
        found = np.searchsorted(self.bounds, element, side="right") - 1
        return int(found) if isinstance(element, int) else found

    def tiles(self, lo: int, hi: int) -> tuple[int, int]:
        """The tiles [first, last + 1) that hold elements [lo, hi); none where that is empty."""
        if hi <= lo:
            return (0, 1) if self.size == 0 else (0, 0)
        return self.find(lo), self.find(hi - 1) + 1

    def to_json(self) -> list[int]:
        """`[size, chunk]` where regular, `[size, 0, b0, b1, ...]` where not."""
        return [self.size, self.chunk, *([] if self.bounds is None else self.bounds.tolist())]

    @classmethod
    def from_json(cls, data: Sequence[int]) -> Cuts:
        """The inverse of `to_json`."""
        size, chunk, *bounds = data
        return cls(size, chunk, np.asarray(bounds, dtype=np.int64) if bounds else None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cuts) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash((self.size, self.chunk, self.count))

    def __repr__(self) -> str:
        return f"Cuts({self.size}, {self.chunk})" if self.regular else f"Cuts.ragged({list(self.chunks)})"


@dataclass(frozen=True, slots=True)
class Tiling:
    """A grid of tiles over an array: one `Cuts` for each axis.

    >>> t = Tiling.regular((7, 5), (3, 2))
    >>> t.grid, t.tile_shape((2, 2))
    ((3, 3), (1, 1))
    """

    axes: tuple[Cuts, ...]
    # The array's shape, which is asked for again and again.
    shape: tuple[int, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple([c.size for c in self.axes]))

    @classmethod
    def regular(cls, shape: Sequence[int], chunk: Sequence[int]) -> Tiling:
        """Tiles of one shape; the last of an axis may be shorter."""
        return cls(tuple(Cuts(n, max(1, min(c, n))) for n, c in zip(shape, chunk, strict=True)))

    @classmethod
    def from_chunks(cls, chunks: Sequence[Sequence[int]]) -> Tiling:
        """Tiles with the lengths of Dask's and xarray's tuple of tuples."""
        return cls(tuple(Cuts.ragged(lengths) for lengths in chunks))

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of tiles along each axis."""
        return tuple(c.count for c in self.axes)

    @property
    def count(self) -> int:
        """The number of tiles."""
        return math.prod(self.grid)

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The tile lengths along each axis, as Dask and xarray write them."""
        return tuple(c.chunks for c in self.axes)

    @property
    def max_tile(self) -> tuple[int, ...]:
        """The longest tile along each axis."""
        return tuple(c.max_chunk for c in self.axes)

    @property
    def is_regular(self) -> bool:
        """Whether every axis is cut by rule, as Zarr needs it."""
        return all(c.regular for c in self.axes)

    def slices(self, index: Index) -> Slices:
        """Where tile `index` lies in the array."""
        return tuple(slice(*c.span(i)) for c, i in zip(self.axes, index, strict=True))

    def tile_shape(self, index: Index) -> tuple[int, ...]:
        """The shape of tile `index`."""
        spans = (c.span(i) for c, i in zip(self.axes, index, strict=True))
        return tuple(hi - lo for lo, hi in spans)

    def indices(self) -> Iterator[Index]:
        """All tile indices in C order."""
        return product(*(range(c.count) for c in self.axes))

    def to_json(self) -> list[list[int]]:
        """Plain data, axis by axis."""
        return [c.to_json() for c in self.axes]

    @classmethod
    def from_json(cls, data: Sequence[Sequence[int]]) -> Tiling:
        """The inverse of `to_json`."""
        return cls(tuple(Cuts.from_json(c) for c in data))


@dataclass(frozen=True, slots=True)
class AxisMap:
    """The elements of one axis of a source that a block [lo, hi) of a stage's axis needs.

    They are `size` elements from `start + step * e` on for e in the block; where `num`/`den` are set (reshape) the
    whole rows `floor(lo * num / den)` to `ceil(hi * num / den)`. With `axis` -1 they are the fixed `start` to
    `start + size`. With `by_block` e is the number of the block, and with `table` block number e needs the elements
    `table[2 * e]` to `table[2 * e + 1]`, at least one, neither of which ever falls. Windows of a `size` above 1 may
    reach over the source's ends, and are then cut short.

    >>> AxisMap(axis=0, start=9, step=-1).span((2, 5))
    (5, 8)
    >>> AxisMap(axis=0, start=-1, size=3).span((2, 5)), AxisMap(axis=0, step=4, size=4, by_block=True).span((0, 9), 2)
    ((1, 6), (8, 12))
    """

    axis: int
    start: int = 0
    step: int = 1
    size: int = 1
    num: int = 1
    den: int = 1
    by_block: bool = False
    table: tuple[int, ...] = ()

    @property
    def is_one_to_one(self) -> bool:
        """Whether each element (or, by block, each block) needs one element of the source."""
        return self.num == self.den and self.size == 1 and not self.table

    @property
    def is_elementwise(self) -> bool:
        """Whether each element of a block needs one element of the source."""
        return self.is_one_to_one and not self.by_block

    @property
    def follows(self) -> bool:
        """Whether the source's axis is one of the stage's, element by element."""
        return self.axis >= 0 and self.is_elementwise

    def span(self, block: Span, number: int = 0) -> Span:
        """The interval of source elements, lowest first, that the elements of a block (and its number) need."""
        if self.axis < 0:
            return self.start, self.start + self.size
        if self.table:
            return self.table[2 * number], self.table[2 * number + 1]
        lo, hi = (number, number + 1) if self.by_block else block
        if self.num != self.den:
            return lo * self.num // self.den, -(-hi * self.num // self.den)
        if hi <= lo:
            return self.start, self.start
        if self.step > 0:
            return self.start + self.step * lo, self.start + self.step * (hi - 1) + self.size
        return self.start + self.step * (hi - 1), self.start + self.step * lo + self.size

    def to_json(self) -> Json:
        """Plain data."""
        plain = [self.axis, self.start, self.step, self.size, self.num, self.den]
        return [*plain, self.by_block, list(self.table)] if self.by_block or self.table else plain

    @classmethod
    def from_json(cls, data: Json) -> AxisMap:
        """The inverse of `to_json`."""
        axis, start, step, size, num, den, *rest = data
        by_block, table = rest or (False, ())
        return cls(axis, start, step, size, num, den, by_block, tuple(table))
