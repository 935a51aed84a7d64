"""What one worker does alone, general eigenvalues and functions of matrices, has a limit that is told beforehand."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import numpy as np
import pytest
from lambdarray_kernels import get

import lambdarray as la
from lambdarray.errors import MemoryLimitError

ALONE = ("eig", "eigvals", "expm", "sqrtm", "logm")


def arrays_of(made: Any) -> tuple[la.Array, ...]:
    return made if isinstance(made, tuple) else (made,)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_beyond_the_limit_it_is_refused_when_it_is_planned_and_within_it_is_not(name: str, dtype: str) -> None:
    function = getattr(la.linalg, name)
    x = la.ones((20_000, 20_000), dtype, chunks=2000) + 1
    with la.config(memory_mib=1024), pytest.raises(MemoryLimitError) as caught:
        la.plan(*arrays_of(function(x)))
    told = str(caught.value)
    assert re.match(
        rf"{name} of \(20000, 20000\) is one task's work: it needs \d+ MiB, and a worker has 1024 MiB", told
    )
    assert "test_one_worker.py" in told
    largest, memory = re.search(r"about \((\d+), \1\).*memory_mib=(\d+)\)", told).groups()  # type: ignore[union-attr]
    with la.config(memory_mib=1024):
        la.plan(*arrays_of(function(x[: int(largest), : int(largest)])))
    with la.config(memory_mib=int(memory)):
        la.plan(*arrays_of(function(x)))
    with la.config(memory_mib=1024), pytest.raises(MemoryError):
        arrays_of(function(x))[0].compute()


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_it_takes_no_more_memory_than_was_planned(name: str, dtype: str) -> None:
    n = 160
    values = (np.random.default_rng(0).standard_normal((n, n)) / n + 2 * np.eye(n)).astype(dtype)
    plan = la.plan(*arrays_of(getattr(la.linalg, name)(la.from_array(values))))
    (step,) = plan.programs[-1].steps
    get(name).fn(values[:4, :4], **step.params)  # what is loaded at the first call does not count
    tracemalloc.start()
    get(name).fn(values, **step.params)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.nbytes + peak <= 1.02 * plan.estimates[-1].peak_bytes


@pytest.mark.parametrize("name", [*ALONE, "inv", "eigh", "cholesky", "qr", "svd", "det"])
def test_batches_are_mapped_over_tiles(name: str) -> None:
    values = np.random.default_rng(0).standard_normal((12, 3, 40, 40)) / 40 + 2 * np.eye(40)
    values = values @ values.swapaxes(-1, -2)
    function = getattr(la.linalg, name)
    made = arrays_of(function(la.from_array(np.tile(values, (8, 8, 1, 1)), chunks=(24, 6, 40, 40))))
    plan = la.plan(*made)
    assert plan.task_count >= 16
    alone = arrays_of(function(la.from_array(values[5, 2])))
    for batch, one in zip(made, alone, strict=True):
        np.testing.assert_allclose(batch[5, 2].compute(), one.compute(), rtol=1e-9, atol=1e-9)
