"""Functions of a few axes over all others, judged by the same functions of whole NumPy arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdarray as la
from lambdarray.errors import UserFunctionError
from tests.judge import arrays, assert_same, judge


def ends(b):
    return b[..., 0] + 0, b[..., -1] + 0


@given(arrays(min_dims=1), st.data())
@settings(max_examples=40)
def test_several_outputs_of_one_core_axis_anywhere(pair, data):
    x, n = pair
    axis = data.draw(st.integers(-n.ndim, n.ndim - 1))
    if not n.shape[axis]:
        return
    found = la.apply_gufunc(ends, "(i)->(),()", x, axis=axis, allow_rechunk=True)
    assert_same(found, ends(np.moveaxis(n, axis, -1)), exact=True)
    kept = la.apply_gufunc(ends, "(i)->(),()", x, axis=axis, keepdims=True, allow_rechunk=True)
    assert_same(kept, tuple(np.expand_dims(e, axis) for e in ends(np.moveaxis(n, axis, -1))), exact=True)


@given(st.data())
@settings(max_examples=40)
def test_the_other_axes_broadcast_whatever_their_chunks(data):
    m, k, n = (data.draw(st.integers(1, 4)) for _ in range(3))
    loop = data.draw(st.lists(st.integers(1, 4), max_size=2))
    other = [size if data.draw(st.booleans()) else 1 for size in loop][data.draw(st.integers(0, len(loop))) :]
    x, a = data.draw(arrays(shape=(*loop, m, k), dtypes=["i8"]))
    y, b = data.draw(arrays(shape=(*other, k, n), dtypes=["i8"]))
    assert_same(la.apply_gufunc(np.matmul, "(m,k),(k,n)->(m,n)", x, y, allow_rechunk=True), np.matmul(a, b))
    turned = la.apply_gufunc(
        np.matmul, "(m,k),(k,n)->(m,n)", x.mT, y.mT, axes=[(-1, -2), (-1, -2), (-1, -2)], allow_rechunk=True
    )
    assert_same(turned, np.matmul(a, b).swapaxes(-1, -2))


def test_core_axes_of_outputs_alone_have_the_sizes_that_are_given():
    n = np.arange(6.0).reshape(2, 3)
    x = la.from_array(n, chunks=(1, 3))
    padded = la.apply_gufunc(lambda b: np.pad(b, ((0, 0), (0, 2))), "(i)->(j)", x, output_sizes={"j": 5})
    assert_same(padded, np.pad(n, ((0, 0), (0, 2))))
    first = la.apply_gufunc(lambda b: (b, b[..., 0]), "(i)->(i),()", x, axes=[1, 0, ()])
    assert_same(first, (n.T, n[:, 0]))
    assert_same(la.apply_gufunc(lambda: np.arange(3), "->(i)", output_sizes={"i": 3}), np.arange(3))


def test_a_signature_of_one_output_and_a_comma_gives_a_tuple():
    x = la.ones((2, 3))
    assert_same(la.apply_gufunc(lambda b: b.sum(-1), "(i)->()", x), np.full(2, 3.0))
    (total,) = la.apply_gufunc(lambda b: b.sum(-1), "(i)->(),", x)
    assert_same(total, np.full(2, 3.0))


@given(arrays(min_dims=1, max_dims=2, dtypes=["f8", "i4"]))
@settings(max_examples=30)
def test_a_function_of_one_element_is_looped_over(pair):
    x, n = pair
    if not n.shape[-1]:
        return
    outer = np.vectorize(lambda v: np.outer(v, v), signature="(i)->(i,i)", otypes=[n.dtype])
    with np.errstate(all="ignore"):
        expected = outer(n)
    found = la.apply_gufunc(lambda v: np.outer(v, v), "(i)->(i,i)", x, vectorize=True, allow_rechunk=True)
    assert_same(found, expected, exact=True)


def test_a_bound_function_and_a_decorated_one_are_the_same():
    n = np.arange(12.0).reshape(3, 4)
    x = la.from_array(n, chunks=(2, 2))
    bound = la.gufunc(lambda b, power=1: (b**power).sum(-1), signature="(i)->()", output_dtypes=float)
    assert_same(bound(x, allow_rechunk=True, power=2), (n**2).sum(-1))

    @la.as_gufunc("(i)->(),()", output_dtypes=(float, float), allow_rechunk=True)
    def spread(b):
        return b.min(-1), b.max(-1)

    assert_same(spread(x), (n.min(-1), n.max(-1)))
    assert "spread" in spread.__doc__


@pytest.mark.parametrize(
    ("text", "signature", "settings"),
    [
        ("Not a valid gufunc signature", "(i)-()", {}),
        ("has 2 inputs, and 1 are given", "(i),(j)->()", {}),
        ("'i' consists of 2 chunks; .*allow_rechunk=True", "(i)->()", {}),
        ("'j' is on no input; say output_sizes", "(i)->(j)", {"allow_rechunk": True}),
        ("only one of axis= and axes=", "(i)->()", {"axis": 0, "axes": [0, ()]}),
        ("shared core axis", "(i,j)->()", {"axis": 0}),
        ("axis=0.5 must be an integer", "(i)->()", {"axis": 0.5}),
        ("must be a list", "(i)->()", {"axes": (0, ())}),
        ("must have as many entries", "(i)->(i)", {"axes": [0]}),
        ("must have as many entries", "(i,j)->()", {"axes": [0]}),
        ("keepdims= is for scalar outputs", "(i)->(i)", {"keepdims": True}),
        ("has 2 entries for 1 outputs", "(i)->()", {"output_dtypes": [float, float], "allow_rechunk": True}),
        ("axis -3 is out of bounds", "(i,j,k)->()", {"allow_rechunk": True}),
        ("apply_gufunc called lambda on blocks of one element .*output_dtypes=", "(i)->()", {"allow_rechunk": True}),
    ],
)
def test_what_cannot_be_is_refused_on_the_users_line(text, signature, settings):
    with pytest.raises(ValueError, match=text):
        la.apply_gufunc(lambda b: b[..., 3], signature, la.ones((2, 4), chunks=2), **settings)


def test_core_axes_of_one_name_are_of_one_length():
    with pytest.raises(ValueError, match="'i' they have 3, 4 elements"):
        la.apply_gufunc(np.vecdot, "(i),(i)->()", la.ones((2, 3)), la.ones((2, 4)))
    with pytest.raises(ValueError, match="core axis 'i' is 3 long, and 1"):
        la.apply_gufunc(np.vecdot, "(i),(i)->()", la.ones((2, 3)), la.ones((2, 1)))


def test_a_function_that_makes_another_number_of_outputs_is_told():
    x = la.ones((2, 3))
    with pytest.raises(ValueError, match="lambda is to return 2 arrays"):
        la.apply_gufunc(lambda b: b.sum(-1), "(i)->(),()", x)
    y, _ = la.apply_gufunc(lambda b: [b.sum(-1)], "(i)->(),()", x, output_dtypes=[float, float])
    with pytest.raises(UserFunctionError, match="lambda returned 1 values and not 2, for block"):
        y.compute()


# -- vectorize


def clamp(a, low, high=9):
    return low if a < low else high if a > high else a


@given(arrays(min_dims=1, max_dims=2, dtypes=["i8", "f4"]), st.data())
@settings(max_examples=30)
def test_vectorize_is_numpys(pair, data):
    last = pair[1].shape[-1]
    other = data.draw(arrays(shape=(last,), dtypes=["i8"]))
    if pair[1].size:
        kind = pair[1].dtype.char
        judge(lambda a, b: module_of(a).vectorize(clamp, otypes=kind)(a, b), pair, other, exact=True)
        judge(lambda a: module_of(a).vectorize(lambda v: (v, v > 0))(a), pair, exact=True)


def module_of(a):
    return la if isinstance(a, la.Array) else np


def test_vectorize_takes_dtypes_for_empty_arrays_and_constants_that_are_not_looped_over():
    assert_same(la.vectorize(clamp, otypes=["f4"])(la.ones((0, 3)), 1), np.empty((0, 3), "f4"))
    table = [10, 20, 30]
    pick = la.vectorize(lambda n, t: t[n], excluded={1}, otypes=[int])
    assert_same(pick(la.from_array(np.array([2, 0, 1]), chunks=2), table), np.array([30, 10, 20]))
    assert_same(la.vectorize(clamp)(la.arange(12, chunks=5), 3, high=8), np.clip(np.arange(12), 3, 8))
    dot = la.vectorize(np.dot, signature="(i),(i)->()")
    assert_same(dot(la.ones((4, 3)), np.arange(3.0)), np.full(4, 3.0))
    with pytest.raises(TypeError, match="high= is an array"):
        la.vectorize(clamp)(la.arange(3), 1, high=np.arange(3))
    with pytest.raises(ValueError, match="have no core axes"):
        dot(la.ones((4, 3)), 1)
    with pytest.raises(ValueError, match="say otypes="):
        la.vectorize(lambda a: [1, 2][a + 5])(la.arange(3))
