"""Calls of a generator as arrays: calls counted, parameters checked by NumPy itself and broadcast, tiles chosen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from lambdarray_kernels.generators import TAKES_DTYPE, drawn_together, logical_block

from ..ops import Random, Shape, auto_chunk
from ..tiling import Cuts, Tiling
from .array import Array
from .chunks import tiling_for
from .creation import _shape, asarray
from .tile_sizes import tile_bytes

# Of these a seed is drawn, so that they go on, as they would in NumPy.
NUMPYS = (np.random.BitGenerator, np.random.Generator, np.random.RandomState)


class BitGenerator:
    """Where a generator's values come from: its seed sequence, and the number of calls so far.

    There is no state beside these, since each block of each call has a stream of its own.
    """

    def __init__(self, seed: Any = None) -> None:
        if isinstance(seed, NUMPYS):
            seed = np.random.default_rng(seed).integers(0, 1 << 32, size=8, dtype=np.uint32)
        self.seed_seq = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        entropy: Any = self.seed_seq.entropy
        if self.seed_seq.spawn_key:
            # The keys that follow are those of calls and blocks: what a child draws must not be what its parent does.
            entropy = self.seed_seq.generate_state(8)
        self.seed = [int(n) for n in entropy] if np.ndim(entropy) else int(entropy)
        self._calls = itertools.count()

    def next_call(self) -> int:
        """The number of a further call."""
        return next(self._calls)

    def spawn(self, n_children: int) -> list[BitGenerator]:
        """Bit generators with the seed sequence's next children."""
        return [BitGenerator(s) for s in self.seed_seq.spawn(n_children)]

    def in_memory(self) -> np.random.Generator:
        """A generator of NumPy's with the stream of a further call, for what is drawn here and now."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.next_call(),))
        return np.random.Generator(np.random.SFC64(sequence))


def drawn(
    bits: BitGenerator,
    name: str,
    shape: Shape,
    dtype: Any,
    chunks: Any,
    args: Mapping[str, Any],
    given: Mapping[str, Array] | None = None,
    whole: bool = False,
) -> Array:
    """The array of a call whose parameters have been checked: scalar ones in `args`, arrays in `given`."""
    kind, given = np.dtype(dtype), given or {}
    wanted = tiling_for(shape, chunks, kind)
    inputs = tuple(x._op for x in given.values())
    common: dict[str, Any] = {"seed": bits.seed, "call": bits.next_call(), "name": name, "args": dict(args)}
    op = Random(inputs, wanted, kind, given=tuple(given), whole=whole, **common)
    if op.in_logical_blocks:
        block = logical_block(shape, drawn_together(name, args, len(shape)))
        op = replace(op, tiling=_in_blocks(wanted, kind, block, chunks))
    return Array(op) if chunks == "auto" else Array(op).rechunk(wanted.chunks)


def _in_blocks(wanted: Tiling, kind: np.dtype[Any], block: Shape, chunks: Any) -> Tiling:
    """A tiling of whole logical blocks: the one that is wanted, where it is such a one and not left to us."""
    if chunks != "auto" and all(_made_of(c, max(n, 1)) for c, n in zip(wanted.axes, block, strict=True)):
        return wanted
    counts = tuple(-(-c.size // max(n, 1)) for c, n in zip(wanted.axes, block, strict=True))
    nbytes = kind.itemsize * max(math.prod(block), 1)
    together = auto_chunk(counts, nbytes, tile_bytes(counts, nbytes))
    return Tiling.regular(wanted.shape, [n * c for n, c in zip(block, together, strict=True)])


def _made_of(cuts: Cuts, length: int) -> bool:
    """Whether every boundary between tiles is a multiple of `length`."""
    inner: Any = cuts.start(np.arange(1, cuts.count))
    return not np.any(inner % length)


def singles(bits: BitGenerator, name: str, args: Mapping[str, Any], size: Any, dtype: Any, chunks: Any) -> Array:
    """The array of a method with one value for each element; parameters broadcast, to `size` where it is given."""
    scalars, arrays = _split(args)
    shape = sized(size, [a.shape for a in arrays.values()])
    _check_singles(name, {**scalars, **arrays}, shape, dtype)
    return drawn(bits, name, shape, dtype, chunks, scalars, {k: asarray(a) for k, a in arrays.items()})


def _split(args: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters that are scalars, as Python's, and those that are arrays, NumPy's or ours."""
    scalars: dict[str, Any] = {}
    arrays: dict[str, Any] = {}
    for key, value in args.items():
        if isinstance(value, Array):
            arrays[key] = value
        elif np.ndim(value):
            arrays[key] = np.asarray(value)
        else:
            scalars[key] = value.item() if isinstance(value, np.generic | np.ndarray) else value
    return scalars, arrays


