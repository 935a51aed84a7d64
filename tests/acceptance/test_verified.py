"""Results check themselves where functions compute them, from S3 to S3, and under injected faults."""

from __future__ import annotations

import numpy as np
import pytest

import lambdarray as la
from lambdarray.algorithms.checks import freivalds
from lambdarray.errors import VerificationError
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.launch import Launch

from .conftest import BUCKET, MEMORY_MIB

pytestmark = pytest.mark.timeout(120)


def pair() -> tuple[la.Array, np.ndarray]:
    values = np.random.default_rng(0).standard_normal((48, 48))
    return la.from_array(values, chunks=16), values


def test_functions_verify_products_and_factors_and_find_a_wrong_one(on_lambda: str) -> None:
    x, a = pair()
    with la.config(memory_mib=MEMORY_MIB, verify=True):
        la.linalg.matmul(x, x).to_zarr(f"s3://{BUCKET}/out/verified.zarr", overwrite=True)
        np.testing.assert_allclose(la.open_zarr(f"s3://{BUCKET}/out/verified.zarr").compute(), a @ a)
        q, r = la.compute(*la.linalg.qr(x, tile=16))
        np.testing.assert_allclose(q @ r, a, atol=1e-12)
        wrong = a @ a
        wrong[7, 40] += 1e-6
        claim = freivalds(x, x, la.from_array(wrong, chunks=16))
        with pytest.raises(VerificationError, match=r"product of \(48, 48\) by \(48, 48\) is wrong.*row 7") as caught:
            claim.compute()
    assert "test_verified.py" in caught.value.where


def test_attempts_that_fail_report_twice_or_never_are_no_wrong_results(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FlakyExecutor] = []
    inner = Launch._executor

    def flaky(launch: Launch) -> FlakyExecutor:
        made.append(FlakyExecutor(inner(launch), 3, Faults(fail=0.2, lost=0.05, twice=0.1)))
        return made[-1]

    monkeypatch.setattr(Launch, "_executor", flaky)
    x, a = pair()
    with la.config(verify=True, workers=2, task_timeout_s=0.5, progress=False):
        np.testing.assert_allclose((x.T @ x).compute(), a.T @ a)
        found = la.linalg.solve(x, x[:, 0], tile=16).compute()
    np.testing.assert_allclose(found, np.eye(48)[0], atol=1e-10)
    assert sum(executor.counts["failed"] for executor in made) > 0
