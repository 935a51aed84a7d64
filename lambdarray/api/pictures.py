"""An array as notebooks show it: a table, and a drawing of its grid of tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..ops import Op
from ..tiling import Cuts, Tiling
from .markup import Point, bytes_text, element, points, svg, table, text

SIDE = 150.0  # pixels of the longest axis
SHORTEST = 0.15  # of that is the shortest, however few elements it has
SPACING = 4.0  # pixels between lines at least: of more boundaries some are left out
DEPTH: Point = (0.5, -0.35)  # where a pixel of the first of three axes goes
BAR = 0.2  # of the longest axis is the height of a bar
FONT_SIZE, CHARACTER, LINE, GAP = 11, 6.5, 13, 8.0


def array_html(op: Op) -> str:
    """An array as a table, and its tiles as a drawing beside it."""
    tiling, itemsize = op.tiling, op.dtype.itemsize
    tile = tiling.max_tile
    alike = all(len(set(c.chunks)) == 1 for c in tiling.axes)
    rows = [
        ("shape", str(op.shape), str(tile)),
        ("bytes", bytes_text(op.nbytes), bytes_text(int(np.prod(tile, dtype=object)) * itemsize)),
        ("tiles", f"{tiling.count:,} in a grid of {tiling.grid}", ""),
        ("dtype", str(op.dtype), ""),
    ]
    facts = table(rows, ("", "array", "tile" if alike else "largest tile"))
    return f"<div style='display:flex;flex-wrap:wrap;align-items:center;gap:2em'>{facts}{grid_svg(tiling)}</div>"


def grid_svg(tiling: Tiling) -> str:
    """The grid of tiles: a bar, a rectangle, a box; of more axes a row for every three, the last ones below."""
    if not tiling.axes:
        return ""
    longest = max(1, *tiling.shape)
    first = len(tiling.axes) % 3 or 3
    bounds = [0, *range(first, len(tiling.axes) + 1, 3)]
    boxes = [_box(tiling.axes[a:b], longest, a) for a, b in pairwise(bounds)]
    parts, top = [], 0.0
    width, left = max(b.width for b in boxes), max(b.left for b in boxes)
    for box in boxes:
        parts.append(element("g", box.content, transform=f"translate({left - box.left:.1f} {top:.1f})"))
        top += box.height + GAP
    label = f"{tiling.count} tiles of an array of shape {tiling.shape}"
    return svg("".join(parts), width + left, top, label, f"font-size:{FONT_SIZE}px")


@dataclass(frozen=True, slots=True)
class _Box:
    """A drawing of up to three axes: what it takes, and how much of that lies left of the front."""

    content: str
    width: float
    height: float
    left: float


@dataclass(frozen=True, slots=True)
class _Edge:
    """An axis on the paper: where it leads from any point, and where along it tiles meet."""

    cuts: Cuts
    along: Point

    @property
    def marks(self) -> Sequence[float]:
        """The boundaries of tiles from 0 to 1, no two of them too near."""
        cuts, length = self.cuts, float(np.hypot(*self.along))
        starts = np.asarray(cuts.start(np.arange(0, cuts.count, self.step)))
        found: list[float] = [*(starts / max(cuts.size, 1)).tolist(), 1.0]
        least = SPACING / 2 / max(length, 1.0)
        return [m for m, following in zip(found, [*found[1:], 2.0], strict=True) if following - m > least]

    @property
    def step(self) -> int:
        """How many tiles lie between two lines."""
        room = max(1, int(np.hypot(*self.along) / SPACING))
        return -(-self.cuts.count // room)


def _edges(axes: Sequence[Cuts], longest: int) -> list[_Edge]:
    """Up to three axes on the paper: backwards, down and to the right."""
    ways = (DEPTH, (0.0, 1.0), (1.0, 0.0))[-len(axes) :]
    lengths = [SIDE * max(SHORTEST, c.size / longest) for c in axes]
    return [_Edge(c, (n * way[0], n * way[1])) for c, n, way in zip(axes, lengths, ways, strict=True)]


def _box(axes: Sequence[Cuts], longest: int, first: int) -> _Box:
    """The front with the last two axes, and the top and the right side where there is a third."""
    *others, x = _edges(axes, longest)
    y = others[-1] if others else _Edge(Cuts(1, 1), (0.0, SIDE * BAR))
    z = others[0] if len(others) > 1 else None
    back = z.along if z else (0.0, 0.0)
    left = max([len(f"{e.cuts.size:,}") * CHARACTER + GAP for e in others], default=0.0) + 2
    corner = (left, 2 + (FONT_SIZE if z else 0) - back[1])
    parts = [_face(corner, x, y, 0.06)]
    if z:
        parts += [_face(corner, x, z, 0.12), _face(_plus(corner, x.along), z, y, 0.2)]
    parts += [_label(corner, e) for e in others]
    bottom = corner[1] + y.along[1] + FONT_SIZE + 4
    parts.append(text((left + x.along[0] / 2, bottom), f"{x.cuts.size:,}", text_anchor="middle"))
    notes = _notes([*others, x], first)
    parts += [text((left, bottom + (n + 1) * LINE), note, opacity="0.7") for n, note in enumerate(notes)]
    width = max([x.along[0] + back[0], *(len(note) * CHARACTER for note in notes)]) + 4
    return _Box("".join(parts), width, bottom + len(notes) * LINE + 4, left)


def _label(corner: Point, edge: _Edge) -> str:
    """The length of an axis to the left of its middle."""
    x, y = _plus(corner, edge.along, 0.5)
    return text((x - 6, y if edge.along[0] else y + 4), f"{edge.cuts.size:,}", text_anchor="end")


def _notes(edges: Sequence[_Edge], first: int) -> list[str]:
    """What to know of axes of which some boundaries are left out."""
    return [f"axis {first + n}: a line for every {e.step} tiles" for n, e in enumerate(edges) if e.step > 1]


def _plus(a: Point, b: Point, share: float = 1.0) -> Point:
    return a[0] + share * b[0], a[1] + share * b[1]


def _face(corner: Point, one: _Edge, other: _Edge, shade: float) -> str:
    """A side of the box, shaded, with the lines where tiles meet."""
    across = _plus(corner, one.along)
    outline = points([corner, across, _plus(across, other.along), _plus(corner, other.along)])
    look = {"fill": "currentColor", "fill_opacity": str(shade), "stroke": "currentColor", "stroke_width": "1.2"}
    return element("polygon", points=outline, **look) + _lines(corner, one, other) + _lines(corner, other, one)


def _lines(corner: Point, marked: _Edge, across: _Edge) -> str:
    drawn = []
    for mark in marked.marks:
        if 0 < mark < 1:
            start = _plus(corner, marked.along, mark)
            end = _plus(start, across.along)
            drawn.append(f"M{points([start])}L{points([end])}")
    look: dict[str, Any] = {"stroke": "currentColor", "stroke_width": "0.8", "stroke_opacity": "0.7", "fill": "none"}
    return element("path", d="".join(drawn), **look) if drawn else ""
