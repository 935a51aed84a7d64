from __future__ import annotations

import base64
import json
import re
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

ECHO = "def handler(event, context): return event"


def test_the_event_arrives_and_the_answer_returns(account: Any) -> None:
    event = {"numbers": [1, 2.5, None, True], "text": "grüße", "nested": {"a": []}}
    answer = account.client.invoke(FunctionName=account.deploy(ECHO), Payload=json.dumps(event))
    assert json.loads(answer["Payload"].read()) == event
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert "LogResult" not in answer


def test_no_payload_is_an_empty_object(account: Any) -> None:
    assert account.client.invoke(FunctionName=account.deploy(ECHO))["Payload"].read() == b"{}"


def test_a_payload_that_is_no_json_is_refused(account: Any) -> None:
    with pytest.raises(account.client.exceptions.InvalidRequestContentException, match="Could not parse"):
        account.client.invoke(FunctionName=account.deploy(ECHO), Payload=b"{no json")


def test_the_context_says_what_runs_and_how_long_it_may(account: Any) -> None:
    source = """
        def handler(event, context):
            client = context.client_context
            return [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,
                    context.aws_request_id, context.get_remaining_time_in_millis(), client and client.custom]
    """
    name = account.deploy(source, MemorySize=256, Timeout=7)
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()
    answer = account.client.invoke(FunctionName=name, ClientContext=context)
    found, memory, arn, request_id, left, custom = json.loads(answer["Payload"].read())
    assert (found, memory) == (name, "256")
    assert arn == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert request_id == answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert 6000 < left <= 7000
    assert custom == {"a": "b"}


def test_a_dry_run_runs_nothing(account: Any) -> None:
    name = account.deploy("calls = []\ndef handler(event, context): calls.append(1); return len(calls)")
    assert account.client.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    assert account.invoke(name).value == 1


def test_the_log_tail_has_what_was_printed_between_start_and_report(account: Any) -> None:
    source = """
        import logging, sys
        print("at init")
        def handler(event, context):
            print("to stdout")
            sys.stderr.write("to stderr\\n")
            logging.getLogger().warning("by logging")
    """
    name = account.deploy(source)
    cold, warm = account.invoke(name).log, account.invoke(name).log
    order = ["INIT_START", "at init", "START RequestId", "to stdout", "to stderr", "[WARNING]", "END", "REPORT"]
    positions = [cold.index(text) for text in order]
    assert positions == sorted(positions)
    assert "by logging" in cold
    assert "at init" not in warm
    assert warm.startswith("START RequestId")


def test_the_report_bills_init_and_says_how_much_memory_was_used(account: Any) -> None:
    source = "x = bytearray(50 << 20)\ndef handler(event, context): return 1"
    name = account.deploy(source, MemorySize=200)
    cold, warm = account.invoke(name).log, account.invoke(name).log
    pattern = r"\tDuration: (\S+) ms\tBilled Duration: (\d+) ms\tMemory Size: 200 MB\tMax Memory Used: (\d+) MB\t"
    duration, billed, used, init = re.search(pattern + r"Init Duration: (\S+) ms\t", cold).groups()  # type: ignore[union-attr]
    assert float(duration) + float(init) <= int(billed) <= float(duration) + float(init) + 1
    assert 50 < int(used) < 200
    duration, billed, used = re.search(pattern, warm).groups()  # type: ignore[union-attr]
    assert float(duration) <= int(billed) <= float(duration) + 1
    assert "Init Duration" not in warm


def test_only_the_last_4_kb_of_the_log_return(account: Any) -> None:
    reply = account.run("def handler(event, context): print('x' * 100_000); print('the end')")
    assert len(reply.log) == 4096
    assert "the end" in reply.log


def test_an_exception_is_an_unhandled_error_with_its_stack(account: Any) -> None:
    source = """
        def inner():
            raise ValueError("no good")
        def handler(event, context):
            inner()
    """
    name = account.deploy(source)
    reply = account.invoke(name)
    assert reply.error == "Unhandled"
    assert (reply.value["errorType"], reply.value["errorMessage"]) == ("ValueError", "no good")
    assert ["line 5" in reply.value["stackTrace"][0], "line 3" in reply.value["stackTrace"][1]] == [True, True]
    assert "[ERROR] ValueError: no good" in reply.log
    assert "INIT_START" not in account.invoke(name).log


def test_an_answer_that_is_no_json_is_a_marshalling_error(account: Any) -> None:
    reply = account.run("def handler(event, context): return object()")
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", "Runtime.MarshalError")


@pytest.mark.parametrize(
    ("source", "settings", "error_type", "message"),
    [
        ("import missing_module", {}, "Runtime.ImportModuleError", "No module named 'missing_module'"),
        ("def handler(:", {}, "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("x = 1", {}, "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("raise KeyError('at import')", {}, "KeyError", "at import"),
        ("import sys; sys.exit(4)", {}, "Runtime.ExitError", "exit status 4"),
    ],
)
def test_a_function_that_cannot_start_says_why(
    account: Any, source: str, settings: dict[str, Any], error_type: str, message: str
) -> None:
    reply = account.run(source, **settings)
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", error_type)
    assert message in reply.value["errorMessage"]
    assert "Phase: init\tStatus: error" in reply.log


def test_a_file_that_others_may_not_read_cannot_be_imported(account: Any, make_zip: Any) -> None:
    if account.cloud.isolation != "root":
        pytest.skip("only root can run functions as another user")
    reply = account.run("", Code={"ZipFile": make_zip({"app.py": ECHO}, mode=0o600)})
    assert "Permission denied" in reply.value["errorMessage"]


def test_a_request_of_6_mb_passes_and_one_byte_more_does_not(account: Any) -> None:
    name = account.deploy("def handler(event, context): return len(event)")
    fits = b'"' + b"x" * (6 * 2**20 - 2) + b'"'
    assert account.client.invoke(FunctionName=name, Payload=fits)["Payload"].read() == b"6291454"
    with pytest.raises(account.client.exceptions.RequestTooLargeException) as caught:
        account.client.invoke(FunctionName=name, Payload=fits + b" ")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_an_event_of_1_mb_passes_and_one_byte_more_does_not(account: Any) -> None:
    name = account.deploy(ECHO)
    fits = b'"' + b"x" * (2**20 - 2) + b'"'
    assert account.client.invoke(FunctionName=name, Payload=fits, InvocationType="Event")["StatusCode"] == 202
    with pytest.raises(account.client.exceptions.RequestTooLargeException, match="limit 1048576 bytes"):
        account.client.invoke(FunctionName=name, Payload=fits + b" ", InvocationType="Event")


def test_an_answer_of_6_mb_passes_and_a_larger_one_does_not(account: Any) -> None:
    name = account.deploy("def handler(event, context): return 'x' * event")
    assert len(account.invoke(name, 6 * 2**20 - 2).value) == 6 * 2**20 - 2
    reply = account.invoke(name, 6 * 2**20 + 100)
    assert (reply.error, reply.value["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert account.invoke(name, 1).value == "x"


def test_an_unsigned_request_is_refused(account: Any) -> None:
    url = account.cloud.environ["AWS_ENDPOINT_URL_LAMBDA"] + "/2015-03-31/functions/"
    with pytest.raises(HTTPError, match="403") as caught:
        urllib.request.urlopen(url)
    with caught.value as answer:
        assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_a_wrong_secret_is_refused(account: Any, connect: Any) -> None:
    environ = account.cloud.environ | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    other = connect(type("Elsewhere", (), {"environ": environ})(), "lambda")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        other.list_functions()
