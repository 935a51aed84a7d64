"""Arrays put side by side and taken apart, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, judge

FEW = settings(max_examples=40)


@pytest.mark.parametrize("name", ["hstack", "vstack", "dstack", "column_stack"])
@FEW
@given(data=st.data())
def test_stacks_are_numpys(name: str, data: Any) -> None:
    x = data.draw(arrays())
    y = data.draw(arrays(shape=x[1].shape) | arrays(max_side=3))
    judge(lambda a, b: getattr(np, name)([a, b]), x, y, exact=True)
    judge(lambda a: getattr(np, name)([a]), x, exact=True)


@pytest.mark.parametrize("name", ["hstack", "vstack", "concatenate", "stack"])
@pytest.mark.parametrize(
    "how", [{"dtype": "f4"}, {"dtype": "i4"}, {"dtype": "i4", "casting": "unsafe"}, {"dtype": "c16"}]
)
def test_dtypes_of_what_is_joined_are_checked_as_by_numpy(name: str, how: Any) -> None:
    value = np.arange(6.0).reshape(2, 3)
    judge(lambda a: getattr(np, name)([a, a], **how), (la.from_array(value, chunks=2), value), exact=True)


def test_nothing_cannot_be_joined() -> None:
    for name in ("hstack", "vstack", "dstack", "column_stack", "stack", "concatenate"):
        with pytest.raises(ValueError):
            getattr(la, name)([])


@FEW
@given(data=st.data(), axis=st.none() | st.integers(-2, 2))
def test_append_is_numpys(data: Any, axis: Any) -> None:
    x = data.draw(arrays())
    judge(lambda a, b: np.append(a, b, axis), x, data.draw(arrays(shape=x[1].shape) | arrays()), exact=True)


@pytest.mark.parametrize("name", ["atleast_1d", "atleast_2d", "atleast_3d"])
@FEW
@given(x=arrays(), y=arrays())
def test_axes_at_least_are_numpys(name: str, x: Any, y: Any) -> None:
    judge(lambda a: getattr(np, name)(a), x, exact=True)
    judge(lambda a, b: getattr(np, name)(a, b), x, y, exact=True)


BLOCKS: list[Any] = [
    lambda a, b: [[a, a], [a, a]],
    lambda a, b: [a, b],
    lambda a, b: [[a], [b]],
    lambda a, b: [[[a, a]], [[b, b]]],
    lambda a, b: a,
    lambda a, b: [[a, b], a],
    lambda a, b: [],
    lambda a, b: [[a], []],
    lambda a, b: [(a, b)],
    lambda a, b: [[1, 2], [3, 4.0]],
    lambda a, b: [a, 1],
]


@pytest.mark.parametrize("arrange", BLOCKS)
@settings(max_examples=15)
@given(data=st.data())
def test_block_is_numpys(arrange: Any, data: Any) -> None:
    x = data.draw(arrays(max_dims=3, max_side=3))
    y = data.draw(arrays(shape=x[1].shape))
    judge(lambda a, b: (la if isinstance(a, la.Array) else np).block(arrange(a, b)), x, y, exact=True)


PARTS = [1, 2, 3, 7, 0, -1, [1, 3], [0, 0, 9], [-1], [], np.array([2, 4]), 2.0]


@pytest.mark.parametrize("name", ["split", "array_split"])
@FEW
@given(x=arrays(), axis=st.integers(-2, 2), parts=st.sampled_from(PARTS))
def test_parts_along_an_axis_are_numpys(name: str, x: Any, axis: int, parts: Any) -> None:
    judge(lambda a: getattr(np, name)(a, parts, axis), x, exact=True)


@pytest.mark.parametrize("name", ["hsplit", "vsplit", "dsplit"])
@FEW
@given(x=arrays(), parts=st.sampled_from(PARTS))
def test_parts_are_numpys(name: str, x: Any, parts: Any) -> None:
    judge(lambda a: getattr(np, name)(a, parts), x, exact=True)
