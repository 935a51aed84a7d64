"""The doctor finds what is wrong, and says how to mend it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from lambdarray_layer import doctor as doctor_module
from lambdarray_layer.aws import Account
from lambdarray_layer.checks import Check, ok
from lambdarray_layer.deploy import deploy, role_name
from lambdarray_layer.deployment import Deployment, describe
from lambdarray_layer.doctor import as_json, as_text, doctor
from lambdarray_layer.lifecycle import without_rules
from lambdarray_layer.policy import log_group, role_policy
from lambdarray_layer.probe import round_trip
from lambdarray_layer.target import Target

from .conftest import REGION, Cloud


@pytest.fixture
def deployed(cloud: Cloud, target: Target, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A deployment on a control plane that runs no functions."""

    def answers(account: Account, deployment: Deployment) -> Iterator[Check]:
        yield ok("invoke", "answered")

    monkeypatch.setattr(doctor_module, "round_trip", answers)
    deploy(cloud.account(), target)
    return target


def failed(cloud: Cloud, target: Target, store: str = "") -> list[Check]:
    return [check for check in doctor(cloud.account(), target.function, store) if not check.ok]


def test_a_fresh_deployment_has_nothing_wrong(cloud: Cloud, deployed: Target) -> None:
    checks = doctor(cloud.account(), deployed.function, str(deployed.store))
    assert [check for check in checks if not check.ok] == []
    looked_at = {check.what for check in checks}
    assert looked_at >= {
        "credentials", "region", "quota", "function", "version", "layer", "memory", "role", "bucket", "lifecycle",
        "invoke", "blas", "package",
    }  # fmt: skip


def test_the_doctor_changes_nothing(cloud: Cloud, deployed: Target) -> None:
    cloud.calls.clear()
    doctor(cloud.account(), deployed.function)
    assert cloud.changing_calls == []


def test_no_deployment_is_told_with_the_command(cloud: Cloud) -> None:
    (check,) = failed(cloud, Target(store=_store(), function="nobody"))
    assert check.what == "function"
    assert "lambdarray deploy --store" in check.found


def test_a_new_accounts_quota_is_advice_and_no_failure(cloud: Cloud, deployed: Target) -> None:
    cloud.quota = 10
    (check,) = [check for check in doctor(cloud.account(), deployed.function) if check.what == "quota"]
    assert check.ok
    assert check.found.startswith("10 concurrent executions")
    assert "request-service-quota-increase" in check.mend


def test_no_credentials_end_the_visit_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    cloud.session = boto3.Session(region_name=REGION)
    (check,) = failed(cloud, Target(store=_store()))
    assert check.what == "credentials"
    assert "aws configure" in check.found


def test_another_version_is_told(cloud: Cloud, deployed: Target) -> None:
    lambda_ = cloud.client("lambda")
    now = lambda_.get_function_configuration(FunctionName=deployed.function)["Environment"]["Variables"]
    now["LAMBDARRAY_VERSION"] = "0.0.1+old"
    lambda_.update_function_configuration(FunctionName=deployed.function, Environment={"Variables": now})
    (check,) = failed(cloud, deployed)
    assert check.what == "version"
    assert "0.0.1+old" in check.found
    assert "run: lambdarray deploy" in check.found


def test_a_changed_policy_is_told(cloud: Cloud, deployed: Target) -> None:
    wider = role_policy(replace(deployed, reads=(replace(deployed.store, prefix=""),)), REGION, "123456789012")
    name, document = role_name(deployed.function, REGION), json.dumps(wider)
    cloud.client("iam").put_role_policy(RoleName=name, PolicyName="lambdarray", PolicyDocument=document)
    (check,) = failed(cloud, deployed)
    assert check.what == "role"
    assert check.mend.startswith("run: lambdarray deploy")


def test_a_missing_lifecycle_rule_is_told(cloud: Cloud, deployed: Target) -> None:
    s3, bucket = cloud.client("s3"), deployed.store.bucket
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert without_rules(rules, deployed.function, REGION) == []
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert [check.what for check in failed(cloud, deployed)] == ["lifecycle"]


def test_a_missing_log_group_is_told(cloud: Cloud, deployed: Target) -> None:
    cloud.client("logs").delete_log_group(logGroupName=log_group(deployed.function))
    assert [check.what for check in failed(cloud, deployed)] == ["log"]


def test_a_store_outside_the_scratch_is_told(cloud: Cloud, deployed: Target) -> None:
    (check,) = failed(cloud, deployed, f"s3://{deployed.store.bucket}/elsewhere")
    assert check.what == "store"


def test_one_line_a_check_and_the_same_as_json() -> None:
    checks = [ok("region", "eu-west-1"), Check(False, "role", "differs", "run: lambdarray deploy")]
    lines = as_text(checks).splitlines()
    assert lines[0].split() == ["ok", "region", "eu-west-1"]
    assert lines[1].split() == ["FAIL", "role", "differs"]
    assert lines[2].strip() == "run: lambdarray deploy"
    assert [item["ok"] for item in json.loads(as_json(checks))] == [True, False]


class Answering:
    """An account whose function answers what it is told to."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer

    def read(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        assert (service, operation, params["Payload"]) == ("lambda", "invoke", b'{"ping": true}')
        return {**self.answer, "Payload": io.BytesIO(json.dumps(self.answer["Payload"]).encode())}


@pytest.mark.parametrize(
    ("answer", "wrong", "told"),
    [
        ({"Payload": {"version": "1", "cores": 2, "python": "3.12.1", "store": "ok"}}, 0, "python 3.12.1, cores 2"),
        ({"Payload": {"version": "2"}}, 1, "it runs lambdarray 2, not 1"),
        ({"Payload": {"version": "1", "store_error": "403 AccessDenied"}}, 1, "403 AccessDenied"),
        ({"Payload": ["hello"]}, 1, "not lambdarray's"),
        (
            {"Payload": {"errorType": "Runtime.ExitError", "errorMessage": "exit"}, "FunctionError": "Unhandled"},
            1,
            "Runtime.ExitError: exit",
        ),
    ],
)
def test_the_functions_answer_is_judged(answer: dict[str, Any], wrong: int, told: str) -> None:
    deployment = Deployment(
        function="f", function_arn="arn", region=REGION, version="1", arch="x86_64", python="3.12", memory_mib=1769,
        timeout_s=900, ephemeral_mib=512, concurrency=None, store="s3://work/scratch", read=(), write=(),
        role_arn="", layers=(), state="Active",
    )  # fmt: skip
    checks = list(round_trip(Answering(**answer), deployment))  # type: ignore[arg-type]
    assert sum(not check.ok for check in checks) == wrong
    assert any(told in check.found for check in checks)


def test_less_memory_than_a_core_is_advice_and_no_failure(cloud: Cloud, deployed: Target) -> None:
    small = replace(deployed, memory_mib=512)
    deploy(cloud.account(), small)
    checks = {check.what: check for check in doctor(cloud.account(), small.function)}
    assert checks["memory"].ok
    assert "--memory 1769" in checks["memory"].mend
    assert describe(small.function, cloud.session).memory_mib == 512


def _store() -> Any:
    from lambdarray_layer.prefixes import S3Prefix

    return S3Prefix("bucket", "scratch")
