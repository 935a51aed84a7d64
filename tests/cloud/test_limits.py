from __future__ import annotations

import re
from typing import Any

import pytest

SEGFAULT = "import ctypes\ndef handler(event, context): ctypes.string_at(0)"
ABORT = "import os\ndef handler(event, context): os.abort()"
EXIT = "import os\ndef handler(event, context): os._exit(event)"


@pytest.fixture(autouse=True)
def _in_a_namespace(account: Any) -> None:
    if account.cloud.isolation == "plain":
        pytest.skip("these limits need namespaces, which this machine does not let us have")


def test_a_function_that_takes_too_long_is_ended(account: Any) -> None:
    name = account.deploy("import time\ndef handler(event, context): time.sleep(event); return 'done'", Timeout=1)
    reply = account.invoke(name, 60)
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert reply.value["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert re.search(r"Z \S{36} Task timed out after 1.00 seconds", reply.log)
    assert "Duration: 1000.00 ms" in reply.log
    assert account.invoke(name, 0).value == "done"


@pytest.mark.parametrize(
    ("source", "event", "reason"),
    [
        (EXIT, 3, "exit status 3"),
        (SEGFAULT, None, "signal: segmentation fault"),
        (ABORT, None, "signal: aborted"),
    ],
)
def test_ways_to_crash_are_told_apart_and_the_next_call_gets_a_new_environment(
    account: Any, source: str, event: object, reason: str
) -> None:
    name = account.deploy(source)
    reply = account.invoke(name, event)
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert reply.value["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")
    assert "Runtime.ExitError" in reply.log
    assert "INIT_START" in account.invoke(name, event).log


def test_an_exit_without_an_error_is_without_a_reason(account: Any) -> None:
    assert "Runtime exited without providing a reason" in account.run(EXIT, 0).value["errorMessage"]


def test_a_function_that_needs_more_than_its_memory_is_killed(account: Any) -> None:
    name = account.deploy("def handler(event, context): return len(bytearray(event << 20))", MemorySize=200)
    assert account.invoke(name, 100).value == 100 << 20
    reply = account.invoke(name, 400)
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert reply.value["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert "Memory Size: 200 MB\tMax Memory Used: 200 MB" in reply.log
    assert account.invoke(name, 100).value == 100 << 20


def test_the_memory_of_child_processes_counts(account: Any) -> None:
    source = """
        import subprocess, sys
        def handler(event, context):
            code = "x = bytearray(400 << 20); import time; time.sleep(60)"
            subprocess.run([sys.executable, "-c", code])
    """
    reply = account.run(source, MemorySize=200, Timeout=20)
    assert reply.value["errorMessage"].endswith("signal: killed")


def test_tmp_is_private_and_bounded_and_stays_while_the_environment_is_warm(account: Any) -> None:
    source = """
        import os
        def handler(event, context):
            if event == "list":
                return os.listdir("/tmp")
            try:
                with open("/tmp/file", "wb") as file:
                    for _ in range(event):
                        file.write(bytes(1 << 20))
            except OSError as error:
                return os.strerror(error.errno)
            return os.path.getsize("/tmp/file") >> 20
    """
    name = account.deploy(source, MemorySize=1024)
    assert account.invoke(name, "list").value == []
    assert account.invoke(name, 500).value == 500
    assert account.invoke(name, "list").value == ["file"]
    assert account.invoke(name, 513).value == "No space left on device"
    larger = account.deploy(source, EphemeralStorage={"Size": 600})
    assert account.invoke(larger, 513).value == 513


def test_code_layers_and_the_rest_are_read_only(account: Any) -> None:
    source = """
        import os
        def attempt(path):
            try:
                open(path, "w").close()
            except OSError as error:
                return os.strerror(error.errno)
        def handler(event, context):
            return [attempt(path) for path in event]
    """
    paths = ["/var/task/x", "/opt/x", "/x", "/etc/x", "/var/lang/x", "/dev/shm/x"]
    *refused, shared = account.run(source, paths).value
    assert set(refused) <= {"Read-only file system", "Permission denied"}
    assert shared == "No such file or directory"


def test_shared_memory_is_not_to_be_had(account: Any) -> None:
    source = "import multiprocessing\ndef handler(event, context): return multiprocessing.Lock() and 1"
    assert account.run(source).value["errorType"] in ("OSError", "FileNotFoundError")


def test_there_are_1024_files(account: Any) -> None:
    source = """
        import os
        def handler(event, context):
            files = []
            try:
                while True:
                    files.append(os.open("/dev/null", os.O_RDONLY))
            except OSError as error:
                return [len(files), os.strerror(error.errno)]
    """
    count, reason = account.run(source).value
    assert 1000 < count < 1024
    assert reason == "Too many open files"


def test_there_are_1024_threads(account: Any) -> None:
    source = """
        import threading
        def handler(event, context):
            stop, started = threading.Event(), 0
            threading.stack_size(65536)
            try:
                for _ in range(1100):
                    threading.Thread(target=stop.wait).start()
                    started += 1
            except RuntimeError as error:
                return [started, str(error)]
            finally:
                stop.set()
    """
    started, reason = account.run(source, MemorySize=512, Timeout=30).value
    assert 1000 < started < 1024
    assert reason == "can't start new thread"


def test_init_that_takes_too_much_memory_is_killed(account: Any) -> None:
    reply = account.run("x = bytearray(400 << 20)\ndef handler(event, context): return 1", MemorySize=200)
    assert "signal: killed" in reply.value["errorMessage"]
