"""Numbers for people: three digits or so, with their unit; and the ticks of an axis."""

from __future__ import annotations

import math

from ..api.markup import bytes_text

__all__ = [
    "bytes_text",
    "count_text",
    "dollars_text",
    "gflops_text",
    "seconds_text",
    "share_text",
    "ticks",
    "times_text",
]


def seconds_text(s: float) -> str:
    """Seconds.

    >>> [seconds_text(s) for s in (0, 0.00012, 0.25, 12.34, 1234, 200000)]
    ['0 s', '120 µs', '250 ms', '12.3 s', '1,234 s', '55.6 h']
    """
    if not s:
        return "0 s"
    if s < 1e-3:
        return f"{s * 1e6:.3g} µs"
    if s < 1:
        return f"{s * 1e3:.3g} ms"
    if s < 100:
        return f"{s:.3g} s"
    return f"{s:,.0f} s" if s < 1e5 else f"{s / 3600:,.1f} h"


def gflops_text(g: float) -> str:
    """A rate.

    >>> [gflops_text(g) for g in (0, 0.0123, 53.21, 40_250)]
    ['0 GFLOPS', '12.3 MFLOPS', '53.2 GFLOPS', '40.2 TFLOPS']
    """
    if g and g < 1:
        return f"{g * 1e3:.3g} MFLOPS"
    return f"{g / 1e3:.3g} TFLOPS" if g >= 1000 else f"{g:.3g} GFLOPS"


def dollars_text(d: float) -> str:
    """US dollars.

    >>> [dollars_text(d) for d in (0, 0.000123, 0.5, 1234.5)]
    ['$0', '$0.00012', '$0.50', '$1,234.50']
    """
    if d >= 0.1:
        return f"${d:,.2f}"
    return f"${d:.{1 - math.floor(math.log10(d))}f}" if d else "$0"


def share_text(share: float) -> str:
    """A share of a whole.

    >>> [share_text(s) for s in (0, 0.00012, 0.053, 0.876)]
    ['0%', '0.01%', '5.3%', '88%']
    """
    if not share:
        return "0%"
    return f"{share:.2%}" if share < 0.001 else f"{share:.1%}" if share < 0.1 else f"{share:.0%}"


def times_text(ratio: float) -> str:
    """A ratio.

    >>> [times_text(r) for r in (0.5, 1.234, 25.1)]
    ['0.50 times', '1.23 times', '25 times']
    """
    return f"{ratio:.2f} times" if ratio < 10 else f"{ratio:,.0f} times"


def count_text(n: float, what: str) -> str:
    """A number of things.

    >>> count_text(1, "task"), count_text(1234, "task")
    ('1 task', '1,234 tasks')
    """
    return f"{n:,.0f} {what}" + "s" * (n != 1)


def ticks(top: float, most: int = 5, least_step: float = 0.0) -> list[float]:
    """Round numbers from 0 to `top`, at most `most` steps of 1, 2 or 5 times a power of ten.

    >>> ticks(53)
    [0.0, 20.0, 40.0]
    """
    if not top > 0:
        return [0.0]
    least = max(top / most, least_step)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))
    return [round(i * step, 12) for i in range(int(top / step * (1 + 1e-9)) + 1)]
