"""The real layer and package, deployed to the local cloud, run by AWS's own runtime client."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator

import pytest

from lambdarray import cli
from lambdarray.cloud import LocalCloud

ARCH = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
STORE = "s3://lambdarray-local/scratch"


@pytest.fixture
def _local_cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The layer comes from the user's own cache, where it is built once.
    monkeypatch.undo()
    with LocalCloud(bucket="lambdarray-local") as cloud:
        for name, value in cloud.environ.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.skipif(platform.system() != "Linux", reason="the layer's wheels are for Linux")
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("_local_cloud")
def test_what_deploy_makes_passes_the_doctor_and_is_gone_after_destroy(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["deploy", "--store", STORE, "--arch", ARCH, "--yes"]) == 0
    capsys.readouterr()
    code = cli.main(["doctor", "--store", STORE, "--json"])
    checks = json.loads(capsys.readouterr().out)
    assert [check for check in checks if not check["ok"]] == []
    assert code == 0
    assert {"invoke", "scratch"} <= {check["what"] for check in checks}
    assert cli.main(["deploy", "--store", STORE, "--arch", ARCH, "--yes"]) == 0
    assert capsys.readouterr().out == "nothing to change\n"
    assert cli.main(["destroy", "--scratch", "--yes"]) == 0
    assert cli.main(["doctor", "--json"]) == 1
