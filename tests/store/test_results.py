"""An array of the caller's own: filled in place by first attempts, and never a mixture of two."""

from __future__ import annotations

import numpy as np
import pytest

from lambdarray.errors import PlanError
from lambdarray.store import ResultArray, open_array, open_store
from lambdarray.task import ArraySpec
from lambdarray.tiling import Tiling

SPEC = ArraySpec("t", Tiling.regular((4, 6), (2, 3)), np.dtype("f8"), {"kind": "result", "token": "t"})


def fill(result: ResultArray, value: float, skip: object = None) -> None:
    for index in SPEC.tiling.indices():
        if index != skip:
            assert result.write(index, np.full((2, 3), value))


def test_tiles_are_copied_into_place_and_the_first_of_two_wins():
    result = ResultArray(SPEC)
    fill(result, 1.0)
    assert not result.write((0, 0), np.zeros((2, 3)))
    np.testing.assert_array_equal(result.value(), np.ones((4, 6)))


def test_memory_is_given_to_one_attempt_and_its_tiles_need_no_copy():
    result = ResultArray(SPEC)
    memory = result.reserve([(0, 2), (0, 6)])
    assert memory is not None
    assert result.reserve([(0, 2), (3, 6)]) is None
    memory[...] = 7.0
    assert not result.exists((0, 0))
    assert result.write((0, 0), memory[:, :3])
    assert result.write((0, 1), memory[:, 3:])
    for index in ((1, 0), (1, 1)):
        result.write(index, np.zeros((2, 3)))
    assert np.shares_memory(result.value(), memory)
    np.testing.assert_array_equal(result.value()[:2], np.full((2, 6), 7.0))


def test_memory_that_turned_out_to_be_of_no_use_takes_a_copy():
    result = ResultArray(SPEC)
    memory = result.reserve([(0, 4), (0, 6)])
    assert memory is not None
    result.release([(0, 4), (0, 6)])
    fill(result, 3.0)
    assert np.shares_memory(result.value(), memory)
    np.testing.assert_array_equal(memory, np.full((4, 6), 3.0))


def test_an_overdue_attempt_cannot_reach_what_a_later_one_finished():
    result = ResultArray(SPEC)
    overdue = result.reserve([(0, 2), (0, 3)])
    assert overdue is not None
    overdue[...] = -1.0
    fill(result, 1.0)
    value = result.value()
    overdue[...] = -2.0
    np.testing.assert_array_equal(value, np.ones((4, 6)))
    assert not result.write((0, 0), overdue)
    np.testing.assert_array_equal(result.value(), np.ones((4, 6)))


def test_a_tile_that_is_another_part_of_the_result_is_copied():
    result = ResultArray(SPEC)
    memory = result.reserve([(0, 2), (0, 3)])
    assert memory is not None
    memory[...] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert result.write((0, 0), memory)
    assert result.write((1, 1), memory)
    assert result.write((0, 1), memory[::-1])
    np.testing.assert_array_equal(result.finished([(2, 4), (3, 6)]), memory)
    np.testing.assert_array_equal(result.finished([(0, 2), (3, 6)]), memory[::-1])


def test_a_part_is_the_tiles_of_a_result_from_an_index_on():
    result = ResultArray(SPEC)
    place = {"kind": "result", "token": "t", "whole": "t", "at": [1, 0]}
    spec = ArraySpec("p", Tiling.regular((2, 6), (2, 3)), np.dtype("f8"), place)
    part = open_array(spec, open_store("memory://"), {"t": result})
    memory = part.reserve([(0, 2), (0, 3)])
    memory[...] = 5.0
    assert part.write((0, 0), memory)
    assert part.write((0, 1), np.full((2, 3), 6.0))
    assert part.exists((0, 1))
    assert not result.exists((0, 1))
    found = part.read([(0, 2), (2, 4)])
    np.testing.assert_array_equal(found, [[5.0, 6.0]] * 2)
    assert not found.flags.writeable
    assert part.read_nbytes([(0, 2), (2, 4)]) == 32


def test_a_part_is_read_as_the_attempt_that_finished_first_has_it():
    result = ResultArray(SPEC)
    part = result.part(ArraySpec("p", SPEC.tiling, SPEC.dtype, SPEC.location), (0, 0))
    overdue = part.reserve([(0, 2), (0, 3)])
    fill(result, 1.0)
    overdue[...] = -1.0
    np.testing.assert_array_equal(part.read([(0, 4), (0, 6)]), np.ones((4, 6)))
    np.testing.assert_array_equal(part.read([(1, 2), (1, 2)]), 1.0)


def test_no_task_reads_a_result():
    result = ResultArray(SPEC)
    assert open_array(SPEC, open_store("memory://"), {"t": result}) is result
    with pytest.raises(PlanError, match="no task reads"):
        result.read([(0, 4), (0, 6)])
