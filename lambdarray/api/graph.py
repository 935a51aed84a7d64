"""A plan as a drawing: its stages, what they read and what comes of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..config import get_config
from ..errors import ConfigError
from ..planner import make_plan
from ..planner.estimate import totals
from ..task import ArraySpec, Plan, Program
from .compute import ops_of, resources
from .explain_text import grid_text
from .layers import place
from .markup import Point, bytes_text, element, points, svg, text

WORDS = 42  # characters of a line
CHARACTER, BOLD, LINE, PADDING, MARGIN = 6.6, 1.15, 17.0, 9.0, 6.0
# A file of its own, or a cell that is shown as an image, has no page whose colour it could take.
ALONE = (
    ".lambdarray{color:#222;background:#fff}@media(prefers-color-scheme:dark){.lambdarray{color:#ddd;background:#111}}"
)
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title><style>:root{{color-scheme:light dark}}</style></head>
<body>{body}</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Graph:
    """A drawing of a plan, which notebooks show; `save` writes it to a file."""

    title: str
    content: str
    width: float
    height: float

    def __repr__(self) -> str:
        return f"<{self.title}>"

    def _svg(self, before: str = "") -> str:
        return svg(before + self.content, self.width, self.height, self.title, "font-size:12px")

    def _repr_html_(self) -> str:
        return self._svg()

    def _repr_svg_(self) -> str:
        return self._svg(element("style", ALONE)).replace("<svg ", '<svg class="lambdarray" ', 1)

    def save(self, filename: Any) -> None:
        """Write the drawing to a file whose name ends in .svg or .html; ConfigError for any other."""
        path = Path(os.fspath(filename))
        if path.suffix not in (".svg", ".html"):
            raise ConfigError(f"a plan is drawn in a .svg or a .html file, not in {path.name!r}")
        page = PAGE.format(title=escape(self.title), body=self._svg())
        path.write_text(self._repr_svg_() if path.suffix == ".svg" else page, encoding="utf-8")


def visualize(*arrays: Any, filename: Any = None) -> Graph:
    """The plan that `compute` would run, as a graph of its stages with their grids, tasks and bytes. Nothing runs.

    Notebooks show it; with `filename`, which ends in .svg or .html, it is written to a file too.

    >>> import lambdarray as la
    >>> la.visualize(la.ones((8, 8), chunks=4) @ la.ones((8, 8), chunks=4))
    <plan of 2 stages and 8 tasks>
    """
    plan, objects = make_plan(ops_of(arrays), resources(get_config()))
    graph = draw(plan, objects)
    if filename is not None:
        graph.save(filename)
    return graph


def draw(plan: Plan, objects: Mapping[str, Any]) -> Graph:
    """The drawing of a plan; `objects` are its in-memory sources."""
    nodes = {node.key: node for node in _nodes(plan, objects)}
    edges = [(made, used) for made, used in _edges(plan) if made in nodes and used in nodes]
    placed = place({key: node.size for key, node in nodes.items()}, edges)
    parts = []
    for (made, used), (start, *bends, end) in zip(edges, placed.routes, strict=True):
        leaves = start[0], start[1] + nodes[made].size[1] / 2
        parts.append(_arrow([leaves, *bends, (end[0], end[1] - nodes[used].size[1] / 2)]))
    parts += [node.draw(placed.centres[key]) for key, node in nodes.items()]
    shifted = element("g", "".join(parts), transform=f"translate({MARGIN} {MARGIN})")
    stages, tasks = len(plan.programs), plan.task_count
    title = f"plan of {stages:,} stage{'s' * (stages != 1)} and {tasks:,} task{'s' * (tasks != 1)}"
    return Graph(title, shifted, placed.width + 2 * MARGIN, placed.height + 2 * MARGIN)


@dataclass(frozen=True, slots=True)
class _Node:
    """A stage, or an array that the plan reads or leaves: its lines, of which the first stands out, and all of it."""

    key: str
    lines: tuple[str, ...]
    story: str
    is_stage: bool

    @property
    def size(self) -> tuple[float, float]:
        lengths = [len(_short(line)) for line in self.lines]
        longest = max(lengths[0] * (BOLD if self.is_stage else 1), *lengths[1:])
        return longest * CHARACTER + (2 if self.is_stage else 4) * PADDING, len(self.lines) * LINE + PADDING

    def draw(self, centre: Point) -> str:
        (x, y), (width, height) = centre, self.size
        look = {"fill": "currentColor", "fill_opacity": "0.08" if self.is_stage else "0.02", "stroke": "currentColor"}
        look |= {"rx": "5"} if self.is_stage else {"rx": f"{height / 2:.0f}", "stroke_dasharray": "4 3"}
        box = element("rect", x=x - width / 2, y=y - height / 2, width=width, height=height, **look)
        words = [self._line(n, line, centre) for n, line in enumerate(self.lines)]
        return element("g", element("title", escape(self.story)) + box + "".join(words))

    def _line(self, n: int, line: str, centre: Point) -> str:
        y = centre[1] + (n - (len(self.lines) - 1) / 2) * LINE + 4
        look = {"font_weight": "bold"} if n == 0 and self.is_stage else {}
        return text((centre[0], y), _short(line), text_anchor="middle", **look)


def _short(line: str) -> str:
    return line if len(line) <= WORDS else f"{line[: WORDS - 1]}…"


def _nodes(plan: Plan, objects: Mapping[str, Any]) -> list[_Node]:
    """What is drawn, each after what it comes from: arrays that are read, stages, and results."""
    sources = [spec for name, spec in plan.arrays.items() if name not in plan.written]
    stages = [_stage(program) for program in plan.programs]
    results = [_array(f"result {n}", plan.arrays[name], "result") for n, name in enumerate(plan.outputs)]
    return [*(_array(spec.name, spec, _source_text(spec, objects)) for spec in sources), *stages, *results]


def _stage(program: Program) -> _Node:
    tasks = program.task_count
    lines = (
        program.op,
        f"{tasks:,} task{'s' * (tasks != 1)}, grid {grid_text(program) or 'of one'}",
        "reads {}, writes {}".format(*map(bytes_text, totals(program)[1:])),
    )
    return _Node(program.name, lines, "\n".join([program.name, *lines, program.where]), True)


def _array(key: str, spec: ArraySpec, what: str) -> _Node:
    lines = what, f"{spec.tiling.shape} {spec.dtype}"
    return _Node(key, lines, "\n".join([*lines, f"{bytes_text(spec.nbytes)} in {spec.tiling.count:,} tiles"]), False)


def _source_text(spec: ArraySpec, objects: Mapping[str, Any]) -> str:
    if spec.location["kind"] == "object":
        obj = objects[spec.location["token"]]
        return f"{type(getattr(obj, 'held', obj)).__name__} of this process"
    url = str(spec.location.get("url", "persisted tiles"))
    return url if len(url) <= WORDS else f"…{url[1 - WORDS :]}"


def _edges(plan: Plan) -> list[tuple[str, str]]:
    """From what makes an array, or is one that was there before, to what reads it."""
    maker = {write.array: program.name for program in plan.programs for write in program.writes}
    out: dict[tuple[str, str], None] = {}
    for program in plan.programs:
        read = (part.array for r in program.reads for part in r.parts)
        out |= dict.fromkeys((maker.get(name, name), program.name) for name in read)
    out |= dict.fromkeys((maker.get(name, name), f"result {n}") for n, name in enumerate(plan.outputs))
    return list(out)


def _arrow(route: Sequence[Point]) -> str:
    """A curve that leaves and arrives downwards, with a point at its end."""
    path = f"M{points(route[:1])}"
    for (x, y), (u, v) in pairwise(route):
        path += f"C{points([(x, (y + v) / 2), (u, (y + v) / 2), (u, v)])}"
    x, y = route[-1]
    tip = element("polygon", points=points([(x, y), (x - 4, y - 8), (x + 4, y - 8)]), fill="currentColor")
    return element("path", d=path, fill="none", stroke="currentColor", stroke_opacity="0.6") + tip
