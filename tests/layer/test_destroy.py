"""Destroying takes what deploy made, and never a user's object."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lambdarray_layer.deploy import deploy, layer_name, role_name
from lambdarray_layer.deployment import describe
from lambdarray_layer.destroy import destroy
from lambdarray_layer.policy import log_group
from lambdarray_layer.target import Target

from lambdarray.errors import DeploymentError

from .conftest import REGION, Cloud

OURS = ("scratch/0f/plan1/a/0", "scratch/runs/plan1.json", "scratch/deploy/x.zip")
USERS = ("data/a.zarr/zarr.json", "scratch/thesis.pdf", "scratch/notes/a.txt", "scratchy/0f/x", "out/c/0")


@pytest.fixture
def deployed(cloud: Cloud, target: Target) -> Target:
    deploy(cloud.account(), target)
    for key in OURS + USERS:
        cloud.client("s3").put_object(Bucket=target.store.bucket, Key=key, Body=b"x")
    cloud.calls.clear()
    cloud.said.clear()
    return target


def keys(cloud: Cloud, bucket: str) -> set[str]:
    return {item["Key"] for item in cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_destroy_removes_all_that_deploy_made(cloud: Cloud, deployed: Target) -> None:
    destroy(cloud.account(), deployed.function)
    lambda_, iam, logs = cloud.client("lambda"), cloud.client("iam"), cloud.client("logs")
    assert deployed.function not in {f["FunctionName"] for f in lambda_.list_functions()["Functions"]}
    assert layer_name(deployed) not in {item["LayerName"] for item in lambda_.list_layers()["Layers"]}
    assert role_name(deployed.function, REGION) not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert not logs.describe_log_groups(logGroupNamePrefix=log_group(deployed.function))["logGroups"]
    account = cloud.account()
    assert account.find("s3", "get_bucket_lifecycle_configuration", Bucket=deployed.store.bucket) is None


def test_destroy_leaves_scratch_and_every_object_of_the_users(cloud: Cloud, deployed: Target) -> None:
    destroy(cloud.account(), deployed.function)
    assert keys(cloud, deployed.store.bucket) == {*OURS[:2], *USERS}
    assert any("2 scratch objects" in line and "no longer expire" in line for line in cloud.said)


def test_destroy_with_scratch_leaves_every_object_of_the_users(cloud: Cloud, deployed: Target) -> None:
    destroy(cloud.account(), deployed.function, scratch=True)
    assert keys(cloud, deployed.store.bucket) == set(USERS)


def test_destroying_twice_changes_nothing_the_second_time(cloud: Cloud, deployed: Target) -> None:
    destroy(cloud.account(), deployed.function)
    cloud.calls.clear()
    account = cloud.account()
    destroy(account, deployed.function, [str(deployed.store)])
    assert cloud.changing_calls == []
    assert account.changes == []


def test_a_dry_run_names_what_would_go_and_changes_nothing(cloud: Cloud, deployed: Target) -> None:
    planned = cloud.account(dry_run=True)
    destroy(planned, deployed.function, scratch=True)
    assert cloud.changing_calls == []
    done = cloud.account()
    destroy(done, deployed.function, scratch=True)
    assert done.changes == planned.changes


def test_a_lifecycle_rule_of_the_users_stays(cloud: Cloud, deployed: Target) -> None:
    s3, bucket = cloud.client("s3"), deployed.store.bucket
    rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    mine = {"ID": "logs", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 30}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [mine, *rules]})
    destroy(cloud.account(), deployed.function)
    left = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [rule["ID"] for rule in left] == ["logs"]


def test_another_deployment_is_left_alone(cloud: Cloud, deployed: Target) -> None:
    for key in ("scratch/thesis.pdf", "scratch/notes/a.txt"):
        cloud.client("s3").delete_object(Bucket=deployed.store.bucket, Key=key)
    other = replace(deployed, function=f"{deployed.function}-2")
    deploy(cloud.account(), other)
    destroy(cloud.account(), deployed.function)
    assert describe(other.function, cloud.session).target() == other
    account = cloud.account()
    deploy(account, other)
    assert account.changes == []


def test_a_function_of_this_name_that_is_not_ours_stays(cloud: Cloud, deployed: Target) -> None:
    arn = cloud.client("lambda").get_function(FunctionName=deployed.function)["Configuration"]["FunctionArn"]
    cloud.client("lambda").untag_resource(Resource=arn, TagKeys=["made-by"])
    cloud.calls.clear()
    with pytest.raises(DeploymentError, match="lambdarray did not make it"):
        destroy(cloud.account(), deployed.function)
    assert cloud.changing_calls == []


def test_without_a_function_the_store_must_be_told(cloud: Cloud, target: Target) -> None:
    destroy(cloud.account(), target.function)
    assert any("give --store" in line for line in cloud.said)
