"""Users' own functions, block by block: `map_blocks` and `blockwise`, with Dask's names and meaning."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..tiling import Cuts
from .array import Array
from .axes import axes_of
from .calling import Caller, CutsOf, Label, Operand, Result, align, cut, lengths
from .creation import asarray

TOLD = ("block_id", "block_info")


def map_blocks(
    func: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    token: str | None = None,
    dtype: Any = None,
    chunks: Any = None,
    drop_axis: Any = None,
    new_axis: Any = None,
    enforce_ndim: bool = True,
    meta: Any = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Array:
    """A function called on every block; of several arrays on the blocks at the same place, one block going with all.

    Blocks are the chunks of the arrays, and read-only. The function returns a block of the same shape, or of what
    `chunks` says: a length, or a length for each block, for each axis. `drop_axis` are axes that it loses (it gets
    them whole) and `new_axis` those that it adds. `dtype` is what it returns; without it the function is called
    once on blocks of one element. A function with a parameter `block_id` or `block_info` is told which block it has, as
    in Dask. Other arguments are passed on as they are. `extra_bytes` is memory that it needs beside its blocks.

    `token` names the function with its arguments: tiles that an earlier process computed under the same token are
    taken for its results. Without one they are known again in this process alone. `name` has no meaning here, and the
    shape of what is returned is always checked.

    >>> import lambdarray as la
    >>> x = la.arange(6, chunks=3)
    >>> la.map_blocks(lambda b: b[::-1], x).compute()
    array([2, 1, 0, 5, 4, 3])
    >>> la.map_blocks(lambda b, block_id: b[:1] + 10 * block_id[0], x, chunks=(1,), dtype=x.dtype).compute()
    array([ 0, 13])
    """
    operands = across(args)
    cuts = align("map_blocks", operands, by_element=False)
    shaping = Shaping("map_blocks", operands, cuts, cuts)
    shaping.change(chunks, drop_axis, new_axis)
    caller = Caller("map_blocks", func, *constants(args, kwargs), token, extra_bytes, told=told(func, kwargs))
    return caller.over(operands, shaping.cuts, [Result(shaping.labels, dtype_of(dtype, meta), shaping.own)])[0]


def across(args: Sequence[Any]) -> list[Operand]:
    """The arrays among the arguments, their axes labelled from the last: they broadcast as NumPy's do."""
    return [Operand(a, tuple(range(-a.ndim, 0)), numbered=True) for a in args if isinstance(a, Array)]


def constants(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], Mapping[str, Any], list[int]]:
    """The arguments without the arrays among them, and where these are."""
    at = [n for n, a in enumerate(args) if isinstance(a, Array)]
    return [None if n in at else a for n, a in enumerate(args)], kwargs, at


def told(func: Callable[..., Any], kwargs: Mapping[str, Any]) -> list[str]:
    """What of the block's place the function has parameters for."""
    try:
        wanted = inspect.signature(func).parameters
    except (TypeError, ValueError):  # a builtin that does not say
        return []
    return [name for name in TOLD if name in wanted and name not in kwargs]


def dtype_of(dtype: Any, meta: Any) -> Any:
    """The dtype that was given, as such or by an example of what is returned."""
    return dtype if dtype is not None or meta is None else meta.dtype


@dataclass(slots=True)
class Shaping:
    """How what a function makes of blocks is shaped: the labels of its axes, in blocks of `cuts` of the stage.

    `seen` are the blocks that the function gets, and `own` those that it makes, where they are others than the stage's.
    """

    what: str
    operands: Sequence[Operand]
    cuts: dict[Label, Cuts]
    seen: CutsOf
    labels: tuple[Label, ...] = ()
    own: dict[Label, Cuts] = field(default_factory=dict)

    def change(self, chunks: Any, drop_axis: Any, new_axis: Any) -> None:
        """Drop and add axes, and set the lengths of blocks."""
        ndim = max((o.array.ndim for o in self.operands), default=0)
        dropped = axes_of(() if drop_axis is None else drop_axis, ndim)
        kept: list[Label] = [label for d, label in enumerate(range(-ndim, 0)) if d not in dropped]
        if chunks is not None and not isinstance(chunks, Sequence):
            chunks = (chunks,)
        if new_axis is None:
            new_axis = tuple(range(max(0, len(chunks) - len(kept)))) if chunks is not None else ()
        new = axes_of(new_axis, len(kept) + (len(new_axis) if isinstance(new_axis, Sequence) else 1))
        for d in new:
            kept.insert(d, f"new {d}")
        self.labels = tuple(kept)
        if chunks is not None and len(chunks) != len(kept):
            raise ValueError(
                f"{self.what}: chunks={chunks!r} has {len(chunks)} entries for a result of {len(kept)} axes"
            )
        for d, label in enumerate(kept):
            wanted = chunks[d] if chunks is not None else None
            if d in new:
                self.cuts[label] = added(self.what, d, 1 if wanted is None else wanted)
            elif wanted is not None:
                self.own[label] = lengths(self.what, d, wanted, self.cuts[label])
            else:
                self.own[label] = self.seen[label]


