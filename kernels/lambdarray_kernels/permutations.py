"""Permutations of 0 to n - 1 as functions: any part of one is known without the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
Streams = Callable[[tuple[int, ...]], "np.random.Generator"]  # as text, for it takes ten milliseconds to import

# Up to here a permutation is shuffled whole, in well under a millisecond.
SHUFFLED = 1 << 16
# As many as in NIST's FF1, which also is for small domains. The generic attacks on Feistel networks that Patarin lists
# need more permutations than anyone draws from six or seven rounds on.
ROUNDS = 10
# A round function is a table of random numbers, or the exclusive or of two, each for this many bits of its input.
PIECE_BITS = 16
# Places that are worked on at once: what a round makes of them stays in the second-level cache.
BLOCK = 1 << 15


class Permutation:
    """A random permutation of 0 to n - 1, drawn by a generator.

    It is a Feistel network whose round functions are drawn whole (Luby and Rackoff, 1988): a bijection of the numbers
    of as many bits as n - 1 has. What falls outside is mapped again until it falls inside, which keeps it a bijection
    (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002); Mitchell, Stokes, Frank and Holmes
    ("Bandwidth-optimal random shuffling for GPUs", 2022) shuffle so. A small one is shuffled as NumPy shuffles.

    >>> places = np.arange(5)
    >>> Permutation(5, np.random.default_rng(0))(places)
    >>> sorted(places.tolist())
    [0, 1, 2, 3, 4]
    """

    def __init__(self, n: int, generator: np.random.Generator) -> None:
        self.n = n
        self._whole = generator.permutation(n) if n <= SHUFFLED else None
        bits = (n - 1).bit_length()
        self._low, self._high = bits // 2, bits - bits // 2
        # Halves of odd numbers of bits differ by one bit, and change places after each round.
        widths = [(self._low, self._high), (self._high, self._low)] * (ROUNDS // 2)
        self._tables = [] if n <= SHUFFLED else [list(_tables(*width, generator)) for width in widths]

    def __call__(self, places: Array) -> None:
        """Replace places, in a contiguous array, by the numbers that the permutation has there."""
        flat = places.reshape(-1)
        for start in range(0, len(flat), BLOCK):
            part = flat[start : start + BLOCK]
            part[...] = self._inside(part) if self._whole is None else self._whole[part]

    def _inside(self, x: Array) -> Array:
        made = self._network(x)
        while len(outside := np.flatnonzero(made >= self.n)):
            made[outside] = self._network(made[outside])
        return made

    def _network(self, x: Array) -> Array:
        left, right = x >> self._low, x & ((1 << self._low) - 1)
        for tables in self._tables:
            for n, table in enumerate(tables):
                piece = right if len(tables) == 1 else right >> n * PIECE_BITS & (1 << PIECE_BITS) - 1
                np.bitwise_xor(left, table[piece], out=left)
            left, right = right, left
        return left << self._low | right


def _tables(bits: int, out_bits: int, generator: np.random.Generator) -> Iterator[Array]:
    """The tables of a random function from `bits` to `out_bits` bits."""
    for done in range(0, bits, PIECE_BITS):
        size = 1 << min(bits - done, PIECE_BITS)
        yield generator.integers(0, 1 << out_bits, size=size, dtype=np.uint32)


def permuted_places(block: Sequence[Span], shape: Sequence[int], streams: Streams, n: int, axis: int | None) -> Array:
    """The elements `block` of an array of `shape` that holds, in C order, the start of a permutation of 0 to n - 1.

    With an `axis` each line along it holds a permutation of its own, with the stream of the line's number.
    """
    if axis is None:
        strides = [math.prod(shape[d + 1 :]) for d in range(len(shape))]
        along = [np.arange(lo, hi) * stride for (lo, hi), stride in zip(block, strides, strict=True)]
        out: Any = sum(np.ix_(*along), np.zeros((), np.int64))
        Permutation(n, streams(()))(out)
        return np.asarray(out)
    out = np.empty([hi - lo for lo, hi in block], np.int64)
    lines = np.moveaxis(out, axis, -1)
    others = [range(lo, hi) for d, (lo, hi) in enumerate(block) if d != axis]
    for index, number in zip(np.ndindex(lines.shape[:-1]), product(*others), strict=True):
        line = np.arange(*block[axis])
        Permutation(n, streams(number))(line)
        lines[index] = line
    return np.asarray(out)
