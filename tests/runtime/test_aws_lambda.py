from __future__ import annotations

import datetime
import json
import resource
import socket
import threading
import time

import numpy as np
import pytest

from lambdarray.errors import AccessError, ConfigError, DeploymentError, PlanError, VersionMismatchError
from lambdarray.runtime import handler as handler_module
from lambdarray.runtime.executors import payload
from lambdarray.runtime.executors.answers import function_status
from lambdarray.runtime.executors.aws_lambda import LambdaExecutor
from lambdarray.runtime.executors.files import FileLimit
from lambdarray.runtime.executors.invoker import find_proxy, keepalive_socket
from lambdarray.runtime.executors.signer import Signer
from lambdarray.runtime.executors.tls import small_buffers
from lambdarray.store import open_store
from lambdarray.task import Program, Task

from .fake_lambda import Context, FakeLambda, done, error, function_error, log_header
from .programs import attempts, elementwise, get, put

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKE",
    "AWS_SECRET_ACCESS_KEY": "fake-secret",
    "AWS_SESSION_TOKEN": "fake-token",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
REPORT = (
    "REPORT RequestId: r\tDuration: 41.20 ms\tBilled Duration: 42 ms\tMemory Size: 1769 MB\tMax Memory Used: 90 MB\n"
)


@pytest.fixture
def environ(monkeypatch):
    for name in (
        "AWS_PROFILE",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_LAMBDA",
        "LAMBDARRAY_VERSION",
        "HTTP_PROXY",
        "http_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def cloud(environ):
    made = FakeLambda()
    environ.setenv("AWS_ENDPOINT_URL_LAMBDA", made.url)
    yield made
    made.close()


@pytest.fixture
def make(cloud, tmp_path):
    made = []

    def executor(workers=4, function="lambdarray", version="1"):
        made.append(LambdaExecutor(function, None, str(tmp_path), workers, "plan", version=version))
        return made[-1]

    yield executor
    for one in made:
        one.close()


def drain(executor, count):
    reports = []
    while len(reports) < count:
        reports += executor.wait(30) or pytest.fail(f"only {len(reports)} of {count} reports came")
    return sorted(reports, key=lambda r: r.task)


def outcome(make, script, count=1, cloud=None):
    """The reports of one bundle of `count` attempts that is answered with `script`."""
    executor = make()
    cloud.script.append(script)
    executor.start(attempts(elementwise(2 * count, 2), number=3))
    return drain(executor, count)


def test_every_attempt_of_a_bundle_gets_the_functions_report(make, cloud):
    executor = make()
    executor.start(attempts(elementwise(10, 2), number=2, first_id=70))
    reports = drain(executor, 5)
    assert [(r.task, r.attempt, r.status, r.worker) for r in reports] == [(70 + i, 2, "done", "w") for i in range(5)]
    assert len(cloud.events) == 1


def test_an_event_holds_each_program_once_and_all_that_a_worker_needs(make, cloud):
    p, q, executor = elementwise(8, 2), elementwise(8, 2, name="q"), make()
    executor.start([*attempts(p, deadline_s=60.0), *attempts(q, first_id=4)])
    drain(executor, 8)
    (event,) = cloud.events
    assert event["version"] == "1"
    assert event["deadline_s"] == 60.0
    assert event["run"].startswith("plan.")
    assert sorted(Program.from_json(d).name for d in event["programs"].values()) == ["p", "q"]
    name, task, id_, number = event["attempts"][6]
    made = Task.from_json(Program.from_json(event["programs"][name]), task)
    assert (made.name, made.blocks, id_, number) == ("q[2]", ((4, 6),), 6, 0)


def test_requests_are_signed_as_botocore_signs_them(environ):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    url = "https://lambda.eu-central-1.amazonaws.com:8443/2015-03-31/functions/arn%3Aaws%3Alambda/invocations"
    for token in ("fake-token", None):
        keys = Credentials("AKIAFAKE", "fake-secret", token)
        for now in (1.0e9, 1.0e9 + 86400):
            ours = Signer(url, "eu-central-1", "lambda", keys).headers(b"body", now)
            stamp = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
            request = AWSRequest("POST", url, data=b"body")
            request.context["timestamp"] = stamp
            auth = SigV4Auth(keys, "lambda", "eu-central-1")
            if token:
                request.headers["X-Amz-Security-Token"] = token
            request.headers["X-Amz-Date"] = stamp
            signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
            assert ours["X-Amz-Date"] == stamp
            assert ours["Authorization"].endswith(f"Signature={signature}")


def test_the_local_clouds_check_of_signatures_accepts_them(make, cloud):
    from lambdarray.cloud.signing import Credentials, require_signature
    from lambdarray.cloud.wire import Request

    executor = make(function="name with space")
    executor.start(attempts(elementwise(2, 2)))
    drain(executor, 1)
    (name, headers, body), keys = cloud.requests[0], Credentials("AKIAFAKE", "fake-secret", "fake-token")
    assert name == "name with space"
    path = "/2015-03-31/functions/name%20with%20space/invocations"
    lower = {k.lower(): v for k, v in headers.items()}
    require_signature(Request("POST", path, lower, body), keys)


def test_hundreds_of_invocations_are_in_flight_at_once(make, cloud):
    cloud.hold(200)
    executor, work = make(workers=200), attempts(elementwise(400, 2))
    for attempt in work:
        executor.start([attempt])
    assert {(r.status, r.error) for r in drain(executor, 200)} == {("done", "")}
    assert cloud.most_in_flight == 200


def test_no_more_connections_are_open_than_there_are_workers(make, cloud):
    executor = make(workers=3)
    for attempt in attempts(elementwise(40, 2)):
        executor.start([attempt])
    drain(executor, 20)
    assert cloud.most_in_flight <= 3


@pytest.mark.parametrize("status", [429, 503, 409])
def test_a_throttled_invocation_never_began(make, cloud, status):
    for r in outcome(make, error(status, "TooManyRequestsException", "Rate Exceeded."), 3, cloud):
        assert (r.attempt, r.status, r.retry) == (3, "throttled", True)
        assert "Rate Exceeded." in r.error


@pytest.mark.parametrize("status", [500, 502, 504])
def test_of_an_error_of_the_service_it_is_unknown_whether_the_task_ran(make, cloud, status):
    (r,) = outcome(make, error(status, "ServiceException", "no"), 1, cloud)
    assert (r.status, r.retry) == ("unknown", True)


def test_a_lost_connection_leaves_open_whether_the_task_ran(make, cloud):
    assert [r.status for r in outcome(make, "drop", 3, cloud)] == ["unknown"] * 3


def test_a_request_that_lambda_refuses_is_not_made_again(make, cloud):
    (r,) = outcome(make, error(413, "RequestTooLargeException", "7000000 byte payload is too large"), 1, cloud)
    assert (r.status, r.retry) == ("error", False)


@pytest.mark.parametrize(
    ("kind", "message", "status"),
    [
        ("Sandbox.Timedout", "RequestId: x Error: Task timed out after 3.00 seconds", "timeout"),
        ("", "2026-01-01T00:00:00Z x Task timed out after 3.00 seconds", "timeout"),
        ("Runtime.ExitError", "RequestId: x Error: Runtime exited with error: signal: killed", "memory"),
        ("Runtime.OutOfMemory", "RequestId: x Error: Runtime exited with error: signal: killed", "memory"),
        ("MemoryError", "Unable to allocate 8 GiB", "memory"),
        ("Runtime.ExitError", "RequestId: x Error: Runtime exited with error: exit status 3", "crashed"),
        ("Runtime.ExitError", "RequestId: x Error: Runtime exited with error: signal: segmentation fault", "crashed"),
        ("Runtime.ExitError", "RequestId: x Error: Runtime exited without providing a reason", "crashed"),
        ("KeyError", "'store'", "error"),
    ],
)
def test_ways_to_die_are_told_apart(make, cloud, kind, message, status):
    log = f"START\nabout to die\n{REPORT}"
    reports = outcome(make, function_error(kind, message, log, ['  File "handler.py", line 1\n']), 2, cloud)
    assert function_status(kind, message) == status
    assert [(r.status, message in r.error, r.retry) for r in reports] == [(status, True, True)] * 2
    assert all("handler.py" in r.traceback and "about to die" in r.log for r in reports)


def test_the_billed_time_of_an_invocation_is_counted_once(make, cloud):
    executor = make()
    cloud.function = done
    body = {"version": "1", "reports": [{"task": i, "attempt": 0, "status": "done"} for i in range(2)]}
    cloud.script.extend([(200, log_header(REPORT), body)] * 2)
    for _ in range(2):
        executor.start(attempts(elementwise(4, 2)))
    assert sorted(r.billed_ms for r in drain(executor, 4)) == [0, 0, 42, 42]
    assert executor.billed_ms == 84


def test_the_first_report_says_how_long_the_invocation_took_to_begin_and_to_start_anew(make, cloud):
    def later(event):
        body = done(event)
        for report in body["reports"]:
            report["started_s"] = time.time() + 7.0
        return body

    executor, cloud.function = make(), later
    executor.start(attempts(elementwise(4, 2)))
    first, second = drain(executor, 2)
    assert 7.0 <= first.launch_s < 37.0
    assert (second.launch_s, first.init_s) == (0.0, 0.0)
    body = {"version": "1", "reports": [{"task": 0, "attempt": 0, "status": "done", "started_s": 1.0}]}
    cloud.script.append((200, log_header(REPORT.strip() + "\tInit Duration: 412.50 ms\t\n"), body))
    executor.start(attempts(elementwise(2, 2)))
    (cold,) = drain(executor, 1)
    assert (cold.init_s, cold.billed_ms) == (0.4125, 42)
    assert cold.launch_s == 0.0  # a clock that is behind says nothing


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (error(403, "AccessDeniedException", "no lambda:InvokeFunction"), AccessError, "lambdarray doctor"),
        (error(403, "ExpiredTokenException", "The security token is expired"), AccessError, "log in again"),
        (error(404, "ResourceNotFoundException", "Function not found"), DeploymentError, "lambdarray deploy"),
        ((200, {}, {"error": "version", "version": "0"}), VersionMismatchError, "runs lambdarray 0"),
        ((200, {}, "hello from another function"), DeploymentError, "hello from another function"),
        (function_error("Runtime.ImportModuleError", "No module named 'x'"), DeploymentError, "cannot start"),
    ],
)
def test_what_no_retry_would_mend_ends_the_run_with_one_clear_line(make, cloud, answer, kind, says):
    executor = make()
    cloud.script.append(answer)
    executor.start(attempts(elementwise(2, 2)))
    with pytest.raises(kind, match=says) as raised:
        executor.wait(30)
    assert "eu-central-1" in str(raised.value) or "expired" in str(raised.value)


