"""What the tests of random arrays share: seeds and streams, parameters, and when a draw is fair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

import lambdarray as la

from ..judge import cuts

SEED = 7
FAIR = 1e-3
# Valid parameters of every method with one value for each element.
PARAMETERS: dict[str, dict[str, float]] = {
    "random": {}, "standard_normal": {}, "standard_exponential": {}, "standard_cauchy": {},
    "standard_gamma": {"shape": 2.0}, "integers": {"low": 3, "high": 900}, "uniform": {"low": -1.0, "high": 2.0},
    "normal": {"loc": 5.0, "scale": 2.0}, "exponential": {"scale": 3.0}, "gamma": {"shape": 2.0, "scale": 3.0},
    "beta": {"a": 2.0, "b": 3.0}, "binomial": {"n": 10, "p": 0.3}, "negative_binomial": {"n": 5, "p": 0.4},
    "poisson": {"lam": 14.0}, "chisquare": {"df": 3.0}, "noncentral_chisquare": {"df": 3.0, "nonc": 1.0},
    "f": {"dfnum": 5.0, "dfden": 9.0}, "noncentral_f": {"dfnum": 5.0, "dfden": 9.0, "nonc": 1.0},
    "standard_t": {"df": 9.0}, "vonmises": {"mu": 0.0, "kappa": 2.0}, "pareto": {"a": 5.0}, "weibull": {"a": 2.0},
    "power": {"a": 2.0}, "laplace": {"loc": 1.0, "scale": 2.0}, "gumbel": {"loc": 1.0, "scale": 2.0},
    "logistic": {"loc": 1.0, "scale": 2.0}, "lognormal": {"mean": 0.0, "sigma": 0.5}, "rayleigh": {"scale": 2.0},
    "wald": {"mean": 2.0, "scale": 3.0}, "triangular": {"left": 0.0, "mode": 1.0, "right": 4.0},
    "geometric": {"p": 0.3}, "zipf": {"a": 4.0}, "hypergeometric": {"ngood": 10, "nbad": 20, "nsample": 5},
    "logseries": {"p": 0.5},
}  # fmt: skip


def ours(seed: Any = SEED) -> Any:
    return la.random.default_rng(seed)


def stream(*block: int, call: int = 0) -> np.random.Generator:
    """What a logical block of a call is drawn from."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(SEED, spawn_key=(call, *block))))


def same(actual: Any, expected: Any) -> None:
    assert isinstance(actual, la.Array)
    expected = np.asarray(expected)
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(actual.compute(), expected)


def independent(draw_: Callable[..., la.Array], data: Any) -> None:
    """Assert that values do not depend on the chunks that are asked for, which are what the result has."""
    whole = draw_(chunks=-1)
    chunks = tuple(cuts(data.draw, n) for n in whole.shape)
    tiled = draw_(chunks=chunks)
    assert tiled.chunks == tuple(tuple(n for n in c if n) or (0,) for c in chunks)
    np.testing.assert_array_equal(tiled.compute(), whole.compute())


def fair(values: Any, probabilities: Any) -> None:
    """Assert that outcomes 0, 1, ... come as often as these probabilities say."""
    seen = np.bincount(np.ravel(values), minlength=len(probabilities))
    assert len(seen) == len(probabilities)
    assert stats.chisquare(seen, np.asarray(probabilities) * seen.sum()).pvalue > FAIR
