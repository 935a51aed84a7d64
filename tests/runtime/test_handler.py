from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lambdarray_kernels import kernel

from lambdarray.runtime import environment, handler
from lambdarray.runtime.events import Decoder
from lambdarray.runtime.executors import payload
from lambdarray.runtime.executors.payload import Encoder
from lambdarray.store import open_store
from lambdarray.task import TaskReport

from .fake_lambda import Context
from .programs import attempts, elementwise, get, put


@pytest.fixture
def store(tmp_path):
    with open_store(str(tmp_path)) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("LAMBDARRAY_STORE", raising=False)
    monkeypatch.delenv("LAMBDARRAY_VERSION", raising=False)
    monkeypatch.setattr(handler, "_runs", {})
    monkeypatch.setattr(handler, "_warm", False)


def event(store, *programs, run="r", number=0, **settings):
    work, first = [], 0
    for p in programs:
        work += attempts(p, number, first, **settings)
        first += p.task_count
    ((_, body),) = Encoder(handler.version(), store.url, run).encode(work)
    return json.loads(body)


def call(event, seconds=900.0):
    answer = json.loads(json.dumps(handler.handler(event, Context(seconds))))
    if "reports" in answer:
        answer["reports"] = sorted(map(TaskReport.from_json, answer["reports"]), key=lambda r: r.task)
    return answer


def test_a_bundle_is_run_and_every_attempt_reported(store):
    p = elementwise(10, 2)
    put(store, p.arrays["x"], np.arange(10.0))
    answer = call(event(store, p))
    assert answer["version"] == handler.version()
    assert [(r.task, r.status) for r in answer["reports"]] == [(i, "done") for i in range(5)]
    np.testing.assert_array_equal(get(store, p.arrays["y"]), 2 * np.arange(10.0))
    assert answer["rss_bytes"] > 1 << 20


def test_the_first_invocation_is_cold_and_its_first_report_says_so(store):
    p, q = elementwise(4, 2), elementwise(4, 2, target="w")
    put(store, p.arrays["x"], np.arange(4.0))
    first, second = call(event(store, p)), call(event(store, q))
    assert (first["cold"], second["cold"]) == (True, False)
    assert [r.cold for r in first["reports"]] == [True, False]
    assert not any(r.cold for r in second["reports"])


def test_another_version_is_refused_with_its_own(store, monkeypatch):
    sent = event(store, elementwise(4, 2))
    monkeypatch.setenv("LAMBDARRAY_VERSION", "0.0.1+abc")
    assert call(sent) == {"error": "version", "version": "0.0.1+abc"}


def test_a_failure_is_a_report_and_the_rest_goes_on(store):
    good = elementwise(4, 2, target="w")
    bad = elementwise(4, 2, "test_raise", {"error": "ValueError", "message": "no good"})
    put(store, good.arrays["x"], np.arange(4.0))
    reports = call(event(store, bad, good))["reports"]
    assert [r.status for r in reports] == ["error", "error", "done", "done"]
    assert reports[0].error == "ValueError: no good"
    assert [r.retry for r in reports] == [False, False, True, True]


@pytest.mark.parametrize("limit", [1, 8192])
def test_a_worker_that_gets_all_events_of_a_run_is_sent_the_text_of_a_program_once(store, monkeypatch, limit):
    monkeypatch.setattr(payload, "ATTEMPTS_LIMIT", limit)
    p, q = elementwise(4, 2), elementwise(4, 2, target="w")
    encoder, decoder, known = Encoder("1", store.url, "r"), Decoder(), set()
    texts, work = [], []
    for bundle in (attempts(p), attempts(p, first_id=2) + attempts(q, first_id=4)):
        for part, body in encoder.encode(bundle, known):
            event = json.loads(body)
            texts += event["programs"]
            decoded = decoder.attempts(event)
            work += decoded
            assert [a.task.name for a in decoded] == [a.task.name for a in part]
    assert len(texts) == len(set(texts)) == len(decoder.programs) == 2
    assert [a.id for a in work] == list(range(6))
    assert [a.task.program.writes[0].array for a in work] == ["y"] * 4 + ["w"] * 2


