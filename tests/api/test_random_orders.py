"""Samples and orders: choice, permutation, permuted, shuffle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import lambdarray as la

from .draws import FAIR, fair, independent, ours, same, stream

# -- samples


@pytest.mark.parametrize("size", [None, (), 3, (2, 3), (0, 2)])
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_choice_of_integers_has_numpys_shape_and_range(size: Any, replace: bool, weighted: bool) -> None:
    p = np.arange(10) / 45 if weighted else None
    expected = np.random.default_rng(0).choice(10, size, replace, p)
    made = ours().choice(10, size, replace, p)
    assert (made.shape, made.dtype) == (np.shape(expected), np.int64)
    values = made.compute().ravel()
    assert ((values >= weighted) & (values < 10)).all()
    assert replace or len(set(values.tolist())) == values.size


@settings(max_examples=15)
@given(data=st.data(), replace=st.booleans(), weighted=st.booleans())
def test_samples_do_not_depend_on_chunks(data: Any, replace: bool, weighted: bool) -> None:
    n = data.draw(st.sampled_from([400, 70_000]))
    p = np.arange(n) / (n * (n - 1) / 2) if weighted else None
    p = la.asarray(p) if weighted and data.draw(st.booleans()) else p
    independent(lambda **kw: ours().choice(n, (30, 13), replace, p, **kw), data)


def test_samples_with_replacement_come_as_often_as_they_should() -> None:
    fair(ours().choice(6, 60_000, chunks=7000).compute(), np.full(6, 1 / 6))
    p = [0.1, 0.0, 0.2, 0.3, 0.4]
    sample = ours().choice(5, 60_000, p=p, chunks=7000).compute()
    assert not (sample == 1).any()
    fair(np.searchsorted([0, 2, 3, 4], sample), [0.1, 0.2, 0.3, 0.4])
    pairs = np.bincount(sample[:-1] * 5 + sample[1:], minlength=25).reshape(5, 5)[[0, 2, 3, 4]][:, [0, 2, 3, 4]]
    assert stats.chi2_contingency(pairs).pvalue > FAIR


def test_samples_without_replacement_are_even() -> None:
    """Each pair of two of five, in order, comes as often; with weights as drawing one after the other has it."""
    rng = ours()
    draws = np.array([rng.choice(5, 2, replace=False).compute() for _ in range(700)])
    found = draws @ [5, 1]
    fair(np.searchsorted([5 * i + j for i in range(5) for j in range(5) if i != j], found), np.full(20, 0.05))
    p = np.array([0.5, 0.3, 0.2])
    draws = np.array([rng.choice(3, 2, replace=False, p=p).compute() for _ in range(700)])
    pairs = [(i, j) for i in range(3) for j in range(3) if i != j]
    fair(np.searchsorted([3 * i + j for i, j in pairs], draws @ [3, 1]), [p[i] * p[j] / (1 - p[i]) for i, j in pairs])


def test_a_sample_of_a_huge_population_holds_the_sample_alone() -> None:
    sample = ours().choice(10**15, 100_000, replace=False, chunks=9000)
    assert la.plan(sample).task_count == 12
    values = sample.compute()
    assert len(np.unique(values)) == 100_000
    assert stats.kstest(values / 1e15, "uniform").pvalue > FAIR


def test_a_weighted_sample_without_replacement_is_drawn_once() -> None:
    sample = ours().choice(1000, 100, replace=False, p=np.full(1000, 0.001), chunks=10)
    drawing = [p for p in la.plan(sample + 1).programs if any(s.kernel == "random" for s in p.steps)]
    assert [p.task_count for p in drawing] == [1]


@pytest.mark.parametrize("size", [None, 3, (2, 2)])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("replace", [True, False])
def test_a_choice_of_slices_is_the_array_at_a_choice_of_places(size: Any, axis: int, replace: bool) -> None:
    a = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    for x in (a, la.from_array(a, chunks=(3, 2, 1))):
        index = ours().choice(a.shape[axis], size, replace).compute()
        same(ours().choice(x, size, replace, axis=axis), a.take(index, axis=axis))


def test_a_choice_of_a_list_is_weighted() -> None:
    sample = ours().choice([10.0, 20.0, 30.0], 30_000, p=[0.2, 0.3, 0.5], chunks=4000).compute()
    fair(sample.astype(int) // 10 - 1, [0.2, 0.3, 0.5])


# -- orders


@settings(max_examples=15)
@given(n=st.integers(0, 100) | st.integers(2**16 - 1, 2**17), data=st.data())
def test_permutations_of_a_range_do_not_depend_on_chunks(n: int, data: Any) -> None:
    independent(lambda **kw: ours().permutation(n, **kw), data)
    assert np.array_equal(np.sort(ours().permutation(n).compute()), np.arange(n))


def test_permutations_of_few_are_even() -> None:
    rng = ours()
    found = [tuple(rng.permutation(4).tolist()) for _ in range(1200)]
    fair(np.unique(found, axis=0, return_inverse=True)[1], np.full(24, 1 / 24))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_a_permutation_of_slices_is_the_array_at_a_permutation_of_places(axis: int) -> None:
    a = np.arange(4 * 5 * 2).reshape(4, 5, 2)
    for x in (a, a.tolist(), la.from_array(a, chunks=(3, 2, 1))):
        order = ours().permutation(a.shape[axis]).compute()
        same(ours().permutation(x, axis), a.take(order, axis=axis))


@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1])
@pytest.mark.parametrize("dtype", ["i8", "c16", "?", "S3", [("a", "i4"), ("b", "f8")]])
def test_permuted_is_numpys_of_a_blocks_stream(axis: int | None, dtype: Any) -> None:
    a = np.arange(4 * 5 * 2).reshape(4, 5, 2).astype(dtype)
    if axis is None:
        expected = stream(0).permuted(a.ravel()).reshape(a.shape)
    else:
        expected = stream(0, 0, 0).permuted(a, axis=axis)
    for x in (a, a.tolist(), la.from_array(a, chunks=(3, 2, 1))):
        if not isinstance(x, list) or dtype == "i8":
            same(ours().permuted(x, axis=axis), expected)


@settings(max_examples=15)
@given(data=st.data(), axis=st.integers(0, 1))
def test_permuted_does_not_depend_on_chunks(data: Any, axis: int) -> None:
    a = np.arange(300 * 700).reshape(300, 700)
    independent(lambda chunks: ours().permuted(la.from_array(a, chunks=chunks), axis=axis), data)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_long_lines_are_permuted_from_all_tiles_that_they_lie_in(axis: int | None, monkeypatch: Any) -> None:
    from lambdarray.api import permutations

    monkeypatch.setattr(permutations, "LINE", 3)
    a = np.arange(40).reshape(8, 5)
    values = ours().permuted(la.from_array(a, chunks=(3, 2)), axis=axis).compute()
    assert not np.array_equal(values, a)
    if axis is None:
        assert np.array_equal(np.sort(values.ravel()), a.ravel())
    else:
        assert np.array_equal(np.sort(values, axis=axis), a)
        orders = np.moveaxis(values, axis, 0) // (5, 1)[axis] if axis == 0 else values.T % 5
        assert len(np.unique(orders, axis=1).T) > 1


def test_an_array_is_not_shuffled_in_place_but_numpys_and_lists_are() -> None:
    with pytest.raises(TypeError, match=r"immutable.*permutation"):
        ours().shuffle(la.arange(5))
    a, items = np.arange(50).reshape(25, 2), list(range(30))
    assert ours().shuffle(a) is None
    ours().shuffle(items)
    expected = np.arange(50).reshape(25, 2)
    stream().shuffle(expected)
    np.testing.assert_array_equal(a, expected)
    assert sorted(items) == list(range(30)) != items
