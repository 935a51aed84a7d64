"""Counts by value: of whole numbers, and of elements between edges.

Each tile is counted by itself, and the counts add up as any sum does.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tiling import Cuts
from .array import Array
from .creation import asarray
from .differences import diff
from .elementwise import call
from .estimators import number_of_bins
from .folds import cast
from .manipulation import reshape, stack
from .reductions import max as max_
from .reductions import min as min_
from .reductions import sum as sum_
from .searching import stand_in
from .stages import In, Out, Stage, lines, single, whole

# The numbers that one task counts, at most.
MOST_NUMBERS = 1 << 20
# The least and the greatest element: numbers, or arrays of one element.
Ends = tuple[Any, Any]


def bincount(x: Any, weights: Any = None, minlength: Any = 0) -> Array:
    """How often each number from 0 to the largest occurs, or the sum of its weights; of `minlength` numbers at least.

    The length depends on the data, so that the largest number is computed when this is called. ValueError for a
    negative number.

    >>> import lambdarray as la
    >>> la.bincount(la.asarray([1, 3, 1])).compute()
    array([0, 2, 0, 1])
    """
    numbers = asarray(x)
    heavy = None if weights is None or not numbers.size else asarray(weights)
    heavy_one = None if heavy is None else np.ones(1, heavy.dtype)
    sample = np.bincount(stand_in(numbers), heavy_one, minlength)
    if heavy is not None and heavy.shape != numbers.shape:
        raise ValueError(f"The weights and list don't have the same length: {heavy.shape} and {numbers.shape}")
    least, most = _extent_now(numbers)
    if least < 0:
        raise ValueError(f"'list' argument must have no negative elements, and there is {least}")
    length = max(most + 1, operator.index(minlength))
    if not numbers.size:
        return asarray(np.zeros(length, sample.dtype))
    bins = Cuts(length, max(1, min(length, MOST_NUMBERS)))
    return _counted("bincount", numbers, [], heavy, [bins], sample.dtype, {})


def _extent_now(x: Array) -> tuple[int, int]:
    """The least and the greatest integer, computed now; 0 and -1 of none."""
    if not x.size:
        return 0, -1
    from .compute import run_now

    _, (low, high) = run_now([], [min_(x), max_(x)], "bincount(x)")
    return int(low), int(high)


def _counted(
    kernel: str,
    x: Array,
    given: Sequence[Array],
    weights: Array | None,
    bins: Sequence[Cuts],
    dtype: Any,
    params: dict[str, Any],
) -> Array:
    """The counts of all tiles together; a tile of points (`histogramdd`) has whole rows, `given` are whole lines."""
    rows = [1] if kernel == "histogramdd" else []
    cuts = lines(x, rows)
    n, axes = x.ndim, [a for a in range(x.ndim) if a not in rows]
    stage = Stage(kernel, [*(single(c.size) if d in rows else c for d, c in enumerate(cuts)), *bins])
    inputs = [In(x, range(n)), *(In(g, [whole(g.size)]) for g in given)]
    if weights is not None:
        inputs.append(In(weights, axes))
    partial = np.float64 if kernel == "bincount" and weights is not None else dtype
    stage.call(kernel, ("y",), [f"r{i}" for i in range(len(inputs))], **params)
    by_block = [1] * n + [0] * len(bins)
    counts = stage.make(inputs, Out("y", range(n + len(bins)), partial, by_block))
    return sum_(counts, tuple(range(n)), dtype=dtype)


# -- between edges of one axis


def histogram(
    a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array]:
    """How many elements (or what sum of weights) there are in each bin, and the edges of the bins.

    `bins` are edges, a number of equal bins in `range` or from the least to the greatest element, or the name of one
    of NumPy's rules for that number, which is then computed at once. With `density` the integral over the bins is 1.

    >>> import lambdarray as la
    >>> counts, edges = la.histogram(la.asarray([1.0, 2.0, 2.5]), bins=2, range=(1, 3))
    >>> counts.compute(), edges.compute()
    (array([1, 2]), array([1., 2., 3.]))
    """
    x, heavy = _elements(a, weights)
    how = _bins(x, bins, range, heavy)
    counts = np.dtype(np.intp) if heavy is None else how.weighted(heavy.dtype)
    edges = how.edges(x.dtype)
    params, given = how.counting(edges)
    if heavy is not None:
        params["weighted"] = True
    made = _counted("histogram", x, given, heavy, [single(edges.size - 1)], counts, params)
    if not density:
        return made, edges
    widths = cast(diff(edges), np.dtype(np.float64))
    return call(np.divide, call(np.divide, made, widths), sum_(made)), edges


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Array:
    """The edges of the bins that `histogram` of the same arguments has."""
    x, heavy = _elements(a, weights)
    return _bins(x, bins, range, heavy).edges(x.dtype)


def _elements(a: Any, weights: Any) -> tuple[Array, Array | None]:
    """Elements and weights of one shape, with an axis at least."""
    x, heavy = asarray(a), None if weights is None else asarray(weights)
    if heavy is not None and heavy.shape != x.shape:
        raise ValueError(f"weights should have the same shape as a: {heavy.shape} and {x.shape}")
    if x.ndim:
        return x, heavy
    return reshape(x, (1,)), None if heavy is None else reshape(heavy, (1,))


class _Bins:
    """How an axis is cut into bins: by edges, or in a number of equal bins between two ends."""

    def __init__(self, given: Array | None, count: int, ends: Ends) -> None:
        self.given, self.count, self.ends = given, count, ends

    @property
    def known(self) -> bool:
        """Whether the ends are plain numbers."""
        return not isinstance(self.ends[0], Array)

    def weighted(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """The dtype of sums of weights of this dtype; TypeError where NumPy has none."""
        bins: Any = 1 if self.given is None else [0, 1]
        return np.histogram(np.zeros(1), bins, (0, 1), weights=np.zeros(1, dtype))[0].dtype

    def edges(self, dtype: np.dtype[Any]) -> Array:
        """The edges, for elements of this dtype."""
        if self.given is not None:
            return self.given
        kind = np.dtype(np.uint8) if dtype.kind == "b" else dtype
        if self.known:
            return asarray(np.histogram_bin_edges(np.empty(0, kind), self.count, self.ends))
        low, high = self.ends
        samples: Any = [np.zeros((), np.uint8 if e.dtype.kind == "b" else e.dtype)[()] for e in self.ends]
        made = np.histogram_bin_edges(np.empty(0, kind), 1, tuple(samples)).dtype
        stage = Stage("bin edges", [single(self.count + 1)])
        stage.call("bin_edges", ("y",), ("r0", "r1"), bins=self.count, dtype=dtype.str)
        return stage.make([In(reshape(e, (1,)), [whole(1)]) for e in (low, high)], Out("y", [0], made))

    def counting(self, edges: Array) -> tuple[dict[str, Any], list[Array]]:
        """What the kernel is told and given."""
        if self.given is not None:
            return {}, [edges]
        if self.known:
            return {"bins": self.count, "range": list(self.ends)}, []
        return {"bins": self.count}, [reshape(e, (1,)) for e in self.ends]


def _bins(x: Array, bins: Any, range: Any, weights: Array | None) -> _Bins:
    """What `bins` and `range` say; NumPy's own errors come from NumPy, asked about nothing."""
    if isinstance(bins, str):
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        ends = _ends(x, range)
        return _Bins(None, number_of_bins(x, bins, range), ends)
    if np.ndim(bins) == 0:
        np.histogram_bin_edges(np.zeros(0), bins if not isinstance(bins, Array) else bins.compute()[()], range)
        return _Bins(None, operator.index(bins), _ends(x, range))
    edges = asarray(bins)
    np.histogram_bin_edges(np.zeros(0), stand_in(edges) if isinstance(bins, Array) else np.asarray(bins))
    return _Bins(edges, edges.size - 1, (None, None))


