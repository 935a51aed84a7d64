"""Objects of the user's as targets: each tile once, whatever attempts do."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdarray.errors import PlanError
from lambdarray.store.objects import Target, TargetArray, place_in, place_shape
from lambdarray.task import ArraySpec
from lambdarray.tiling import Tiling

TILING = Tiling.regular((4, 6), (2, 3))


def target_array(obj: Any, **options: Any) -> TargetArray:
    spec = ArraySpec("t0", TILING, np.dtype("f8"), {"kind": "result", "token": "t0"})
    return TargetArray(spec, [Target(obj, **options)])


def test_the_first_attempt_wins_and_a_later_one_is_discarded() -> None:
    out = np.zeros((4, 6))
    array = target_array(out)
    assert array.existing() == []
    assert array.write((1, 0), np.ones((2, 3))) is True
    assert array.write((1, 0), np.full((2, 3), 2.0)) is False
    assert (array.exists((1, 0)), array.exists((0, 0)), array.existing()) == (True, False, [(1, 0)])
    assert out.sum() == 6


def test_a_later_attempt_waits_until_the_first_has_come_to_its_end() -> None:
    inside, go_on = threading.Event(), threading.Event()

    class Slow:
        written = 0

        def __setitem__(self, key: Any, tile: np.ndarray) -> None:
            inside.set()
            assert go_on.wait(30)
            self.written += 1

    slow = Slow()
    array = target_array(slow)
    found: list[tuple[bool, int]] = []

    def attempt() -> None:
        found.append((array.write((0, 0), np.ones((2, 3))), slow.written))

    first, second = threading.Thread(target=attempt), threading.Thread(target=attempt)
    first.start()
    assert inside.wait(30)
    second.start()
    second.join(0.05)
    assert found == []
    go_on.set()
    first.join()
    second.join()
    assert sorted(found) == [(False, 1), (True, 1)]


def test_an_attempt_that_fails_leaves_the_tile_to_the_next() -> None:
    class Once:
        refused = False

        def __setitem__(self, key: Any, tile: np.ndarray) -> None:
            if not self.refused:
                self.refused = True
                raise OSError("busy")

    array = target_array(Once(), lock=threading.Lock())
    with pytest.raises(OSError, match="busy"):
        array.write((0, 0), np.ones((2, 3)))
    assert not array.exists((0, 0))
    assert array.write((0, 0), np.ones((2, 3))) is True


def test_no_task_reads_a_target_and_a_tile_of_another_shape_is_never_written() -> None:
    array = target_array(np.zeros((4, 6)))
    assert array.read_nbytes([(0, 1), (0, 1)]) == 0
    with pytest.raises(PlanError, match="no task reads"):
        array.read([(0, 1), (0, 1)])
    with pytest.raises(PlanError, match="is to be float64"):
        array.write((0, 0), np.ones((2, 2)))


BOUND = st.one_of(st.none(), st.integers(-9, 9))
SLICE = st.builds(slice, BOUND, BOUND, st.one_of(st.none(), st.integers(-3, 3).filter(bool)))
PART = st.one_of(SLICE, st.integers(-3, 2), st.just(...))


@given(st.lists(PART, max_size=3).filter(lambda parts: parts.count(...) <= 1), st.data())
def test_a_span_of_a_region_is_a_slice_of_the_slice(region: list[Any], data: st.DataObject) -> None:
    base = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    expected = base[tuple(region)]
    place = place_in(base.shape, tuple(region))
    assert place_shape(place) == expected.shape
    spans = [tuple(sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n))))) for n in expected.shape]
    found = np.zeros_like(base)
    Target(found, place).put(spans, 1)  # type: ignore[arg-type]
    chosen = np.asarray(expected)[tuple(slice(a, b) for a, b in spans)]
    np.testing.assert_array_equal(found == 1, np.isin(base, chosen))
