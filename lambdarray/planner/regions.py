"""Which ops are computed together: every op is given to the region, or regions, that compute it.

A region becomes one stage: a fused elementwise program over its roots' axes, perhaps begun by a core (a matrix
product, or the last step of a reduction), perhaps ended by the first step of reductions. Ops are visited consumers
first, so that an op knows all its uses: used in one place it joins that place, used in several it is stored once.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..ops import (
    Blocks,
    Concat,
    Contract,
    Fill,
    Iota,
    Map,
    ObjectSource,
    Op,
    Patch,
    Pick,
    Random,
    Rechunk,
    Reduce,
    Reshape,
    Stored,
    View,
)
from ..tiling import AxisMap, Span
from .views import Maps, broadcast, compose, identity, inverse, is_diagonal, layout

SOURCES = (ObjectSource, Stored)
CORES = (Contract, Reduce)


@dataclass(slots=True, eq=False)
class Region:
    """Ops that are computed by one stage.

    roots    what it makes: stored ops, or (`partial`) the inputs of the reductions it begins
    members  the ops that its program computes, each with its view: how its axes follow the roots'
    core     the Contract or Reduce whose result the program starts from
    view     how the core's axes follow the roots'
    facing   for each axis of the roots the core's axis that it is, -1 for a new axis of length 1
    """

    roots: list[Op]
    partial: bool = False
    members: dict[tuple[int, Maps], Op] = field(default_factory=dict)
    core: Op | None = None
    view: Maps = ()
    facing: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the program runs over."""
        root = self.roots[0]
        return root.inputs[0].shape if self.partial else root.shape


@dataclass(slots=True)
class Regions:
    """The outcome: the region that stores each stored op, and the one that begins each reduction, by the op's id."""

    storing: dict[int, Region] = field(default_factory=dict)
    beginning: dict[int, Region] = field(default_factory=dict)


def peel_operand(op: Op) -> tuple[Op, Maps]:
    """The op under the views and rechunks of a product's operand, and how it follows the operand's axes.

    Only while no axis is broadcast: a product's kernel needs its operands whole.
    """
    maps = identity(op.ndim)
    long = {d for d, n in enumerate(op.shape) if n != 1}
    while isinstance(op, View | Rechunk):
        beneath = compose(op.maps, maps) if isinstance(op, View) else maps
        if not long <= {m.axis for m in beneath} or is_diagonal(beneath):
            break
        op, maps = op.inputs[0], beneath
    return op, maps


# Of a concatenation of concatenations no more parts are read at once; the inner ones are stored first.
MOST_PARTS = 256


def operand_parts(op: Op) -> list[tuple[Op, Maps]]:
    """Where a product's operand is read from, and how each source follows its axes: of a concatenation its parts."""
    return _opened(*peel_operand(op), op.shape)


def _opened(base: Op, maps: Maps, shape: Sequence[int]) -> list[tuple[Op, Maps]]:
    """What is seen of an op in an array of this shape; of a concatenation those parts that are."""
    return seen_parts(base, maps, shape) if isinstance(base, Concat) and _is_along(maps, base.axis) else [(base, maps)]


def seen_parts(op: Concat, maps: Maps, shape: Sequence[int]) -> list[tuple[Op, Maps]]:
    """The parts of a concatenation that are seen in an array of this shape, and how each follows its axes."""
    m = maps[op.axis]
    return [(part, compose(inner, maps)) for part, inner in parts_of(op, m.span((0, shape[m.axis])))]


def peel_input(op: Op, reading: Maps) -> tuple[Op, Maps]:
    """As `peel_operand`, for an input of a `Blocks`: an axis that is read block by block has to be whole.

    Of one that is the same for all tasks a slice will do.
    A part of what is computed where it is used is an input by itself, so that the rest is not computed.
    """
    shape, maps = op.shape, identity(op.ndim)
    bottom = op
    while isinstance(bottom, View | Rechunk):
        bottom = bottom.inputs[0]
    in_part = isinstance(bottom, Map | Concat | Patch | Fill | Iota | Random)
    whole = {d for d, m in enumerate(reading) if not m.follows and m.axis >= 0}
    fixed = {d for d, m in enumerate(reading) if m.axis < 0}
    long = {d for d, n in enumerate(shape) if n != 1}
    while isinstance(op, View | Rechunk):
        beneath = compose(op.maps, maps) if isinstance(op, View) else maps
        cut = (
            (m.axis in whole and (m.start, m.step, n) != (0, 1, shape[m.axis])) or (m.axis in fixed and m.step != 1)
            for m, n in zip(beneath, op.inputs[0].shape, strict=True)
        )
        narrower = in_part and math.prod(op.inputs[0].shape) > math.prod(op.shape)
        if any(cut) or narrower or is_diagonal(beneath) or not long <= {m.axis for m in beneath}:
            break
        op, maps = op.inputs[0], beneath
    return op, maps


