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

from .dtypes import dtype_from_json
from .permutations import SHUFFLED, permuted_places
from .registry import Shape, kernel, memory

Array = np.ndarray[Any, Any]
Span = tuple[int, int]
Args = Mapping[str, Any] | Sequence[Any]

# Elements of a logical block: the 9 us to seed its stream are 2% of the time to draw normals, 10% of uniforms, and a
# block stays in the second-level cache. As many again are wasted where a tile cuts it in half.
BLOCK_BITS = 16

# What each method of numpy.random.Generator takes besides its parameters.
TAKES_OUT = frozenset({"random", "standard_normal", "standard_exponential", "standard_gamma"})
TAKES_DTYPE = TAKES_OUT | {"integers"}
# Those with a value for each element; with a row of values along the last axis; and those that are told no size.
SINGLES = TAKES_DTYPE | {
    *("uniform", "normal", "exponential", "gamma", "beta", "binomial", "negative_binomial", "poisson", "chisquare"),
    *("noncentral_chisquare", "f", "noncentral_f", "standard_cauchy", "standard_t", "vonmises", "pareto", "weibull"),
    *("power", "laplace", "gumbel", "logistic", "lognormal", "rayleigh", "wald", "triangular", "geometric", "zipf"),
    *("hypergeometric", "logseries", "choice"),
}
ROWS = frozenset({"multinomial", "dirichlet", "multivariate_hypergeometric"})
SIZELESS = frozenset({"permutation", "permuted"})
METHODS = SINGLES | ROWS | SIZELESS
# Those whose parameters have no element for each of the values: a block needs all of them.
TAKES_WHOLE = frozenset({"choice"})


def drawn_together(name: str, args: Args, ndim: int) -> Shape:
    """The axes along which a method's values depend on one another, so that a stream draws all of them."""
    named = args if isinstance(args, Mapping) else {}
    if name in ROWS:
        return (ndim - 1,)
    if name == "permuted":
        return (named["axis"],)
    return tuple(range(ndim)) if name == "choice" and not named.get("replace", True) else ()


def logical_block(shape: Shape, together: Sequence[int] = ()) -> Shape:
    """The shape of the logical blocks of a random array: powers of two, the last two axes grown first.

    They have the axes `together` whole.

    >>> logical_block((1000, 1000, 1000)), logical_block((10**6, 10)), logical_block((10**6, 10), (1,))
    ((1, 256, 256), (4096, 16), (4096, 10))
    """
    block = [n if d in together else 1 for d, n in enumerate(shape)]
    bits = max(0, BLOCK_BITS - (max(math.prod(block), 1) - 1).bit_length())
    for axes in (range(len(shape))[-2:], *((d,) for d in reversed(range(len(shape) - 2)))):
        while bits and (growing := [d for d in axes if block[d] < shape[d]]):
            # The shortest grows, the last of equals: rows are contiguous.
            block[min(reversed(growing), key=block.__getitem__)] *= 2
            bits -= 1
    return tuple(block)


def work_nbytes(name: str, args: Args, shape: Shape, itemsize: int, parameters_nbytes: int) -> int:
    """The most bytes that drawing takes beside the values: a logical block, and what NumPy's `choice` makes of `p`."""
    if name == "permutation":
        return 8 * SHUFFLED
    block_nbytes = math.prod(logical_block(shape, drawn_together(name, args, len(shape)))) * itemsize
    return 5 * block_nbytes + 3 * parameters_nbytes if name == "choice" else block_nbytes


def random_flops(*_: Any, block: Sequence[Span] = (), **__: Any) -> int:
    """One for each value."""
    return math.prod(hi - lo for lo, hi in block)


