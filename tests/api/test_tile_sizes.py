"""chunks="auto": tiles by the cost model, on functions those of which a pass takes least."""

from __future__ import annotations

import math
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.api.explain import explanation
from lambdarray.api.tile_sizes import HERE_BYTES, LEAST_BYTES, TILES_HELD, candidates, tile_bytes
from lambdarray.config import get_config
from lambdarray.cost.best import AS_GOOD
from lambdarray.runtime.launch import worker_memory_bytes
from lambdarray.scenarios import matrix

REMOTE = {"executor": "lambda", "store": "s3://bucket/scratch"}
shapes = st.lists(st.integers(1, 300_000), min_size=1, max_size=3).map(tuple).filter(lambda s: math.prod(s) <= 10**12)
places = st.fixed_dictionaries(
    {"workers": st.sampled_from([1, 16, 100, 1000, 5000]), "memory_mib": st.sampled_from([885, 1769, 3538, 10_240])}
)


def largest_tile(x: la.Array) -> int:
    return math.prod(max(lengths, default=0) for lengths in x.chunks) * x.dtype.itemsize


@given(shapes, st.sampled_from(["f8", "f4", "c16"]), places, st.sampled_from(["time", "dollars"]))
@settings(max_examples=50, deadline=None)
def test_no_tile_would_be_a_tenth_better_and_each_fits(shape, dtype, place, objective):
    with la.config(**REMOTE, **place, objective=objective):
        x = la.zeros(shape, dtype)
        most = worker_memory_bytes(get_config()) // TILES_HELD
        found = candidates(shape, x.dtype.itemsize, get_config())
    tile = largest_tile(x)
    assert tile <= most
    if x.nbytes <= LEAST_BYTES:
        assert x.npartitions == 1
        return
    (mine,) = (f for f in found if f.size == tile)
    name = "dollars" if objective == "dollars" else "seconds"
    assert getattr(mine, name) <= AS_GOOD * min(getattr(f, name) for f in found)


@pytest.mark.parametrize("workers", [1, 2, 16, 128])
def test_here_a_task_alone_has_all_cores_so_that_tiles_do_not_follow_the_workers(workers):
    with la.config(workers=workers):
        assert [la.ones(n * 2**20 // 8).npartitions for n in (8, 32, 64, 1024)] == [1, 1, 2, 32]
        assert tile_bytes((8192, 8192), 8) == HERE_BYTES


def test_a_small_array_is_cut_so_that_more_functions_have_a_part_and_a_large_one_as_memory_allows():
    with la.config(**REMOTE, workers=1000):
        sizes = [largest_tile(la.ones((n, n))) for n in (2**14, 2**15, 2**17)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == 32 << 20
    with la.config(**REMOTE, workers=1000, memory_mib=10_240):
        assert largest_tile(la.ones((400_000, 400_000))) > 64 << 20


def test_few_dollars_are_large_tiles_and_a_budget_or_a_deadline_moves_the_choice():
    def of(**more: float | str) -> int:
        with la.config(**REMOTE, **more):
            return largest_tile(la.ones((2**14, 2**14)))

    fast, cheap = of(), of(objective="dollars")
    assert fast < cheap == 32 << 20
    assert fast < of(max_dollars=0.006) < cheap
    assert of(max_dollars=1e-6) == cheap
    assert fast < of(objective="dollars", deadline=1.5) < cheap


@pytest.mark.parametrize(("n", "tile", "workers"), [(2**14, 1024, 1000), (2**15, 1024, 100), (2**16, 2048, 1000)])
def test_a_pass_takes_what_the_plan_of_one_is_quoted_at(n, tile, workers):
    with la.config(**REMOTE, workers=workers):
        x = matrix("a", n, n, tile)
        quoted = explanation([(x + 1)._op], get_config()).there.quote
        passes = {f.size: f for f in candidates((n, n), 8, get_config())}
    found = passes[tile * tile * 8]
    assert found.seconds == pytest.approx(quoted.seconds_before_results, rel=0.15)
    assert found.dollars == pytest.approx(quoted.dollars_before_results, rel=0.15)


def test_axes_that_are_given_count_and_whole_chunks_of_a_source_are_kept():
    with la.config(**REMOTE, workers=1000):
        x = la.ones((2**15, 2**15), chunks=("auto", 1024))
        whole = la.ones((2**15, 2**15), chunks=(-1, "auto"))
    assert x.chunks[1][0] == 1024
    assert LEAST_BYTES <= largest_tile(x) <= 60 << 20
    assert whole.chunks[0] == (2**15,)
    assert largest_tile(whole) <= 60 << 20


def test_values_do_not_depend_on_where_tiles_were_chosen():
    def drawn() -> la.Array:
        return la.random.default_rng(3).standard_normal((1500, 1100))

    here = drawn()
    with la.config(**REMOTE, workers=1000):
        there = drawn()
    assert there.chunks != here.chunks
    np.testing.assert_array_equal(here.compute(), there.compute())


def test_the_choice_takes_microseconds():
    with la.config(**REMOTE):
        tile_bytes((131_072, 131_072), 8)
        begin = perf_counter()
        for _ in range(100):
            tile_bytes((131_072, 131_072), 8)
        assert (perf_counter() - begin) / 100 < 500e-6
