"""S3 servers on the loopback for tests: moto's in this process, and versitygw as a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lambdarray.store.s3 import Access

KEY_ID, SECRET, REGION = "testing", "testing-secret", "us-east-1"
START_S = 20
# No run of the tests takes longer; a server that outlives its tests ends by itself.
LIFE_S = 1800


def access(endpoint: str) -> Access:
    """What a client needs for these servers; impatient, since they are near."""
    return Access(endpoint, REGION, KEY_ID, SECRET, "", timeout_s=20, retries=3)


def environment(endpoint: str) -> dict[str, str]:
    """The same as environment variables."""
    return {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def make_bucket(endpoint: str, name: str) -> None:
    """Make a bucket."""
    import boto3

    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, **keys)
    client.create_bucket(Bucket=name)
    client.close()


@contextmanager
def moto_server() -> Iterator[str]:
    """moto's server on a free port of 127.0.0.1; gives its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def versitygw_program() -> str | None:
    """Where versitygw is: on PATH, or where `go install` puts it; None where it is not installed."""
    folders = [os.environ.get("GOBIN", ""), f"{os.environ.get('GOPATH') or Path.home() / 'go'}/bin"]
    return shutil.which("versitygw") or shutil.which("versitygw", path=os.pathsep.join(filter(None, folders)))


@contextmanager
def versitygw_server(folder: Path) -> Iterator[str]:
    """versitygw over a directory, on a free port of 127.0.0.1; gives its URL. Stopped by its own process id."""
    program = versitygw_program()
    assert program is not None
    port = _free_port()
    (folder / "buckets").mkdir(parents=True)
    # `timeout` bounds its life where there is one, also if this process is killed.
    bound = ["timeout", str(LIFE_S)] if shutil.which("timeout") else []
    command = [*bound, program, "--port", f"127.0.0.1:{port}", "--region", REGION, "--quiet"]
    keys = {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": SECRET, "VGW_KEEP_ALIVE": "true"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "posix", str(folder / "buckets")], env={**os.environ, **keys}, stdout=log, stderr=log
        )
    try:
        _wait_until_it_listens(port, process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"versitygw did not start: {log.read_text()[-2000:]}")
