"""Random arrays under NumPy's names; the values depend on the seed, the call and the shape alone."""

from __future__ import annotations

from typing import Any

from numpy.random import SeedSequence

from .array import Array
from .drawing import BitGenerator
from .generator import DISTRIBUTIONS, Generator


def default_rng(seed: Any = None) -> Generator:
    """A generator; fresh entropy where `seed` is None, as numpy.random.default_rng.

    A SeedSequence is taken as it is, and of a generator of NumPy's the next values as entropy.

    >>> import lambdarray as la
    >>> a = la.random.default_rng(0).normal(size=(4, 4), chunks=2)
    >>> b = la.random.default_rng(0).normal(size=(4, 4), chunks=3)
    >>> bool((a == b).all())
    True
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


# -- the functions of numpy.random itself: those of one generator, which is made when it is first used

_default: Generator | None = None


def seed(seed: Any = None) -> None:
    """Begin anew what the functions of this module draw; fresh entropy where `seed` is None."""
    global _default
    _default = Generator(seed)


def _generator() -> Generator:
    if _default is None:
        seed()
    assert _default is not None
    return _default


def rand(*shape: int, chunks: Any = "auto") -> Array:
    """Uniform on [0, 1), in this shape."""
    return _generator().random(shape, chunks=chunks)


def randn(*shape: int, chunks: Any = "auto") -> Array:
    """Normal with mean 0 and deviation 1, in this shape."""
    return _generator().standard_normal(shape, chunks=chunks)


def randint(low: Any, high: Any = None, size: Any = None, dtype: Any = int, *, chunks: Any = "auto") -> Array:
    """Integers of [low, high)."""
    return _generator().integers(low, high, size, dtype, chunks=chunks)


def random_sample(size: Any = None, *, chunks: Any = "auto") -> Array:
    """Uniform on [0, 1)."""
    return _generator().random(size, chunks=chunks)


random = ranf = sample = random_sample


def _function(name: str) -> Any:
    def draw(*args: Any, **kwargs: Any) -> Any:
        return getattr(_generator(), name)(*args, **kwargs)

    draw.__name__ = draw.__qualname__ = name
    draw.__doc__ = f"As `Generator.{name}`, of the generator of this module."
    return draw


SAME = (
    *DISTRIBUTIONS,
    *("bytes", "choice", "dirichlet", "multinomial", "multivariate_normal", "permutation", "shuffle"),
    *("standard_exponential", "standard_gamma", "standard_normal"),
)
globals().update({name: _function(name) for name in SAME})
__all__ = [
    "BitGenerator",
    "Generator",
    "SeedSequence",
    "default_rng",
    "rand",
    "randint",
    "randn",
    "random",
    "random_sample",
    "ranf",
    "sample",
    "seed",
]
__all__ += SAME
