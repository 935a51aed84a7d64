"""Tiled linear algebra from S3 to S3 through functions, and whatever attempts do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lambdarray as la

from .conftest import BUCKET, MEMORY_MIB, WORKERS, Strike
from .expressions import FACTORISATIONS, TILE

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(("name", "durable"), [(name, n % 2 > 0) for n, name in enumerate(FACTORISATIONS)])
def test_factorisations_survive_faults(name: str, durable: bool, strike: Strike, tmp_path: Path) -> None:
    array, wanted = FACTORISATIONS[name]()
    counts = strike(len(name))
    store = str(tmp_path) if durable else "memory://"
    with la.config(store=store, workers=2, task_timeout_s=1.0, progress=False):
        np.testing.assert_allclose(array.compute(), wanted, rtol=1e-10, atol=1e-10)
    assert counts["failed"] > 0


def saved(values: np.ndarray, name: str) -> Any:
    """The values as an array in the bucket, in chunks that no tile fits."""
    url = f"s3://{BUCKET}/in/{name}"
    with la.config(executor="threads", store="memory://"):  # the function may only read there
        la.from_array(values, chunks=20).to_zarr(url, overwrite=True)
    return la.open_zarr(url)


def through_s3(array: Any, name: str) -> np.ndarray:
    """What functions make of an array, by way of the bucket."""
    url = f"s3://{BUCKET}/out/{name}"
    array.to_zarr(url, overwrite=True)
    report = la.last_report()
    assert report is not None
    assert report.executor == "lambda"
    assert report.tasks > 4
    value: np.ndarray = la.open_zarr(url).compute()
    return value


def test_cholesky_and_lu_go_from_s3_to_s3(on_lambda: str, rng: np.random.Generator) -> None:
    values = rng.standard_normal((45, 45))
    a, b = saved(values @ values.T + np.eye(45), "positive"), saved(values, "general")
    factor = through_s3(la.linalg.cholesky(a, tile=TILE), "cholesky")
    np.testing.assert_allclose(factor, np.linalg.cholesky(values @ values.T + np.eye(45)), atol=1e-10)
    x = through_s3(la.linalg.solve(b, b @ np.ones((45, 2)), tile=TILE), "solution")
    np.testing.assert_allclose(x, 1, atol=1e-9)


def test_qr_goes_from_s3_to_s3_while_reports_go_astray(
    on_lambda: str, strike: Strike, rng: np.random.Generator
) -> None:
    values = rng.standard_normal((45, 45))
    q, r = la.linalg.qr(saved(values, "qr"), tile=TILE)
    strike(5)
    with la.config(workers=WORKERS, memory_mib=MEMORY_MIB, task_timeout_s=2.0):
        both = through_s3(la.concat([q, r]), "q and r")
    np.testing.assert_allclose(both[:45] @ both[45:], values, atol=1e-12)
    np.testing.assert_allclose(both[:45].T @ both[:45], np.eye(45), atol=1e-12)


def test_eigenvalues_and_singular_values_go_from_s3_to_s3(on_lambda: str, rng: np.random.Generator) -> None:
    values = rng.standard_normal((45, 45))
    symmetric = values + values.T
    w = through_s3(la.linalg.eigvalsh(saved(symmetric, "symmetric"), tile=TILE), "eigenvalues")
    np.testing.assert_allclose(w, np.linalg.eigvalsh(symmetric), atol=1e-11)
    s = through_s3(la.linalg.svdvals(saved(values, "square"), tile=TILE), "singular values")
    np.testing.assert_allclose(s, np.linalg.svd(values, compute_uv=False), atol=1e-11)
