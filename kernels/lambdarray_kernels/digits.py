"""Order statistics by digits: the element of a rank, digit by digit, from counts that add up over tiles.

Numbers become unsigned keys in the same order. Each round counts, of the elements whose key begins as the wanted one
does, how often each next digit occurs; the counts of all tiles say which digit the wanted key goes on with. So the
element is exact after as many passes as a key has digits, whatever the values are, and nothing is sorted or written
(MSD radix selection: Knuth, "The Art of Computer Programming", vol. 3, section 5.2.5).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .registry import kernel

Array = np.ndarray[Any, Any]

# Bits of a digit, at most, and elements that are looked at together: their keys stay in the cache.
MOST_BITS, TOGETHER = 16, 1 << 15
# What is known of each wanted key: its first digits, and its rank among the elements that begin so.
STATE = np.dtype([("prefix", "<u8"), ("rank", "<i8")])


def digit_bits(dtype: Any) -> int:
    """The bits of a digit of keys of this dtype.

    >>> digit_bits("f8"), digit_bits("?")
    (16, 8)
    """
    return min(MOST_BITS, 8 * int(np.dtype(dtype).itemsize))


def rounds(dtype: Any) -> int:
    """The digits of a key of this dtype: how often `digit_counts` is called."""
    return -(-8 * int(np.dtype(dtype).itemsize) // digit_bits(dtype))


def keys_of(x: Array) -> Array:
    """Unsigned integers in the order of the elements; those of NaN are at either end, by its sign.

    >>> np.argsort(keys_of(np.array([1.0, -2.0, np.inf, -np.inf]))).tolist()
    [3, 1, 0, 2]
    """
    x = x.astype(x.dtype.newbyteorder("="), copy=False)
    unsigned: np.dtype[Any] = np.dtype(f"u{x.itemsize}")
    if x.dtype.kind in "bu":
        return np.asarray(x.view(unsigned))
    bits, top = x.view(unsigned), unsigned.type(1 << (8 * x.itemsize - 1))
    if x.dtype.kind == "i":
        return np.asarray(bits ^ top)
    # A negative number's bits fall as it rises.
    flip = (x.view(f"i{x.itemsize}") >> (8 * x.itemsize - 1)).view(unsigned) | top
    out: Array = bits ^ flip
    return out


def _elements(*shapes: Sequence[int], **_: Any) -> int:
    return math.prod(shapes[0])


@kernel(flops=_elements)
def digit_counts(x: Array, state: Array | None = None, *, number: int, ranks: int) -> Array:
    """How often each digit comes next among the elements that begin as each of the `ranks` wanted keys does.

    `number` is the round, from 0 on, and `state` what `pick_digit` gave in the one before. The counts have length 1
    along the axes of `x`, and then those of wanted keys and digits.

    >>> digit_counts(np.array([3, 1, 3], "u1"), number=0, ranks=1)[0, 0, :5].tolist()
    [0, 1, 0, 2, 0]
    """
    bits = digit_bits(x.dtype)
    width = 8 * x.itemsize
    shift, size = width - bits * (number + 1), 1 << bits
    out = np.zeros((ranks, size), np.int64)
    flat = x.reshape(-1)
    for lo in range(0, flat.size, TOGETHER):
        keys = keys_of(flat[lo : lo + TOGETHER])
        if state is None:
            out[0] += np.bincount(keys >> shift, minlength=size)
            continue
        beginnings = keys >> keys.dtype.type(shift + bits)
        for n, prefix in enumerate(state["prefix"].tolist()):
            chosen = keys[beginnings == prefix]
            if chosen.size:
                np.add.at(out[n], (chosen >> shift) & (size - 1), 1)
    if state is None:
        out[1:] = out[0]
    return out.reshape((1,) * x.ndim + out.shape)


@kernel(flops=_elements)
def pick_digit(counts: Array, state: Array | None = None, *, ranks: Sequence[int]) -> Array:
    """The wanted keys with one more digit, from the counts of all elements; `ranks` where there is no state yet.

    >>> pick_digit(np.array([[0, 1, 0, 2]]), ranks=[1])
    array([(3, 0)], dtype=[('prefix', '<u8'), ('rank', '<i8')])
    """
    rank = np.asarray(ranks, np.int64) if state is None else state["rank"]
    upto = np.cumsum(counts, axis=-1)
    digit = (upto <= rank[:, None]).sum(axis=-1)
    out = np.empty(len(counts), STATE)
    before = np.where(digit > 0, np.take_along_axis(upto, np.maximum(digit - 1, 0)[:, None], -1)[:, 0], 0)
    out["rank"] = rank - before
    known = np.uint64(0) if state is None else state["prefix"]
    out["prefix"] = known * np.uint64(counts.shape[-1]) + digit.astype(np.uint64)
    return out


@kernel(flops=_elements)
def key_values(state: Array, *, dtype: str) -> Array:
    """The elements that the wanted keys stand for.

    >>> key_values(np.array([(5, 0)], STATE), dtype="|u1")
    array([5], dtype=uint8)
    """
    kind = np.dtype(dtype)
    unsigned: np.dtype[Any] = np.dtype(f"u{kind.itemsize}")
    keys, top = state["prefix"].astype(unsigned), unsigned.type(1 << (8 * kind.itemsize - 1))
    if kind.kind in "bu":
        return np.asarray(keys.view(kind))
    if kind.kind == "i":
        return np.asarray((keys ^ top).view(kind))
    return np.asarray(np.where(keys & top, keys ^ top, ~keys).view(kind))
