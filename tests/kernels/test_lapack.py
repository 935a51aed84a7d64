from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get
from scipy import linalg

from .samples import close, same

DTYPES = ["f4", "f8", "c8", "c16", "i4", "?"]
SHAPES = [(1, 1), (4, 4), (3, 5, 5), (2, 1, 3, 3), (0, 2, 2)]
SQUARE = ["inv", "det", "eigvals", "slogdet", "eig"]


def kernel(name):
    return get(name).fn


def matrices(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 3
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal(shape)
    if shape[-1] == shape[-2]:  # so that none is singular, integers and booleans neither
        x = (x > 9) | np.eye(shape[-1], dtype=bool) if dtype == "?" else x + 9 * np.eye(shape[-1])
    return x.astype(dtype)


def positive(shape, dtype):
    a = matrices(shape, dtype)
    return a @ np.conj(np.swapaxes(a, -1, -2)) if dtype != "?" else a


def all_same(actual, expected):
    """The same arrays, in the same order."""
    if not isinstance(expected, tuple):
        actual, expected = (actual,), (expected,)
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert isinstance(a, np.ndarray)
        same(a, e)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SQUARE)
def test_square_matrices_give_what_numpy_gives(name, shape, dtype):
    a = matrices(shape, dtype)
    all_same(kernel(name)(a), getattr(np.linalg, name)(a))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_hermitian_matrices_give_what_numpy_gives(shape, dtype):
    a = positive(shape, dtype)
    for upper in (False, True):
        close(kernel("cholesky")(a, upper=upper), np.linalg.cholesky(a, upper=upper))
    for uplo in "LU":
        all_same(kernel("eigh")(a, uplo=uplo), np.linalg.eigh(a, uplo))
        same(kernel("eigvalsh")(a, uplo=uplo), np.linalg.eigvalsh(a, uplo))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [*SHAPES, (5, 3), (3, 5), (2, 6, 2), (4, 0)])
def test_matrices_of_any_shape_give_what_numpy_gives(shape, dtype):
    a = matrices(shape, dtype)
    for mode in ("reduced", "complete", "r", "raw"):
        all_same(kernel("qr")(a, mode=mode), np.linalg.qr(a, mode))
    for whole in (False, True):
        all_same(kernel("svd")(a, full_matrices=whole), np.linalg.svd(a, whole))
    same(kernel("svdvals")(a), np.linalg.svd(a, compute_uv=False))
    if 0 not in shape:
        same(kernel("pinv")(a), np.linalg.pinv(a))
        same(kernel("pinv")(a, rtol=0.1), np.linalg.pinv(a, 0.1))
        same(kernel("matrix_rank")(a, rtol=0.1), np.asarray(np.linalg.matrix_rank(a, rtol=0.1), "i8"))
        for p in (None, 2, -2, "fro", 1) if shape[-1] == shape[-2] else (None, 2, -2):
            same(kernel("cond")(a, p=p), np.linalg.cond(a, p))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i4"])
@pytest.mark.parametrize("shapes", [((4, 4), (4,)), ((4, 4), (4, 2)), ((3, 4, 4), (3, 4, 2)), ((3, 4, 4), (4, 2))])
def test_systems_have_numpys_solution(shapes, dtype):
    a, b = matrices(shapes[0], dtype), matrices((1, *shapes[1]), dtype, 1)[0]
    same(kernel("solve")(a, b), np.linalg.solve(a, b))
    if len(shapes[0]) == 2:
        all_same(kernel("lstsq")(a, b), np.linalg.lstsq(a, b))
    for lower in (False, True):
        found = kernel("solve_triangular")(a, b, lower=lower)
        triangle = np.tril(a) if lower else np.triu(a)
        np.testing.assert_allclose(triangle @ found, np.broadcast_to(b, found.shape), atol=1e-4)


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_least_squares_are_numpys_for_any_rank(rows):
    a, b = matrices((rows, 3), "f8"), matrices((rows, 2), "f8", 1)
    all_same(kernel("lstsq")(a, b), np.linalg.lstsq(a, b))
    a[:, 1] = a[:, 0]
    all_same(kernel("lstsq")(a, b, rcond=1e-9), np.linalg.lstsq(a, b, 1e-9))


@pytest.mark.parametrize("ord", [None, 0, 1, -1, 2, -2, 3.5, "inf", "-inf", "fro", "nuc"])
@pytest.mark.parametrize("axis", [0, -1, [0, 1], [2, 1]])
def test_norms_are_numpys(ord, axis):
    x = matrices((3, 4, 5), "f4")
    given = float(ord) if ord in ("inf", "-inf") else ord
    over = tuple(axis) if isinstance(axis, list) else axis
    try:
        expected = np.linalg.norm(x, given, over, keepdims=True)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error).partition(".")[0]):
            kernel("norm")(x, ord=ord, axis=axis, keepdims=True)
        return
    same(kernel("norm")(x, ord=ord, axis=axis, keepdims=True), expected)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_powers_are_numpys(n):
    a = matrices((2, 3, 3), "f8")
    same(kernel("matrix_power")(a, n=n), np.linalg.matrix_power(a, n))
    if n >= 0:
        same(kernel("matrix_power")(a.astype(int), n=n), np.linalg.matrix_power(a.astype(int), n))


