"""Charts as HTML: an SVG that is stretched to its place, and around it labels that are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from .numbers import seconds_text, ticks

WIDTH = 1000.0
# Points that a curve has at most; a bin more would not be seen.
POINTS = 300
Series = Sequence[float]


def binned(values: Series, most: int = POINTS) -> tuple[list[float], int]:
    """Means over as many neighbours as it takes to have at most `most` values, and how many that is.

    >>> binned([1.0, 3.0, 5.0], 2)
    ([2.0, 2.5], 2)
    """
    each = max(1, -(-len(values) // most))
    return [sum(values[i : i + each]) / each for i in range(0, len(values), each)], each


def frame(content: str, height: float, end_s: float, top: float, unit: str, label: str, least_step: float = 0.0) -> str:
    """A drawing of WIDTH by `height` with an axis of time up to `end_s` and one of values up to `top`."""
    marks = ticks(top, 4, least_step)
    rules = "".join(
        f"<line x1='0' x2='{WIDTH:g}' y1='{y:.1f}' y2='{y:.1f}' class='grid'/>"
        for y in (height * (1 - t / top) for t in marks)
    )
    labels = [(100 * t / top, f"{t:,.10g}") for t in marks]
    return framed(rules + content, height, end_s, labels, unit, label)


def framed(
    content: str, height: float, end_s: float, y_labels: Sequence[tuple[float, str]], unit: str, label: str
) -> str:
    """The same with labels of one's own on the left: percents of the height, and texts."""
    drawing = svg(content, height, label)
    widest = max((text for _, text in y_labels), key=len, default="")
    y = "".join(f"<span style='bottom:{at:.2f}%'>{escape(text)}</span>" for at, text in y_labels)
    # Few enough for a telephone.
    x = "".join(f"<span style='left:{100 * t / end_s:.2f}%'>{seconds_text(t)}</span>" for t in ticks(end_s, 5))
    above = f"<div class='unit'>{escape(unit)}</div>" if unit else ""
    kind = "y" if unit else "y names"
    left = f"<div class='{kind}'><u>{escape(widest)}</u>{y}</div>"
    return f"<figure class='plot'>{above}{left}{drawing}<div class='x'>{x}</div></figure>"


def svg(content: str, height: float, label: str) -> str:
    """A drawing that is as wide as there is room, and `height` pixels high."""
    return (
        f"<svg viewBox='0 0 {WIDTH:.0f} {height:g}' preserveAspectRatio='none' style='height:{height:g}px' role='img' "
        f"aria-label='{escape(label, quote=True)}'>{content}</svg>"
    )


def stacked(layers: Mapping[str, Series], height: float, top: float, share: float = 1.0) -> str:
    """Areas on top of one another, as steps; each is coloured as the phase that names it."""
    below: list[float] = []
    out = []
    for name, values in layers.items():
        below = below or [0.0] * len(values)
        above = [b + v for b, v in zip(below, values, strict=True)]
        if any(values):
            outline = [*_steps(above, height, top, share), *reversed(_steps(below, height, top, share))]
            out.append(f"<path d='M{_joined(outline)}Z' fill='var(--{name})'/>")
        below = above
    return "".join(out)


def curve(values: Series, height: float, top: float, colour: str, share: float = 1.0) -> str:
    """A line of steps; with the area below it, faintly."""
    steps = _steps(values, height, top, share)
    area = f"<path d='M0,{height:g}L{_joined(steps)}L{steps[-1][0]:.1f},{height:g}Z' fill='{colour}' opacity='.18'/>"
    return f"{area}<path d='M{_joined(steps)}' stroke='{colour}' class='line'/>"


def level(value: float, height: float, top: float) -> str:
    """A dashed line at a value."""
    y = height * (1 - value / top)
    return f"<line x1='0' x2='{WIDTH:g}' y1='{y:.1f}' y2='{y:.1f}' class='line dash'/>"


def tips(texts: Sequence[str], height: float, share: float = 1.0) -> str:
    """What to show where the pointer is, for equal stretches of time."""
    width = WIDTH * share / max(len(texts), 1)
    return "".join(tip(n * width, 0, width, height, text) for n, text in enumerate(texts))


def tip(x: float, y: float, width: float, height: float, text: str) -> str:
    """What to show where the pointer is within a box."""
    box = f"x='{x:.2f}' y='{y:g}' width='{width:.2f}' height='{height:g}'"
    return f"<rect {box} class='tip'><title>{escape(text)}</title></rect>"


def _steps(values: Series, height: float, top: float, share: float) -> list[tuple[float, float]]:
    """The corners of steps; the bins are `share` of the width, since the last one may reach beyond the end."""
    width = WIDTH * share / len(values)
    corners = []
    for n, value in enumerate(values):
        y = height * (1 - min(value / top, 1.0))
        corners += [(min(n * width, WIDTH), y), (min((n + 1) * width, WIDTH), y)]
    return corners


def _joined(corners: Iterable[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f},{y:.1f}" for x, y in corners)
