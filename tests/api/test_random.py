"""Random arrays: NumPy's parameters, shapes and errors; values by seed, call and shape alone; distributions."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import lambdarray as la
from lambdarray.errors import TaskError

from ..judge import check_raises, cuts

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
VARYING = sorted(name for name, parameters in PARAMETERS.items() if parameters)


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


# -- names


def test_every_name_of_numpys_generator_is_here_with_its_parameters() -> None:
    names = [n for n in dir(np.random.Generator) if not n.startswith("_")]
    for name in names:
        method, theirs = getattr(la.random.Generator, name), getattr(np.random.Generator, name)
        assert method.__doc__
        if callable(theirs):
            expected = list(inspect.signature(theirs).parameters.items())
            found = [p for p in inspect.signature(method).parameters.items() if p[0] != "chunks"]
            assert [(k, p.kind, p.default) for k, p in found] == [(k, p.kind, p.default) for k, p in expected], name
    assert set(PARAMETERS) < set(names)


def test_a_wrong_argument_is_refused_with_the_signature() -> None:
    with pytest.raises(TypeError, match=r"beta\(self, a, b.*missing a required argument: 'a'"):
        ours().beta()
    with pytest.raises(TypeError, match="sigma"):
        ours().normal(sigma=3)
    with pytest.raises(TypeError, match="immutable"):
        ours().random(3, out=np.empty(3))


# -- one value for each element


@pytest.mark.parametrize("name", VARYING)
def test_arrays_of_parameters_draw_what_numpy_draws_from_a_blocks_stream(name: str) -> None:
    theirs = {k: np.full((5, 1) if n else 4, v) for n, (k, v) in enumerate(PARAMETERS[name].items())}
    theirs = {k: v + np.arange(v.size).reshape(v.shape) % 2 * 0.1 if v.dtype == float else v for k, v in theirs.items()}
    expected = getattr(stream(0, 0), name)(**theirs, size=(5, 4))
    lazy = {k: la.from_array(v, chunks=2) for k, v in theirs.items()}
    same(getattr(ours(), name)(**theirs, size=(5, 4)), expected)
    same(getattr(ours(), name)(**lazy, size=(5, 4), chunks=(2, 3)), expected)


@pytest.mark.parametrize("name", ["normal", "poisson", "hypergeometric", "standard_gamma", "integers"])
@settings(max_examples=15)
@given(data=st.data())
def test_values_with_parameters_do_not_depend_on_chunks(name: str, data: Any) -> None:
    """Over several logical blocks, drawn by rejection, with parameters that vary in each."""
    rng = np.random.default_rng(0)
    spread = {k: v * (1 + rng.random((300, 1) if n % 2 else 700)) for n, (k, v) in enumerate(PARAMETERS[name].items())}
    kinds = {k: v.astype(int) if isinstance(PARAMETERS[name][k], int) else v for k, v in spread.items()}
    arrays = {k: la.from_array(v, chunks=tuple(cuts(data.draw, n) for n in v.shape)) for k, v in kinds.items()}
    independent(lambda **kw: getattr(ours(), name)(**arrays, size=(300, 700), **kw), data)


@given(loc=hnp.array_shapes(min_dims=0, max_side=3, min_side=0), data=st.data())
def test_parameters_broadcast_with_size_as_numpys(loc: Any, data: Any) -> None:
    scale = data.draw(hnp.array_shapes(min_dims=0, max_side=3, min_side=0))
    size = data.draw(st.none() | st.integers(0, 3) | hnp.array_shapes(min_dims=0, max_side=3, min_side=0))
    theirs = np.zeros(loc), np.ones(scale)
    try:
        expected = np.random.default_rng(0).normal(*theirs, size=size)
    except ValueError as error:
        check_raises(lambda *given: ours().normal(*given, size=size), tuple(map(la.asarray, theirs)), error)
        return
    for parameters in (theirs, tuple(map(la.asarray, theirs))):
        made = ours().normal(*parameters, size=size)
        assert (made.shape, made.dtype) == (np.shape(expected), np.float64)
        assert made.compute().shape == np.shape(expected)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_integers_of_every_dtype_take_arrays_of_bounds(dtype: str) -> None:
    most = int(np.iinfo(dtype).max) if dtype != "?" else 1
    high = np.array([1, most], dtype="u8")
    made = ours().integers(0, high, size=(50, 2), dtype=dtype, endpoint=True, chunks=20)
    same(made, stream(0, 0).integers(0, high, size=(50, 2), dtype=dtype, endpoint=True))
    fair(ours().integers(2, size=10_000, dtype=dtype).compute(), [0.5, 0.5])


BAD: dict[str, Callable[..., Any]] = {
    "a negative scale": lambda rng, a: rng.normal(0, a([1.0, -1.0])),
    "one of many scales": lambda rng, a: rng.gamma(a([[1.0], [2.0]]), a([1.0, 2.0, -3.0])),
    "empty bounds": lambda rng, a: rng.integers(a([0, 5]), 5),
    "bounds beyond the dtype": lambda rng, a: rng.integers(0, a([5, 300]), dtype="u1"),
    "a probability above 1": lambda rng, a: rng.binomial(a([5, 5]), 1.5),
    "a mode outside": lambda rng, a: rng.triangular(0.0, a([1.0, 5.0]), 4.0),
    "a sample too large": lambda rng, a: rng.hypergeometric(a([1, 2]), 1, 9),
    "a size that does not fit": lambda rng, a: rng.normal(a([1.0, 2.0]), size=3),
    "shapes that do not fit": lambda rng, a: rng.normal(a([1.0, 2.0]), a([1.0, 2.0, 3.0])),
    "a complex mean": lambda rng, a: rng.normal(a([1j])),
    "counts that are no integers": lambda rng, a: rng.binomial(a([1.5]), 0.5),
    "text": lambda rng, a: rng.normal(a(["x"])),
    "probabilities above 1": lambda rng, a: rng.multinomial(3, a([0.9, 0.9, 0.1])),
    "no probabilities": lambda rng, a: rng.multinomial(3, a(np.empty(0))),
    "negative counts": lambda rng, a: rng.multinomial(a([3, -3]), a([0.5, 0.5])),
    "rows of another size": lambda rng, a: rng.multinomial(a([3, 3]), a([0.5, 0.5]), size=3),
    "negative concentrations": lambda rng, a: rng.dirichlet(a([1.0, -1.0])),
    "concentrations in rows": lambda rng, a: rng.dirichlet(a([[1.0, 1.0]])),
    "colours in rows": lambda rng, a: rng.multivariate_hypergeometric(a([[1, 1]]), 1),
    "more than all colours": lambda rng, a: rng.multivariate_hypergeometric(a([1, 1]), 3),
    "half a colour": lambda rng, a: rng.multivariate_hypergeometric(a([1.5, 1]), 1),
    "an unknown method": lambda rng, a: rng.multivariate_hypergeometric(a([1, 1]), 1, method="none"),
    "a sum that is not 1": lambda rng, a: rng.choice(2, 3, p=a([0.5, 0.6])),
    "too many probabilities": lambda rng, a: rng.choice(2, 3, p=a([0.5, 0.2, 0.3])),
    "probabilities in rows": lambda rng, a: rng.choice(2, 3, p=a([[0.5, 0.5]])),
    "fewer than are asked for": lambda rng, a: rng.choice(3, 2, replace=False, p=a([1.0, 0.0, 0.0])),
    "more than there are": lambda rng, a: rng.choice(a([1.0, 2.0]), 3, replace=False),
    "an axis too far": lambda rng, a: rng.choice(a([1.0, 2.0]), 3, axis=1),
    "nothing to choose from": lambda rng, a: rng.choice(a(np.empty(0)), 3),
    "a permutation of a scalar": lambda rng, a: rng.permutation(a(np.array(1.5))),
    "a permutation along no axis": lambda rng, a: rng.permutation(a([1.0, 2.0]), axis=1),
    "lines along no axis": lambda rng, a: rng.permuted(a([1.0, 2.0]), axis=1),
}


@pytest.mark.parametrize("what", sorted(BAD))
@pytest.mark.parametrize("kind", ["lists", "arrays", "ours"])
def test_what_numpy_refuses_is_refused(what: str, kind: str) -> None:
    with pytest.raises(Exception) as refused:
        BAD[what](np.random.default_rng(0), np.asarray)
    make = {"lists": lambda x: np.asarray(x).tolist(), "arrays": np.asarray, "ours": la.asarray}[kind]
    check_raises(lambda: BAD[what](ours(), make), (), refused.value)


SCALARS = {
    "low above high": lambda rng: rng.integers(5, 5, size=3),
    "a float dtype": lambda rng: rng.integers(5, size=3, dtype="f8"),
    "an integer dtype": lambda rng: rng.random(3, dtype="i8"),
    "bytes swapped": lambda rng: rng.integers(5, size=3, dtype=">i4"),
    "a negative size": lambda rng: rng.random(-1),
    "half a size": lambda rng: rng.random(2.5),
    "choose from text": lambda rng: rng.choice("abc"),
    "choose from a fraction": lambda rng: rng.choice(2.5),
    "choose from nothing": lambda rng: rng.choice(0, 3),
    "choose too many": lambda rng: rng.choice(3, (2, 2), replace=False),
    "fewer children than none": lambda rng: rng.spawn(-1),
    "a sample that is no integer": lambda rng: rng.multivariate_hypergeometric([3, 3], 1.5),
    "a negative sample": lambda rng: rng.multivariate_hypergeometric([3, 3], -1),
    "probability as a number": lambda rng: rng.multinomial(3, 0.5),
    "concentration as a number": lambda rng: rng.dirichlet(0.5),
}


@pytest.mark.parametrize("what", sorted(SCALARS))
def test_scalars_that_numpy_refuses_are_refused_at_once(what: str) -> None:
    with pytest.raises(Exception) as refused:
        SCALARS[what](np.random.default_rng(0))
    with pytest.raises(type(refused.value)):
        SCALARS[what](ours())


def test_numpys_parameters_are_checked_before_any_work_and_ours_by_the_task() -> None:
    with pytest.raises(ValueError, match="scale < 0"):
        ours().normal(0, np.array([1.0, -1.0]))
    lazy = ours().normal(0, la.asarray([1.0, -1.0]))
    with la.config(retries=0), pytest.raises(TaskError, match="scale < 0"):
        lazy.compute()


def test_an_empty_draw_is_allowed_as_in_numpy() -> None:
    same(ours().integers(5, 5, size=0), np.empty(0, np.int64))
    same(ours().choice(0, 0), np.empty(0, np.int64))
    same(ours().normal(np.empty((0, 3)), chunks=1), np.empty((0, 3)))
    same(ours().permutation(0), np.empty(0, np.int64))


def test_values_with_parameters_go_on_like_any_others() -> None:
    """In expressions, reductions and views, where a draw is fused, stored or cut anew."""
    lam = la.from_array(np.arange(600.0).reshape(20, 30), chunks=7)
    drawn = ours().poisson(lam, chunks=(3, 8))
    values = drawn.compute()
    np.testing.assert_array_equal((drawn * 2 + lam).compute(), values * 2 + lam.compute())
    np.testing.assert_array_equal(drawn.T[::-1, 3:].compute(), values.T[::-1, 3:])
    np.testing.assert_array_equal(drawn.sum(axis=0).compute(), values.sum(axis=0))
    both = la.compute(drawn, drawn.max(), lam + 1)
    np.testing.assert_array_equal(both[0], values)
    again = ours().normal(drawn - 5, (lam.T + 1)[:30, :20].T).compute()
    np.testing.assert_array_equal(again, stream(0, 0).normal(values - 5, lam.compute() + 1))


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


# -- samples


@pytest.mark.parametrize("size", [None, (), 3, (2, 3), (0, 2)])
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_choice_of_integers_has_numpys_shape_and_range(size: Any, replace: bool, weighted: bool) -> None:
    p = np.arange(10) / 45 if weighted else None
    expected = np.random.default_rng(0).choice(10, size, replace, p)
    made = ours().choice(10, size, replace, p)
    assert (made.shape, made.dtype) == (np.shape(expected), np.int64)
    values = made.compute().ravel()
    assert ((values >= weighted) & (values < 10)).all()
    assert replace or len(set(values.tolist())) == values.size


@settings(max_examples=15)
@given(data=st.data(), replace=st.booleans(), weighted=st.booleans())
def test_samples_do_not_depend_on_chunks(data: Any, replace: bool, weighted: bool) -> None:
    n = data.draw(st.sampled_from([400, 70_000]))
    p = np.arange(n) / (n * (n - 1) / 2) if weighted else None
    p = la.asarray(p) if weighted and data.draw(st.booleans()) else p
    independent(lambda **kw: ours().choice(n, (30, 13), replace, p, **kw), data)


def test_samples_with_replacement_come_as_often_as_they_should() -> None:
    fair(ours().choice(6, 60_000, chunks=7000).compute(), np.full(6, 1 / 6))
    p = [0.1, 0.0, 0.2, 0.3, 0.4]
    sample = ours().choice(5, 60_000, p=p, chunks=7000).compute()
    assert not (sample == 1).any()
    fair(np.searchsorted([0, 2, 3, 4], sample), [0.1, 0.2, 0.3, 0.4])
    pairs = np.bincount(sample[:-1] * 5 + sample[1:], minlength=25).reshape(5, 5)[[0, 2, 3, 4]][:, [0, 2, 3, 4]]
    assert stats.chi2_contingency(pairs).pvalue > FAIR


def test_samples_without_replacement_are_even() -> None:
    """Each pair of two of five, in order, comes as often; with weights as drawing one after the other has it."""
    rng = ours()
    draws = np.array([rng.choice(5, 2, replace=False).compute() for _ in range(700)])
    found = draws @ [5, 1]
    fair(np.searchsorted([5 * i + j for i in range(5) for j in range(5) if i != j], found), np.full(20, 0.05))
    p = np.array([0.5, 0.3, 0.2])
    draws = np.array([rng.choice(3, 2, replace=False, p=p).compute() for _ in range(700)])
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    fair(np.searchsorted([3 * i + j for i, j in pairs], draws @ [3, 1]), [p[i] * p[j] / (1 - p[i]) for i, j in pairs])


def test_a_sample_of_a_huge_population_holds_the_sample_alone() -> None:
    sample = ours().choice(10**15, 100_000, replace=False, chunks=9000)
    assert la.plan(sample).task_count == 12
    values = sample.compute()
    assert len(np.unique(values)) == 100_000
    assert stats.kstest(values / 1e15, "uniform").pvalue > FAIR


def test_a_weighted_sample_without_replacement_is_drawn_once() -> None:
    sample = ours().choice(1000, 100, replace=False, p=np.full(1000, 0.001), chunks=10)
    drawing = [p for p in la.plan(sample + 1).programs if any(s.kernel == "random" for s in p.steps)]
    assert [p.task_count for p in drawing] == [1]


@pytest.mark.parametrize("size", [None, 3, (2, 2)])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("replace", [True, False])
def test_a_choice_of_slices_is_the_array_at_a_choice_of_places(size: Any, axis: int, replace: bool) -> None:
    a = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    for x in (a, la.from_array(a, chunks=(3, 2, 1))):
        index = ours().choice(a.shape[axis], size, replace).compute()
        same(ours().choice(x, size, replace, axis=axis), a.take(index, axis=axis))


def test_a_choice_of_a_list_is_weighted() -> None:
    sample = ours().choice([10.0, 20.0, 30.0], 30_000, p=[0.2, 0.3, 0.5], chunks=4000).compute()
    fair(sample.astype(int) // 10 - 1, [0.2, 0.3, 0.5])


# -- orders


@settings(max_examples=15)
@given(n=st.integers(0, 100) | st.integers(2**16 - 1, 2**17), data=st.data())
def test_permutations_of_a_range_do_not_depend_on_chunks(n: int, data: Any) -> None:
    independent(lambda **kw: ours().permutation(n, **kw), data)
    assert np.array_equal(np.sort(ours().permutation(n).compute()), np.arange(n))


def test_permutations_of_few_are_even() -> None:
    rng = ours()
    found = [tuple(rng.permutation(4).tolist()) for _ in range(1200)]
    fair(np.unique(found, axis=0, return_inverse=True)[1], np.full(24, 1 / 24))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_permutation_of_slices_is_the_array_at_a_permutation_of_places(axis: int) -> None:
    a = np.arange(4 * 5 * 2).reshape(4, 5, 2)
    for x in (a, a.tolist(), la.from_array(a, chunks=(3, 2, 1))):
        order = ours().permutation(a.shape[axis]).compute()
        same(ours().permutation(x, axis), a.take(order, axis=axis))


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
@pytest.mark.parametrize("dtype", ["i8", "c16", "?", "S3", [("a", "i4"), ("b", "f8")]])
def test_permuted_is_numpys_of_a_blocks_stream(axis: int | None, dtype: Any) -> None:
    a = np.arange(4 * 5 * 2).reshape(4, 5, 2).astype(dtype)
    if axis is None:
        expected = stream(0).permuted(a.ravel()).reshape(a.shape)
    else:
        expected = stream(0, 0, 0).permuted(a, axis=axis)
    for x in (a, a.tolist(), la.from_array(a, chunks=(3, 2, 1))):
        if not isinstance(x, list) or dtype == "i8":
            same(ours().permuted(x, axis=axis), expected)


@settings(max_examples=15)
@given(data=st.data(), axis=st.integers(0, 1))
def test_permuted_does_not_depend_on_chunks(data: Any, axis: int) -> None:
    a = np.arange(300 * 700).reshape(300, 700)
    independent(lambda chunks: ours().permuted(la.from_array(a, chunks=chunks), axis=axis), data)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_long_lines_are_permuted_from_all_tiles_that_they_lie_in(axis: int | None, monkeypatch: Any) -> None:
    from lambdarray.api import permutations

    monkeypatch.setattr(permutations, "LINE", 3)
    a = np.arange(40).reshape(8, 5)
    values = ours().permuted(la.from_array(a, chunks=(3, 2)), axis=axis).compute()
    assert not np.array_equal(values, a)
    if axis is None:
        assert np.array_equal(np.sort(values.ravel()), a.ravel())
    else:
        assert np.array_equal(np.sort(values, axis=axis), a)
        orders = np.moveaxis(values, axis, 0) // (5, 1)[axis] if axis == 0 else values.T % 5
        assert len(np.unique(orders, axis=1).T) > 1


def test_an_array_is_not_shuffled_in_place_but_numpys_and_lists_are() -> None:
    with pytest.raises(TypeError, match=r"immutable.*permutation"):
        ours().shuffle(la.arange(5))
    a, items = np.arange(50).reshape(25, 2), list(range(30))
    assert ours().shuffle(a) is None
    ours().shuffle(items)
    expected = np.arange(50).reshape(25, 2)
    stream().shuffle(expected)
    np.testing.assert_array_equal(a, expected)
    assert sorted(items) == list(range(30)) != items


def test_bytes_are_numpys_of_the_calls_stream() -> None:
    assert ours().bytes(9) == stream().bytes(9)


# -- seeds


def test_children_draw_what_neither_their_parent_nor_others_draw() -> None:
    parent = ours()
    first, second = parent.spawn(2)
    (third,) = parent.spawn(1)
    (grandchild,) = first.spawn(1)
    everyone = [ours(), first, second, third, grandchild]
    drawn = np.array([rng.random((300, 300)).compute() for rng in everyone])
    assert len(np.unique(drawn)) == drawn.size
    assert abs(np.corrcoef(drawn.reshape(len(everyone), -1)) - np.eye(len(everyone))).max() < 0.02


def test_children_are_those_of_the_seed_sequence() -> None:
    sequence, parent = np.random.SeedSequence(SEED), ours()
    for theirs, mine in zip(sequence.spawn(3), parent.spawn(3), strict=True):
        assert mine.bit_generator.seed_seq.spawn_key == theirs.spawn_key
        np.testing.assert_array_equal(mine.random(9).compute(), la.random.default_rng(theirs).random(9).compute())
    assert parent.bit_generator.seed_seq.n_children_spawned == 3


@pytest.mark.parametrize("seed", [0, 2**100, [1, 2], np.array([3, 4]), np.int64(5), np.random.SeedSequence(6)])
def test_a_seed_may_be_whatever_numpys_is_and_repeats(seed: Any) -> None:
    one, two = la.random.default_rng(seed), la.random.default_rng(seed)
    np.testing.assert_array_equal(one.random(9).compute(), two.random(9).compute())
    sequence = np.random.SeedSequence(seed) if not isinstance(seed, np.random.SeedSequence) else seed
    np.testing.assert_array_equal(la.random.default_rng(sequence).random(9).compute(), ours(seed).random(9).compute())


def test_no_seed_is_a_fresh_one() -> None:
    assert not np.array_equal(ours(None).random(9).compute(), ours(None).random(9).compute())


def test_numpys_generators_give_entropy_and_go_on() -> None:
    for make in (np.random.default_rng, np.random.PCG64):
        theirs = make(1)
        one, two, again = ours(theirs), ours(theirs), ours(make(1))
        first = one.random(9).compute()
        np.testing.assert_array_equal(first, again.random(9).compute())
        assert not np.array_equal(first, two.random(9).compute())


@pytest.mark.parametrize("seed", [-1, 1.5, "text"])
def test_what_is_no_seed_is_refused_as_numpy_refuses_it(seed: Any) -> None:
    with pytest.raises(Exception) as refused:
        np.random.default_rng(seed)
    with pytest.raises(type(refused.value)):
        la.random.default_rng(seed)


def test_our_generators_are_handed_on() -> None:
    rng = ours()
    assert la.random.default_rng(rng) is rng
    assert la.random.Generator(rng.bit_generator).bit_generator is rng.bit_generator


# -- the functions of the module


def test_functions_of_the_module_are_numpys_names_over_one_generator() -> None:
    functions = {n for n in np.random.__all__ if n[0].islower()} - {"get_state", "set_state", "random_integers"}
    assert functions <= set(la.random.__all__)
    la.random.seed(SEED)
    rng = ours()
    pairs = (
        (la.random.rand(2, 3), rng.random((2, 3))),
        (la.random.randn(4), rng.standard_normal(4)),
        (la.random.randint(3, 9, 5), rng.integers(3, 9, 5)),
        (la.random.random_sample(4), rng.random(4)),
        (la.random.normal(5, [1, 2], size=(3, 2)), rng.normal(5, [1, 2], size=(3, 2))),
        (la.random.choice(9, 4, replace=False), rng.choice(9, 4, replace=False)),
    )
    for function, method in pairs:
        same(function, method.compute())
    assert la.random.rand().shape == ()
    la.random.seed()
    assert not np.array_equal(la.random.rand(4).compute(), pairs[3][0].compute())


# -- distributions over several blocks

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
