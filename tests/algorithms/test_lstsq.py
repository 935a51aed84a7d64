"""Least squares, ridge, pseudo-inverses and singular values of long and wide matrices through QR."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import LinAlgError

import lambdarray as la
from lambdarray.algorithms import qr as tiles
from lambdarray.algorithms import tiles as choice
from lambdarray.algorithms import tsqr
from tests.algorithms.test_qr import DTYPES, family, normal
from tests.judge import cuts

SHAPES = ((60, 8), (8, 60), (41, 37), (37, 41), (30, 30), (9, 1), (1, 9))


def near(ours, theirs, dtype, many=400):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    scale = float(np.abs(theirs).max()) if theirs.size else 1.0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=float(many * np.finfo(dtype).eps) * max(scale, 1e-30))


def compare(a, b, dtype, rcond=None, tile=9, chunks=(11, 7)):
    """All four results beside NumPy's, but for the residuals that NumPy leaves out."""
    ours = la.linalg.lstsq(la.from_array(a, chunks=chunks), la.from_array(b), rcond, tile=tile)
    theirs = np.linalg.lstsq(a, b, rcond)
    assert [x.dtype for x in ours] == [np.asarray(x).dtype for x in theirs]
    made = la.compute(*ours)
    assert made[2] == theirs[2]
    near(made[3], theirs[3], dtype)
    condition = theirs[3][0] / theirs[3][theirs[2] - 1] if theirs[2] else 1
    near(made[0], theirs[0], dtype, 100 + 20 * condition)
    if theirs[1].size:
        near(made[1], theirs[1], dtype, 1000)
    elif a.shape[0] <= a.shape[1]:
        assert made[1].shape == (0,)
    else:
        left = b.reshape(len(b), -1) - a @ theirs[0].reshape(a.shape[1], -1)
        near(made[1], (np.abs(left) ** 2).sum(0), dtype, 1000 + 20 * condition)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_least_squares_are_numpys(shape, dtype):
    a, b = normal(shape, dtype), normal((shape[0], 3), dtype, 1)
    compare(a, b, dtype)
    compare(a, b[:, 0], dtype)


@pytest.mark.parametrize("kind", ["deficient", "zero", "ones", "zero columns", "zero rows", "graded rows"])
@pytest.mark.parametrize("shape", [(60, 8), (8, 60), (41, 37), (30, 30), (37, 41)])
def test_the_rank_is_found_and_the_solution_is_the_shortest(kind, shape):
    a, b = family(kind, shape), normal((shape[0], 2), "f8", 1)
    compare(a, b, "f8", 1e-10)


@settings(max_examples=40)
@given(st.data(), st.integers(1, 30), st.integers(1, 30), st.integers(1, 6))
def test_any_shape_in_any_tiles(data, m, n, parts):
    a, b = normal((m, n), seed=m), normal((m, 2), seed=n)
    chunks = tuple(cuts(data.draw, size) for size in (m, n))
    compare(a, b, "f8", tile=-(-min(m, n) // parts), chunks=chunks)


@pytest.mark.parametrize("shape", [(41, 37), (37, 41)])
def test_a_large_triangle_is_solved_by_its_singular_values(shape, monkeypatch):
    monkeypatch.setattr(choice, "LEAST_SIDE", 16)
    a, b = normal(shape), normal((shape[0], 2), seed=1)
    compare(a, b, "f8", 1e-12)
    compare(family("deficient", shape), b, "f8", 1e-12)


def test_a_long_matrix_is_read_once_and_its_q_is_not_formed(monkeypatch):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 1 << 16)
    a, b = normal((8192, 8)), normal((8192,), seed=1)
    x, y = la.from_array(a, chunks=(1024, 8)), la.from_array(b, chunks=1024)
    made = la.linalg.lstsq(x, y)
    plan = la.explain(*made)
    assert plan.bytes_written < x.nbytes / 20
    assert plan.bytes_read < 1.3 * (x.nbytes + y.nbytes)
    for ours, theirs in zip(la.compute(*made), np.linalg.lstsq(a, b), strict=True):
        near(ours, theirs, "f8")


def test_residuals_that_are_tiny_are_not_lost_in_the_right_hand_side():
    a = normal((200, 5))
    b = a @ np.arange(1.0, 6.0) + 1e-9 * normal((200,), seed=2)
    residuals = la.linalg.lstsq(la.from_array(a), la.from_array(b), tile=20)[1].compute()
    np.testing.assert_allclose(residuals, np.linalg.lstsq(a, b)[1], rtol=1e-4)


def test_no_right_hand_side_still_has_a_rank():
    for tile in (None, 4):
        x, residuals, rank, s = la.linalg.lstsq(la.from_array(normal((20, 3))), la.zeros((20, 0)), tile=tile)
        assert (x.shape, residuals.shape, int(rank), s.shape) == ((3, 0), (0,), 3, (3,))


def test_what_does_not_fit_is_refused():
    x = la.ones((20, 3))
    with pytest.raises(LinAlgError, match="two-dimensional"):
        la.linalg.lstsq(la.ones((2, 20, 3)), la.ones(20), tile=4)
    with pytest.raises(LinAlgError, match="Incompatible dimensions"):
        la.linalg.ridge(x, la.ones(19), 1.0)
    for alpha in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="alpha"):
            la.linalg.ridge(x, la.ones(20), alpha)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tile", [None, 9])