def input_parts(op: Op, reading: Maps) -> list[tuple[Op, Maps]]:
    """Where an input of a `Blocks` is read from, as `operand_parts`; a concatenation only element by element."""
    base, maps = peel_input(op, reading)
    return _opened(base, maps, op.shape) if all(m.follows for m in reading) else [(base, maps)]


def parts_of(op: Concat, seen: Span | None = None) -> list[tuple[Op, Maps]]:
    """What a concatenation is read from, and how each of those follows its axes; of its elements `seen`, if given.

    The parts of a read have one layout, so that where inputs differ in it those whose axes are permuted, dropped or
    broadcast are stored first.
    """
    first, end = 0, len(op.inputs)
    if seen is not None and seen[0] < seen[1]:
        first, end = bisect_right(op.starts, seen[0]) - 1, bisect_left(op.starts, seen[1])
    found = _parts(op, range(first, end), straight=False)
    return found if len({layout(maps, op.ndim) for _, maps in found}) == 1 else _parts(op, range(first, end), True)


def _parts(op: Concat, numbers: Sequence[int], straight: bool) -> list[tuple[Op, Maps]]:
    found: list[tuple[Op, Maps]] = []
    last = len(op.inputs) - 1
    for n in numbers:
        i = op.inputs[n]
        place = tuple(AxisMap(d, -op.starts[n] if d == op.axis else 0) for d in range(op.ndim))
        part = _Part(op.ndim, op.axis, i.shape[op.axis], (n == 0, n == last), straight)
        found += [(base, compose(maps, place)) for base, maps in part.opened(*part.peeled(i))]
    return found


