"""An account to deploy to: moto's server on the loopback, with credentials that are good for nothing else."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from lambdarray_layer.aws import Account, account_of
from lambdarray_layer.prefixes import S3Prefix
from lambdarray_layer.target import Target

REGION = "eu-west-1"
SERVICES = ("lambda", "iam", "s3", "sts", "logs")
READING = ("Get", "List", "Head", "Describe")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of a server that knows Lambda's control plane, IAM, S3, STS and logs."""
    before = dict(os.environ)
    os.environ.update({"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    os.environ.clear()
    os.environ.update(before)


@dataclass
class Cloud:
    """A region of the test account, and every call that was made of it."""

    session: Any
    said: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    quota: int = 1000
    refusals: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    clients: Account | None = None

    def account(self, dry_run: bool = False) -> Account:
        """The account, through the clients that were made before: making one takes longer than a call."""
        if self.clients is None or self.clients.session is not self.session:
            self.clients = account_of(self.session)
        return self.clients.again(self.said.append, dry_run)

    def client(self, service: str) -> Any:
        return self.account().client(service)

    @property
    def changing_calls(self) -> list[str]:
        return [name for name in self.calls if not name.startswith(READING)]

    def refuse(self, operation: str, code: str, message: str, times: int = 10**6) -> None:
        """Let the first calls of an operation fail as AWS would."""
        self.refusals[operation] = (code, message, times)

    def before_call(self, model: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
        """Count a call; answer those that the server does not know, or that a test wants refused."""
        self.calls.append(model.name)
        if model.name == "GetAccountSettings":
            limits = {"ConcurrentExecutions": self.quota, "UnreservedConcurrentExecutions": self.quota}
            return SimpleNamespace(status_code=200), {"AccountLimit": limits}
        code, message, times = self.refusals.get(model.name, ("", "", 0))
        if times < 1:
            return None
        self.refusals[model.name] = (code, message, times - 1)
        return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}


@pytest.fixture(scope="session")
def shared_session() -> Any:
    import boto3

    return boto3.Session(region_name=REGION)


@pytest.fixture(scope="session")
def shared_clients(shared_session: Any) -> Account:
    return account_of(shared_session)


@pytest.fixture
def cloud(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, shared_session: Any, shared_clients: Account
) -> Iterator[Cloud]:
    values = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    made = Cloud(shared_session, clients=shared_clients)
    hear = made.before_call
    for service in SERVICES:
        shared_clients.client(service).meta.events.register("before-call.*.*", hear)
    yield made
    for service in SERVICES:
        shared_clients.client(service).meta.events.unregister("before-call.*.*", hear)


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    cloud.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    cloud.calls.clear()
    return name


@pytest.fixture
def target(bucket: str) -> Target:
    """A deployment of its own name, for no Python that needs a build."""
    return Target(
        store=S3Prefix(bucket, "scratch"),
        reads=(S3Prefix(bucket, "data"),),
        writes=(S3Prefix(bucket, "out"),),
        function=f"f-{uuid.uuid4().hex[:12]}",
    )


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packages are kept for the whole run of tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _small_layer(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Deploy a layer of one file: what it holds is no matter to the control plane."""
    from lambdarray_layer import deploy
    from lambdarray_layer.archive import write_zip
    from lambdarray_layer.build import Layer

    def small(arch: str, python: str, say: Any) -> Layer:
        source = tmp_path / "numpy.py"
        source.write_text(f"# {arch} {python}\n")
        path = tmp_path / f"layer-{arch}-{python}.zip"
        write_zip(path, [(PurePosixPath("python/numpy.py"), source)])
        return Layer(path, "key", arch, python, compiled=deploy.interpreter(python) is not None)

    monkeypatch.setattr(deploy, "build_layer", small)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
