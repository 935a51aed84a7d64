"""A product taken from a stored matrix is taken from it in place, in a copy of a task's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import cuts

DTYPES = ("f4", "f8", "c8", "c16")


def sample(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def in_place(*arrays: Any) -> int:
    """How many stages of a plan change what they have read."""
    return sum(p.steps[0].kernel == "gemm_update" for p in la.plan(*arrays).programs if p.steps)


@given(st.data(), st.sampled_from(DTYPES), st.tuples(st.booleans(), st.booleans(), st.booleans()))
@settings(max_examples=50, deadline=None)
def test_the_difference_is_numpys_whatever_is_transposed_and_what_was_read_stays(
    data: Any, dtype: str, turned: tuple[bool, ...]
) -> None:
    m, k, n = (data.draw(st.integers(1, 9)) for _ in range(3))
    rng = np.random.default_rng(0)
    given = [
        sample(rng, shape[::-1] if t else shape, dtype)
        for t, shape in zip(turned, ((m, n), (m, k), (k, n)), strict=True)
    ]
    kept = [x.copy() for x in given]
    arrays: Any = [la.from_array(x, chunks=tuple(cuts(data.draw, size) for size in x.shape)) for x in given]
    c, a, b = (x.T if t else x for x, t in zip(arrays, turned, strict=True))
    expected = [x.T if t else x for x, t in zip(given, turned, strict=True)]
    found = (c - a @ b).compute()
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected[0] - expected[1] @ expected[2], rtol=1e-3, atol=1e-4)
    for x, before in zip(given, kept, strict=True):
        np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("store", ["memory://", "directory"])
def test_stored_tiles_do_not_change(store: str, tmp_path: Any) -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal((12, 12)) for _ in range(3))
    with la.config(store=str(tmp_path) if store == "directory" else store, workers=2):
        x, y, z = la.persist(*(la.from_array(v, chunks=4) for v in (a, b, c)))
        left = z - x @ y
        assert in_place(left) == 1
        for _ in range(2):
            np.testing.assert_allclose(left.compute(), c - a @ b, rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(z.compute(), c)


def test_parts_beside_one_another_are_one_matrix_to_take_from() -> None:
    a, b, c = (np.random.default_rng(n).standard_normal((8, 8)) for n in range(3))
    both = la.concat([la.from_array(c[:3], chunks=2), la.from_array(c[3:], chunks=3)])
    left: Any = both - la.from_array(a, chunks=4) @ la.from_array(b, chunks=4)
    assert in_place(left) == 1
    np.testing.assert_allclose(left.compute(), c - a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "made",
    [
        lambda a, b, c: a @ b - c,
        lambda a, b, c: (c + 1) - a @ b,
        lambda a, b, c: c[0] - a @ b,
        lambda a, b, c: c.astype("f4") - a @ b,
        lambda a, b, c: (c - a @ b).T,
        lambda a, b, c: (c - a @ b).sum(axis=0),
        lambda a, b, c: c - a @ b - b,
    ],
)
def test_what_is_more_or_other_than_such_a_difference_is_right_too(made: Any) -> None:
    a, b, c = (np.random.default_rng(n).standard_normal((8, 8)) for n in range(3))
    found = made(*(la.from_array(x, chunks=4) for x in (a, b, c)))
    np.testing.assert_allclose(found.compute(), made(a, b, c), rtol=1e-5, atol=1e-5)
