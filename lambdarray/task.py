"""What a plan is made of, as plain data: arrays, reads, steps, programs, stages, tasks and reports.

A stage is a loop nest. Its axes are cut into blocks; the first `grid_ndim` axes make the grid of tasks, the
others are loops inside a task. A read says, for each axis of a source, which of the stage's axes it follows and
how; which tiles a task depends on, and who consumes a tile, both derive from that. Worker, scheduler, checker and
simulator all read the same description.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .numbering import Numbering, numbering
from .tiling import AxisMap, Cuts, Index, Json, Span, Tiling, dtype_from_json, dtype_to_json


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """A tiled array that a plan reads or writes.

    `location` says where its tiles are, as plain data for `store.open_array`:
    `{"kind": "tiles", "prefix": ...}` in the run's scratch store, `{"kind": "tiles", "store": url, "prefix": ...}` in
    another, `{"kind": "zarr", "url": ...}` or `{"kind": "object", "token": ...}` for an in-memory source, and
    `{"kind": "result", "token": ...}` for an array of the caller's that is filled. With `"whole"` and `"at"` its
    tiles are tiles of that array of the plan, from that index on.
    """

    name: str
    tiling: Tiling
    dtype: np.dtype[Any]
    location: Mapping[str, Json]

    @property
    def nbytes(self) -> int:
        """Bytes of all its elements."""
        return math.prod(self.tiling.shape) * self.dtype.itemsize

    def to_json(self) -> Json:
        """Plain data."""
        return {
            "name": self.name,
            "tiling": self.tiling.to_json(),
            "dtype": dtype_to_json(self.dtype),
            "location": dict(self.location),
        }

    @classmethod
    def from_json(cls, data: Json) -> ArraySpec:
        """The inverse of `to_json`."""
        return cls(data["name"], Tiling.from_json(data["tiling"]), dtype_from_json(data["dtype"]), data["location"])


@dataclass(frozen=True, slots=True)
class Part:
    """A source of a read: an array and one `AxisMap` for each of its axes.

    Elements outside the source are not part of it: a concatenation is a read of several parts that each
    cover their own stretch.
    """

    array: str
    maps: tuple[AxisMap, ...]

    def to_json(self) -> Json:
        """Plain data."""
        return [self.array, [m.to_json() for m in self.maps]]


@dataclass(frozen=True, slots=True)
class Read:
    """What one register of a task holds: the union of its parts, with axes in the order of `layout`.

    `layout` lists source axes, -1 for a new axis of length 1; a source axis that is not listed has one
    element and is dropped, or follows the same axis as one that is listed: the register has the diagonal of both.

    Where `by` names a register, that says which elements of each tile along the source axis `by_axis` are read, one
    after the other: an int64 array (..., tiles, 2) of first and last + 1 within the tile, of at most `most` elements.

    Where the first part has all elements the others lie over it, the last on top; with `fill`, a constant as the `map`
    kernel has it, parts lie over that.
    """

    register: str
    parts: tuple[Part, ...]
    layout: tuple[int, ...]
    loop: bool = False
    by: str = ""
    by_axis: int = 0
    most: int = 0
    fill: Json = None

    def to_json(self) -> Json:
        """Plain data."""
        plain = [self.register, [p.to_json() for p in self.parts], list(self.layout), self.loop]
        more = [self.by, self.by_axis, self.most, self.fill]
        return [*plain, *more] if self.by or self.fill else plain

    @classmethod
    def from_json(cls, data: Json) -> Read:
        """The inverse of `to_json`."""
        register, parts, layout, *rest = data
        made = tuple(Part(name, tuple(AxisMap.from_json(m) for m in maps)) for name, maps in parts)
        return cls(register, made, tuple(layout), *rest)


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a kernel: registers in, registers out, parameters as plain data.

    With `loop` it is repeated over the blocks of the stage's loop axes, and its first output is its accumulator.
    """

    kernel: str
    outs: tuple[str, ...]
    ins: tuple[str, ...]
    params: Mapping[str, Json] = field(default_factory=dict)
    loop: bool = False

    def to_json(self) -> Json:
        """Plain data."""
        return [self.kernel, list(self.outs), list(self.ins), dict(self.params), self.loop]

    @classmethod
    def from_json(cls, data: Json) -> Step:
        """The inverse of `to_json`."""
        kernel, outs, ins, params, loop = data
        return cls(kernel, tuple(outs), tuple(ins), params, loop)


