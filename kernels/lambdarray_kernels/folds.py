"""Reductions whose partials are sums and the like: a ufunc applied again and again, and the mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial as bound
from typing import Any

import numpy as np

from .partials import Array, Axes, Cut, DType, Parts, Running, Spans, fold, loop, sums, wide


class Fold:
    """A reduction by a ufunc whose partials are values like its result."""

    def __init__(self, ufunc: np.ufunc, start: Any = None, widen: bool = False) -> None:
        self.ufunc, self.initial, self.widen = ufunc, start, widen

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The result's dtype, wider where that keeps a sum exact for longer."""
        return wide(out) if self.widen else out

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """The ufunc's identity, or for min and max the value that loses to every other."""
        start = self.initial(dtype) if callable(self.initial) else self.initial
        return np.full(shape, start, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Reduce each block."""
        dtype = loop(out) if self.widen and out.kind not in "mM" else None

        def block(x: Array, axes: Axes) -> Array:
            return fold(self.ufunc, x, axes, dtype)

        if self.ufunc is np.add and given.kind == "b" and dtype == np.int64:
            block = _count_true
        return bound(Parts, cut, self.partial_dtype(given, out), block, self.merge)

    def merge(self, partial: Array, axes: Axes) -> Array:
        """Reduce the partials, in their own dtype."""
        if all(partial.shape[a] == 1 for a in axes):
            return partial
        return fold(self.ufunc, partial, axes)

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The value in the result's dtype."""
        return partial.astype(dtype)


class Ordered:
    """A reduction from the first element to the last by a ufunc for which another grouping has another result.

    Its axis lies in one block of one task: partials cannot be merged.
    """

    def __init__(self, ufunc: np.ufunc) -> None:
        self.ufunc = ufunc

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The result's dtype."""
        return out

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """Any value, for there are none: NumPy reduces no empty axis so."""
        return np.zeros(shape, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Go on from what the blocks before have given."""
        return bound(RunningOrdered, self.ufunc, cut, out)

    def merge(self, partial: Array, axes: Axes) -> Array:
        """The only one there is."""
        if any(partial.shape[a] != 1 for a in axes):
            raise ValueError(f"{self.ufunc.__name__} has no order to be merged in: {partial.shape} along {axes}")
        return partial

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The value in the result's dtype."""
        return partial.astype(dtype)


class RunningOrdered:
    """An ordered reduction under way: the value so far, for all blocks beside one another."""

    __slots__ = ("axes", "state", "ufunc")

    def __init__(self, ufunc: np.ufunc, cut: Cut, dtype: DType) -> None:
        self.ufunc, self.axes = ufunc, cut.axes
        self.state = np.empty([1 if d in cut.axes else n for d, n in enumerate(cut.sizes)], dtype)

    def add(self, x: Array, span: Spans) -> None:
        """Take the block that comes next along the axis."""
        here = [slice(0, 1) if d in self.axes else slice(*s) for d, s in enumerate(span)]
        at: tuple[Any, ...] = (*here, ...)
        if any(span[a][0] for a in self.axes):
            x = np.concatenate([self.state[at], x], axis=self.axes[0])
        reduce: Callable[..., Array] = self.ufunc.reduce
        self.state[at] = reduce(x, self.axes, None, None, True)

    def result(self) -> Array:
        """The value at the end."""
        return self.state


def _count_true(x: Array, axes: Axes) -> Array:
    """The sum of booleans, without turning each into an integer."""
    if len(axes) == x.ndim:
        return np.full((1,) * x.ndim, np.count_nonzero(x), np.int64)
    return sums(x, axes, np.dtype(np.int64))


def lowest(dtype: DType) -> Any:
    """The value that is below every other of a dtype, or equal to it."""
    return _bound(dtype, -1)


def highest(dtype: DType) -> Any:
    """The value that is above every other of a dtype, or equal to it."""
    return _bound(dtype, 1)


def nothing_or(bound: Callable[[DType], Any]) -> Callable[[DType], Any]:
    """The nan of a dtype, which loses to every other value; `bound` where it has none."""

    def value(dtype: DType) -> Any:
        return np.array(np.nan if dtype.kind in "fc" else "NaT", dtype) if dtype.kind in "fcmM" else bound(dtype)

    return value


def _bound(dtype: DType, sign: int) -> Any:
    """The end of a dtype's order on the side of `sign`."""
    if dtype.kind == "b":
        return sign > 0
    if dtype.kind == "c":
        return complex(sign * math.inf, sign * math.inf)
    if dtype.kind == "f":
        return sign * math.inf
    if dtype.kind in "mM":  # the lowest integer is NaT
        return np.array(sign * np.iinfo("i8").max, "i8").view(dtype)
    info = np.iinfo(dtype)
    return info.max if sign > 0 else info.min


class Mean:
    """The mean: the sum and the number of elements."""

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """A count and a sum."""
        return np.dtype([("n", "<i8"), ("sum", wide(out))])

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """No elements, and their sum 0."""
        return np.zeros(shape, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Sum each block."""
        inner = loop(out)

        def block(x: Array, axes: Axes) -> Array:
            total = sums(x, axes, inner if inner.kind != "m" else None)
            part = np.empty(total.shape, dtype)
            part["n"] = x.size // max(total.size, 1)
            part["sum"] = total
            return part

        dtype = self.partial_dtype(given, out)
        return bound(Parts, cut, dtype, block, self.merge)

    def merge(self, partial: Array, axes: Axes) -> Array:
        """Sum both."""
        if all(partial.shape[a] == 1 for a in axes):
            return partial
        n = sums(partial["n"], axes)
        merged = np.empty(n.shape, partial.dtype)
        merged["n"] = n
        merged["sum"] = sums(np.ascontiguousarray(partial["sum"]), axes)
        return merged

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The sum by the count; nan of nothing."""
        return np.asarray(np.true_divide(partial["sum"], partial["n"])).astype(dtype)
