"""Functions of matrices are NumPy's, whatever the chunks and the batch; factors are judged by what they multiply to."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import LinAlgError

import lambdarray as la
from lambdarray.algorithms import tsqr
from lambdarray.errors import MemoryLimitError, TaskError
from tests.judge import arrays, assert_same, close, judge

DTYPES = ("f4", "f8", "c8", "c16", "i4")
SHAPES = [(1, 1), (4, 4), (3, 5, 5), (2, 1, 3, 3), (0, 2, 2), (2, 0, 0)]
TALL = [(4, 4), (5, 3), (2, 3, 5), (3, 2, 4, 1), (0, 3), (2, 3, 0)]


def modest():
    return settings(max_examples=25, deadline=None)


def matrices(shape, dtype, seed=0):
    """Matrices far from singular, and a lambdarray of them in small chunks."""
    rng = np.random.default_rng(seed)
    n = rng.standard_normal(shape) * 3
    if np.dtype(dtype).kind == "c":
        n = n + 1j * rng.standard_normal(shape)
    if shape[-1] == shape[-2]:
        n = n + 9 * np.eye(shape[-1])
    n = n.astype(dtype)
    return la.from_array(n, chunks=tuple(max(1, min(2, k)) for k in shape)), n


def hermitian(shape, dtype):
    _, n = matrices(shape, dtype)
    n = (n @ np.conj(np.swapaxes(n, -1, -2))).astype(dtype)
    return la.from_array(n, chunks=tuple(max(1, min(2, k)) for k in shape)), n


def adjoint(x):
    return np.conj(np.swapaxes(x, -1, -2))


def near(actual, expected):
    """Equal to many roundings' precision, relative to the largest value, in the same dtype."""
    actual = actual.compute() if isinstance(actual, la.Array) else actual
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    eps = np.finfo(expected.dtype).eps if expected.dtype.kind in "fc" else 0
    scale = np.abs(expected).max() if expected.size else 1
    np.testing.assert_allclose(actual, expected, rtol=2000 * eps, atol=2000 * eps * scale)


