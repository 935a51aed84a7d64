"""Expressions that between them use every kind of stage, each with what NumPy makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import lambdarray as la

Pair = tuple[Any, np.ndarray]


def _normal(seed: int, shape: tuple[int, ...], chunks: Any) -> Pair:
    values = np.random.default_rng(seed).standard_normal(shape)
    return la.from_array(values, chunks=chunks), values


def product_with_epilogue_and_reduction() -> Pair:
    (a, x), (b, y) = _normal(1, (90, 70), (40, 30)), _normal(2, (70, 80), (30, 25))
    return ((a @ b) * 2 + 1).mean(axis=0), ((x @ y) * 2 + 1).mean(axis=0)


def product_whose_inner_axis_is_split() -> Pair:
    (a, x), (b, y) = _normal(3, (24, 600), (24, 60)), _normal(4, (600, 20), (60, 20))
    return a @ b, x @ y


def random_values() -> Pair:
    uniform = la.random.default_rng(5).random((70, 50), chunks=(30, 20))
    normal = la.random.default_rng(6).standard_normal((70, 50), chunks=(30, 20))
    made = la.compute(uniform, normal)
    return uniform * normal + uniform, made[0] * made[1] + made[0]


def chain_and_moments() -> Pair:
    x, values = _normal(7, (1200, 900), (300, 900))
    chain, expected = np.sin(x) * 2 + x**2, np.sin(values) * 2 + values**2
    return la.concat([chain.mean(axis=0), chain.var(axis=0)]), np.concatenate([expected.mean(0), expected.var(0)])


def reshaped_slices_and_concatenation() -> Pair:
    x, values = _normal(8, (48, 36), (20, 15))

    def made(x: Any, concat: Callable[..., Any]) -> Any:
        return concat([x[::-2, 3:], x[24:, 1:34].reshape(24, 33)]).T.reshape(99, 16) + 1

    return made(x, la.concat), made(values, np.concatenate)


def index_of_the_largest() -> Pair:
    x, values = _normal(9, (1000, 900), (300, 900))
    return x.argmax(axis=0), values.argmax(axis=0)


def product_whose_tasks_own_several_tiles() -> Pair:
    x = la.random.default_rng(10).standard_normal((60, 60), chunks=20)
    values = x.compute()
    return x @ x.T, values @ values.T


SIDE, TILE = 45, 11


def _matrix(seed: int, positive: bool = False) -> Pair:
    values = np.random.default_rng(seed).standard_normal((SIDE, SIDE))
    values = values @ values.T / SIDE + np.eye(SIDE) if positive else values
    return la.from_array(values, chunks=((20, 25), 17)), values


def cholesky_in_tiles() -> Pair:
    a, x = _matrix(11, positive=True)
    return la.linalg.cholesky(a, tile=TILE), np.linalg.cholesky(x)


def positive_system_in_tiles() -> Pair:
    (a, x), (b, y) = _matrix(12, positive=True), _normal(13, (SIDE, 3), 17)
    return la.linalg.solve(a, b, assume_a="pos", tile=TILE), np.linalg.solve(x, y)


def lu_in_tiles() -> Pair:
    a, x = _matrix(14)
    lower, upper = la.linalg.lu(a, permute_l=True, tile=TILE)
    return lower @ upper, x


def system_in_tiles() -> Pair:
    (a, x), (b, y) = _matrix(15), _normal(16, (SIDE, 3), 17)
    return la.linalg.solve(a, b, tile=TILE), np.linalg.solve(x, y)


def qr_in_tiles() -> Pair:
    a, x = _matrix(17)
    q, r = la.linalg.qr(a, tile=TILE)
    return la.concat([q @ r, q.T @ q]), np.concatenate([x, np.eye(SIDE)])


def qr_of_rows() -> Pair:
    a, x = _normal(18, (200, 7), (30, 7))
    q, r = la.linalg.qr(a, tile=40)
    return q @ r, x


def svd_in_tiles() -> Pair:
    a, x = _matrix(19)
    u, s, vh = la.linalg.svd(a, full_matrices=False, tile=TILE)
    return (u * s) @ vh, x


def eigh_in_tiles() -> Pair:
    a, x = _matrix(20, positive=True)
    values, v = la.linalg.eigh(a, tile=TILE)
    return (v * values) @ v.T, x


ALL: dict[str, Callable[[], Pair]] = {
    f.__name__: f
    for f in (
        product_with_epilogue_and_reduction,
        product_whose_inner_axis_is_split,
        random_values,
        chain_and_moments,
        reshaped_slices_and_concatenation,
        index_of_the_largest,
        product_whose_tasks_own_several_tiles,
    )
}

FACTORISATIONS: dict[str, Callable[[], Pair]] = {
    f.__name__: f
    for f in (
        cholesky_in_tiles,
        positive_system_in_tiles,
        lu_in_tiles,
        system_in_tiles,
        qr_in_tiles,
        qr_of_rows,
        svd_in_tiles,
        eigh_in_tiles,
    )
}
