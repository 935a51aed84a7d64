"""Singular values in tiles, what is made of them, and the leading part alone with a bound of its error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms.eigh import foreseen as eigenvalues_foreseen
from lambdarray.algorithms.svd import foreseen
from lambdarray.errors import EagerError

from .matrices import NAMES, TILE, N, distance, hermitian, near, off_orthogonal, orthogonal, ragged, with_values


def checked(a: np.ndarray, full_matrices: bool = False) -> None:
    made = la.linalg.svd(ragged(a), full_matrices, tile=TILE)
    expected = np.linalg.svd(a, full_matrices)
    assert [x.dtype for x in made] == [x.dtype for x in expected]
    assert [x.shape for x in made] == [x.shape for x in expected]
    u, s, vh = la.compute(*made)
    k, n = len(s), max(a.shape)
    assert (np.diff(s) <= 0).all()
    assert (s >= 0).all()
    near(distance(a, (u[:, :k] * s) @ vh[:k]), distance(a, (expected.U[:, :k] * expected.S) @ expected.Vh[:k]), n)
    near(off_orthogonal(u), off_orthogonal(expected.U), n)
    near(off_orthogonal(vh.conj().T), off_orthogonal(expected.Vh.conj().T), n)
    np.testing.assert_allclose(s, expected.S, rtol=0, atol=n * np.finfo(s.dtype).eps * expected.S[0])


@pytest.mark.parametrize("name", NAMES)
def test_singular_vectors_are_as_good_as_lapacks(name: str) -> None:
    checked(hermitian(name) @ orthogonal(N, float) if name != "huge" else hermitian(name))


@pytest.mark.parametrize("dtype", ["f4", "c8", "c16"])
def test_each_dtype_has_its_own_precision(dtype: str) -> None:
    checked((with_values(np.linspace(0, 2, N), dtype) @ orthogonal(N, dtype)).astype(dtype))


@pytest.mark.parametrize("full_matrices", [False, True])
@pytest.mark.parametrize("shape", [(60, N), (N, 53), (60, TILE), (2 * TILE, 60)])
def test_matrices_that_are_not_square_are_made_so_by_qr(shape: tuple[int, int], full_matrices: bool) -> None:
    rng = np.random.default_rng(0)
    checked(rng.standard_normal(shape) + 1j * rng.standard_normal(shape), full_matrices)


def test_values_alone_are_those_of_svd() -> None:
    a = np.random.default_rng(0).standard_normal((50, N))
    np.testing.assert_allclose(la.linalg.svdvals(ragged(a), tile=TILE).compute(), np.linalg.svd(a)[1], atol=1e-12)


def test_a_hermitian_matrix_is_decomposed_by_its_eigenvalues() -> None:
    a = with_values(np.linspace(-2, 1, N), complex)
    u, s, vh = la.compute(*la.linalg.svd(ragged(a), hermitian=True, tile=TILE))
    np.testing.assert_allclose(s, np.linalg.svd(a)[1], atol=1e-13)
    np.testing.assert_allclose((u * s) @ vh, a, atol=1e-13)
    alone = la.linalg.svd(ragged(a), compute_uv=False, hermitian=True, tile=TILE)
    np.testing.assert_allclose(alone.compute(), s, atol=1e-13)


def test_what_is_not_finite_is_refused_as_numpy_does() -> None:
    a = np.eye(N)
    a[3, 4] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="SVD did not converge"):
        la.linalg.svd(la.from_array(a), tile=TILE)


@pytest.mark.parametrize("name", NAMES)
def test_values_alone_are_those_of_lapack_and_found_without_a_run(name: str) -> None:
    a = hermitian(name)[:, ::-1]
    with la.config(eager=False):
        made = la.linalg.svdvals(ragged(a), tile=TILE)
    expected = np.linalg.svd(a, compute_uv=False)
    eps = float(np.finfo(float).eps)
    np.testing.assert_allclose(made.compute(), expected, rtol=0, atol=2 * N * eps * expected[0])


def test_values_of_what_is_too_large_for_a_band_are_those_of_the_polar_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdarray.algorithms.svd.MOST_BAND", N)
    a = np.random.default_rng(0).standard_normal((N, N))
    made = la.linalg.svdvals(ragged(a), tile=TILE).compute()
    np.testing.assert_allclose(made, np.linalg.svd(a, compute_uv=False), rtol=0, atol=1e-12)


def test_what_is_foreseen_is_what_is_computed_where_a_cut_in_the_middle_is_right() -> None:
    a = with_values(np.repeat([-1.0, 1], 20))
    w, v = la.compute(*eigenvalues_foreseen(la.from_array(a, chunks=10), 10, 20))
    np.testing.assert_allclose(w, np.repeat([-1.0, 1], 20), atol=1e-13)
    np.testing.assert_allclose((v * w) @ v.T, a, atol=1e-13)
    u, s, vh = foreseen(la.from_array(a, chunks=10), 10, 20)  # whose Hermitian factor has no middle
    assert (u.shape, s.shape, vh.shape) == ((40, 40), (40,), (40, 40))
    assert la.plan(u, s, vh).task_count > 100


# -- what is made of singular values


@pytest.mark.parametrize("p", [None, 2, -2, 1, "fro"])
def test_condition_numbers_are_those_of_lapack(p: Any) -> None:
    a = np.random.default_rng(0).standard_normal((N, N))
    made = la.linalg.cond(ragged(a), p, tile=TILE)
    np.testing.assert_allclose(made.compute(), np.linalg.cond(a, p), rtol=1e-10)


@pytest.mark.parametrize("rank", [1, 20, N])
def test_the_rank_is_the_number_of_singular_values_above_rounding_errors(rank: int) -> None:
    rng = np.random.default_rng(rank)
    a = rng.standard_normal((N, rank)) @ rng.standard_normal((rank, N))
    assert la.linalg.matrix_rank(ragged(a), tile=TILE).compute() == rank
    assert la.linalg.matrix_rank(ragged(a + a.T), hermitian=True, tile=TILE).compute() == min(2 * rank, N)
    assert la.linalg.matrix_rank(ragged(a), tol=1e9, tile=TILE).compute() == 0


@pytest.mark.parametrize("ord", [2, -2, "nuc"])
def test_norms_of_large_matrices_are_divided_by_the_spectrum_too(ord: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdarray.algorithms.eigh.MOST_SIDE", 30)
    monkeypatch.setattr("lambdarray.algorithms.tiles.LEAST_SIDE", 20)
    a = np.random.default_rng(0).standard_normal((N, N))
    with la.config(eager=False), pytest.raises(EagerError, match="the parts of a spectrum"):
        la.linalg.svd(la.from_array(a))
    assert la.plan(la.linalg.norm(la.from_array(a), ord)).task_count > 20
    np.testing.assert_allclose(la.linalg.norm(la.from_array(a), ord).compute(), np.linalg.norm(a, ord), rtol=1e-11)


# -- the leading part


def test_the_error_of_compressed_singular_values_is_bounded_and_the_bound_is_near() -> None:
    a = with_values(0.5 ** np.arange(60.0)) @ orthogonal(60, float)
    x = la.from_array(a, chunks=17)
    for k in (3, 10):
        u, s, vh = la.linalg.svd_compressed(x, k, n_power_iter=1, seed=0)
        bound = float(la.linalg.svd_error(x, u, s, vh, seed=1).compute())
        true = np.linalg.norm(a - (u * s @ vh).compute(), 2)
        assert true <= bound <= 50 * true


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
@pytest.mark.parametrize("which", ["LM", "LA", "SA"])
def test_leading_eigenvalues_are_those_that_were_asked_for(which: str, dtype: str) -> None:
    values = np.r_[-9, -7, 8, 6, np.linspace(-1, 1, 96)]
    a, k = with_values(values, dtype), 3
    w, v = la.compute(*la.linalg.eigsh(la.from_array(a, chunks=30), k, which, seed=0))
    order = np.argsort({"LM": -np.abs(values), "LA": -values, "SA": values}[which])[:k]
    assert w.dtype == a.real.dtype
    assert v.dtype == a.dtype
    eps = float(np.finfo(a.dtype).eps)
    np.testing.assert_allclose(w, np.sort(values[order]), atol=0.05 if which != "LM" else 1e3 * eps)
    bounds = la.linalg.eigsh_error(la.from_array(a, chunks=30), w, v).compute()
    nearest = np.abs(values[:, None] - w).min(0)
    assert (nearest <= bounds + 1e3 * eps).all()


def test_all_eigenvalues_may_be_asked_for() -> None:
    a = with_values(np.linspace(-1, 1, 20))
    w, v = la.compute(*la.linalg.eigsh(la.from_array(a, chunks=6), 20, "LA", seed=0))
    np.testing.assert_allclose(w, np.linspace(-1, 1, 20), atol=1e-13)
    np.testing.assert_allclose(a @ v, v * w, atol=1e-13)


def test_what_eigsh_cannot_do_it_refuses() -> None:
    x = la.ones((5, 5))
    with pytest.raises(ValueError, match="which='BE' is none of"):
        la.linalg.eigsh(x, 2, "BE")
    for k in (0, 6):
        with pytest.raises(ValueError, match=f"{k} eigenvalues of an array of shape"):
            la.linalg.eigsh(x, k)
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        la.linalg.eigsh(la.ones((5, 4)), 2)