@pytest.mark.parametrize("name", ["expm", "sqrtm", "logm"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_functions_of_a_batch_are_scipys_for_each_matrix(name, dtype):
    a = positive((2, 3, 4, 4), dtype) / 100
    found = kernel(name)(a)
    one = getattr(linalg, name)
    assert found.shape == a.shape
    for index in np.ndindex(2, 3):
        expected = one(a[index].astype(np.result_type(a, "f8")) if name == "logm" else a[index])
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found[index], expected, rtol=1e-4 if dtype == "f4" else 1e-12)


def test_the_dtype_of_eigenvalues_and_roots_may_be_given():
    a = np.array([np.eye(2), [[0.0, -1.0], [1.0, 0.0]]])
    for name in ("eigvals", "eig", "sqrtm", "logm"):
        parts = kernel(name)(a[:1], dtype="<c16")
        assert {part.dtype for part in (parts if isinstance(parts, tuple) else [parts])} == {np.dtype("c16")}
    assert kernel("eigvals")(a[:1]).dtype == np.float64
    assert kernel("eigvals")(a).dtype == np.complex128


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 3, 5)])
def test_lu_is_scipys(shape):
    a = matrices(shape, "f8")
    for params in ({}, {"permute_l": True}, {"p_indices": True}):
        all_same(kernel("lu")(a, **params), tuple(linalg.lu(a, **params)))


def test_triangles_are_solved_as_scipy_solves_them():
    a, b = matrices((4, 4), "f8"), matrices((4, 2), "f8", 1)
    for params in ({"trans": 1}, {"lower": True, "trans": "C"}, {"unit_diagonal": True}):
        same(kernel("solve_triangular")(a, b, **params), linalg.solve_triangular(a, b, **params))


@pytest.mark.parametrize(
    ("name", "a", "match"),
    [
        ("inv", np.zeros((2, 2)), "Singular matrix"),
        ("cholesky", -np.eye(2), "-th leading minor of the array is not positive"),
        ("det", np.ones((2, 3)), "must be square"),
        ("eigvals", np.full((2, 2), np.nan), "must not contain infs or NaNs"),
        ("svdvals", np.full((2, 2), np.nan), "SVD did not converge"),
        ("solve_triangular", np.zeros((2, 2)), "ingular matrix"),
    ],
)
def test_what_numpy_refuses_is_refused_in_its_words(name, a, match):
    with pytest.raises(np.linalg.LinAlgError, match=match):
        kernel(name)(a, *[np.ones(2)] * (name == "solve_triangular"))


def test_half_precision_is_numpys_error():
    with pytest.raises(TypeError, match="float16"):
        kernel("inv")(np.eye(2, dtype="f2"))


def test_flops_are_the_textbooks():
    n = 30
    counts = {
        "cholesky": n**3 / 3, "lu": 2 * n**3 / 3, "inv": 2 * n**3, "det": 2 * n**3 / 3, "slogdet": 2 * n**3 / 3,
        "svdvals": 8 * n**3 / 3, "svd": 21 * n**3, "eigh": 9 * n**3, "eigvalsh": 4 * n**3 / 3, "eig": 25 * n**3,
        "eigvals": 10 * n**3, "lstsq": 12 * n**3, "pinv": 24 * n**3, "expm": 20 * n**3, "cond": 8 * n**3 / 3,
    }  # fmt: skip
    for name, count in counts.items():
        assert get(name).uses_blas
        assert get(name).flops((n, n)) == pytest.approx(count)
        if name != "lstsq":
            assert get(name).flops((2, 5, n, n)) == pytest.approx(10 * count)
    assert get("qr").flops((n, n), mode="r") == pytest.approx(4 * n**3 / 3)
    assert get("qr").flops((n, n)) == pytest.approx(8 * n**3 / 3)
    assert get("qr").flops((100, n), mode="r") == pytest.approx(200 * n**2 - 2 * n**3 / 3)
    assert get("qr").flops((n, 100), mode="r") == pytest.approx(200 * n**2 - 2 * n**3 / 3)
    assert get("solve").flops((4, n, n), (n, 5)) == pytest.approx(4 * (2 * n**3 / 3) + 4 * 10 * n**2)
    assert get("solve").flops((n, n), (n,)) == pytest.approx(2 * n**3 / 3 + 2 * n**2)
    assert get("solve_triangular").flops((n, n), (n,)) == n**2
    assert get("matrix_power").flops((n, n), n=5) == 3 * 2 * n**3
    assert get("matrix_power").flops((n, n), n=-1) == 2 * n**3
    assert get("norm").flops((n, n), ord=2) == pytest.approx(8 * n**3 / 3)
    assert get("norm").flops((n, n)) == 2 * n**2
