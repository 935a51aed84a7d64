"""How a fused program walks through a tile: its axes merged where memory allows, and cut into blocks of cache size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

Array = np.ndarray
Axes = tuple[int, ...]
Mask = tuple[bool, ...]

# Half of the smallest second-level cache in use; all buffers of a block together stay below it.
SCRATCH_BYTES = 1 << 20
MIN_ELEMENTS, MAX_ELEMENTS = 4096, 65536
# A single function gains nothing from the cache, and rounding errors stay small in blocks of this size.
LONE_ELEMENTS = 1 << 20
# Reductions alone gain less from the second-level cache than they lose to the calls: each gives up Python's lock and
# waits for it again, and on two threads small blocks take twice as long.
WALKED_ELEMENTS = 1 << 19
# Blocks across two fast axes: rows this long of each, which the caches' prefetch still follows.
ROW = 256


@dataclass(frozen=True, slots=True)
class Frame:
    """The axes of a loop over a tile of `full` shape: `groups` of the tile's axes, each walked as one.

    >>> Frame.of((4, 5, 6), [(240, 48, 8), (0, 0, 8)], [], reorder=False).groups
    ((0, 1), (2,))
    """

    full: tuple[int, ...]
    groups: tuple[Axes, ...]
    order: Axes | None
    shape: tuple[int, ...]

    @classmethod
    def of(
        cls,
        full: tuple[int, ...],
        strides: Sequence[Sequence[int]],
        apart: Sequence[Sequence[bool]],
        reorder: bool,
    ) -> Frame:
        """The fewest groups for operands with these strides, 0 where an operand is broadcast.

        `apart` labels axes: those with different labels are not merged. With `reorder` the axes may be walked in
        any order.
        """
        long = [d for d, n in enumerate(full) if n != 1]
        if reorder:
            long = _common_order(long, strides)
        groups: list[list[int]] = []
        for d in long:
            if groups and _mergeable(groups[-1][-1], d, full, strides, apart):
                groups[-1].append(d)
            else:
                groups.append([d])
        order = None if long == sorted(long) else (*(d for d, n in enumerate(full) if n == 1), *long)
        shape = tuple(math.prod(full[d] for d in g) for g in groups)
        return cls(full, tuple(map(tuple, groups)), order, shape)

    def mask(self, shape: Sequence[int]) -> Mask:
        """For each group, whether an operand of this shape varies along it."""
        return tuple(any(shape[d] != 1 for d in g) for g in self.groups)

    def view(self, x: Array) -> Array:
        """An operand with the groups for axes; the operand itself where it varies along none."""
        if x.shape == self.shape and self.order is None:
            return x
        if self.order is not None:
            x = x.transpose(self.order)
        if x.size == 1:
            return x.reshape((1,) * len(self.groups))
        if x.shape == self.full and self.order is None:
            return x.reshape(self.shape)
        return x.reshape([math.prod(x.shape[d] for d in g) for g in self._walked()])

    def _walked(self) -> tuple[Axes, ...]:
        """The groups as axes of an operand that has been transposed."""
        if self.order is None:
            return self.groups
        place = {d: i for i, d in enumerate(self.order)}
        return tuple(tuple(place[d] for d in g) for g in self.groups)

    def unview(self, x: Array, shape: tuple[int, ...]) -> Array:
        """The inverse of `view`, for a result of this shape."""
        if self.order is None:
            return x.reshape(shape)
        return x.reshape([shape[d] for d in self.order]).transpose(np.argsort(self.order).tolist())


def _common_order(axes: list[int], strides: Sequence[Sequence[int]]) -> list[int]:
    """The axes from the farthest to the closest elements, where all operands agree on that; as they are where not."""
    first = max(strides, key=lambda s: sum(s[d] != 0 for d in axes), default=())
    if any(first[d] == 0 for d in axes if first):
        return axes
    order = sorted(axes, key=lambda d: -abs(first[d])) if first else axes
    for s in strides:
        values = [abs(s[d]) for d in order if s[d]]
        if values != sorted(values, reverse=True):
            return axes
    return order


def _mergeable(
    a: int,
    b: int,
    full: Sequence[int],
    strides: Sequence[Sequence[int]],
    apart: Sequence[Sequence[bool]],
) -> bool:
    """Whether axis b follows axis a as if both were one, in all operands."""
    if any(label[a] != label[b] for label in apart):
        return False
    return all(s[a] == s[b] * full[b] for s in strides)


def fast_axes(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> Axes:
    """The last axis, and the axes along which some operand's elements lie closest together."""
    fast = {len(shape) - 1}
    for s in strides:
        moving = [d for d in range(len(shape)) if s[d] and shape[d] > 1]
        if moving and (last := len(shape) - 1) in moving:
            nearest = min(moving, key=lambda d: (abs(s[d]), -d))
            fast.add(nearest if abs(s[nearest]) < abs(s[last]) else last)
    return tuple(sorted(fast, reverse=True))


