"""One local cloud with one deployed function for the whole folder, and places for tiles of every kind."""

from __future__ import annotations

import itertools
import platform
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lambdarray as la
from lambdarray import cli
from lambdarray.api import remote
from lambdarray.cloud import LocalCloud
from lambdarray.runtime.executors.faults import Faults, FlakyExecutor
from lambdarray.runtime.launch import Launch

from .job import expected

BUCKET = "lambdarray-local"
ARCH = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
DEPLOY = ["deploy", "--arch", ARCH, "--yes", "--store", f"s3://{BUCKET}/scratch"]
DEPLOY += ["--read", f"s3://{BUCKET}/in", "--write", f"s3://{BUCKET}/out"]
MEMORY_MIB, WORKERS = 1769, 2
FAULTS = Faults(fail=0.2, lost=0.05, twice=0.05, straggle=0.1, straggle_s=0.2)
Strike = Callable[..., Counter[str]]
_numbers = itertools.count()


def connect(cloud: LocalCloud, service: str) -> Any:
    """A boto3 client of the local cloud."""
    import boto3

    keys = cloud.environ
    return boto3.client(
        service,
        endpoint_url=keys[f"AWS_ENDPOINT_URL_{service.upper()}"],
        region_name=keys["AWS_REGION"],
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys.get("AWS_SESSION_TOKEN"),
    )


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """Lambda and S3 on this machine, with the function that `lambdarray deploy` makes."""
    if sys.platform != "linux":
        pytest.skip("the layer's wheels are for Linux")
    with LocalCloud(bucket=BUCKET) as cloud, pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environ.items():
            patch.setenv(name, value)
        assert cli.main([*DEPLOY, "--memory", str(MEMORY_MIB)]) == 0
        patch.undo()
        yield cloud


@pytest.fixture
def account(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    """The local cloud as this process's account, for one test."""
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "_known", {})
    return cloud


@pytest.fixture
def bucket_store(account: LocalCloud) -> str:
    """A scratch prefix of the test's own."""
    return f"s3://{BUCKET}/scratch/{next(_numbers)}"


@pytest.fixture
def on_lambda(bucket_store: str) -> Iterator[str]:
    """Settings under which expressions are computed by the function; gives the scratch prefix."""
    with la.config(executor="lambda", store=bucket_store, workers=WORKERS, progress=False):
        yield bucket_store


@pytest.fixture(params=["directory", "s3"])
def durable_store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives a process: each test runs on a directory and on S3."""
    if request.param == "directory":
        return str(tmp_path / "scratch")
    store: str = request.getfixturevalue("bucket_store")
    return store


@pytest.fixture
def tiles() -> Callable[[str], list[str]]:
    """The keys that a durable store holds."""
    from lambdarray.store import open_store

    return lambda url: sorted(open_store(url).list())


@pytest.fixture
def strike(monkeypatch: pytest.MonkeyPatch) -> Strike:
    """Have the faults strike every run from now on; gives how often each did."""

    def strike(seed: int, faults: Faults = FAULTS) -> Counter[str]:
        counts: Counter[str] = Counter()
        expected()  # is computed undisturbed
        inner = Launch._executor

        class Counting(FlakyExecutor):
            def close(self) -> None:
                counts.update(self.counts)
                super().close()

        monkeypatch.setattr(Launch, "_executor", lambda self: Counting(inner(self), seed, faults))
        return counts

    return strike
