"""`x[key] = value` and what else changes an array in place, against NumPy; and what is not touched by it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la

from ..judge import arrays, assert_same, check_raises, cuts, numbers
from .keys import keys

few = settings(max_examples=40)
PLAIN = ("i8", "f4", "c16", "?", "i1")


def check(change, ours, theirs):
    """A function that changes its first argument in place makes of ours what it makes of NumPy's, or raises as that.

    What was made of ours before keeps its value, and its chunks stay.
    """
    x, n = ours[0], theirs[0].copy()
    view, before, chunks = x.copy(), theirs[0].copy(), x.chunks
    with np.errstate(all="ignore"):
        try:
            change(n, *theirs[1:])
        except Exception as error:
            check_raises(lambda *given: change(*given) or x, ours, error)
            return
        assert change(*ours) is None
    assert_same(x, n, exact=True)
    assert x.chunks == chunks
    assert_same(view, before, exact=True)


def put(x, key, value):
    x[key] = value


@st.composite
def values(draw, shape, dtypes=PLAIN):
    """A value for a selection of `shape`, or nearly: with axes of length 1, fewer or more axes; ours and NumPy's."""
    kind = draw(st.sampled_from(["same", "same", "fewer", "ones", "more", "scalar", "wrong"]))
    shape = tuple(shape)
    if kind == "fewer":
        shape = shape[draw(st.integers(0, len(shape))) :]
    if kind == "ones":
        shape = tuple(1 if draw(st.booleans()) else n for n in shape)
    if kind == "more":
        shape = (1, *shape)
    if kind == "wrong" and shape:
        shape = (*shape[:-1], shape[-1] + draw(st.sampled_from([1, 2])))
    if kind == "scalar":
        number = draw(st.sampled_from([3, -1, 2.5, True, 1e9, float("nan"), 2j, "1", np.float32(7.5), None]))
        return number, number
    value = numbers(np.random.default_rng(draw(st.integers(0, 99))), shape, np.dtype(draw(st.sampled_from(dtypes))), False)
    if draw(st.booleans()):
        return la.from_array(value, chunks=tuple(cuts(draw, n) for n in shape)), value
    return value, value


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning", "ignore:invalid value:RuntimeWarning")
@settings(max_examples=150)
@given(st.data())
def test_setting_by_any_key_is_numpys(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=6))
    ours, theirs = data.draw(keys(n.shape))
    try:
        shape = n[theirs].shape
    except IndexError:  # which of two errors comes first is nobody's business
        value = same = 7
    else:
        value, same = data.draw(values(shape))
    check(put, (x, ours, value), (n, theirs, same))


@few
@given(st.data())
def test_setting_by_a_key_that_numpy_refuses_is_refused(data):
    x, n = data.draw(arrays(dtypes=("i8",), max_side=4))
    ours, theirs = data.draw(keys(n.shape, valid=False))
    check(put, (x, ours, 7), (n, theirs, 7))
