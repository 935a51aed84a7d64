"""S3 servers that are not AWS's and lack a part of its interface."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from lambdarray_layer.aws import Account
from lambdarray_layer.deploy import ensure_lifecycle, lifecycle
from lambdarray_layer.prefixes import S3Prefix
from lambdarray_layer.target import Target

ANSWER = b"<Error><Code>NotImplemented</Code><Message>A header you provided is not implemented.</Message></Error>"


class NoLifecycle(BaseHTTPRequestHandler):
    """Answers every request as a server does that has no lifecycle rules."""

    def do_GET(self) -> None:
        self.send_response(501)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *args: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[Account]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), NoLifecycle)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="eu-west-1")
    yield Account(session, "eu-west-1", said.append)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_store_without_lifecycle_rules_is_deployed_to_and_said_to_be_so(account: Account, said: list[str]) -> None:
    target = Target(
        store=S3Prefix.parse("s3://bucket/scratch"), reads=(), writes=(), function="lambdarray", arch="x86_64",
        python="3.11", memory_mib=1769, timeout_s=900, ephemeral_mib=512, concurrency=None,
    )  # fmt: skip
    assert lifecycle(account, "bucket") is None
    ensure_lifecycle(account, target)
    assert account.changes == []
    assert "lambdarray clean" in said[0]
