"""The expression: kinds of op, each with its rule for shape, dtype and chunks. No op does I/O.

An op is immutable and cannot be built wrong: what NumPy would refuse is refused here, with NumPy's exception,
on the user's own line. `where` remembers that line for errors of tasks that run much later.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from lambdarray_kernels.generators import drawn_together

from .task import Step
from .tiling import AxisMap, Cuts, Tiling, dtype_to_json

Shape = tuple[int, ...]
_PACKAGE = __name__.rpartition(".")[0] + "."


def user_line() -> str:
    """The file and line outside this package that is being run: where the user made an op."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""


@dataclass(frozen=True, slots=True, eq=False)
class Op:
    """A node of an expression: what it is made from, and the shape, dtype and tiling of its value."""

    inputs: tuple[Op, ...]
    tiling: Tiling
    dtype: np.dtype[Any]
    where: str = field(default_factory=user_line, kw_only=True)

    @property
    def shape(self) -> Shape:
        """The shape of the value."""
        return self.tiling.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.tiling.axes)

    @property
    def nbytes(self) -> int:
        """Bytes of the value."""
        return math.prod(self.shape) * self.dtype.itemsize

    def recipe(self) -> tuple[Any, ...]:
        """What, with the inputs' keys, decides the value: the content of the key."""
        raise NotImplementedError

    def describe(self) -> str:
        """The op in a few words, for `explain` and errors."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True, eq=False)
class ObjectSource(Op):
    """Anything in this process with shape, dtype and slicing: an array, a memmap, an HDF5 data set.

    It is `constant` where nobody else holds it, so that it cannot change.
    """

    obj: Any = field(kw_only=True)
    token: str = field(kw_only=True)
    constant: bool = field(kw_only=True, default=False)

    def recipe(self) -> tuple[Any, ...]:
        return ("object", self.token)

    def describe(self) -> str:
        return f"{type(self.obj).__name__} in memory"


@dataclass(frozen=True, slots=True, eq=False)
class Stored(Op):
    """An array whose tiles are in a store: a Zarr array, or what `persist` left. `holder` keeps it alive."""

    location: Mapping[str, Any] = field(kw_only=True)
    token: str = field(kw_only=True)
    holder: Any = field(kw_only=True, default=None)

    def recipe(self) -> tuple[Any, ...]:
        return ("stored", self.token)

    def describe(self) -> str:
        return str(self.location.get("url", "persisted tiles"))


@dataclass(frozen=True, slots=True, eq=False)
class Fill(Op):
    """One value everywhere."""

    value: Any = field(kw_only=True)

    def recipe(self) -> tuple[Any, ...]:
        return ("fill", constant(self.value, self.dtype), self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Iota(Op):
    """The integers 0, 1, 2, ... along one axis."""

    def recipe(self) -> tuple[Any, ...]:
        return ("iota", self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Random(Op):
    """Random values that depend on seed, call and shape, never on chunks.

    `args` are a method's scalar parameters, `given` the names of those that are the inputs. These are broadcast to the
    values; with `whole` every block needs all of them.
    """

    seed: Any = field(kw_only=True)
    call: int = field(kw_only=True)
    name: str = field(kw_only=True)
    args: Mapping[str, Any] = field(kw_only=True)
    given: tuple[str, ...] = field(kw_only=True, default=())
    whole: bool = field(kw_only=True, default=False)

    @property
    def in_logical_blocks(self) -> bool:
        """Whether only whole logical blocks can be drawn, as `tiling` has them: for all their inputs, or only once."""
        return bool(self.inputs) and (not self.whole or bool(drawn_together(self.name, self.args, self.ndim)))

    def recipe(self) -> tuple[Any, ...]:
        return ("random", self.seed, self.call, self.name, sorted(self.args.items()), *self.given, self.shape)

    def describe(self) -> str:
        return f"random {self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Map(Op):
    """An elementwise function with the dtypes that its loop has: inputs broadcast, and are cast to `loop_in`."""

    name: str = field(kw_only=True)
    args: tuple[int | list[Any], ...] = field(kw_only=True)
    loop_in: tuple[np.dtype[Any], ...] = field(kw_only=True)
    loop_out: tuple[np.dtype[Any], ...] = field(kw_only=True)
    output: int = field(kw_only=True, default=0)

    def recipe(self) -> tuple[Any, ...]:
        loops = [dtype_to_json(d) for d in (*self.loop_in, *self.loop_out)]
        return ("map", self.name, self.args, loops, self.output, self.shape)

    def describe(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class View(Op):
    """Transposed, sliced, broadcast or with axes added or dropped: one AxisMap for each axis of the source."""

    maps: tuple[AxisMap, ...] = field(kw_only=True)

    def recipe(self) -> tuple[Any, ...]:
        return ("view", [m.to_json() for m in self.maps], self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Reshape(Op):
    """The same elements in C order under another shape."""

    def recipe(self) -> tuple[Any, ...]:
        return ("reshape", self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Rechunk(Op):
    """The same array cut into other tiles."""

    def recipe(self) -> tuple[Any, ...]:
        return ("rechunk", self.tiling.to_json())


@dataclass(frozen=True, slots=True, eq=False)
class Concat(Op):
    """Arrays one after the other along an axis."""

    axis: int = field(kw_only=True)
    starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = (i.shape[self.axis] for i in self.inputs[:-1])
        object.__setattr__(self, "starts", tuple(accumulate(sizes, initial=0)))

    def recipe(self) -> tuple[Any, ...]:
        return ("concat", self.axis)


@dataclass(frozen=True, slots=True, eq=False)
class Patch(Op):
    """The first input with the second, of as many axes, laid over it from `offset` on."""

    offset: Shape = field(kw_only=True)

    def recipe(self) -> tuple[Any, ...]:
        return ("patch", self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Reduce(Op):
    """A reduction over axes; the value keeps them with length 1."""

    kind: str = field(kw_only=True)
    axes: tuple[int, ...] = field(kw_only=True)
    accumulator: np.dtype[Any] = field(kw_only=True)
    ddof: float = field(kw_only=True, default=0)

    def recipe(self) -> tuple[Any, ...]:
        types = dtype_to_json(self.accumulator), dtype_to_json(self.dtype)
        return ("reduce", self.kind, self.axes, types, self.ddof)

    def describe(self) -> str:
        return f"{self.kind} over axes {','.join(map(str, self.axes))}"


@dataclass(frozen=True, slots=True, eq=False)
class Contract(Op):
    """A matrix product: (..., m, k) by (..., k, n), batch axes broadcast.

    It keeps workers busy together with others, so that there are `beside` times as many tasks as its own.
    """

    beside: int = field(kw_only=True, default=1)

    def recipe(self) -> tuple[Any, ...]:
        return ("contract", dtype_to_json(self.dtype))

    def describe(self) -> str:
        a, b = self.inputs
        return f"matmul of {a.shape} by {b.shape}"


@dataclass(frozen=True, slots=True)
class Output:
    """What a `Blocks` makes: the register, and for each axis the stage's axis that it follows.

    Where `by_block` is set the axis has a tile for each block of the stage's, of any length.
    """

    register: str
    axes: tuple[int, ...]
    by_block: tuple[bool, ...]
    tiling: Tiling
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks(Op):
    """Kernels over blocks of the inputs: what sorts, scans, transforms, gathers, and calls users' functions.

    `axes` are the axes of its stage, the first `grid_ndim` of them the grid of tasks and the others loops in a task.
    Input n is the register `r<n>` that `reads[n]` describes: how its axes follow the stage's. `steps` are calls of
    kernels, and `outputs` what is kept of them; the op's own value is the first, `Pick` gives the others. A `triangle`
    has tasks, and values, on and below the diagonal of its grid alone.
    """

    name: str = field(kw_only=True)
    axes: tuple[Cuts, ...] = field(kw_only=True)
    grid_ndim: int = field(kw_only=True)
    reads: tuple[Reading, ...] = field(kw_only=True)
    steps: tuple[Step, ...] = field(kw_only=True)
    outputs: tuple[Output, ...] = field(kw_only=True)
    flops: float = field(kw_only=True, default=0.0)
    extra_bytes: int = field(kw_only=True, default=0)
    triangle: bool = field(kw_only=True, default=False)

    def recipe(self) -> tuple[Any, ...]:
        axes, steps = [c.to_json() for c in self.axes], [s.to_json() for s in self.steps]
        outs = [(o.register, o.axes, o.by_block, o.tiling.to_json(), dtype_to_json(o.dtype)) for o in self.outputs]
        return ("blocks", axes, self.grid_ndim, self.triangle, [repr(r) for r in self.reads], steps, outs)

    def describe(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Reading:
    """How the axes of an input of a `Blocks` follow its stage's; `by`, `by_axis` and `most` are those of a `Read`."""

    maps: tuple[AxisMap, ...]
    by: str = ""
    by_axis: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Pick(Op):
    """One output of a `Blocks` that has several."""

    output: int = field(kw_only=True)

    def recipe(self) -> tuple[Any, ...]:
        return ("pick", self.output)

    def describe(self) -> str:
        return self.inputs[0].describe()


