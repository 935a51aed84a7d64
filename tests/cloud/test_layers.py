from __future__ import annotations

import base64
import hashlib
import urllib.request
from typing import Any

import pytest


def publish(account: Any, make_zip: Any, name: str, files: dict[str, str], **more: Any) -> Any:
    return account.client.publish_layer_version(LayerName=name, Content={"ZipFile": make_zip(files)}, **more)


def test_a_published_version_can_be_read_back_by_number_and_by_arn(account: Any, make_zip: Any) -> None:
    made = publish(account, make_zip, "read", {"python/a.py": "x = 1"}, CompatibleRuntimes=["python3.11"])
    by_number = account.client.get_layer_version(LayerName="read", VersionNumber=1)
    by_arn = account.client.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    for answer in (made, by_number, by_arn):
        answer.pop("ResponseMetadata")
    assert made == by_number == by_arn
    assert made["LayerVersionArn"] == "arn:aws:lambda:us-east-1:123456789012:layer:read:1"
    assert made["CompatibleRuntimes"] == ["python3.11"]


def test_the_code_hash_is_that_of_the_zip_and_the_location_gives_the_zip(account: Any, make_zip: Any) -> None:
    content = publish(account, make_zip, "hash", {"python/a.py": "x = 1"})["Content"]
    with urllib.request.urlopen(content["Location"]) as answer:
        data = answer.read()
    assert data == make_zip({"python/a.py": "x = 1"})
    assert content["CodeSha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert content["CodeSize"] == len(data)


def test_version_numbers_are_never_given_twice(account: Any, make_zip: Any) -> None:
    assert [publish(account, make_zip, "count", {"a": str(i)})["Version"] for i in range(2)] == [1, 2]
    account.client.delete_layer_version(LayerName="count", VersionNumber=2)
    account.client.delete_layer_version(LayerName="count", VersionNumber=2)
    assert publish(account, make_zip, "count", {"a": "3"})["Version"] == 3
    listed = account.client.list_layer_versions(LayerName="count")["LayerVersions"]
    assert [version["Version"] for version in listed] == [3, 1]
    with pytest.raises(account.client.exceptions.ResourceNotFoundException):
        account.client.get_layer_version(LayerName="count", VersionNumber=2)


def test_lists_come_in_pages_and_by_runtime(account: Any, make_zip: Any) -> None:
    for i, runtime in enumerate(["python3.11", "python3.12", "python3.11"]):
        publish(account, make_zip, "pages", {"a": str(i)}, CompatibleRuntimes=[runtime])
    pages = account.client.get_paginator("list_layer_versions").paginate(
        LayerName="pages", CompatibleRuntime="python3.11", PaginationConfig={"PageSize": 1}
    )
    assert [[v["Version"] for v in page["LayerVersions"]] for page in pages] == [[3], [1]]
    layers = account.client.list_layers(CompatibleRuntime="python3.12")["Layers"]
    (found,) = [layer for layer in layers if layer["LayerName"] == "pages"]
    assert found["LatestMatchingVersion"]["Version"] == 2


def test_functions_import_from_their_layers_and_the_later_layer_wins(account: Any, make_zip: Any) -> None:
    first = publish(account, make_zip, "one", {"python/a.py": "x = 'a1'", "python/b.py": "x = 'b1'"})
    second = publish(account, make_zip, "two", {"python/b.py": "x = 'b2'"})
    source = "import a, b\ndef handler(event, context): return a.x + b.x"
    layers = [first["LayerVersionArn"], second["LayerVersionArn"]]
    assert account.run(source, Layers=layers).value == "a1b2"
    assert account.run(source, Layers=layers[::-1]).value == "a1b1"


def test_a_zip_can_come_from_s3(account: Any, make_zip: Any, connect: Any) -> None:
    connect(account.cloud, "s3").put_object(Bucket="code", Key="layer.zip", Body=make_zip({"python/s.py": "x = 5"}))
    made = account.client.publish_layer_version(LayerName="s3", Content={"S3Bucket": "code", "S3Key": "layer.zip"})
    source = "import s\ndef handler(event, context): return s.x"
    assert account.run(source, Layers=[made["LayerVersionArn"]]).value == 5


def test_a_zip_that_is_not_there_is_an_invalid_parameter(account: Any) -> None:
    with pytest.raises(account.client.exceptions.InvalidParameterValueException, match="NoSuchKey"):
        account.client.publish_layer_version(LayerName="s3", Content={"S3Bucket": "code", "S3Key": "none"})


def test_a_file_that_is_no_zip_is_an_invalid_parameter(account: Any) -> None:
    with pytest.raises(account.client.exceptions.InvalidParameterValueException, match="Could not unzip"):
        account.client.publish_layer_version(LayerName="bad", Content={"ZipFile": b"no zip"})


def test_a_layer_of_more_than_250_mb_unzipped_is_refused(account: Any, make_zip: Any) -> None:
    with pytest.raises(account.client.exceptions.InvalidParameterValueException, match="262144000 bytes"):
        publish(account, make_zip, "huge", {"a": bytes(251 << 20)})


def test_a_function_may_have_five_layers_that_exist(account: Any, make_zip: Any) -> None:
    made = [publish(account, make_zip, f"many{i}", {"a": str(i)})["LayerVersionArn"] for i in range(6)]
    source = "def handler(event, context): return 1"
    assert account.run(source, Layers=made[:5]).value == 1
    with pytest.raises(account.client.exceptions.InvalidParameterValueException, match="more than 5"):
        account.deploy(source, Layers=made)
    with pytest.raises(account.client.exceptions.InvalidParameterValueException, match="does not exist"):
        account.deploy(source, Layers=[made[0].replace(":1", ":9")])