def alike(function, pair):
    """NumPy's values but for rounding that grows with the matrix, and NumPy's dtypes and shapes."""
    ours, theirs = function(pair[0]), function(pair[1])
    if not isinstance(theirs, tuple):
        ours, theirs = (ours,), (theirs,)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert isinstance(a, la.Array)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        near(a, np.asarray(b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_square_matrices_are_numpys(shape, dtype):
    pair = matrices(shape, dtype)
    for function in (np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv):
        alike(function, pair)
    for n in (-2, 0, 1, 5):
        alike(lambda x, n=n: np.linalg.matrix_power(x, n), pair)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_hermitian_matrices_are_numpys(shape, dtype):
    x, n = hermitian(shape, dtype)
    for upper in (False, True):
        alike(lambda v, upper=upper: np.linalg.cholesky(v, upper=upper), (x, n))
    for uplo in "LUl":
        alike(lambda v, uplo=uplo: np.linalg.eigvalsh(v, uplo), (x, n))
        values, vectors = np.linalg.eigh(x, uplo)
        near(vectors.compute() * values.compute()[..., None, :] @ adjoint(vectors.compute()), n.astype(vectors.dtype))
    assert np.linalg.eigh(x)._fields == np.linalg.eigh(n)._fields


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_eigenvalues_are_complex_and_numpys(shape, dtype):
    x, n = matrices(shape, dtype)
    values, vectors = (part.compute() for part in np.linalg.eig(x))
    expected = np.linalg.eigvals(n)
    kind = np.result_type(expected, np.complex64)
    near(np.sort_complex(np.linalg.eigvals(x).compute()).astype(kind), np.sort_complex(expected).astype(kind))
    near(n @ vectors, vectors * values[..., None, :])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", TALL)
def test_qr_and_lu_and_svd_multiply_to_the_matrix(shape, dtype):
    x, n = matrices(shape, dtype)
    for mode in ("reduced", "complete"):
        alike(lambda v, mode=mode: tuple(np.linalg.qr(v, mode)), (x, n))
    alike(lambda v: np.linalg.qr(v, "r"), (x, n))
    alike(lambda v: tuple(np.linalg.qr(v, mode="raw")), (x, n))
    for full in (False, True):
        theirs, ours = np.linalg.svd(n, full), np.linalg.svd(x, full)
        assert [p.shape for p in ours] == [p.shape for p in theirs]
        assert ours._fields == theirs._fields
        near(ours.S, theirs.S)
        u, s, vh = (part.compute() for part in ours)
        k = s.shape[-1]
        near(u[..., :k] * s[..., None, :] @ vh[..., :k, :], n.astype(u.dtype))
        near(adjoint(u) @ u, np.broadcast_to(np.eye(u.shape[-1], dtype=u.dtype), (*u.shape[:-2], *u.shape[-1:] * 2)))
    alike(np.linalg.svdvals, (x, n))
    alike(np.linalg.pinv, (x, n))
    if n.size:
        for params in ({}, {"permute_l": True}, {"p_indices": True}):
            expected = scipy.linalg.lu(n, **params)
            for a, b in zip(la.linalg.lu(x, **params), expected, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(a.compute(), b, rtol=1e-4, atol=1e-4)


@given(arrays(dtypes=("f4", "f8", "c16", "i4"), min_dims=2, max_dims=4, max_side=5))
@modest()
def test_batches_and_matrices_may_be_cut_anywhere(pair):
    x, n = pair
    if not np.isfinite(n).all():
        return
    judge(np.linalg.svdvals, pair)
    judge(lambda v: np.linalg.qr(v, "r"), pair)
    near(np.linalg.svd(x[::-1], full_matrices=False).S, np.linalg.svdvals(n[::-1]))
    if n.shape[-1] == n.shape[-2]:
        gram = np.matmul(n, adjoint(n)) + np.eye(n.shape[-1], dtype=n.dtype)
        near(
            np.linalg.cholesky(np.matmul(x, la.conj(x).mT) + np.eye(n.shape[-1], dtype=n.dtype)),
            np.linalg.cholesky(gram),
        )


def test_factors_go_through_a_store(monkeypatch, tmp_path):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 256)
    batch, tall = matrices((5, 4, 3), "f8"), matrices((50, 3), "f8")
    with la.config(store=str(tmp_path)):
        for x, n in (batch, tall):
            u, s, vh = la.compute(*la.linalg.svd(x, full_matrices=False))
            near(u * s[..., None, :] @ vh, n)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_a_tall_matrix_is_factorised_by_its_rows(monkeypatch, dtype):
    monkeypatch.setattr(tsqr, "MOST_TALL_BYTES", 256)
    x, n = matrices((83, 4), dtype)
    x = x.rechunk((10, 3))
    q, r = la.linalg.qr(x)
    assert la.plan(q).task_count > 8
    near((q @ r).compute(), n)
    near((q.conj().T @ q).compute(), np.eye(4, dtype=dtype))
    np.testing.assert_array_equal(np.tril(r.compute(), -1), 0)
    near(np.abs(la.linalg.qr(x, "r").compute()), np.abs(np.linalg.qr(n, "r")))
    for one, other in ((x, n), (x.T, n.T)):
        u, s, vh = la.linalg.svd(one, full_matrices=False)
        near((u * s @ vh).compute(), other)
        near(s, np.linalg.svdvals(other))
        near(la.linalg.svdvals(one), np.linalg.svdvals(other))
    b = np.random.default_rng(1).standard_normal((83, 2)).astype(dtype)
    for right in (b, b[:, 0]):
        for ours, theirs in zip(la.linalg.lstsq(x, right), np.linalg.lstsq(n, right), strict=True):
            assert ours.dtype == np.asarray(theirs).dtype
            near(ours.compute().astype(dtype), np.asarray(theirs).astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_systems_are_solved_as_numpy_solves_them(dtype):
    a, b = matrices((4, 4), dtype), matrices((4, 3), dtype, 1)
    for x, y in zip(a, b, strict=True):
        assert isinstance(x, la.Array) == isinstance(y, la.Array)
    for index in ((), (slice(None), 0)):
        near(np.linalg.solve(a[0], b[0][index]), np.linalg.solve(a[1], b[1][index]))
        for lower in (False, True):
            for trans in (0, "T", 2):
                expected = scipy.linalg.solve_triangular(a[1], b[1][index], trans=trans, lower=lower)
                near(la.linalg.solve_triangular(a[0], b[0][index], trans=trans, lower=lower), expected)
    batch = matrices((3, 1, 4, 4), dtype, 2)
    right = matrices((2, 4, 3), dtype, 3)
    near(np.linalg.solve(batch[0], right[0]), np.linalg.solve(batch[1], right[1]))
    near(np.linalg.solve(batch[0], right[0][0, :, 0]), np.linalg.solve(batch[1], right[1][0, :, 0]))


@pytest.mark.parametrize("shape", [(6, 3), (3, 3), (3, 6)])
@pytest.mark.parametrize("rcond", [None, 0.5])
def test_least_squares_are_numpys(shape, rcond):
    a = matrices(shape, "f8")
    b = matrices((shape[0], 2), "f8", 1)
    for index in ((), (slice(None), 1)):
        theirs = np.linalg.lstsq(a[1], b[1][index], rcond)
        ours = np.linalg.lstsq(a[0], b[0][index], rcond)
        assert_same((ours[0], *ours[2:]), (theirs[0], *theirs[2:]))
        if theirs[2] == shape[1]:
            assert_same(ours[1], theirs[1])


@given(arrays(dtypes=("f4", "f8", "c16", "i4", "?"), min_dims=1), st.data())
@modest()
def test_vector_norms_are_numpys(pair, data):
    axis = data.draw(st.integers(-pair[1].ndim, pair[1].ndim - 1))
    order = data.draw(st.sampled_from([None, 0, 1, 2, 3, 0.5, np.inf, -np.inf, -1, "fro"]))
    keepdims = data.draw(st.booleans())
    judge(lambda x: np.linalg.norm(x, order, axis, keepdims), pair)
    judge(lambda x: np.linalg.norm(x, keepdims=keepdims), pair)
    judge(lambda x: np.linalg.norm(x, order), pair)
    if order != "fro":
        axes = data.draw(st.sampled_from([None, axis, tuple(range(pair[1].ndim))]))
        judge(lambda x: np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=order), pair)


@given(arrays(dtypes=("f4", "f8", "c16", "i4"), min_dims=2), st.data())
@modest()
def test_matrix_norms_are_numpys(pair, data):
    if not np.isfinite(pair[1]).all():
        return
    axis = data.draw(st.sampled_from([(0, 1), (1, 0), (-1, -2), (0, 0)]))
    order = data.draw(st.sampled_from([None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf, 5, "guess"]))
    keepdims = data.draw(st.booleans())
    judge(lambda x: np.linalg.norm(x, order, axis, keepdims), pair)
    judge(lambda x: np.linalg.matrix_norm(x, ord=order or "fro", keepdims=keepdims), pair)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4), (3, 5), (0, 2, 2)])
