"""Cholesky factors in tiles are LAPACK's to its own error, and are written, read and refused as they should be."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms.cholesky import Column, Groups, Panel, factor, group_width
from lambdarray.errors import MatrixError, TaskError
from lambdarray.ops import Blocks, Concat
from tests.judge import cuts

DTYPES = ("f4", "f8", "c8", "c16")
# At least four tiles a side, of sides that no tile divides.
SIZES = [(37, 8), (40, 10), (53, 13), (5, 1)]


def positive(n, dtype, seed=0, shift=1.0):
    rng = np.random.default_rng(seed)
    m = rng.standard_normal((n, n))
    if np.dtype(dtype).kind == "c":
        m = m + 1j * rng.standard_normal((n, n))
    return (m @ m.conj().T + shift * n * np.eye(n)).astype(dtype)


def backward_error(a, factor, upper=False):
    """How far the factor's product is from the matrix, over its norm."""
    wide = factor.astype(np.result_type(factor, np.float64))
    product = wide.conj().T @ wide if upper else wide @ wide.conj().T
    return np.linalg.norm(product - a) / np.linalg.norm(a)


def allowed(a, expected, upper=False):
    return max(10 * backward_error(a, expected, upper), len(a) * np.finfo(expected.dtype).eps)


@pytest.mark.parametrize("dtype", [*DTYPES, "i4"])
@pytest.mark.parametrize(("n", "tile"), SIZES)
@pytest.mark.parametrize("upper", [False, True])
def test_the_factor_is_numpys_of_one_triangle_and_zero_in_the_other(dtype, n, tile, upper):
    a = positive(n, dtype)
    given = a.copy()
    other = np.tril_indices(n, -1) if upper else np.triu_indices(n, 1)
    given[other] = 9 if dtype == "i4" else np.nan
    found = la.linalg.cholesky(la.from_array(given, chunks=(5, 11)), upper=upper, tile=tile)
    expected = np.linalg.cholesky(a, upper=upper)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    value = found.compute()
    assert backward_error(a, value, upper) <= allowed(a, expected, upper)
    np.testing.assert_array_equal(value[other], 0)


