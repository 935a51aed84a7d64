"""How many partial results one task of a reduction tree combines, and why."""

from __future__ import annotations

import math

from ..store.arrays import FETCH_THREADS
from .blocks import Resources

# Where tiles stay in memory a task of the tree costs little, and so does a partial result: as was measured.
FAN_IN = 32
# A task that reads more has as many requests to make again as are worth a task of their own.
MOST_FAN_IN = 1024


def of_tree(count: int, partial_bytes: int, resources: Resources, beside: int = 1) -> int:
    """How many of `count` partial results a task combines: what a store takes least time for, of what fits.

    `beside` are the trees that there are. Large partial results make flat trees slow, latency makes deep ones so.

    >>> have = Resources(1000, 1 << 30, remote=True)
    >>> [of_tree(1000, nbytes, have) for nbytes in (8, 10**6, 10**8)]
    [32, 4, 3]
    """
    fits = max(2, min(resources.memory_bytes // max(3 * partial_bytes, 1), count))
    if not resources.remote:
        return min(FAN_IN, fits)
    powers = (1 << n for n in range(1, min(fits, MOST_FAN_IN).bit_length()))
    return min(
        {*powers, min(fits, MOST_FAN_IN)}, key=lambda f: (seconds(count, f, partial_bytes, resources, beside), f)
    )


def seconds(count: int, fan_in: int, partial_bytes: int, resources: Resources, beside: int = 1) -> float:
    """The time until `count` partial results are one, level by level, in each of the trees that are beside.

    A task waits for its requests, so many at once, for its bytes, and for what it writes.
    """
    machine, total = resources.cut_for, 0.0
    store = machine.store
    while count > 1:
        read, count = min(fan_in, count), -(-count // fan_in)
        waits = (math.ceil(read / FETCH_THREADS) + 1) * store.request_s
        each = machine.task_s + waits + store.seconds(read * partial_bytes, partial_bytes)
        total += math.ceil(count * beside / resources.workers) * each
    return total


def reason(count: int, partial_bytes: int, resources: Resources, beside: int = 1) -> str | None:
    """Why so many are combined at a time, with the figures of others; None where there was nothing to choose.

    >>> reason(1000, 8, Resources(1000, 1 << 30, remote=True))
    '1,000 partial results are combined 32 at a time: 0.18 s, and 0.19 s by 16, 0.21 s by 64'
    """
    chosen = of_tree(count, partial_bytes, resources, beside)
    told = f"{count:,} partial results are combined {chosen:,} at a time"
    if count <= 2 or (not resources.remote and count <= chosen):
        return None
    if not resources.remote:
        return f"{told}: of tiles in memory a task reads so many in less time than it takes to begin"
    others = [
        f for f in (chosen // 2, 2 * chosen) if 2 <= f < 2 * count and 3 * f * partial_bytes <= resources.memory_bytes
    ]
    figures = [f"{seconds(count, f, partial_bytes, resources, beside):.2g} s by {f:,}" for f in others]
    took = f"{seconds(count, chosen, partial_bytes, resources, beside):.2g} s"
    return f"{told}: {took}{', and ' if figures else ''}{', '.join(figures)}"
