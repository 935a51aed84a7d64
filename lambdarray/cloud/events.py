"""What can happen to an environment while somebody waits for it."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass

from lambdarray.cloud.times import log_time

# As Go's syscall.Signal prints them, because Lambda's runtime supervisor does.
_SIGNAL_NAMES = {
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGTERM: "terminated",
}


@dataclass(frozen=True, slots=True)
class Invocation:
    """One delivery of a payload to an environment."""

    request_id: str
    function_arn: str
    payload: bytes
    client_context: str | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """The runtime asks for the next invocation: it is ready."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The handler returned."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, the runtime could not start, or the platform ended the invocation."""

    payload: bytes
    error_type: str
    status: str = "error"


@dataclass(frozen=True, slots=True)
class Exited:
    """The process has ended; `status` is as waitpid gives it."""

    status: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The time that was given is over."""


Event = Next | Answered | Failed | Exited | TimedOut


def platform_error(error_type: str, message: str, request_id: str, status: str = "error") -> Failed:
    """An error that the platform reports, not the function."""
    body = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return Failed(json.dumps(body).encode(), error_type, status)


def exit_reason(status: int) -> str:
    """How a process ended, in Lambda's words.

    >>> exit_reason(3 << 8), exit_reason(11)
    ('Runtime exited with error: exit status 3', 'Runtime exited with error: signal: segmentation fault')
    """
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"Runtime exited with error: signal: {_SIGNAL_NAMES.get(signal.Signals(number), f'signal {number}')}"
    if os.WEXITSTATUS(status):
        return f"Runtime exited with error: exit status {os.WEXITSTATUS(status)}"
    return "Runtime exited without providing a reason"


def exit_error(status: int, request_id: str) -> Failed:
    """The error of an invocation whose process ended under it."""
    return platform_error("Runtime.ExitError", exit_reason(status), request_id)


def timeout_error(seconds: float, request_id: str) -> Failed:
    """The error of an invocation that ran out of time."""
    message = f"Task timed out after {seconds:.2f} seconds"
    return platform_error("Sandbox.Timedout", message, request_id, status="timeout")


def error_lines(failure: Failed, request_id: str) -> str:
    """What the platform writes to the log about an error of its own; nothing for a handler's exception."""
    if failure.error_type not in ("Sandbox.Timedout", "Runtime.ExitError"):
        return ""
    message = json.loads(failure.payload)["errorMessage"].partition("Error: ")[2]
    if failure.status == "timeout":
        return f"{log_time()} {request_id} {message}\n\n"
    return f"RequestId: {request_id} Error: {message}\nRuntime.ExitError\n"
