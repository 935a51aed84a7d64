"""Borders of every kind, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.padding import MODES

from ..judge import arrays, judge

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "constant": [{}, {"constant_values": 3}, {"constant_values": (1.5, -2)}, {"constant_values": ((1, 2), (3, 4))}],
    "linear_ramp": [{}, {"end_values": 5}, {"end_values": (1, -2)}],
    "maximum": [{}, {"stat_length": 2}, {"stat_length": (1, 3)}, {"stat_length": 0}],
    "minimum": [{}, {"stat_length": 2}, {"stat_length": (1, 3)}],
    "mean": [{}, {"stat_length": 2}, {"stat_length": (1, 3)}],
    "median": [{}, {"stat_length": 2}, {"stat_length": (1, 3)}],
    "reflect": [{}, {"reflect_type": "odd"}],
    "symmetric": [{}, {"reflect_type": "odd"}],
}
NAMED = sorted(set(MODES) - {"empty"})
WIDTHS = [0, 1, 3, (2, 0), (0, 4), [[1, 2], [3, 0]], 17, -1, 1.5, {0: 2}, {-1: (1, 2)}, [1, 2, 3]]


@pytest.mark.parametrize("mode", NAMED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=60)
@given(data=st.data())
def test_pad_is_numpys(mode: str, data: Any) -> None:
    x = data.draw(arrays(max_dims=2, finite=mode == "linear_ramp"))
    width = data.draw(st.sampled_from(WIDTHS))
    options = data.draw(st.sampled_from(OPTIONS.get(mode, [{}])))
    if x[1].dtype.kind in "bu" and (mode == "linear_ramp" or (-2 in np.ravel(list(options.values())))):
        options = {}
    if x[1].dtype.kind == "b" and options.get("reflect_type") == "odd":
        options = {}
    judge(lambda a: np.pad(a, width, mode, **options), x)


def test_what_an_empty_border_holds_does_not_matter() -> None:
    x = la.from_array(np.arange(12.0).reshape(3, 4), chunks=2)
    out = la.pad(x, ((1, 2), (0, 3)), "empty")
    assert out.shape == (6, 7)
    np.testing.assert_array_equal(out.compute()[1:4, :4], np.arange(12.0).reshape(3, 4))


@pytest.mark.parametrize(
    "arguments",
    [((1,), {"mode": "none"}), ((1, "edge"), {"stat_length": 3}), ((1, "mean"), {"constant_values": 3}), (("a",), {})],
)
def test_modes_and_parameters_that_numpy_refuses_are_refused(arguments: Any) -> None:
    args, kwargs = arguments
    judge(lambda a: np.pad(a, *args, **kwargs), (la.ones(3), np.ones(3)))


def test_a_constant_border_of_any_number_of_axes_is_made_as_its_array_is_read() -> None:
    x = la.from_array(np.ones((40, 40)), chunks=10)
    plan = la.plan(la.pad(x, 2) * 2)
    read = [p for p in plan.programs if any(part.array.startswith("s") for r in p.reads for part in r.parts)]
    assert len(read) == 1
    assert plan.arrays[read[0].writes[0].array].tiling.shape == (44, 44)
