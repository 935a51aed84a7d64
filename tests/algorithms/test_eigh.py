"""Hermitian eigenproblems in tiles: as accurate as LAPACK's, whatever the spectrum, and divided as often as need be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms import band
from lambdarray.algorithms import eigh as tiled
from lambdarray.algorithms.polar import HALLEY, least, mirrored, orthonormal, polar, schedule, step
from lambdarray.algorithms.spectrum import Spectrum
from lambdarray.errors import EagerError

from .matrices import NAMES, TILE, N, distance, hermitian, near, off_orthogonal, ragged, with_values


def checked(a: np.ndarray, uplo: str = "L", tile: int = TILE) -> np.ndarray:
    made = la.linalg.eigh(ragged(a), uplo, tile=tile)
    full = np.asarray(mirrored(la.from_array(a), uplo).compute())
    expected, basis = np.linalg.eigh(full)
    assert made.eigenvalues.dtype == expected.dtype
    assert made.eigenvectors.dtype == basis.dtype
    w, v = la.compute(*made)
    assert w.shape == (len(a),)
    assert v.shape == a.shape
    assert (np.diff(w) >= 0).all()
    near(distance(full, (v * w) @ v.conj().T), distance(full, (basis * expected) @ basis.conj().T), len(a))
    near(off_orthogonal(v), off_orthogonal(basis), len(a))
    np.testing.assert_allclose(w, expected, rtol=0, atol=len(a) * np.finfo(w.dtype).eps * np.abs(expected).max())
    return np.asarray(w)


@pytest.mark.parametrize("name", NAMES)
def test_eigenvectors_are_as_good_as_lapacks(name: str) -> None:
    checked(hermitian(name))


@pytest.mark.parametrize("dtype", ["f4", "c8", "c16"])
@pytest.mark.parametrize("name", ["random", "graded"])
def test_each_dtype_has_its_own_precision(name: str, dtype: str) -> None:
    values = np.linspace(-3, 2, N) if name == "random" else 10.0 ** -np.linspace(0, 8, N)
    checked(with_values(values, dtype))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("width", [1, 4, TILE, 40])
def test_values_alone_are_those_of_a_band_and_found_without_a_run(
    width: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(band, "WIDTH", width)
    a = with_values(np.linspace(-3, 2, N), dtype)
    with la.config(eager=False):
        made = la.linalg.eigvalsh(ragged(a), tile=13)
    assert made.dtype == a.real.dtype
    np.testing.assert_allclose(made.compute(), np.linspace(-3, 2, N), rtol=0, atol=N * 3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", NAMES)
def test_values_alone_are_as_good_as_lapacks(name: str) -> None:
    a = hermitian(name)
    expected = np.linalg.eigvalsh(a)
    limit = N * float(np.finfo(float).eps) * np.abs(expected).max()
    np.testing.assert_allclose(la.linalg.eigvalsh(ragged(a), tile=TILE).compute(), expected, rtol=0, atol=limit)


def test_what_is_too_large_for_a_band_is_divided_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "MOST_BAND", 30)
    a = with_values(np.linspace(-3, 2, N))
    with la.config(eager=False), pytest.raises(EagerError):
        la.linalg.eigvalsh(ragged(a), tile=TILE)
    np.testing.assert_allclose(la.linalg.eigvalsh(ragged(a), tile=TILE).compute(), np.linspace(-3, 2, N), atol=1e-13)


@pytest.mark.parametrize("uplo", ["L", "U", "l"])
def test_only_one_triangle_is_read_and_the_diagonal_is_taken_as_real(uplo: str) -> None:
    a = np.random.default_rng(0).standard_normal((N, N, 2)) @ [1, 1j]
    w = checked(a, uplo.upper())
    np.testing.assert_allclose(w, np.linalg.eigvalsh(a, uplo), atol=1e-12)
    np.testing.assert_allclose(la.linalg.eigvalsh(ragged(a), uplo, tile=TILE).compute(), w, atol=1e-12)


def test_integers_are_promoted_as_numpy_does() -> None:
    a = np.random.default_rng(0).integers(-9, 9, (N, N))
    w = la.linalg.eigvalsh(la.from_array(a, chunks=20), tile=TILE)
    assert w.dtype == np.float64
    np.testing.assert_allclose(w.compute(), np.linalg.eigvalsh(a), atol=1e-12)


def test_parts_that_are_no_task_of_their_own_are_divided_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[int] = []
    whole = tiled._whole
    monkeypatch.setattr(tiled, "_whole", lambda x, *how: (sides.append(len(x)), whole(x, *how))[1])
    checked(with_values(np.linspace(-1, 1, 45)), tile=5)
    assert len(sides) >= 4
    assert max(sides) <= 15
    assert sum(sides) == 45


def test_what_is_found_is_kept_and_the_rest_is_left_to_be_computed() -> None:
    a = with_values(np.linspace(-1, 1, N))
    w, v = la.linalg.eigh(ragged(a), tile=TILE)
    assert la.plan(w).task_count <= 8  # two LAPACK tasks, and their values put in order
    np.testing.assert_allclose((a @ v - v * w).compute(), 0, atol=1e-12)


def test_a_matrix_of_up_to_three_tiles_is_one_task() -> None:
    a = with_values(np.linspace(-1, 1, 3 * TILE))
    assert la.plan(*la.linalg.eigh(la.from_array(a), tile=TILE)).task_count == 1
    large = la.ones((tiled.MOST_SIDE, tiled.MOST_SIDE), chunks=-1)
    assert la.plan(la.linalg.eigvalsh(large)).task_count <= 2  # the matrix, and its eigenvalues


def test_by_default_a_matrix_is_divided_where_it_is_larger_than_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "MOST_SIDE", 30)
    monkeypatch.setattr("lambdarray.algorithms.tiles.LEAST_SIDE", 20)
    a = with_values(np.linspace(-1, 1, N))
    with la.config(eager=False), pytest.raises(EagerError, match="the parts of a spectrum"):
        la.linalg.eigh(la.from_array(a))
    np.testing.assert_allclose(la.linalg.eigh(la.from_array(a))[0].compute(), np.linspace(-1, 1, N), atol=1e-13)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_as_numpy_does(value: float) -> None:
    a = np.eye(N)
    a[3, 3] = value
    with pytest.raises(np.linalg.LinAlgError, match="Eigenvalues did not converge"):
        la.linalg.eigh(la.from_array(a), tile=TILE)


@pytest.mark.parametrize("tile", [0, -1])
def test_a_tile_has_rows(tile: int) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        la.linalg.eigh(la.ones((N, N)), tile=tile)


def test_batches_have_no_tiles() -> None:
    with pytest.raises(ValueError, match="single matrix"):
        la.linalg.eigvalsh(la.ones((2, N, N)), tile=TILE)


# -- what it is made of


@pytest.mark.parametrize("weight", schedule(3e-5))
def test_a_step_is_the_rational_function_of_the_singular_values(weight: Any) -> None:
    a, b, c = weight
    x = np.random.default_rng(0).standard_normal((N, N)) / 20
    u, s, vh = np.linalg.svd(x)
    expected = (u * (s * (a + b * s**2) / (1 + c * s**2))) @ vh
    np.testing.assert_allclose(step(la.from_array(x, chunks=TILE), weight, TILE).compute(), expected, atol=1e-13)


def test_a_round_takes_every_singular_value_from_the_least_on_to_one() -> None:
    for dtype in (np.dtype("f4"), np.dtype("f8")):
        x = np.geomspace(least(dtype), 1, 1000)
        for a, b, c in schedule(least(dtype), float(np.finfo(dtype).eps) ** 0.7):
            x = x * (a + b * x**2) / (1 + c * x**2)
        assert np.abs(x - 1).max() < np.finfo(dtype).eps ** 0.7
    assert schedule(0.999999)[-1] == pytest.approx(HALLEY, abs=1e-4)


@pytest.mark.parametrize("low", [1e-2, 1e-7, 1e-11])
def test_the_sign_converges_however_near_an_eigenvalue_is_to_zero(low: float) -> None:
    values = np.r_[np.linspace(-1, -low, N // 2), np.geomspace(low, 1, N - N // 2)]
    found = polar(la.from_array(with_values(values), chunks=TILE), TILE, "a sign", 1e-9, hermitian=True)
    assert found.error < 1e-9
    np.testing.assert_allclose(found.u.compute(), with_values(np.sign(values)), atol=1e-12 / low)
    assert round(found.trace) == N - 2 * (N // 2)


def test_a_shift_makes_a_basis_of_columns_that_are_nearly_dependent() -> None:
    x = np.random.default_rng(0).standard_normal((N, 20)) @ np.diag(np.geomspace(1, 1e-9, 20))
    once = orthonormal(la.from_array(x, chunks=TILE), TILE, shift=1e-13)
    q = orthonormal(orthonormal(once, TILE), TILE).compute()
    assert off_orthogonal(q) < N
    np.testing.assert_allclose(q @ (q.T @ x), x, atol=1e-13)


def test_a_cut_is_balanced_rather_than_in_the_widest_gap() -> None:
    nodes = np.r_[np.linspace(0, 0.4, 50), np.linspace(0.6, 1, 49), 10]
    (cut,) = Spectrum(nodes, np.full(100, 0.01)).cuts(1, 1000, 600, 3e-5)
    assert 0.4 < cut < 0.6
