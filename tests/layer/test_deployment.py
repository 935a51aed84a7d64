"""What a client asks of a deployment before a run."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
from lambdarray_layer.deployment import Deployment, check_access, check_version, describe
from lambdarray_layer.package import package_version

from lambdarray.cli import make_parser
from lambdarray.errors import AccessError, DeploymentError, VersionMismatchError

from .conftest import Cloud

FOUND = Deployment(
    function="lambdarray", function_arn="arn:aws:lambda:eu-west-1:123456789012:function:lambdarray",
    region="eu-west-1", version=package_version(), arch="arm64", python="3.12", memory_mib=3538, timeout_s=900,
    ephemeral_mib=512, concurrency=None, store="s3://work/scratch", read=("s3://data/in",), write=("s3://work/out",),
    role_arn="arn:aws:iam::123456789012:role/lambdarray-eu-west-1", layers=(), state="Active",
)  # fmt: skip


def mended(error: AccessError) -> Any:
    return make_parser().parse_args(shlex.split(str(error).split("run: lambdarray ")[1]))


def test_what_was_granted_passes() -> None:
    reads = ["s3://data/in", "s3://data/in/x.zarr", "s3://work/out/c", "s3://work/scratch/x", "https://example.org/x"]
    check_access(FOUND, reads, ["s3://work/out/c.zarr", "s3://work/scratch/t"], "s3://work/scratch")


def test_a_read_outside_the_grant_is_told_with_the_command_that_mends_it() -> None:
    with pytest.raises(AccessError, match=r"may not read s3://data/other\.zarr") as caught:
        check_access(FOUND, ["s3://data/other.zarr", "s3://data/in"], [], FOUND.store)
    assert isinstance(caught.value, PermissionError)
    options = mended(caught.value)
    assert options.read == ["s3://data/in", "s3://data/other.zarr"]
    assert options.write == ["s3://work/out"]
    assert (options.store, options.arch, options.memory) == ("s3://work/scratch", "arm64", 3538)
    assert (options.python, options.region) == ("3.12", "eu-west-1")


def test_a_write_to_what_may_only_be_read_is_refused() -> None:
    with pytest.raises(AccessError, match="may not write s3://data/in/c") as caught:
        check_access(FOUND, [], ["s3://data/in/c"], FOUND.store)
    assert mended(caught.value).write == ["s3://data/in/c", "s3://work/out"]


def test_a_store_outside_the_scratch_is_refused() -> None:
    with pytest.raises(AccessError, match="keep tiles in s3://work/scratch2") as caught:
        check_access(FOUND, [], [], "s3://work/scratch2")
    assert mended(caught.value).store == "s3://work/scratch2"


@pytest.mark.parametrize("url", ["/data/a.zarr", "memory://", "file:///x"])
def test_a_place_that_no_function_sees_is_refused(url: str) -> None:
    with pytest.raises(AccessError, match="is not in S3"):
        check_access(FOUND, [url], [], FOUND.store)


def test_versions_must_agree() -> None:
    check_version(FOUND)
    with pytest.raises(VersionMismatchError, match=r"has lambdarray 0\.0\.1 .* run: lambdarray deploy"):
        check_version(replace(FOUND, version="0.0.1"))


def test_no_deployment_is_one_clear_line(cloud: Cloud) -> None:
    with pytest.raises(DeploymentError, match=r"no function named none in eu-west-1; run 'lambdarray deploy --store"):
        describe("none", cloud.session)


def test_no_credentials_is_one_clear_line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessError, match="Unable to locate credentials; run 'aws configure'"):
        describe("lambdarray", boto3.Session(region_name="eu-west-1"))


def test_no_region_is_one_clear_line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(AccessError, match="no AWS region is set; give --region"):
        describe("lambdarray", boto3.Session())
