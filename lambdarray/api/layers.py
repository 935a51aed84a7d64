"""Where the nodes of a graph without cycles go on paper: in layers, each below those that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from .markup import Point

Size = tuple[float, float]
Edge = tuple[str, str]
SWEEPS = 6
GAP_X, GAP_Y = 24.0, 44.0
BEND, BEND_WIDTH = "bend from ", 12.0


@dataclass(frozen=True, slots=True)
class Placed:
    """The centre of each node, the points that each edge passes, from centre to centre, and the whole size."""

    centres: Mapping[str, Point]
    routes: Sequence[Sequence[Point]]
    width: float
    height: float


def place(sizes: Mapping[str, Size], edges: Sequence[Edge]) -> Placed:
    """Place nodes of these sizes; `sizes` has every node after those that its edges come from.

    >>> placed = place({"a": (10, 10), "b": (10, 10)}, [("a", "b")])
    >>> placed.centres["a"][1] < placed.centres["b"][1]
    True
    """
    levels = _levels(sizes, edges)
    sizes, chains = dict(sizes), []
    for edge in edges:
        chains.append(_chain(edge, levels, sizes))
    links = [link for chain in chains for link in pairwise(chain)]
    graph = _Graph(sizes, links, levels)
    graph.sweep(graph.reorder)
    graph.pack()
    graph.sweep(graph.straighten)
    return graph.placed(chains)


def _levels(sizes: Mapping[str, Size], edges: Sequence[Edge]) -> dict[str, int]:
    """The layer of each node: below all that it comes from; what comes from none is right above its first use."""
    out: dict[str, int] = {}
    for node in sizes:
        out[node] = max((out[a] + 1 for a, b in edges if b == node), default=0)
    for node in sizes:
        uses = [out[b] for a, b in edges if a == node]
        if uses and all(b != node for _, b in edges):
            out[node] = min(uses) - 1
    return out


def _chain(edge: Edge, levels: dict[str, int], sizes: dict[str, Size]) -> list[str]:
    """An edge as nodes of neighbouring layers: it passes the layers between its ends at bends of its own."""
    a, b = edge
    passed = range(levels[a] + 1, levels[b])
    bends = [f"{BEND}{a} to {b} through {level}" for level in passed]
    for bend, level in zip(bends, passed, strict=True):
        levels[bend], sizes[bend] = level, (BEND_WIDTH, 0.0)
    return [a, *bends, b]


class _Graph:
    """Layers of nodes that are being ordered and moved; `x` is where each node's centre is."""

    def __init__(self, sizes: Mapping[str, Size], links: Sequence[Edge], levels: Mapping[str, int]) -> None:
        self.sizes, self.x = sizes, dict.fromkeys(sizes, 0.0)
        self.layers: list[list[str]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
        for node in sizes:
            self.layers[levels[node]].append(node)
        self.above: dict[str, list[str]] = {node: [] for node in sizes}
        self.below: dict[str, list[str]] = {node: [] for node in sizes}
        for a, b in links:
            self.below[a].append(b)
            self.above[b].append(a)
        self._number()

    def _number(self) -> None:
        for layer in self.layers:
            self.x.update({node: n - len(layer) / 2 for n, node in enumerate(layer)})

    def sweep(self, move: Callable[[list[str], Mapping[str, list[str]]], None]) -> None:
        """Go over the layers down and up, and move each towards the one before."""
        for _ in range(SWEEPS):
            for layer in self.layers[1:]:
                move(layer, self.above)
            for layer in reversed(self.layers[:-1]):
                move(layer, self.below)

    def _wanted(self, layer: Sequence[str], towards: Mapping[str, list[str]]) -> list[float]:
        return [fmean(self.x[n] for n in towards[node]) if towards[node] else self.x[node] for node in layer]

    def reorder(self, layer: list[str], towards: Mapping[str, list[str]]) -> None:
        """Order a layer by where its neighbours are, so that fewer edges cross."""
        wanted = dict(zip(layer, self._wanted(layer, towards), strict=True))
        layer.sort(key=wanted.__getitem__)
        self._number()

    def pack(self) -> None:
        """Give each node of a layer its width."""
        for layer in self.layers:
            self.x.update(zip(layer, self._apart(layer, [0.0] * len(layer)), strict=True))

    def straighten(self, layer: list[str], towards: Mapping[str, list[str]]) -> None:
        """Move a layer's nodes to where their neighbours are, as far as their order and widths let them."""
        self.x.update(zip(layer, self._apart(layer, self._wanted(layer, towards)), strict=True))

    def _apart(self, layer: Sequence[str], wanted: Sequence[float]) -> list[float]:
        out: list[float] = []
        for node, x in zip(layer, wanted, strict=True):
            half = self.sizes[node][0] / 2
            least = out[-1] + self.sizes[layer[len(out) - 1]][0] / 2 + GAP_X + half if out else x
            out.append(max(x, least))
        off = fmean(a - b for a, b in zip(out, wanted, strict=True))
        return [x - off for x in out]

    def placed(self, chains: Sequence[Sequence[str]]) -> Placed:
        """The outcome, with nothing left of or above 0."""
        left = min((self.x[n] - self.sizes[n][0] / 2 for n in self.x), default=0.0)
        right = max((self.x[n] + self.sizes[n][0] / 2 for n in self.x), default=0.0)
        centres, top = dict[str, Point](), 0.0
        for layer in self.layers:
            height = max(self.sizes[node][1] for node in layer)
            centres.update({node: (self.x[node] - left, top + height / 2) for node in layer})
            top += height + GAP_Y
        routes = [[centres[node] for node in chain] for chain in chains]
        ends = {node: centre for node, centre in centres.items() if not node.startswith(BEND)}
        return Placed(ends, routes, right - left, max(0.0, top - GAP_Y))
