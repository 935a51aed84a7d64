from __future__ import annotations

import base64
import hashlib
import sys
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

ONE = "def handler(event, context): return 1"
ROLE = "arn:aws:iam::123456789012:role/anything"


def test_a_created_function_is_described_as_aws_describes_it(account: Any, make_zip: Any) -> None:
    code = make_zip({"app.py": ONE})
    name = account.deploy(ONE, Code={"ZipFile": code}, Environment={"Variables": {"COLOUR": "red"}}, Tags={"a": "b"})
    found = account.client.get_function(FunctionName=name)
    configuration = found["Configuration"]
    assert configuration["FunctionArn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert configuration["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert configuration["CodeSize"] == len(code)
    assert configuration["Environment"] == {"Variables": {"COLOUR": "red"}}
    assert (configuration["MemorySize"], configuration["Timeout"]) == (128, 3)
    assert configuration["EphemeralStorage"] == {"Size": 512}
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert found["Tags"] == {"a": "b"}
    with urllib.request.urlopen(found["Code"]["Location"]) as answer:
        assert answer.read() == code


def test_a_function_is_found_by_name_by_arn_and_by_partial_arn(account: Any) -> None:
    name = account.deploy(ONE)
    arn = account.client.get_function_configuration(FunctionName=name)["FunctionArn"]
    for identifier in (name, arn, f"123456789012:function:{name}", f"{arn}:$LATEST"):
        assert account.client.get_function_configuration(FunctionName=identifier)["FunctionName"] == name
        assert account.invoke(identifier).value == 1


def test_a_function_that_does_not_exist_is_a_404(account: Any) -> None:
    calls = [
        account.client.get_function,
        account.client.get_function_configuration,
        account.client.delete_function,
        account.client.invoke,
        account.client.get_function_concurrency,
    ]
    for call in calls:
        with pytest.raises(account.client.exceptions.ResourceNotFoundException, match="function:none") as caught:
            call(FunctionName="none")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_an_unknown_qualifier_is_a_404(account: Any) -> None:
    with pytest.raises(account.client.exceptions.ResourceNotFoundException):
        account.client.get_function(FunctionName=account.deploy(ONE), Qualifier="7")


def test_a_name_can_be_created_once(account: Any) -> None:
    name = account.deploy(ONE)
    with pytest.raises(account.client.exceptions.ResourceConflictException, match="already exist"):
        account.client.create_function(
            FunctionName=name,
            Runtime=f"python3.{sys.version_info.minor}",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": b"x"},
        )


def test_a_deleted_function_is_gone_and_its_name_free(account: Any) -> None:
    name = account.deploy(ONE)
    assert name in [f["FunctionName"] for f in account.client.list_functions()["Functions"]]
    account.client.delete_function(FunctionName=name)
    assert name not in [f["FunctionName"] for f in account.client.list_functions()["Functions"]]


def test_updated_code_and_configuration_are_what_runs_next(account: Any, make_zip: Any) -> None:
    name = account.deploy(ONE)
    before = account.client.get_function_configuration(FunctionName=name)["RevisionId"]
    assert account.invoke(name).value == 1
    source = "import os\ndef handler(event, context): return os.environ.get('COLOUR')"
    account.client.update_function_code(FunctionName=name, ZipFile=make_zip({"app.py": source}))
    account.client.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert account.invoke(name).value is None
    account.client.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "red"}})
    assert account.invoke(name).value == "red"
    assert account.client.get_function_configuration(FunctionName=name)["RevisionId"] != before