def test_a_warm_environment_keeps_what_it_knows_of_a_run(store):
    p, q = elementwise(4, 2), elementwise(4, 2, target="w")
    put(store, p.arrays["x"], np.arange(4.0))
    call(event(store, p))
    here = handler._runs[store.url, "r"]
    sent = event(store, p, q)
    sent["programs"] = {
        name: data if data["arrays"][1]["name"] == "w" else None for name, data in sent["programs"].items()
    }
    call(sent)
    assert handler._runs[store.url, "r"] is here
    assert len(here.programs) == 2


def test_only_the_last_few_runs_are_kept(store):
    p = elementwise(2, 2)
    put(store, p.arrays["x"], np.arange(2.0))
    for i in range(10):
        call(event(store, p, run=str(i), number=1))
    assert [run for _, run in handler._runs] == ["6", "7", "8", "9"]


def test_a_task_for_which_too_little_time_is_left_is_not_begun(store, monkeypatch):
    p, clock = elementwise(6, 2, "test_slow", {}), [100.0]

    @kernel(flops=lambda *_: 0, name="test_slow")
    def slow(a):
        clock[0] -= 40
        return a + 0

    put(store, p.arrays["x"], np.arange(6.0))
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 1000 * clock[0])
    reports = call(event(store, p))["reports"]
    assert [r.status for r in reports] == ["done", "done", "throttled"]
    assert reports[2].error.startswith("not begun: 20 s are left")
    assert reports[2].retry


def test_the_first_task_is_begun_however_little_time_is_left_but_ends_in_time(store):
    p = elementwise(4, 2)
    put(store, p.arrays["x"], np.arange(4.0))
    reports = call(event(store, p), seconds=1.0)["reports"]
    assert [r.status for r in reports] == ["timeout", "throttled"]


def test_a_bundle_ends_in_its_own_time_where_that_is_less_than_the_functions(store, monkeypatch):
    p, clock = elementwise(6, 2, "test_slow_bundle", {}), [0.0]

    @kernel(flops=lambda *_: 0, name="test_slow_bundle")
    def slow(a):
        clock[0] += 20
        return a + 0

    put(store, p.arrays["x"], np.arange(6.0))
    monkeypatch.setattr(handler, "monotonic", lambda: clock[0])
    sent = event(store, p, deadline_s=15.0)
    assert sent["limit_s"] == 45.0
    reports = call(sent)["reports"]  # 45 s, and the reserve: one more would take longer than what is left
    assert [r.status for r in reports] == ["done", "done", "throttled"]
    assert reports[2].error.startswith("not begun: 7 s are left")


ENDLESS = """
import sys, time
from lambdarray_kernels import kernel
from lambdarray.runtime import handler
from tests.runtime.fake_lambda import Context
from tests.runtime.programs import attempts, elementwise
from lambdarray.runtime.executors.payload import Encoder
import json

@kernel(flops=lambda *_: 0, name="test_endless")
def endless(a):
    time.sleep(60)
    return a

handler.RESERVE_S = 0.5
p = elementwise(2, 2, "test_endless", {})
((_, body),) = Encoder(handler.version(), sys.argv[1], "r").encode(attempts(p, deadline_s=0.5))
begin = time.monotonic()
try:
    handler.handler(json.loads(body), Context())
finally:
    print("survived")
"""


def test_a_kernel_that_goes_on_and_on_ends_with_its_process_when_the_bundles_time_is_over(store):
    p = elementwise(2, 2)
    put(store, p.arrays["x"], np.arange(2.0))
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", ENDLESS, store.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=root)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Timeout (0:00:01)" in done.stderr  # with the stack of the kernel