def test_condition_and_rank_are_numpys(shape):
    x, n = matrices(shape, "f8")
    for p in (None, 1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"):
        judge(lambda v, p=p: np.linalg.cond(v, p), (x, n))
    n = n.copy()
    n[..., 0] = n[..., 1]
    x = la.from_array(n, chunks=2)
    judge(np.linalg.matrix_rank, (x, n))
    judge(lambda v: np.linalg.matrix_rank(v, tol=4.0), (x, n))
    judge(lambda v: np.linalg.matrix_rank(v, rtol=0.5), (x, n))
    judge(lambda v: np.linalg.matrix_rank(v.ravel()), (x, n))
    for params in ({"rtol": 0.1}, {"rcond": 0.1}, {"rtol": None}, {"rcond": 0.1, "rtol": 0.1}):
        judge(lambda v, params=params: np.linalg.pinv(v, **params), (x, n))


@given(arrays(dtypes=("f8", "i4", "c8"), min_dims=2), st.integers(-3, 3))
@modest()
def test_diagonals_and_traces_are_numpys(pair, offset):
    judge(lambda x: np.linalg.diagonal(x, offset=offset), pair, exact=True)
    judge(lambda x: np.linalg.trace(x, offset=offset), pair)
    judge(np.linalg.matrix_transpose, pair, exact=True)
    judge(lambda x: np.linalg.vecdot(x, x), pair)
    judge(lambda x: np.linalg.tensordot(x, x, axes=x.ndim), pair)


def test_products_of_vectors_are_numpys():
    a, b = matrices((4, 3), "f8"), matrices((2, 4, 3), "i4")
    assert_same(np.linalg.cross(a[0], b[0]), np.linalg.cross(a[1], b[1]))
    assert_same(np.linalg.cross(a[0].T, a[0].T, axis=0), np.linalg.cross(a[1].T, a[1].T, axis=0))
    assert_same(np.linalg.outer(a[0][0], b[0][0, 1]), np.linalg.outer(a[1][0], b[1][0, 1]))
    assert_same(np.linalg.matmul(a[0], a[0].T), np.linalg.matmul(a[1], a[1].T))


def test_a_chain_of_products_goes_in_the_cheapest_order():
    shapes = [(2, 30), (30, 3), (3, 40), (40,)]
    rng = np.random.default_rng(0)
    theirs = [rng.standard_normal(s) for s in shapes]
    ours = [la.from_array(n, chunks=7) for n in theirs]
    for chosen in (slice(None), slice(2), slice(3), slice(1, None)):
        assert_same(np.linalg.multi_dot(ours[chosen]), np.linalg.multi_dot(theirs[chosen]))
    assert_same(la.linalg.multi_dot([ours[0][0], *ours[1:]]), np.linalg.multi_dot([theirs[0][0], *theirs[1:]]))
    flops = la.explain(la.linalg.multi_dot(ours)).flops
    assert flops < 2 * (3 * 40 + 30 * 3 + 2 * 30) + 400


def test_tensor_equations_are_numpys():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 3, 6)), rng.standard_normal((2, 3))
    x, y = la.from_array(a, chunks=2), la.from_array(b, chunks=2)
    near(np.linalg.tensorsolve(x, y), np.linalg.tensorsolve(a, b))
    moved = np.moveaxis(a, 2, 0)
    near(np.linalg.tensorsolve(la.from_array(moved), y, axes=(0,)), np.linalg.tensorsolve(moved, b, axes=(0,)))
    near(np.linalg.tensorinv(x, ind=2), np.linalg.tensorinv(a, ind=2))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_functions_of_matrices_are_scipys(dtype):
    x, n = hermitian((2, 3, 3), dtype)
    n = n / 40
    x = la.from_array(n.astype(dtype), chunks=1)
    for name in ("expm", "sqrtm", "logm"):
        value = getattr(la.linalg, name)(x).compute()
        for i in range(2):
            expected = getattr(scipy.linalg, name)(n[i].astype(np.result_type(dtype, "f8")))
            np.testing.assert_allclose(value[i], expected, rtol=2e-4, atol=2e-4)


