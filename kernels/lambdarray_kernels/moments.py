"""Variance and standard deviation: counts, means and squared deviations that can be joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial as bound
from typing import Any

import numpy as np

from .partials import Array, Axes, Cut, DType, Running, Spans, loop, sums, wide


class Moments:
    """The variance by the updating formula of Chan, Golub and LeVeque: count, mean and squared deviations.

    "Algorithms for computing the sample variance: analysis and recommendations", The American Statistician 37(3),
    1983. A mean is kept as two numbers, itself and what its rounding left: the formula squares differences of means,
    and where these are small beside the means their rounding would count for more than in NumPy's two passes.
    """

    def __init__(self, root: bool) -> None:
        self.root = root

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """A count, a mean (complex for complex data), its rest and the sum of squared deviations from it."""
        mean = wide(self.working_dtype(given, out))
        return np.dtype([("n", "<i8"), ("mean", mean), ("rest", mean), ("m2", np.zeros(0, mean).real.dtype)])

    def working_dtype(self, given: DType, out: DType) -> DType:
        """What deviations within a block are computed in."""
        if given.kind not in "fc":
            given = np.dtype("f8")
        return loop(np.result_type(given, out))

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """No elements."""
        return np.zeros(shape, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Deviations from a pivot near the mean."""
        return bound(RunningMoments, cut, self.working_dtype(given, out), self.partial_dtype(given, out))

    def merge(self, partial: Array, axes: Axes) -> Array:
        """The moments of the union of the partials' elements."""
        if all(partial.shape[a] == 1 for a in axes):
            return partial
        count, mean, m2 = (np.ascontiguousarray(partial[f]) for f in ("n", "mean", "m2"))
        pivot = mean[tuple(slice(0, 1) if d in axes else slice(None) for d in range(mean.ndim))]
        away = mean - pivot + partial["rest"]
        n = sums(count, axes)
        offset = sums(away * (count / np.maximum(n, 1)), axes)
        merged = np.empty(n.shape, partial.dtype)
        merged["n"] = n
        merged["m2"] = sums(m2 + _square(away - offset) * count, axes)
        self.shift(merged, offset, pivot)
        return merged

    def shift(self, partial: Array, offset: Array, pivot: Array) -> None:
        """Set the mean to `pivot + offset`, and its rest."""
        partial["mean"] = pivot + offset
        partial["rest"] = offset - (partial["mean"] - pivot)

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """M2 by n - ddof, and its root for the standard deviation."""
        variance = partial["m2"] / np.where(partial["n"] == 0, np.nan, np.maximum(partial["n"] - ddof, 0))
        return np.asarray(np.sqrt(variance) if self.root else variance).astype(dtype)


def _square(x: Array) -> Array:
    """The squared magnitude."""
    if x.dtype.kind == "c":
        return np.asarray(np.square(x.real) + np.square(x.imag))
    return np.asarray(np.square(x))


class RunningMoments:
    """The moments of a tile, block by block, relative to a pivot: the mean of the first block.

    Within a tile all means are kept as differences from the pivot, so that no digits are lost where the mean is
    large beside the deviation.
    """

    __slots__ = ("axes", "cut", "loop", "parts", "pivot", "scratch")

    def __init__(self, cut: Cut, inner: DType, dtype: DType) -> None:
        self.cut, self.axes, self.loop = cut, cut.axes, inner
        self.parts = np.empty(cut.counts, dtype)
        self.pivot = np.empty([1 if d in cut.axes else n for d, n in enumerate(cut.sizes)], inner)
        self.scratch: Array | None = None

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        at = self.cut.at(span)
        pivot = self.pivot[tuple(slice(0, 1) if d in self.axes else s for d, s in enumerate(at))]
        if all(span[a][0] == 0 for a in self.axes):
            total = self._total(x)
            np.divide(total, np.maximum(self._count(x, total), 1), out=pivot, casting="unsafe")
        n, offset, m2 = self._deviations(x, pivot)
        part = self.parts[at]
        part["n"], part["mean"], part["rest"], part["m2"] = n, offset, 0, m2

    def _total(self, x: Array) -> Array:
        """The sum of the block's elements."""
        return sums(x, self.axes, self.loop)

    def _count(self, x: Array, total: Array) -> Any:
        """How many elements were added up to each of the totals."""
        return x.size // max(total.size, 1)

    def _deviations(self, x: Array, pivot: Array) -> tuple[Any, Array, Array]:
        """The count, the mean less the pivot, and the sum of squared deviations."""
        d = self._less(x, pivot)
        total = sums(d, self.axes)
        n = self._count(x, total)
        offset = total / np.maximum(n, 1)
        m2 = self._sum_of_squares(d)
        excess = _square(offset) * n
        # Subtracting the excess is safe only where it is the smaller part; a nan settles nothing either way.
        if (excess <= 0.25 * m2).all():
            return n, offset, m2 - excess
        return n, offset, self._sum_of_squares(self._less(x, pivot, offset))

    def _less(self, x: Array, pivot: Array, offset: Array | None = None) -> Array:
        """The block less the pivot, and less the offset, in a buffer that is kept while blocks are alike."""
        if self.scratch is None or self.scratch.shape != x.shape:
            self.scratch = np.empty(x.shape, self.loop)
        np.subtract(x, pivot, out=self.scratch, dtype=self.loop, casting="unsafe")
        return self.scratch if offset is None else np.subtract(self.scratch, offset, out=self.scratch)

    def _sum_of_squares(self, d: Array) -> Array:
        """The sum of squared magnitudes; overwrites the deviations."""
        if d.dtype.kind == "c":
            parts = np.square(d.real, out=d.real), np.square(d.imag, out=d.imag)
            return np.asarray(sums(parts[0], self.axes) + sums(parts[1], self.axes))
        return sums(np.square(d, out=d), self.axes)

    def result(self) -> Array:
        """The tile's partial."""
        merged = MOMENTS.merge(self.parts, self.axes)
        MOMENTS.shift(merged, merged["mean"] + merged["rest"], self.pivot)
        return merged


MOMENTS = Moments(root=False)


class NanMoments(Moments):
    """The variance of the elements that are no nan; itself nan where there are no more than `ddof` of them."""

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """As for all elements, but that those which are nan count for nothing."""
        return bound(RunningNanMoments, cut, self.working_dtype(given, out), self.partial_dtype(given, out))

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """M2 by n - ddof, and its root for the standard deviation."""
        free = partial["n"] - ddof
        variance = partial["m2"] / np.where(free > 0, free, np.nan)
        return np.asarray(np.sqrt(variance) if self.root else variance).astype(dtype)


class RunningNanMoments(RunningMoments):
    """The moments of a tile's elements that are no nan."""

    __slots__ = ()

    def _total(self, x: Array) -> Array:
        return sums(np.where(np.isnan(x), 0, x), self.axes, self.loop)

    def _count(self, x: Array, total: Array) -> Any:
        return sums(~np.isnan(x), self.axes, np.dtype(np.int64))

    def _less(self, x: Array, pivot: Array, offset: Array | None = None) -> Array:
        d = super()._less(x, pivot, offset)
        d[np.isnan(x)] = 0
        return d
