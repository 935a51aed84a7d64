"""Random tiles whose values depend on seed, call and the whole array's shape, never on how it is cut.

The whole array is cut into fixed logical blocks by a rule of its shape alone, and each has a stream of its own. A
tile generates the logical blocks that it touches and keeps its part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from .registry import Shape, kernel

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
Args = Mapping[str, Any] | Sequence[Any]

# Elements of a logical block: the 9 us to seed its stream are 2% of the time to draw normals, 10% of uniforms, and a
# block stays in the second-level cache. As many again are wasted where a tile cuts it in half.
BLOCK_BITS = 16

# What each method of numpy.random.Generator with one value per element takes besides its parameters.
TAKES_OUT = frozenset({"random", "standard_normal", "standard_exponential", "standard_gamma"})
TAKES_DTYPE = TAKES_OUT | {"integers"}
METHODS = TAKES_DTYPE | {
    *("uniform", "normal", "exponential", "gamma", "beta", "binomial", "negative_binomial", "poisson", "chisquare"),
    *("noncentral_chisquare", "f", "noncentral_f", "standard_cauchy", "standard_t", "vonmises", "pareto", "weibull"),
    *("power", "laplace", "gumbel", "logistic", "lognormal", "rayleigh", "wald", "triangular", "geometric", "zipf"),
    *("hypergeometric", "logseries"),
}


def logical_block(shape: Shape) -> Shape:
    """The shape of the logical blocks of a random array: powers of two, the last two axes grown first.

    >>> logical_block((1000, 1000, 1000)), logical_block((10**6, 10))
    ((1, 256, 256), (4096, 16))
    """
    block, bits = [1] * len(shape), BLOCK_BITS
    for axes in (range(len(shape))[-2:], *((d,) for d in reversed(range(len(shape) - 2)))):
        while bits and (growing := [d for d in axes if block[d] < shape[d]]):
            # The shortest grows, the last of equals: rows are contiguous.
            block[min(reversed(growing), key=block.__getitem__)] *= 2
            bits -= 1
    return tuple(block)


def random_flops(*_: Any, block: Sequence[Span] = (), **__: Any) -> int:
    """One for each value."""
    return math.prod(hi - lo for lo, hi in block)


@kernel(flops=random_flops, needs_block=True, name="random")
def random_(
    block: Sequence[Span],
    shape: Sequence[int],
    seed: int | Sequence[int],
    call: int,
    name: str,
    args: Args = (),
    dtype: Any = "<f8",
) -> Array:
    """The elements `block` of a random array of `shape`, drawn by the Generator's method `name`.

    `seed` is SeedSequence's entropy and `call` the number of the call on its generator; `args` are the method's scalar
    parameters, in order or by name.

    >>> random_([(0, 1), (2, 4)], (9, 9), seed=0, call=0, name="integers", args=[0, 10], dtype="<i8").shape
    (1, 2)
    """
    if name not in METHODS:
        raise ValueError(f"no random method {name!r} with one value per element; there are {sorted(METHODS)}")
    whole, out = tuple(shape), np.empty([hi - lo for lo, hi in block], dtype)
    size = logical_block(whole)
    draws = _Draws(seed, call, name, args, out.dtype)
    scratch = draws.scratch(math.prod(size))
    touched = (range(lo // s, -(-hi // s)) for (lo, hi), s in zip(block, size, strict=True))
    for number in product(*touched) if out.size else ():
        extent = [(i * s, min(i * s + s, n)) for i, s, n in zip(number, size, whole, strict=True)]
        common = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(block, extent, strict=True)]
        target = out[_within(common, block)]
        lengths = tuple(hi - lo for lo, hi in extent)
        if scratch is None:
            drawn = draws(number, lengths)
        elif target.shape == lengths and target.flags.c_contiguous and target.dtype == scratch.dtype:
            draws(number, lengths, target)
            continue
        else:
            drawn = draws(number, lengths, scratch[: math.prod(lengths)].reshape(lengths))
        target[...] = drawn[_within(common, extent)]
    return out


class _Draws:
    """One call of a Generator's method on any logical block: the stream is made anew from the block's number."""

    def __init__(self, seed: int | Sequence[int], call: int, name: str, args: Args, dtype: np.dtype[Any]) -> None:
        self.seed, self.call, self.name = seed, call, name
        self.values: tuple[Any, ...] = () if isinstance(args, Mapping) else tuple(args)
        self.keywords: dict[str, Any] = dict(args) if isinstance(args, Mapping) else {}
        if name in TAKES_DTYPE:
            self.keywords["dtype"] = dtype.newbyteorder("=").type

    def scratch(self, size: int) -> Array | None:
        """Memory for the values of a block, where the method can write into it."""
        return np.empty(size, self.keywords["dtype"]) if self.name in TAKES_OUT else None

    def __call__(self, number: Shape, lengths: Shape, out: Array | None = None) -> Array:
        # SFC64 is the fastest of NumPy's generators at uniforms, normals and gammas, and seeded as fast as any.
        stream = np.random.SFC64(np.random.SeedSequence(self.seed, spawn_key=(self.call, *number)))
        draw = getattr(np.random.Generator(stream), self.name)
        into = {} if out is None else {"out": out}
        drawn: Array = draw(*self.values, size=lengths, **into, **self.keywords)
        return drawn


def _within(part: Sequence[Span], whole: Sequence[Span]) -> tuple[Any, ...]:
    """The slices of `part` in an array that starts where `whole` does; always a view, of a scalar too."""
    return (*(slice(lo - start, hi - start) for (lo, hi), (start, _) in zip(part, whole, strict=True)), ...)
