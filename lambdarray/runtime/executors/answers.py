"""What Lambda's answer to an invocation means for each attempt of its bundle.

200, no function error       the function's own reports
200, a function error        timeout, memory, crashed or error, by its type and message
429, 503, 409                throttled: it never began
500, 502, 504, a lost connection   unknown: it may have run
401, 403                     AccessError, 404 DeploymentError: no retry would help, the run ends
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import AccessError, DeploymentError, VersionMismatchError
from ...task import TaskReport
from . import Attempt

THROTTLED = frozenset({409, 429, 503})
REFUSED = frozenset({400, 413, 415})
BILLED = re.compile(r"Billed Duration: (\d+) ms")
INIT = re.compile(r"Init Duration: ([\d.]+) ms")
# Errors of the runtime itself: the package cannot run, whatever the task.
BROKEN = ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.UserCodeSyntaxError", "Runtime.InvalidEntry")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer to Invoke; `sent_s` is when the request was sent, in seconds since 1970."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sent_s: float = 0.0


class Answers:
    """Reads the answers of one function."""

    def __init__(self, function: str, region: str, version: str, store: str) -> None:
        self.function, self.region, self.version, self.store = function, region, version, store
        self.billed_ms = 0

    def reports(self, bundle: Sequence[Attempt], answer: Answer) -> list[TaskReport]:
        """A report for each attempt. Raises AccessError or DeploymentError where the run cannot go on."""
        if answer.status != 200:
            return self._refused(bundle, answer)
        log = _log_tail(answer.headers)
        if "X-Amz-Function-Error" in answer.headers:
            reports = self._failed(bundle, _json(answer.body), log)
        else:
            reports = self._answered(bundle, _json(answer.body))
        if reports:
            self._say_of_invocation(reports[0], log, answer.sent_s)
        return reports

    def _say_of_invocation(self, first: TaskReport, log: str, sent_s: float) -> None:
        """Add to the bundle's first report what is known of the whole invocation."""
        if billed := BILLED.search(log):
            first.billed_ms = int(billed[1])
            self.billed_ms += first.billed_ms
        if init := INIT.search(log):
            first.init_s = float(init[1]) / 1000
        if first.started_s and sent_s:  # two clocks, which may differ by more than it takes
            first.launch_s = max(0.0, first.started_s - sent_s)

    def _answered(self, bundle: Sequence[Attempt], said: Any) -> list[TaskReport]:
        if not isinstance(said, dict) or not {"reports", "error"} & said.keys():
            raise DeploymentError(
                f"{self._name()} answers {str(said)[:200]!r}, which is not what lambdarray would; deploy under another "
                f"name, or run: {self._deploy()}"
            )
        if said.get("error") == "version":
            raise VersionMismatchError(
                f"{self._name()} runs lambdarray {said.get('version')}, and this client is {self.version}; "
                f"run: {self._deploy()}"
            )
        reports = [TaskReport.from_json(r) for r in said["reports"]]
        told = {(r.task, r.attempt) for r in reports}
        silent = [a for a in bundle if (a.id, a.number) not in told]
        for report in reports:
            report.worker = report.worker or said.get("worker", "")
        return reports + all_as(silent, "throttled", "the function did not say anything of it")

    def _failed(self, bundle: Sequence[Attempt], said: Any, log: str) -> list[TaskReport]:
        said = said if isinstance(said, dict) else {}
        kind, message = str(said.get("errorType", "")), str(said.get("errorMessage", ""))
        if kind in BROKEN:
            raise DeploymentError(f"{self._name()} cannot start: {kind}: {message}; run: {self._deploy()}\n{log}")
        status = function_status(kind, message)
        reports = all_as(bundle, status, f"{kind}: {message}" if kind else message)
        for report in reports:
            report.traceback, report.log = "".join(map(str, said.get("stackTrace") or ())), log
            report.shared = len(bundle) > 1
        return reports

    def _refused(self, bundle: Sequence[Attempt], answer: Answer) -> list[TaskReport]:
        said = _json(answer.body)
        said = said if isinstance(said, dict) else {}
        kind = answer.headers.get("x-amzn-ErrorType", "").split(":")[0] or str(said.get("Type", ""))
        message = said.get("Message") or said.get("message") or answer.body[:200].decode(errors="replace")
        text = f"HTTP {answer.status} {kind}: {message}"
        if answer.status in (401, 403):
            raise AccessError(self._no_access(kind, message))
        if answer.status == 404:
            raise DeploymentError(f"{self._name()} is not there ({message}); run: {self._deploy()}")
        if answer.status in THROTTLED:
            return all_as(bundle, "throttled", text)
        reports = all_as(bundle, "error" if answer.status in REFUSED else "unknown", text)
        for report in reports:
            report.retry = answer.status not in REFUSED
        return reports

    def _no_access(self, kind: str, message: str) -> str:
        if "expired" in kind.lower() or "expired" in message.lower():
            return (
                f"the AWS session has expired ({message}); log in again, for example with `aws sso login`, and run the "
                "same expression: what is finished is kept"
            )
        return f"not allowed to invoke {self._name()}: {kind}: {message}; `lambdarray doctor` says what is missing"

    def _name(self) -> str:
        return f"function {self.function!r} in {self.region}"

    def _deploy(self) -> str:
        return f"lambdarray deploy --store {self.store}"


def function_status(kind: str, message: str) -> str:
    """The report's status for a function error, by its type and message."""
    if kind == "Sandbox.Timedout" or (not kind and "Task timed out after" in message):
        return "timeout"
    if kind in ("Runtime.OutOfMemory", "MemoryError") or "signal: killed" in message:
        return "memory"
    if kind in ("Runtime.ExitError", "Extension.Crash") or "Runtime exited" in message:
        return "crashed"
    return "error"


def all_as(bundle: Sequence[Attempt], status: str, error: str) -> list[TaskReport]:
    """One report of this status for each attempt."""
    return [TaskReport(a.id, a.number, status, error=error) for a in bundle]


def _log_tail(headers: Mapping[str, str]) -> str:
    try:
        return b64decode(headers.get("X-Amz-Log-Result", "")).decode(errors="replace")
    except Base64Error:
        return ""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return None
