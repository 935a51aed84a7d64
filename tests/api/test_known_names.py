"""Names that are here for hands that know them from NumPy and Dask."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la


def test_array_has_at_least_so_many_axes_and_a_memory_of_its_own():
    n = np.arange(3.0)
    x = la.array(n, ndmin=2)
    n[:] = 7
    np.testing.assert_array_equal(x.compute(), [[0, 1, 2]])
    assert la.array(x, dtype="f4").dtype == np.float32
    assert la.asanyarray([1, 2]).shape == la.shape([1, 2]) == (2,)
    assert la.ndim(x) == 2


@pytest.mark.parametrize("values", [[1.0, np.nan], [1, 2], np.array(["NaT", "2020-01-01"], "M8[D]"), [True, False]])
def test_what_is_null_is_nan_or_nat(values):
    n = np.asarray(values)
    expected = np.isnat(n) if n.dtype.kind == "M" else n != n
    np.testing.assert_array_equal(la.isnull(n).compute(), expected)
    np.testing.assert_array_equal(la.notnull(n).compute(), ~expected)


def test_around_is_round():
    n = np.array([1.25, 2.5, -0.5])
    np.testing.assert_array_equal(np.around(la.asarray(n), 1).compute(), np.around(n, 1))
