"""Values looked up in small arrays, and places as numbers, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge, numbers

FEW = settings(max_examples=40)
REAL = ("?", "i1", "u1", "i4", "i8", "f4", "f8")


@st.composite
def vectors(draw: Any, dtypes: Any = REAL) -> np.ndarray:
    """A sorted vector, at times empty."""
    n, dtype = draw(st.integers(0, 9)), np.dtype(draw(st.sampled_from(dtypes)))
    return np.sort(numbers(np.random.default_rng(draw(st.integers(0, 99))), n, dtype, draw(st.booleans())))


def both(value: np.ndarray) -> tuple[la.Array, np.ndarray]:
    return la.from_array(value, chunks=tuple(max(1, n // 2) for n in value.shape)), value


@FEW
@given(x=arrays(), a=vectors(("?", "i1", "u1", "i8", "f4", "f8", "c16")), side=st.sampled_from(["left", "right"]))
def test_searchsorted_is_numpys(x: Any, a: np.ndarray, side: str) -> None:
    judge(lambda v: np.searchsorted(a, v, side) if isinstance(v, np.ndarray) else la.searchsorted(a, v, side), x)
    judge(lambda b, v: np.searchsorted(b, v, side), both(a), x)


@FEW
@given(x=arrays(dtypes=("f8", "i4")), seed=st.integers(0, 99))
def test_searchsorted_through_a_sorter_is_numpys(x: Any, seed: int) -> None:
    a = np.random.default_rng(seed).integers(-9, 9, 7)
    judge(lambda b, v: np.searchsorted(b, v, sorter=np.argsort(a)), both(a), x)


@pytest.mark.parametrize(
    "how",
    [
        {"side": "x"},
        {"sorter": [0, 1]},
        {"sorter": [0.0, 1, 2]},
        {"sorter": [[0, 1, 2]]},
        {"sorter": np.arange(3, dtype="u1")},
    ],
)
def test_searches_that_numpy_refuses_are_refused(how: Any) -> None:
    judge(lambda a, v: np.searchsorted(a, v, **how), both(np.arange(3.0)), both(np.ones(4)))
    judge(lambda a, v: np.searchsorted(a, v), both(np.ones((2, 3))), both(np.ones(4)))


@FEW
@given(x=arrays(), bins=vectors(), right=st.booleans(), turned=st.booleans())
def test_digitize_is_numpys(x: Any, bins: np.ndarray, right: bool, turned: bool) -> None:
    bins = bins[::-1].copy() if turned else bins
    judge(lambda v: np.digitize(v, bins, right), x)
    judge(lambda v, b: np.digitize(v, b, right), x, both(bins))


@pytest.mark.parametrize("bins", [[1, 3, 2], [[1.0, 2.0]], 1.0])
def test_bins_that_are_not_sorted_are_refused(bins: Any) -> None:
    judge(lambda v: np.digitize(v, bins), both(np.ones(4)))
    judge(lambda v, b: np.digitize(v, b), both(np.ones(4)), both(np.array(bins)))


@FEW
@given(
    x=arrays(dtypes=REAL),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(["i4", "f4", "f8", "c16"]),
    how=st.sampled_from(
        [{}, {"left": 5}, {"left": -1.5, "right": 7}, {"period": 4}, {"period": -2.5}, {"period": 0}, {"right": 1j}]
    ),
)
def test_interp_is_numpys(x: Any, seed: int, dtype: str, how: Any) -> None:
    rng = np.random.default_rng(seed)
    xp, fp = np.sort(rng.choice(80, 6, replace=False) / 8), numbers(rng, 6, np.dtype(dtype), False)
    judge(lambda v: np.interp(v, xp, fp, **how), x)
    judge(lambda v, a, b: np.interp(v, a, b, **how), x, both(xp), both(fp))


@pytest.mark.parametrize(
    "points",
    [
        (np.arange(3.0), np.arange(2.0)),
        (np.arange(0.0), np.arange(0.0)),
        (np.ones((1, 3)), np.ones((1, 3))),
        (np.arange(3.0) * 1j, np.arange(3.0)),
        (np.arange(3.0), np.array(["a", "b", "c"])),
    ],
)
def test_points_that_numpy_refuses_are_refused(points: Any) -> None:
    judge(lambda v: np.interp(v, *points), both(np.ones(4)))
    if points[0].dtype.kind != "c":
        judge(lambda v: np.interp(v, *points, period=2), both(np.ones(4)))
    judge(lambda v: np.interp(v, np.arange(3), np.arange(3)), both(np.ones(4) * 1j))


def test_a_table_that_is_computed_is_read_whole_by_every_task() -> None:
    points = la.from_array(np.arange(8.0), chunks=3)
    x = la.from_array(np.linspace(-1, 16, 50), chunks=7)
    out = la.interp(x, points * 2, (points + 1) ** 2) * 2 + 1
    np.testing.assert_array_equal(out.compute(), np.interp(x, np.arange(8.0) * 2, (np.arange(8.0) + 1) ** 2) * 2 + 1)
    total = la.interp(x, points * 2, points).sum() + la.searchsorted(points, x @ np.ones(50))
    np.testing.assert_allclose(total.compute(), np.interp(x, np.arange(8.0) * 2, np.arange(8.0)).sum() + 8)


MODES = ["raise", "wrap", "clip"]


@FEW
@given(data=st.data(), mode=st.sampled_from(MODES), order=st.sampled_from("CFK"))
def test_ravel_multi_index_is_numpys(data: Any, mode: str, order: str) -> None:
    shape = (4, 5, 3)[: data.draw(st.integers(1, 3))]
    parts = [data.draw(arrays(dtypes=("i8", "u1", "i4", "f8"), shape=(6,))) for _ in shape]
    if data.draw(st.booleans()):
        parts = [(a % n, v % n) for (a, v), n in zip(parts, shape, strict=True) if v.dtype.kind in "iu"]
    judge(lambda *a: np.ravel_multi_index(a, shape, mode, order), *parts)


@pytest.mark.parametrize("how", [((2, 3), ("clip", "wrap")), ((2, 3), "x"), ((2, 3, 4),), (6,), ((2**40, 2**40),)])
def test_shapes_and_modes_of_ravel_multi_index_are_numpys(how: Any) -> None:
    judge(lambda a: np.ravel_multi_index((a, a), *how), both(np.array([0, 1, 5, -2])))
    judge(lambda a: np.ravel_multi_index((a, a), *how), both(np.array([0, 1, 1])))
    judge(lambda a: np.ravel_multi_index(a, (2, 3)), both(np.array([[0, 1, 1], [2, 2, 0]])))


@FEW
@given(
    x=arrays(dtypes=("i8", "u1", "i4", "f8", "?")),
    shape=st.sampled_from([(4, 5), (70,), 30, (3, 4, 2), (0, 3)]),
    order=st.sampled_from("CF"),
)
def test_unravel_index_is_numpys(x: Any, shape: Any, order: str) -> None:
    judge(lambda a: np.unravel_index(a, shape, order), x)