def test_a_compressed_svd_finds_the_greatest_values():
    rng = np.random.default_rng(0)
    n = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 50))
    x = la.from_array(n, chunks=16)
    for params in ({}, {"n_power_iter": 2, "iterator": "QR"}, {"n_oversamples": 2, "coerce_signs": False}):
        u, s, vh = la.linalg.svd_compressed(x, 3, seed=1, **params)
        assert (u.shape, s.shape, vh.shape) == ((60, 3), (3,), (3, 50))
        np.testing.assert_allclose(s.compute(), np.linalg.svdvals(n)[:3], rtol=1e-10)
        np.testing.assert_allclose((u * s @ vh).compute(), n, atol=1e-10)
    u, _, vh = la.linalg.svd_compressed(x, 2, seed=1)
    assert ((u.sum(0) + vh.sum(1)).compute() >= 0).all()
    with pytest.raises(ValueError, match="99"):
        la.linalg.svd_compressed(x, 99)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.linalg.inv(x),
        lambda x: np.linalg.inv(x[0]),
        lambda x: np.linalg.qr(x[0]),
        lambda x: np.linalg.qr(x, "guess"),
        lambda x: np.linalg.cholesky(x),
        lambda x: np.linalg.eigh(x[:, :2], "M"),
        lambda x: np.linalg.solve(x[:, :2], x[:1]),
        lambda x: np.linalg.lstsq(x, x[0]),
        lambda x: np.linalg.lstsq(x[0], x[0]),
        lambda x: np.linalg.matrix_power(x[:, :2], 1.5),
        lambda x: np.linalg.matrix_power(x, 2),
        lambda x: np.linalg.cond(x, 1),
        lambda x: np.linalg.cond(x[:, :2], "guess"),
        lambda x: np.linalg.norm(x, axis=(0, 1, 1)),
        lambda x: np.linalg.norm(x, axis=9),
        lambda x: np.linalg.norm(x, axis="a"),
        lambda x: np.linalg.multi_dot([x]),
        lambda x: np.linalg.multi_dot([x, x, x]),
        lambda x: np.linalg.cross(x[:, :2], x[:, :2]),
        lambda x: np.linalg.outer(x, x),
        lambda x: np.linalg.tensorinv(x, ind=0),
        lambda x: np.linalg.tensorsolve(x, x[0]),
        lambda x: np.linalg.det(x[:, :2].astype("f2")),
        lambda x: np.linalg.matrix_rank(x, tol=1.0, rtol=1.0),
    ],
)
def test_bad_arguments_raise_what_numpy_raises(function):
    n = np.arange(6.0).reshape(2, 3)
    judge(function, (la.from_array(n), n))


