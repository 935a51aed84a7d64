"""Nothing that one run returns or keeps is touched by another, nor does memory hold what no array needs."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import get_config
from lambdarray.errors import TaskError
from lambdarray.runtime.launch import open_scratch

from ..test_tiny import Broken

VIEWS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "all of it": lambda x: x[:],
    "its transpose": lambda x: x.T,
    "its transpose's": lambda x: x.T.T,
    "reshaped": lambda x: x.reshape(2, 8),
    "cut anew and back": lambda x: x.rechunk(2).rechunk(4),
    "two slices together": lambda x: la.concat([x[:2], x[2:]]),
    "broadcast": lambda x: la.broadcast_to(x, (1, 4, 4)),
    "half of it": lambda x: x[:2],
}


@pytest.fixture(params=["threads", "processes"], autouse=True)
def _executor(request: pytest.FixtureRequest) -> Iterator[None]:
    with la.config(executor=request.param, workers=2):
        yield


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_writing_into_a_result_changes_neither_a_persisted_array_nor_the_source(view: Callable[[Any], Any]) -> None:
    values = np.ones((4, 4))
    for array in (la.from_array(values), (la.from_array(values) + 0).persist()):
        view(array).compute()[...] = 99
        np.testing.assert_array_equal(array.compute(), np.ones((4, 4)))
    np.testing.assert_array_equal(values, np.ones((4, 4)))


def test_one_array_asked_for_twice_is_two_results() -> None:
    x = la.ones((4, 4)) + 1
    first, second, total = la.compute(x, x, x.sum())
    first[...] = 0
    assert second.sum() == total == 32


@pytest.mark.parametrize("chunks", [50, 300])
def test_an_output_that_later_tasks_read_stays_until_they_have_read_it(chunks: int, rng: np.random.Generator) -> None:
    values = rng.standard_normal((300, 300))
    x = la.from_array(values, chunks=chunks)
    p = x @ x.T
    product, total, again, turned = la.compute(p, p.sum(), p @ x, p.T + 1)
    expected = values @ values.T
    np.testing.assert_allclose(product, expected, atol=1e-11)
    np.testing.assert_allclose(total, expected.sum())
    np.testing.assert_allclose(again, expected @ values, atol=1e-9)
    np.testing.assert_allclose(turned, expected.T + 1, atol=1e-11)


def test_a_run_in_memory_never_sees_the_tiles_of_another() -> None:
    values = np.zeros((6, 6))
    y = la.from_array(values, chunks=2) + 1
    before = y.persist()
    values += 1
    np.testing.assert_array_equal(y.compute(), np.full((6, 6), 2.0))
    np.testing.assert_array_equal(before.compute(), np.ones((6, 6)))


def test_a_persisted_array_outlives_another_of_the_same_expression() -> None:
    x = la.ones((4, 4)) + 1
    first, second = x.persist(), x.persist()
    del first
    gc.collect()
    np.testing.assert_array_equal(second.compute(), np.full((4, 4), 2.0))


def test_computing_what_is_persisted_on_a_durable_store_leaves_it_there(durable_store: str) -> None:
    x = la.ones((6, 6), chunks=3) + 1
    with la.config(store=durable_store):
        kept = x.persist()
        x.compute()
        x.sum().compute()
        np.testing.assert_array_equal(kept.compute(), np.full((6, 6), 2.0))


def test_memory_holds_nothing_of_a_run_that_is_over_also_where_it_failed() -> None:
    store = open_scratch(get_config())
    before = set(store.list())
    x = la.random.default_rng(0).standard_normal((60, 60), chunks=20)
    p = x @ x.T
    la.compute(p, p.sum(), p.T + 1)
    with la.config(retries=0), pytest.raises((TaskError, OSError)):
        (la.from_array(Broken(), chunks=5) + 1).compute()
    assert set(store.list()) == before