@dataclass(frozen=True, slots=True, eq=False)
class Checked(Op):
    """The first input, with checks of it: a run that makes it makes the other inputs too, which fail where it is wrong.

    The planner takes it apart, so that it costs no copy.
    """

    def recipe(self) -> tuple[Any, ...]:
        return ("checked",)

    def describe(self) -> str:
        return self.inputs[0].describe()


def constant(value: Any, dtype: np.dtype[Any]) -> list[Any]:
    """A scalar constant with its exact bits, as plain data for the `map` kernel."""
    return ["c", dtype_to_json(dtype), np.asarray(value, dtype=dtype).tobytes().hex()]


def in_order(roots: Iterable[Op]) -> list[Op]:
    """All ops that the roots are made of, each after its inputs."""
    seen: set[int] = set()
    out: list[Op] = []
    stack = [(op, False) for op in reversed(list(roots))]
    while stack:
        op, inputs_done = stack.pop()
        if inputs_done:
            out.append(op)
        elif id(op) not in seen:
            seen.add(id(op))
            stack.append((op, True))
            stack.extend((i, False) for i in reversed(op.inputs) if id(i) not in seen)
    return out


def keys(order: Sequence[Op], tokens: Mapping[str, str] | None = None) -> dict[int, str]:
    """The content key of each op, by id; `tokens` gives the content hash of sources where it is known."""
    from hashlib import sha256

    out: dict[int, str] = {}
    for op in order:
        recipe = op.recipe()
        if tokens and isinstance(op, ObjectSource):
            recipe = ("object", tokens.get(op.token, op.token))
        text = repr((recipe, [out[id(i)] for i in op.inputs]))
        out[id(op)] = sha256(text.encode()).hexdigest()[:32]
    return out


