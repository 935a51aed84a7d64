"""LU by tiles: as stable as LAPACK's, whatever the tiles and chunks, and what is solved with it is NumPy's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from numpy.linalg import LinAlgError

import lambdarray as la
from lambdarray.errors import TaskError
from lambdarray.planner.estimate import totals

from .families import GENERAL, normal

DTYPES = ("float32", "float64", "complex64", "complex128")
# Rows, columns and the tile: four a side and more, several blocks in a tournament, rows from many tiles, and one tile.
SHAPES = [(1, 1, 1), (1, 7, 2), (7, 1, 2), (26, 26, 6), (37, 12, 3), (12, 37, 3), (9, 9, 20), (19, 19, 1)]


@pytest.fixture(params=[2, 8])
def workers(request: Any) -> Iterator[int]:
    """So few that a panel is one task's, and enough for a tournament."""
    with la.config(workers=request.param):
        yield request.param


def pair(m: int, n: int, dtype: str = "float64", seed: int = 0) -> tuple[la.Array, Any]:
    values = normal(np.random.default_rng(seed), m, n, np.dtype(dtype))
    return ours(values), values


def ours(values: Any) -> la.Array:
    """In chunks that no tile fits."""
    return la.from_array(values, chunks=tuple((1, n // 3, n - 1 - n // 3) if n > 3 else (1,) * n for n in values.shape))


def error(a: Any, made: Any) -> float:
    return float(np.linalg.norm((made - a).astype(a.dtype)) / (np.linalg.norm(a) or 1))


def product(lower: Any, upper: Any) -> Any:
    """In more digits: where elements grow, the rounding of the product is as large as that of the factors."""
    wide = np.result_type(lower, np.longdouble)
    return lower.astype(wide) @ upper.astype(wide)


def bound(a: Any, theirs: float) -> float:
    return max(10 * theirs, max(a.shape) * float(np.finfo(a.dtype).eps))


def factors(a: Any, tile: int) -> tuple[Any, Any, Any]:
    return la.compute(*la.linalg.lu(ours(a), p_indices=True, tile=tile))


def check_factors(a: Any, tile: int) -> tuple[Any, Any]:
    """The backward error beside SciPy's; L and U."""
    p, lower, upper = factors(a, tile)
    order, other, above = scipy.linalg.lu(a, p_indices=True)
    assert sorted(p) == list(range(len(a)))
    assert error(a, product(lower, upper)[p]) <= bound(a, error(a, product(other, above)[order]))
    np.testing.assert_array_equal(lower, np.tril(lower, -1) + np.eye(*lower.shape))
    np.testing.assert_array_equal(upper, np.triu(upper))
    return lower, upper


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("m", "n", "tile"), SHAPES)
def test_factors_multiply_to_the_matrix_and_are_of_scipys_dtypes_and_shapes(
    m: int, n: int, tile: int, dtype: str
) -> None:
    x, a = pair(m, n, dtype)
    for params in ({}, {"permute_l": True}, {"p_indices": True}):
        made = la.linalg.lu(x, tile=tile, **params)
        for part, theirs in zip(made, scipy.linalg.lu(a, **params), strict=True):
            assert (part.shape, part.dtype) == (theirs.shape, theirs.dtype)
    p, lower, upper = la.compute(*la.linalg.lu(x, tile=tile))
    permuted, upper_again = la.compute(*la.linalg.lu(x, True, tile=tile))
    np.testing.assert_array_equal(p @ lower, permuted)
    np.testing.assert_array_equal(upper, upper_again)
    check_factors(a, tile)
    assert error(a, permuted @ upper) <= bound(a, 0)


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("family", GENERAL)
def test_growth_and_error_are_near_those_of_partial_pivoting(family: str) -> None:
    a = GENERAL[family](np.random.default_rng(3), 53, 53, np.dtype(float))
    lower, upper = check_factors(a, tile=5)
    theirs = np.abs(scipy.linalg.lu(a)[2]).max()
    assert np.abs(upper).max() <= max(4 * np.abs(a).max(), 4 * theirs)
    assert np.abs(lower).max() <= 10


@pytest.mark.usefixtures("workers")
def test_pivots_come_from_anywhere_where_a_diagonal_block_is_singular() -> None:
    half = np.diag([1.0, 2.0, 3.0, 4.8])
    a = np.block([[np.zeros((4, 4)), half], [half[::-1], np.full((4, 4), 0.01)]])
    assert np.linalg.cond(a) < 5
    b = np.arange(8.0)
    lower, _ = check_factors(a, tile=2)
    assert np.abs(lower).max() <= 1
    np.testing.assert_allclose(la.linalg.solve(ours(a), la.from_array(b), tile=2).compute(), np.linalg.solve(a, b))


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("exact", [True, False])
def test_multipliers_stay_small_below_a_panel_of_low_rank(exact: bool) -> None:
    rng = np.random.default_rng(5)
    a = rng.standard_normal((52, 52))
    a[:, 6:18] = rng.integers(-2, 3, (52, 3)) @ rng.integers(-2, 3, (3, 12)) * (1.0 if exact else 0.1)
    lower, upper = check_factors(a, tile=6)
    assert np.abs(lower).max() <= 10
    assert np.abs(upper).max() <= 10 * np.abs(a).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("trans", [0, 1, 2])
def test_packed_factors_and_pivots_are_scipys_kind_and_solve(dtype: str, trans: int) -> None:
    x, a = pair(29, 29, dtype)
    right, b = pair(29, 3, dtype, seed=1)
    packed, pivots = la.linalg.lu_factor(x, tile=6)
    theirs = scipy.linalg.lu_factor(a)
    assert (packed.dtype, pivots.dtype) == (theirs[0].dtype, theirs[1].dtype)
    op = (a, a.T, a.conj().T)[trans]
    close = {"atol": 3e3 * float(np.finfo(a.dtype).eps)}
    for given, value in ((right, b), (right[:, 0], b[:, 0])):
        np.testing.assert_allclose(op @ la.linalg.lu_solve((packed, pivots), given, trans, tile=6), value, **close)
        np.testing.assert_allclose(op @ la.linalg.lu_solve(theirs, given, trans, tile=6), value, **close)
        np.testing.assert_allclose(op @ la.linalg.lu_solve((packed, pivots), given, trans), value, **close)
        found = scipy.linalg.lu_solve((packed.compute(), pivots.compute()), value, trans)
        np.testing.assert_allclose(op @ found, value, **close)


def test_packed_factors_of_any_shape_have_the_pivots_that_made_them() -> None:
    for m, n in ((23, 9), (9, 23)):
        x, a = pair(m, n)
        packed, pivots = la.compute(*la.linalg.lu_factor(x, tile=2))
        moved = a.copy()
        for i, p in enumerate(pivots):
            moved[[i, p]] = moved[[p, i]]
        lower = np.tril(packed, -1)[:, : min(m, n)] + np.eye(m, min(m, n))
        np.testing.assert_allclose(lower @ np.triu(packed)[: min(m, n)], moved, atol=1e-13)


@pytest.mark.parametrize("dtype", [*DTYPES, "int64"])
def test_solutions_inverses_and_determinants_are_numpys(dtype: str) -> None:
    rng = np.random.default_rng(2)
    a = (normal(rng, 31, 31, np.dtype("complex128" if dtype[0] == "c" else "float64")) * 2 + 9 * np.eye(31)).astype(
        dtype
    )
    b = normal(rng, 31, 4, np.dtype("float64")).astype(dtype)
    x, right = ours(a), la.from_array(b)
    for made, theirs in (
        (la.linalg.solve(x, right, tile=7), np.linalg.solve(a, b)),
        (la.linalg.solve(x, right[:, 1], tile=7), np.linalg.solve(a, b[:, 1])),
        (la.linalg.inv(x, tile=7), np.linalg.inv(a)),
        (la.linalg.det(x / 8, tile=7), np.linalg.det(a / 8)),
        *zip(la.linalg.slogdet(x, tile=7), np.linalg.slogdet(a), strict=True),
    ):
        assert (made.shape, made.dtype) == (np.shape(theirs), np.asarray(theirs).dtype)
        eps = float(np.finfo(np.asarray(theirs).dtype).eps)
        np.testing.assert_allclose(made.compute(), theirs, rtol=2000 * eps, atol=2000 * eps * np.abs(theirs).max())


@pytest.mark.usefixtures("workers")
def test_a_singular_matrix_has_no_solution_no_inverse_and_the_determinant_0() -> None:
    for a in (np.ones((9, 9)), np.zeros((9, 9)), np.diag([1.0, 2, 3, 0, 5, 6, 7, 8, 9])):
        x = ours(a)
        for lazy in (la.linalg.solve(x, la.ones(9), tile=2), la.linalg.inv(x, tile=2)):
            with pytest.raises(LinAlgError, match="Singular matrix") as found:
                lazy.compute()
            assert isinstance(found.value, TaskError)
        assert la.linalg.det(x, tile=2).compute() == 0
        assert [part.compute() for part in la.linalg.slogdet(x, tile=2)] == [0, -np.inf]
        check_factors(a, tile=2)


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_in_the_result_and_no_error(value: float) -> None:
    _, a = pair(17, 17)
    a[8, 3] = value
    assert not np.isfinite(factors(a, 4)[2]).all()
    assert not np.isfinite(la.linalg.solve(ours(a), la.ones(17), tile=4).compute()).all()
    assert not np.isfinite(la.linalg.det(ours(a), tile=4).compute())


def test_few_workers_find_the_pivots_of_partial_pivoting() -> None:
    x, a = pair(61, 61)
    for tile in (7, 8):  # of nine panels, which are halved, and of eight
        with la.config(workers=2):
            packed, pivots = la.compute(*la.linalg.lu_factor(x, tile=tile))
        theirs, swaps = scipy.linalg.lu_factor(a)
        np.testing.assert_array_equal(pivots, swaps)
        np.testing.assert_allclose(packed, theirs, atol=1e-12)


@pytest.mark.parametrize("workers", [2, 8])
def test_a_panel_waits_for_no_update_but_that_of_its_own_columns(workers: int) -> None:
    with la.config(workers=workers):
        plan = la.plan(*la.linalg.lu_factor(la.from_array(np.ones((64, 64))), tile=8))
    for program in plan.programs:
        if program.name.startswith("choose"):
            (name,) = {part.array for read in program.reads for part in read.parts}
            assert plan.arrays[name].location["kind"] == "object" or plan.arrays[name].tiling.shape[1] == 8


def test_a_system_is_solved_without_moving_rows_of_l() -> None:
    x, right = la.from_array(np.ones((64, 64))), la.from_array(np.ones(64))
    factor, solution = la.plan(*la.linalg.lu_factor(x, tile=8)), la.plan(la.linalg.solve(x, right, tile=8))
    moves = [sum(p.name.startswith("take") for p in plan.programs) for plan in (factor, solution)]
    assert moves == [13 + 7, 7 + 7 + 1]


def test_an_inverse_takes_the_flops_of_three_factorisations() -> None:
    plan = la.plan(la.linalg.inv(la.from_array(np.ones((64, 64))), tile=8))
    assert sum(totals(program)[0] for program in plan.programs) <= 2.1 * 64**3


def test_stages_are_as_many_as_panels_and_their_halvings_whatever_the_rows() -> None:
    wide, narrow = (la.plan(*la.linalg.lu_factor(la.ones((n, 16 * 64)), tile=64)) for n in (16 * 64, 64 * 64))
    assert len(narrow.programs) <= len(wide.programs) + 3 * 16  # no more than further rounds of the tournaments
    assert len(wide.programs) <= 16 * 13
    assert len(la.plan(*la.linalg.lu_factor(pair(300, 300)[0])).programs) == 1


def test_it_runs_from_a_store_that_blocks(tmp_path: Any) -> None:
    x, a = pair(40, 40)
    b = np.ones(40)
    with la.config(store=str(tmp_path)):
        found = la.linalg.solve(x, la.from_array(b, chunks=9), tile=6).compute()
    np.testing.assert_allclose(a @ found, b, atol=1e-11)


def test_tiles_are_of_one_matrix() -> None:
    for function in (la.linalg.lu, la.linalg.lu_factor, la.linalg.inv, la.linalg.det, la.linalg.slogdet):
        with pytest.raises(ValueError, match="single matrix"):
            function(la.ones((2, 3, 3)), tile=2)
        with pytest.raises(ValueError, match="tile=0"):
            function(la.ones((3, 3)), tile=0)
    with pytest.raises(ValueError, match="incompatible"):
        la.linalg.lu_solve(la.linalg.lu_factor(la.ones((3, 3))), la.ones(4))
    with pytest.raises(ValueError, match="trans=3"):
        la.linalg.lu_solve(la.linalg.lu_factor(la.ones((3, 3))), la.ones(3), 3)


def test_batches_and_matrices_without_elements_are_factorised_too() -> None:
    a = np.random.default_rng(0).standard_normal((2, 3, 4, 4))
    b = np.random.default_rng(1).standard_normal((3, 4, 2))
    packed, pivots = la.linalg.lu_factor(la.from_array(a, chunks=(1, 2, 4, 4)))
    assert (packed.shape, pivots.shape) == (a.shape, (2, 3, 4))
    np.testing.assert_allclose(a @ la.linalg.lu_solve((packed, pivots), b).compute(), np.broadcast_to(b, (2, *b.shape)))
    for shape in ((0, 0), (3, 0), (0, 3)):
        parts = la.linalg.lu(la.ones(shape), tile=2)
        assert [p.shape for p in parts] == [p.shape for p in scipy.linalg.lu(np.ones(shape))]
    assert la.linalg.det(la.ones((0, 0)), tile=2).compute() == 1
