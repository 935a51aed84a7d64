"""In a real function: what its warm environment has read for one task is not fetched again for another."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la
from lambdarray.api import compute
from lambdarray.config import get_config
from lambdarray.runtime.launch import Launch

pytestmark = pytest.mark.timeout(120)
SIDE, CHUNK = 512, 128


def test_a_product_fetches_each_tile_once_for_a_function_and_less_than_was_predicted(on_lambda: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((SIDE, SIDE)), rng.random((SIDE, SIDE))
    product = la.from_array(x, chunks=CHUNK) @ la.from_array(y, chunks=CHUNK)
    with la.config(workers=16):
        plan, objects = compute.make([product._op], get_config())
    with la.config(workers=1):
        launch = Launch(plan, objects, get_config())
    report = launch.execute()
    assert launch.plan.programs[-1].grid == (4, 4)
    predicted = sum(e.bytes_read * p.task_count for p, e in zip(plan.programs, plan.estimates, strict=True))
    assert predicted == 4 * (x.nbytes + y.nbytes)
    assert report.bytes_read == x.nbytes + y.nbytes
    assert report.statistics["bundles"] > 1
    spans = [(0, SIDE), (0, SIDE)]
    np.testing.assert_allclose(launch.array(plan.outputs[0]).read(spans), x @ y)
    launch.forget()
