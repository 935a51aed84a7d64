"""QR by the tree and in tiles: as near to the matrix and as orthogonal as SciPy's, on hard matrices and any shape."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms import qr as tiles
from lambdarray.algorithms import tsqr
from tests.judge import cuts

DTYPES = ("f4", "f8", "c8", "c16")
SHAPES = ((40, 40), (41, 37), (23, 50), (96, 21), (1, 9), (9, 1), (65, 33))


def normal(shape, dtype="f8", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def family(kind, shape, dtype="f8", seed=0):
    """A matrix that is hard in one way."""
    a, (m, n) = normal(shape, dtype, seed), shape
    rows, columns = np.arange(m)[:, None], np.arange(n)
    made = {
        "random": lambda: a,
        "zero": lambda: 0 * a,
        "ones": lambda: 0 * a + 1,
        "deficient": lambda: a[:, : n // 3 + 1] @ normal((n // 3 + 1, n), dtype, seed + 1),
        "zero columns": lambda: a * (columns % 3 > 0),
        "zero rows": lambda: a * (rows % 4 > 1),
        "graded rows": lambda: a * 10.0 ** (-(rows % 13)),
        "graded columns": lambda: a * 10.0 ** (-columns / max(n, 1) * 12),
        "hilbert": lambda: (1 / (1 + rows + columns)).astype(dtype),
        "near singular": lambda: a[:, :1] + 1e-6 * a,
        "triangular": lambda: np.triu(a),
        "orthogonal": lambda: np.linalg.qr(normal((max(shape),) * 2, dtype, seed))[0][:m, :n],
        "large": lambda: a * 1e30,
    }[kind]()
    return np.asarray(made).astype(dtype)


FAMILIES = ("random", "zero", "ones", "deficient", "zero columns", "zero rows", "graded rows", "graded columns",
            "hilbert", "near singular", "triangular", "orthogonal", "large")  # fmt: skip


def allowed(theirs, n, dtype):
    """Ten times SciPy's error, or n times the rounding error."""
    return max(10 * theirs, max(n, 4) * np.finfo(dtype).eps)


def errors(a, q, r):
    """The backward error, relative to the matrix, and how far Q's columns are from orthonormal."""
    kind = np.result_type(a, np.float64)
    a, q, r = (x.astype(kind) for x in (a, q, r))
    size = np.linalg.norm(a) or 1
    return np.linalg.norm(a - q @ r) / size, np.linalg.norm(q.conj().T @ q - np.eye(q.shape[1]))


def check(a, q, r, mode="economic"):
    theirs = scipy.linalg.qr(a, mode=mode)
    assert (q.shape, r.shape) == tuple(x.shape for x in theirs)
    assert q.dtype == r.dtype == a.dtype
    np.testing.assert_array_equal(np.tril(r, -1), 0)
    for ours, other in zip(errors(a, q, r), errors(a, *theirs), strict=True):
        assert ours <= allowed(other, max(a.shape), a.dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("panel", ["one task", "tree"])
def test_qr_in_tiles_is_as_good_as_scipys(shape, dtype, panel, monkeypatch):
    monkeypatch.setattr(tiles, "MOST_TILES", 16 if panel == "one task" else 0)
    a = normal(shape, dtype)
    x = la.from_array(a, chunks=(7, 5))
    reduced = la.linalg.qr(x, tile=5)
    complete = la.linalg.qr(x, "complete", tile=5)
    q, r, q_complete, r_complete, alone = la.compute(*reduced, *complete, la.linalg.qr(x, "r", tile=5))
    check(a, q, r)
    check(a, q_complete, r_complete, "full")
    np.testing.assert_allclose(np.abs(alone), np.abs(np.linalg.qr(a, "r")), rtol=0, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("shape", [(45, 45), (90, 40), (30, 55), (400, 6)])
def test_hard_matrices_have_small_errors(kind, shape, monkeypatch):
    a = family(kind, shape)
    x = la.from_array(a, chunks=(11, 13))
    check(a, *la.compute(*la.linalg.qr(x, tile=9)))
    monkeypatch.setattr(tiles, "MOST_TILES", 0)
    check(a, *la.compute(*la.linalg.qr(x, tile=6)))


@settings(max_examples=40)
@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.integers(1, 6), st.sampled_from(FAMILIES), st.booleans())
def test_any_shape_in_any_tiles(data, m, n, parts, kind, tree):
    a, tile = family(kind, (m, n), seed=m + n), -(-min(m, n) // parts)
    chunks = tuple(cuts(data.draw, size) for size in (m, n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "MOST_TILES", 0 if tree else 16)
        made = la.linalg.qr(la.from_array(a, chunks=chunks), tile=tile)
    check(a, *la.compute(*made))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "tile"), [((83, 4), 10), ((83, 4), 4), ((1000, 30), 250), ((9, 1), 2), ((260, 60), 64)]
)
def test_a_tree_over_blocks_of_rows_is_as_good_as_scipys(shape, tile, dtype):
    for kind in ("random", "deficient", "zero rows", "graded rows"):
        a = family(kind, shape, dtype)
        x = la.from_array(a, chunks=(29, 3))
        made = tsqr.tall(x, tile)
        assert len(made.levels) > 1
        top = normal((shape[1], 2), dtype, 1)
        q, r, both, alone = la.compute(made.q(), made.r, made.q(la.from_array(top)), tsqr.folded(x, tile=tile).r)
        check(a, q, r)
        np.testing.assert_allclose(both, q @ top, rtol=0, atol=100 * np.finfo(dtype).eps)
        check(a, q, alone)


def test_leaves_within_a_block_are_a_tree_too(monkeypatch):
    from lambdarray_kernels import orthogonal

    monkeypatch.setattr(orthogonal, "LEAF_BYTES", 256)
    for rows in (40, 41, 42, 43, 200):
        a = normal((rows, 5))
        assert len(orthogonal.leaves(rows, 5, 8)) > 1
        check(a, *la.compute(*la.linalg.qr(la.from_array(a), tile=30)))


@pytest.mark.parametrize("shape", [(40, 40), (61, 30), (30, 61)])
@pytest.mark.parametrize("dtype", ["f8", "c8"])
def test_q_is_applied_without_being_formed(shape, dtype):
    a, c = normal(shape, dtype), normal((shape[0], 3), dtype, 1)
    made = tiles.tiled_qr(la.from_array(a, chunks=8), 6)
    right = la.from_array(c)
    q, ours, adjoint = la.compute(made.q(shape[0]), made.apply(right), made.apply(right, transposed=True))
    bound = 200 * np.finfo(dtype).eps
    np.testing.assert_allclose(ours, q @ c, rtol=0, atol=bound)
    np.testing.assert_allclose(adjoint, q.conj().T @ c, rtol=0, atol=bound)


@pytest.mark.parametrize("shape", [(50, 50), (70, 41), (41, 70)])
@pytest.mark.parametrize("most", [0, 16])
def test_panels_that_are_joined_are_as_good(shape, most, monkeypatch):
    monkeypatch.setattr(tiles, "grouped", lambda k, tile: 3)
    monkeypatch.setattr(tiles, "MOST_TILES", most)
    a, k = normal(shape), min(shape)
    made = tiles.tiled_qr(la.from_array(a), 6)
    assert len(made.panels) == -(-k // 18)
    check(a, *la.compute(made.q(k), made.r))


def test_a_large_square_matrix_is_factorised_in_tiles_unasked(monkeypatch):
    from lambdarray.algorithms import tiles as choice

    monkeypatch.setattr(choice, "LEAST_SIDE", 32)
    monkeypatch.setattr(choice, "LEAST_TILE", 16)
    monkeypatch.setattr(choice, "ROUND", 4)
    a = normal((70, 60))
    q, r = la.linalg.qr(la.from_array(a, chunks=20))
    assert la.plan(q, r).task_count > 30
    check(a, *la.compute(q, r))


def test_all_of_q_of_a_tall_matrix_is_made_in_tiles(monkeypatch):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 256)
    a = normal((50, 3))
    check(a, *la.compute(*la.linalg.qr(la.from_array(a, chunks=9), "complete")), "full")


def test_where_only_r_is_wanted_only_triangles_are_written(monkeypatch):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 1 << 16)
    x = la.from_array(normal((8192, 8)), chunks=(1024, 8))
    for made in (la.linalg.qr(x, "r"), la.linalg.svdvals(x)):
        assert la.explain(made).bytes_written < x.nbytes / 50
    q, _ = la.linalg.qr(x)
    assert la.explain(q).bytes_written < 2.5 * x.nbytes


