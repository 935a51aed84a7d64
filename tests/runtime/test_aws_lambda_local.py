"""The Lambda executor against functions that AWS's own runtime client runs on this machine."""

from __future__ import annotations

import io
import sys
import textwrap
import zipfile

import boto3
import pytest

from lambdarray.cloud import LocalCloud
from lambdarray.errors import AccessError, DeploymentError
from lambdarray.runtime.executors.aws_lambda import LambdaExecutor

from .programs import attempts, elementwise

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ANSWERS = """
    def answer(event):
        made = [{"task": id, "attempt": n, "status": "done", "retry": True} for *_, id, n in event["attempts"]]
        return {"version": event["version"], "worker": "w", "reports": made}
"""


@pytest.fixture(scope="module")
def cloud():
    with LocalCloud(bucket=None, account_concurrency=3) as made:
        yield made


@pytest.fixture
def run(cloud, monkeypatch, tmp_path):
    """Deploys a function of this source, runs a bundle of two in it, and returns their reports."""
    for name, value in cloud.environ.items():
        monkeypatch.setenv(name, value)
    client, open_ = boto3.client("lambda"), []

    def deploy(name, source, **settings):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            entry = zipfile.ZipInfo("app.py")
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, textwrap.dedent(ANSWERS) + textwrap.dedent(source))
        code = {"ZipFile": buffer.getvalue()}
        role = "arn:aws:iam::123456789012:role/any"
        client.create_function(
            FunctionName=name, Runtime=RUNTIME, Role=role, Handler="app.handler", Code=code, **settings
        )

    def executor(name, workers=4):
        open_.append(LambdaExecutor(name, None, str(tmp_path), workers, version="1"))
        return open_[-1]

    def run(name, source, bundles=1, **settings):
        deploy(name, source, **settings)
        work, made, reports = attempts(elementwise(4 * bundles, 2)), executor(name), []
        for i in range(bundles):
            made.start(work[2 * i : 2 * i + 2])
        while len(reports) < 2 * bundles:
            reports += made.wait(60) or pytest.fail("no report came within a minute")
        return reports

    run.executor = executor
    yield run
    for one in open_:
        one.close()
    client.close()


def test_reports_and_the_billed_time_come_back(run):
    reports = run("good", "def handler(event, context): return answer(event)")
    assert [(r.task, r.status, r.worker) for r in reports] == [(0, "done", "w"), (1, "done", "w")]
    assert reports[0].billed_ms > 0
    assert reports[1].billed_ms == 0


def test_too_many_at_once_are_throttled_and_the_others_done(run):
    source = "import time\ndef handler(event, context): time.sleep(1.5); return answer(event)"
    reports = run("slow", source, bundles=6)
    assert {r.status for r in reports} == {"done", "throttled"}
    assert all("TooManyRequestsException" in r.error for r in reports if r.status == "throttled")


@pytest.mark.parametrize(
    ("name", "source", "status", "settings"),
    [
        ("raises", "def handler(event, context): raise KeyError('what')", "error", {}),
        ("exits", "import os\ndef handler(event, context): os._exit(3)", "crashed", {}),
        ("faults", "import ctypes\ndef handler(event, context): ctypes.string_at(0)", "crashed", {}),
        ("late", "import time\ndef handler(event, context): time.sleep(60)", "timeout", {"Timeout": 1}),
        ("large", "def handler(event, context): return len(bytearray(600 << 20))", "memory", {"MemorySize": 256}),
    ],
)
def test_each_way_to_fail_has_its_status(run, cloud, name, source, status, settings):
    if cloud.isolation == "plain" and status == "memory":
        pytest.skip("the limit needs namespaces, which this machine does not let us have")
    reports = run(name, source, **settings)
    assert [r.status for r in reports] == [status, status], reports
    assert all(r.error and r.log for r in reports)
    assert status != "error" or "KeyError" in reports[0].error


def test_a_function_that_cannot_start_one_that_is_not_there_and_wrong_keys_end_the_run(run, monkeypatch):
    with pytest.raises(DeploymentError, match="cannot start"):
        run("broken", "import nothing_of_this_name\ndef handler(event, context): pass")
    missing = run.executor("nowhere")
    missing.start(attempts(elementwise(2, 2)))
    with pytest.raises(DeploymentError, match="lambdarray deploy"):
        missing.wait(60)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    refused = run.executor("good")
    refused.start(attempts(elementwise(2, 2)))
    with pytest.raises(AccessError, match="InvalidSignatureException"):
        refused.wait(60)
