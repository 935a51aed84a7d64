"""An explanation as HTML: tables, and the time against the dollars as a drawing. No scripts, in the page's colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from .explain_text import STAGE_HEAD, SWEEP_HEAD, TELLING_BYTES, lines, stage_rows, sweep_rows
from .markup import FONT, Point, bytes_text, element, points, svg, table, text
from .pricing import dollars_text, seconds_text

if TYPE_CHECKING:
    from .explain import Explanation

STYLE = """
.lambdarray-quote{line-height:1.4;color:inherit}
.lambdarray-quote table{border-collapse:collapse;margin:.6em 0;font-size:13px}
.lambdarray-quote td,.lambdarray-quote th{padding:.2em 1.2em .2em 0;vertical-align:top;background:none;
border:0;border-bottom:1px solid rgba(128,128,128,.25);font-variant-numeric:tabular-nums}
.lambdarray-quote th{font-weight:600;opacity:.7}
.lambdarray-quote table.facts td:first-child{opacity:.7;white-space:nowrap}
.lambdarray-quote .figures{display:flex;flex-wrap:wrap;gap:.4em 2.2em;margin:.4em 0}
.lambdarray-quote .figures b{display:block;font-size:1.5em;font-weight:600}
.lambdarray-quote .figures span{opacity:.7;font-size:12px}
"""
WIDTH, HEIGHT = 460.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 96.0, 14.0, 42.0
LINE = "#3b82c4"  # reads well on white and on black
NEAR = 12.0
STEPS = (1, 2, 5)
LOG_FROM = 4.0  # an axis that reaches over more than so many times its least value is logarithmic


def page(found: Explanation) -> str:
    """All of it, for a notebook's cell."""
    parts = [element("style", STYLE), _figures(found), _facts(found), table(stage_rows(found), STAGE_HEAD)]
    if found.sweep:
        curve = [(c.seconds, c.dollars) for c in found.sweep]
        parts += [table(sweep_rows(found), SWEEP_HEAD), drawing(curve, [f"{c.workers:,}" for c in found.sweep])]
    return f'<div class="lambdarray-quote" style="{FONT}">{"".join(parts)}</div>'


def _facts(found: Explanation) -> str:
    return table(lines(found)).replace("<table>", '<table class="facts">', 1)


def _figures(found: Explanation) -> str:
    """The figures that are looked for first."""
    where = "on Lambda" if found.here is None else f"on {found.workers} {found.config.executor}"
    moved = found.bytes_read + found.bytes_written
    beside = f", {found.bytes_ratio:.2f} times the least" if moved >= TELLING_BYTES else ""
    shown = [
        (seconds_text(found.seconds), where),
        (f"${dollars_text(found.dollars)}", "on Lambda"),
        (f"{found.tasks:,}", "task" if found.tasks == 1 else "tasks"),
        (bytes_text(moved), f"moved{beside}"),
    ]
    boxes = (f"<div><b>{escape(value)}</b><span>{escape(what)}</span></div>" for value, what in shown)
    return f'<div class="figures">{"".join(boxes)}</div>'


def drawing(curve: Sequence[Point], labels: Sequence[str]) -> str:
    """Time against dollars: a dot for each number of workers."""
    across = _Axis([s for s, _ in curve], LEFT, WIDTH - RIGHT)
    up = _Axis([d for _, d in curve], HEIGHT - BOTTOM, TOP)
    at = [(across(s), up(d)) for s, d in curve]
    parts = [_tick(across, v, seconds_text) for v in across.ticks]
    parts += [_rule(up, v, lambda d: f"${dollars_text(d)}") for v in up.ticks]
    parts.append(element("polyline", points=points(sorted(at)), fill="none", stroke=LINE, stroke_width=2))
    parts += [element("circle", cx=x, cy=y, r=4, fill=LINE) for x, y in at]
    parts += [text((x + 7, y - 6), label, font_size=11) for (x, y), label in _apart(at, labels)]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(text((middle, HEIGHT - 6), "seconds", text_anchor="middle", font_size=11, opacity="0.7"))
    parts.append(text((WIDTH - RIGHT + 14, TOP + 4), "labels: workers", font_size=11, opacity="0.7"))
    return svg("".join(parts), WIDTH, HEIGHT, "time against dollars for several numbers of workers")


def _apart(at: Sequence[Point], labels: Sequence[str]) -> list[tuple[Point, str]]:
    """A label for each point, or one for several that lie so near that theirs would cover one another."""
    out: list[tuple[Point, str]] = []
    for (x, y), label in zip(at, labels, strict=True):
        near = next((n for n, ((u, v), _) in enumerate(out) if abs(x - u) < NEAR and abs(y - v) < NEAR), None)
        if near is None:
            out.append(((x, y), label))
        else:
            out[near] = out[near][0], f"{out[near][1]}; {label}"
    return out


def _tick(axis: _Axis, value: float, name: Callable[[float], str]) -> str:
    x, low = axis(value), HEIGHT - BOTTOM
    mark = element("line", x1=x, x2=x, y1=TOP, y2=low, stroke="currentColor", opacity="0.12")
    return mark + text((x, low + 15), name(value), text_anchor="middle", font_size=11, opacity="0.8")


def _rule(axis: _Axis, value: float, name: Callable[[float], str]) -> str:
    y = axis(value)
    mark = element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, stroke="currentColor", opacity="0.12")
    return mark + text((LEFT - 6, y + 4), name(value), text_anchor="end", font_size=11, opacity="0.8")


class _Axis:
    """Values on a line from `begin` to `end`: logarithmic where they reach far."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        least, most = min(values), max(values)
        self._log = least > 0 and most > LOG_FROM * least
        room = 1.15 if self._log else 0.12 * (most - least) or 0.1 * most or 1.0
        self._low, self._high = (least / room, most * room) if self._log else (max(0.0, least - room), most + room)
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        share = (self._scaled(value) - self._scaled(self._low)) / (self._scaled(self._high) - self._scaled(self._low))
        return self._begin + share * (self._end - self._begin)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._log else value

    @property
    def ticks(self) -> list[float]:
        """Round values within it, about five."""
        if self._log:
            decades = range(math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1)
            steps = STEPS if self._high < 100 * self._low else (1,)
            found = [step * 10.0**d for d in decades for step in steps]
        else:
            rough = (self._high - self._low) / 4
            size = 10.0 ** math.floor(math.log10(rough))
            step = next(size * s for s in (*STEPS, 10) if size * s >= rough)
            found = [n * step for n in range(math.ceil(self._low / step), math.floor(self._high / step) + 1)]
        return [v for v in found if self._low <= v <= self._high]
