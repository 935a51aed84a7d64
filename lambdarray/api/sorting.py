"""Sorting and order statistics over any chunks, exact and never gathered.

Lines that fit a block are sorted whole. A longer line is sorted in its tiles, and the sorted runs are split at exact
ranks and merged, so that the result has the chunks of the input (see `lambdarray_kernels.runs`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tiling import AxisMap, Cuts
from . import reductions
from .array import Array
from .axes import axes_of, axis_of
from .creation import asarray
from .elementwise import where
from .folds import refuse_out
from .manipulation import concat, expand_dims, flip, moveaxis, ravel, reshape
from .moments import mean
from .stages import In, Out, Stage, along, single, whole

# A line of more bytes is sorted in its tiles; more lines than these are long only where they are short together.
MOST_LINE_BYTES, MOST_LINES = 32 << 20, 64
# Elements of a run, at most; samples of all runs of a line together, about; ranks that one task finds.
MOST_RUN, ALL_SAMPLES, RANKS_PER_TASK = 1 << 22, 1 << 18, 64
# Ranks that are found digit by digit; of more the line is sorted.
MOST_BY_DIGITS = 4
KINDS = ("quicksort", "mergesort", "heapsort", "stable")


def sort(
    x: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: Any = None,
    *,
    descending: bool = False,
    stable: bool | None = None,
) -> Array:
    """The elements of each line along `axis` in order, NaN last; of all elements where it is None.

    Raises AxisError as NumPy; the chunks are those of `x`.

    >>> import lambdarray as la
    >>> la.sort(la.asarray([3, 1, 2]), descending=True).compute()
    array([3, 2, 1])
    """
    line, axis = _line(x, axis, kind, order, stable)
    if line.ndim == 0 or line.shape[axis] <= 1:
        return line
    if _is_long(line, axis):
        return _each_line(line, axis, lambda one: _sorted(one, descending)[0])
    params = {"axis": axis, "stable": bool(stable) or kind in ("stable", "mergesort"), "descending": descending}
    return along(f"sort along axis {axis}", line, [axis], "sort", line.dtype, **params)


def argsort(
    x: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: Any = None,
    *,
    descending: bool = False,
    stable: bool | None = None,
) -> Array:
    """Where the elements of each line are, in order; equal ones in the order in which they lie.

    >>> import lambdarray as la
    >>> la.argsort(la.asarray([3, 1, 2])).compute()
    array([1, 2, 0])
    """
    x, axis = _line(x, axis, kind, order, stable)
    if x.ndim == 0:
        from .creation import zeros

        return zeros((), np.int64)
    if _is_long(x, axis):
        return _each_line(x, axis, lambda line: _sorted(line, descending, positions=True)[1])
    name = f"argsort along axis {axis}"
    return along(name, x, [axis], "argsort", np.int64, axis=axis, descending=descending)


def _line(x: Any, axis: Any, kind: Any, order: Any, stable: Any) -> tuple[Array, int]:
    x = asarray(x)
    if kind is not None and stable is not None:
        raise ValueError("`kind` and keyword parameters can't be provided at the same time. Use only one of them.")
    if kind is not None and str(kind)[:1].lower() not in "qmhs":
        raise ValueError(f"sort kind must be one of {', '.join(map(repr, KINDS))} (got {kind!r})")
    if order is not None and list(np.atleast_1d(order)) != list(x.dtype.names or ()):
        raise ValueError(f"order={order!r}: elements are ordered by all their fields, {x.dtype.names}")
    if axis is None:
        return ravel(x), 0
    if x.ndim == 0:
        axis_of(axis, 1)
        return x, 0
    return x, axis_of(axis, x.ndim)


def _is_long(x: Array, axis: int) -> bool:
    """Whether lines are sorted in their tiles: too long for a block, or few and each of many tiles."""
    lines = math.prod(n for d, n in enumerate(x.shape) if d != axis)
    return x.shape[axis] * x.itemsize > MOST_LINE_BYTES and 0 < lines <= MOST_LINES


def _each_line(x: Array, axis: int, function: Callable[[Array], Array]) -> Array:
    """The function of each line, put together again."""
    last = moveaxis(x, axis, -1)
    lines = [function(last[i]) for i in np.ndindex(last.shape[:-1])]
    joined = lines[0] if len(lines) == 1 else concat([expand_dims(line, 0) for line in lines], 0)
    return moveaxis(reshape(joined, last.shape), -1, axis)


# -- one line in many tiles


class Runs:
    """The sorted runs of a line, one for each of its tiles, and what is found from them."""

    def __init__(self, x: Array, positions: bool = False) -> None:
        from ..planner.blocks import split

        (cuts,) = x._op.tiling.axes
        self.cuts = split(cuts, -(-cuts.max_chunk // MOST_RUN))
        self.size, self.dtype, self.count = cuts.size, x.dtype, self.cuts.count
        self.samples_each = max(2, min(4096, ALL_SAMPLES // self.count))
        stage = Stage("sort runs", [self.cuts])
        kept = [Out("v", [0], x.dtype), *([Out("i", [0], np.int64)] if positions else [])]
        kept.append(Out("s", [0], x.dtype, [self.samples_each]))
        stage.call("sort_run", [o.register for o in kept], ("r0",), count=self.samples_each, positions=positions)
        self.values, *places, self.samples = stage.make_all([In(x, [0])], kept)
        self.positions = places[0] if positions else None

    def _find(self, name: str, ranks: Sequence[int], kernel: str, out: Out, columns: list[Cuts]) -> Array:
        """A kernel that finds something of each rank from the few elements that may stand there."""
        stage = Stage(name, [Cuts(len(ranks), min(len(ranks), RANKS_PER_TASK)), *columns])
        lengths, numbers = list(self.cuts.chunks), [int(r) for r in ranks]
        gap = -(-self.cuts.max_chunk // max(self.samples_each - 1, 1))
        most = min(self.size, 2 * (self.count + 1) * gap) * stage.axes[0].max_chunk
        stage.call("windows", ("w",), ("r1",), lengths=lengths, ranks=numbers)
        stage.call(kernel, (out.register,), ("r0", "w"), ranks=numbers)
        values = In(self.values, [whole(self.size)], by="w", most=most)
        return stage.make([values, In(self.samples, [whole(self.samples.size)])], out)

    def merged(self, cuts: Cuts) -> tuple[Array, Array | None]:
        """The line in order, cut as `cuts`, and where its elements came from."""
        ranks = [*(int(cuts.start(i)) for i in range(cuts.count)), self.size]
        splits = self._find("split runs", ranks, "splits", Out("s", [0, 1], np.int64), [single(self.count)])
        stage = Stage("merge runs", [cuts])
        stage.call("between", ("w",), ("r0",))
        inputs = [In(splits, [AxisMap(0, size=2, by_block=True), whole(self.count)])]
        inputs.append(In(self.values, [whole(self.size)], by="w", most=cuts.max_chunk))
        if self.positions is None:
            stage.call("merge_runs", ("v",), ("r1",))
            return stage.make(inputs, Out("v", [0], self.dtype)), None
        inputs.append(In(self.positions, [whole(self.size)], by="w", most=cuts.max_chunk))
        stage.call("merge_runs", ("v", "i"), ("r1", "r2"))
        values, positions = stage.make_all(inputs, [Out("v", [0], self.dtype), Out("i", [0], np.int64)])
        return values, positions

    def select(self, ranks: Sequence[int]) -> Array:
        """The elements of these ranks."""
        return self._find("order statistics", ranks, "select", Out("y", [0], self.dtype), [])


def _sorted(x: Array, descending: bool, positions: bool = False) -> tuple[Array, Any]:
    """A line in order, and where its elements came from."""
    values, places = Runs(flip(x) if descending else x, positions).merged(x._op.tiling.axes[0])
    if not descending:
        return values, places
    # The reverse of the ascending order of the reversed line: equal elements keep theirs.
    return flip(values), None if places is None else np.subtract(x.size - 1, flip(places))


# -- partly in order


def partition(x: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    """As numpy.partition; the elements before and after the `kth` are in order too."""
    return _partly(x, kth, axis, kind, order, sort)


def argpartition(x: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Array:
    """Where the elements are that `partition` puts in order."""
    return _partly(x, kth, axis, kind, order, argsort)


def _partly(x: Any, kth: Any, axis: Any, kind: str, order: Any, function: Any) -> Array:
    if kind != "introselect":
        raise ValueError(f"select kind must be 'introselect' (got {kind!r})")
    x, at = _line(x, axis, None, order, None)
    size = x.shape[at] if x.ndim else 1
    for k in np.atleast_1d(kth).reshape(-1):
        if not isinstance(k, np.integer):
            raise TypeError("Partition index must be integer")
        if size and not -size <= k < size:
            raise ValueError(f"kth(={int(k)}) out of bounds ({size})")
    out: Array = function(x, at)
    return out


def topk(x: Any, k: int, axis: int = -1) -> Array:
    """The `k` largest elements along an axis, the largest first; for k < 0 the -k smallest, the smallest first.

    >>> import lambdarray as la
    >>> la.topk(la.asarray([5, 9, 7, 1], chunks=2), 2).compute()
    array([9, 7])
    """
    return _top(asarray(x), k, axis, "topk", lambda dtype: dtype)


def argtopk(x: Any, k: int, axis: int = -1) -> Array:
    """Where the elements are that `topk` gives."""
    from lambdarray_kernels.sorting import pair_dtype

    pairs = _top(asarray(x), k, axis, "argtopk", pair_dtype)
    return pairs["index"]


def _top(x: Array, k: int, axis: int, kernel: str, dtype: Any) -> Array:
    """The best of each tile, and then the best of these, tile after tile."""
    axis = axis_of(axis, x.ndim)
    size, count = x.shape[axis], min(abs(k), x.shape[axis])
    cuts = list(x._op.tiling.axes)
    grid = [single(count) if d == axis else c for d, c in enumerate(cuts)]
    stage = Stage(f"{kernel} {k} along axis {axis}", [*grid, cuts[axis]], grid_ndim=x.ndim)
    if size == 0 or k == 0:
        raise ValueError(f"topk of {k} of {size} elements: k must not be 0, nor the axis empty")
    axes = [x.ndim if d == axis else d for d in range(x.ndim)]
    at = {"at": x.ndim} if kernel == "argtopk" else {}
    stage.call(kernel, ("y",), ("r0",), loop=True, k=k, axis=axis, **at)
    return stage.make([In(x, axes)], Out("y", range(x.ndim), dtype(x.dtype)))


# -- order statistics


def median(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Array:
    """The exact median over axes, as numpy.median.

    >>> import lambdarray as la
    >>> la.median(la.asarray([3.0, 1.0, 2.0, 9.0], chunks=2)).compute()
    array(2.5)
    """
    return _median(asarray(a), axis, out, keepdims, ignore_nan=False)


def nanmedian(
    a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Array:
    """As `median`, passing over NaN; NaN where there is nothing else."""
    return _median(asarray(a), axis, out, keepdims, ignore_nan=True)


def _median(x: Array, axis: Any, out: Any, keepdims: bool, ignore_nan: bool) -> Array:
    refuse_out(out, "median")
    dtype = np.median(np.ones(1, x.dtype)).dtype
    axes = axes_of(axis, x.ndim)
    size = math.prod(x.shape[d] for d in axes)
    if _is_long_over(x, axes) and not (ignore_nan and x.dtype.kind in "fcmM"):
        found, last = _of_ranks(x, sorted({(size - 1) // 2, size // 2}))
        middle = mean(found)
        if x.dtype.kind in "fc":
            middle = where(np.isnan(last), last, middle)
        return _over(middle.astype(dtype), x, axes, keepdims, ())
    params = {"axis": list(axes), "ignore_nan": ignore_nan}
    return _whole(f"median over axes {axes}", x, axes, "median", dtype, keepdims, None, params)


def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: None = None,
    interpolation: None = None,
) -> Array:
    """Exact quantiles over axes by any of NumPy's methods, as numpy.quantile; the axes of `q` come first.

    >>> import lambdarray as la
    >>> la.quantile(la.arange(11, chunks=4), [0.5, 0.25]).compute()
    array([5. , 2.5])
    """
    return _quantile(a, q, axis, out, method, keepdims, weights, False)


def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: None = None,
    interpolation: None = None,
) -> Array:
    """As `quantile`, passing over NaN."""
    return _quantile(a, q, axis, out, method, keepdims, weights, True)


def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: None = None,
    interpolation: None = None,
) -> Array:
    """As `quantile`, of hundredths."""
    return _quantile(a, _hundredths(a, q), axis, out, method, keepdims, weights, False)


def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: None = None,
    interpolation: None = None,
) -> Array:
    """As `percentile`, passing over NaN."""
    return _quantile(a, _hundredths(a, q), axis, out, method, keepdims, weights, True)


def _hundredths(a: Any, q: Any) -> Any:
    x = asarray(a)
    given: Any = q.compute() if isinstance(q, Array) else q
    known = np.asarray(given)
    if known.dtype.kind == "f" and ((known < 0) | (known > 100)).any():
        raise ValueError("Percentiles must be in the range [0, 100]")
    # As NumPy: a percentile that is an integer is divided in the dtype of the data.
    return np.true_divide(given, x.dtype.type(100) if x.dtype.kind == "f" else 100, out=...)


def _quantile(
    a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: bool, weights: Any, ignore_nan: bool
) -> Array:
    refuse_out(out, "quantile")
    x = asarray(a)
    if weights is not None:
        raise TypeError(
            "quantiles with weights are not supported; repeat the elements, or interpolate a cumulative sum"
        )
    number: Any = q.compute() if isinstance(q, Array) else q
    wanted: Any = number if type(number) in (int, float) else np.asarray(number)
    named: Any = method
    sample = np.quantile(np.ones(1, x.dtype), wanted, method=named)  # NumPy's own check of its arguments
    axes = axes_of(axis, x.ndim)
    weak = type(wanted) in (int, float)
    given = {"dtype": None if weak else np.asarray(wanted).dtype.str}
    flat = wanted if weak else np.asarray(wanted).reshape(-1)
    shape = np.shape(wanted)
    if _is_long_over(x, axes) and not (ignore_nan and x.dtype.kind in "fmM"):
        made = _long_quantile(x, flat, method, sample.dtype, given)
        return _over(made, x, axes, keepdims, shape)
    params: dict[str, Any] = {"axis": list(axes), "ignore_nan": ignore_nan, "method": method, **given}
    params["q"] = flat if weak else flat.tolist() if shape else flat.item()
    return _whole(f"quantiles over axes {axes}", x, axes, "quantile", sample.dtype, keepdims, shape, params)


def _long_quantile(x: Array, q: Any, method: str, dtype: Any, given: dict[str, Any]) -> Array:
    """Quantiles of all elements, from the two ranks that each lies between."""
    from lambdarray_kernels.quantiles import neighbours

    first, second, weight = neighbours(x.size, np.atleast_1d(q), method)
    count = first.size
    found, last = _of_ranks(x, [*first.tolist(), *second.tolist()])
    stage = Stage("quantiles of ranks", [single(count)])
    params: dict[str, Any] = {} if weight is None else {"weight": weight.tolist(), **given}
    stage.call("interpolate", ("y",), ("r0", "r1", "r2"), **params)
    parts = [(found, AxisMap(-1, size=count)), (found, AxisMap(-1, count, size=count)), (last, whole(1))]
    return stage.make([In(part, [at]) for part, at in parts], Out("y", [0], dtype))


def _of_ranks(x: Array, ranks: Sequence[int]) -> tuple[Array, Array]:
    """The elements of these ranks among all of `x`, and the last of all, which is NaN where one is."""
    if x.dtype.kind in "fiub" and len(set(ranks)) <= MOST_BY_DIGITS and x.itemsize <= 8:
        return _by_digits(x, ranks), reductions.max(x).reshape(1)
    found = Runs(ravel(x)).select([*ranks, x.size - 1])
    return found[: len(ranks)], found[len(ranks) :]


def _by_digits(x: Array, ranks: Sequence[int]) -> Array:
    """The elements of a few ranks, digit by digit (see `lambdarray_kernels.digits`): nothing is sorted or stored."""
    from lambdarray_kernels.digits import STATE, digit_bits, rounds

    k, axes = len(ranks), tuple(range(x.ndim))
    keys = [single(k), single(1 << digit_bits(x.dtype))]
    state: Array | None = None
    for number in range(rounds(x.dtype)):
        known = [] if state is None else [In(state, [whole(k)])]
        registers = ["r0", *(["r1"] if known else [])]
        stage = Stage(f"digit {number + 1} of {k} ranks", [*x._op.tiling.axes, *keys])
        stage.call("digit_counts", ("c",), registers, number=number, ranks=k)
        by_block = [1] * x.ndim + [0, 0]
        counts = stage.make([In(x, axes), *known], Out("c", range(x.ndim + 2), np.int64, by_block))
        pick = Stage(f"digit {number + 1}, picked", [single(k)])
        pick.call("pick_digit", ("s",), registers, ranks=[int(r) for r in ranks])
        total = reductions.sum(counts, axes)
        state = pick.make([In(total, [whole(n) for n in total.shape]), *known], Out("s", [0], STATE))
    assert state is not None
    last = Stage("elements of ranks", [single(k)])
    last.call("key_values", ("y",), ("r0",), dtype=x.dtype.str)
    return last.make([In(state, [whole(k)])], Out("y", [0], x.dtype))


def _is_long_over(x: Array, axes: Sequence[int]) -> bool:
    return x.size * x.itemsize > MOST_LINE_BYTES and math.prod(x.shape[d] for d in axes) == x.size


def _over(found: Array, x: Array, axes: Sequence[int], keepdims: bool, shape: Sequence[int]) -> Array:
    """What was found of all elements, in the shape that NumPy gives it."""
    kept = tuple(1 if d in axes else n for d, n in enumerate(x.shape) if keepdims or d not in axes)
    return reshape(found, (*shape, *kept))


def _whole(
    name: str,
    x: Array,
    axes: Sequence[int],
    kernel: str,
    dtype: Any,
    keepdims: bool,
    shape: Sequence[int] | None,
    params: dict[str, Any],
) -> Array:
    """Order statistics of lines that are whole in their blocks; the axes of `shape` come first."""
    from .stages import lines

    count = math.prod(shape or ())
    lead = [single(count)] if shape else []
    cuts = [single(1) if d in axes else c for d, c in enumerate(lines(x, axes))]
    stage = Stage(name, [*lead, *cuts])
    inputs = [whole(n) if d in axes else d + len(lead) for d, n in enumerate(x.shape)]
    stage.call(kernel, ("y",), ("r0",), keepdims=True, **params)
    made = stage.make([In(x, inputs)], Out("y", range(len(lead) + x.ndim), dtype))
    kept = tuple(1 if d in axes else n for d, n in enumerate(x.shape) if keepdims or d not in axes)
    return reshape(made, (*(shape or ()), *kept))