def sized(size: Any, shapes: Sequence[Shape]) -> Shape:
    """What parameters of these shapes are broadcast to; ValueError where that is not `size`."""
    shape = np.broadcast_shapes(*shapes)
    if size is None:
        return shape
    wanted = _shape(size)
    if shapes and np.broadcast_shapes(shape, wanted) != wanted:
        raise ValueError(f"Output size {wanted} is not compatible with broadcast dimensions of inputs {shape}.")
    return wanted


def check(name: str, **args: Any) -> None:
    """NumPy's own check of a method's arguments."""
    getattr(np.random.Generator(np.random.SFC64(0)), name)(**args)


def _check_singles(name: str, args: Mapping[str, Any], shape: Shape, dtype: Any) -> None:
    """NumPy's own check, drawing no more than it must; of our arrays only dtypes, a task checks their values."""
    arrays = any(np.ndim(v) for v in args.values())
    ours = any(isinstance(v, Array) for v in args.values())
    # A first axis of length 0, to which all are broadcast: what is checked is checked, and nothing drawn.
    empty = (0,) + (1,) * len(shape)
    checked = {k: np.empty(empty, v.dtype) if isinstance(v, Array) else v for k, v in args.items()}
    total = math.prod(shape)
    size: Any = (0, *shape) if arrays or ours else min(total, 1)
    if name == "integers" and arrays and not ours and total:
        size = None  # which does not look at bounds where it has nothing to draw
    typed = {"dtype": dtype} if name in TAKES_DTYPE else {}
    check(name, size=size, **typed, **checked)


def rows(
    bits: BitGenerator, name: str, args: Mapping[str, Any], vector: str, size: Any, dtype: Any, chunks: Any
) -> Array:
    """The array of a method with a row for each element of `size`, as long as the parameter `vector` is."""
    from .manipulation import expand_dims

    scalars, arrays = _split(args)
    row = arrays.pop(vector, np.asarray(scalars.pop(vector, 0)))
    lead = sized(size, [row.shape[:-1], *(a.shape for a in arrays.values())])
    _check_rows(name, scalars, {**arrays, vector: row}, vector, lead)
    given = {k: expand_dims(a, -1) for k, a in arrays.items()} | {vector: asarray(row)}
    return drawn(bits, name, (*lead, row.shape[-1]), dtype, chunks, scalars, given)


def _check_rows(name: str, scalars: Mapping[str, Any], arrays: Mapping[str, Any], vector: str, lead: Shape) -> None:
    """As `_check_singles`, with zeros for our arrays; of none there is no sample."""
    empty, checked = (0,) + (1,) * len(lead), {**scalars, **arrays}
    for key, a in arrays.items():
        if isinstance(a, Array):
            row = a.shape[-1:] if key == vector else ()
            checked[key] = np.zeros(row if key == vector and a.ndim < 2 else empty + row, a.dtype)
    if "nsample" in checked and isinstance(arrays[vector], Array):
        checked["nsample"] = 0
    check(name, size=(0, *lead), **checked)
