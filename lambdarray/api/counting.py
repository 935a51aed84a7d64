"""Arrays whose shape depends on data: what a mask chooses, where elements are not zero, each element so many times.

How much each block of rows gives is counted when the function is called, by a run that keeps the mask; of a mask in
this process it is counted here. Then the shape is known, in chunks that say what each block gave, and the elements
are taken when the result is computed. Blocks that give nothing are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops import Shape
from ..tiling import AxisMap, Cuts
from .array import Array
from .axes import axis_of
from .creation import asarray, from_array, zeros
from .manipulation import broadcast_to, expand_dims, ravel, reshape, stack
from .stages import MOST_BYTES, In, Out, Stage, lines, single, whole

# A mask, or how often each element is taken: NumPy's, whose values are known, or ours.
Weights = Any


@dataclass(frozen=True, slots=True)
class Counted:
    """Weights whose sums in blocks of rows, along their first axis, are known."""

    weights: Array
    rows: Cuts
    counts: np.ndarray

    @property
    def full(self) -> np.ndarray:
        """The numbers of the blocks that give anything."""
        return np.flatnonzero(self.counts)

    @property
    def cuts(self) -> Cuts:
        """What they give, as an axis of the result."""
        return Cuts.ragged([int(n) for n in self.counts])

    @property
    def table(self) -> tuple[int, ...]:
        """The rows that each of them needs."""
        return tuple(n for b in self.full.tolist() for n in self.rows.span(b))

    def maps(self, at: int) -> list[AxisMap]:
        """How the axes of the weights follow a stage's axis `at`, which has `cuts`."""
        return [AxisMap(at, table=self.table), *map(whole, self.weights.shape[1:])]


def _run(kept: list[Array], small: list[Array], what: str) -> tuple[list[Array], list[np.ndarray]]:
    from .compute import run_now  # which loads the planner and the runtime

    return run_now(kept, small, what)


def counted(weights: Weights, rows: Cuts, what: str) -> Counted:
    """The weights with what blocks of rows give: counted here, or by a run that keeps them."""
    if not weights.size:
        return Counted(asarray(weights), rows, np.zeros(rows.count, np.int64))
    if not isinstance(weights, Array):
        sums = [np.sum(weights[slice(*rows.span(b))], dtype=np.int64) for b in range(rows.count)]
        # A copy: the user may change the mask later, and not what was counted.
        kept = from_array(np.array(weights), [rows.chunks, *((n,) for n in weights.shape[1:])])
        return Counted(kept, rows, np.asarray(sums))
    stage = Stage("count", [rows])
    stage.call("count", ("n",), ("r0",))
    each = stage.make([In(weights, [0, *map(whole, weights.shape[1:])])], Out("n", [0], np.int64, [1]))
    (kept,), (counts,) = _run([weights], [each], what)
    return Counted(kept, rows, counts)


def known(x: Any, what: str = "an index") -> np.ndarray:
    """The values of something small that a shape depends on."""
    return _run([], [x], what)[1][0] if isinstance(x, Array) else np.asarray(x)


def chosen(x: Array, mask: Weights, axis: int) -> Array:
    """The elements where the mask, which has as many axes of `x` from `axis` on, is true: one axis in their place."""
    return _taken(x, mask, axis, "compress", "what a mask chooses")


def _taken(x: Array, weights: Weights, axis: int, kernel: str, what: str) -> Array:
    shape = (*x.shape[:axis], -1, *x.shape[axis + weights.ndim :])
    cuts = lines(x, range(axis + 1, axis + weights.ndim))
    if weights.ndim > 1 and is_long(cuts, x.itemsize):
        return _taken(reshape(x, shape), weights.reshape(-1), axis, kernel, what)
    found = counted(weights, cuts[axis], what)
    if not found.full.size:
        return zeros(tuple(0 if n < 0 else n for n in shape), dtype=x.dtype)
    m = weights.ndim
    stage = Stage(kernel, [*cuts[:axis], found.cuts, *cuts[axis + m :]])
    stage.call(kernel, ("y",), ("r0", "r1"), axis=axis)
    maps = [*range(axis), *found.maps(axis), *range(axis + 1, x.ndim - m + 1)]
    return stage.make([In(x, maps), In(found.weights, found.maps(axis))], Out("y", range(len(stage.axes)), x.dtype))


def is_long(cuts: list[Cuts], itemsize: int) -> bool:
    """Whether a block of whole rows is too large for a task, even of one row."""
    return math.prod(c.max_chunk for c in cuts) * itemsize > 2 * MOST_BYTES


# -- where elements are not zero


def nonzero(a: Any) -> tuple[Array, ...]:
    """The indices of the elements that are not zero, an array for each axis.

    They are counted now, and found when they are computed.

    >>> import lambdarray as la
    >>> [i.compute().tolist() for i in la.nonzero(la.asarray([[3, 0], [0, 4]]))]
    [[0, 1], [0, 1]]
    """
    x = asarray(a)
    if not x.ndim:
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.")
    if x.ndim == 1:
        return (flatnonzero(x),)
    found = argwhere(x)
    return tuple(found[:, d] for d in range(x.ndim))


def flatnonzero(a: Any) -> Array:
    """The indices of the elements of the flattened array that are not zero."""
    x = asarray(a)
    return _places(x if x.ndim else ravel(x), flat=True)


def argwhere(a: Any) -> Array:
    """The indices of the elements that are not zero, a row for each.

    >>> import lambdarray as la
    >>> la.argwhere(la.asarray([[3, 0], [0, 4]])).compute()
    array([[0, 0],
           [1, 1]])
    """
    x = asarray(a)
    return _places(x, flat=False) if x.ndim else zeros((int(known(x.astype(bool))), 0), dtype=np.intp)


