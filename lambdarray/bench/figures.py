"""Peak and effective rates of what functions did, as a table and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from .fleet import Call

Json = Any


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one kind of work, in `unit`: of single functions the median, slow and fast tenth; of all, both rates."""

    unit: str
    median: float
    slow_tenth: float
    fast_tenth: float
    peak: float
    effective: float
    seconds: float

    @property
    def share(self) -> float:
        """Effective over peak."""
        return self.effective / self.peak if self.peak else 0.0


@dataclass(frozen=True, slots=True)
class Seconds:
    """A distribution of seconds."""

    count: int
    median: float
    fast_tenth: float
    slow_tenth: float
    longest: float


@dataclass(frozen=True, slots=True)
class Work:
    """What a function did between two moments, of its whole amount."""

    begin_s: float
    end_s: float
    amount: float

    @property
    def rate(self) -> float:
        """Amount a second."""
        return self.amount / (self.end_s - self.begin_s) if self.end_s > self.begin_s else 0.0


def rates(unit: str, scale: float, calls: Sequence[Call], name: str) -> Rates:
    """The rates of the work `name` of these calls, one unit being `scale` of what it is counted in."""
    done = [_work(call, name) for call in calls]
    each = [w.rate / scale for w in done]
    low, high = tenths(each)
    wall = max(call.answered_s for call in calls)
    effective = sum(w.amount for w in done) / scale / wall
    return Rates(unit, median(each), low, high, peak(done) / scale, effective, wall)


def _work(call: Call, name: str) -> Work:
    """What was measured last, just before the function ended."""
    told = call.said["measured"][name]
    seconds: list[float] = told["seconds"]
    return Work(call.ended_s - sum(seconds), call.ended_s, told["count"] * len(seconds))


def peak(done: Sequence[Work]) -> float:
    """The greatest sum of the rates of those at work at one moment.

    >>> peak([Work(0, 2, 20.0), Work(1, 3, 20.0), Work(3, 4, 12.0)])
    20.0
    """
    now, most = 0.0, 0.0
    # At one moment those that end go before those that begin.
    for _, _, change in sorted(e for w in done for e in ((w.begin_s, 1, w.rate), (w.end_s, 0, -w.rate))):
        now += change
        most = max(most, now)
    return most


def tenths(values: Sequence[float]) -> tuple[float, float]:
    """The values below and above which a tenth lies.

    >>> tenths([1.0]), tenths([float(n) for n in range(11)])
    ((1.0, 1.0), (1.0, 9.0))
    """
    if len(values) == 1:
        return values[0], values[0]
    parts = quantiles(values, n=10, method="inclusive")
    return parts[0], parts[-1]


def seconds_of(values: Sequence[float]) -> Seconds:
    """A distribution in a few numbers."""
    low, high = tenths(values)
    return Seconds(len(values), median(values), low, high, max(values))


@dataclass(frozen=True, slots=True)
class Figures:
    """What one benchmark found: of which function, how it was asked, its rates, its latencies, and single numbers."""

    bench: str
    about: Mapping[str, Json]
    asked: Any
    rates: Mapping[str, Rates]
    numbers: Mapping[str, float]
    latencies: Mapping[str, Seconds] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Plain data; sizes, rates and seconds carry their unit."""
        found = {k: {**asdict(r), "effective_over_peak": r.share} for k, r in self.rates.items()}
        seconds = {f"{k}_s": asdict(s) for k, s in self.latencies.items()}
        return {"bench": self.bench, **self.about, "asked": asdict(self.asked), **self.numbers, **found, **seconds}

    def __str__(self) -> str:
        a = self.about
        lines = [
            f"{self.bench}: {a['functions']} x {a['function']} in {a['region']} ({a['arch']}, {a['memory_mib']} MiB, "
            f"{a['blas']}); {a['cold']} cold, {a['throttled']} throttled, {a['billed_s']:.1f} s billed"
        ]
        for name, r in self.rates.items():
            lines.append(f"  {name:<9} one function {_span(r.median, r.slow_tenth, r.fast_tenth)} {r.unit}")
            lines.append(
                f"  {'':<9} all: peak {r.peak:,.1f} {r.unit}, effective {r.effective:,.1f} {r.unit} "
                f"({r.share:.0%} of peak) in {r.seconds:.2f} s"
            )
        for name, s in self.latencies.items():
            lines.append(
                f"  {name:<9} {_span(s.median, s.fast_tenth, s.slow_tenth)} s, longest {s.longest:.3f} s ({s.count})"
            )
        lines += [f"  {name.replace('_', ' ')}: {value:,.2f}" for name, value in self.numbers.items()]
        return "\n".join(lines)


def _span(middle: float, low: float, high: float) -> str:
    return f"{middle:,.3g} ({low:,.3g} to {high:,.3g})"