def test_an_attempt_that_the_function_does_not_mention_counts_as_never_begun(make, cloud):
    body = {"version": "1", "reports": [{"task": 0, "attempt": 3, "status": "done"}]}
    assert [r.status for r in outcome(make, (200, {}, body), 3, cloud)] == ["done", "throttled", "throttled"]


def test_no_credentials_and_no_region_are_said_before_anything_is_sent(environ, tmp_path):
    environ.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(AccessError, match="no AWS credentials"):
        LambdaExecutor("f", "eu-central-1", str(tmp_path), 1)
    environ.setenv("AWS_ACCESS_KEY_ID", "AKIAFAKE")
    environ.delenv("AWS_REGION")
    environ.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match="no AWS region"):
        LambdaExecutor("f", None, str(tmp_path), 1)


def test_an_endpoint_that_cannot_be_reached_is_said_after_a_few_connections(environ, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environ.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{port}")
    executor, seen = LambdaExecutor("f", None, str(tmp_path), 8, version="1"), []
    for attempt in attempts(elementwise(16, 2)):
        executor.start([attempt])
    with pytest.raises(DeploymentError, match="cannot reach Lambda"):
        seen.extend(report for _ in range(20) for report in executor.wait(30))
    assert {r.status for r in seen} <= {"throttled"}
    executor.close()


def test_a_bundle_that_is_too_long_for_one_request_is_sent_as_several(make, cloud, monkeypatch):
    monkeypatch.setattr(payload, "LIMIT_BYTES", 1500)
    executor = make()
    executor.start(attempts(elementwise(60, 2)))
    assert {r.status for r in drain(executor, 30)} == {"done"}
    assert len(cloud.events) > 1
    assert max(len(body) for _, _, body in cloud.requests) <= 1500
    monkeypatch.setattr(payload, "LIMIT_BYTES", 100)
    with pytest.raises(PlanError, match="larger chunks"):
        executor.start(attempts(elementwise(2, 2)))


def test_a_request_of_several_megabytes_arrives(make, cloud):
    p = elementwise(4, 2, params={"by": 2.0, "text": "x" * (2 << 20)})
    executor = make()
    executor.start(attempts(p))
    drain(executor, 2)
    assert len(cloud.requests[0][2]) > 2 << 20


def test_calling_off_leaves_a_marker_only_when_nothing_else_is_in_flight(make, cloud, tmp_path):
    cloud.hold(99)
    executor, store = make(), open_store(str(tmp_path))
    executor.start(attempts(elementwise(4, 2)))
    executor.cancel([0])
    assert list(store.list("runs")) == []
    executor.cancel([0, 1])
    (key,) = store.list("runs")
    assert key.startswith("runs/plan.")
    assert key.endswith(".cancel")


def test_closing_with_work_in_flight_calls_it_off_and_does_not_wait_for_it(make, cloud, tmp_path):
    cloud.hold(99)
    executor = make()
    executor.start(attempts(elementwise(2, 2)))
    executor.close()
    assert len(list(open_store(str(tmp_path)).list("runs"))) == 1
    assert not [t for t in threading.enumerate() if t.name == "lambdarray-invoker"]


def test_closing_after_everything_came_back_leaves_nothing(make, cloud, tmp_path):
    executor = make()
    executor.start(attempts(elementwise(2, 2)))
    drain(executor, 1)
    executor.close()
    assert list(open_store(str(tmp_path)).list("runs")) == []


def test_the_limit_of_open_files_is_raised_for_the_run_and_put_back():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(300, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    try:
        files = FileLimit()
        assert files.raise_to(200) == 200
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 456
        files.restore()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (low, hard)
        assert files.raise_to(hard) == hard - 256
        files.restore()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_connections_over_tls_read_by_records_while_an_executor_is_open_and_no_longer():
    from asyncio.sslproto import SSLProtocol

    before = SSLProtocol.max_size
    with small_buffers:
        with small_buffers:
            assert SSLProtocol.max_size == 16 << 10
        assert SSLProtocol.max_size == 16 << 10
    assert SSLProtocol.max_size == before > 16 << 10


def test_connections_are_kept_alive_and_go_through_the_proxy_that_is_set(monkeypatch):
    with keepalive_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("no_proxy", "localhost")
    assert find_proxy("https://lambda.eu-central-1.amazonaws.com/x") == "http://127.0.0.1:3128"
    assert find_proxy("https://localhost/x") is None


def test_a_plan_runs_through_the_handler_and_the_executor(make, cloud, tmp_path):
    cloud.function = lambda event: json.loads(json.dumps(handler_module.handler(event, Context())))
    executor = make(version=handler_module.version())
    store, p, x = open_store(str(tmp_path)), elementwise(40, 2), np.arange(40.0)
    put(store, p.arrays["x"], x)
    work = attempts(p)
    for i in range(0, 20, 5):
        executor.start(work[i : i + 5])
    assert [r.status for r in drain(executor, 20)] == ["done"] * 20
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * x)
