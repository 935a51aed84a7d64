"""Tiled linear algebra from a store to the caller through Lambda, and what a task finds in a matrix."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import TaskError

pytestmark = pytest.mark.timeout(120)


def test_a_system_is_solved_and_what_is_not_positive_definite_is_a_linalgerror(on_lambda: str) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((20, 20)), rng.standard_normal(20)
    a = a @ a.T + 20 * np.eye(20)
    x = la.linalg.solve(la.from_array(a, chunks=10), b, assume_a="pos", tile=10).compute()
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=1e-12)
    a[15, 15] = -1
    with pytest.raises(np.linalg.LinAlgError, match="16-th leading minor of the array is not positive") as caught:
        la.linalg.cholesky(la.from_array(a, chunks=10), tile=10).compute()
    assert isinstance(caught.value, TaskError)
    assert caught.value.attempts == 1
