from __future__ import annotations

import os
import re
from typing import Any

COUNT = """
count = 0
def handler(event, context):
    global count
    count += 1
    return count
"""


def test_a_warm_environment_keeps_its_state(account: Any) -> None:
    name = account.deploy(COUNT)
    assert [account.invoke(name).value for _ in range(3)] == [1, 2, 3]


def test_an_exception_leaves_the_environment_warm(account: Any) -> None:
    failing = account.deploy(COUNT.replace("return count", "return [count, 1 / event][0]"))
    assert account.invoke(failing, 0).error == "Unhandled"
    assert account.invoke(failing, 1).value == 2


def test_a_changed_function_starts_cold(account: Any) -> None:
    name = account.deploy(COUNT)
    assert [account.invoke(name).value for _ in range(2)] == [1, 2]
    account.client.update_function_configuration(FunctionName=name, Timeout=9)
    assert account.invoke(name).value == 1


def test_an_idle_environment_is_frozen(account: Any, until: Any) -> None:
    source = """
        import threading, time
        beats = []
        def beat():
            while True:
                beats.append(time.monotonic())
                time.sleep(0.001)
        threading.Thread(target=beat, daemon=True).start()
        def handler(event, context):
            time.sleep(0.05)
            now = time.monotonic()
            times = beats + [now]
            return max(b - a for a, b in zip(times, times[1:])), len(beats)
    """
    name = account.deploy(source)
    account.invoke(name)
    other = account.deploy("import time\ndef handler(event, context): time.sleep(0.5)")
    account.invoke(other)
    longest_gap, _ = account.invoke(name).value
    assert longest_gap > 0.4


def test_an_idle_environment_ends_after_a_while(make_account: Any, until: Any) -> None:
    account = make_account(idle_seconds=0.0)
    name = account.deploy(COUNT)
    account.invoke(name)
    until(lambda: account.invoke(name).value == 1)


def presigned(account: Any, connect: Any, operation: str, key: str) -> str:
    client = connect(account.cloud, "s3")
    url: str = client.generate_presigned_url(operation, Params={"Bucket": "code", "Key": key})
    return url


def test_init_that_fails_is_tried_once_more_in_the_time_of_the_invocation(account: Any, connect: Any) -> None:
    source = """
        import os, urllib.request
        try:
            urllib.request.urlopen(os.environ["READ"]).close()
        except OSError:
            urllib.request.urlopen(urllib.request.Request(os.environ["WRITE"], b"x", method="PUT")).close()
            os._exit(5)
        def handler(event, context):
            return "second"
    """
    operations = {"READ": "get_object", "WRITE": "put_object"}
    urls = {name: presigned(account, connect, operation, "tried") for name, operation in operations.items()}
    reply = account.run(source, Timeout=10, Environment={"Variables": urls})
    assert reply.value == "second"
    assert re.search(r"INIT_REPORT Init Duration: \S+ ms\tPhase: init\tStatus: error", reply.log)


def test_code_inside_reaches_s3(account: Any, connect: Any) -> None:
    connect(account.cloud, "s3").put_object(Bucket="code", Key="greeting", Body=b"hello")
    source = """
        import os, urllib.request
        def handler(event, context):
            assert event.startswith(os.environ["AWS_ENDPOINT_URL_S3"])
            with urllib.request.urlopen(event) as answer:
                return answer.read().decode()
    """
    url = presigned(account, connect, "get_object", "greeting")
    assert account.run(source, url).value == "hello"


def test_a_function_uses_the_instructions_that_this_machine_is_told_to(account: Any) -> None:
    source = "import os\ndef handler(event, context): return {k: os.environ.get(k) for k in event}"
    told = {name: os.environ.get(name) for name in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES")}
    assert account.invoke(account.deploy(source), list(told)).value == told