def test_an_update_of_another_revision_is_refused(account: Any) -> None:
    name = account.deploy(ONE)
    with pytest.raises(account.client.exceptions.PreconditionFailedException):
        account.client.update_function_configuration(FunctionName=name, Timeout=9, RevisionId="old")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"MemorySize": 10_241}, "memorySize"),
        ({"Timeout": 901}, "timeout"),
        ({"EphemeralStorage": {"Size": 10_241}}, "ephemeralStorage"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Environment": {"Variables": {"BIG": "x" * 4094}}}, "4KB"),
        ({"Environment": {"Variables": {"1A": "x"}}}, "1A"),
        ({"Runtime": "python3.9"}, "cannot run python3.9"),
        ({"Architectures": ["arm64" if "x86" in __import__("platform").machine() else "x86_64"]}, "deploy it with"),
        ({"Code": {"ImageUri": "a/b:c"}}, "not container images"),
    ],
)
def test_what_lambda_cannot_run_is_refused_at_creation(account: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message) as caught:
        account.deploy(ONE, **settings)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_code_and_layers_together_have_at_most_250_mb(account: Any, make_zip: Any) -> None:
    half = {"ZipFile": make_zip({"a": bytes(130 << 20)})}
    layer = account.client.publish_layer_version(LayerName="half", Content=half)["LayerVersionArn"]
    with pytest.raises(ClientError, match="combined with layers"):
        account.deploy(ONE, Code=half, Layers=[layer])


def test_reserved_concurrency_is_set_read_and_removed(account: Any) -> None:
    name = account.deploy(ONE)
    assert "ReservedConcurrentExecutions" not in account.client.get_function_concurrency(FunctionName=name)
    account.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
    assert account.client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 7
    limit = account.client.get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"] >= 7
    with pytest.raises(ClientError, match=r"minimum value of \[100\]"):
        account.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=950)
    account.client.delete_function_concurrency(FunctionName=name)
    assert "ReservedConcurrentExecutions" not in account.client.get_function_concurrency(FunctionName=name)


def test_the_event_configuration_is_set_changed_read_and_removed(account: Any) -> None:
    name = account.deploy(ONE)
    client = account.client
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="EventInvokeConfig"):
        client.get_function_event_invoke_config(FunctionName=name)
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=90)
    found = client.get_function_event_invoke_config(FunctionName=name)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 90)
    assert found["LastModified"].year >= 2026
    with pytest.raises(ClientError, match="maximumRetryAttempts"):
        client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=3)
    client.delete_function_event_invoke_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_event_invoke_config(FunctionName=name)


def test_tags_are_added_listed_and_removed(account: Any) -> None:
    arn = account.client.get_function_configuration(FunctionName=account.deploy(ONE))["FunctionArn"]
    account.client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2", "c": "3"})
    account.client.untag_resource(Resource=arn, TagKeys=["a", "c"])
    assert account.client.list_tags(Resource=arn)["Tags"] == {"b": "2"}


def test_a_new_function_is_pending_until_it_is_active(make_account: Any, make_zip: Any) -> None:
    account = make_account(pending_seconds=3600.0)
    name = account.deploy(ONE)
    assert account.client.get_function_configuration(FunctionName=name)["State"] == "Pending"
    calls = [
        lambda: account.invoke(name),
        lambda: account.client.update_function_configuration(FunctionName=name, Timeout=9),
        lambda: account.client.update_function_code(FunctionName=name, ZipFile=make_zip({"app.py": ONE})),
    ]
    for call in calls:
        with pytest.raises(account.client.exceptions.ResourceConflictException, match="Pending"):
            call()


def test_the_waiters_of_boto3_wait_for_a_pending_function(make_account: Any) -> None:
    account = make_account(pending_seconds=0.2)
    name = account.deploy(ONE)
    account.client.get_waiter("function_active_v2").wait(FunctionName=name)
    changed = account.client.update_function_configuration(FunctionName=name, Timeout=9)
    assert changed["LastUpdateStatus"] == "InProgress"
    account.client.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert account.invoke(name).value == 1


def test_an_operation_that_is_not_covered_says_so(account: Any) -> None:
    with pytest.raises(ClientError, match="no operation for GET /2015-03-31/event-source-mappings"):
        account.client.list_event_source_mappings()
