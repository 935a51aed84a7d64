"""Chains of products go in the cheapest order, powers by squaring, and no product of tiles gathers its operands."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la

from ..judge import assert_same

MIB = 1 << 20


def tiles(seed: int, shape: tuple[int, ...], chunks: Any = 7) -> tuple[la.Array, np.ndarray]:
    values = np.random.default_rng(seed).standard_normal(shape)
    return la.from_array(values, chunks=chunks), values


def cheapest(sizes: list[int]) -> int:
    """The fewest multiplications of a chain, by trying every order."""
    if len(sizes) == 2:
        return 0
    return min(
        cheapest(sizes[: k + 1]) + cheapest(sizes[k:]) + sizes[0] * sizes[k] * sizes[-1]
        for k in range(1, len(sizes) - 1)
    )


@given(st.lists(st.integers(1, 30), min_size=3, max_size=7))
def test_a_chain_takes_the_fewest_flops(sizes: list[int]) -> None:
    pairs = [tiles(n, (a, b)) for n, (a, b) in enumerate(pairwise(sizes))]
    chain = la.linalg.multi_dot([x for x, _ in pairs])
    assert la.explain(chain).flops - 2 * cheapest(sizes) < max(1, np.prod(chain.shape)) * 4
    assert_same(chain, np.linalg.multi_dot([values for _, values in pairs]))


def test_each_product_of_a_chain_and_of_a_power_checks_itself() -> None:
    (x, a), (y, b), (z, c) = tiles(0, (20, 9)), tiles(1, (9, 30)), tiles(2, (30, 20))
    chain = la.linalg.multi_dot([x, y, z], verify=True)
    assert len(la.plan(chain).checks) == 2
    assert_same(chain, a @ b @ c)
    assert len(la.plan(la.linalg.multi_dot([x, y], verify=True)).checks) == 1
    power = la.linalg.matrix_power(x @ y @ z, 5, verify=True)
    assert len(la.plan(power).checks) == 3
    assert_same(power, np.linalg.matrix_power(a @ b @ c, 5))


@pytest.mark.parametrize(("n", "products"), [(1, 0), (2, 1), (3, 2), (5, 3), (8, 3), (15, 6), (-2, 1)])
def test_powers_take_as_many_products_as_squaring_needs(n: int, products: int) -> None:
    x, values = tiles(0, (40, 40), 9)
    x, values = x / 10 + la.eye(40, chunks=9), values / 10 + np.eye(40)
    power = la.linalg.matrix_power(x, n)
    assert sum("matmul" in p.op for p in la.plan(power).programs) == products
    np.testing.assert_allclose(power.compute(), np.linalg.matrix_power(values, n), rtol=1e-9, atol=1e-9)


def noise(*shape: int, chunk: int) -> Any:
    return la.random.default_rng(0).standard_normal(shape, chunks=chunk)


@pytest.mark.parametrize(
    "make",
    [
        lambda: la.linalg.matrix_power(noise(8192, 8192, chunk=512), 3),
        lambda: la.linalg.multi_dot([noise(8192, 8192, chunk=512)] * 3),
        lambda: la.kron(noise(128, 128, chunk=64), noise(128, 64, chunk=64)),
        lambda: la.tensordot(noise(64, 128, 512, chunk=64), noise(512, 128, 512, chunk=64), ([2, 1], [0, 1])),
        lambda: la.einsum(
            "ijk,kl,jm->ilm", noise(512, 64, 512, chunk=128), noise(512, 512, chunk=128), noise(64, 32, chunk=32)
        ),
        lambda: la.einsum("bij,bkj->bik", noise(64, 512, 512, chunk=64), noise(64, 512, 512, chunk=64)),
        lambda: noise(8192, 2048, chunk=512).T @ noise(8192, 2048, chunk=512),
    ],
)
def test_no_task_of_a_product_holds_more_than_a_few_tiles(make: Any) -> None:
    with la.config(memory_mib=256):
        out = make()
        plan = la.plan(out)
    whole = max(array.nbytes for array in plan.arrays.values())
    assert whole >= 128 * MIB
    assert max(e.peak_bytes for e in plan.estimates) <= whole / 4
    assert plan.task_count > 16


def test_batches_of_products_are_mapped_over_tiles() -> None:
    (x, a), (y, b) = tiles(0, (12, 1, 30, 20), (3, 1, 16, 7)), tiles(1, (4, 20, 25), (2, 9, 25))
    out = x @ y
    assert out.numblocks == (4, 2, 2, 1)
    assert la.plan(out).task_count >= 4
    assert_same(out, a @ b)
