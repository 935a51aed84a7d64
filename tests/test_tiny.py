"""The whole product in seconds: an expression, its plan, threads, stores, errors, the handler, the policy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lambdarray as la
from lambdarray.errors import TaskError


def test_an_expression_computes_to_what_numpy_computes(rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((30, 20)), rng.standard_normal((20, 10))
    x, y = la.from_array(a, chunks=(8, 7)), la.from_array(b, chunks=(7, 4))
    np.testing.assert_allclose(((x @ y) * 2 + 1).mean(axis=0).compute(), ((a @ b) * 2 + 1).mean(axis=0), rtol=1e-12)


def test_elementwise_results_are_numpys_bit_for_bit(rng: np.random.Generator) -> None:
    a = rng.standard_normal((40, 30))
    x = la.from_array(a, chunks=16)
    np.testing.assert_array_equal((np.sin(x) * 2 + x**2).T[::-2, 3:].compute(), (np.sin(a) * 2 + a**2).T[::-2, 3:])


def test_two_results_share_a_run(rng: np.random.Generator) -> None:
    a = rng.standard_normal((40, 30))
    x = la.from_array(a, chunks=16)
    low, high = la.compute(x.min(), x.max())
    assert (low, high) == (a.min(), a.max())
    assert la.last_report() is not None


def test_a_plan_counts_its_tasks_before_anything_runs() -> None:
    x = la.ones((40, 40), chunks=10) + 1
    assert la.plan(x).task_count == 16
    assert "16" in str(la.explain(x))


def test_random_values_do_not_depend_on_chunks() -> None:
    whole = la.random.default_rng(7).standard_normal((50, 40), chunks=(50, 40)).compute()
    tiled = la.random.default_rng(7).standard_normal((50, 40), chunks=(11, 13)).compute()
    np.testing.assert_array_equal(whole, tiled)


def test_an_array_survives_a_round_trip_through_zarr(tmp_path: Path, rng: np.random.Generator) -> None:
    a = rng.standard_normal((25, 35))
    la.from_array(a, chunks=(10, 20)).to_zarr(str(tmp_path / "a.zarr"))
    again = la.open_zarr(str(tmp_path / "a.zarr"))
    assert again.chunks == ((10, 10, 5), (20, 15))
    np.testing.assert_array_equal(again.compute(), a)


def test_a_directory_store_gives_the_same_result(tmp_path: Path) -> None:
    # Whole numbers: their products are exact, whatever blocks the planner chooses where tiles go through a store.
    x = la.random.default_rng(0).integers(-9, 9, size=(60, 60), chunks=20).astype(float)
    product = x @ x.T
    with la.config(store=str(tmp_path / "scratch")):
        through_files = product.compute()
    np.testing.assert_array_equal(through_files, product.compute())


def test_a_wrong_shape_is_refused_on_the_users_own_line() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\).*\(5, 6\)|matmul"):
        la.ones((3, 4)) @ la.ones((5, 6))


class Broken:
    """A source whose second half cannot be read."""

    shape, dtype, ndim = (20,), np.dtype(float), 1

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        (rows,) = key if isinstance(key, tuple) else (key,)
        if rows.stop > 10:
            raise OSError("the disk is gone")
        return np.ones(20)[rows]


def test_a_task_that_fails_says_which_and_why() -> None:
    with la.config(retries=0), pytest.raises(TaskError, match="the disk is gone") as failed:
        la.from_array(Broken(), chunks=10).sum(keepdims=True).compute()
    assert "test_tiny.py" in str(failed.value)


def test_the_functions_handler_runs_a_bundle_on_a_directory_store(tmp_path: Path) -> None:
    from lambdarray.runtime import handler
    from lambdarray.store import open_array, open_store

    x = la.arange(100, chunks=30) * 2 + 1
    with la.config(store=str(tmp_path)):
        plan = la.plan(x)
    event = {
        "version": handler.version(),
        "store": str(tmp_path),
        "run": plan.key,
        "deadline_s": 60,
        "programs": {p.name: p.to_json() for p in plan.programs},
        "attempts": [[p.name, p.task(i).to_json(), i, 0] for p in plan.programs for i in range(p.task_count)],
    }
    answer = handler.run_bundle(json.loads(json.dumps(event)), lambda: 60.0)
    assert [report.get("status", "done") for report in answer["reports"]] == ["done"] * 4
    result = open_array(plan.arrays[plan.outputs[0]], open_store(str(tmp_path)))
    np.testing.assert_array_equal(result.read([(0, 100)]), np.arange(100) * 2 + 1)


def test_a_deployment_grants_its_prefixes_and_its_logs_and_nothing_else() -> None:
    from lambdarray_layer.policy import role_policy
    from lambdarray_layer.prefixes import S3Prefix
    from lambdarray_layer.target import Target

    target = Target(S3Prefix("b", "scratch"), reads=(S3Prefix("data", "in"),), writes=(S3Prefix("b", "out"),))
    granted = {
        (a, r) for s in role_policy(target, "eu-west-1", "1")["Statement"] for a in s["Action"] for r in s["Resource"]
    }
    objects = {(a.partition(":")[2], r.rpartition(":::")[2]) for a, r in granted if "Object" in a}
    assert objects == {
        ("GetObject", "b/out/*"),
        ("GetObject", "b/scratch/*"),
        ("GetObject", "data/in/*"),
        ("PutObject", "b/out/*"),
        ("PutObject", "b/scratch/*"),
    }
    others = {a for a, _ in granted if "Object" not in a}
    assert others == {"s3:ListBucket", "logs:CreateLogStream", "logs:PutLogEvents"}