def _places(x: Array, flat: bool) -> Array:
    mask = x.astype(bool)
    cuts = lines(mask, range(1, x.ndim), 8 * x.ndim)
    if x.ndim > 1 and is_long(cuts, 8 * x.ndim):
        places = _places(ravel(mask), flat=True)
        return places if flat else stack(unraveled(places, x.shape), -1)
    found = counted(mask, cuts[0], "where elements are not zero")
    shape = (0,) if flat else (0, x.ndim)
    if not found.full.size:
        return zeros(shape, dtype=np.intp)
    stage = Stage("nonzero", [found.cuts, single(x.ndim)][: len(shape)])
    stage.call("nonzero", ("y",), ("r0", "r1"), flat=flat)
    first = from_array(np.asarray(found.rows.start(found.full), np.int64), chunks=-1)
    ins = [In(found.weights, found.maps(0)), In(first, [AxisMap(0, by_block=True)])]
    return stage.make(ins, Out("y", range(len(shape)), np.intp))


def unraveled(index: Any, shape: Shape) -> tuple[Any, ...]:
    """Places in the flattened array as an index of each axis; what is out of range is so along the first."""
    out: list[Any] = []
    for n in reversed(shape[1:]):
        out.append(index % max(n, 1))
        index = index // max(n, 1)
    return (index, *reversed(out))


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Array:
    """Without the zeros at the front ("f") and at the back ("b") of axes: of all of them where `axis` is None.

    >>> import lambdarray as la
    >>> la.trim_zeros(la.asarray([0, 0, 1, 2, 0])).compute()
    array([1, 2])
    """
    x = asarray(filt)
    if trim.lower() not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim.lower()!r}")
    wanted = set(range(x.ndim)) if axis is None else {axis_of(a, x.ndim) for a in np.atleast_1d(axis).tolist()}
    if not wanted:
        return x
    mask: Any = x.astype(bool)
    others = [tuple(d for d in range(x.ndim) if d != a) for a in range(x.ndim)]
    lines_of = _run([], [mask.any(axis=o) for o in others], "an array without the zeros around it")[1]
    key = [slice(None)] * x.ndim
    for a in wanted:
        found = np.flatnonzero(lines_of[a])
        first, last = (int(found[0]), int(found[-1]) + 1) if found.size else (0, 0)
        none = not found.size
        key[a] = slice(first if "f" in trim.lower() or none else None, last if "b" in trim.lower() or none else None)
    return x[tuple(key)]


# -- chosen along an axis


def compress(condition: Any, a: Any, axis: int | None = None, out: None = None) -> Array:
    """The elements along an axis, or of the flattened array, where the condition is true; it may be shorter.

    >>> import lambdarray as la
    >>> la.compress([False, True], la.arange(4).reshape(2, 2), axis=0).compute()
    array([[2, 3]])
    """
    x = ravel(a) if axis is None else asarray(a)
    at = axis_of(0 if axis is None else axis, x.ndim)
    mask: Any = condition if isinstance(condition, Array) else np.asarray(condition)
    if mask.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    size, mask = x.shape[at], mask.astype(bool)
    beyond = mask[size:]
    if not math.prod((*x.shape[:at], *x.shape[at + 1 :])):
        count = int(known(mask.sum(), "what a condition chooses"))
        return zeros((*x.shape[:at], count, *x.shape[at + 1 :]), x.dtype)
    if beyond.size and known(beyond.any(), "what a condition longer than the axis chooses"):
        first = int(known(beyond.argmax())) + size
        raise IndexError(f"index {first} is out of bounds for axis {at} with size {size}")
    before = (slice(None),) * at
    return chosen(x[(*before, slice(mask.shape[0]))], mask[:size], at)


def extract(condition: Any, arr: Any) -> Array:
    """The elements of the flattened array where the flattened condition is not zero."""
    x, mask = asarray(arr), condition if isinstance(condition, Array) else np.asarray(condition)
    if x.ndim and mask.shape == x.shape:
        return chosen(x, mask.astype(bool), 0)
    return compress(mask.reshape(-1), ravel(x))


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Array:
    """Each element `repeats` times in a row along an axis, or of the flattened array; each its own number of times
    where that is an array.

    >>> import lambdarray as la
    >>> la.repeat(la.arange(3), [2, 0, 1]).compute()
    array([0, 0, 2])
    """
    from .indexing import integers

    x = ravel(a) if axis is None else asarray(a)
    at = axis_of(0 if axis is None else axis, x.ndim)
    times = integers(repeats, "safe")
    if times.ndim > 1:
        raise ValueError("object too deep for desired array")
    if times.size == 1:
        return _each_repeated(x, int(known(times, "what is repeated").reshape(())), at)
    if times.shape[0] != x.shape[at]:
        raise ValueError(f"operands could not be broadcast together with shape ({x.shape[at]},) ({times.shape[0]},)")
    if isinstance(times, np.ndarray) and (times < 0).any():
        raise ValueError("repeats may not contain negative values.")
    return _taken(x, times, at, "repeat", "what is repeated")


def _each_repeated(x: Array, times: int, axis: int) -> Array:
    if times < 0 and x.shape[axis]:
        raise ValueError("repeats may not contain negative values.")
    times = max(times, 0)
    shape = [*x.shape[: axis + 1], times, *x.shape[axis + 1 :]]
    spread = broadcast_to(expand_dims(x, axis + 1), shape)
    return reshape(spread, (*x.shape[:axis], x.shape[axis] * times, *x.shape[axis + 1 :]))