def block_shape(
    shape: Sequence[int], elements: int, fast: Axes, reduced: Sequence[tuple[Axes, int]]
) -> tuple[int, ...]:
    """The lengths of a block of about this many elements.

    `reduced` are the axes of each reduction, and how many elements at least should make one partial.

    Rows come first, then as many elements along each reduction's axes as make its partials much smaller than the
    tile, then the rest from the last axis to the first.
    """
    if not shape:
        return ()
    block = [1] * len(shape)
    last = len(shape) - 1

    def grow(axis: int, limit: int) -> None:
        room = elements // math.prod(block)
        block[axis] = min(shape[axis], block[axis] * max(1, min(room, limit)))

    row = elements if len(fast) == 1 else ROW
    for axes, shrink in reduced:
        if axes and last not in axes:
            row = min(row, max(ROW, elements // shrink))
    grow(last, row)
    for axis in fast:
        if axis != last:
            grow(axis, elements)
    for axes, shrink in reduced:
        for axis in sorted(axes, reverse=True):
            grow(axis, -(-shrink // math.prod(block[a] for a in axes)))
    for axis in range(last, -1, -1):
        grow(axis, elements)
    return tuple(block)


def spans(shape: Sequence[int], block: Sequence[int]) -> Iterator[tuple[tuple[int, int], ...]]:
    """The blocks of a tile as (lo, hi) for each axis, in C order."""
    return product(*[_pieces(n, b) for n, b in zip(shape, block, strict=True)])


def _pieces(size: int, length: int) -> list[tuple[int, int]]:
    """An axis in pieces of this length; a short rest is shared out between the last two.

    So the last axis of a block never has length 1, and what is written never is a single column: NumPy 2.4 gives
    wrong values for some functions (isfinite, negative) where their output is strided.

    >>> _pieces(9, 4)
    [(0, 4), (4, 7), (7, 9)]
    """
    bounds = [*range(0, size, length), size]
    rest = size % length
    if len(bounds) > 2 and 0 < 2 * rest < length:
        bounds[-2] -= (length - rest) // 2
    return list(pairwise(bounds))


def gather(x: Array, work: Array, out: Array) -> None:
    """Copy a block whose last axis is not its closest one: row by row into `work` (bytes), then across in cache.

    Read across, a tile costs a cache line and often a page per element.
    """
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))
    if order == list(range(x.ndim)):
        np.copyto(out, x)
        return
    rows = x.transpose(order)
    *lead, row = rows.shape
    # One element more a row: columns of a power of two would share their places in the cache.
    padded = work[: math.prod(lead) * (row + 1) * x.itemsize].view(x.dtype)
    near = padded.reshape(*lead, row + 1)[..., :row]
    np.copyto(near, rows)
    np.copyto(out, near.transpose(np.argsort(order).tolist()))


def gather_nbytes(block: Array) -> int:
    """The room that `gather` needs for a block, in whatever order its axes are."""
    return max(block.nbytes + block.nbytes // int(n) for n in block.shape)


def shape_of(mask: Mask, block: Sequence[int]) -> tuple[int, ...]:
    """The shape in a block of a register that varies along the axes of `mask`."""
    return tuple([n if m else 1 for n, m in zip(block, mask, strict=True)])


_ALL = slice(None)


def index_of(mask: Mask, span: Sequence[tuple[int, int]]) -> tuple[slice, ...]:
    """What takes a block out of an array that varies along the axes of `mask`."""
    return tuple([slice(*s) if m else _ALL for s, m in zip(span, mask, strict=True)])
