"""What tiles lose in place: NumPy's products, with any operand transposed, strided or of another memory order."""

from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get
from lambdarray_kernels.updates import gemm_update, herk_update

OPS = {"N": lambda x: x, "T": lambda x: x.T, "C": lambda x: x.conj().T}


def sample(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def kept_as(x, order):
    """The same matrix in another memory: of C or Fortran order, or strided both ways."""
    wide = np.zeros([2 * n for n in x.shape], x.dtype)
    wide[::2, ::2] = x
    return wide[::2, ::2] if order == "S" else np.array(x, order=order)


def near(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=100 * np.finfo(actual.dtype).eps)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("trans", ["NN", "NC", "TN", "CN", "TT"])
@pytest.mark.parametrize("order", ["C", "F", "S"])
def test_a_product_is_taken_from_a_tile_in_place(dtype, trans, order, rng):
    a, b = sample(rng, (4, 3) if trans[0] == "N" else (3, 4), dtype), sample(rng, (3, 5), dtype)
    b = b if trans[1] == "N" else b.T
    c = sample(rng, (4, 5), dtype)
    expected = c - OPS[trans[0]](a) @ OPS[trans[1]](b)
    found = gemm_update(c, kept_as(a, order), kept_as(b, order), trans=trans)
    assert found is c
    near(c, expected)
    assert get("gemm_update").flops((4, 5), a.shape, b.shape, trans=trans) == 2 * 4 * 5 * 3


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("order", ["C", "F", "S"])
def test_of_a_matrix_times_its_own_adjoint_only_the_lower_triangle_is_taken(dtype, order, rng):
    a, c = sample(rng, (4, 3), dtype), sample(rng, (4, 4), dtype)
    c[np.diag_indices(4)] = c.diagonal().real  # herk holds a diagonal to be real
    above = np.triu_indices(4, 1)
    expected = c - a @ a.conj().T
    expected[above] = c[above]
    assert herk_update(c, kept_as(a, order)) is c
    near(c, expected)


def test_nothing_is_taken_by_what_is_empty():
    c = np.ones((2, 2))
    gemm_update(c, np.ones((2, 0)), np.ones((2, 0)))
    herk_update(c, np.ones((2, 0)))
    np.testing.assert_array_equal(c, 1)
    assert gemm_update(np.ones((0, 2)), np.ones((0, 3)), np.ones((2, 3))).shape == (0, 2)
