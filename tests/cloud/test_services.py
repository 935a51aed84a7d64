from __future__ import annotations

from typing import Any

import pytest

from lambdarray.cloud import LocalCloud
from lambdarray.cloud.local import LocalCloudError


def test_the_services_that_deploying_needs_answer(account: Any, connect: Any) -> None:
    assert connect(account.cloud, "sts").get_caller_identity()["Account"] == "123456789012"
    assert connect(account.cloud, "iam").list_roles()["Roles"] == []
    assert connect(account.cloud, "s3").list_buckets()["Buckets"][0]["Name"] == "code"


def test_every_address_is_on_the_loopback(account: Any) -> None:
    addresses = [value for name, value in account.cloud.environ.items() if "ENDPOINT_URL" in name and value != "false"]
    assert len(addresses) >= 6
    assert all(address.startswith("http://127.0.0.1:") for address in addresses)


def test_another_s3_server_is_used_for_s3_and_for_nothing_else(account: Any, connect: Any) -> None:
    other = account.cloud.environ["AWS_ENDPOINT_URL_S3"]
    with LocalCloud(s3=other, bucket="shared", region="eu-west-1") as cloud:
        assert cloud.environ["AWS_ENDPOINT_URL_S3"] == other
        assert cloud.environ["AWS_ENDPOINT_URL_IAM"] != other
        assert cloud.environ["AWS_REGION"] == "eu-west-1"
        connect(cloud, "s3").put_object(Bucket="shared", Key="a", Body=b"b")
    stored = connect(account.cloud, "s3").get_object(Bucket="shared", Key="a")
    with stored["Body"] as body:
        assert body.read() == b"b"


def test_another_s3_server_gets_the_users_own_keys(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "my-secret")
    with LocalCloud(s3=account.cloud.environ["AWS_ENDPOINT_URL_S3"], bucket=None) as cloud:
        assert cloud.environ["AWS_ACCESS_KEY_ID"] == "mine"
        assert "AWS_SESSION_TOKEN" not in cloud.environ


def test_an_s3_server_that_does_not_answer_is_one_clear_error() -> None:
    with pytest.raises(LocalCloudError, match=r"the bucket lambdarray-local cannot be made at http://127\.0\.0\.1:1"):
        LocalCloud(s3="http://127.0.0.1:1").start()
