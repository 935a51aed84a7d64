"""Diagonals and triangles, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=60)
NEAR = st.integers(-8, 8)


@FEW
@given(x=arrays(max_dims=4, max_side=5), offset=NEAR, axes=st.tuples(st.integers(-4, 3), st.integers(-4, 3)))
def test_diagonals_are_numpys(x: Any, offset: int, axes: Any) -> None:
    judge(lambda a: np.diagonal(a, offset, *axes), x, exact=True)
    judge(lambda a: np.diagonal(a * 2, offset, *axes)[..., ::-1] + 1, x, exact=True)


@FEW
@given(x=arrays(), offset=NEAR, dtype=st.sampled_from([None, "f4", "c16"]))
def test_traces_are_numpys(x: Any, offset: int, dtype: Any) -> None:
    if dtype == "f4" and x[1].dtype.kind == "c":
        return
    judge(lambda a: np.trace(a, offset, dtype=dtype), x)
    judge(lambda a: np.trace(a, offset, -1, 0), x)


@FEW
@given(x=arrays(), k=NEAR)
def test_matrices_of_diagonals_are_numpys(x: Any, k: int) -> None:
    judge(lambda a: np.diag(a, k), x, exact=True)
    judge(lambda a: np.diagflat(a, k), x, exact=True)


@pytest.mark.parametrize("name", ["tril", "triu"])
@FEW
@given(x=arrays(), k=NEAR)
def test_triangles_are_numpys(name: str, x: Any, k: int) -> None:
    judge(lambda a: getattr(np, name)(a, k), x, exact=True)


@pytest.mark.parametrize("arguments", [(3,), (3, 5), (4, 2, 1), (2, 3, -1), (3, None, 9), (0, 4), (3, 3, -9, int)])
def test_tri_is_numpys(arguments: Any) -> None:
    judge(lambda m: m.tri(*arguments), (la, np), exact=True)


def test_diagonals_of_any_dtype() -> None:
    for value in (np.arange(9).astype("M8[s]").reshape(3, 3), np.array([["a", "bc"], ["d", "e"]])):
        judge(lambda a: np.diagonal(a, 1), (la.from_array(value, chunks=2), value), exact=True)


def test_indices_of_triangles_are_numpys_own() -> None:
    x = la.ones((3, 4))
    for ours, theirs in zip(la.tril_indices_from(x, 1), np.tril_indices_from(np.ones((3, 4)), 1), strict=True):
        np.testing.assert_array_equal(ours, theirs)