@kernel(flops=random_flops, needs_block=True, takes_out=True, name="random")
def random_(
    *parameters: Array,
    block: Sequence[Span],
    shape: Sequence[int],
    seed: int | Sequence[int],
    call: int,
    name: str,
    args: Args = (),
    given: Sequence[str] = (),
    dtype: Any = "<f8",
    out: Array | None = None,
) -> Array:
    """The elements `block` of a random array of `shape`, drawn by the Generator's method `name`.

    `seed` is SeedSequence's entropy and `call` the number of the call on its generator; `args` are the method's scalar
    parameters, in order or by name, and `given` the names of those that are arrays. These have the length of the
    block, or 1, along each axis, and the block is one of whole logical blocks, since how far a stream has come depends
    on all parameters so far.

    >>> random_(block=[(0, 1), (2, 4)], shape=(9, 9), seed=0, call=0, name="integers", args=[0, 10], dtype="<i8").shape
    (1, 2)
    """
    if name not in METHODS:
        raise ValueError(f"no random method {name!r} that draws tiles; there are {sorted(METHODS)}")
    whole, out = tuple(shape), memory(out, [hi - lo for lo, hi in block], dtype_from_json(dtype))
    draws = _Draws(seed, call, name, args, out.dtype)
    if name == "permutation":
        return permuted_places(block, whole, draws.stream, **draws.keywords)
    size = logical_block(whole, drawn_together(name, args, len(whole)))
    scratch = draws.scratch(math.prod(size))
    touched = (range(lo // s, -(-hi // s)) for (lo, hi), s in zip(block, size, strict=True))
    for number in product(*touched) if out.size else ():
        extent = [(i * s, min(i * s + s, n)) for i, s, n in zip(number, size, whole, strict=True)]
        common = [(max(a, c), min(b, d)) for (a, b), (c, d) in zip(block, extent, strict=True)]
        varying = {k: draws.part(p, extent, block) for k, p in zip(given, parameters, strict=True)}
        target = out[_within(common, block)]
        lengths = tuple(hi - lo for lo, hi in extent)
        if scratch is None:
            drawn = draws(number, lengths, varying)
        elif target.shape == lengths and target.flags.c_contiguous and target.dtype == scratch.dtype:
            draws(number, lengths, varying, target)
            continue
        else:
            drawn = draws(number, lengths, varying, scratch[: math.prod(lengths)].reshape(lengths))
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

    def part(self, parameter: Array, extent: Sequence[Span], block: Sequence[Span]) -> Array:
        """What a logical block needs of a parameter of the block."""
        if self.name in TAKES_WHOLE:
            return parameter
        if any(a < c or b > d for (a, b), (c, d) in zip(extent, block, strict=True)):
            raise ValueError(f"{self.name}: the parameters of {block} are not those of whole logical blocks")
        index = _within(extent, block)
        return parameter[tuple(slice(None) if n == 1 else i for n, i in zip(parameter.shape, index, strict=False))]

    def stream(self, number: Shape) -> np.random.Generator:
        """The generator of a logical block."""
        # SFC64 is the fastest of NumPy's generators at uniforms, normals and gammas, and seeded as fast as any.
        sequence = np.random.SeedSequence(self.seed, spawn_key=(self.call, *number))
        return np.random.Generator(np.random.SFC64(sequence))

    def __call__(self, number: Shape, lengths: Shape, varying: dict[str, Any], out: Array | None = None) -> Array:
        keywords = {**self.keywords, **varying}
        if self.name in ROWS:
            lengths = lengths[:-1]
            keywords.update(_row_parameters(varying))
        if self.name not in SIZELESS:
            keywords["size"] = lengths
        if out is not None:
            keywords["out"] = out
        drawn: Array = getattr(self.stream(number), self.name)(*self.values, **keywords)
        return drawn


def _row_parameters(varying: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters of a row's method as it takes them: counts without the row's axis, and one row as a vector."""
    return {k: p[..., 0] if k == "n" else p.reshape(-1) if p.size == p.shape[-1] else p for k, p in varying.items()}


def _within(part: Sequence[Span], whole: Sequence[Span]) -> tuple[Any, ...]:
    """The slices of `part` in an array that starts where `whole` does; always a view, of a scalar too."""
    return (*(slice(lo - start, hi - start) for (lo, hi), (start, _) in zip(part, whole, strict=True)), ...)
