"""Factorisations and solutions check themselves: right ones of every kind pass, wrong ones are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms import claims
from lambdarray.errors import VerificationError

DTYPES = ("f4", "f8", "c8", "c16")


def values_of(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = rng.standard_normal(shape)
    return (out + 1j * rng.standard_normal(shape) if dtype.startswith("c") else out).astype(dtype)


def definite(n: int, dtype: str) -> np.ndarray:
    a = values_of((n, n), dtype)
    return (a @ a.conj().T / n + np.eye(n)).astype(dtype)


def tiles(values: np.ndarray, chunk: int = 7) -> la.Array:
    return la.from_array(values, chunks=(*[2] * (values.ndim - 2), chunk, chunk)[-values.ndim :])


def parts(made: Any) -> tuple[la.Array, ...]:
    return tuple(made) if isinstance(made, tuple) else (made,)


Call = Callable[..., Any]
# What is verified, and of which matrices.
CASES: dict[str, tuple[Call, Callable[[str], list[np.ndarray]]]] = {
    "cholesky": (la.linalg.cholesky, lambda d: [definite(23, d)]),
    "upper": (lambda a, **k: la.linalg.cholesky(a, upper=True, **k), lambda d: [definite(23, d)]),
    "lu": (la.linalg.lu, lambda d: [values_of((23, 23), d)]),
    "lu of a tall": (la.linalg.lu, lambda d: [values_of((31, 23), d)]),
    "lu with rows": (lambda a, **k: la.linalg.lu(a, p_indices=True, **k), lambda d: [values_of((23, 29), d)]),
    "lu permuted": (lambda a, **k: la.linalg.lu(a, permute_l=True, **k), lambda d: [values_of((23, 23), d)]),
    "qr": (la.linalg.qr, lambda d: [values_of((31, 23), d)]),
    "qr of a wide": (la.linalg.qr, lambda d: [values_of((23, 31), d)]),
    "complete qr": (lambda a, **k: la.linalg.qr(a, "complete", **k), lambda d: [values_of((31, 23), d)]),
    "r": (lambda a, **k: la.linalg.qr(a, mode="r", **k), lambda d: [values_of((31, 23), d)]),
    "solve": (la.linalg.solve, lambda d: [values_of((23, 23), d), values_of((23, 5), d, 1)]),
    "solve one": (la.linalg.solve, lambda d: [values_of((23, 23), d), values_of((23,), d, 1)]),
    "solve pos": (
        lambda a, b, **k: la.linalg.solve(a, b, assume_a="pos", **k),
        lambda d: [definite(23, d), values_of((23, 2), d, 1)],
    ),
    "inv": (la.linalg.inv, lambda d: [values_of((23, 23), d)]),
    "lstsq": (la.linalg.lstsq, lambda d: [values_of((41, 13), d), values_of((41, 3), d, 1)]),
    "eigh": (la.linalg.eigh, lambda d: [definite(23, d)]),
    "svd": (la.linalg.svd, lambda d: [values_of((23, 23), d)]),
    "thin svd": (lambda a, **k: la.linalg.svd(a, full_matrices=False, **k), lambda d: [values_of((31, 23), d)]),
    "wide svd": (lambda a, **k: la.linalg.svd(a, full_matrices=False, **k), lambda d: [values_of((23, 31), d)]),
}

# Those that divide a spectrum make many runs in tiles: two dtypes are enough, which differ in both respects.
DIVIDING = ("eigh", "svd", "thin svd", "wide svd")
GIVEN = [
    (name, dtype, tile)
    for name in CASES
    for tile in (None, 6)
    for dtype in (("f4", "c16") if tile and name in DIVIDING else DTYPES)
]


@pytest.mark.parametrize(("name", "dtype", "tile"), GIVEN)
def test_right_results_pass_in_one_task_and_in_tiles(name: str, dtype: str, tile: int | None) -> None:
    function, make = CASES[name]
    arrays = [tiles(values) for values in make(dtype)]
    made = parts(function(*arrays, verify=True, tile=tile))
    for n in range(len(made)):
        assert la.plan(made[n]).checks
    plain = parts(function(*arrays, tile=tile))
    for ours, theirs in zip(la.compute(*made), la.compute(*plain), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["cholesky", "lu", "qr", "solve", "inv", "eigh", "svd"])
def test_batches_are_verified(name: str) -> None:
    function, make = CASES[name]
    wide = [np.stack([[values] * 3] * 2) for values in make("f8")]
    made = parts(function(*(tiles(values) for values in wide), verify=True))
    assert la.plan(*made).checks
    la.compute(*made)


# Each claim, the results that it is of, and which of these is disturbed.
def _wrong(claim: Call, results: Any, which: int, *given: np.ndarray, **named: Any) -> None:
    results = [np.array(x) for x in results]
    x = results[which]
    x[tuple(n // 2 for n in x.shape)] += 1e-5 * max(1.0, float(abs(x).max()))
    made = tuple(la.from_array(x, chunks=5) for x in results)
    claim(made if len(made) > 1 else made[0], *(tiles(g) for g in given), **named)[0].compute()


A, S, B = values_of((20, 20), "f8"), definite(20, "f8"), values_of((20, 3), "f8", 1)
TALL, RIGHT = values_of((30, 9), "f8"), values_of((30, 2), "f8", 1)


def _lu(**named: Any) -> tuple[np.ndarray, ...]:
    import scipy.linalg

    return tuple(scipy.linalg.lu(A, **named))


@pytest.mark.parametrize(
    ("claim", "results", "given", "named"),
    [
        (claims.of_cholesky, [np.linalg.cholesky(S)], [S], {}),
        (claims.of_cholesky, [np.linalg.cholesky(S).T], [S], {"upper": True}),
        (claims.of_lu, _lu(), [A], {}),
        (claims.of_lu, _lu(permute_l=True), [A], {}),
        (claims.of_qr, np.linalg.qr(TALL), [TALL], {}),
        (claims.of_qr, [np.linalg.qr(TALL, "r")], [TALL], {"mode": "r"}),
        (claims.of_qr, np.linalg.qr(TALL, "complete"), [TALL], {}),
        (claims.of_eigh, np.linalg.eigh(S), [S], {}),
        (claims.of_svd, np.linalg.svd(TALL), [TALL], {}),
        (claims.of_svd, np.linalg.svd(TALL.T, full_matrices=False), [TALL.T], {}),
        (claims.of_inverse, [np.linalg.inv(A)], [A], {}),
        (claims.of_solution, [np.linalg.solve(A, B)], [A, B], {}),
        (claims.of_solution, [np.linalg.solve(S, B)], [np.tril(S), B], {"assume_a": "pos", "lower": True}),
        (claims.of_solution, [np.linalg.solve(S, B)], [np.triu(S), B], {"assume_a": "sym"}),
        (claims.of_solution, [np.linalg.solve(np.triu(A), B)], [A, B], {"assume_a": "upper triangular"}),
        (claims.of_solution, [B / np.diag(A)[:, None]], [A, B], {"assume_a": "diagonal"}),
        (claims.of_least_squares, [np.linalg.lstsq(TALL, RIGHT)[0]], [TALL, RIGHT], {}),
    ],
)
def test_one_element_that_is_wrong_is_found_in_each_result(claim: Any, results: Any, given: Any, named: Any) -> None:
    if claim is claims.of_least_squares:
        wrapped: Any = lambda made, *a, **k: claims.of_least_squares((made,), *a, **k)  # noqa: E731
    else:
        wrapped = lambda made, *a, **k: parts(claim(made, *a, **k))  # noqa: E731
    right = [la.from_array(np.array(x), chunks=5) for x in results]
    wrapped(tuple(right) if len(right) > 1 else right[0], *(tiles(g) for g in given), **named)[0].compute()
    for which in range(len(results)):
        with pytest.raises(VerificationError, match="is wrong"):
            _wrong(wrapped, results, which, *given, **named)


@pytest.mark.parametrize("name", ["cholesky", "upper", "eigh"])
def test_only_the_triangle_that_is_read_is_compared(name: str) -> None:
    function, make = CASES[name]
    (a,) = make("c16")
    lower = name != "upper"
    a = (
        (np.tril(a) if lower else np.triu(a))
        + np.diag(np.full(len(a), 3j))
        + (np.triu(a, 1) if lower else np.tril(a, -1)) * 7
    )
    for made in parts(function(tiles(a), verify=True)):
        made.compute()


@pytest.mark.parametrize("name", ["qr", "solve", "eigh", "lu"])
def test_input_that_is_not_finite_is_no_mistake(name: str) -> None:
    function, make = CASES[name]
    given = make("f8")
    given[0][3, 3] = np.nan
    try:
        expected = [np.asarray(x) for x in la.compute(*parts(function(*map(tiles, given))))]
    except Exception as error:
        with pytest.raises(type(error)):
            la.compute(*parts(function(*map(tiles, given), verify=True)))
    else:
        for ours, theirs in zip(la.compute(*parts(function(*map(tiles, given), verify=True))), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


HARD = {
    "zero": np.zeros((20, 20)),
    "rank one": np.outer(np.arange(20.0), np.arange(20.0)),
    "graded": values_of((20, 20), "f8") * np.logspace(0, -14, 20)[:, None],
    "graded columns": values_of((20, 20), "f8") * np.logspace(0, -14, 20),
    "hilbert": 1 / (1 + np.arange(20)[:, None] + np.arange(20)),
    "huge": values_of((20, 20), "f8") * 1e150,
    "tiny": values_of((20, 20), "f8") * 1e-150,
    "one": np.ones((1, 1)),
}


@pytest.mark.parametrize("tile", [None, 5])
@pytest.mark.parametrize("name", ["lu", "qr", "complete qr", "svd", "lstsq", "eigh"])
@pytest.mark.parametrize("kind", HARD)
def test_hard_matrices_are_no_mistake(kind: str, name: str, tile: int | None) -> None:
    a = HARD[kind]
    a = a + a.T if name == "eigh" else a
    arrays = [tiles(a), tiles(a[:, :1] + 1)] if name == "lstsq" else [tiles(a)]
    la.compute(*parts(CASES[name][0](*arrays, verify=True, tile=tile)))


def test_the_setting_checks_the_whole_and_not_its_products() -> None:
    x = tiles(definite(40, "f8"))
    with la.config(verify=True):
        assert len(la.plan(la.linalg.cholesky(x, tile=10)).checks) == 1
        assert len(la.plan(*la.linalg.qr(x, tile=10)).checks) == 2
        assert not la.plan(la.linalg.cholesky(x, tile=10, verify=False)).checks
    assert not la.plan(la.linalg.cholesky(x, tile=10)).checks


def test_checks_of_a_factorisation_move_few_bytes() -> None:
    x = tiles(definite(512, "f8"), 64)
    plain, verified = (la.explain(la.linalg.cholesky(x, tile=64, verify=verify)) for verify in (False, True))
    # A factor that is read again is put together once more.
    assert verified.bytes_written - plain.bytes_written < x.nbytes
    assert verified.bytes_read - plain.bytes_read < 6 * x.nbytes
    assert verified.flops - plain.flops < 60 * 512**2
