"""Pieces of HTML and SVG for notebooks: in the page's own colour, which suits light and dark, and without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

Point = tuple[float, float]
FONT = "font-family:system-ui,sans-serif"


def bytes_text(n: Any) -> str:
    """A number of bytes for people.

    >>> bytes_text(32_000_000)
    '32.0 MB'
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:,.1f} {unit}"
    return f"{int(n)} B"


def several(count: int, what: str) -> str:
    """A number of things for people.

    >>> several(1, "task"), several(2000, "task")
    ('1 task', '2,000 tasks')
    """
    return f"{count:,} {what}{'s' * (count != 1)}"


def row(cells: Iterable[str], tag: str = "td") -> str:
    """A row of a table."""
    return "<tr>" + "".join(f"<{tag} style='text-align:left'>{escape(c)}</{tag}>" for c in cells) + "</tr>"


def table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    """A table of text."""
    return f"<table>{row(head, 'th') if head else ''}{''.join(map(row, rows))}</table>"


def element(name: str, content: str = "", **attributes: Any) -> str:
    """An SVG element; `_` in an attribute's name is `-`, and numbers have one decimal.

    >>> element("line", x1=0, x2=2.55, stroke_width=1)
    '<line x1="0" x2="2.5" stroke-width="1"/>'
    """
    given = "".join(f' {key.replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{content}</{name}>" if content else f"<{name}{given}/>"


def _value(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))


def text(at: Point, words: str, **attributes: Any) -> str:
    """Words at a point, in the page's colour."""
    return element("text", escape(words), x=at[0], y=at[1], fill="currentColor", **attributes)


def points(corners: Iterable[Point]) -> str:
    """Corners as a polygon takes them."""
    return " ".join(f"{_value(float(x))},{_value(float(y))}" for x, y in corners)


def svg(content: str, width: float, height: float, label: str, style: str = "") -> str:
    """A drawing of this size; `label` says what it shows to those who do not see it."""
    return element(
        "svg",
        content,
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        role="img",
        aria_label=label,
        style=f"max-width:100%;height:auto;{FONT};{style}",
    )
