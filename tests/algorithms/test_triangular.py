"""Triangular systems in tiles are SciPy's; factors and products that were put together are read where they lie."""

from __future__ import annotations

import itertools
from math import ceil

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms import triangular as module
from lambdarray.algorithms.tiles import patched, piece
from lambdarray.algorithms.triangular import group_width
from lambdarray.errors import MatrixError
from lambdarray.ops import Concat, Patch
from tests.judge import cuts

DTYPES = ("f4", "f8", "c8", "c16")


def numbers(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def triangular(n, dtype, lower=True):
    """A matrix far from singular, which has no number in the other triangle."""
    a = numbers((n, n), dtype) / max(n, 1) + 2 * np.eye(n, dtype=dtype)
    a[np.triu_indices(n, 1) if lower else np.tril_indices(n, -1)] = np.nan
    return a


def positive(n, dtype):
    m = numbers((n, n), dtype)
    return (m @ m.conj().T + n * np.eye(n)).astype(dtype)


def near(found, expected):
    value = found.compute() if isinstance(found, la.Array) else found
    assert (value.dtype, value.shape) == (expected.dtype, expected.shape)
    scale = np.abs(expected).max() if expected.size else 1.0
    np.testing.assert_allclose(value, expected, rtol=0, atol=200 * np.finfo(expected.dtype).eps * scale)


def backward_error(a, x, b):
    return np.linalg.norm(a @ x - b) / (np.linalg.norm(a) * np.linalg.norm(x) + np.linalg.norm(b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("trans", [0, 1, 2, "N", "T", "C"])
@pytest.mark.parametrize("unit_diagonal", [False, True])
def test_any_triangle_transposed_or_not_is_scipys(dtype, lower, trans, unit_diagonal):
    a = triangular(37, dtype, lower)
    params = {"lower": lower, "trans": trans, "unit_diagonal": unit_diagonal}
    expected_of = np.nan_to_num(a)
    if unit_diagonal:
        a[np.diag_indices(37)] = np.nan
    x = la.from_array(a, chunks=(5, 11))
    for shape in ((37,), (37, 1), (37, 23)):
        b = numbers(shape, dtype, 1)
        found = la.linalg.solve_triangular(x, la.from_array(b, chunks=6), tile=8, **params)
        near(found, scipy.linalg.solve_triangular(expected_of, b, **params))


@given(st.data(), st.integers(0, 24), st.integers(0, 12), st.integers(3, 9), st.integers(1, 5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_chunks_tiles_and_groups_do_not_matter(data, n, columns, tile, width, lower):
    a, b = triangular(n, "f8", lower), numbers((n, columns), "f8", 1)
    x = la.from_array(a, chunks=(cuts(data.draw, n), cuts(data.draw, n)))
    y = la.from_array(b, chunks=(cuts(data.draw, n), cuts(data.draw, columns)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "group_width", lambda count, columns, workers: width)
        found = la.linalg.solve_triangular(x, y, lower=lower, tile=tile)
    near(found, np.linalg.solve(np.nan_to_num(a), b) if n else b)


@pytest.mark.parametrize(("kind", "other"), [("i4", "f4"), ("f4", "f8"), ("f8", "c8"), ("i8", "i8")])
def test_dtypes_are_scipys(kind, other):
    a = np.tril(np.ones((9, 9))).astype(kind)
    b = np.arange(9).astype(other)
    near(
        la.linalg.solve_triangular(la.asarray(a), la.asarray(b), lower=True, tile=2),
        scipy.linalg.solve_triangular(a, b, lower=True),
    )


@pytest.mark.parametrize("at", [0, 8, 20])
@pytest.mark.parametrize("tile", [None, 4])
def test_a_zero_on_the_diagonal_is_named_as_scipy_names_it(at, tile):
    a = np.eye(21)
    a[at, at] = 0
    with pytest.raises(np.linalg.LinAlgError) as expected:
        scipy.linalg.solve_triangular(a, np.ones(21))
    with pytest.raises(MatrixError, match=f"LinAlgError: {expected.value}"):
        la.linalg.solve_triangular(a, np.ones(21), tile=tile).compute()
    near(la.linalg.solve_triangular(a, np.ones(21), unit_diagonal=True, tile=tile), np.ones(21))


@pytest.mark.parametrize("lower", [False, True])
def test_hard_triangles_are_solved_as_well_as_by_lapack(lower):
    graded = np.tril(numbers((61, 61), "f8")) * np.logspace(0, -10, 61)[:, None] + np.diag(np.logspace(0, -10, 61))
    near_singular = np.tril(numbers((61, 61), "f8")) + 4 * np.eye(61)
    near_singular[30, 30] = 1e-14
    factor = np.linalg.cholesky(scipy.linalg.hilbert(61) + 1e-12 * np.eye(61))
    b = numbers((61, 5), "f8", 1)
    for n in (graded, near_singular, factor):
        a = n if lower else n.T.copy()
        expected = scipy.linalg.solve_triangular(a, b, lower=lower)
        found = la.linalg.solve_triangular(la.from_array(a, chunks=17), b, lower=lower, tile=13).compute()
        limit = max(10 * backward_error(a, expected, b), 61 * np.finfo("f8").eps)
        assert backward_error(a, found, b) <= limit


def test_what_does_not_fit_is_refused_at_once():
    for b, tile in ((np.ones(4), 2), (np.ones((4, 2)), None)):
        with pytest.raises(ValueError, match=r"\(3, 3\)"):
            la.linalg.solve_triangular(la.eye(3), b, tile=tile)
    with pytest.raises(ValueError, match="tile=2: a right-hand side in tiles is one matrix"):
        la.linalg.solve_triangular(la.eye(3), np.ones((2, 3, 1)), tile=2)
    with pytest.raises(ValueError, match="trans='X'"):
        la.linalg.solve_triangular(la.eye(3), np.ones(3), trans="X")


# -- positive definite systems, and others that are known


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("tile", [None, 8])
def test_cholesky_factors_solve_as_scipys(dtype, lower, tile):
    a = positive(37, dtype)
    a[np.triu_indices(37, 1) if lower else np.tril_indices(37, -1)] = np.nan
    factor = la.linalg.cho_factor(la.from_array(a, chunks=9), lower, tile=tile)
    theirs = scipy.linalg.cho_factor(a, lower, check_finite=False)
    assert factor[1] is theirs[1]
    for shape in ((37,), (37, 6)):
        b = numbers(shape, dtype, 1)
        near(la.linalg.cho_solve(factor, b, tile=tile), scipy.linalg.cho_solve(theirs, b, check_finite=False))


ASSUMED = ("pos", "positive definite", "sym", "symmetric", "her", "hermitian", "gen", "general", None, "banded")


@pytest.mark.parametrize("dtype", ["f8", "c16"])
@pytest.mark.parametrize("assume_a", [*ASSUMED, "diagonal", "upper triangular", "lower triangular"])
@pytest.mark.parametrize("tile", [None, 6])
def test_systems_are_solved_by_what_is_assumed_of_them(dtype, assume_a, tile):
    a, b = positive(25, dtype), numbers((25, 3), dtype, 1)
    if assume_a in ("sym", "symmetric"):
        a = a + a.T
    if assume_a == "diagonal":
        a = np.diag(np.diag(a))
    if assume_a is not None and "triangular" in assume_a:
        a = np.tril(a) if "lower" in assume_a else np.triu(a)
    for right in (b, b[:, 0]):
        for lower in (False, True):
            given = a.copy()
            if assume_a in ASSUMED[:6]:
                given[np.triu_indices(25, 1) if lower else np.tril_indices(25, -1)] = 7
            found = la.linalg.solve(la.from_array(given, chunks=7), right, assume_a=assume_a, lower=lower, tile=tile)
            near(found, np.linalg.solve(a, right))


def test_what_is_assumed_must_be_known():
    with pytest.raises(ValueError, match="assume_a='square' is no structure of matrices that is known: 'gen'"):
        la.linalg.solve(la.eye(3), np.ones(3), assume_a="square")


def test_what_is_not_positive_definite_is_said_where_it_is_assumed():
    for tile in (None, 3):
        with pytest.raises(np.linalg.LinAlgError, match="1-th leading minor"):
            la.linalg.solve(-np.eye(9), np.ones(9), assume_a="pos", tile=tile).compute()


# -- what is read and written


def test_a_group_is_narrow_where_there_are_few_columns_for_many_workers():
    assert [group_width(16, columns, 2) for columns in (1, 2, 4, 100)] == [4, 8, 16, 16]
    assert group_width(64, 1, 10_000) == 1


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_a_tile_of_the_solution_is_written_once_for_each_group_before_it_and_once_more(width, monkeypatch):
    monkeypatch.setattr(module, "group_width", lambda count, columns, workers: width)
    b = la.from_array(np.ones((64, 24)), chunks=8)
    x = module.solve_triangular(la.from_array(np.eye(64), chunks=8), b, 8, lower=True)
    plan = la.plan(*(la.Array(op) for op in x._op.inputs))
    assert {p.op for p in plan.programs} == ({"trtrs", "update"} if width < 8 else {"trtrs"})
    assert plan.task_count <= 3 * sum(1 + ceil(k / width) for k in range(8))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("workers", [1, 8])
def test_factors_are_read_where_they_lie_and_not_copied(upper, workers):
    a = la.from_array(positive(45, "f8"), chunks=9)
    b = la.from_array(np.ones((45, 9)), chunks=9)
    with la.config(workers=workers):
        x = la.linalg.solve(a, b, assume_a="pos", lower=not upper, tile=9)
        programs = la.plan(x).programs
    copies = [p for p in programs if p.op not in ("cholesky", "trsm", "update", "trtrs")]
    assert not copies


@given(st.data(), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_a_piece_is_the_slice_whatever_the_matrix_was_put_together_of(data, m, n):
    values = np.zeros((m, n))
    pieces = []
    for number in range(data.draw(st.integers(0, 4))):
        (r0, r1), (c0, c1) = (sorted(data.draw(st.tuples(st.integers(0, k), st.integers(0, k)))) for k in (m, n))
        values[r0:r1, c0:c1] = number + 1
        if r0 < r1 and c0 < c1:
            pieces.append((r0, c0, la.full((r1 - r0, c1 - c0), number + 1.0)))
    x = patched((m, n), 3, pieces)
    for axis in data.draw(st.lists(st.integers(0, 1), max_size=2)):
        x, values = la.concatenate([x, x + 1], axis), np.concatenate([values, values + 1], axis)
    if data.draw(st.booleans()):
        x, values = x.rechunk(2).T[1:], values.T[1:]
    rows, columns = (sorted(data.draw(st.tuples(st.integers(0, k), st.integers(0, k)))) for k in x.shape)
    found = piece(x, tuple(rows), tuple(columns))
    np.testing.assert_array_equal(found.compute(), values[slice(*rows), slice(*columns)])


def test_a_piece_that_lies_in_one_part_is_of_that_part_alone():
    parts = {at: la.full((4, 4), float(n)) for n, at in enumerate(itertools.product((0, 4), repeat=2))}
    whole = patched((8, 8), 4, [(*at, part) for at, part in parts.items()])
    assert isinstance(whole._op, Patch)
    for (row, column), part in parts.items():
        assert piece(whole, (row, row + 4), (column, column + 4))._op is part._op
    assert isinstance(piece(whole, (0, 4), (0, 8))._op, Concat)


@pytest.mark.parametrize("settings", [{"store": True}, {"executor": "processes", "workers": 2}])
def test_it_goes_through_a_store(settings, tmp_path):
    settings = {**settings, "store": str(tmp_path)} if settings.get("store") else settings
    a, b = positive(45, "c16"), numbers((45, 13), "c16", 1)
    with la.config(**settings):
        x = la.linalg.solve(la.from_array(a, chunks=7), la.from_array(b, chunks=6), assume_a="pos", tile=10)
        near(x, np.linalg.solve(a, b))
