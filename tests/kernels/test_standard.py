"""The special cases of the array API standard that NumPy does not follow, as the standard lists them."""

from __future__ import annotations

import numpy as np
import pytest
from lambdarray_kernels import get
from lambdarray_kernels.standard import expm1, floor_divide, tanh

inf, nan = np.inf, np.nan

# Dividend, divisor, quotient.
QUOTIENTS = [
    (inf, 2.0, inf),
    (inf, -2.0, -inf),
    (-inf, 2.0, -inf),
    (-inf, -2.0, inf),
    (1.0, inf, 0.0),
    (1.0, -inf, -0.0),
    (-1.0, inf, -0.0),
    (-1.0, -inf, 0.0),
    (inf, inf, nan),
    (inf, -inf, nan),
    (nan, inf, nan),
    (-inf, nan, nan),
    (inf, 0.0, inf),
    (inf, -0.0, -inf),
    (0.0, -inf, -0.0),
    (-0.0, -inf, 0.0),
    (-7.0, 2.0, -4.0),
    (7.0, -2.0, -4.0),
    (-0.0, 2.0, -0.0),
    (1.0, 0.0, inf),
]
# Of a complex number its parts, and those of the result; None where the standard leaves the sign open.
EXPONENTIALS = [
    ((0.0, 0.0), (0.0, 0.0)),
    ((-0.0, 0.0), (0.0, 0.0)),
    ((-0.0, -0.0), (0.0, -0.0)),
    ((1.0, inf), (nan, nan)),
    ((1.0, nan), (nan, nan)),
    ((inf, 0.0), (inf, 0.0)),
    ((inf, -0.0), (inf, -0.0)),
    ((-inf, 1.0), (-1.0, 0.0)),
    ((-inf, -1.0), (-1.0, -0.0)),
    ((inf, 1.0), (inf, inf)),
    ((inf, 2.0), (-inf, inf)),
    ((-inf, inf), (-1.0, None)),
    ((inf, inf), (None, nan)),
    ((-inf, nan), (-1.0, None)),
    ((inf, nan), (None, nan)),
    ((nan, 0.0), (nan, 0.0)),
    ((nan, 1.0), (nan, nan)),
    ((nan, nan), (nan, nan)),
]


HYPERBOLIC = [
    ((inf, 1.0), (1.0, 0.0)),
    ((inf, 2.0), (1.0, 0.0)),
    ((inf, -2.0), (1.0, -0.0)),
    ((inf, 0.0), (1.0, 0.0)),
    ((-inf, 2.0), (-1.0, 0.0)),
    ((-inf, -0.0), (-1.0, -0.0)),
    ((inf, inf), (1.0, None)),
    ((inf, nan), (1.0, None)),
    ((0.0, inf), (0.0, nan)),
    ((1.0, nan), (nan, nan)),
    ((nan, 0.0), (nan, 0.0)),
    ((nan, 1.0), (nan, nan)),
    ((0.0, 0.0), (0.0, 0.0)),
]


def same(value: float, expected: float) -> bool:
    return (np.isnan(expected) and np.isnan(value)) or (value == expected and np.signbit(value) == np.signbit(expected))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g"])
@pytest.mark.parametrize(("x", "y", "quotient"), QUOTIENTS)
def test_floor_divide_has_the_standards_special_values(dtype, x, y, quotient):
    out = np.empty(1, dtype)
    with np.errstate(all="ignore"):
        floor_divide(np.array([x], dtype), np.array([y], dtype), out=out)
    assert same(out[0], quotient)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize(
    ("function", "parts", "expected"),
    [*((expm1, *case) for case in EXPONENTIALS), *((tanh, *case) for case in HYPERBOLIC)],
)
def test_complex_functions_have_the_standards_special_values(dtype, function, parts, expected):
    x, out = np.empty(1, dtype), np.empty(1, dtype)
    x.real, x.imag = parts
    with np.errstate(all="ignore"):
        function(x, out=out)
    for part, value, unsigned in ((out[0].real, expected[0], inf), (out[0].imag, expected[1], 0.0)):
        assert abs(part) == unsigned if value is None else same(part, value)


def test_a_divisor_may_be_one_number_for_the_whole_block():
    x, out = np.array([[1.0, -inf], [nan, 5.0]]), np.empty((2, 2))
    with np.errstate(all="ignore"):
        floor_divide(x, np.float64(2), out=out)
    np.testing.assert_array_equal(out, [[0.0, -inf], [nan, 2.0]])


def test_integers_and_real_numbers_are_numpys():
    x, y = np.array([7, -7, 3]), np.array([2, 2, -5])
    code = [["floor_divide", [0, 1], ["<i8", "<i8"], ["<i8"]]]
    found = get("map").fn(x, y, code=code, outputs=[[2, None]], block=[(0, 3)], shape=[3])
    np.testing.assert_array_equal(found, x // y)
    z = np.array([-0.0, inf, -inf, 1e-300])
    code = [["expm1", [0], ["<f8"], ["<f8"]]]
    found = get("map").fn(z, code=code, outputs=[[1, None]], block=[(0, 4)], shape=[4])
    np.testing.assert_array_equal(found, np.expm1(z))