def sliced(cuts: Cuts, start: int, step: int, size: int) -> Cuts:
    """The cuts of `size` elements start, start + step, ...: those of the source, as near as they can be had.

    >>> sliced(Cuts(10, 4), 2, 1, 6).chunks
    (2, 4)
    """
    if (start, step, size) == (0, 1, cuts.size):
        return cuts
    if step == 1 and size > 0:
        if cuts.regular and start % cuts.chunk == 0:
            return Cuts(size, min(cuts.chunk, size))
        first, last = cuts.tiles(start, start + size)
        inner = np.asarray(cuts.start(np.arange(first + 1, last, dtype=np.int64))) - start
        return Cuts.from_bounds(np.concatenate([[0], inner, [size]]))
    return Cuts(size, max(1, -(-cuts.max_chunk // abs(step))))


def contiguous_strides(shape: Shape) -> tuple[int, ...]:
    """C-order strides in elements."""
    out = [1]
    for n in reversed(shape[1:]):
        out.append(out[-1] * n)
    return tuple(reversed(out)) if shape else ()


def auto_chunk(shape: Shape, itemsize: int, target_bytes: int) -> Shape:
    """Tile lengths of about `target_bytes`: axes halved, the longest first, so that grids are powers of two.

    >>> auto_chunk((8192, 8192), 8, 32 << 20)
    (2048, 2048)
    """
    parts = [1] * len(shape)
    lengths = [max(n, 1) for n in shape]
    while math.prod(lengths) * itemsize > target_bytes and any(n > 1 for n in lengths):
        d = max(range(len(shape)), key=lambda i: (lengths[i], -i))
        parts[d] *= 2
        lengths[d] = -(-shape[d] // parts[d])
    return tuple(lengths)
