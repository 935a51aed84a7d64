"""Deploying, twice and again; nothing is changed that need not be, and nothing of the user's."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lambdarray_layer import deploy as deploy_module
from lambdarray_layer import functions
from lambdarray_layer.aws import clear_error
from lambdarray_layer.deploy import deploy, role_name
from lambdarray_layer.deployment import describe
from lambdarray_layer.package import package_version
from lambdarray_layer.policy import role_policy
from lambdarray_layer.prefixes import S3Prefix
from lambdarray_layer.target import Target

from lambdarray.errors import AccessError, ConfigError, DeploymentError, StoreError

from .conftest import REGION, Cloud


def test_deploy_makes_a_function_that_describe_reads_back(cloud: Cloud, target: Target) -> None:
    arn = deploy(cloud.account(), target)
    found = describe(target.function, cloud.session)
    assert found.function_arn == arn
    assert found.version == package_version()
    assert found.target() == target


def test_deploying_twice_makes_no_changing_call(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    assert cloud.changing_calls
    cloud.calls.clear()
    account = cloud.account()
    deploy(account, target)
    assert cloud.changing_calls == []
    assert account.changes == []


def test_a_dry_run_makes_no_changing_call_and_prints_the_policy_and_every_call(cloud: Cloud, target: Target) -> None:
    planned = cloud.account(dry_run=True)
    deploy(planned, target)
    assert cloud.changing_calls == []
    text = "\n".join(cloud.said)
    policy = role_policy(target, REGION, planned.account_id())
    assert json.dumps(policy, indent=2) in text
    assert all(f"{name}(" in text for name in planned.changes)
    done = cloud.account()
    deploy(done, target)
    assert done.changes == planned.changes


def test_only_what_differs_is_updated(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    for changed, calls in (
        (replace(target, memory_mib=3538), ["lambda.update_function_configuration"]),
        (replace(target, memory_mib=3538, concurrency=5), ["lambda.put_function_concurrency"]),
        (
            replace(target, memory_mib=3538, concurrency=5, reads=()),
            ["iam.put_role_policy", "lambda.update_function_configuration"],
        ),
        (
            replace(target, memory_mib=3538, reads=()),
            ["lambda.delete_function_concurrency"],
        ),
    ):
        account = cloud.account()
        deploy(account, changed)
        assert account.changes == calls
        assert describe(target.function, cloud.session).target() == changed


def test_another_architecture_gets_its_own_layer_and_new_code(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    account = cloud.account()
    deploy(account, replace(target, arch="arm64"))
    assert "lambda.publish_layer_version" in account.changes
    assert "lambda.update_function_code" in account.changes


def test_a_change_of_code_by_hand_is_mended(cloud: Cloud, target: Target) -> None:
    import io
    import zipfile

    deploy(cloud.account(), target)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("lambdarray/__init__.py", "")
    cloud.client("lambda").update_function_code(FunctionName=target.function, ZipFile=other.getvalue())
    account = cloud.account()
    deploy(account, target)
    assert account.changes == ["lambda.update_function_code"]


def test_the_role_has_one_policy_and_it_is_the_one_stated(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    iam, name = cloud.client("iam"), role_name(target.function, REGION)
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["lambdarray"]
    document = iam.get_role_policy(RoleName=name, PolicyName="lambdarray")["PolicyDocument"]
    assert document == role_policy(target, REGION, cloud.account().account_id())


def test_asynchronous_events_are_not_retried_by_lambda(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    found = cloud.client("lambda").get_function_event_invoke_config(FunctionName=target.function)
    assert found["MaximumRetryAttempts"] == 0


def test_lifecycle_rules_of_others_stay_as_they_are(cloud: Cloud, target: Target) -> None:
    s3, bucket = cloud.client("s3"), target.store.bucket
    mine = {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [mine]})
    before = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    deploy(cloud.account(), target)
    after = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert after[:1] == before
    assert [rule["Filter"]["Prefix"] for rule in after[1:]] == ["scratch/"]
    assert after[1]["Expiration"] == {"Days": 7}


def test_a_scratch_prefix_that_holds_a_users_object_is_refused_before_any_change(cloud: Cloud, target: Target) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=target.store.bucket, Key="scratch/thesis.pdf", Body=b"years of work")
    cloud.calls.clear()
    with pytest.raises(ConfigError, match=r"scratch/thesis\.pdf, which lambdarray did not write"):
        deploy(cloud.account(dry_run=True), target)
    with pytest.raises(ConfigError, match="expire after 7 days"):
        deploy(cloud.account(), target)
    assert cloud.changing_calls == []


def test_a_bucket_in_another_region_is_refused_with_its_price(cloud: Cloud, target: Target) -> None:
    name = f"{target.store.bucket}-far"
    place = {"LocationConstraint": "ap-south-1"}
    cloud.session.client("s3", region_name="ap-south-1").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    cloud.calls.clear()
    with pytest.raises(ConfigError, match=r"ap-south-1 .* \$0\.02 per GB"):
        deploy(cloud.account(), replace(target, reads=(S3Prefix(name, "data"),)))
    assert cloud.changing_calls == []


def test_a_missing_bucket_is_one_clear_line_and_nothing_changes(cloud: Cloud, target: Target) -> None:
    with pytest.raises(StoreError, match="no-such-bucket does not exist; make it with"):
        deploy(cloud.account(), replace(target, writes=(S3Prefix("no-such-bucket", "out"),)))
    assert cloud.changing_calls == []


def test_a_function_that_lambdarray_did_not_make_is_left_alone(cloud: Cloud, target: Target) -> None:
    deploy(cloud.account(), target)
    arn = describe(target.function, cloud.session).function_arn
    cloud.client("lambda").untag_resource(Resource=arn, TagKeys=["made-by"])
    cloud.calls.clear()
    with pytest.raises(DeploymentError, match="lambdarray did not make it"):
        deploy(cloud.account(), target)
    assert cloud.changing_calls == []


YOUNG_ROLE = "The role defined for the function cannot be assumed by Lambda."


def test_a_role_that_lambda_does_not_know_yet_is_waited_for(
    cloud: Cloud, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions, "ROLE_PAUSE_S", 0.0)
    cloud.refuse("CreateFunction", "InvalidParameterValueException", YOUNG_ROLE, times=3)
    account = cloud.account()
    deploy(account, target)
    assert cloud.calls.count("CreateFunction") == 4
    assert account.changes.count("lambda.create_function") == 1


def test_waiting_for_a_role_is_bounded(cloud: Cloud, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    monkeypatch.setattr(functions, "ROLE_WAIT_S", -1.0)
    cloud.refuse("CreateFunction", "InvalidParameterValueException", YOUNG_ROLE)
    with pytest.raises(ClientError) as caught:
        deploy(cloud.account(), target)
    assert cloud.calls.count("CreateFunction") == 1
    assert "cannot be assumed" in str(clear_error(caught.value))


def test_a_denied_call_is_one_clear_line(cloud: Cloud, target: Target) -> None:
    from botocore.exceptions import ClientError

    cloud.refuse("CreateRole", "AccessDenied", "User: me is not authorized to perform: iam:CreateRole")
    with pytest.raises(ClientError) as caught:
        deploy(cloud.account(), target)
    clear = clear_error(caught.value)
    assert isinstance(clear, AccessError)
    assert str(clear).startswith("not allowed: CreateRole (User: me is not authorized")


def test_a_deploy_that_was_cut_short_goes_on_where_it_stopped(cloud: Cloud, target: Target) -> None:
    from botocore.exceptions import ClientError

    cloud.refuse("PublishLayerVersion", "ServiceException", "try later", times=1)
    with pytest.raises(ClientError):
        deploy(cloud.account(), target)
    account = cloud.account()
    deploy(account, target)
    assert account.changes[0] == "lambda.publish_layer_version"
    assert describe(target.function, cloud.session).target() == target


def test_a_layer_above_the_direct_limit_goes_through_the_scratch_and_leaves_nothing_there(
    cloud: Cloud, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy_module, "DIRECT_LIMIT_BYTES", 10)
    account = cloud.account()
    deploy(account, target)
    uploaded = ["s3.put_object", "lambda.publish_layer_version", "s3.delete_object"]
    assert [name for name in account.changes if name in uploaded] == uploaded
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=target.store.bucket)
