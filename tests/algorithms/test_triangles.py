"""A product with a triangle takes half the work where the expression shows that it is one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms import triangles

from ..judge import arrays, assert_same


def tiles(shape: tuple[int, int], chunk: int, seed: int = 0) -> tuple[la.Array, np.ndarray]:
    values = np.random.default_rng(seed).standard_normal(shape)
    return la.from_array(values, chunks=chunk), values


FORMS: Any = {
    "lower": lambda m, x, y: m.tril(x) @ y,
    "upper": lambda m, x, y: m.triu(x) @ y,
    "strictly lower": lambda m, x, y: m.tril(x, -1) @ y,
    "strictly upper": lambda m, x, y: m.triu(x, 1) @ y,
    "transposed": lambda m, x, y: m.tril(x).T @ y,
    "on the right": lambda m, x, y: y @ m.triu(x),
    "transposed on the right": lambda m, x, y: y.T @ m.triu(x).T,
}


@pytest.mark.parametrize("form", FORMS)
def test_it_takes_about_half_the_work_and_gives_numpys_values(form: str) -> None:
    (x, a), (y, b) = tiles((640, 640), 80), tiles((640, 640), 80, 1)
    out, expected = FORMS[form](la, x, y), FORMS[form](np, a, b)
    assert_same(out, expected)
    assert out.chunks == (x @ y).chunks
    products = [(p, e) for p, e in zip(*_plan(out), strict=True) if "matmul" in p.op]
    assert sum(p.task_count * e.flops for p, e in products) <= 0.58 * 2 * 640**3
    assert not la.plan(out).notes


def _plan(out: la.Array) -> tuple[Any, Any]:
    plan = la.plan(out)
    return plan.programs, plan.estimates


def test_zero_times_what_is_not_finite_is_no_zero_here_either() -> None:
    (x, a), (_, b) = tiles((640, 640), 80), tiles((640, 640), 80, 1)
    b[630, 5], b[3, 9] = np.nan, np.inf
    with np.errstate(all="ignore"):
        assert_same(la.tril(x) @ la.from_array(b, chunks=80), np.tril(a) @ b)
        assert_same(la.triu(x) @ la.from_array(b, chunks=80), np.triu(a) @ b)


@given(st.data())
def test_any_chunks_and_any_shape(data: Any) -> None:
    m, k, n = (data.draw(st.integers(0, 8)) for _ in range(3))
    x, a = data.draw(arrays(dtypes=["f8", "c16", "i8", "?"], shape=(m, k)))
    y, b = data.draw(arrays(dtypes=["f8", "f4", "i8"], shape=(k, n)))
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(triangles, "LEAST_PRODUCTS", 0)
        patch.setattr(triangles, "LEAST_TILES", 2)
        for offset in (0, -1, 1, 2):
            assert_same(la.tril(x, offset) @ y, np.tril(a, offset) @ b)
            assert_same(y.T @ la.triu(x, offset).T, b.T @ np.triu(a, offset).T)


@pytest.mark.parametrize(
    "other",
    [
        lambda x: la.tril(x, 1) @ x,
        lambda x: la.tril(x)[::-1] @ x,
        lambda x: la.where(x > 0, x, 0) @ x,
        lambda x: la.where(la.tri(640, dtype=bool, chunks=80), x, 1.0) @ x,
        lambda x: (la.tril(x) + 1) @ x,
        lambda x: la.tril(x[:200, :200]) @ x[:200],
    ],
)
def test_other_products_are_as_they_were(other: Any) -> None:
    x, _ = tiles((640, 640), 80)
    assert sum("matmul" in p.op for p in la.plan(other(x)).programs) == 1


def test_it_checks_itself() -> None:
    (x, a), (y, b) = tiles((640, 640), 80), tiles((640, 640), 80, 1)
    out = la.linalg.matmul(la.tril(x), y, verify=True)
    assert la.plan(out).checks
    assert_same(out, np.tril(a) @ b)
