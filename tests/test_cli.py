"""The command line: one clear line for an error, nothing imported that a command does not need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lambdarray import cli
from lambdarray._version import __version__
from lambdarray.errors import RunInterrupted


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.strip().splitlines()


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["--version"])
    assert done.value.code == 0
    assert capsys.readouterr().out == f"lambdarray {__version__}\n"


@pytest.mark.parametrize("command", ["deploy", "doctor", "destroy", "clean", "layer"])
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main([command, "--help"])
    assert done.value.code == 0
    assert "usage: lambdarray" in capsys.readouterr().out


def test_no_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main([])
    assert done.value.code == 2
    assert "required: command" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["clean", "--store", "memory://"], "no scratch that outlives a run"),
        (["deploy", "--store", "scratch"], "give s3://bucket/prefix"),
        (["deploy", "--store", "s3://bucket"], "must not be a whole bucket"),
        (["deploy", "--store", "s3://bucket/x", "--memory", "64"], "Lambda allows 128 to 10240"),
        (["layer", "build", "--arch", "vax"], "x86_64 and arm64"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    (line,) = lines(capsys)
    assert line.startswith("lambdarray: ")
    assert told in line


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(ValueError, match="no scratch"):
        cli.main(["clean", "--store", "memory://", "--debug"])


def test_a_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(options: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_clean", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main(["clean", "--store", "x"])


def test_an_interrupted_run_tells_what_it_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(options: object) -> int:
        raise RunInterrupted("stopped after 3 of 5 tasks")

    monkeypatch.setattr(cli, "_clean", stopped)
    assert cli.main(["clean", "--store", "x"]) == 130
    assert lines(capsys) == ["lambdarray: stopped after 3 of 5 tasks"]


def test_clean_prints_what_it_freed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tile = tmp_path / "0f" / "plan" / "a"
    tile.parent.mkdir(parents=True)
    tile.write_bytes(b"x" * 2**20)
    assert cli.main(["clean", "--store", str(tmp_path), "--dry-run"]) == 0
    assert capsys.readouterr().out == "would free 1.0 MiB: 1 objects of 1 plan\n"
    assert cli.main(["clean", "--store", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "freed 1.0 MiB: 1 objects of 1 plan\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"AWS_REGION": "eu-west-1"}, "Unable to locate credentials; run 'aws configure'"),
        ({}, "no AWS region is set; give --region"),
        (
            {
                "AWS_REGION": "eu-west-1",
                "AWS_ACCESS_KEY_ID": "x",
                "AWS_SECRET_ACCESS_KEY": "x",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_MAX_ATTEMPTS": "1",
            },
            "Could not connect to the endpoint URL",
        ),
        ({"AWS_PROFILE": "nobody", "AWS_REGION": "eu-west-1"}, "profile .* could not be found"),
    ],
)
def test_an_account_that_cannot_be_reached_is_one_line(
    change: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["deploy", "--store", "s3://bucket/scratch"]) == 2
    (line,) = lines(capsys)

    assert re.search(told, line)


def test_the_command_line_itself_loads_no_machinery() -> None:
    code = "import sys, lambdarray.cli as c; c.make_parser(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"boto3", "botocore", "obstore", "asyncio", "aiohttp", "moto", "lambdarray_layer", "scipy"}
