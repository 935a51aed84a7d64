"""What is put together of whole tiles of other results is stored once, wherever it goes, and is what it was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.algorithms.tiles import patched
from lambdarray.errors import PlanError
from lambdarray.planner.check import check
from lambdarray.planner.placing import boxes


def product(n: int, m: int, seed: int = 0) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, 5)), rng.standard_normal((5, m))
    return la.from_array(a, chunks=4) @ la.from_array(b, chunks=4), a @ b


def put_together() -> tuple[Any, np.ndarray]:
    """Two products, one of which a third reads, in a matrix with zeros elsewhere."""
    (x, u), (y, v) = product(8, 4, 1), product(4, 4, 2)
    expected = np.zeros((12, 12))
    expected[4:12, 0:4], expected[8:12, 8:12], expected[0:4, 4:8] = u, v, v @ u[:4]
    return patched((12, 12), 4, [(4, 0, x), (8, 8, y), (0, 4, y @ x[:4])]), expected


def copies(plan: la.Plan) -> int:
    return sum(p.op == "copy" for p in plan.programs)


def test_tiles_are_not_copied_and_only_the_others_are_filled():
    made, _ = put_together()
    plan = la.plan(made)
    assert copies(plan) == 0
    assert len(plan.parts) == len(set(plan.parts.values()))
    filled = [p for p in plan.programs if p.op == "constant"]
    assert sum(p.task_count for p in filled) == 5
    assert plan.outputs[0] in plan.written


@pytest.mark.parametrize("settings", [{}, {"workers": 1}, {"executor": "processes", "workers": 2}, {"store": "here"}])
def test_the_result_is_what_it_was(settings, tmp_path):
    made, expected = put_together()
    settings = {**settings, "store": str(tmp_path)} if "store" in settings else settings
    with la.config(**settings):
        np.testing.assert_allclose(made.compute(), expected)
        kept = la.persist(made)
        np.testing.assert_allclose((kept + 1).compute(), expected + 1)
        np.testing.assert_allclose(kept.compute(), expected)


def test_a_run_that_was_ended_goes_on_from_the_tiles_that_are_there(tmp_path):
    with la.config(store=str(tmp_path), workers=1):
        made, expected = put_together()
        np.testing.assert_allclose(made.compute(), expected)
        key = la.plan(made).key
        kept = la.persist(made)
        np.testing.assert_allclose(kept.compute(), expected)
        assert la.plan(made).key == key


@pytest.mark.parametrize("other", ["read", "asked for", "cut in another way", "a source"])
def test_what_is_read_or_has_other_tiles_is_copied_as_before(other):
    (x, u), (y, v) = product(8, 4, 1), product(4, 4, 2)
    both = la.concat([x, y])
    expected = np.concatenate([u, v])
    if other == "read":
        outputs = [both, both * 2]
    elif other == "asked for":
        outputs = [both, x]
    elif other == "cut in another way":
        outputs = [both.rechunk(3)]
    else:
        outputs = [la.concat([x, la.from_array(v, chunks=4)])]
    assert copies(la.plan(*outputs)) >= 1
    found = la.compute(*outputs)
    np.testing.assert_allclose(found[0] if len(outputs) > 1 else found, expected)


def test_the_checker_finds_tiles_that_are_in_no_part_or_in_two():
    plan = la.plan(put_together()[0])
    first, second = list(plan.parts)[:2]
    arrays = dict(plan.arrays)
    arrays[first] = replace(arrays[first], location={**arrays[first].location, "at": arrays[second].location["at"]})
    with pytest.raises(PlanError, match="are not in one of its parts"):
        check(replace(plan, arrays=arrays))


@given(st.data(), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=50, deadline=None)
def test_boxes_cover_what_is_true_once(data, rows, columns):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)), bool)
    mask = mask.reshape(rows, columns)
    times = np.zeros(mask.shape, int)
    for box in boxes(mask):
        times[tuple(slice(lo, hi) for lo, hi in box)] += 1
    np.testing.assert_array_equal(times, mask)
