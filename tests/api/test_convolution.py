"""Convolution and correlation, against NumPy: by shifts, by products, in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api import convolution

from ..judge import arrays, judge

MODES = ["full", "same", "valid"]


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@settings(max_examples=60)
@given(data=st.data(), mode=st.sampled_from(MODES))
def test_short_vectors_are_convolved_as_by_numpy(name: str, data: Any, mode: str) -> None:
    x, w = (data.draw(arrays(shape=(data.draw(st.integers(0, 12)),), finite=True)) for _ in range(2))
    judge(lambda a, v: getattr(np, name)(a, v, mode), x, w)


@pytest.mark.parametrize("name", ["convolve", "correlate"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n", "m"), [(300, 40), (40, 300), (70, 64), (64, 65), (17, 17), (500, 130)])
@pytest.mark.parametrize("dtype", ["?", "i4", "f4", "c16"])
def test_long_vectors_are_convolved_as_by_numpy(name: str, mode: str, n: int, m: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    values = [(rng.integers(-3, 4, k) + 1j * rng.integers(-3, 4, k)).real.astype(dtype) for k in (n, m)]
    judge(lambda a, v: getattr(np, name)(a, v, mode), *((la.from_array(v, chunks=50), v) for v in values))


def test_a_vector_of_many_elements_is_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "MANY", 32)
    rng = np.random.default_rng(0)
    values = [rng.integers(-3, 4, k).astype(float) for k in (200, 101)]
    judge(lambda a, v: np.convolve(a, v), *((la.from_array(v, chunks=50), v) for v in values))


def test_infinities_and_nan_reach_as_far_as_a_short_vector() -> None:
    value = np.arange(20.0)
    value[[4, 9, 10]] = np.inf, np.nan, -np.inf
    judge(lambda a: np.convolve(a, [1.0, 2.0, -1.0], "valid"), (la.from_array(value, chunks=6), value))


@pytest.mark.parametrize("arguments", [([], [1]), ([1], []), ([[1, 2]], [1]), ([1, 2], [1], "x"), ([1, 2], [1], 7)])
def test_what_numpy_does_not_convolve_is_refused(arguments: Any) -> None:
    judge(lambda m: m.convolve(*arguments), (la, np))
    judge(lambda m: m.correlate(*arguments), (la, np))
