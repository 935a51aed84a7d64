"""One local cloud for the whole folder, and the few lines that a test needs to put a function on it."""

from __future__ import annotations

import base64
import io
import itertools
import json
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from lambdarray.cloud import LocalCloud

ROLE = "arn:aws:iam::123456789012:role/anything"
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
_names = itertools.count()


def make_zip(files: Mapping[str, str | bytes], mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return buffer.getvalue()


def connect(cloud: LocalCloud, service: str) -> Any:
    keys = cloud.environ
    return boto3.client(
        service,
        endpoint_url=keys[f"AWS_ENDPOINT_URL_{service.upper()}"],
        region_name=keys["AWS_REGION"],
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys.get("AWS_SESSION_TOKEN"),
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64),
    )


@dataclass(frozen=True)
class Reply:
    """An invocation's answer, read."""

    value: Any
    error: str | None
    log: str


@dataclass(frozen=True)
class Account:
    """A local cloud and the client to talk to it."""

    cloud: LocalCloud
    client: Any

    def deploy(self, source: str, **settings: Any) -> str:
        name = f"f{next(_names)}"
        settings.setdefault("Code", {"ZipFile": make_zip({"app.py": textwrap.dedent(source)})})
        settings.setdefault("Runtime", RUNTIME)
        self.client.create_function(FunctionName=name, Role=ROLE, Handler="app.handler", **settings)
        return name

    def invoke(self, name: str, event: object = None) -> Reply:
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        return Reply(json.loads(answer["Payload"].read()), answer.get("FunctionError"), log)

    def run(self, source: str, event: object = None, **settings: Any) -> Reply:
        return self.invoke(self.deploy(source, **settings), event)


@pytest.fixture(scope="session")
def account() -> Iterator[Account]:
    with LocalCloud(event_retry_seconds=(0.01, 0.01), bucket="code") as cloud:
        yield Account(cloud, connect(cloud, "lambda"))


@pytest.fixture(scope="module")
def make_account() -> Iterator[Callable[..., Account]]:
    """Makes clouds with settings of their own, one for each set of settings."""
    made: dict[str, Account] = {}

    def make(**settings: Any) -> Account:
        key = repr(sorted(settings.items()))
        if key not in made:
            cloud = LocalCloud(bucket=None, **settings)
            cloud.start()
            made[key] = Account(cloud, connect(cloud, "lambda"))
        return made[key]

    yield make
    for account in made.values():
        account.cloud.close()


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Ask again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not hold within {seconds} s"
        time.sleep(0.005)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., None]:
    return until


@pytest.fixture(name="make_zip")
def make_zip_fixture() -> Callable[..., bytes]:
    return make_zip


@pytest.fixture(name="connect")
def connect_fixture() -> Callable[..., Any]:
    return connect
