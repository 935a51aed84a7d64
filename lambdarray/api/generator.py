"""Generator: NumPy's names for random arrays."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any

import numpy as np

from . import permutations
from .array import Array
from .drawing import BitGenerator, rows, singles
from .folds import refuse_out
from .multivariate import multivariate_normal


class Generator:
    """Makes random arrays. Each call draws anew; the n-th call of a seed and shape gives the same values always.

    The methods are those of numpy.random.Generator, with `chunks`. Parameters may be arrays, of NumPy or of this
    package, and are broadcast with `size` as NumPy's; values of our arrays that NumPy would refuse are refused by the
    task that finds them.

    >>> import lambdarray as la
    >>> rng = la.random.default_rng(0)
    >>> rng.normal([0, 100], [[1], [5]]).shape
    (2, 2)
    """

    def __init__(self, bit_generator: Any = None) -> None:
        """Take what `BitGenerator` does: a seed, a SeedSequence, or one of NumPy's generators for its entropy."""
        self._bits = bit_generator if isinstance(bit_generator, BitGenerator) else BitGenerator(bit_generator)

    @property
    def bit_generator(self) -> BitGenerator:
        """The seed sequence, as `seed_seq`, and the number of calls."""
        return self._bits

    def spawn(self, n_children: int) -> list[Generator]:
        """Generators that are independent of this one and of one another.

        >>> import lambdarray as la
        >>> one, two = la.random.default_rng(0).spawn(2)
        >>> bool((one.random(3) == two.random(3)).any())
        False
        """
        return [Generator(bits) for bits in self._bits.spawn(n_children)]

    # -- one value for each element; more of them are in DISTRIBUTIONS

    def random(self, size: Any = None, dtype: Any = np.float64, out: None = None, *, chunks: Any = "auto") -> Array:
        """Uniform on [0, 1)."""
        refuse_out(out, "random")
        return singles(self._bits, "random", {}, size, dtype, chunks)

    def standard_normal(
        self, size: Any = None, dtype: Any = np.float64, out: None = None, *, chunks: Any = "auto"
    ) -> Array:
        """Normal with mean 0 and deviation 1."""
        refuse_out(out, "standard_normal")
        return singles(self._bits, "standard_normal", {}, size, dtype, chunks)

    def standard_exponential(
        self, size: Any = None, dtype: Any = np.float64, method: str = "zig", out: None = None, *, chunks: Any = "auto"
    ) -> Array:
        """Exponential with scale 1."""
        refuse_out(out, "standard_exponential")
        args = {} if method == "zig" else {"method": method}
        return singles(self._bits, "standard_exponential", args, size, dtype, chunks)

    def standard_gamma(
        self, shape: Any, size: Any = None, dtype: Any = np.float64, out: None = None, *, chunks: Any = "auto"
    ) -> Array:
        """Gamma with scale 1."""
        refuse_out(out, "standard_gamma")
        return singles(self._bits, "standard_gamma", {"shape": shape}, size, dtype, chunks)

    def integers(
        self,
        low: Any,
        high: Any = None,
        size: Any = None,
        dtype: Any = np.int64,
        endpoint: bool = False,
        *,
        chunks: Any = "auto",
    ) -> Array:
        """Integers of [low, high), or of [low, high] with `endpoint`."""
        bounds = {"low": 0 if high is None else low, "high": low if high is None else high, "endpoint": endpoint}
        return singles(self._bits, "integers", bounds, size, dtype, chunks)

    def bytes(self, length: int) -> bytes:
        """Random bytes, drawn here and now."""
        return self._bits.in_memory().bytes(length)

    # -- rows of values that depend on one another

    def multinomial(self, n: Any, pvals: Any, size: Any = None, *, chunks: Any = "auto") -> Array:
        """How often each of the outcomes with the probabilities `pvals` (last axis) comes in n trials."""
        return rows(self._bits, "multinomial", {"n": n, "pvals": pvals}, "pvals", size, np.int64, chunks)

    def multivariate_hypergeometric(
        self, colors: Any, nsample: int, size: Any = None, method: str = "marginals", *, chunks: Any = "auto"
    ) -> Array:
        """How many of each colour are among `nsample` drawn without replacement from `colors` of them."""
        args = {"colors": colors, "nsample": nsample, "method": method}
        return rows(self._bits, "multivariate_hypergeometric", args, "colors", size, np.int64, chunks)

    def dirichlet(self, alpha: Any, size: Any = None, *, chunks: Any = "auto") -> Array:
        """Proportions that add up to 1, with the concentrations `alpha`."""
        return rows(self._bits, "dirichlet", {"alpha": alpha}, "alpha", size, np.float64, chunks)

    def multivariate_normal(
        self,
        mean: Any,
        cov: Any,
        size: Any = None,
        check_valid: str = "warn",
        tol: float = 1e-8,
        *,
        method: str = "svd",
        chunks: Any = "auto",
    ) -> Array:
        """Normal vectors with this mean and covariance; the covariance is decomposed at once, in memory.

        >>> import lambdarray as la
        >>> la.random.default_rng(0).multivariate_normal([0, 0], [[2, 1], [1, 2]], size=10**9).shape
        (1000000000, 2)
        """
        return multivariate_normal(self, mean, cov, size, check_valid, tol, method, chunks)

    # -- elements in random order

    def choice(
        self,
        a: Any,
        size: Any = None,
        replace: bool = True,
        p: Any = None,
        axis: int = 0,
        shuffle: bool = True,
        *,
        chunks: Any = "auto",
    ) -> Array:
        """A sample of the elements of `a` along an axis, or of the integers below it; `p` are their probabilities.

        Without replacement and without `p` each tile computes its own part of the sample, whose order is random with
        or without `shuffle`; with `p` one task draws the whole sample.

        >>> import lambdarray as la
        >>> sample = la.random.default_rng(0).choice(10**12, 1000, replace=False)
        >>> len(set(sample.tolist()))
        1000
        """
        return permutations.choice(self._bits, a, size, replace, p, axis, chunks)

    def permutation(self, x: Any, axis: int = 0, *, chunks: Any = "auto") -> Array:
        """The integers below x, or the slices of an array along an axis, in random order.

        Each tile computes its part of the order by itself.

        >>> import lambdarray as la
        >>> sorted(la.random.default_rng(0).permutation(5).tolist())
        [0, 1, 2, 3, 4]
        """
        return permutations.permutation(self._bits, x, axis, chunks)

    def permuted(self, x: Any, *, axis: int | None = None, out: None = None) -> Array:
        """The elements of each line along an axis in a random order of its own; of the whole array where None."""
        refuse_out(out, "permuted")
        return permutations.permuted(self._bits, x, axis)

    def shuffle(self, x: Any, axis: int = 0) -> None:
        """Shuffle an array of NumPy's or a list in place; TypeError for an Array, which is immutable."""
        if isinstance(x, Array):
            raise TypeError(f"shuffle: an Array is immutable; use x = rng.permutation(x, axis={axis})")
        self._bits.in_memory().shuffle(x, axis)