def test_the_number_of_programs_is_that_of_panels_not_of_tiles():
    x = la.zeros((4096, 4096), chunks=64)
    plan = la.plan(*la.linalg.qr(x, tile=64))
    assert len(plan.programs) < 20 * 64 < plan.task_count


def test_integers_and_what_is_empty_are_as_in_numpy():
    n = np.arange(30).reshape(6, 5) % 7
    q, r = la.linalg.qr(la.from_array(n, chunks=2), tile=2)
    check(n.astype(float), *la.compute(q, r))
    for shape in ((0, 3), (3, 0), (0, 0)):
        for mode in ("reduced", "complete"):
            ours, theirs = la.linalg.qr(la.zeros(shape), mode, tile=2), np.linalg.qr(np.zeros(shape), mode)
            assert [x.shape for x in ours] == [x.shape for x in theirs]
    with pytest.raises(TypeError, match="float16"):
        la.linalg.qr(la.zeros((9, 9), dtype="f2"), tile=2)


@pytest.mark.parametrize("shape", [(20, 20), (60, 4)])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("most", [0, 16])
def test_what_is_not_finite_stays_so(shape, bad, most, monkeypatch):
    monkeypatch.setattr(tiles, "MOST_TILES", most)
    a = normal(shape)
    a[3, 2] = bad
    q, r = la.compute(*la.linalg.qr(la.from_array(a, chunks=7), tile=5))
    assert np.isnan(q).any()
    assert np.isnan(r).any()


def test_what_cannot_be_in_tiles_is_refused():
    with pytest.raises(ValueError, match="raw"):
        la.linalg.qr(la.ones((9, 9)), "raw", tile=3)
    with pytest.raises(ValueError, match="tile=0"):
        la.linalg.qr(la.ones((9, 9)), tile=0)
    with pytest.raises(ValueError, match="single matrix"):
        la.linalg.qr(la.ones((2, 9, 9)), tile=3)


def test_factors_go_through_a_store(tmp_path):
    a = normal((50, 45))
    with la.config(store=str(tmp_path)):
        check(a, *la.compute(*la.linalg.qr(la.from_array(a, chunks=9), tile=8)))


def test_leaves_of_one_complex_row_add_no_rounding():
    """Where each turned its number into a real one, Q was orthonormal to four roundings, of two that are allowed."""
    for seed in range(20):
        a = normal((2, 1), "c16", seed)
        q, r = (part.compute() for part in la.linalg.qr(la.from_array(a, chunks=1), tile=1))
        assert abs(np.linalg.norm(q) ** 2 - 1) <= 2 * np.finfo(float).eps
        np.testing.assert_allclose(q @ r, a, rtol=1e-15)
