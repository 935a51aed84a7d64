"""Products of a matrix and its own transpose take half the work, and are symmetric to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms import symmetric
from lambdarray.planner import Resources, make_plan

from ..judge import arrays, assert_same, close


def tiles(shape: tuple[int, int], chunks: Any, dtype: str = "f8") -> tuple[la.Array, np.ndarray]:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape) * 5
    values = values + 1j * rng.standard_normal(shape) if dtype.startswith("c") else values
    return la.from_array(values.astype(dtype), chunks=chunks), values.astype(dtype)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices too are taken in halves, so that they can be tried in numbers."""
    monkeypatch.setattr(symmetric, "LEAST_PRODUCTS", 0)
    monkeypatch.setattr(symmetric, "LEAST_TILES", 2)


FORMS: Any = {
    "x.T @ x": lambda x: x.T @ x,
    "x @ x.T": lambda x: x @ x.T,
    "x.mT @ x": lambda x: np.matmul(x.swapaxes(0, 1), x),
    "x.conj().T @ x": lambda x: x.conj().T @ x,
    "x.T.conj() @ x": lambda x: x.T.conj() @ x,
    "x @ x.conj().T": lambda x: x @ x.conj().T,
    "part": lambda x: x[1:, ::2].T @ x[1:, ::2],
    "dot": lambda x: np.dot(x.T, x),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "?"])
def test_it_is_numpys_and_symmetric_to_the_last_bit(form: str, dtype: str, always: None) -> None:
    x, values = tiles((37, 41), 6, dtype)
    out, expected = FORMS[form](x), FORMS[form](values)
    assert_same(out, expected)
    assert len(la.plan(out).programs) > 3
    found = out.compute()
    hermitian = "conj" in form and values.dtype.kind == "c"
    np.testing.assert_array_equal(found, found.conj().T if hermitian else found.T)


@given(st.data())
def test_any_chunks_and_any_size(data: Any) -> None:
    m, n = data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9))
    x, values = data.draw(arrays(dtypes=["f8", "c16", "i8"], shape=(m, n)))
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(symmetric, "LEAST_PRODUCTS", 0)
        patch.setattr(symmetric, "LEAST_TILES", 2)
        assert_same(x.T @ x, values.T @ values)
        assert_same(x @ x.conj().T, values @ values.conj().T)


@pytest.mark.parametrize("parts", [8, 16, 20])
def test_it_takes_half_the_work(parts: int) -> None:
    x, _ = tiles((640, 640), 640 // parts)
    half, whole = la.explain(x.T @ x), la.explain(x.T @ (x + 0))
    products = [p.task_count * e.flops for p, e in _products(x.T @ x)]
    assert sum(products) <= (0.5 + 0.75 / parts) * 2 * 640**3
    assert half.flops < 0.6 * whole.flops
    assert half.bytes_read < whole.bytes_read
    assert len(la.plan(x.T @ x).programs) == 2 * parts


def _products(array: la.Array, workers: int = 2) -> list[Any]:
    plan = make_plan([array._op], Resources(workers, 1 << 30, False))[0]
    return [pair for pair in zip(plan.programs, plan.estimates, strict=True) if "matmul" in pair[0].op]


def test_chunks_are_those_of_any_product_and_what_follows_is_done_with_the_mirror() -> None:
    x, values = tiles((600, 640), (90, 80))
    ridge = x.T @ x + la.eye(640, chunks=80) * 3
    assert (x.T @ x).chunks == ((80,) * 8,) * 2
    assert len(la.plan(ridge).programs) == len(la.plan(x.T @ x).programs)
    assert_same(ridge, values.T @ values + np.eye(640) * 3)
    close((x.T @ x)[100:300, 5].compute(), (values.T @ values)[100:300, 5])


def test_its_products_share_the_workers_so_that_k_is_not_split_for_each() -> None:
    x, _ = tiles((320, 1280), 80)  # a triangle of 16 by 16 tiles has 136 of them
    assert not make_plan([(x.T @ x)._op], Resources(136, 1 << 30, True))[0].notes
    assert make_plan([(x.T @ x)._op], Resources(200, 1 << 30, True))[0].notes


def test_a_grid_of_many_tiles_takes_no_more_stages() -> None:
    x, _ = tiles((4000, 40), (40, 40))
    assert (x @ x.T).numblocks == (100, 100)
    assert len(la.plan(x @ x.T).programs) <= 2 * symmetric.MOST_PARTS


@pytest.mark.parametrize(
    "other",
    [
        lambda x: x[:, :100].T @ x[:, :100],  # too few tiles
        lambda x: x.T @ (x + 0),
        lambda x: x.T @ x[::-1],
        lambda x: x @ x,
        lambda x: x[:320].T @ x[320:],
        lambda x: x.T @ x.rechunk(60),
        lambda x: x.reshape(1, 640, 640).mT @ x.reshape(1, 640, 640),
    ],
)
def test_other_products_are_as_they_were(other: Any) -> None:
    x, _ = tiles((640, 640), 80)
    assert not any("where" in p.op for p in la.plan(other(x)).programs)


def test_it_checks_itself_and_is_factorised() -> None:
    x, values = tiles((700, 512), 64)
    gram = la.linalg.matmul(x.T, x, verify=True)
    assert la.plan(gram).checks
    close(gram.compute(), values.T @ values)
    lower = la.linalg.cholesky(gram).compute()
    close(lower @ lower.T, values.T @ values)
