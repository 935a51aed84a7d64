from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lambdarray
from lambdarray.cloud.command import main

RUN = "import sys; from lambdarray.cloud import main; sys.exit(main(sys.argv[1:]))"


def start(*arguments: str) -> subprocess.Popen[str]:
    path = str(Path(lambdarray.__file__).parents[1])
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([path, *sys.path])}
    command = [sys.executable, "-P", "-c", RUN, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True)


def test_a_command_runs_against_the_cloud_and_its_exit_code_returns(connect: Any) -> None:
    script = (
        "import boto3, sys\n"
        "assert boto3.client('s3').list_buckets()['Buckets'][0]['Name'] == 'mine'\n"
        "assert boto3.client('lambda').list_functions()['Functions'] == []\n"
        "assert boto3.client('sts').get_caller_identity()['Account'] == '123456789012'\n"
        "sys.exit(7)"
    )
    with start("--bucket", "mine", "--", sys.executable, "-c", script) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 7, errors
    assert "does not enforce" in errors


def test_it_prints_exports_and_serves_until_it_is_told_to_stop() -> None:
    with start("--bucket", "") as process:
        assert process.stdout is not None
        text = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        text += process.stdout.read()
    assert process.returncode == 0
    assert all(line.startswith("export AWS_") for line in text.splitlines())
    assert "export AWS_ENDPOINT_URL_LAMBDA=http://127.0.0.1:" in text


def test_it_serves_for_a_bounded_time() -> None:
    with start("--bucket", "", "--for", "0.01") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_setting_that_cannot_be_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--s3", "nonsense"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("lambdarray cloud: s3 must be")
    assert error.count("\n") == 1


def test_a_command_that_does_not_exist_is_exit_code_127(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["--bucket", "", "--", "/no/such/command"]) == 127
    assert "/no/such/command cannot be run" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
