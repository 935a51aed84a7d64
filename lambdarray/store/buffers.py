"""Memory that reads and copies let go, kept during a run for the next of about their size.

Fresh memory costs the kernel a page fault and a zeroing for each page, which on virtual machines can take longer than
the read itself; what was just let go is there already, and partly in the cache.
"""

from __future__ import annotations

import mmap as mmap_module
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import prod
from mmap import mmap
from typing import Any

import numpy as np

# Smaller memory comes quickly from the allocator's own lists.
LEAST_NBYTES = 1 << 20
# A huge page, in which memory comes tens of times as quickly; the system makes one where a whole one is asked for.
HUGE_BYTES = 2 << 20
# What may be asked for more than is needed, so that the last page is a huge one too, as a share of it.
MOST_MORE = 1 / 16
# Where more of a size lie ready nobody is asking for them: the system has better use of memory that it just got back.
MOST_OF_A_SIZE = 4


class Leased(np.ndarray):  # type: ignore[type-arg]
    """Memory of the pool; it goes back when the last array over it is gone."""

    def __del__(self) -> None:
        if isinstance(self.base, mmap):  # the lease itself, not a slice of it
            _give(self.base)


# Lists by size. Appending and popping are atomic, and may happen while memory is being collected: no lock.
_free: dict[int, list[mmap]] = {}
_room = [0]
_users = [0]


def empty(shape: Sequence[int], dtype: Any, *, given_back: bool = False) -> np.ndarray:
    """An array for any values, as `np.empty`; of memory that was used before where there is such.

    With `given_back` the system has it again when it is let go, or the pool: the allocator keeps up to 32 MB of it for
    each thread that asked.
    """
    kind = np.dtype(dtype)
    nbytes = prod(shape) * kind.itemsize
    if nbytes < LEAST_NBYTES or kind.hasobject or not (_users[0] or given_back):
        return np.empty(shape, kind)
    memory = _used(nbytes) or _fresh(nbytes)
    return np.ndarray(tuple(shape), kind, Leased((len(memory),), np.uint8, memory))


def copied(values: np.ndarray, *, given_back: bool = False) -> np.ndarray:
    """A copy in C order, in memory as `empty` has it."""
    out = empty(values.shape, values.dtype, given_back=given_back)
    out[...] = values
    return out


def _used(nbytes: int) -> mmap | None:
    """The smallest memory there is of at least so many bytes, but no more than twice as many."""
    for size in sorted(n for n in list(_free) if nbytes <= n <= 2 * nbytes):
        with suppress(IndexError):  # another thread was first
            memory = _free[size].pop()
            _room[0] += size
            return memory
    return None


def _fresh(nbytes: int) -> mmap:
    """Memory that is not NumPy's: NumPy looks through arrays for whose memory it is, and would pass the lease by.

    It may be a little more than was asked for: of 4 MB, that is no whole number of huge pages, half had small ones.
    """
    whole = -(-nbytes // HUGE_BYTES) * HUGE_BYTES
    if whole - nbytes <= MOST_MORE * nbytes:
        nbytes = whole
    # What is private may lie in huge pages; Python's default is shared, and 500 page faults in place of each of them.
    private = getattr(mmap_module, "MAP_PRIVATE", 0) | getattr(mmap_module, "MAP_ANONYMOUS", 0)
    memory = mmap(-1, nbytes, private) if private else mmap(-1, nbytes)
    huge = getattr(mmap_module, "MADV_HUGEPAGE", None)
    if huge is not None:
        with suppress(OSError):  # advice that a kernel without huge pages refuses
            memory.madvise(huge)
    return memory


def _give(memory: mmap) -> None:
    nbytes = len(memory)
    if _users[0] and _room[0] >= nbytes and len(_free.get(nbytes, ())) < MOST_OF_A_SIZE:
        _room[0] -= nbytes
        _free.setdefault(nbytes, []).append(memory)


@contextmanager
def kept(nbytes: int) -> Iterator[None]:
    """Keep up to `nbytes` of what is let go for as long as the block runs."""
    _users[0] += 1
    _room[0] += nbytes
    try:
        yield
    finally:
        _users[0] -= 1
        _room[0] -= nbytes
        if not _users[0]:
            _free.clear()
            _room[0] = 0
