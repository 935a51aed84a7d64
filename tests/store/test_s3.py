from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from lambdarray.config import config
from lambdarray.errors import AccessError, ConfigError, CorruptTileError, MissingTileError, StoreError
from lambdarray.store import open_store
from lambdarray.store.format import encode
from lambdarray.store.s3 import Access, S3Store

from .conformance import F8, ByteStoreConformance
from .conftest import BUCKET
from .servers import access, environment


class S3Conformance(ByteStoreConformance):
    url: str

    def make(self) -> S3Store:
        return S3Store(f"s3://{BUCKET}/{uuid.uuid4().hex}/scratch", access(self.url))


class TestS3OnMoto(S3Conformance):
    many = 30

    @pytest.fixture(autouse=True)
    def _server(self, moto_url: str) -> None:
        self.url = moto_url


class TestS3OnVersitygw(S3Conformance):
    @pytest.fixture(autouse=True)
    def _server(self, versitygw_url: str) -> None:
        self.url = versitygw_url

    def test_a_wrong_secret_is_told_apart_from_a_missing_tile(self) -> None:
        store = S3Store(f"s3://{BUCKET}/x", replace(access(self.url), secret="wrong"))
        for ask in (
            lambda: store.put("a/0", np.zeros(3)),
            lambda: store.get("a/0", F8, (3,)),
            lambda: store.exists("a/0"),
            lambda: list(store.list("a")),
            lambda: store.delete("a/0"),
        ):
            with pytest.raises(AccessError, match=r"AWS_SECRET_ACCESS_KEY|check the policy"):
                ask()


def answer(status: int, code: str = "", body: bytes = b"") -> tuple[int, bytes]:
    return status, f"<Error><Code>{code}</Code></Error>".encode() if code else body


HANG_UP, SILENCE = (-1, b""), (-2, b"")


