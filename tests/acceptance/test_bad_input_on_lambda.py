"""What keeps a run in Lambda from being is said in one line, with what mends it, before any task runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lambdarray_layer import deployment

import lambdarray as la
from lambdarray import cli
from lambdarray.cloud import LocalCloud
from lambdarray.errors import (
    AccessError,
    ConfigError,
    DeploymentError,
    LambdarrayError,
    StoreError,
    VersionMismatchError,
)
from lambdarray.runtime.executors import aws_lambda
from lambdarray.store import open_store

from .conftest import ARCH, BUCKET, DEPLOY, connect

pytestmark = pytest.mark.timeout(30)
DEPLOYED = f"lambdarray deploy --store s3://{BUCKET}/scratch --read s3://{BUCKET}/in"


@pytest.fixture
def x() -> Any:
    return la.ones((8, 8), chunks=4) + 1


def refusal(kind: type[LambdarrayError], run: Callable[[], object], **settings: Any) -> str:
    """The message with which a run is refused: one line, and no task was started."""
    before = la.last_report()
    with la.config(**settings), pytest.raises(kind) as caught:
        run()
    assert type(caught.value) is kind
    assert la.last_report() is before
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


def test_no_function_of_that_name_says_how_to_deploy_it(on_lambda: str, x: Any) -> None:
    text = refusal(DeploymentError, x.compute, function="nowhere")
    assert "no function named nowhere in us-east-1" in text
    assert "run 'lambdarray deploy --store s3://bucket/scratch --region us-east-1 --function nowhere'" in text


def test_a_function_that_is_not_ours_is_not_run(on_lambda: str, x: Any, account: LocalCloud) -> None:
    client = connect(account, "lambda")
    code = client.get_function(FunctionName="lambdarray")["Configuration"]
    made = {"Role": code["Role"], "Handler": "a.b", "Runtime": code["Runtime"], "Code": {"ZipFile": EMPTY_ZIP}}
    client.create_function(FunctionName="stranger", **made)
    assert "was not made by 'lambdarray deploy'" in refusal(DeploymentError, x.compute, function="stranger")
    client.delete_function(FunctionName="stranger")


EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def test_another_version_is_refused_with_the_deploy_that_mends_it(
    on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "package_version", lambda: "9.9.9")
    text = refusal(VersionMismatchError, x.compute)
    assert "this client 9.9.9" in text
    assert f"run: {DEPLOYED}" in text


def test_a_function_that_was_changed_during_the_run_says_so_itself(
    on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws_lambda, "client_version", lambda: "9.9.9")
    text = refusal(VersionMismatchError, x.compute)
    assert "this client is 9.9.9" in text
    assert "run: lambdarray deploy --store" in text


@pytest.mark.parametrize("place", [f"s3://{BUCKET}/elsewhere", "s3://nobodys-bucket/scratch"])
def test_scratch_outside_the_grant_is_refused_with_the_deploy_that_grants_it(
    place: str, on_lambda: str, x: Any
) -> None:
    text = refusal(AccessError, x.compute, store=place)
    assert f"may not keep tiles in {place}" in text
    assert f"run: lambdarray deploy --store {place} --read s3://{BUCKET}/in" in text


def test_a_read_outside_the_grant_is_refused_with_the_deploy_that_grants_it(on_lambda: str, x: Any) -> None:
    secret = f"s3://{BUCKET}/secret/x.zarr"
    with la.config(executor="threads"):
        x.to_zarr(secret, overwrite=True)
    text = refusal(AccessError, (la.open_zarr(secret) + 1).compute)
    assert f"may not read {secret}" in text
    assert f"run: {DEPLOYED} --read {secret} --write s3://{BUCKET}/out" in text


def test_a_write_outside_the_grant_is_refused_and_nothing_is_written(on_lambda: str, x: Any) -> None:
    target = f"s3://{BUCKET}/elsewhere/x.zarr"
    text = refusal(AccessError, lambda: x.to_zarr(target))
    assert f"may not write {target}" in text
    assert f"run: {DEPLOYED} --write" in text
    assert f"--write {target} " in text
    assert list(open_store(target).list()) == []


def test_what_the_grant_covers_is_read_and_written(on_lambda: str, x: Any) -> None:
    source, target = f"s3://{BUCKET}/in/x.zarr", f"s3://{BUCKET}/out/granted.zarr"
    with la.config(executor="threads"):
        x.to_zarr(source)
    (la.open_zarr(source) * 2).to_zarr(target)
    np.testing.assert_array_equal(la.open_zarr(target).compute(), np.full((8, 8), 4.0))


def test_the_command_in_the_message_mends_it(account: LocalCloud, x: Any) -> None:
    store, source = f"s3://{BUCKET}/narrow", f"s3://{BUCKET}/in/again.zarr"
    assert cli.main(["deploy", "--arch", ARCH, "--store", store, "--function", "narrow", "--yes"]) == 0
    x.to_zarr(source)
    narrow = {"executor": "lambda", "function": "narrow", "store": store, "workers": 1}
    text = refusal(AccessError, (la.open_zarr(source) + 1).compute, **narrow)
    command = shlex.split(text.partition("run: ")[2])
    assert cli.main([*command[1:], "--yes"]) == 0
    with la.config(**narrow):
        assert (la.open_zarr(source) + 1).sum().compute() == 192
    assert cli.main(["destroy", "--function", "narrow", "--yes"]) == 0


def test_a_zarr_array_on_this_machine_is_refused(on_lambda: str, x: Any, tmp_path: Path) -> None:
    with la.config(executor="threads"):
        x.to_zarr(str(tmp_path / "x.zarr"))
    text = refusal(AccessError, (la.open_zarr(str(tmp_path / "x.zarr")) + 1).compute)
    assert "is not in S3" in text
    assert "copy it to S3 or use executor='threads'" in text


def test_a_target_on_this_machine_is_refused(on_lambda: str, x: Any, tmp_path: Path) -> None:
    text = refusal(ConfigError, lambda: x.to_zarr(str(tmp_path / "x.zarr")))
    assert "with executor='lambda' save to an s3:// URL" in text


@pytest.mark.parametrize("directory", [False, True])
def test_an_array_persisted_on_this_machine_is_refused(directory: bool, on_lambda: str, x: Any, tmp_path: Path) -> None:
    with la.config(executor="threads", store=str(tmp_path) if directory else "memory://"):
        kept = x.persist()
    text = refusal(AccessError if directory else ConfigError, (kept + 1).compute)
    assert ("copy it to S3" if directory else "persist it under executor='lambda'") in text
    assert "executor='threads'" in text


def test_an_array_persisted_by_functions_is_read_by_functions_and_here(on_lambda: str, x: Any) -> None:
    kept = x.persist()
    assert (kept + 1).sum().compute() == 192
    with la.config(executor="threads"):
        assert (kept + 1).sum().compute() == 192


def test_a_store_in_memory_is_no_store_for_functions(on_lambda: str, x: Any) -> None:
    assert "needs a store that functions reach" in refusal(ConfigError, lambda: la.config(store="memory://"))


def test_more_memory_than_the_function_has_is_refused(on_lambda: str, x: Any) -> None:
    text = refusal(ConfigError, x.compute, memory_mib=4000)
    assert "has 1769 MiB" in text
    assert "lambdarray deploy ... --memory 4000" in text


@pytest.mark.parametrize("executor", ["lambda", "threads"])
def test_no_credentials_says_where_to_get_them(
    executor: str, on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert "aws configure" in refusal(AccessError, x.compute, executor=executor)


def test_no_region_says_how_to_set_it(on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert "set AWS_REGION" in refusal(AccessError, x.compute)


def test_an_endpoint_where_nobody_answers_is_given_up(on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
    assert "check the network, the region and any AWS_ENDPOINT_URL" in refusal(StoreError, x.compute)


def test_an_s3_where_nobody_answers_is_given_up(on_lambda: str, x: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert "no answer from S3 at http://127.0.0.1:9" in refusal(StoreError, x.compute)


def test_a_bucket_that_is_gone_is_said_to_be_gone(x: Any, account: LocalCloud) -> None:
    s3 = connect(account, "s3")
    s3.create_bucket(Bucket="short-lived")
    deploy = [("s3://short-lived/scratch" if word.endswith("/scratch") else word) for word in DEPLOY]
    assert cli.main([*deploy, "--function", "homeless"]) == 0
    s3.delete_bucket(Bucket="short-lived")
    settings = {"executor": "lambda", "function": "homeless", "store": "s3://short-lived/scratch"}
    assert "there is no bucket 'short-lived'" in refusal(StoreError, x.compute, **settings)
    assert "there is no bucket 'short-lived'" in refusal(StoreError, x.compute, **{**settings, "executor": "threads"})
    assert cli.main(["destroy", "--function", "homeless", "--yes"]) == 0


def test_a_missing_bucket_of_a_source_or_target_is_said_on_the_users_line(account: LocalCloud, x: Any) -> None:
    assert "there is no bucket" in refusal(StoreError, lambda: la.open_zarr("s3://nobodys-bucket/x.zarr"))
    assert "there is no bucket" in refusal(StoreError, lambda: x.to_zarr("s3://nobodys-bucket/x.zarr"))
