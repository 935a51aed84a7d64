"""Constants from seconds: medians, and the two of a rate that grows with the side of tiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from ..runtime.measure import ADDED, DTYPES, FEW, FUNCTIONS, LINEAR_ALGEBRA, MANY

Json = Any
RANDOM = {"uniform": "random", "normal": "standard_normal", "other": "gamma"}
MEMORY = {"stream": "stream", "copy": "copied", "fresh": "fresh", "fresh_small": "small", "gather": "gathered"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A constant as measured: its value, and the middle half of its samples as a share of it.

    `spread` is 0 where one number is all there is.
    """

    value: float
    spread: float = 0.0
    samples: int = 0


Found = dict[tuple[str, ...], Measured]


def each(answer: Mapping[str, Json], name: str) -> Measured:
    """Seconds for one of what a work counts."""
    count, seconds = answer[name]["count"], answer[name]["seconds"]
    return Measured(median(seconds) / count, spread_of(seconds), len(seconds))


def joined(before: Mapping[str, Json], answer: Mapping[str, Json]) -> dict[str, Json]:
    """An answer with the seconds of an earlier one too, where that measured the same.

    >>> earlier = {"x": {"count": 2.0, "seconds": [1.0, 3.0], "cpu": 1.0}, "y": {}}
    >>> joined(earlier, {"x": {"count": 2.0, "seconds": [2.0, 2.0], "cpu": 3.0}})
    {'x': {'count': 2.0, 'seconds': [1.0, 3.0, 2.0, 2.0], 'cpu': 2.0}}
    """
    return {name: _joined(before[name], told) if name in before else told for name, told in answer.items()}


def _joined(a: Json, b: Json) -> Json:
    seconds = [*a["seconds"], *b["seconds"]]
    cpu = (a["cpu"] * len(a["seconds"]) + b["cpu"] * len(b["seconds"])) / len(seconds)
    return {"count": b["count"], "seconds": seconds, "cpu": cpu}


def spread_of(seconds: Sequence[float]) -> float:
    """The middle half as a share of the median.

    >>> spread_of([1.0, 1.0, 1.0]), spread_of([2.0])
    (0.0, 0.0)
    """
    if len(seconds) < 2:
        return 0.0
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return (high - low) / middle


def sides(answer: Mapping[str, Json], name: str) -> list[int]:
    """The sides of tiles at which a work was measured.

    >>> sides({"product.float64@64": {}, "product.float64@8": {}, "product.float32@8": {}}, "product.float64")
    [8, 64]
    """
    return sorted(int(key.partition("@")[2]) for key in answer if key.startswith(f"{name}@"))


def grown(answer: Mapping[str, Json], name: str) -> tuple[Measured, float]:
    """The rate g with large tiles, and the side h at which half of it is reached, where at n it is g n / (n + h).

    Seconds for one are (1 + h / n) / g: a line in 1 / n through the least and the greatest of sides.
    """
    small, *_, large = sides(answer, name)
    a, b = each(answer, f"{name}@{small}"), each(answer, f"{name}@{large}")
    slope = max(0.0, (a.value - b.value) / (1 / small - 1 / large))
    # A rate that still grows as fast as the side does, or seems to for noise, at most doubles.
    least = max(b.value - slope / large, b.value / 2)
    return Measured(1 / least, b.spread, b.samples), (b.value - least) * large / least


def constants(answer: Mapping[str, Json], cores: float = 1.0) -> Found:
    """The constants that were measured, by their path in a profile, of one of so many cores that BLAS used.

    Everything else is done by one of them, or by part of one.
    """
    alone = min(cores, 1.0)
    found: Found = dict(_products(answer, cores))
    found |= dict(_kernels(answer, cores))
    found |= dict(_elementwise(answer, alone))
    for constant, method in RANDOM.items():
        one = each(answer, f"random.{method}")
        found["random", f"{constant}_ns"] = Measured(one.value * 1e9 * alone, one.spread, one.samples)
    for constant, work in MEMORY.items():
        one = each(answer, f"memory.{work}")
        found["memory", f"{constant}_gbps"] = Measured(1e-9 / one.value / alone, one.spread, one.samples)
    if "store.read" in answer:
        found |= dict(_store(answer))
    return found


def _products(answer: Mapping[str, Json], cores: float) -> Iterator[tuple[tuple[str, ...], Measured]]:
    for dtype in DTYPES:
        rate, half = grown(answer, f"product.{dtype}")
        yield ("product", dtype, "gflops"), Measured(rate.value / 1e9 / cores, rate.spread, rate.samples)
        yield ("product", dtype, "half_side"), Measured(half)


def _kernels(answer: Mapping[str, Json], cores: float) -> Iterator[tuple[tuple[str, ...], Measured]]:
    products = grown(answer, "product.float64")[0].value
    for kind in LINEAR_ALGEBRA:
        rate, half = grown(answer, f"kernels.{kind}")
        yield ("kernels", kind, "share"), Measured(rate.value / products, rate.spread, rate.samples)
        yield ("kernels", kind, "half_side"), Measured(half)


def _elementwise(answer: Mapping[str, Json], alone: float) -> Iterator[tuple[tuple[str, ...], Measured]]:
    quick = 0.0
    for kind in FUNCTIONS:
        few, many = (each(answer, f"elementwise.{kind}@{length}") for length in (FEW, MANY))
        # What a longer chain takes more: nothing of the call, of the input and of the sum at the end.
        one = (many.value * MANY - few.value * FEW) / (MANY - FEW) * 1e9 * alone
        quick = quick or one / (1 + ADDED)
        yield ("elementwise", f"{kind}_ns"), Measured(max(one - ADDED * quick, quick / 4), many.spread, many.samples)


def _store(answer: Mapping[str, Json]) -> Iterator[tuple[tuple[str, ...], Measured]]:
    for way in ("read", "write"):
        one, told = each(answer, f"store.{way}"), answer[f"store.{way}"]
        yield ("store", f"{way}_mbps"), Measured(1e-6 / one.value, one.spread, one.samples)
        yield ("store", f"{way}_cpu_s_per_gb"), Measured(told["cpu"] / told["count"] * 1e9)
    yield ("store", "request_s"), each(answer, "store.request")
