from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

HOLD = """
import time
def handler(event, context):
    if event == "hold":
        time.sleep(60)
    return "free"
"""


def refusal(account: Any, name: str, event: object = None) -> str:
    """The reason of a 429, or what the function returned instead."""
    try:
        return str(account.invoke(name, event).value)
    except account.client.exceptions.TooManyRequestsException as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return str(error.response["Reason"]) if status == 429 else f"status {status}"


def hold(account: Any, name: str, count: int) -> ThreadPoolExecutor:
    """Occupy `count` environments until the function is timed out."""

    def occupy() -> None:
        while "Task timed out" not in refusal(account, name, "hold"):
            pass

    threads = ThreadPoolExecutor(count)
    for _ in range(count):
        threads.submit(occupy)
    return threads


def test_a_function_with_no_reserved_concurrency_left_answers_429(account: Any, until: Any) -> None:
    name = account.deploy(HOLD, Timeout=1)
    account.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)
    with hold(account, name, 2):
        until(lambda: refusal(account, name) == "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert refusal(account, name) == "free"


def test_a_reserved_concurrency_of_zero_stops_a_function(account: Any) -> None:
    name = account.deploy(HOLD)
    account.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert refusal(account, name) == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_functions_without_a_reservation_share_the_accounts_concurrency(make_account: Any, until: Any) -> None:
    account = make_account(account_concurrency=2)
    one, two = account.deploy(HOLD, Timeout=1), account.deploy(HOLD)
    with hold(account, one, 2):
        until(lambda: refusal(account, two) == "ConcurrentInvocationLimitExceeded")
    assert refusal(account, two) == "free"


def test_what_is_reserved_is_taken_from_the_account(make_account: Any) -> None:
    account = make_account(account_concurrency=101)
    reserved, other = account.deploy(HOLD), account.deploy(HOLD)
    account.client.put_function_concurrency(FunctionName=reserved, ReservedConcurrentExecutions=1)
    assert account.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    assert refusal(account, other) == "free"


def test_all_environments_fit_the_memory_that_the_cloud_was_given(make_account: Any, until: Any) -> None:
    account = make_account(memory_total_mib=300)
    one, two = account.deploy(HOLD, Timeout=1), account.deploy(HOLD, MemorySize=200)
    with hold(account, one, 1):
        until(lambda: refusal(account, two) == "ConcurrentInvocationLimitExceeded")
    assert refusal(account, two) == "free"


def test_an_idle_environment_makes_room_for_another_function(make_account: Any) -> None:
    account = make_account(memory_total_mib=300)
    one, two = account.deploy(HOLD, MemorySize=200), account.deploy(HOLD, MemorySize=200)
    for name in (one, two, one):
        reply = account.invoke(name)
        assert reply.value == "free"
        assert "INIT_START" in reply.log


def test_a_function_larger_than_the_memory_that_is_there_runs_alone(make_account: Any) -> None:
    account = make_account(memory_total_mib=300)
    assert account.run(HOLD, MemorySize=500).value == "free"


def test_hundreds_of_open_connections_are_stood(account: Any) -> None:
    name = account.deploy(HOLD)
    host, port = account.cloud.environ["AWS_ENDPOINT_URL_LAMBDA"].removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
        assert refusal(account, name) == "free"


def test_many_cold_starts_at_a_time_all_answer(account: Any) -> None:
    name, ready = account.deploy(HOLD), threading.Barrier(24)

    def call(_: int) -> str:
        ready.wait()
        return refusal(account, name)

    with ThreadPoolExecutor(24) as threads:
        assert set(threads.map(call, range(24))) == {"free"}


def test_concurrent_invocations_run_in_environments_of_their_own(account: Any) -> None:
    source = """
        import os, time
        def handler(event, context):
            time.sleep(0.3)
            return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
    """
    name = account.deploy(source)
    with ThreadPoolExecutor(4) as threads:
        streams = list(threads.map(lambda _: account.invoke(name).value, range(4)))
    assert len(set(streams)) == 4
