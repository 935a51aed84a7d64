"""Random rows of values that depend on one another: counts, proportions, normal vectors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import lambdarray as la

from .draws import FAIR, fair, independent, ours, same, stream

# -- rows


@pytest.mark.parametrize("n", [9, [9, 1], [[9], [4], [0]]])
@pytest.mark.parametrize("pvals", [[0.2, 0.3, 0.5], [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]])
def test_multinomial_is_numpys_of_a_blocks_stream(n: Any, pvals: Any) -> None:
    lead = np.broadcast_shapes(np.shape(n), np.shape(pvals)[:-1])
    expected = stream(*[0] * (len(lead) + 1)).multinomial(n, pvals)
    same(ours().multinomial(n, pvals), expected)
    lazy = la.asarray(n) if np.ndim(n) else n
    same(ours().multinomial(lazy, la.from_array(np.array(pvals), chunks=1), chunks=1), expected)


@pytest.mark.parametrize("size", [None, 5, (2, 3), (0, 2)])
def test_rows_are_numpys_of_a_blocks_stream(size: Any) -> None:
    block = stream(*[0] * (1 if size is None else 1 + np.ndim(np.empty(size))))
    for name, vector, rest in (
        ("dirichlet", [1.0, 2.0, 3.0], {}),
        ("multivariate_hypergeometric", [5, 6, 7], {"nsample": 9}),
        ("multivariate_hypergeometric", [5, 6, 7], {"nsample": 9, "method": "count"}),
    ):
        state = block.bit_generator.state
        expected = getattr(block, name)(vector, size=size, **rest)
        block.bit_generator.state = state
        for made in (vector, la.asarray(vector)):
            same(getattr(ours(), name)(made, size=size, chunks=1, **rest), expected)


@settings(max_examples=15)
@given(data=st.data())
def test_rows_do_not_depend_on_chunks(data: Any) -> None:
    pvals = np.random.default_rng(0).dirichlet(np.ones(9), 50)
    independent(lambda **kw: ours().multinomial(la.arange(50, chunks=9), pvals, size=(400, 50), **kw), data)
    independent(lambda **kw: ours().dirichlet(np.arange(1, 7), 20_000, **kw), data)


def test_rows_have_their_margins() -> None:
    counts = ours().multinomial(10, [0.2, 0.3, 0.5], size=20_000, chunks=3000).compute()
    assert (counts.sum(axis=1) == 10).all()
    fair(np.minimum(counts[:, 0], 6), [*stats.binom.pmf(np.arange(6), 10, 0.2), stats.binom.sf(5, 10, 0.2)])
    parts = ours().dirichlet([1.0, 2.0, 3.0], 20_000).compute()
    assert stats.kstest(parts[:, 0], stats.beta(1, 5).cdf).pvalue > FAIR
    colours = ours().multivariate_hypergeometric([5, 6, 7], 9, 20_000).compute()
    fair(colours[:, 0], stats.hypergeom(18, 5, 9).pmf(np.arange(6)))


# -- normal vectors

COVARIANCE = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, 0.3], [0.1, 0.3, 4.0]])


@pytest.mark.parametrize("method", ["svd", "eigh", "cholesky"])
@pytest.mark.parametrize("size", [None, 6, (2, 3)])
def test_multivariate_normal_is_numpys_of_a_blocks_stream(method: str, size: Any) -> None:
    expected = stream(*[0] * (1 + np.ndim(np.empty(size or ())))).multivariate_normal(
        [1, 2, 3], COVARIANCE, size, method=method
    )
    made = ours().multivariate_normal([1, 2, 3], COVARIANCE, size, method=method, chunks=2)
    lazy = ours().multivariate_normal(la.asarray([1, 2, 3]), la.asarray(COVARIANCE), size, method=method)
    assert made.shape == lazy.shape == expected.shape
    np.testing.assert_allclose(made.compute(), expected, rtol=1e-12)
    np.testing.assert_allclose(lazy.compute(), expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["svd", "eigh", "cholesky"])
def test_multivariate_normal_has_its_mean_and_covariance(method: str) -> None:
    x = ours().multivariate_normal([1, 2, 3], COVARIANCE, 50_000, method=method, chunks=(7000, 3)).compute()
    np.testing.assert_allclose(x.mean(axis=0), [1, 2, 3], atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), COVARIANCE, atol=0.1)
    white = np.linalg.solve(np.linalg.cholesky(COVARIANCE), (x - [1, 2, 3]).T)
    assert min(stats.kstest(w, "norm").pvalue for w in white) > FAIR


@pytest.mark.parametrize(
    "given",
    [
        {"mean": [[0, 0]], "cov": np.eye(2)},
        {"mean": [0, 0], "cov": np.eye(3)},
        {"mean": [0, 0], "cov": np.ones(2)},
        {"mean": [0, 0], "cov": np.ones((2, 3))},
        {"mean": [0, 1j], "cov": np.eye(2)},
        {"mean": [0, 0], "cov": np.eye(2), "method": "qr"},
        {"mean": [0, 0], "cov": np.eye(2), "check_valid": "maybe"},
        {"mean": [0, 0], "cov": -np.eye(2), "check_valid": "raise"},
        {"mean": [0, 0], "cov": -np.eye(2), "check_valid": "raise", "method": "eigh"},
        {"mean": [0, 0], "cov": -np.eye(2), "method": "cholesky"},
    ],
)
def test_multivariate_normal_refuses_what_numpy_refuses(given: dict[str, Any]) -> None:
    with pytest.raises(Exception) as refused:
        np.random.default_rng(0).multivariate_normal(**given)
    with pytest.raises(type(refused.value)):
        ours().multivariate_normal(**given)


def test_a_covariance_that_is_none_is_warned_of_where_it_is_given() -> None:
    with pytest.warns(RuntimeWarning, match="positive-semidefinite") as seen:
        ours().multivariate_normal([0, 0], -np.eye(2))
    assert seen[0].filename == __file__
    with warnings.catch_warnings(action="error"):
        made = ours().multivariate_normal([0, 0], -np.eye(2), check_valid="ignore", method="eigh")
    assert np.isfinite(made.compute()).all()
