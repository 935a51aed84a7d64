"""`x[key]` and the functions that take elements, against NumPy."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ..judge import arrays, assert_same, check_raises
from .keys import keys

few = settings(max_examples=40)
PLAIN = ("i8", "f4", "c16", "?")


def check(function, ours, theirs):
    """As `judge`, for a function of an array and of other things of which we and NumPy each have their own."""
    try:
        expected = function(*theirs)
    except Exception as error:
        check_raises(function, ours, error)
        return
    assert_same(function(*ours), expected, exact=True)


@settings(max_examples=150)
@given(st.data())
def test_any_key_takes_what_numpy_takes(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=6))
    ours, theirs = data.draw(keys(n.shape))
    check(lambda a, k: a[k], (x, ours), (n, theirs))


@settings(max_examples=100)
@given(st.data())
def test_a_key_that_numpy_refuses_is_refused(data):
    x, n = data.draw(arrays(dtypes=PLAIN, max_side=4))
    ours, theirs = data.draw(keys(n.shape, valid=False))
    check(lambda a, k: a[k], (x, ours), (n, theirs))


@few
@given(st.data())
def test_keys_of_views_and_of_what_is_computed_take_what_numpys_take(data):
    x, n = data.draw(arrays(dtypes=("i8",), min_dims=1, max_side=6))
    view = data.draw(st.sampled_from([lambda a: a.T, lambda a: a[::-1], lambda a: a[1:], lambda a: a[None] + 1]))
    x, n = view(x), view(n)
    ours, theirs = data.draw(keys(n.shape))
    again = data.draw(st.booleans())
    check(lambda a, k: a[k] * 2 if not again else a[k][..., ::-1].sum(axis=0), (x, ours), (n, theirs))
