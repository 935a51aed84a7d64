"""Numbers have no gaps and go down the columns of a triangle, and boxes hold as many tasks as one counts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.numbering import Numbering, Triangle, numbering
from lambdarray.tiling import Cuts

GRIDS = st.lists(st.integers(1, 6), max_size=4).map(tuple)
TRIANGLES = st.tuples(st.integers(0, 9), st.integers(1, 9)).map(lambda n: (n[0] + n[1], n[1]))


@given(GRIDS)
def test_a_full_grid_is_numbered_in_c_order(grid):
    found = numbering(grid)
    assert [found.index(n) for n in range(found.count)] == list(product(*map(range, grid)))
    assert [found.number(i) for i in product(*map(range, grid))] == list(range(found.count))
    assert found.of_cell(3) == 3


@given(TRIANGLES)
def test_a_triangle_is_numbered_column_by_column(grid):
    found = numbering(grid, triangle=True)
    wanted = [(i, j) for j in range(grid[1]) for i in range(j, grid[0])]
    assert found.count == len(wanted)
    assert [found.index(n) for n in range(found.count)] == wanted
    assert [found.number(index) for index in wanted] == list(range(found.count))
    assert [found.of_cell(i * grid[1] + j) for i, j in wanted] == list(range(found.count))


def test_numbers_of_a_large_triangle_are_exact():
    found = Triangle((10**7, 10**7))
    for number in (0, 10**7 - 1, 10**7, found.count // 2, found.count - 2, found.count - 1):
        assert found.number(found.index(number)) == number


@given(TRIANGLES, st.data())
def test_the_tasks_in_a_box_are_those_below_the_diagonal(grid, data):
    spans = [sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in grid]
    box = [tuple(span) for span in spans]
    by_hand = sum(i >= j for i in range(*box[0]) for j in range(*box[1]))
    assert Triangle(grid).volume(box) == by_hand
    assert Numbering(grid).volume(box) == np.prod([hi - lo for lo, hi in box])


@given(st.one_of(GRIDS.map(Numbering), TRIANGLES.map(Triangle)), st.integers(0, 99))
def test_what_tasks_have_is_put_in_their_places_and_found_there(found, seed):
    values = np.random.default_rng(seed).random(found.count) < 0.5
    places = found.spread(values, empty=True)
    assert places.shape == found.grid
    np.testing.assert_array_equal(found.gathered(places), values)
    assert places.sum() - values.sum() == np.prod(found.grid, dtype=int) - found.count
    for n in range(found.count):
        assert places[found.index(n)] == values[n]


@given(TRIANGLES, st.integers(0, 99))
@settings(max_examples=50)
def test_the_elements_of_a_triangle_are_those_of_its_blocks(grid, seed):
    rng = np.random.default_rng(seed)
    rows, columns = (Cuts.ragged(rng.integers(1, 5, n).tolist()) for n in grid)
    lengths = [np.asarray(rows.chunks), np.asarray(columns.chunks)]
    found = numbering((rows.count, columns.count), triangle=True)
    by_hand = sum(lengths[0][i] * lengths[1][j] for i, j in map(found.index, range(found.count)))
    assert found.elements(lengths) == pytest.approx(by_hand)
