"""What a function makes of the parts of NumPy arrays, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

Chunks = Sequence[Sequence[int]]


def parts(n: np.ndarray, chunks: Chunks) -> Iterator[np.ndarray]:
    """The blocks of an array in C order; along axes of length 1 it goes with all blocks of another."""
    along = [[slice(stop - k, stop) for k, stop in zip(c, np.cumsum(c), strict=True)] for c in chunks]
    for spans in product(*along):
        last = spans[len(spans) - n.ndim :]
        yield n[tuple(slice(None) if size == 1 else span for span, size in zip(last, n.shape, strict=True))]


def by_hand(f: Callable[..., Any], chunks: Chunks, *arrays: np.ndarray) -> np.ndarray:
    """The results of f for the blocks of arrays that broadcast from the right, put where the blocks were."""
    blocks = zip(*(parts(n, chunks) for n in arrays), strict=True)
    with np.errstate(all="ignore"):
        return joined((np.asarray(f(*given)) for given in blocks), [len(c) for c in chunks])


def joined(made: Iterator[np.ndarray], counts: Sequence[int]) -> np.ndarray:
    """Blocks in C order of a grid of `counts`, as one array."""
    if not counts:
        return next(made)
    return np.concatenate([joined(made, counts[1:]) for _ in range(counts[0])], axis=-len(counts))
