"""Transfers hide behind computing: a product on threads, through a store that lets each worker move little a second."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from overlap import GOAL, Product, measure

# The seconds are real: another process that takes the cores in between spoils one try, not all.
TRIES = 3


def best(tmp_path: Path, product: Product, bytes_per_s: float, workers: int) -> float:
    ratios = []
    for n in range(TRIES):
        ratios.append(measure(product, bytes_per_s, workers, tmp_path / str(n)).ratio)
        if ratios[-1] >= GOAL:
            break
    return max(ratios)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_product_on_a_store_of_75_mb_a_second_keeps_it_busy(tmp_path: Path, workers: int) -> None:
    assert best(tmp_path, Product(1024, 2048, workers, 2), 75e6, workers) >= GOAL


def test_a_product_that_computes_as_long_as_it_moves_or_longer_computes_all_the_time(tmp_path: Path) -> None:
    assert best(tmp_path, Product(1280, 8192, 2, 3), 400e6, 1) >= GOAL