def _ends(x: Array, given: Any) -> Ends:
    """The ends that are given, or those of the elements."""
    if given is None:
        return (min_(x), max_(x)) if x.size else (0, 1)
    first, last = given
    np.histogram_bin_edges(np.zeros(0), 1, (first, last))
    if any(isinstance(e, Array | np.generic | np.ndarray) for e in (first, last)):
        return asarray(first), asarray(last)  # with their dtypes, which the edges follow
    return first, last


# -- between edges of several axes


def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array, Array]:
    """How many points (x, y) there are in each cell of a grid, and the edges along its two axes.

    >>> import lambdarray as la
    >>> counts, _, _ = la.histogram2d(la.asarray([0.0, 1.0, 1.0]), [0.0, 1.0, 0.0], bins=2)
    >>> counts.compute().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    first, second = asarray(x), asarray(y)
    if len(first) != len(second):
        raise ValueError(f"x and y must have the same length: {len(first)} and {len(second)}")
    if _is_many(bins) and len(bins) not in (1, 2):
        bins = [asarray(bins)] * 2
    counts, edges = histogramdd([first, second], bins, range, density, weights)
    return counts, edges[0], edges[1]


def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, list[Array]]:
    """How many points there are in each cell of a grid, and the edges along each of its axes.

    `sample` has a point in each row, or is a list of arrays, one for each axis.
    """
    points = _points(sample)
    count = points.shape[1]
    many = bins if _is_many(bins) else [bins] * count
    if len(many) != count:
        raise ValueError(f"The dimension of bins must be equal to the dimension of the sample x: {len(many)}, {count}")
    ranges = [None] * count if range is None else list(range)
    if len(ranges) != count:
        raise ValueError(f"range argument must have one entry per dimension: {len(ranges)} for {count}")
    columns = [points[:, d] for d in np.arange(count).tolist()]
    # Here the edges follow the ends alone, not the elements: so a dtype that every other goes before.
    edges = [_bins(c, b, r, None).edges(np.dtype(np.int8)) for c, b, r in zip(columns, many, ranges, strict=True)]
    heavy = None if weights is None else asarray(weights)
    if heavy is not None:
        np.zeros(1, heavy.dtype).astype(float, casting="safe")
        if heavy.shape != points.shape[:1]:
            raise ValueError(f"The weights and list don't have the same length: {heavy.shape}, {points.shape[:1]}")
    params = {} if heavy is None else {"weighted": True}
    counts = _counted("histogramdd", points, edges, heavy, [single(e.size - 1) for e in edges], np.float64, params)
    return _dense(counts, edges) if density else counts, edges


def _is_many(bins: Any) -> bool:
    """Whether there are bins for each axis, or edges; they may be of several lengths."""
    return isinstance(bins, list | tuple) or np.ndim(bins) > 0


def _points(sample: Any) -> Array:
    """One point in each row."""
    if not isinstance(sample, list | tuple):
        x = asarray(sample)
        return x if x.ndim == 2 else reshape(x, (-1, 1))
    columns = [asarray(s) for s in sample]
    kind = np.result_type(*(c.dtype for c in columns))
    return stack([cast(reshape(c, (-1,)), kind) for c in columns], 1)


def _dense(counts: Array, edges: Sequence[Array]) -> Array:
    """Counts as a probability density."""
    out: Any = counts
    for d, e in enumerate(edges):
        out = call(np.divide, out, reshape(diff(e), [-1 if a == d else 1 for a in range(counts.ndim)]))
    dense: Array = call(np.divide, out, sum_(counts))
    return dense
