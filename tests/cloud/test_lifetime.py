from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lambdarray.cloud import LocalCloud
from lambdarray.cloud.local import LocalCloudError

# A client that leaves one environment frozen and one busy, says so, and waits to be killed.
CLIENT = """
import sys, threading
sys.path[:0] = {path!r}
import conftest
from lambdarray.cloud import LocalCloud
cloud = LocalCloud(bucket=None)
cloud.start()
account = conftest.Account(cloud, conftest.connect(cloud, "lambda"))
source = '''
import os, subprocess, time
def handler(event, context):
    if event == "escape":
        subprocess.Popen(["sleep", "{marker}"], start_new_session=True)
    if event == "hold":
        time.sleep(100)
    return 1
'''
account.invoke(account.deploy(source), "escape")
threading.Thread(target=account.invoke, args=(account.deploy(source, Timeout=100), "hold"), daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


def command_lines() -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found[int(entry.name)] = command
    return found


def children_of_clouds(before: set[int]) -> set[int]:
    words = ("lambdarray.cloud", "warden.py", "bootstrap.py", f"sleep {os.getpid()} ")
    return {pid for pid, line in command_lines().items() if any(word in line for word in words)} - before


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_nothing_lives_on_when_the_client_is_killed(until: Any) -> None:
    before = set(command_lines())
    path = [entry for entry in sys.path if entry]
    source = CLIENT.format(path=[str(Path(__file__).parent), *path], marker=os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        assert len(children_of_clouds(before)) >= 5
        client.send_signal(signal.SIGKILL)
    until(lambda: not children_of_clouds(before))


def test_closing_ends_all_processes_and_removes_the_folder(until: Any) -> None:
    def folders() -> set[str]:
        return {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("lambdarray-cloud-")}

    before = folders()
    with LocalCloud(bucket=None):
        assert len(folders()) == len(before) + 1
    assert folders() == before


def test_a_cloud_can_be_closed_twice_and_started_again() -> None:
    cloud = LocalCloud(bucket=None)
    cloud.close()
    with cloud:
        first = cloud.environ["AWS_ENDPOINT_URL_LAMBDA"]
        with pytest.raises(LocalCloudError, match="running already"):
            cloud.start()
    cloud.close()
    with cloud:
        assert cloud.environ["AWS_ENDPOINT_URL_LAMBDA"] != first


def test_a_port_that_is_taken_is_an_error_with_its_number(account: Any) -> None:
    port = int(account.cloud.environ["AWS_ENDPOINT_URL_LAMBDA"].rpartition(":")[2])
    with pytest.raises(LocalCloudError, match=f"port {port} of 127.0.0.1 cannot be used"):
        LocalCloud(port=port, bucket=None).start()
