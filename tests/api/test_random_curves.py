"""Each method's values follow the distribution that it is named after, over several blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from .draws import FAIR, PARAMETERS, fair, ours

CURVES = {
    "random": stats.uniform(), "standard_normal": stats.norm(), "standard_exponential": stats.expon(),
    "standard_cauchy": stats.cauchy(), "standard_gamma": stats.gamma(2), "uniform": stats.uniform(-1, 3),
    "normal": stats.norm(5, 2), "exponential": stats.expon(scale=3), "gamma": stats.gamma(2, scale=3),
    "beta": stats.beta(2, 3), "chisquare": stats.chi2(3), "noncentral_chisquare": stats.ncx2(3, 1),
    "f": stats.f(5, 9), "noncentral_f": stats.ncf(5, 9, 1), "standard_t": stats.t(9), "vonmises": stats.vonmises(2),
    "pareto": stats.lomax(5), "weibull": stats.weibull_min(2), "power": stats.powerlaw(2),
    "laplace": stats.laplace(1, 2), "gumbel": stats.gumbel_r(1, 2), "logistic": stats.logistic(1, 2),
    "lognormal": stats.lognorm(0.5), "rayleigh": stats.rayleigh(scale=2), "triangular": stats.triang(0.25, 0, 4),
    "wald": stats.invgauss(2 / 3, scale=3),
}  # fmt: skip
TABLES = {
    "integers": stats.randint(3, 900), "binomial": stats.binom(10, 0.3), "negative_binomial": stats.nbinom(5, 0.4),
    "poisson": stats.poisson(14), "geometric": stats.geom(0.3), "zipf": stats.zipf(4),
    "hypergeometric": stats.hypergeom(30, 10, 5), "logseries": stats.logser(0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CURVES))
def test_continuous_values_follow_their_curve(name: str) -> None:
    x = getattr(ours(), name)(**PARAMETERS[name], size=(300, 400), chunks=170).compute().ravel()
    assert stats.kstest(x[::3], CURVES[name].cdf).pvalue > FAIR
    neighbours = CURVES[name].cdf(np.stack([x[:-1:2], x[1::2]]))
    assert stats.chisquare(np.bincount((neighbours * 8).astype(int).clip(0, 7).T @ [8, 1], minlength=64)).pvalue > FAIR


@pytest.mark.parametrize("name", sorted(TABLES))
def test_counts_follow_their_table(name: str) -> None:
    x = getattr(ours(), name)(**PARAMETERS[name], size=(300, 400), chunks=170).compute().ravel()
    table = TABLES[name]
    low, high = int(table.ppf(0.001)), int(table.ppf(0.999))
    inner = table.pmf(np.arange(low + 1, high))
    fair(np.clip(x, low, high) - low, [table.cdf(low), *inner, table.sf(high - 1)])


def test_every_method_follows_a_curve_or_a_table() -> None:
    assert {*CURVES, *TABLES} == set(PARAMETERS)
    assert math.prod((300, 400)) > 2**16