def test_ridge_solves_the_normal_equations_and_never_forms_them(shape, dtype, tile):
    a, b = normal(shape, dtype), normal((shape[0], 2), dtype, 1)
    x = la.from_array(a, chunks=(11, 7))
    wide = a.astype(np.result_type(dtype, np.float64))
    gram = wide.conj().T @ wide
    for alpha in (0.5, 40.0):
        expected = np.linalg.solve(gram + alpha * np.eye(shape[1]), wide.conj().T @ b)
        for right, theirs in ((b, expected), (b[:, 0], expected[:, 0])):
            ours = la.linalg.ridge(x, la.from_array(right), alpha, tile=tile)
            assert ours.dtype == dtype
            near(ours.compute(), theirs, dtype, 2000)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (30, 30)])
def test_ridge_of_a_matrix_without_full_rank_is_sharp(shape):
    a, b = family("deficient", shape), normal((shape[0],), seed=1)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    alpha = 1e-4
    expected = vh.T @ (s / (s**2 + alpha) * (u.T @ b))
    for tile in (None, 7):
        ours = la.linalg.ridge(la.from_array(a), la.from_array(b), alpha, tile=tile).compute()
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    zero = la.linalg.ridge(la.from_array(a), la.from_array(b), 0, tile=7).compute()
    np.testing.assert_allclose(zero, np.linalg.lstsq(a, b)[0], rtol=0, atol=1e-9)


def test_ridge_of_a_long_matrix_is_by_blocks_of_its_rows(monkeypatch):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 1 << 12)
    a, b = normal((900, 4)), normal((900,), seed=1)
    made = la.linalg.ridge(la.from_array(a), la.from_array(b), 2.0)
    assert la.plan(made).task_count > 6
    near(made.compute(), np.linalg.solve(a.T @ a + 2 * np.eye(4), a.T @ b), "f8")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["random", "deficient", "zero rows", "graded columns"])
def test_singular_values_and_pseudo_inverses_of_long_and_wide_matrices(kind, dtype, monkeypatch):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 1 << 11)
    for shape in ((300, 6), (6, 300)):
        a = family(kind, shape, dtype)
        x = la.from_array(a, chunks=(50, 4) if shape[0] > 6 else (4, 50))
        u, s, vh = la.compute(*la.linalg.svd(x, full_matrices=False))
        theirs = np.linalg.svdvals(a)
        near(s, theirs, dtype)
        near(la.linalg.svdvals(x).compute(), theirs, dtype)
        near(u * s @ vh, a, dtype)
        for part in (u.conj().T @ u, vh @ vh.conj().T):
            near(part, np.eye(6), dtype)
        assert la.plan(la.linalg.svd(x, full_matrices=False).U).task_count > 3
        near(la.linalg.pinv(x, 1e-3).compute(), np.linalg.pinv(a, 1e-3), dtype, 1e4)


def test_the_tree_of_panels_serves_least_squares_too(monkeypatch):
    monkeypatch.setattr(tiles, "MOST_TILES", 0)
    compare(normal((60, 30)), normal((60, 2), seed=1), "f8", tile=5)
