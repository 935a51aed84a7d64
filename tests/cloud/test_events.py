from __future__ import annotations

from typing import Any

# Notes each delivery, and fails as often as the event says; a synchronous call with None reads the notes.
NOTES = """
import os
seen = []
def handler(event, context):
    if event is None:
        return seen
    seen.append([event["id"], context.aws_request_id])
    if sum(note[0] == event["id"] for note in seen) <= event.get("failures", 0):
        raise RuntimeError("again")
"""


def deploy_notes(account: Any) -> str:
    name: str = account.deploy(NOTES)
    account.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    return name


def send(account: Any, name: str, event: str) -> None:
    answer = account.client.invoke(FunctionName=name, Payload=event, InvocationType="Event")
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""


def notes(account: Any, name: str) -> list[list[str]]:
    while True:
        try:
            found: list[list[str]] = account.invoke(name).value
        except account.client.exceptions.TooManyRequestsException:
            continue
        return found


def test_an_event_is_delivered_in_the_background(account: Any, until: Any) -> None:
    name = deploy_notes(account)
    send(account, name, '{"id": 1}')
    until(lambda: len(notes(account, name)) == 1)


def test_a_failing_event_is_tried_twice_more_under_the_same_request_id(account: Any, until: Any) -> None:
    name = deploy_notes(account)
    send(account, name, '{"id": 1, "failures": 9}')
    until(lambda: len(notes(account, name)) == 3)
    assert len({request for _, request in notes(account, name)}) == 1


def test_an_event_that_succeeds_is_not_tried_again(account: Any, until: Any) -> None:
    name = deploy_notes(account)
    send(account, name, '{"id": 1, "failures": 1}')
    until(lambda: len(notes(account, name)) == 2)
    send(account, name, '{"id": 2}')
    until(lambda: len(notes(account, name)) == 3)


def test_retries_can_be_turned_off(account: Any, until: Any) -> None:
    name = deploy_notes(account)
    account.client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    send(account, name, '{"id": 1, "failures": 9}')
    until(lambda: len(notes(account, name)) == 1)
    send(account, name, '{"id": 2}')
    until(lambda: [note[0] for note in notes(account, name)] == [1, 2])


def test_events_beyond_the_concurrency_wait_and_arrive(account: Any, until: Any) -> None:
    name = deploy_notes(account)
    for i in range(8):
        send(account, name, f'{{"id": {i}}}')
    until(lambda: sorted(note[0] for note in notes(account, name)) == list(range(8)))


def test_an_event_can_be_delivered_twice(make_account: Any, until: Any) -> None:
    account = make_account(duplicate_events=1.0)
    name = deploy_notes(account)
    send(account, name, '{"id": 1}')
    until(lambda: len(notes(account, name)) == 2)
    assert len({request for _, request in notes(account, name)}) == 1


def test_what_functions_print_is_found_in_their_log_group(account: Any, connect: Any, until: Any) -> None:
    name = account.deploy("def handler(event, context): print('look here')")
    account.invoke(name)
    logs = connect(account.cloud, "logs")

    def messages() -> list[str]:
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        if not groups:
            return []
        return [event["message"] for event in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]

    until(lambda: "look here" in messages())
