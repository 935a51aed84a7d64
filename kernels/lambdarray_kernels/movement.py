"""Moving elements between shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dtypes import dtype_from_json
from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
Group = tuple[tuple[int, ...], tuple[int, ...]]


def reshape_groups(source: Shape, target: Shape) -> list[Group]:
    """The smallest groups of axes, of the source and of the target, that a C-order reshape keeps apart.

    The two sides of a group have equally many elements. An axis of length 1 is a group by itself with an empty other
    side; an empty array is one group. The first axis of each side leads it: it may be cut into blocks.

    >>> reshape_groups((2, 3, 4), (6, 1, 4))
    [((), (1,)), ((0, 1), (0,)), ((2,), (2,))]
    """
    if math.prod(source) != math.prod(target):
        raise ValueError(
            f"cannot reshape {source} to {target}: {math.prod(source)} elements are not {math.prod(target)}"
        )
    if 0 in source:
        return [(tuple(range(len(source))), tuple(range(len(target))))]
    groups: list[Group] = [((d,), ()) for d, n in enumerate(source) if n == 1]
    groups += [((), (d,)) for d, n in enumerate(target) if n == 1]
    left = [d for d, n in enumerate(source) if n > 1]
    right = [d for d, n in enumerate(target) if n > 1]
    while left:
        s, t = 1, 1
        while (more := _size(source, left[:s]) - _size(target, right[:t])) != 0:
            s, t = (s + 1, t) if more < 0 else (s, t + 1)
        groups.append((tuple(left[:s]), tuple(right[:t])))
        left, right = left[s:], right[t:]
    return groups


def reshape_maps(source: Shape, target: Shape) -> list[tuple[int, int, int, int]]:
    """What a block of the target needs of each source axis, as `(axis, size, num, den)` of an `AxisMap`.

    The first axis of a group follows the group's first target axis, in whole rows; the others are read whole
    (axis -1).

    >>> reshape_maps((2, 3, 4), (6, 4))
    [(0, 1, 1, 3), (-1, 3, 1, 1), (1, 1, 1, 1)]
    """
    maps = [(-1, n, 1, 1) for n in source]
    for left, right in reshape_groups(source, target):
        if left and right and 0 not in source:
            maps[left[0]] = (
                right[0],
                1,
                _size(target, right[1:]),
                _size(source, left[1:]),
            )
    return maps


def _size(shape: Sequence[int], axes: Sequence[int]) -> int:
    return math.prod(shape[d] for d in axes)


def reshape_flops(*_: Any, **__: Any) -> int:
    """None: it only moves elements."""
    return 0


@kernel(flops=reshape_flops, needs_block=True)
def reshape(x: Array, block: Sequence[Span], shape: Sequence[int], source: Sequence[int]) -> Array:
    """The elements `block` of the C-order reshape to `shape` of an array whose whole shape is `source`.

    `x` holds the part of the source that `reshape_maps` reads, all its axes in order; of each of the `reshape_groups`
    only the first target axis may be cut. A view where `x` is contiguous.

    >>> reshape(np.arange(8).reshape(2, 4), [(1, 2), (0, 3)], (4, 3), source=(3, 4))
    array([[3, 4, 5]])
    """
    lengths = [hi - lo for lo, hi in block]
    if 0 in lengths or 0 in source:
        return np.empty(lengths, x.dtype)
    # Groups with a source, in its order, each flat; those without have one element.
    groups = sorted(group for group in reshape_groups(tuple(source), tuple(shape)) if group[0])
    parts: list[Any] = [_flat_range(left, right, block, source, shape) for left, right in groups]
    flat = x.reshape([_size(x.shape, left) for left, _ in groups])
    return flat[(*parts, ...)].reshape(lengths)


def _flat_range(left: Shape, right: Shape, block: Sequence[Span], source: Sequence[int], shape: Sequence[int]) -> slice:
    """Where a block lies in its group's rows, which begin with the whole row of its first element."""
    if not right:
        return slice(0, 1)
    (lo, hi), row = block[right[0]], _size(shape, right[1:])
    start = lo * row % _size(source, left[1:])
    return slice(start, start + (hi - lo) * row)


@kernel(flops=lambda **_: 0, needs_block=True)
def fill(*, value: str, dtype: Any, block: Sequence[tuple[int, int]], shape: Sequence[int]) -> Array:
    """One value everywhere, given by its bytes in hexadecimal.

    >>> fill(value="0200", dtype="<i2", block=[(0, 2)], shape=[2])
    array([2, 2], dtype=int16)
    """
    lengths, kind, bits = [hi - lo for lo, hi in block], dtype_from_json(dtype), bytes.fromhex(value)
    if any(bits):
        return np.full(lengths, np.frombuffer(bits, kind)[0], kind)
    return np.zeros(lengths, kind)  # memory that takes no time before it is touched