# Name: (parameters with their defaults, dtype); those without a default are required.
FLOAT, INT = np.float64, np.int64
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


def _signature(parameters: dict[str, float | None]) -> Signature:
    """That of a method with these parameters, which may be given by place or by name."""
    either, no = Parameter.POSITIONAL_OR_KEYWORD, Parameter.empty
    own = [Parameter(k, either, default=no if v is None else v) for k, v in parameters.items()]
    chunks = Parameter("chunks", Parameter.KEYWORD_ONLY, default="auto")
    return Signature([Parameter("self", either), *own, Parameter("size", either, default=None), chunks])


def _method(name: str) -> Any:
    parameters, dtype = DISTRIBUTIONS[name]
    signature = _signature(parameters)

    def draw(*args: Any, **kwargs: Any) -> Array:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}{signature}: {error}") from None
        bound.apply_defaults()
        self, size, chunks = (bound.arguments.pop(k) for k in ("self", "size", "chunks"))
        return singles(self._bits, name, bound.arguments, size, dtype, chunks)

    draw.__name__, draw.__signature__ = name, signature  # type: ignore[attr-defined]
    draw.__doc__ = f"As `numpy.random.Generator.{name}`, with chunks."
    return draw


for _name in DISTRIBUTIONS:
    setattr(Generator, _name, _method(_name))