@dataclass(frozen=True, slots=True)
class Write:
    """Where a register goes: for each axis of the array, the stage's axis it follows (-1: a length of 1).

    It follows element by element, or, where `by_block` is set, block by block: tile i of the array is what block i
    makes, however long.
    """

    register: str
    array: str
    axes: tuple[int, ...]
    by_block: tuple[bool, ...]

    def to_json(self) -> Json:
        """Plain data."""
        return [self.register, self.array, list(self.axes), list(self.by_block)]

    @classmethod
    def from_json(cls, data: Json) -> Write:
        """The inverse of `to_json`."""
        register, array, axes, by_block = data
        return cls(register, array, tuple(axes), tuple(by_block))

    def span(self, d: int, cuts: Cuts, index: Index, blocks: Sequence[Span]) -> Span:
        """The elements of the array's axis `d`, cut into `cuts`, that a task writes."""
        axis = self.axes[d]
        if axis < 0:
            return 0, 1
        return cuts.span(index[axis]) if self.by_block[d] else blocks[axis]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What all tasks of a stage share and a worker needs: arrays, axes, reads, steps and writes.

    `where` is the user's own line that made the op, `op` what it is in a few words. `flops` and `extra_bytes` are what
    the planner knows of a task beyond what follows from its reads, steps and writes. A `triangle` has tasks, and so its
    arrays have tiles, on and below the diagonal of its grid alone.
    """

    name: str
    op: str
    where: str
    arrays: Mapping[str, ArraySpec]
    axes: tuple[Cuts, ...]
    grid_ndim: int
    reads: tuple[Read, ...]
    steps: tuple[Step, ...]
    writes: tuple[Write, ...]
    flops: float = 0.0
    extra_bytes: int = 0
    triangle: bool = False
    numbering: Numbering = field(init=False)

    def __post_init__(self) -> None:
        grid = tuple([c.count for c in self.axes[: self.grid_ndim]])
        object.__setattr__(self, "numbering", numbering(grid, self.triangle))

    @property
    def grid(self) -> tuple[int, ...]:
        """The number of tasks along each grid axis."""
        return self.numbering.grid

    @property
    def task_count(self) -> int:
        """The number of tasks."""
        return self.numbering.count

    @property
    def loops(self) -> tuple[Cuts, ...]:
        """The axes that a task loops over."""
        return self.axes[self.grid_ndim :]

    @property
    def loop_count(self) -> int:
        """How often the loop's body runs in a task."""
        return math.prod(c.count for c in self.loops)

    def share(self, followed: Iterable[int] = ()) -> float:
        """How much its tasks have together of blocks that follow these axes, as a share of what a full grid has."""
        if not self.triangle:
            return 1.0
        pairs = list(enumerate(self.axes[: self.grid_ndim]))
        lengths = [np.asarray(c.chunks) if a in followed else np.ones(c.count) for a, c in pairs]
        return self.numbering.elements(lengths) / max(1.0, Numbering(self.grid).elements(lengths))

    def task(self, number: int) -> Task:
        """Task `number` of the grid."""
        index = self.numbering.index(number)
        return Task(self, number, index, tuple([c.span(i) for c, i in zip(self.axes, index, strict=False)]))

    def to_json(self) -> Json:
        """Plain data."""
        return {
            "name": self.name,
            "op": self.op,
            "where": self.where,
            "arrays": [a.to_json() for a in self.arrays.values()],
            "axes": [c.to_json() for c in self.axes],
            "grid_ndim": self.grid_ndim,
            "reads": [r.to_json() for r in self.reads],
            "steps": [s.to_json() for s in self.steps],
            "writes": [w.to_json() for w in self.writes],
            "extra_bytes": self.extra_bytes,
            **({"triangle": True} if self.triangle else {}),
        }

    @classmethod
    def from_json(cls, data: Json) -> Program:
        """The inverse of `to_json`."""
        arrays = [ArraySpec.from_json(a) for a in data["arrays"]]
        return cls(
            name=data["name"],
            op=data["op"],
            where=data["where"],
            arrays={a.name: a for a in arrays},
            axes=tuple(Cuts.from_json(c) for c in data["axes"]),
            grid_ndim=data["grid_ndim"],
            reads=tuple(Read.from_json(r) for r in data["reads"]),
            steps=tuple(Step.from_json(s) for s in data["steps"]),
            writes=tuple(Write.from_json(w) for w in data["writes"]),
            extra_bytes=data["extra_bytes"],
            triangle=data.get("triangle", False),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A unit of remote work: a program and the block of each grid axis."""

    program: Program
    number: int
    index: Index
    blocks: tuple[Span, ...]

    @property
    def name(self) -> str:
        """The stage's name and the index, as errors and reports print it."""
        return f"{self.program.name}[{','.join(map(str, self.index))}]"

    def outputs(self) -> list[tuple[str, Index]]:
        """The tiles that this task writes."""
        out: list[tuple[str, Index]] = []
        for write in self.program.writes:
            tiling = self.program.arrays[write.array].tiling
            boxes = [cuts.tiles(*write.span(d, cuts, self.index, self.blocks)) for d, cuts in enumerate(tiling.axes)]
            out.extend((write.array, index) for index in box_indices(boxes))
        return out

    def to_json(self) -> Json:
        """What is the task's own; `Program.to_json` has the rest."""
        return [self.number, list(self.index), [list(b) for b in self.blocks]]

    @classmethod
    def from_json(cls, program: Program, data: Json) -> Task:
        """The inverse of `to_json`."""
        number, index, blocks = data
        return cls(program, number, tuple(index), tuple((lo, hi) for lo, hi in blocks))


def box_indices(box: Sequence[Span]) -> list[Index]:
    """All indices in a box, in C order.

    >>> box_indices([(0, 2), (3, 4)])
    [(0, 3), (1, 3)]
    """
    out: list[Index] = [()]
    for lo, hi in box:
        out = [(*head, i) for head in out for i in range(lo, hi)]
    return out


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one task of a program costs at most: flops, bytes, seconds and peak bytes.

    `compute_s` of its seconds are those of a core, in kernels and for I/O; other I/O goes on meanwhile.
    """

    flops: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0
    compute_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How expressions are computed: programs in an order that honours their reads, and the arrays they touch.

    `outputs` are the arrays that were asked for, in order; `estimates` has one entry for each program; `notes` say
    why the planner chose as it did. `checks` are made too, though nothing reads them: what makes them may fail.
    """

    key: str
    programs: tuple[Program, ...]
    arrays: Mapping[str, ArraySpec]
    outputs: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    notes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def task_count(self) -> int:
        """The number of tasks of all programs."""
        return sum(p.task_count for p in self.programs)

    @property
    def written(self) -> frozenset[str]:
        """The names of the arrays that the plan writes; all others are its inputs."""
        return self._with_wholes(w.array for p in self.programs for w in p.writes)

    @property
    def read(self) -> frozenset[str]:
        """The names of the arrays that its tasks read."""
        return self._with_wholes(part.array for p in self.programs for r in p.reads for part in r.parts)

    @property
    def parts(self) -> dict[str, tuple[str, Index]]:
        """The arrays whose tiles are those of another: which one, and where in its grid the first of them is."""
        placed = {name: a.location for name, a in self.arrays.items() if "whole" in a.location}
        return {name: (location["whole"], tuple(location["at"])) for name, location in placed.items()}

    @property
    def kept(self) -> frozenset[str]:
        """The names of the arrays whose tiles stay when nothing reads them any more."""
        asked = frozenset((*self.outputs, *self.checks))
        return asked | {name for name, (whole, _) in self.parts.items() if whole in asked}

    def _with_wholes(self, names: Iterable[str]) -> frozenset[str]:
        found = frozenset(names)
        wholes = {a.location["whole"] for a in self.arrays.values() if "whole" in a.location and a.name in found}
        return found | wholes if wholes else found

    def moved(self, locations: Mapping[str, Mapping[str, Json]]) -> Plan:
        """The plan with other locations for some of its arrays."""
        if not locations:
            return self
        arrays = {n: replace(a, location=locations[n]) if n in locations else a for n, a in self.arrays.items()}
        programs = tuple(replace(p, arrays={n: arrays[n] for n in p.arrays}) for p in self.programs)
        return replace(self, arrays=arrays, programs=programs)


@dataclass(slots=True)
class TaskReport:
    """What a worker says of one attempt at a task: seconds by phase, bytes, and the error if it failed.

    `status` is "done", "error" (the task raised), "user_error" (the user's function raised), "matrix_error" (no
    result exists for its matrix), "wrong" (a check found that a result is not what it should be), "timeout", "memory",
    "crashed", "throttled" (never started) or "unknown" (the connection was lost: look for the outputs).
    `shared` says that it ended with a worker that held other attempts too, any of which may have ended it.
    `billed_ms`, `launch_s` (from the client's request to the first task's start) and `init_s` (what of that a new
    environment took to start) are the whole invocation's, on the first report of its bundle.
    """

    task: int
    attempt: int
    status: str = "done"
    fetch_s: float = 0.0
    wait_s: float = 0.0
    compute_s: float = 0.0
    write_s: float = 0.0
    total_s: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    peak_bytes: int = 0
    flops: int = 0
    cold: bool = False
    worker: str = ""
    started_s: float = 0.0
    error: str = ""
    traceback: str = ""
    log: str = ""
    retry: bool = True
    shared: bool = False
    billed_ms: int = 0
    launch_s: float = 0.0
    init_s: float = 0.0

    def to_json(self) -> Json:
        """Plain data, without what is at its default."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) not in (0, 0.0, "", False)}

    @classmethod
    def from_json(cls, data: Json) -> TaskReport:
        """The inverse of `to_json`."""
        values = {"task": 0, "attempt": 0, "retry": False, **data}
        return cls(**values)
