"""Every factorisation in tiles is about as accurate as SciPy's on matrices that are hard in different ways."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from .judges import DTYPES, JUDGES, Case, Figure, judged, ragged, some, tile_of

# docs/accuracy.md has all families in all dtypes and more sizes.
SIZES = (1, 2, 7, 61)
# These divide a spectrum, for which runs are made one after the other: smaller matrices and few of them, since
# test_eigh.py and test_svd.py have more.
DIVIDING, DIVIDING_SIZES = ("svd", "eigh", "pinv", "svdvals", "eigvalsh"), (2, 19)
FEW_CASES = 2
GIVEN = [(judge, size) for judge in JUDGES for size in (DIVIDING_SIZES if judge in DIVIDING else SIZES)]


def too_much(case: Case) -> list[Figure]:
    return [figure for figure in judged(case) if not figure.good]


@pytest.mark.parametrize(("judge", "size"), GIVEN)
def test_errors_are_at_most_ten_times_scipys_or_the_size_times_rounding(judge: str, size: int) -> None:
    chosen = islice(some(judge, size), FEW_CASES if judge in DIVIDING else None)
    bad = {str(case): found for case in chosen if (found := too_much(case))}
    assert not bad


@pytest.mark.parametrize("judge", ["cholesky", "lu", "qr"])
def test_larger_matrices_are_as_accurate(judge: str) -> None:
    bad = {str(case): found for case in some(judge, 131) if (found := too_much(case))}
    assert not bad


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_error_of_a_few_digits_is_found(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = JUDGES["cholesky"]

    def spoilt(a: np.ndarray, b: np.ndarray, tile: int) -> object:
        return judge.ours(a, b, tile) * (1 + 1e3 * np.finfo(dtype).eps)

    monkeypatch.setitem(JUDGES, "cholesky", type(judge)(spoilt, judge.scipys, judge.measure, judge.families))
    assert [f.measure for f in too_much(Case("cholesky", "random", "square", 30, dtype))] == ["error"]


def test_tiles_are_at_least_four_a_side_and_divide_nothing() -> None:
    for size in (5, 61, 100, 257, 1000, 2048):
        tile = tile_of(size, size)
        assert -(-size // tile) >= 4
        assert tile == 1 or size % tile
        assert sum(ragged(size)) == size