def parameters_of(op: Random) -> list[tuple[Op, Maps]]:
    """Where each input of random values is read from, and how that follows the values' axes; fixed where read whole."""
    if op.whole:
        return [(i, tuple(AxisMap(-1, size=n) for n in i.shape)) for i in map(peel_rechunk, op.inputs)]
    found = [(i, *peel_operand(i)) for i in op.inputs]
    return [(base, compose(inner, broadcast(i.shape, op.shape, identity(op.ndim)))) for i, base, inner in found]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a concatenation along `axis`, `size` long there; `ends` say whether it is the first, the last.

    How far it reaches is where its source ends, or where the concatenation does: at its ends a source may be longer
    than the part. Any other slice along the axis has to be stored first. With `straight` axes also have to be in order.
    """

    ndim: int
    axis: int
    size: int
    ends: tuple[bool, bool]
    straight: bool

    def fits(self, op: Op, maps: Maps) -> bool:
        """Whether the part can be read from `op`."""
        followed = [(m, n) for m, n in zip(maps, op.shape, strict=True) if m.axis == self.axis]
        if len(followed) != 1 or is_diagonal(maps) or followed[0][0].step != 1:
            return False
        begin, length = followed[0][0].start, followed[0][1]
        reaches = (begin == 0 or self.ends[0]) and (begin + self.size == length or self.ends[1])
        return reaches and (not self.straight or layout(maps, self.ndim) == tuple(range(self.ndim)))

    def peeled(self, op: Op) -> tuple[Op, Maps]:
        """The op under views and rechunks that the part can be read from, as `peel_operand`."""
        maps = identity(op.ndim)
        found = op, maps
        while isinstance(op, View | Rechunk):
            maps = compose(op.maps, maps) if isinstance(op, View) else maps
            op = op.inputs[0]
            if self.fits(op, maps):
                found = op, maps
        return found

    def opened(self, op: Op, maps: Maps) -> list[tuple[Op, Maps]]:
        """The parts of an inner concatenation along another axis, where they can be read in its stead."""
        if isinstance(op, Concat) and _is_along(maps, op.axis):
            inner = [(base, compose(beneath, maps)) for base, beneath in parts_of(op)]
            if len(inner) <= MOST_PARTS and all(self.fits(base, beneath) for base, beneath in inner):
                return inner
        return [(op, maps)]


def layers_of(op: Patch) -> tuple[Fill | None, list[tuple[Op, Maps]]]:
    """What lies one over the other in a patched array, each with how it follows the array's axes; the last is on top.

    At the bottom is one value everywhere, given first, or the first layer.
    """
    layers: list[tuple[Op, Maps]] = []
    beneath: Op = op
    while isinstance(beneath, Patch):
        layers.append((peel_rechunk(beneath.inputs[1]), tuple(AxisMap(d, -n) for d, n in enumerate(beneath.offset))))
        beneath = peel_rechunk(beneath.inputs[0])
    bottom = beneath
    while isinstance(bottom, View | Rechunk):
        bottom = bottom.inputs[0]
    if isinstance(bottom, Fill):
        return bottom, layers[::-1]
    base, maps = peel_operand(beneath)
    straight = layout(maps, op.ndim) == tuple(range(op.ndim)) and len(maps) == op.ndim
    return None, [(base, maps) if straight else (beneath, identity(op.ndim)), *layers[::-1]]


class _Assigner:
    """Visits ops consumers first and gives each to regions."""

    def __init__(self, order: Sequence[Op], outputs: Sequence[Op]) -> None:
        self.order = order
        self.outputs = frozenset(id(op) for op in outputs)
        self.kept = set(self.outputs)
        self.uses: dict[int, dict[tuple[int, Maps], tuple[Region, Maps]]] = {}
        self.found = Regions()
        self.levels = self._levels()
        self.groups: dict[tuple[object, ...], list[Region]] = {}

    def run(self) -> Regions:
        for op in reversed(self.order):
            if not isinstance(op, SOURCES):
                self._place(op)
        return self.found

    def _levels(self) -> dict[int, int]:
        """How many stored results lie beneath each op: ops of one level never depend on one another's stages."""
        out: dict[int, int] = {}
        for op in self.order:
            below = max((out[id(i)] for i in op.inputs), default=0)
            out[id(op)] = below + (id(op) in self.kept or isinstance(op, Reduce | Contract | Reshape | Blocks | Patch))
        return out

    def _use(self, op: Op, region: Region, maps: Maps) -> None:
        self.uses.setdefault(id(op), {})[id(region), maps] = (region, maps)

    def _keep(self, op: Op) -> None:
        """Have the op stored, since something reads its tiles."""
        self.kept.add(id(op))

    def _place(self, op: Op) -> None:
        uses = list(self.uses.get(id(op), {}).values())
        if not uses and id(op) not in self.kept:
            return  # of a concatenation, a part that nobody sees
        if isinstance(op, CORES):
            self._place_core(op, uses)
        elif isinstance(op, Reshape):
            self._store(op)
            self._keep(peel_rechunk(op.inputs[0]))
        elif isinstance(op, Blocks):
            self._store(op)
            for i, reading in zip(op.inputs, op.reads, strict=True):
                for base, _ in input_parts(i, reading.maps):
                    self._keep(base)
        elif isinstance(op, Pick):
            self._keep(op.inputs[0])
        elif id(op) in self.kept or not self._joins(op, uses):
            region = self._store(op)
            self._join(op, region, identity(op.ndim))
        else:
            for region, maps in uses:
                self._join(op, region, maps)

    def _joins(self, op: Op, uses: list[tuple[Region, Maps]]) -> bool:
        """Whether the op is computed where it is used rather than stored."""
        if isinstance(op, Random):
            region, maps = uses[0]
            whole = maps == identity(op.ndim) and region.shape == op.shape and region.core is None
            tiled = not region.partial and region.roots[0].tiling == op.tiling
            return len(uses) == 1 and whole and (tiled or not op.in_logical_blocks)
        if isinstance(op, Concat):
            return all(_is_along(maps, op.axis) for _, maps in uses)
        if isinstance(op, View) and is_diagonal(op.maps):
            return False  # of larger blocks than its own far more would be read than the diagonal
        cheap = isinstance(op, View | Rechunk | Fill | Iota | Patch) or all(
            isinstance(i, Fill | Iota) for i in op.inputs
        )
        return cheap or len(uses) == 1

    def _join(self, op: Op, region: Region, maps: Maps) -> None:
        region.members[id(op), maps] = op
        if isinstance(op, View):
            self._use(op.inputs[0], region, compose(op.maps, maps))
        elif isinstance(op, Rechunk):
            self._use(op.inputs[0], region, maps)
        elif isinstance(op, Concat):
            for base, _ in seen_parts(op, maps, region.shape):
                self._keep(base)
        elif isinstance(op, Random):
            for base, _ in parameters_of(op):
                self._keep(base)
        elif isinstance(op, Patch):
            for layer, _ in layers_of(op)[1]:
                self._keep(layer)
        elif isinstance(op, Map):
            for i in op.inputs:
                self._use(i, region, broadcast(i.shape, op.shape, maps))

    def _place_core(self, op: Op, uses: list[tuple[Region, Maps]]) -> None:
        region = self._region_to_begin(op, uses)
        if region is None:
            region = self._store(op)
            region.view, region.facing = identity(op.ndim), tuple(range(op.ndim))
        region.core = op
        if isinstance(op, Reduce):
            begin = self._begin(op)
            self.found.beginning[id(op)] = begin
            self._use(op.inputs[0], begin, identity(op.inputs[0].ndim))
        else:
            for i in op.inputs:
                for base, _ in operand_parts(i):
                    self._keep(base)

    def _region_to_begin(self, op: Op, uses: list[tuple[Region, Maps]]) -> Region | None:
        """The one region that uses the op and can start from it, if there is such a one."""
        if id(op) in self.kept or len(uses) != 1:
            return None
        region, maps = uses[0]
        facing = inverse(maps, op.shape, region.shape)
        taken = region.core is not None or len(region.roots) > 1
        if facing is None or taken or any(isinstance(m, Random) for m in region.members.values()):
            return None
        if region.partial and (isinstance(op, Reduce) or facing != tuple(range(op.ndim))):
            return None
        region.view, region.facing = maps, facing
        return region

    def _store(self, op: Op) -> Region:
        simple = not isinstance(op, (*CORES, Reshape, Blocks)) and id(op) in self.outputs
        region = self._grouped(("map", op.tiling, self.levels[id(op)]), op) if simple else None
        if region is None:
            region = Region([op])
        self.found.storing[id(op)] = region
        return region

    def _begin(self, op: Reduce) -> Region:
        source = op.inputs[0]
        region = self._grouped(("reduce", source.shape, source.tiling, self.levels[id(source)]), op)
        assert region is not None
        region.partial = True
        return region

    def _grouped(self, key: tuple[object, ...], op: Op) -> Region | None:
        """A region with this key that shares a source with the op, so that the source is read once; or a new one."""
        group = self.groups.setdefault(key, [])
        leaves = _leaves(op) if group else frozenset()
        for region in group:
            if region.core is None and leaves & _leaves(region.roots[0]):
                region.roots.append(op)
                return region
        group.append(Region([op]))
        return group[-1]


def _is_along(maps: Maps, axis: int) -> bool:
    """Whether parts that follow one another along `axis` do so where they are seen."""
    return maps[axis].axis >= 0 and maps[axis].step == 1 and not is_diagonal(maps)


def peel_rechunk(op: Op) -> Op:
    """The op under rechunks."""
    while isinstance(op, Rechunk):
        op = op.inputs[0]
    return op


def _leaves(op: Op) -> frozenset[int]:
    """The sources and stored results that the op is computed from, by id."""
    out: set[int] = set()
    stack: list[Op] = list(op.inputs)
    seen: set[int] = set()
    while stack:
        top = stack.pop()
        if id(top) in seen:
            continue
        seen.add(id(top))
        if isinstance(top, Map | View | Rechunk | Concat | Patch):
            stack.extend(top.inputs)
        elif not isinstance(top, Fill | Iota):
            out.add(id(top))
    return frozenset(out)


def assign(order: Sequence[Op], outputs: Sequence[Op]) -> Regions:
    """The regions that compute `outputs`; `order` has every op after its inputs."""
    return _Assigner(order, outputs).run()
