"""Reductions in three steps: blocks of a tile to a partial, partials to one, and that to NumPy's result.

A partial keeps its axes, reduced ones with length 1. What must agree with itself is one structured array: a sum
and its count for the mean, (n, mean, M2) for the variance, (value, index) for argmin and argmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial as bound
from typing import Any, Protocol

import numpy as np

from .registry import kernel

Array = np.ndarray
DType = np.dtype
Axes = tuple[int, ...]
Spans = Sequence[tuple[int, int]]


def partial_dtype(kind: str, in_dtype: Any, out_dtype: Any) -> DType:
    """The dtype of a partial of the reduction `kind` of `in_dtype` whose result has `out_dtype`.

    Sums of half and single precision are kept in the next wider type.

    >>> partial_dtype("sum", "f4", "f4")
    dtype('float64')
    """
    return KINDS[kind].partial_dtype(np.dtype(in_dtype).newbyteorder("="), np.dtype(out_dtype).newbyteorder("="))


@dataclass(frozen=True, slots=True)
class Cut:
    """A tile of these sizes, cut into blocks, to reduce along `axes`."""

    sizes: tuple[int, ...]
    block: tuple[int, ...]
    axes: Axes

    @property
    def counts(self) -> tuple[int, ...]:
        """The shape of the blocks' partials together: reduced axes have an element for each block."""
        pairs = zip(self.sizes, self.block, strict=True)
        return tuple(-(-n // b) if d in self.axes else n for d, (n, b) in enumerate(pairs))

    def at(self, span: Spans) -> tuple[Any, ...]:
        """Where among them the partial of a block belongs."""
        # Rounded up, since the last block may begin early.
        number = [-(-lo // b) for (lo, _), b in zip(span, self.block, strict=True)]
        here = [
            slice(n, n + 1) if d in self.axes else slice(*s) for d, (s, n) in enumerate(zip(span, number, strict=True))
        ]
        # With the ellipsis what is taken is an array even where it has no axes.
        return (*here, ...)


class Kind(Protocol):
    """How one kind of reduction is done."""

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The dtype of its partials."""

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """Partials of no elements."""

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """What starts a reduction over a tile, block by block."""

    def merge(self, partial: Array, axes: Axes) -> Array:
        """Partials to one, with length 1 along `axes`."""

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """A partial to the result."""


class Running(Protocol):
    """A reduction under way in a tile."""

    def add(self, x: Array, span: Spans) -> None:
        """Take the block of these elements."""

    def result(self) -> Array:
        """The tile's partial."""


# Rows at most this long are added up side by side, several to a lane.
_SHORT_ROW = 512


def fold(ufunc: np.ufunc, x: Array, axes: Axes, dtype: DType | None = None) -> Array:
    """Reduce by a ufunc over axes that are kept with length 1.

    Down the columns of short rows NumPy goes row by row; here many rows are taken as one, which is up to ten times
    as fast, and rounds less: as the square root of the number of rows, where NumPy's error grows with the number.
    """
    # By position: dtype, out, keepdims. Calls by keyword cost twice as much.
    reduce: Callable[..., Array] = ufunc.reduce
    if axes != (0,) or x.ndim != 2 or len(x) < 256 or x.shape[1] > _SHORT_ROW or not x.flags.c_contiguous:
        return reduce(x, axes, dtype, None, True)
    lanes = 1 << (len(x).bit_length() // 2)
    even = len(x) - len(x) % lanes
    total = reduce(reduce(x[:even].reshape(-1, lanes, x.shape[1]), 0, dtype), 0, dtype, None, True)
    return total if even == len(x) else ufunc(total, reduce(x[even:], 0, dtype, None, True))


def _sum(x: Array, axes: Axes, dtype: DType | None = None) -> Array:
    return fold(np.add, x, axes, dtype)


def _wide(dtype: DType) -> DType:
    """What partial sums of this dtype are kept in."""
    return _WIDER.get(dtype.char, dtype)


def _loop(dtype: DType) -> DType:
    """What sums of this dtype are made in within a block."""
    return np.dtype("f4") if dtype.char == "e" else dtype


_WIDER: dict[str, DType] = {"e": np.dtype("f4"), "f": np.dtype("f8"), "F": np.dtype("c16")}


class Parts:
    """The partials of the blocks of a tile, each by one call on the block."""

    __slots__ = ("block", "cut", "dtype", "merge", "parts")

    def __init__(
        self,
        cut: Cut,
        dtype: DType,
        block: Callable[[Array, Axes], Array],
        merge: Callable[[Array, Axes], Array],
    ) -> None:
        self.cut, self.dtype, self.block, self.merge = cut, dtype, block, merge
        self.parts: Array | None = None

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        part = self.block(x, self.cut.axes)
        if x.shape == self.cut.sizes:
            self.parts = part if part.dtype == self.dtype else part.astype(self.dtype)
            return
        if self.parts is None:
            self.parts = np.empty(self.cut.counts, self.dtype)
        self.parts[self.cut.at(span)] = part

    def result(self) -> Array:
        """The tile's partial."""
        assert self.parts is not None
        return self.merge(self.parts, self.cut.axes)


class Fold:
    """A reduction by a ufunc whose partials are values like its result."""

    def __init__(self, ufunc: np.ufunc, start: Any = None, wide: bool = False) -> None:
        self.ufunc, self.initial, self.wide = ufunc, start, wide

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The result's dtype, wider where that keeps a sum exact for longer."""
        return _wide(out) if self.wide else out

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """The ufunc's identity, or for min and max the value that loses to every other."""
        start = self.initial(dtype) if callable(self.initial) else self.initial
        return np.full(shape, start, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Reduce each block."""
        dtype = _loop(out) if self.wide and out.kind not in "mM" else None

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


def _count_true(x: Array, axes: Axes) -> Array:
    """The sum of booleans, without turning each into an integer."""
    if len(axes) == x.ndim:
        return np.full((1,) * x.ndim, np.count_nonzero(x), np.int64)
    return _sum(x, axes, np.dtype(np.int64))


def _lowest(dtype: DType) -> Any:
    return _bound(dtype, -1)


def _highest(dtype: DType) -> Any:
    return _bound(dtype, 1)


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
        return np.dtype([("n", "<i8"), ("sum", _wide(out))])

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """No elements, and their sum 0."""
        return np.zeros(shape, dtype)

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Sum each block."""
        loop = _loop(out)

        def block(x: Array, axes: Axes) -> Array:
            total = _sum(x, axes, loop if loop.kind != "m" else None)
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
        n = _sum(partial["n"], axes)
        merged = np.empty(n.shape, partial.dtype)
        merged["n"] = n
        merged["sum"] = _sum(np.ascontiguousarray(partial["sum"]), axes)
        return merged

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The sum by the count; nan of nothing."""
        return np.asarray(np.true_divide(partial["sum"], partial["n"])).astype(dtype)


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
        mean = _wide(self.working_dtype(given, out))
        return np.dtype([("n", "<i8"), ("mean", mean), ("rest", mean), ("m2", np.zeros(0, mean).real.dtype)])

    def working_dtype(self, given: DType, out: DType) -> DType:
        """What deviations within a block are computed in."""
        if given.kind not in "fc":
            given = np.dtype("f8")
        return _loop(np.result_type(given, out))

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
        n = _sum(count, axes)
        offset = _sum(away * (count / np.maximum(n, 1)), axes)
        merged = np.empty(n.shape, partial.dtype)
        merged["n"] = n
        merged["m2"] = _sum(m2 + _square(away - offset) * count, axes)
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

    def __init__(self, cut: Cut, loop: DType, dtype: DType) -> None:
        self.cut, self.axes, self.loop = cut, cut.axes, loop
        self.parts = np.empty(cut.counts, dtype)
        self.pivot = np.empty([1 if d in cut.axes else n for d, n in enumerate(cut.sizes)], loop)
        self.scratch: Array | None = None

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        at = self.cut.at(span)
        pivot = self.pivot[tuple(slice(0, 1) if d in self.axes else s for d, s in enumerate(at))]
        if all(span[a][0] == 0 for a in self.axes):
            total = _sum(x, self.axes, self.loop)
            np.divide(total, x.size // max(total.size, 1), out=pivot, casting="unsafe")
        n, offset, m2 = self._deviations(x, pivot)
        part = self.parts[at]
        part["n"], part["mean"], part["rest"], part["m2"] = n, offset, 0, m2

    def _deviations(self, x: Array, pivot: Array) -> tuple[int, Array, Array]:
        """The count, the mean less the pivot, and the sum of squared deviations."""
        d = self._less(x, pivot)
        total = _sum(d, self.axes)
        n = x.size // max(total.size, 1)
        offset = total / n
        m2 = self._sum_of_squares(d)
        excess = _square(offset) * n
        # Subtracting the excess is safe only where it is the smaller part; a nan settles nothing either way.
        if (excess <= 0.25 * m2).all():
            return n, offset, m2 - excess
        d = self._less(x, pivot)
        np.subtract(d, offset, out=d)
        return n, offset, self._sum_of_squares(d)

    def _less(self, x: Array, pivot: Array) -> Array:
        """The block less the pivot, in a buffer that is kept while blocks are alike."""
        if self.scratch is None or self.scratch.shape != x.shape:
            self.scratch = np.empty(x.shape, self.loop)
        np.subtract(x, pivot, out=self.scratch, dtype=self.loop, casting="unsafe")
        return self.scratch

    def _sum_of_squares(self, d: Array) -> Array:
        """The sum of squared magnitudes; overwrites the deviations."""
        if d.dtype.kind == "c":
            parts = np.square(d.real, out=d.real), np.square(d.imag, out=d.imag)
            return np.asarray(_sum(parts[0], self.axes) + _sum(parts[1], self.axes))
        return _sum(np.square(d, out=d), self.axes)

    def result(self) -> Array:
        """The tile's partial."""
        merged = MOMENTS.merge(self.parts, self.axes)
        MOMENTS.shift(merged, merged["mean"] + merged["rest"], self.pivot)
        return merged


MOMENTS = Moments(root=False)


class Extreme:
    """argmin or argmax: the value and the index of its first place; a nan comes before all."""

    def __init__(self, find: Callable[..., Any], bound: Callable[[DType], Any]) -> None:
        self.find, self.bound = find, bound

    def partial_dtype(self, given: DType, out: DType) -> DType:
        """The value and its place."""
        return np.dtype([("value", given), ("index", "<i8")])

    def neutral(self, shape: Sequence[int], dtype: DType) -> Array:
        """The value that loses to every other, after all of them."""
        out = np.empty(shape, dtype)
        out["value"], out["index"] = self.bound(dtype["value"]), np.iinfo("i8").max
        return out

    def starter(self, cut: Cut, given: DType, out: DType) -> Callable[[], Running]:
        """Find the place in each block."""
        return bound(RunningExtreme, self, cut, self.partial_dtype(given, out))

    def merge(self, partial: Array, axes: Axes) -> Array:
        """The best of the partials, of equals the one with the lowest index."""
        if all(partial.shape[a] == 1 for a in axes):
            return partial
        flat, shape = _reduced_last(partial, axes)
        value = flat["value"]
        best = np.take_along_axis(value, self.find(value, axis=-1, keepdims=True), -1)
        ties = (value == best) | (_is_nan(value) & _is_nan(best))
        merged = np.empty(shape, partial.dtype)
        merged["value"] = best.reshape(shape)
        index = np.where(ties, flat["index"], np.iinfo("i8").max)
        merged["index"] = np.minimum.reduce(index, -1).reshape(shape)
        return merged

    def finish(self, partial: Array, dtype: DType, ddof: float) -> Array:
        """The index."""
        return partial["index"].astype(dtype)


def rebase(place: Array, box: Sequence[tuple[int, int, int]]) -> Array:
    """Flat places in a box as flat places in what holds it; for each axis its length, its start, the holder's length.

    `np.unravel_index` of NumPy 2.4 errs on arrays of shape (n, 1) from 8193 elements on.

    >>> rebase(np.array([0, 1, 2]), [(2, 4, 9), (2, 0, 10)])
    array([40, 41, 50])
    """
    out, stride = np.zeros_like(place), 1
    for length, start, whole in reversed(box):
        place, inside = np.divmod(place, length)
        out += (inside + start) * stride
        stride *= whole
    return out


def _is_nan(x: Array) -> Array:
    return np.asarray(x != x)


def _reduced_last(x: Array, axes: Axes) -> tuple[Array, tuple[int, ...]]:
    """`x` with its reduced axes made one, in C order, as the last; and its shape with length 1 for each of them."""
    kept = [d for d in range(x.ndim) if d not in axes]
    moved = x.transpose(kept + sorted(axes))
    shape = tuple(1 if d in axes else n for d, n in enumerate(x.shape))
    return moved.reshape([x.shape[d] for d in kept] + [-1]), shape


class RunningExtreme:
    """The first place of the extreme value in a tile, block by block; places are flat over the reduced axes."""

    __slots__ = ("axes", "cut", "kind", "parts")

    def __init__(self, kind: Extreme, cut: Cut, dtype: DType) -> None:
        self.kind, self.cut, self.axes = kind, cut, sorted(cut.axes)
        self.parts = np.empty(cut.counts, dtype)

    def add(self, x: Array, span: Spans) -> None:
        """Take a block."""
        flat, shape = _reduced_last(x, self.cut.axes)
        place = self.kind.find(flat, axis=-1, keepdims=True)
        part = self.parts[self.cut.at(span)]
        part["value"] = np.take_along_axis(flat, place, -1).reshape(shape)
        box = [(x.shape[a], span[a][0], self.cut.sizes[a]) for a in self.axes]
        part["index"] = rebase(place, box).reshape(shape)

    def result(self) -> Array:
        """The tile's partial."""
        return self.kind.merge(self.parts, self.cut.axes)


KINDS: dict[str, Kind] = {
    "sum": Fold(np.add, 0, wide=True),
    "prod": Fold(np.multiply, 1, wide=True),
    "min": Fold(np.minimum, _highest),
    "max": Fold(np.maximum, _lowest),
    "any": Fold(np.logical_or, False),
    "all": Fold(np.logical_and, True),
    "mean": Mean(),
    "var": MOMENTS,
    "std": Moments(root=True),
    "argmin": Extreme(np.argmin, _highest),
    "argmax": Extreme(np.argmax, _lowest),
}


def _elements(*shapes: Sequence[int], **_: Any) -> int:
    return sum(math.prod(s) for s in shapes)


@kernel(flops=_elements)
def combine(*partials: Array | None, kind: str, axes: Sequence[int]) -> Array:
    """Partials to one partial with length 1 along `axes`.

    Several arrays are joined along the first of the axes; None, a loop's accumulator before its first iteration,
    counts for nothing.

    >>> combine(np.array([1.0, 2.0]), np.array([4.0]), kind="sum", axes=[0])
    array([7.])
    """
    given = [p for p in partials if p is not None]
    joined = given[0] if len(given) == 1 else np.concatenate(given, axis=axes[0])
    with np.errstate(all="ignore"):
        return KINDS[kind].merge(joined, tuple(axes))


@kernel(flops=_elements)
def finish(partial: Array, *, kind: str, dtype: str, ddof: float = 0) -> Array:
    """A partial to the plain array that NumPy returns, with its reduced axes kept.

    >>> p = np.array([(4, 10.0)], dtype=partial_dtype("mean", "f8", "f8"))
    >>> finish(p, kind="mean", dtype="<f8")
    array([2.5])
    """
    with np.errstate(all="ignore"):
        return KINDS[kind].finish(partial, np.dtype(dtype), ddof)
