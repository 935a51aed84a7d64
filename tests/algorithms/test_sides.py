"""The side of a factorisation's tiles on functions: near the best of those that plans are made for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms.sides import HELD, SIDES, best_side, sides
from lambdarray.algorithms.tiles import panel_side, side
from lambdarray.config import Config, get_config
from lambdarray.cost import of_architecture
from lambdarray.cost.factors import CHOLESKY, LU, POLAR, QR, factorised
from lambdarray.cost.timing import busy_seconds
from lambdarray.runtime.launch import worker_memory_bytes
from lambdarray.scenarios import Job

from .paper import on_lambda, svd

REMOTE = {"executor": "lambda", "store": "s3://bucket/scratch"}
KINDS = {"cholesky": CHOLESKY, "lu": LU, "qr": QR, "polar": POLAR}
# Plans of these are quickly made.
N, WORKERS, TRIED = 16_384, 1000, (768, 1024, 1536, 2048, 4096)


@cache
def planned(name: str, n: int, tile: int, workers: int) -> float:
    """Seconds that the plan takes, from its first task to its last."""
    if name == "polar":
        with on_lambda(workers):
            plan = la.plan(*svd(n, tile))
    else:
        plan = Job(name, n, workers, tile=tile).plan()
    counts = [p.task_count for p in plan.programs]
    return busy_seconds(plan, [e.seconds for e in plan.estimates], counts, workers)


@pytest.mark.parametrize("name", KINDS)
def test_the_chosen_side_is_near_the_best_of_planned_ones(name):
    config = Config(**REMOTE, workers=WORKERS)
    chosen = best_side(KINDS[name], (N, N), np.dtype(float), config)
    assert planned(name, N, chosen, WORKERS) <= 1.25 * min(planned(name, N, tile, WORKERS) for tile in TRIED)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("tile", TRIED)
def test_the_formula_is_near_the_plan(name, tile):
    machine = of_architecture("x86_64")
    found = factorised(KINDS[name], N, N, tile, np.dtype(float), machine, WORKERS, 1769).seconds
    assert planned(name, N, tile, WORKERS) / 1.8 <= found <= 1.8 * planned(name, N, tile, WORKERS)


@pytest.mark.parametrize("how", KINDS.values())
@pytest.mark.parametrize("memory_mib", [512, 885, 1769, 10_240])
def test_tiles_fit_a_function(how, memory_mib):
    config = Config(**REMOTE, memory_mib=memory_mib)
    for n in (2049, 65_536, 1_000_000):
        for dtype in map(np.dtype, ("f4", "f8", "c16")):
            found = [f.size for f in sides(how, (n, n), dtype, config)]
            fits = [t for t in found if t**2 * dtype.itemsize * HELD <= worker_memory_bytes(config)]
            assert found
            assert fits == found or found == [SIDES[0]]
            assert best_side(how, (n, n), dtype, config) in found


def test_more_workers_have_smaller_tiles_and_few_dollars_larger_ones():
    def of(**more: float | str) -> int:
        return best_side(CHOLESKY, (262_144, 262_144), np.dtype(float), Config(**REMOTE, **more))

    by_workers = [of(workers=n) for n in (10, 100, 1000, 10_000)]
    assert by_workers == sorted(by_workers, reverse=True)
    assert by_workers[0] > by_workers[-1]
    assert of(workers=1000, objective="dollars") > of(workers=1000)


def test_a_matrix_on_functions_is_cut_by_the_model_and_one_here_by_what_was_measured():
    x = la.ones((40_000, 40_000))
    assert (side(x, how=CHOLESKY), panel_side(x)) == (2560, 2560)
    assert panel_side(la.ones((8192, 8192))) == 1024
    with la.config(**REMOTE, workers=2800):
        wanted = [best_side(how, x.shape, x.dtype, get_config()) for how in (CHOLESKY, LU)]
        assert [side(x, how=CHOLESKY), panel_side(x)] == wanted
        assert side(x, 300, how=CHOLESKY) == 300
        assert side(la.ones((2048, 2048)), how=CHOLESKY) is None
