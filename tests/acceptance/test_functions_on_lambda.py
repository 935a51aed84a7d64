"""A function of the user's own goes to Lambda as it is, and what it raises there comes back."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import UnpicklableError, UserFunctionError
from lambdarray.store import open_store

pytestmark = pytest.mark.timeout(60)


def test_a_function_runs_in_lambda_its_error_comes_back_and_one_that_cannot_be_sent_is_refused(on_lambda: str) -> None:
    offsets, lock = np.array([10, 20, 30]), threading.Lock()

    def shift(b: np.ndarray, scale: int, block_id: tuple[int, ...]) -> np.ndarray:
        return b * scale + offsets[block_id[0]]

    def fail(b: np.ndarray) -> np.ndarray:
        raise KeyError("no such band")

    def guarded(b: np.ndarray) -> np.ndarray:
        with lock:
            return b

    x = la.arange(12, chunks=4)
    y = x.map_blocks(shift, scale=3, dtype=int)
    np.testing.assert_array_equal(y.compute(), np.arange(12) * 3 + np.repeat([10, 20, 30], 4))
    with pytest.raises(UserFunctionError) as caught:
        x.map_blocks(fail, dtype=int).compute()
    assert "fail raised KeyError: 'no such band', for block (" in str(caught.value)
    assert "test_functions_on_lambda.py" in caught.value.where
    assert ", in fail" in caught.value.remote_traceback
    assert caught.value.attempts == 1
    before, keys = la.last_report(), list(open_store(on_lambda).list())
    with pytest.raises(UnpicklableError, match=r"guarded cannot be sent .* its variable 'lock' cannot be pickled"):
        x.map_blocks(guarded, dtype=int).compute()
    assert la.last_report() is before
    assert list(open_store(on_lambda).list()) == keys
