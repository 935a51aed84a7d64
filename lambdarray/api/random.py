"""Random arrays with NumPy's Generator names; the values depend on the seed, the call and the shape alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import Random
from .array import Array
from .chunks import tiling_for
from .creation import _shape


def default_rng(seed: Any = None) -> Generator:
    """A generator; fresh entropy where `seed` is None, as numpy.random.default_rng.

    >>> import lambdarray as la
    >>> a = la.random.default_rng(0).normal(size=(4, 4), chunks=2)
    >>> b = la.random.default_rng(0).normal(size=(4, 4), chunks=3)
    >>> bool((a == b).all())
    True
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


class Generator:
    """Makes random arrays. Each call draws anew; the n-th call of a seed and shape gives the same values always."""

    def __init__(self, seed: Any = None) -> None:
        sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
        entropy: Any = sequence.entropy
        self._seed = [int(n) for n in entropy] if isinstance(entropy, Sequence) else int(entropy)
        if sequence.spawn_key:
            first = self._seed if isinstance(self._seed, list) else [self._seed]
            self._seed = [*first, *sequence.spawn_key]
        self._calls = itertools.count()

    def _draw(self, name: str, size: Any, dtype: Any, chunks: Any, args: dict[str, Any]) -> Array:
        kind = np.dtype(dtype)
        shape = () if size is None else _shape(size)
        for key, value in args.items():
            if np.ndim(value):
                raise ValueError(f"{name}: {key} must be a scalar, not an array of shape {np.shape(value)}")
        args = {k: v.item() if isinstance(v, np.generic) else v for k, v in args.items()}
        sample = getattr(np.random.Generator(np.random.SFC64(0)), name)
        checked = {**args, "dtype": kind} if name in TYPED else args
        sample(size=1, **checked)  # NumPy's own check of the parameters
        tiling = tiling_for(shape, chunks, kind)
        return Array(Random((), tiling, kind, seed=self._seed, call=next(self._calls), name=name, args=args))

    def random(self, size: Any = None, dtype: Any = np.float64, *, chunks: Any = "auto") -> Array:
        """Uniform on [0, 1)."""
        return self._draw("random", size, dtype, chunks, {})

    def standard_normal(self, size: Any = None, dtype: Any = np.float64, *, chunks: Any = "auto") -> Array:
        """Normal with mean 0 and deviation 1."""
        return self._draw("standard_normal", size, dtype, chunks, {})

    def standard_exponential(self, size: Any = None, dtype: Any = np.float64, *, chunks: Any = "auto") -> Array:
        """Exponential with scale 1."""
        return self._draw("standard_exponential", size, dtype, chunks, {})

    def standard_gamma(self, shape: float, size: Any = None, dtype: Any = np.float64, *, chunks: Any = "auto") -> Array:
        """Gamma with scale 1."""
        return self._draw("standard_gamma", size, dtype, chunks, {"shape": shape})

    def integers(
        self,
        low: int,
        high: int | None = None,
        size: Any = None,
        dtype: Any = np.int64,
        endpoint: bool = False,
        *,
        chunks: Any = "auto",
    ) -> Array:
        """Integers of [low, high), or of [low, high] with `endpoint`."""
        bounds = {"low": 0 if high is None else low, "high": low if high is None else high, "endpoint": endpoint}
        return self._draw("integers", size, dtype, chunks, bounds)


TYPED = {"random", "standard_normal", "standard_exponential", "standard_gamma", "integers"}
FLOAT, INT = np.float64, np.int64
# Name: (parameters with their defaults, dtype); those without a default are required.
DISTRIBUTIONS: dict[str, tuple[dict[str, float | None], Any]] = {
    "uniform": ({"low": 0.0, "high": 1.0}, FLOAT),
    "normal": ({"loc": 0.0, "scale": 1.0}, FLOAT),
    "exponential": ({"scale": 1.0}, FLOAT),
    "gamma": ({"shape": None, "scale": 1.0}, FLOAT),
    "beta": ({"a": None, "b": None}, FLOAT),
    "binomial": ({"n": None, "p": None}, INT),
    "negative_binomial": ({"n": None, "p": None}, INT),
    "poisson": ({"lam": 1.0}, INT),
    "chisquare": ({"df": None}, FLOAT),
    "noncentral_chisquare": ({"df": None, "nonc": None}, FLOAT),
    "f": ({"dfnum": None, "dfden": None}, FLOAT),
    "noncentral_f": ({"dfnum": None, "dfden": None, "nonc": None}, FLOAT),
    "standard_cauchy": ({}, FLOAT),
    "standard_t": ({"df": None}, FLOAT),
    "vonmises": ({"mu": None, "kappa": None}, FLOAT),
    "pareto": ({"a": None}, FLOAT),
    "weibull": ({"a": None}, FLOAT),
    "power": ({"a": None}, FLOAT),
    "laplace": ({"loc": 0.0, "scale": 1.0}, FLOAT),
    "gumbel": ({"loc": 0.0, "scale": 1.0}, FLOAT),
    "logistic": ({"loc": 0.0, "scale": 1.0}, FLOAT),
    "lognormal": ({"mean": 0.0, "sigma": 1.0}, FLOAT),
    "rayleigh": ({"scale": 1.0}, FLOAT),
    "wald": ({"mean": None, "scale": None}, FLOAT),
    "triangular": ({"left": None, "mode": None, "right": None}, FLOAT),
    "geometric": ({"p": None}, INT),
    "zipf": ({"a": None}, INT),
    "hypergeometric": ({"ngood": None, "nbad": None, "nsample": None}, INT),
    "logseries": ({"p": None}, INT),
}


def _method(name: str) -> Any:
    parameters, dtype = DISTRIBUTIONS[name]
    order = [*parameters, "size"]

    def draw(self: Generator, *args: Any, chunks: Any = "auto", **kwargs: Any) -> Array:
        if len(args) > len(order):
            raise TypeError(f"{name}() takes at most {len(order)} arguments, {len(args)} were given")
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        unknown = sorted(set(given) - set(order))
        missing = sorted(k for k, v in parameters.items() if v is None and k not in given)
        if unknown or missing:
            wrong = f"an unexpected argument {unknown[0]!r}" if unknown else f"no argument {missing[0]!r}"
            raise TypeError(f"{name}() got {wrong}; it takes {', '.join(order)}")
        size = given.pop("size", None)
        return self._draw(name, size, dtype, chunks, {**parameters, **given})

    draw.__name__ = name
    draw.__doc__ = f"As numpy.random.Generator.{name}({', '.join(order)}), with chunks."
    return draw


for _name in DISTRIBUTIONS:
    setattr(Generator, _name, _method(_name))
