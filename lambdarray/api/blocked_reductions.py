"""Reductions by users' own functions, blocks first and then their results, in a tree."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..tiling import Cuts
from .array import Array
from .axes import axes_of
from .blocked import dtype_of
from .calling import Caller, CutsOf, Operand, Result
from .creation import asarray
from .manipulation import broadcast_to

# How many results are combined at once where nothing is said.
SPLIT_EVERY = 16


def reduction(
    x: Any,
    chunk: Callable[..., Any],
    aggregate: Callable[..., Any],
    axis: Any = None,
    keepdims: bool = False,
    dtype: Any = None,
    split_every: Any = None,
    combine: Callable[..., Any] | None = None,
    name: str | None = None,
    concatenate: bool = True,
    output_size: int = 1,
    meta: Any = None,
    weights: Any = None,
    *,
    token: str | None = None,
    extra_bytes: int = 0,
) -> Array:
    """A reduction over axes: `chunk` of every block, `combine` of groups of results, `aggregate` of what is left.

    All three are called as f(block, axis=axes, keepdims=...). `chunk` and `combine` (default: `aggregate`) keep the
    axes, with `output_size` elements for each block; they may make another dtype than that of the result, such as a
    structured one. `split_every` is how many results are combined at once, or a mapping with that for each axis.
    Without `concatenate` results are given as (nested) lists of blocks. `weights`, broadcast to `x`, go to `chunk` as
    its second argument. The rest is as in `map_blocks`; `name` has no meaning here.

    >>> import numpy as np, lambdarray as la
    >>> x = la.arange(10, chunks=3)
    >>> la.reduction(x, chunk=np.max, aggregate=np.max, dtype=x.dtype).compute()
    array(9)
    """
    x = asarray(x)
    axes, kind = axes_of(axis, x.ndim), dtype_of(dtype, meta)
    tree = _Tree(axes, output_size, concatenate, token, extra_bytes)
    chunk, aggregate, combine = (_with_dtype(f, kind) for f in (chunk, aggregate, combine or aggregate))
    arrays = [x] if weights is None else [x, broadcast_to(weights, x.shape, chunks=x.chunks)]
    results = tree.of_blocks(chunk, arrays)
    every = _every(split_every, axes)
    while any(results.numblocks[d] > n for d, n in every.items()):
        results = tree.of_results("combine", combine, results, every)
    return tree.of_results("aggregate", aggregate, results, dict(enumerate(results.numblocks)), kind, keepdims)


def _every(given: Any, axes: Sequence[int]) -> dict[int, int]:
    """How many results are combined at once along each axis."""
    if isinstance(given, Mapping):
        every = {d: int(given.get(d, 2)) for d in axes}
    else:
        most = SPLIT_EVERY if given is None else int(given)
        every = dict.fromkeys(axes, most if most < 2 else max(2, int(most ** (1 / len(axes)))))
    if any(n < 2 for n in every.values()):
        raise ValueError(f"split_every={given!r}: at least 2 results are combined at once")
    return every


def _with_dtype(f: Callable[..., Any], dtype: Any) -> Callable[..., Any]:
    """The function, told the dtype where it has a parameter for it."""
    try:
        wanted = dtype is not None and "dtype" in inspect.signature(f).parameters
    except (TypeError, ValueError):  # a builtin that does not say
        wanted = False
    return partial(f, dtype=dtype) if wanted else f


@dataclass(frozen=True, slots=True)
class _Tree:
    """The steps of a reduction over `axes`: each result has `size` elements along them."""

    axes: tuple[int, ...]
    size: int
    concatenate: bool
    token: str | None
    extra_bytes: int

    def of_blocks(self, func: Callable[..., Any], arrays: Sequence[Array]) -> Array:
        """The results of all blocks."""
        return self._step("chunk", func, arrays, dict(enumerate(arrays[0]._op.tiling.axes)), {}, None, True)

    def of_results(
        self,
        step: str,
        func: Callable[..., Any],
        results: Array,
        every: Mapping[int, int],
        dtype: Any = None,
        keepdims: bool = True,
    ) -> Array:
        """The results of groups of `every` results."""
        from ..planner.blocks import group

        cuts = dict(enumerate(results._op.tiling.axes))
        blocks = {d: group(c, every[d]) if d in self.axes else c for d, c in cuts.items()}
        listed = {} if self.concatenate else {d: cuts[d] for d in self.axes}
        return self._step(step, func, [results], blocks, listed, dtype, keepdims)

    def _step(
        self,
        step: str,
        func: Callable[..., Any],
        arrays: Sequence[Array],
        blocks: CutsOf,
        listed: CutsOf,
        dtype: Any,
        keepdims: bool,
    ) -> Array:
        ndim, size = arrays[0].ndim, self.size
        token = None if self.token is None else f"{self.token} {step}"
        how = {"axis": self.axes, "keepdims": keepdims}
        nothing = [None] * len(arrays)
        caller = Caller("reduction", func, nothing, how, range(len(arrays)), token, self.extra_bytes, listed=listed)
        labels = tuple(d for d in range(ndim) if keepdims or d not in self.axes)
        own = {d: Cuts(blocks[d].count * size, size) for d in self.axes}
        return caller.over([Operand(a, tuple(range(ndim))) for a in arrays], blocks, [Result(labels, dtype, own)])[0]
