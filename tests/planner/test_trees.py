"""Trees of reductions: as flat as the store makes it quick, and of what fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.planner import Resources
from lambdarray.planner.trees import FAN_IN, of_tree, reason, seconds

MIB = 1 << 20
stores = st.builds(Resources, st.integers(1, 2000), st.integers(1, 4000).map(MIB.__mul__), st.booleans())


@given(count=st.integers(1, 10**6), nbytes=st.integers(1, 10**9), beside=st.integers(1, 2000), have=stores)
def test_a_step_of_a_tree_combines_at_least_two_and_what_fits(count: int, nbytes: int, beside: int, have: Resources):
    found = of_tree(count, nbytes, have, beside)
    assert found >= 2
    assert found == 2 or found * nbytes <= have.memory_bytes
    assert have.remote or found <= FAN_IN


@given(
    count=st.integers(2, 2000), nbytes=st.integers(1, 10**8), beside=st.integers(1, 2000), workers=st.integers(1, 2000)
)
def test_no_other_tree_of_a_store_takes_half_of_the_time(count: int, nbytes: int, beside: int, workers: int):
    have = Resources(workers, 4000 * MIB, True)
    found = of_tree(count, nbytes, have, beside)
    fits = [f for f in range(2, min(count, 1024) + 1) if 3 * f * nbytes <= have.memory_bytes]
    least = min((seconds(count, f, nbytes, have, beside) for f in fits), default=0.0)
    assert not fits or seconds(count, found, nbytes, have, beside) <= 2 * least


def test_large_partial_results_have_deep_trees_and_many_trees_flat_ones():
    have = Resources(1000, 4000 * MIB, True)
    by_bytes = [of_tree(1000, nbytes, have) for nbytes in (8, 10**5, 10**6, 10**7)]
    assert by_bytes == sorted(by_bytes, reverse=True)
    assert by_bytes[0] > by_bytes[-1]
    assert of_tree(64, 8, have, beside=1000) >= of_tree(64, 8, have, beside=1)


def test_the_reason_is_in_the_plan_with_the_figures_of_others():
    with la.config(executor="lambda", store="s3://bucket/scratch", workers=1000):
        found = la.explain(la.ones((2**20, 1000), chunks=(1024, 1000)).sum(axis=0))
    (told,) = (text for name, text in found.choices if name == "fan-in")
    assert "partial results are combined" in told
    assert " s by " in told
    assert reason(2, 8, Resources(1000, MIB, True)) is None


def test_sums_by_such_trees_are_numpys(tmp_path: Path):
    a = np.random.default_rng(0).standard_normal((400, 30))
    with la.config(store=str(tmp_path), workers=2):
        x = la.asarray(a, chunks=(2, 30))
        np.testing.assert_allclose(x.sum(axis=0).compute(), a.sum(axis=0))
        assert x.argmax().compute() == a.argmax()
