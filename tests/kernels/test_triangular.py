"""`trsm` beside NumPy's products, and what is not read."""

from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels.fortran import lapack
from lambdarray_kernels.lapack import cholesky
from lambdarray_kernels.triangular import trsm, trtrs


def sample(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("trans", ["N", "T", "C"])
@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("right", [True, False])
def test_the_product_with_the_matrix_gives_back_the_other_side(dtype, trans, lower, order, right, rng):
    n, m = 7, 4
    full = sample(rng, (n, n), dtype) + 4 * np.eye(n, dtype=dtype)
    a = np.tril(full) if lower else np.triu(full)
    full[np.triu_indices(n, 1) if lower else np.tril_indices(n, -1)] = np.nan
    b = sample(rng, (m, n) if right else (n, m), dtype)
    given = b.copy()
    x = trsm(np.array(full, order=order), b, right=right, lower=lower, trans=trans)
    op = {"N": a, "T": a.T, "C": a.conj().T}[trans]
    assert x.dtype == dtype
    np.testing.assert_allclose(x @ op if right else op @ x, b, rtol=0, atol=40 * np.finfo(dtype).eps * abs(b).max())
    np.testing.assert_array_equal(b, given)


def test_a_unit_diagonal_is_not_read_and_strided_and_empty_operands_are_right(rng):
    a = np.tril(rng.standard_normal((12, 12)))[::2, ::2]
    b = rng.standard_normal((6, 6))[:, ::2]
    x = trsm(a, b, unit_diagonal=True)
    np.testing.assert_allclose((np.tril(a, -1) + np.eye(6)) @ x, b, atol=1e-13)
    assert trsm(a, np.zeros((6, 0))).shape == (6, 0)
    assert trsm(np.zeros((0, 0)), np.zeros((0, 3))).shape == (0, 3)


def test_a_wrong_argument_of_lapack_is_named():
    with pytest.raises(ValueError, match="argument 1 of dpotrf is wrong"):
        lapack("potrf", np.dtype(float), "X", 1, np.eye(1), 1)


def test_a_zero_on_the_diagonal_is_named_by_its_place_in_the_whole_matrix():
    a = np.diag([1.0, 0.0, 2.0])
    with pytest.raises(np.linalg.LinAlgError, match="singular matrix: resolution failed at diagonal 11"):
        trtrs(a, np.ones((3, 1)), start=10)
    np.testing.assert_array_equal(trtrs(a, np.ones((3, 1)), unit_diagonal=True), 1)


@pytest.mark.parametrize("overwrite", [False, True])
def test_memory_is_used_again_only_where_that_is_allowed(overwrite, rng):
    a, b = 4 * np.eye(3), rng.standard_normal((3, 2))
    assert np.shares_memory(trsm(a, b, overwrite=overwrite), b) == overwrite
    assert np.shares_memory(cholesky(a, overwrite=overwrite), a) == overwrite
