"""Sums of products over shared axes: the pair that every contraction is made of."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .array import Array
from .elementwise import call
from .folds import fold
from .manipulation import permute_dims, reshape, squeeze
from .products import matmul

Label = Hashable


@dataclass(frozen=True, slots=True)
class Labelled:
    """An array with a label for each axis; axes with one label run together."""

    array: Array
    labels: tuple[Label, ...]

    def length(self, label: Label) -> int:
        """The length of an axis."""
        return self.array.shape[self.labels.index(label)]

    def without(self, labels: Iterable[Label]) -> Labelled:
        """Summed over these axes."""
        gone = [d for d, label in enumerate(self.labels) if label in set(labels)]
        if not gone:
            return self
        long = tuple(d for d in gone if self.array.shape[d] != 1)
        ufunc = np.logical_or if self.array.dtype == bool else np.add
        summed = fold(ufunc, self.array, long, self.array.dtype, keepdims=True) if long else self.array
        return Labelled(squeeze(summed, tuple(gone)), tuple(x for d, x in enumerate(self.labels) if d not in gone))

    def spread(self, order: Sequence[Label]) -> Array:
        """The array with its axes in this order, and new ones of length 1 for the labels that it has not."""
        own = [label for label in order if label in self.labels]
        x = permute_dims(self.array, [self.labels.index(label) for label in own])
        return x[tuple(slice(None) if label in own else None for label in order)]


def contract(a: Labelled, b: Labelled, kept: Iterable[Label]) -> Labelled:
    """The sum over all axes that are not `kept` of the products of two arrays of one dtype.

    It is a matrix product where both have axes of their own beside those that are summed over; else the products are
    summed as they are made, and everything is read once.
    """
    wanted = set(kept)
    a = a.without(set(a.labels) - set(b.labels) - wanted)
    b = b.without(set(b.labels) - set(a.labels) - wanted)
    both = [label for label in a.labels if label in b.labels]
    summed = [label for label in both if label not in wanted]
    rows, columns = ([label for label in x.labels if label not in both] for x in (a, b))
    if summed and rows and columns:
        batch = [label for label in both if label in wanted]
        return _product(a, b, batch, rows, columns, summed)
    order = tuple(dict.fromkeys((*a.labels, *b.labels)))
    products = Labelled(call(np.multiply, a.spread(order), b.spread(order)), order)
    return products.without(summed)


def _product(
    a: Labelled, b: Labelled, batch: list[Label], rows: list[Label], columns: list[Label], summed: list[Label]
) -> Labelled:
    """By one matrix product: of their own axes the longest are the matrices', the others go with the batch."""
    m, n = max(rows, key=a.length), max(columns, key=b.length)
    lead = [*batch, *(label for label in rows if label != m), *(label for label in columns if label != n)]
    left = _flat(a.spread([*lead, m, *summed]), len(summed))
    right = _flat(b.spread([*lead, n, *summed]), len(summed))
    return Labelled(matmul(left, right.mT), (*lead, m, n))


def _flat(x: Array, count: int) -> Array:
    """`x` with its last `count` axes made one."""
    return x if count == 1 else reshape(x, (*x.shape[:-count], _volume(x.shape[-count:])))


def _volume(shape: Any) -> int:
    return int(np.prod(shape, dtype=np.int64))
