"""The figures of a run of benchmarks as one SVG: for each case how long each contender took beside ours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 1060, 420, 24, 58, 24
# Titles that are not longer fit beside the axis; of narrower decades only the powers of ten are marked.
LONGEST, DECADE = 56, 130
# Colours that are told apart by most eyes, on white and on black.
COLOURS = ("#1f77b4", "#e0731d", "#2a9d55", "#c44e9a", "#8c6bb1", "#b58900", "#d1495b", "#6b7a8f")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .small { font-size: 11px; fill: #666 }
.line { stroke: #ddd } .one { stroke: #888; stroke-dasharray: 3 3 } .back { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .small { fill: #999 } .line { stroke: #333 } .one { stroke: #888 } .back { fill: #16181c }
}
"""

Bar = tuple[str, dict[str, float]]  # a case's title; for each contender, seconds over ours


def chart(cases: Sequence[Bar], title: str) -> str:
    """An SVG that needs nothing else: a row for each case, a dot for each contender, on a logarithmic axis."""
    values = [v for _, found in cases for v in found.values()] or [1.0]
    lo, hi = math.floor(math.log10(min(*values, 0.9))), math.ceil(math.log10(max(*values, 1.1)))
    names = list(dict.fromkeys(name for _, found in cases for name in found))
    colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - lo) / (hi - lo) * (WIDTH - LEFT - RIGHT)

    height = TOP + ROW * len(cases) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        _text(12, 20, title),
        *_legend(colours),
        *_axis(lo, hi, x, height),
    ]
    for n, (name, found) in enumerate(cases):
        parts += _row(TOP + ROW * (n + 0.5), name, found, x, colours)
    return "\n".join([*parts, "</svg>\n"])


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _legend(colours: dict[str, str]) -> list[str]:
    out, x = [], 12.0
    for name, colour in colours.items():
        out += [f'<circle cx="{x + 5:.1f}" cy="38" r="5" fill="{colour}"/>', _text(x + 14, 42, name, 'class="small"')]
        x += 34 + 6.5 * len(name)
    return out


def _axis(lo: int, hi: int, x: object, height: int) -> list[str]:
    assert callable(x)
    bottom, out, wide = height - 26, [], DECADE * (hi - lo) <= WIDTH - LEFT - RIGHT
    for power in range(lo, hi + 1):
        for step in (1, 2, 5) if power < hi and wide else (1,):
            value = step * 10.0**power
            kind = "one" if value == 1 else "line"
            out.append(f'<line class="{kind}" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP - 6}" y2="{bottom}"/>')
            out.append(_text(x(value), bottom + 16, f"{value:g}x", 'class="small" text-anchor="middle"'))
    return out


def _row(y: float, name: str, found: dict[str, float], x: object, colours: dict[str, str]) -> list[str]:
    assert callable(x)
    shown = name if len(name) <= LONGEST else name[: LONGEST - 3] + "..."
    out = [_text(LEFT - 12, y + 4, shown, 'text-anchor="end"')]
    for contender, value in found.items():
        told = f"<title>{escape(contender)}: {value:.2f} times ours</title>"
        out.append(f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="5.5" fill="{colours[contender]}">{told}</circle>')
    return out
