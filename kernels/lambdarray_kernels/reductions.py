"""Reductions in three steps: blocks of a tile to a partial, partials to one, and that to NumPy's result.

A partial keeps its axes, reduced ones with length 1. What must agree with itself is one structured array: a sum
and its count for the mean, (n, mean, M2) for the variance, (value, index) for argmin and argmax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .extremes import Extreme
from .folds import Fold, Mean, Ordered, highest, lowest, nothing_or
from .moments import MOMENTS, Moments, NanMoments
from .partials import Array, DType, Kind
from .registry import kernel

IDENTITIES: dict[str, Any] = {
    "bitwise_and": -1,
    "bitwise_or": 0,
    "bitwise_xor": 0,
    "fmax": nothing_or(lowest),
    "fmin": nothing_or(highest),
    "gcd": 0,
    "hypot": 0,
    "logaddexp": -math.inf,
    "logaddexp2": -math.inf,
    "logical_xor": False,
}
# Those that NumPy does not reorder. Not arctan2 and power: NumPy 2.4 gets them wrong where it has AVX-512.
ORDERED_NAMES = (
    "copysign", "divide", "equal", "float_power", "floor_divide", "fmod", "greater", "greater_equal", "heaviside",
    "lcm", "left_shift", "less", "less_equal", "nextafter", "not_equal", "remainder", "right_shift", "subtract",
)  # fmt: skip
ORDERED = frozenset(ORDERED_NAMES)
KINDS: dict[str, Kind] = {
    "sum": Fold(np.add, 0, widen=True),
    "prod": Fold(np.multiply, 1, widen=True),
    "min": Fold(np.minimum, highest),
    "max": Fold(np.maximum, lowest),
    "any": Fold(np.logical_or, False),
    "all": Fold(np.logical_and, True),
    "mean": Mean(),
    "var": MOMENTS,
    "std": Moments(root=True),
    "argmin": Extreme(np.argmin, highest),
    "argmax": Extreme(np.argmax, lowest),
    "nanvar": NanMoments(root=False),
    "nanstd": NanMoments(root=True),
    **{name: Fold(getattr(np, name), identity) for name, identity in IDENTITIES.items()},
    **{name: Ordered(getattr(np, name)) for name in ORDERED_NAMES},
}


def partial_dtype(kind: str, in_dtype: Any, out_dtype: Any) -> DType:
    """The dtype of a partial of the reduction `kind` of `in_dtype` whose result has `out_dtype`.

    Sums of half and single precision are kept in the next wider type.

    >>> partial_dtype("sum", "f4", "f4")
    dtype('float64')
    """
    return KINDS[kind].partial_dtype(np.dtype(in_dtype).newbyteorder("="), np.dtype(out_dtype).newbyteorder("="))


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
