"""Arrays built from places, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=40)


@FEW
@given(data=st.data(), sparse=st.booleans(), indexing=st.sampled_from(["xy", "ij", "yx"]))
def test_meshgrid_is_numpys(data: Any, sparse: bool, indexing: str) -> None:
    xs = [data.draw(arrays(max_dims=1)) for _ in range(data.draw(st.integers(1, 3)))]
    judge(lambda *a: np.meshgrid(*a, sparse=sparse, indexing=indexing), *xs, exact=True)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 0, 3), (2, 1, 3), ()])
@pytest.mark.parametrize("dtype", [int, "f4"])
def test_indices_are_numpys(shape: Any, dtype: Any) -> None:
    judge(lambda m: m.indices(shape, dtype), (la, np), exact=True)
    judge(lambda m: m.indices(shape, dtype, True), (la, np), exact=True)


def test_a_grid_of_places_is_made_in_tiles_that_fit() -> None:
    x = la.indices((20_000, 20_000))
    assert np.prod(x.chunksize) * 8 <= 64 << 20
    assert x[1, 7, 9].compute() == 9
    assert la.fromfunction(lambda i, j: i * j, (20_000, 20_000))[3, 5].compute() == 15


def test_fromfunction_is_numpys() -> None:
    judge(lambda m: m.fromfunction(lambda i, j: i * 3 + np.sin(j), (4, 5)), (la, np))
    judge(lambda m: m.fromfunction(lambda i, j, k=1: i + j * k, (4, 5), dtype=int, k=2), (la, np))


@FEW
@given(x=arrays(finite=True), n=st.none() | st.integers(0, 6), increasing=st.booleans())
def test_vander_is_numpys(x: Any, n: Any, increasing: bool) -> None:
    if x[1].dtype.kind in "iu" and x[1].dtype.itemsize < 8:
        x = (x[0] % 5, x[1] % 5)
    judge(lambda a: np.vander(a, n, increasing), x)


KEYS = np.s_[
    0:3, (slice(0, 3), slice(1, 3)), 0:3:0.5, 0:1:5j, (slice(0, 3), slice(0, 1, 3j)), (slice(None, 3), slice(1, 2)),
    (slice(0, 3.0), slice(0, 2)),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", ["mgrid", "ogrid"])
def test_grids_are_numpys(name: str, key: Any) -> None:
    judge(lambda m: getattr(m, name)[key], (la, np))
