"""Runs of one placement of the cores, at distances that a test tells."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEAR, APART = 180.0, 400.0


@pytest.fixture
def placed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A placement whose cores are near, found at these distances afterwards: the last of them for ever."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    module = importlib.import_module("placement")
    monkeypatch.setattr(module, "EVERY_S", 0.001)

    def place(*distances: float) -> Any:
        left = list(distances)
        monkeypatch.setattr(module, "distance_ns", lambda: left.pop(0) if len(left) > 1 else left[0])
        return module.Placement(NEAR)

    return place


@pytest.mark.parametrize(
    ("distances", "runs"),
    [
        ([NEAR], 1),
        ([NEAR, 1.2 * NEAR], 1),
        ([APART, APART, NEAR], 1),  # waits
        ([NEAR, APART, NEAR], 2),  # is made anew
    ],
)
def test_a_run_counts_where_cores_stayed_as_they_were(placed: Any, distances: list[float], runs: int) -> None:
    made: list[int] = []
    value, held = placed(*distances).hold(lambda: made.append(0) or len(made))
    assert (value, held) == (runs, True)


def test_patience_ends_and_is_not_had_again(placed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place = placed(APART)
    monkeypatch.setattr(place, "_patience_s", 0.003)
    made: list[int] = []
    for n in (1, 2):
        assert place.hold(lambda: made.append(0) or len(made)) == (n, False)


def test_the_distance_of_this_machines_cores_is_some_nanoseconds() -> None:
    done = subprocess.run([sys.executable, "benchmarks/placement.py"], capture_output=True, cwd=ROOT, check=True)
    assert 0 <= float(done.stdout) < 1e6
