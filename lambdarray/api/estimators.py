"""NumPy's rules for the number of bins of a histogram, from statistics that are computed when one is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .array import Array
from .elementwise import call, where
from .folds import cast
from .moments import nanmean, nanstd
from .nans import nanmax, nanmin
from .reductions import sum as sum_
from .sorting import nanpercentile


def _all_now(values: Sequence[Array]) -> list[np.ndarray]:
    """The values, computed now: the number of bins, and so a shape, depends on them."""
    from .compute import run_now

    return run_now([], values, "a histogram with bins to be chosen")[1]


def _now(value: Array) -> Any:
    return _all_now([value])[0][()]


class Statistics:
    """Of the elements in a range: how many there are, and what the rules ask for, in NumPy's scalars."""

    def __init__(self, x: Array, given: Any) -> None:
        self.x = cast(x, np.dtype(np.float64)) if x.dtype.kind in "iub" else x
        self.count, self.given = x.size, given
        if given is not None and x.size:
            inside = call(np.logical_and, call(np.greater_equal, x, given[0]), call(np.less_equal, x, given[1]))
            self.count = int(sum_(inside))
            self.x = where(inside, self.x, np.nan)

    def ends(self) -> tuple[Any, Any]:
        """The range that is given, or the least and the greatest."""
        if self.given is None:
            return _now(nanmin(self.x)), _now(nanmax(self.x))
        return tuple(self.given)

    def extent(self) -> Any:
        """From the least to the greatest."""
        return _now(call(np.subtract, nanmax(self.x), nanmin(self.x)))

    def deviation(self) -> Any:
        """The standard deviation."""
        return _now(nanstd(self.x))

    def quartiles(self) -> Any:
        """From the first quartile to the third."""
        return np.subtract(*_now(nanpercentile(self.x, [75, 25])))

    def skew(self) -> Any:
        """The mean third power of what is away from the mean, in standard deviations."""
        away = call(np.divide, call(np.subtract, self.x, nanmean(self.x)), nanstd(self.x))
        return _now(nanmean(call(np.power, away, 3)))


def _scott(s: Statistics) -> Any:
    return (24.0 * np.pi**0.5 / s.count) ** (1.0 / 3.0) * s.deviation()


def _fd(s: Statistics) -> Any:
    return 2.0 * s.quartiles() * s.count ** (-1.0 / 3.0)


def _doane(s: Statistics) -> Any:
    n = s.count
    if n <= 2 or not s.deviation() > 0:
        return 0.0
    skewness = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    return s.extent() / (1.0 + np.log2(n) + np.log2(1.0 + abs(s.skew()) / skewness))


def _auto(s: Statistics) -> Any:
    return min(max(_fd(s), RULES["sqrt"](s) / 2), RULES["sturges"](s))


def _stone(s: Statistics) -> Any:
    """The number of bins with the least estimate of the error, all of them counted in one run."""
    from .histograms import histogram

    n, extent = s.count, s.extent()
    if n <= 1 or extent == 0:
        return 0.0
    numbers = range(1, max(100, int(np.sqrt(n))) + 1)
    counts = _all_now([histogram(s.x, bins, s.ends())[0] for bins in numbers])

    def error(bins: int) -> Any:
        share = counts[bins - 1] / n
        return (2 - (n + 1) * share.dot(share)) / (extent / bins)

    best = min(numbers, key=error)
    if best == numbers[-1]:
        warnings.warn("The number of bins estimated may be suboptimal.", RuntimeWarning, stacklevel=5)
    return extent / best


RULES: dict[str, Callable[[Statistics], Any]] = {
    "auto": _auto,
    "doane": _doane,
    "fd": _fd,
    "rice": lambda s: s.extent() / (2.0 * s.count ** (1.0 / 3)),
    "scott": _scott,
    "sqrt": lambda s: s.extent() / np.sqrt(s.count),
    "stone": _stone,
    "sturges": lambda s: s.extent() / (np.log2(s.count) + 1.0),
}


def number_of_bins(x: Array, rule: str, given: Any) -> int:
    """How many equal bins the rule makes in the range that is given, or from the least element to the greatest."""
    if rule not in RULES:
        raise ValueError(f"{rule!r} is not a valid estimator for `bins`; {', '.join(RULES)} are")
    statistics = Statistics(x, given)
    width = RULES[rule](statistics) if statistics.count else 0
    if not width:
        return 1
    if x.dtype.kind in "iu":
        width = max(width, 1)
    return int(np.ceil((statistics.extent() if given is None else given[1] - given[0]) / width))
