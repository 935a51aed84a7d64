"""The reads of a program made ready: which elements of a source a block needs, and how they become a register."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..errors import PlanError
from ..store.arrays import at_once
from ..task import ArraySpec, Part, Program, Read
from ..tiling import AxisMap, Cuts, Span
from .cache import ReadCache

Array = np.ndarray[Any, Any]
Blocks = Sequence[Span]
Loaded = tuple[Array, int]


def in_memory(spec: ArraySpec, array: Any) -> bool:
    """Whether reading and writing the array does not block, so that no thread is needed for it."""
    kind = spec.location.get("kind")
    return kind in ("object", "result") or (kind == "tiles" and not array.store.durable)


class PreparedAxis:
    """One axis of a source: which of its elements a block needs, clipped to those there are."""

    __slots__ = ("axis", "cuts", "elementwise", "fixed", "map", "shift", "size")

    def __init__(self, axis_map: AxisMap, size: int, stage: tuple[Cuts, ...]) -> None:
        self.map, self.size, self.axis = axis_map, size, axis_map.axis
        lo, hi = axis_map.start, axis_map.start + axis_map.size
        self.fixed = (max(0, lo), min(size, hi)) if axis_map.axis < 0 else None
        # Most maps only shift, and stay inside the source: their span is an addition.
        self.cuts = stage[axis_map.axis] if axis_map.axis >= 0 else None
        self.elementwise = self.fixed is None and axis_map.is_elementwise
        plain = self.elementwise and axis_map.step == 1
        inside = plain and lo >= 0 and lo + stage[axis_map.axis].size <= size
        self.shift = lo if inside else None

    def span(self, blocks: Blocks) -> Span:
        """The interval of the source that the block's elements lie in."""
        if self.fixed is not None:
            return self.fixed
        if self.shift is not None:
            lo, hi = blocks[self.axis]
            return lo + self.shift, hi + self.shift
        if not self.elementwise:
            number = self.cuts.find(blocks[self.axis][0]) if self.cuts is not None and self.cuts.size else 0
            lo, hi = self.map.span(blocks[self.axis], number)
            return max(0, lo), min(self.size, hi)
        lo, hi = self.covered(blocks[self.axis])
        return self.map.span((lo, hi)) if lo < hi else (0, 0)

    def covered(self, block: Span) -> Span:
        """The elements e of the block whose `start + step * e` the source has."""
        start, step = self.map.start, self.map.step
        if step < 0:
            start, step = self.size - 1 - start, -step
        lo = max(block[0], -(start // step))
        return lo, max(lo, min(block[1], -((start - self.size) // step)))


class Source:
    """One part of a read: an open array, the span of each axis, and the way to the register's layout."""

    __slots__ = (
        "array",
        "axes",
        "cache",
        "diagonals",
        "dtype",
        "expand",
        "in_memory",
        "index",
        "name",
        "order",
        "plain",
        "shared",
        "uses",
    )

    def __init__(
        self, part: Part, layout: tuple[int, ...], program: Program, array: Any, cache: ReadCache | None
    ) -> None:
        spec = program.arrays[part.array]
        self.name, self.array, self.dtype = part.array, array, spec.dtype
        self.in_memory = in_memory(spec, array)
        followed = {m.axis for m in part.maps}
        self.shared = _last_not_in(followed, program)
        self.uses, self.cache = 1.0, None
        # The system keeps what it read from a file too: beside that is kept what the next task reads.
        if cache is not None and not self.in_memory and (self.shared or array.store.remote):
            self.uses = _uses(part, followed, program)
            self.cache = cache if self.uses > 1 else None
        sizes = spec.tiling.shape
        self.axes = tuple(PreparedAxis(m, n, program.axes) for m, n in zip(part.maps, sizes, strict=True))
        kept = [a for a in layout if a >= 0]
        listed = {part.maps[a].axis: a for a in kept if part.maps[a].axis >= 0}
        self.diagonals = [(a, listed[m.axis]) for a, m in enumerate(part.maps) if listed.get(m.axis, a) != a]
        stepped = {*kept, *(a for a, _ in self.diagonals)}
        self.index: tuple[Any, ...] = tuple(
            slice(None, None, m.step if m.is_elementwise else 1) if a in stepped else 0 for a, m in enumerate(part.maps)
        )
        ranks = {a: i for i, a in enumerate(sorted(kept))}
        self.order = tuple(ranks[a] for a in kept)
        self.expand: tuple[Any, ...] = tuple(None if a < 0 else slice(None) for a in layout)
        self.plain = layout == tuple(range(len(sizes))) and all(m.step == 1 or not m.is_elementwise for m in part.maps)

    def load(self, blocks: Blocks) -> Loaded:
        """The part's elements in the register's layout, and the bytes read for them."""
        spans = tuple([a.span(blocks) for a in self.axes])
        if self.cache is None:
            data, is_new = self.array.read(spans), True
        else:
            key, soon = (self.name, spans), self.read_soon(blocks)
            data, is_new = self.cache.get(key, lambda: self.array.read(spans), soon, self.uses)
        return (data if self.plain else self.arrange(data)), data.nbytes if is_new else 0

    def read_soon(self, blocks: Blocks) -> bool:
        """Whether the grid's next task reads the same as the one with these blocks."""
        return any(blocks[axis][1] < size for axis, size in self.shared)

    def load_by(self, blocks: Blocks, axis: int, ranges: Array) -> Loaded:
        """The elements along `axis` that `ranges` names in each tile, in its order, and the bytes read."""
        spans = [a.span(blocks) for a in self.axes]
        tiles = self.array.spec.tiling.axes[axis]
        named = (ranges + np.asarray(tiles.start(np.arange(tiles.count)))[:, None]).reshape(-1, 2)
        wanted = [(lo, hi) for lo, hi in named.tolist() if lo < hi]
        boxes = [[*spans[:axis], span, *spans[axis + 1 :]] for span in wanted or [(0, 0)]]
        parts = at_once(self.array.read, boxes) if not self.in_memory else [self.array.read(box) for box in boxes]
        data = parts[0] if len(parts) == 1 else np.concatenate(parts, axis)
        return self.arrange(data), data.nbytes

    def arrange(self, data: Array) -> Array:
        """The source's elements as the register wants them: stepped, dropped, permuted and extended axes."""
        taken = self._on_diagonals(data) if self.diagonals else data[self.index]
        return taken.transpose(self.order)[self.expand]  # type: ignore[no-any-return]

    def _on_diagonals(self, data: Array) -> Array:
        """The elements that have equal places along axes which follow one."""
        data = data[tuple(i if isinstance(i, slice) else slice(1) for i in self.index)]
        strides = list(data.strides)
        for a, along in self.diagonals:
            strides[along] += strides[a]
        gone = {a for a, _ in self.diagonals}
        left = [d for d, i in enumerate(self.index) if isinstance(i, slice) and d not in gone]
        return as_strided(data, [data.shape[d] for d in left], [strides[d] for d in left], writeable=False)

    def nbytes(self, blocks: Blocks) -> int:
        """The bytes of what `load` reads."""
        spans = (a.span(blocks) for a in self.axes)
        return math.prod(hi - lo for lo, hi in spans) * self.dtype.itemsize


def _uses(part: Part, followed: Set[int], program: Program) -> float:
    """How often the tasks read each region of a part; infinite where that is not the same for all."""
    looped = any(axis >= program.grid_ndim for axis in followed)
    axes = program.axes if looped else program.axes[: program.grid_ndim]
    times = math.prod(cuts.count for axis, cuts in enumerate(axes) if axis not in followed)
    if times == 1:
        return 1
    named = sum(p.array == part.array for r in program.reads for p in r.parts)
    return times if named == 1 and all(m.axis < 0 or m.is_one_to_one for m in part.maps) else math.inf


def _last_not_in(followed: Set[int], program: Program) -> tuple[tuple[int, int], ...]:
    """The axes of the grid along which tasks follow one another and that are not followed, with their sizes."""
    out = []
    for axis in reversed(program.numbering.order):
        if axis in followed and program.grid[axis] > 1:
            break
        out.append((axis, program.axes[axis].size))
    return tuple(out)


class PreparedRead:
    """A read: one source as it is, or several pasted where they belong in the block."""

    __slots__ = ("by", "by_axis", "fill", "in_memory", "layout", "register", "sources")

    def __init__(self, read: Read, program: Program, arrays: Mapping[str, Any], cache: ReadCache | None = None) -> None:
        self.register, self.layout = read.register, read.layout
        self.by, self.by_axis = read.by, read.by_axis
        self.sources = tuple(Source(p, read.layout, program, arrays[p.array], cache) for p in read.parts)
        self.in_memory = all(s.in_memory for s in self.sources)
        self.fill = None if read.fill is None else self._decoded(read.fill[2])

    def load(self, blocks: Blocks) -> Loaded:
        """The register's array, and the bytes read for it."""
        alone = len(self.sources) == 1 and self.fill is None
        return self.sources[0].load(blocks) if alone else self._paste(blocks)

    def load_by(self, blocks: Blocks, ranges: Array) -> Loaded:
        """As `load`, for a read that a register says more of."""
        return self.sources[0].load_by(blocks, self.by_axis, ranges)

    def nbytes(self, blocks: Blocks) -> int:
        """The bytes of what `load` reads."""
        return sum(s.nbytes(blocks) for s in self.sources)

    def _paste(self, blocks: Blocks) -> Loaded:
        shape = tuple(self._length(self.sources[0], a, blocks) for a in self.layout)
        pieces = [(s, place) for s in self.sources if (place := self._place(s, blocks)) is not None]
        whole = tuple(slice(0, n) for n in shape)
        covering = [n for n, (_, place) in enumerate(pieces) if place == whole]
        pieces = pieces[covering[-1] if covering else 0 :]  # what lies under a piece that has all is not seen
        if covering and len(pieces) == 1:
            return pieces[0][0].load(blocks)
        if not covering and self.fill is None:
            self._check_union([place for _, place in pieces], shape)
        dtype = np.result_type(*(s.dtype for s in self.sources))
        out = np.empty(shape, dtype) if self.fill is None else np.full(shape, self.fill, dtype)
        nbytes = 0
        for source, place in pieces:
            data, read = source.load(blocks)
            out[place] = data
            nbytes += read
            del data  # before the next one is there
        return out, nbytes

    def _decoded(self, text: str) -> Any:
        return np.frombuffer(bytes.fromhex(text), self.sources[0].dtype)[0]

    def _check_union(self, places: Sequence[tuple[slice, ...]], shape: tuple[int, ...]) -> None:
        found = sum(math.prod(p.stop - p.start for p in place) for place in places)
        if found != math.prod(shape):
            raise PlanError(
                f"register {self.register!r} needs a block of shape {shape}, but its parts "
                f"{', '.join(s.name for s in self.sources)} have {found} elements of it"
            )

    @property
    def is_private(self) -> bool:
        """Whether nobody but the task that reads it holds its memory."""
        return not any(s.in_memory or s.cache is not None for s in self.sources)

    @staticmethod
    def _length(source: Source, a: int, blocks: Blocks) -> int:
        if a < 0:
            return 1
        axis = source.axes[a]
        lo, hi = blocks[axis.axis] if axis.elementwise else axis.span(blocks)
        return hi - lo

    def _place(self, source: Source, blocks: Blocks) -> tuple[slice, ...] | None:
        """Where the source's elements lie in the block; None where it has none of them."""
        place = []
        for a in self.layout:
            axis = source.axes[a] if a >= 0 else None
            if axis is None or not axis.elementwise:
                place.append(slice(0, self._length(source, a, blocks)))
                continue
            block = blocks[axis.axis]
            lo, hi = axis.covered(block)
            if lo >= hi:
                return None
            place.append(slice(lo - block[0], hi - block[0]))
        return tuple(place)