def test_a_shape_that_is_no_matrix_is_numpys_own_error():
    with pytest.raises(LinAlgError, match="square"):
        la.linalg.inv(la.ones((2, 3)))


@pytest.mark.parametrize("function", [la.linalg.inv, la.linalg.cholesky])
def test_what_a_task_finds_in_the_data_is_named(function):
    for kind in (LinAlgError, TaskError):
        with pytest.raises(kind, match=r"LinAlgError: (Singular|1-th leading minor of the array is not positive)"):
            function(la.zeros((3, 3), chunks=2)).compute()


def test_a_batch_is_shared_by_tasks_and_counts_its_flops():
    x = la.from_array(np.broadcast_to(np.eye(64), (64, 64, 64)), chunks=(32, 64, 64))
    assert la.plan(la.linalg.inv(x)).task_count > 1
    assert la.explain(la.linalg.inv(x)).flops == 2 * 64 * 64**3


def test_a_matrix_that_fits_no_worker_is_refused():
    with la.config(memory_mib=1024), pytest.raises(MemoryLimitError, match="inv"):
        la.plan(la.linalg.inv(la.zeros((1, 20_000, 20_000)) + 1))


def test_a_gram_matrix_is_factorised_as_it_is():
    n = np.random.default_rng(0).standard_normal((30, 5))
    x = la.from_array(n, chunks=(8, 2))
    close((la.linalg.cholesky(x.T @ x) @ la.linalg.cholesky(x.T @ x).T).compute(), n.T @ n)


@pytest.mark.parametrize("shapes", [((1, 1), (1, 0)), ((3, 3), (3, 0)), ((0, 2, 2), (2, 1)), ((0, 0), (0, 4))])
def test_solving_for_nothing_gives_nothing(shapes):
    a, b = np.zeros(shapes[0]) + np.eye(shapes[0][-1]), np.ones(shapes[1])
    judge(np.linalg.solve, (la.asarray(a), a), (la.asarray(b), b))