def added(what: str, axis: int, wanted: Any) -> Cuts:
    """The blocks of a new axis: one of a length, or several of a tuple's."""
    blocks = wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else (wanted,)
    return lengths(what, axis, tuple(blocks), Cuts(len(blocks), 1))


def blockwise(
    func: Callable[..., Any],
    out_ind: Any,
    *args: Any,
    name: str | None = None,
    token: str | None = None,
    dtype: Any = None,
    adjust_chunks: Mapping[Any, Any] | None = None,
    new_axes: Mapping[Any, Any] | None = None,
    align_arrays: bool = True,
    concatenate: bool | None = None,
    meta: Any = None,
    extra_bytes: int = 0,
    **kwargs: Any,
) -> Array:
    """A function called on blocks that are matched by the labels of axes: of the result, then of each array in turn.

    Of an axis whose label the result lacks the function gets a list of blocks, or with `concatenate` the whole.
    `new_axes` are labels of the result's alone, with their lengths; `adjust_chunks` says for a label what lengths
    the function makes of its blocks: a function of each, one length, or a tuple. A constant has the label None.
    With `align_arrays` arrays whose chunks differ meet in the finest blocks that both are made of, else block n goes
    with block n. The rest is as in `map_blocks`.

    >>> import numpy as np, lambdarray as la
    >>> x, y = la.arange(3, chunks=2), la.arange(4, chunks=2)
    >>> la.blockwise(np.multiply.outer, "ij", x, "i", y, "j").compute()
    array([[0, 0, 0, 0],
           [0, 1, 2, 3],
           [0, 2, 4, 6]])
    >>> la.blockwise(lambda blocks: sum(b.sum() for b in blocks), "", y, "j").compute()
    array(6)
    """
    labels = tuple(out_ind)
    if len(set(labels)) != len(labels):
        raise ValueError(f"blockwise: the result has the label {max(labels, key=labels.count)!r} twice: {out_ind!r}")
    if len(args) % 2:
        raise ValueError("blockwise: arrays and their labels come in pairs, and the last array has none")
    values = [asarray(a) if ind is not None else a for a, ind in zip(args[::2], args[1::2], strict=True)]
    pairs = [(a, ind) for a, ind in zip(values, args[1::2], strict=True) if isinstance(a, Array)]
    operands = [_labelled(a, ind, align_arrays) for a, ind in pairs]
    labelled = [o for o, (_, ind) in zip(operands, pairs, strict=True) if ind is not None]
    cuts = align("blockwise", labelled, align_arrays)
    for label, wanted in (new_axes or {}).items():
        cuts[label] = added("blockwise", labels.index(label) if label in labels else -1, wanted)
    unknown = [label for label in labels if label not in cuts]
    if unknown:
        raise ValueError(f"blockwise: the label {unknown[0]!r} of the result is on no array and not in new_axes")
    own = {
        label: _adjusted(labels.index(label), wanted, cuts[label])
        for label, wanted in (adjust_chunks or {}).items()
        if label in labels
    }
    caller = Caller(
        "blockwise",
        func,
        *constants(values, kwargs),
        token,
        extra_bytes,
        listed={} if concatenate else {n: c for n, c in cuts.items() if n not in labels},
    )
    return caller.over(operands, cuts, [Result(labels, dtype_of(dtype, meta), own)])[0]


def _labelled(a: Array, labels: Any, align_arrays: bool) -> Operand:
    """An array with its labels; without any it is a constant, which the function gets whole."""
    if labels is None:
        return Operand(a, tuple(object() for _ in range(a.ndim)))
    if len(labels) != a.ndim:
        raise ValueError(f"blockwise: the labels {labels!r} are {len(labels)}, for an array of {a.ndim} axes")
    return Operand(a, tuple(labels), numbered=not align_arrays)


def _adjusted(axis: int, wanted: Any, blocks: Cuts) -> Cuts:
    if callable(wanted):
        return cut("blockwise", axis, [wanted(n) for n in blocks.chunks])
    return lengths("blockwise", axis, wanted, blocks)
