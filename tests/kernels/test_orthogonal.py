"""The flops of reflectors: those of LAPACK for a leaf, and of the leaves of all levels for a block."""

import pytest
from lambdarray_kernels import get

N = 64
ROWS = 2500
HEIGHTS = [1024, 1024, 452, 3 * N]  # three leaves, and that of their triangles


def of(name, *shapes, **params):
    return get(name).flops(*shapes, columns=N, **params)


def test_reflectors_of_a_leaf_take_what_lapack_counts_for_them_and_for_t():
    geqrf, larft = 2 * 1000 * N**2 - 2 * N**3 / 3, 1000 * N**2 - N**3 / 3
    assert of("reflect", (1000, N), size=1) == pytest.approx(geqrf + larft)


def test_reflectors_of_a_block_take_those_of_all_its_leaves():
    leaves = sum(of("reflect", (h, N), size=1) for h in HEIGHTS)
    assert of("reflect", (ROWS, N), size=1) == leaves
    assert of("reflect", (3, ROWS // 3 * N), size=1) == of("reflect", (ROWS // 3 * 3, N), size=1)


def test_rows_of_q_take_three_products_for_each_leaf():
    k = 5
    products = sum(2 * N * N * k + 2 * N * N * k + 2 * h * N * k for h in HEIGHTS)
    assert of("unfold", (1, 0), (N, k), block=[(7, 7 + ROWS)], shape=[10_000]) == products


def test_a_fold_takes_the_reflectors_and_their_products_with_the_other_columns():
    k = 5
    products = sum(2 * h * N * k + N * N * k + 2 * h * N * k for h in HEIGHTS)
    assert of("fold", (ROWS, N)) == of("reflect", (ROWS, N), size=1)
    assert of("fold", (ROWS, N + k)) == of("reflect", (ROWS, N), size=1) + products
