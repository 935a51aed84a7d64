"""Arrays turned, rolled, repeated and stretched, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=40)


@FEW
@given(data=st.data())
def test_roll_is_numpys(data: Any) -> None:
    x = data.draw(arrays())
    shift = data.draw(st.integers(-12, 12) | st.lists(st.integers(-9, 9), min_size=1, max_size=3))
    axis = data.draw(st.none() | st.integers(-2, 2) | st.lists(st.integers(-2, 1), min_size=1, max_size=3).map(tuple))
    judge(lambda a: np.roll(a, shift, axis), x, exact=True)
    judge(lambda a: np.roll(a + a, shift, axis) * 2, x, exact=True)


def test_rolling_along_an_axis_costs_no_stage() -> None:
    x = la.from_array(np.arange(60.0).reshape(12, 5), chunks=4)
    assert len(la.plan(la.roll(x, 5, 0) + 1).programs) == 1


@FEW
@given(x=arrays(), axis=st.integers(-4, 3), start=st.integers(-4, 4))
def test_rollaxis_is_numpys(x: Any, axis: int, start: int) -> None:
    judge(lambda a: np.rollaxis(a, axis, start), x, exact=True)


@FEW
@given(x=arrays(), k=st.integers(-3, 5), axes=st.sampled_from([(0, 1), (1, 0), (-1, 0), (0, 0), (1, 2), (0,), (0, -2)]))
def test_rot90_is_numpys(x: Any, k: int, axes: Any) -> None:
    judge(lambda a: np.rot90(a, k, axes), x, exact=True)


@pytest.mark.parametrize("name", ["fliplr", "flipud"])
@FEW
@given(x=arrays())
def test_flips_are_numpys(name: str, x: Any) -> None:
    judge(lambda a: getattr(np, name)(a), x, exact=True)


@FEW
@given(
    x=arrays(max_side=4), reps=st.lists(st.sampled_from([0, 1, 2, 3, 17]), max_size=4) | st.sampled_from([0, 2, 40, -1])
)
def test_tile_is_numpys(x: Any, reps: Any) -> None:
    judge(lambda a: np.tile(a, reps), x, exact=True)


def test_many_copies_are_one_axis_of_a_plan() -> None:
    x = la.tile(la.from_array(np.arange(3), chunks=2), 10**5)
    assert x.shape == (300_000,)
    assert sum(len(r.parts) for p in la.plan(x).programs for r in p.reads) < 20
    assert int(x.sum()) == 300_000


@FEW
@given(x=arrays(max_side=4), count=st.sampled_from([0, 1, 3, 20, -1, [2], 1.5]), axis=st.none() | st.integers(-2, 2))
def test_repeat_is_numpys(x: Any, count: Any, axis: Any) -> None:
    judge(lambda a: np.repeat(a, count, axis), x, exact=True)


@FEW
@given(x=arrays(max_side=4), shape=st.sampled_from([(), 3, (2, 3), (0, 2), (7, 7), (-1, 2), [40], (2, 1, 2)]))
def test_resize_is_numpys(x: Any, shape: Any) -> None:
    judge(lambda a: np.resize(a, shape), x, exact=True)


@pytest.mark.parametrize("order", ["C", "F", "A", "B"])
@FEW
@given(data=st.data())
def test_reshape_in_any_order_is_numpys(order: str, data: Any) -> None:
    x = data.draw(arrays())
    n = x[1].size
    first = data.draw(st.sampled_from([d for d in range(1, n + 1) if n % d == 0] if n else [0, 2]))
    shape = data.draw(st.sampled_from([(first, -1), (-1,), (first, 1, n // first if first else 5), n]))
    judge(lambda a: a.reshape(shape, order=order), x, exact=True)
    judge(lambda a: np.ravel(a, order=order), x, exact=True)
    judge(lambda a: a.flatten(order), x, exact=True)
