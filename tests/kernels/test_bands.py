"""Eigenvalues of bands: those of the matrix whose band it is."""

from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize(("n", "width"), [(1, 1), (2, 5), (7, 1), (20, 3), (20, 20)])
def test_eigenvalues_of_a_band_are_those_of_the_whole_matrix(n: int, width: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((n, n)).astype(dtype)
    if a.dtype.kind == "c":
        a += 1j * rng.standard_normal((n, n)).astype(a.real.dtype)
    a = np.tril(np.triu(a + a.conj().T, -width), width)
    strips = np.zeros((n, 2 * width), a.dtype)
    for column in range(n):
        rows = a[column - column % width :, column][: 2 * width]
        strips[column, : len(rows)] = rows
    values = get("band_eigenvalues").fn(strips)
    assert values.dtype == a.real.dtype
    np.testing.assert_allclose(values, np.linalg.eigvalsh(a), atol=100 * n * np.finfo(dtype).eps)


def test_what_is_not_finite_has_no_eigenvalues() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Eigenvalues did not converge"):
        get("band_eigenvalues").fn(np.full((4, 4), np.nan))