class Script:
    """A server that gives these answers, the last again and again, and notes what it was asked."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers, self.asked = list(answers), [""][:0]
        self.over = threading.Event()

    def next(self) -> tuple[int, bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def served(script: Script) -> Iterator[S3Store]:
    """A store on a server that follows a script, with short time-outs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.asked.append(f"{self.command} {self.headers.get('If-None-Match', '')}".strip())
            status, body = script.next()
            if status < 0:
                if status == SILENCE[0]:
                    script.over.wait(30)
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"x"')
            self.send_header("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        keys = access(f"http://127.0.0.1:{server.server_port}")
        yield S3Store("s3://bucket/run", replace(keys, timeout_s=0.5, retries=2))
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


TILE = np.arange(5.0)


@pytest.mark.parametrize(
    ("status", "code", "error", "says"),
    [
        (404, "NoSuchBucket", StoreError, "no bucket 'bucket'"),
        (403, "AccessDenied", AccessError, "AccessDenied.*ListBucket"),
        (401, "Unauthorized", AccessError, "Unauthorized"),
        (400, "ExpiredToken", AccessError, "expired"),
        (403, "InvalidAccessKeyId", AccessError, "AWS_ACCESS_KEY_ID"),
        (400, "AuthorizationHeaderMalformed", StoreError, "AWS_REGION"),
        (301, "PermanentRedirect", StoreError, "AWS_REGION"),
        (503, "SlowDown", StoreError, "503 SlowDown"),
        (500, "InternalError", StoreError, "500 InternalError"),
    ],
)
def test_each_refusal_is_one_clear_line(status: int, code: str, error: type[Exception], says: str) -> None:
    script = Script(answer(status, code))
    with served(script) as store:
        for ask in (
            lambda: store.put("a/0", TILE),
            lambda: store.get("a/0", F8, (5,)),
            lambda: store.get_region("a/0", F8, (5,), [(1, 3)]),
            lambda: list(store.list("a")),
        ):
            with pytest.raises(error, match=says) as caught:
                ask()
            assert not isinstance(caught.value, MissingTileError)
            assert "\n" not in str(caught.value)
    assert len(script.asked) <= 4 * 3


def test_a_403_is_never_a_missing_tile() -> None:
    with served(Script((403, b""))) as store, pytest.raises(AccessError):
        store.exists("a/0")


def test_a_put_that_was_refused_for_a_moment_is_sent_again() -> None:
    script = Script(answer(503, "SlowDown"), answer(500, "InternalError"), answer(200))
    with served(script) as store:
        assert store.put("a/0", TILE) is True
    assert script.asked == ["PUT *"] * 3


def test_a_conflict_is_looked_into_and_tried_again() -> None:
    script = Script(answer(409, "ConditionalRequestConflict"), (404, b""), answer(200))
    with served(script) as store:
        assert store.put("a/0", TILE) is True
    assert script.asked == ["PUT *", "HEAD", "PUT *"]


def test_a_conflict_that_another_writer_won_is_a_lost_race() -> None:
    script = Script(answer(409, "ConditionalRequestConflict"), answer(200))
    with served(script) as store:
        assert store.put("a/0", TILE) is False
    assert script.asked == ["PUT *", "HEAD"]


def test_conflicts_without_end_are_an_error() -> None:
    conflict = answer(409, "ConditionalRequestConflict")
    script = Script(*[conflict, (404, b"")] * 4, conflict, (404, b""))
    with served(script) as store, pytest.raises(StoreError, match="409"):
        store.put("a/0", TILE)


def test_a_lost_answer_to_a_put_is_found_out() -> None:
    """The first PUT lands and its answer is lost: the second meets the first."""
    script = Script(HANG_UP, answer(412, "PreconditionFailed"))
    with served(script) as store:
        assert store.put("a/0", TILE) is False
    assert script.asked == ["PUT *"] * 2


def test_a_lost_answer_to_a_get_is_asked_for_again() -> None:
    header, data = encode(TILE)
    with served(Script(HANG_UP, answer(200, body=header + bytes(data)))) as store:
        assert (store.get("a/0", F8, (5,)) == TILE).all()


def test_a_server_that_does_not_answer_is_given_up() -> None:
    script = Script(SILENCE)
    with (
        served(script) as store,
        pytest.raises(StoreError, match=r"no answer from S3 at http://127.*tried 3 times of at most 0.5 s: timed out"),
    ):
        store.get("a/0", F8, (5,))
    assert 1 <= len(script.asked) <= 3


def test_a_server_that_is_not_there_is_given_up() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = replace(access(f"http://127.0.0.1:{free.getsockname()[1]}"), retries=1)
        with pytest.raises(StoreError, match=r"no answer.*refused"):
            S3Store("s3://bucket/run", nobody).put("a/0", TILE)


def test_a_put_is_one_request(moto_url: str) -> None:
    script = Script(answer(200))
    with served(script) as store:
        store.put("a/0", np.zeros(2_000_000))
    assert script.asked == ["PUT *"]


def test_a_missing_bucket_is_told_apart_from_a_missing_tile(moto_url: str) -> None:
    store = S3Store("s3://nowhere/x", access(moto_url))
    for ask in (
        lambda: store.put("a/0", TILE),
        lambda: store.get("a/0", F8, (5,)),
        lambda: list(store.list("a")),
    ):
        with pytest.raises(StoreError, match="no bucket 'nowhere'") as caught:
            ask()
        assert not isinstance(caught.value, MissingTileError)


def test_a_tile_that_was_damaged_on_the_way_is_noticed() -> None:
    header, data = encode(TILE)
    damaged = Script(answer(200, body=header + bytes(data)[:-1] + b"?"))
    with served(damaged) as store, pytest.raises(CorruptTileError, match="block 0"):
        store.get("a/0", F8, (5,))


@pytest.mark.parametrize("url", ["s3://", "s3://B/x", "s3://ab", "s3:/bucket/x", "s3://a b/x"])
def test_a_url_that_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        S3Store(url, access(""))


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1:9000", "http://example.com", "http://127.0.0.1.example.com"])
def test_plain_http_is_for_this_machine_only(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="plain HTTP"):
        S3Store("s3://bucket/x", access(endpoint)).put("a/0", TILE)


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9", "http://localhost:9/", "http://[::1]:9", "http://127.8.0.1"]
)
def test_this_machine_has_several_names(endpoint: str) -> None:
    assert access(endpoint).plain_http


def test_the_service_s_own_endpoint_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://all")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert (Access.from_environment().endpoint, Access.from_environment().region) == ("https://all", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert (Access.from_environment().endpoint, Access.from_environment().region) == ("https://s3", "eu-west-2")
    with config(region="eu-west-3"):
        assert Access.from_environment().region == "eu-west-3"


def test_without_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(AccessError, match="AWS_ACCESS_KEY_ID"):
        open_store("s3://bucket/x").put("a/0", TILE)


def test_credentials_of_a_profile_are_found(moto_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = environment(moto_url)
    lines = ["[me]", f"aws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}", "aws_secret_access_key = any"]
    (tmp_path / "credentials").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "me")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_url)
    store = open_store(f"s3://{BUCKET}/{uuid.uuid4().hex}")
    assert store.put("a/0", TILE) is True


def test_the_environment_says_how_the_store_is_reached(s3_here: str) -> None:
    store = open_store(f"{s3_here}/{uuid.uuid4().hex}")
    assert store.put("a/0", TILE) is True
    assert open_store(store.url) is store


def test_opening_loads_no_client() -> None:
    program = (
        "import sys; from lambdarray.store import open_store; open_store('s3://bucket/x'); open_store('memory://');"
        "print([m for m in ('obstore', 'crc32c', 'boto3', 'tempfile', 'zarr', 'asyncio') if m in sys.modules])"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}
    )
    assert done.stdout.strip() == "[]", done.stderr