@given(st.data(), st.integers(0, 24), st.integers(2, 9), st.integers(1, 4), st.integers(1, 6), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_chunks_tiles_groups_and_blocks_do_not_matter(data, n, tile, near, far, block):
    a = positive(n, "f8")
    x = la.from_array(a, chunks=(cuts(data.draw, n), cuts(data.draw, n)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Groups, "of", lambda *_: Groups(near, far * block, block))
        value = la.linalg.cholesky(x, tile=tile).compute()
    np.testing.assert_allclose(value, np.linalg.cholesky(a), rtol=1e-12, atol=1e-12)


FAMILIES = {
    "graded": lambda n: positive(n, "f8") * np.logspace(0, -8, n)[:, None] * np.logspace(0, -8, n),
    "nearly singular": lambda n: positive(n, "f8", shift=0.0) + 1e-10 * np.eye(n),
    "Hilbert with a shift": lambda n: scipy.linalg.hilbert(n) + n * 1e-15 * np.eye(n),
    "a Laplacian": lambda n: 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1),
    "huge": lambda n: positive(n, "f8") * 1e300,
    "tiny": lambda n: positive(n, "f8") * 1e-300,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_backward_error_is_lapacks_on_hard_matrices(family):
    a = FAMILIES[family](61)
    expected = np.linalg.cholesky(a)
    scale = np.abs(a).max()  # so that norms do not overflow
    value = la.linalg.cholesky(la.from_array(a, chunks=(17, 23)), tile=13).compute() / np.sqrt(scale)
    assert backward_error(a / scale, value) <= allowed(a / scale, expected / np.sqrt(scale))


@pytest.mark.parametrize("at", [0, 7, 8, 30, 36])
@pytest.mark.parametrize("tile", [None, 8])
@pytest.mark.parametrize("upper", [False, True])
def test_what_is_not_positive_definite_names_the_leading_minor_as_scipy(at, tile, upper):
    a = positive(37, "f8")
    a[at, at] = -1
    with pytest.raises(np.linalg.LinAlgError) as expected:
        scipy.linalg.cholesky(a)
    with pytest.raises(MatrixError, match=f"LinAlgError: {expected.value}"):
        la.linalg.cholesky(la.from_array(a, chunks=9), upper=upper, tile=tile).compute()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_what_a_task_finds_is_numpys_linalgerror_and_is_not_tried_again(executor):
    x = la.linalg.cholesky(-la.eye(9, chunks=4), tile=2)
    with la.config(executor=executor, workers=1), pytest.raises(np.linalg.LinAlgError, match="1-th leading") as caught:
        x.compute()
    assert isinstance(caught.value, TaskError)
    assert caught.value.attempts == 1


def test_a_batch_in_one_task_names_the_minor_too():
    a = np.stack([np.eye(3), np.diag([1.0, 1, -1])])
    with pytest.raises(np.linalg.LinAlgError, match="3-th leading minor of the array is not positive definite"):
        la.linalg.cholesky(a).compute()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_ends_as_in_numpy(bad):
    a = positive(21, "f8")
    a[17, 9] = bad
    try:
        np.linalg.cholesky(a)
    except np.linalg.LinAlgError:
        with pytest.raises(np.linalg.LinAlgError):
            la.linalg.cholesky(a, tile=5).compute()
    else:
        assert np.isnan(la.linalg.cholesky(a, tile=5).compute()).any()


@pytest.mark.parametrize(("shape", "tile", "error"), [((3, 4), 2, ValueError), ((2, 3, 3), 2, ValueError)])
def test_what_cannot_be_worked_on_in_tiles_is_refused_at_once(shape, tile, error):
    with pytest.raises(error):
        la.linalg.cholesky(la.ones(shape), tile=tile)
    with pytest.raises(ValueError, match="tile=0"):
        la.linalg.cholesky(la.eye(3), tile=0)


def test_a_small_matrix_is_one_task_and_a_large_one_is_in_tiles():
    assert la.plan(la.linalg.cholesky(la.from_array(np.eye(64)))).task_count == 1
    large = la.linalg.cholesky(la.zeros((4096, 4096)))
    assert large.chunks[0] == (640,) * 6 + (256,)
    assert la.plan(large).task_count > 8 * 9 / 2


# -- what is written


def written(x):
    """How often the tiles of a column, in which it is not told where they lie, are written at most."""
    ops, most = [(x._op, 0)], 0
    while ops:
        op, times = ops.pop()
        most = max(most, times)
        ops += [(i, times + isinstance(op, Blocks)) for i in (op.inputs if isinstance(op, Concat) else op.inputs[:1])]
    return most


@pytest.mark.parametrize("width", [1, 2, 3, 5, 12])
@pytest.mark.parametrize(("far", "block"), [(1, 1), (4, 1), (4, 2)])
def test_a_tile_is_written_once_for_each_group_before_it_and_once_more(width, far, block):
    columns = factor(la.from_array(positive(96, "f8"), chunks=8), 8, Groups(width, far * width, block))
    for k, column in enumerate(columns):
        assert written(column.diagonal) <= 1 + ceil(k / width)
        assert written(column.below) <= 1 + ceil(k / width)


@pytest.mark.parametrize("width", [1, 3, 12])
def test_every_put_is_a_tile_that_the_count_allows(width):
    count = 12
    columns = factor(la.from_array(positive(8 * count, "f8"), chunks=8), 8, Groups(width, width))
    parts = [x for c in columns for x in (c.diagonal, c.below) if x.size]
    plan = la.plan(*parts)
    assert {p.op for p in plan.programs} <= {"cholesky", "trsm", "update"}
    tiles = sum(p.arrays[w.array].tiling.count * p.share(w.axes) for p in plan.programs for w in p.writes)
    assert tiles == plan.task_count
    assert tiles <= sum((count - k) * (1 + ceil(k / width)) for k in range(count))


def test_a_group_is_narrow_where_workers_are_many():
    assert [group_width(16, workers) for workers in (1, 2, 4, 100)] == [12, 12, 8, 2]


def test_columns_are_opened_by_twos():
    panel = Panel(30, la.zeros((90, 70), chunks=10))
    opened = panel.opened(10)
    assert [p.width for p in opened] == [10, 10, 20, 30]
    assert [(p.start, p.values.shape) for p in opened] == [
        (30, (90, 10)),
        (40, (80, 10)),
        (50, (70, 20)),
        (70, (50, 30)),
    ]
    assert [p.width for p in Panel(0, la.zeros((9, 9))).opened(10)] == [9]


@pytest.mark.parametrize("count", [24, 48, 96])
@pytest.mark.parametrize("far", [2, 8])
def test_programs_grow_as_columns_and_not_as_tiles(count, far, monkeypatch):
    monkeypatch.setattr(Groups, "of", lambda *_: Groups(2, far))
    plan = la.plan(la.linalg.cholesky(la.zeros((count * 8, count * 8), chunks=8), tile=8))
    assert plan.task_count > count**3 / 6 / far
    # Two for each column and one for zeros above it, one for each half of a group, and few for what is after it.
    assert len(plan.programs) <= 3.5 * count + count / far * (count // far).bit_length()


def test_parts_of_a_factor_are_where_they_say():
    a = positive(20, "f8")
    expected = np.linalg.cholesky(a)
    for column in factor(la.from_array(a, chunks=6), 6, Groups(2, 2)):
        assert isinstance(column, Column)
        for row, start, part in column.pieces():
            rows, columns = part.shape
            near = expected[row : row + rows, start : start + columns]
            np.testing.assert_allclose(part.compute(), near, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("settings", [{"store": True}, {"executor": "processes", "workers": 2}])
def test_it_goes_through_a_store(settings, tmp_path):
    settings = {**settings, "store": str(tmp_path)} if settings.get("store") else settings
    a = positive(45, "c16")
    with la.config(**settings):
        for upper in (False, True):
            value = la.linalg.cholesky(la.from_array(a, chunks=7), upper=upper, tile=10).compute()
            np.testing.assert_allclose(value, np.linalg.cholesky(a, upper=upper), rtol=1e-12, atol=1e-12)
