"""Users' functions over blocks: how their arguments follow the blocks of a result, and what they have to return."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..ops import ObjectSource
from ..runtime.calls import Place, arguments, hint, packed
from ..runtime.functions import function, name_of
from ..tiling import AxisMap, Cuts, Tiling, dtype_to_json
from .array import Array
from .creation import storable
from .stages import In, Out, Stage, single, whole

Label = Hashable
CutsOf = Mapping[Any, Cuts]  # by label
ONE = Cuts(1, 1)


@dataclass(frozen=True, slots=True)
class Operand:
    """An array with a label for each axis: labels of the result follow its blocks, all others are read whole.

    With `numbered` block n goes with block n, whatever their lengths; else element with element. One block, and
    one element, go with all.
    """

    array: Array
    labels: tuple[Label, ...]
    numbered: bool = False

    def load(self, stage: Stage, inputs: list[In], order: Sequence[Label]) -> str:
        """Add what is read of it to `inputs`; the register that will hold its block."""
        inputs.append(In(self.array, [self._map(d, stage, order) for d in range(self.array.ndim)]))
        return f"r{len(inputs) - 1}"

    def place(self, stage: Stage, order: Sequence[Label]) -> Place:
        """Which of its blocks goes with a task, for `block_info`."""
        axes = [order.index(label) if label in order else -1 for label in self.labels]
        cuts = [c if a >= 0 else single(c.size) for a, c in zip(axes, self.cuts(), strict=True)]
        return Place(tuple(a if c.count > 1 else -1 for a, c in zip(axes, cuts, strict=True)), tuple(cuts))

    def cuts(self) -> tuple[Cuts, ...]:
        """How its blocks are cut."""
        return self.array._op.tiling.axes

    def listing(self, d: int, blocks: Cuts) -> list[Any]:
        """How its axis `d` is given as a list: the axis, the cuts, and how often what these make is given."""
        own = self.cuts()[d]
        goes_with_all = own.count == 1 and (self.numbered or own.size != blocks.size)
        cuts = own if self.numbered or goes_with_all else blocks
        return [d, cuts.to_json(), blocks.count if goes_with_all else 1]

    @property
    def made_bytes(self) -> int:
        """What a block takes beside what is read for it."""
        return 0

    def _map(self, d: int, stage: Stage, order: Sequence[Label]) -> AxisMap:
        own, label = self.array._op.tiling.axes[d], self.labels[d]
        if label not in order:
            return whole(own.size)
        axis = order.index(label)
        blocks = stage.axes[axis]
        if own == blocks or (own.size == blocks.size and not self.numbered):
            return AxisMap(axis)
        if own.count == 1:
            return whole(own.size)
        return AxisMap(axis, table=tuple(n for i in range(own.count) for n in own.span(i)))


@dataclass(frozen=True, slots=True)
class Result:
    """What a function makes: a label for each axis, and the lengths of its blocks where they are not the stage's.

    `dtype` None is found out. `trims` says for the kernel `trim` what is cut off blocks, if all their axes are the
    stage's; `kept` are the lengths that this leaves.
    """

    labels: tuple[Label, ...]
    dtype: Any = None
    cuts: CutsOf = field(default_factory=dict)
    trims: Mapping[str, Any] = field(default_factory=dict)
    kept: CutsOf = field(default_factory=dict)

    def place(self, stage: Stage, order: Sequence[Label]) -> Place:
        """Which block a task makes."""
        axes = tuple(order.index(label) for label in self.labels)
        return Place(axes, tuple(self.cuts.get(n, stage.axes[a]) for n, a in zip(self.labels, axes, strict=True)))

    def out(self, register: str, dtype: np.dtype[Any], stage: Stage, order: Sequence[Label]) -> Out:
        """What is kept of it."""
        axes = [order.index(label) for label in self.labels]
        own = [(self.kept if self.trims else self.cuts).get(label) for label in self.labels]
        return Out(
            register, axes, dtype, cuts=[None if c == stage.axes[a] else c for a, c in zip(axes, own, strict=True)]
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """A function to be called over blocks: `args` are its constants, with a place for the block of each array `at`.

    `what` is the public function that this is for, `told` what the function is given beside (see
    `runtime.calls.arguments`), `says` the argument by which the user gives dtypes. Along the labels in `listed` the
    function gets lists of blocks of these cuts.
    """

    what: str
    func: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    at: Sequence[int]
    token: Any = None
    extra_bytes: int = 0
    told: Sequence[str] = ()
    says: str = "dtype"
    listed: CutsOf = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if not callable(self.func):
            raise TypeError(f"{self.what}: the function must be callable, not {type(self.func).__name__}")
        arrays = [name for name, value in self.kwargs.items() if isinstance(value, Array)]
        if arrays:
            raise TypeError(
                f"{self.what}: {arrays[0]}= is an Array, which only an argument by position may be: the function gets "
                "its block there"
            )

    def over(self, operands: Sequence[Operand], cuts: CutsOf, results: Sequence[Result]) -> tuple[Array, ...]:
        """The arrays that the function makes; `cuts` are those of every label of a result."""
        order = list(dict.fromkeys(label for r in results for label in r.labels))
        name = self.name or name_of(self.func)
        extra_bytes = self.extra_bytes + sum(o.made_bytes for o in operands)
        stage = Stage(f"{self.what} {name}", [cuts[label] for label in order], extra_bytes=extra_bytes)
        dtypes = self.dtypes(operands, results)
        made = function(self.func, tuple(self.args), self.kwargs, self.token)
        source = ObjectSource((), Tiling((ONE,)), made.dtype, obj=made, token=made.key)
        inputs: list[In] = []
        ins = [o.load(stage, inputs, order) for o in operands]
        inputs.append(In(Array(source), [whole(1)]))
        outs = [f"y{n}" for n in range(len(results))]
        how = self._how(operands, [o.place(stage, order) for o in operands], self.listed)
        places = [r.place(stage, order).to_json() for r in results]
        kinds = [[place, dtype_to_json(dtype)] for place, dtype in zip(places, dtypes, strict=True)]
        stage.call("call", outs, [*ins, f"r{len(inputs) - 1}"], name=name, makes=kinds, **how)
        for n, result in enumerate(results):
            if result.trims:
                stage.call("trim", [f"z{n}"], [outs[n]], **result.trims)
                outs[n] = f"z{n}"
        kept = zip(results, outs, dtypes, strict=True)
        return stage.make_all(inputs, [r.out(register, dtype, stage, order) for r, register, dtype in kept])

    def _how(self, operands: Sequence[Operand], places: Sequence[Place], listed: CutsOf) -> dict[str, Any]:
        """The parameters of the kernel that say how the function gets its arguments."""
        how: dict[str, Any] = {"at": list(self.at)}
        axes = [[o.listing(d, listed[n]) for d, n in enumerate(o.labels) if n in listed] for o in operands]
        if lists := [[n, along] for n, along in enumerate(axes) if along]:
            how["lists"] = lists
        if self.told:
            how["told"] = list(self.told)
        if "block_info" in self.told:
            how["inputs"] = [[n, place.to_json()] for n, place in zip(self.at, places, strict=True)]
        return how

    def dtypes(self, operands: Sequence[Operand], results: Sequence[Result]) -> list[np.dtype[Any]]:
        """The dtypes of the results: as given, or of what the function makes of blocks of one element."""
        if all(r.dtype is not None for r in results):
            return [_declared(r.dtype) for r in results]
        made = self.sample(operands, results)
        if len(results) == 1:
            return [_declared(np.asarray(made).dtype)]
        if not isinstance(made, tuple | list) or len(made) != len(results):
            raise ValueError(
                f"{self.what}: {name_of(self.func)} is to return {len(results)} arrays, and returned {made!r}"
            )
        return [
            _declared(np.asarray(m).dtype if r.dtype is None else r.dtype) for m, r in zip(made, results, strict=True)
        ]

    def sample(self, operands: Sequence[Operand], results: Sequence[Result]) -> Any:
        """What the function makes of blocks of one element; ValueError, with what to do, where it raises."""
        samples = [np.ones((1,) * o.array.ndim, o.array.dtype) for o in operands]
        for sample in samples:
            sample.setflags(write=False)
        places = [Place((-1,) * o.array.ndim, (ONE,) * o.array.ndim) for o in operands]
        first = Place((-1,) * len(results[0].labels), (ONE,) * len(results[0].labels))
        out = [first.to_json(), dtype_to_json(np.dtype(float if results[0].dtype is None else results[0].dtype))]
        how = self._how(operands, places, dict.fromkeys(self.listed, ONE))
        args, kwargs = arguments(samples, self.args, self.kwargs, (), out, **how)
        try:
            with np.errstate(all="ignore"):
                return self.func(*args, **kwargs)
        except Exception as error:
            raise ValueError(
                f"{self.what} called {name_of(self.func)} on blocks of one element to find out what dtype it returns, "
                f"and it raised {type(error).__name__}: {error}{hint(error)}; say {self.says}=... and it is not called"
            ) from error


def _declared(dtype: Any) -> np.dtype[Any]:
    """The dtype of a result as it is stored; TypeError for one that cannot be."""
    given = storable(dtype)
    if any(given[name].subdtype for name in given.names or ()):
        raise TypeError(
            f"dtype {given} has a field that is an array, which tiles cannot have; give each element a field"
        )
    return packed(given)


def align(what: str, operands: Iterable[Operand], by_element: bool = True) -> dict[Label, Cuts]:
    """The blocks along each label: the finest that all arrays' blocks are made of; by number, the most there are.

    One element, or by number one block, goes with all. ValueError where others do not match.
    """
    found: dict[Label, list[Cuts]] = {}
    for operand in operands:
        for label, cuts in zip(operand.labels, operand.cuts(), strict=True):
            found.setdefault(label, []).append(cuts)
    choose = _finest if by_element else _most
    return {label: choose(what, label, cuts) for label, cuts in found.items()}


def _finest(what: str, label: Label, cuts: Sequence[Cuts]) -> Cuts:
    full = [c for c in cuts if c.size != 1] or list(cuts)
    if len({c.size for c in full}) > 1:
        sizes = ", ".join(map(str, sorted({c.size for c in cuts})))
        raise ValueError(f"{what}: the arrays do not broadcast: along axis {label!r} they have {sizes} elements")
    several = [c for c in full if c.count > 1] or full[:1]
    if all(c == several[0] for c in several):
        return several[0]
    return Cuts.from_bounds(np.unique(np.concatenate([_bounds(c) for c in several])))


def _bounds(cuts: Cuts) -> np.ndarray:
    return np.append(np.asarray(cuts.start(np.arange(cuts.count))), cuts.size)


def _most(what: str, label: Label, cuts: Sequence[Cuts]) -> Cuts:
    counts = {c.count for c in cuts} - {1}
    if len(counts) > 1:
        raise ValueError(
            f"{what}: along axis {label!r} the arrays have {' and '.join(map(str, sorted(counts)))} blocks; "
            "give them the same number of blocks, or one, with rechunk()"
        )
    return max(cuts, key=lambda c: c.count)


def lengths(what: str, axis: int, wanted: Any, blocks: Cuts) -> Cuts:
    """Cuts with as many blocks as `blocks` has, of lengths that the user gave: one for all, or one for each.

    >>> lengths("map_blocks", 0, (2, 5), Cuts(6, 3))
    Cuts.ragged([2, 5])
    """
    each = tuple(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else (wanted,) * blocks.count
    if not all(isinstance(n, int | np.integer) and n >= 0 for n in each):
        raise ValueError(f"{what}: chunks of axis {axis}: {wanted!r} is no length, and no tuple of lengths")
    if len(each) != blocks.count:
        raise ValueError(
            f"{what}: chunks of axis {axis}: {wanted!r} has {len(each)} blocks, and there are {blocks.count}"
        )
    return cut(what, axis, each)


def cut(what: str, axis: int, each: Sequence[int]) -> Cuts:
    """Cuts of these lengths; ValueError for a block of length 0 among others."""
    if len(each) > 1 and 0 in each:
        raise ValueError(f"{what}: along axis {axis} blocks would have the lengths {tuple(each)}: none may be 0")
    return Cuts.ragged([int(n) for n in each])