def test_a_run_that_was_called_off_ends_between_steps(store, monkeypatch):
    monkeypatch.setattr(handler, "CANCEL_EVERY_S", -1.0)
    p = elementwise(8, 2)
    put(store, p.arrays["x"], np.arange(8.0))
    store.put_bytes("runs/r.cancel", b"cancelled")
    reports = call(event(store, p))["reports"]
    assert {(r.status, r.error) for r in reports} == {("throttled", "cancelled")}
    assert len(reports) == 4
    assert {r.status for r in call(event(store, p, run="other"))["reports"]} == {"done"}


def test_an_answer_stays_below_lambdas_limit(store):
    bad = elementwise(400, 2, "test_raise", {"error": "OSError", "message": "x" * 40_000})
    put(store, bad.arrays["x"], np.arange(400.0))
    answer = handler.handler(event(store, bad), Context())
    assert len(answer["reports"]) == 200
    assert len(json.dumps(answer)) < 6_000_000
    assert all("test_raise" not in r["error"] and r["error"].startswith("OSError: xxx") for r in answer["reports"])


def test_a_ping_says_what_it_runs_on_and_touches_its_store(store, monkeypatch):
    answer = call({"ping": True, "store": store.url})
    assert answer["version"] == handler.version()
    assert answer["numpy"] == np.__version__
    assert answer["store"] == store.url
    assert answer["cores"] >= 1
    assert list(store.list()) == ["ping/last"]
    assert "store" not in call({"ping": True})
    monkeypatch.setenv("LAMBDARRAY_STORE", store.url)
    assert call({"ping": True})["store"] == store.url
    assert "ConfigError" in call({"ping": True, "store": "ftp://nowhere"})["store_error"]


def test_blas_has_all_cores_of_the_function_once_a_program_uses_it(store, monkeypatch):
    asked = []
    monkeypatch.setattr(environment, "set_blas_threads", asked.append)
    plain, blas = elementwise(4, 2), elementwise(4, 2, "test_thread", {}, dtype="i8", target="w")
    put(store, plain.arrays["x"], np.arange(4.0))
    call(event(store, plain))
    assert asked == []
    call(event(store, blas))
    assert asked == [environment.blas_threads()]


@pytest.mark.parametrize(("memory", "threads"), [("128", 1), ("1769", 1), ("3008", 2), ("5307", 3), ("10240", 6)])
def test_blas_gets_a_thread_for_each_vcpu_that_the_memory_pays_for(monkeypatch, memory, threads):
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
    monkeypatch.setattr(environment, "cores", lambda: 6)
    assert environment.blas_threads() == threads
    monkeypatch.setattr(environment, "cores", lambda: 1)
    assert environment.blas_threads() == 1


PROBE = """
import os
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy, threadpoolctl
from lambdarray.runtime.environment import set_blas_threads
count = lambda: [i["num_threads"] for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"]
assert count() == [1], count()
assert set_blas_threads(2) == 1
assert count() == [2], count()
a = numpy.ones((300, 300))
assert (a @ a == 300).all()
"""


def test_blas_threads_are_set_without_any_library_but_the_standard_one():
    subprocess.run([sys.executable, "-c", PROBE], check=True, timeout=60)


IMPORTS = """
import importlib.util, os, sys, types
os.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:1"
spec = importlib.util.find_spec("lambdarray")
package = types.ModuleType("lambdarray")  # without what its __init__ imports
package.__path__ = list(spec.submodule_search_locations)
sys.modules["lambdarray"] = package
import lambdarray.runtime.handler
heavy = {"boto3", "botocore", "asyncio", "aiohttp", "scipy", "obstore", "logging", "concurrent.futures", "cloudpickle"}
ours = {m.split(".")[1] for m in sys.modules if m.startswith("lambdarray.")}
print(" ".join(sorted(heavy & set(sys.modules))), "|", " ".join(sorted(ours)))
"""


def test_a_cold_start_imports_only_what_a_worker_needs():
    out = subprocess.run([sys.executable, "-c", IMPORTS], check=True, timeout=60, capture_output=True, text=True).stdout
    heavy, ours = out.split("|")
    assert heavy.split() == []
    assert set(ours.split()) <= {"_version", "config", "errors", "numbering", "runtime", "store", "task", "tiling"}
