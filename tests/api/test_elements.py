"""Elements as Python's numbers: NumPy's values, and no run where the value is at hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import lambdarray as la
from lambdarray.api.elements import SMALL_BYTES

from ..judge import arrays, assert_same


def ran(ask):
    """Whether asking ran anything."""
    before = la.last_report()
    ask()
    return la.last_report() is not before


@settings(max_examples=50)
@given(data=st.data())
def test_elements_are_numpys(data):
    x, value = data.draw(arrays(min_dims=1).filter(lambda pair: pair[1].size))
    key = data.draw(hnp.basic_indices(value.shape, min_dims=1))
    with np.errstate(all="ignore"):
        twice = value * 2
    for ours, theirs in ((x, value), (x.T[::-1], value.T[::-1]), (x[key], value[key]), (x * 2, twice)):
        if np.size(theirs) and not np.isnan(theirs).any():
            where = data.draw(st.tuples(*[st.integers(-n, n - 1) for n in theirs.shape]))
            np.testing.assert_equal(ours[where].item(), theirs[where].item())
            assert bool(ours[where]) == bool(theirs[where])
            assert type(ours[where].item()) is type(theirs[where].item())


def test_what_is_in_memory_is_read_without_a_run():
    x = la.from_array(np.arange(24.0).reshape(2, 3, 4), chunks=2)
    assert not ran(lambda: float(x.T[1, ::-1][0, 1]))
    assert not ran(lambda: int(la.full((3, 3), 7)[1, 1]))
    assert not ran(lambda: bool(la.broadcast_to(x[0, 0, 0], (1, 1))))


def test_a_small_expression_is_computed_once_for_all_its_elements():
    x = la.asarray([[1.0, 2.0], [3.0, 4.0]]).sum(axis=0) + 1
    assert ran(lambda: float(x[0]))
    assert [float(v) for v in x] == [5.0, 7.0]
    assert not ran(lambda: float(x[1]))


def test_a_condition_on_elements_needs_no_run():
    x, y = la.asarray([1.0, np.nan, 3.0]), la.from_array(np.arange(3))
    for ask, answer in (
        (lambda: x[0] == y[1], True),
        (lambda: x[2] < y[2], False),
        (lambda: y[2] > 1.5, True),
        (lambda: np.isnan(x[1]) & (x[2] >= 3), True),
        (lambda: ~(y[0] == 300), True),
        (lambda: np.logical_and(x[0], y[0]), False),
        (lambda: (x[0] * 2 - y[2]) == 0, True),
        (lambda: (x[2:] == 3).all(), True),
    ):
        assert not ran(lambda ask=ask, answer=answer: bool(ask()) is answer or pytest.fail(f"not {answer}"))


@settings(max_examples=50)
@given(data=st.data())
def test_arithmetic_on_elements_is_that_of_arrays(data):
    x, value = data.draw(arrays(min_dims=1, max_dims=1).filter(lambda pair: pair[1].size))
    y, _ = data.draw(arrays(shape=value.shape))
    n = data.draw(st.integers(0, len(value) - 1))
    for name in ("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "maximum", "less"):
        try:
            whole = getattr(np, name)(x, y).compute()
        except TypeError:
            continue
        np.testing.assert_equal(getattr(np, name)(x[n], y[n]).item(), whole[n].item())


def test_functions_that_may_round_otherwise_are_run():
    x = la.asarray([0.1, 0.2])
    assert ran(lambda: float(np.exp(x[0])))
    assert ran(lambda: complex(x.astype(complex)[0] / x[1]))


def test_a_list_of_elements_is_a_list_of_numbers():
    x, y = la.asarray([1, 2]), la.asarray([0.5, 4])
    rows = [[x[i] * y[j] for j in range(2)] for i in range(2)]
    assert not ran(lambda: la.asarray(rows)[1, 1].item() == 8 or pytest.fail("another element"))
    assert_same(la.asarray(rows), np.array([[0.5, 4], [1, 8]]), exact=True)
    assert_same(la.asarray([x[0], y[1], 3]), np.array([1.0, 4, 3]), exact=True)
    assert_same(la.asarray([x[0], np.exp(y[0])]), np.array([1.0, np.exp(0.5)]))


def test_a_condition_on_what_was_computed_for_its_other_elements_needs_no_run():
    x = la.asarray([5.0, 6.0, 7.0])
    taken, grown = x[la.asarray([2, 0])], np.exp(x)
    assert ran(lambda: taken[0] == x[2] or pytest.fail("another element"))
    assert not ran(lambda: taken[1] == x[0] or pytest.fail("another element"))
    assert ran(lambda: bool(grown[0] > 1000))
    assert not ran(lambda: bool((grown[1] > 1) & (grown[2] > grown[1])))


def test_an_index_that_is_at_hand_is_an_integer():
    x, where = la.from_array(np.arange(12.0).reshape(3, 4)), la.asarray([2, -1])
    assert not ran(lambda: x[where[0], where[1]].item() == 11 or pytest.fail("another element"))
    with pytest.raises(IndexError, match="out of bounds"):
        x[where[0] + 0, la.asarray(7)]


def test_a_long_chain_of_conditions_is_a_run():
    found = la.asarray([False])[0]
    for _ in range(2000):
        found = found | found
    assert ran(lambda: bool(found) and pytest.fail("nothing is true"))


def test_what_may_change_is_computed_anew():
    source = np.arange(3.0)
    x = la.from_array(source)
    y = x + 1
    assert float(y[1]) == 2
    source[1] = 9
    assert float(x[1]) == 9
    assert float(y[1]) == 10


def test_one_element_of_what_is_large_is_computed_alone():
    x = la.arange(SMALL_BYTES) * 2
    assert ran(lambda: int(x[3]))
    assert ran(lambda: int(x[4]))


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f4", "c8", ">f8", "M8[s]", "S3"])
def test_every_dtype_has_pythons_scalars(dtype):
    value = np.array([0, 1, 2]).astype(dtype)
    x = la.from_array(value, chunks=2)
    for n in range(3):
        assert x[n].item() == value[n].item()
    assert x.item(1) == value.item(1)
