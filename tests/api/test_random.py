"""Random arrays: NumPy's names, parameters, shapes and errors; values by seed, call and shape alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la
from lambdarray.errors import TaskError

from ..judge import check_raises, cuts
from .draws import PARAMETERS, fair, independent, ours, same, stream

VARYING = sorted(name for name, parameters in PARAMETERS.items() if parameters)

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
    for workers in (1, 5):
        with la.config(workers=workers):
            np.testing.assert_array_equal(drawn.compute(), values)
    both = la.compute(drawn, drawn.max(), lam + 1)
    np.testing.assert_array_equal(both[0], values)
    again = ours().normal(drawn - 5, (lam.T + 1)[:30, :20].T).compute()
    np.testing.assert_array_equal(again, stream(0, 0).normal(values - 5, lam.compute() + 1))


def test_bytes_are_numpys_of_the_calls_stream() -> None:
    assert ours().bytes(9) == stream().bytes(9)
