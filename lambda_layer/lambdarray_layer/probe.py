"""A real round trip: the function answers, and writes and reads an object in its scratch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from .aws import Account
from .checks import Check, fail, ok
from .deployment import Deployment


def round_trip(account: Account, deployment: Deployment) -> Iterator[Check]:
    """Invoke the function with a ping; it tells what it runs on and touches its scratch."""
    begun = time.perf_counter()
    payload = json.dumps({"ping": True}).encode()
    answer = account.read("lambda", "invoke", FunctionName=deployment.function, Payload=payload, LogType="Tail")
    seconds = time.perf_counter() - begun
    said = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        yield fail("invoke", _error_line(said), _log_tail(answer, deployment))
        return
    if not isinstance(said, dict) or "version" not in said:
        yield fail("invoke", f"an answer that is not lambdarray's: {json.dumps(said)[:200]}", _again(deployment))
        return
    told = ", ".join(f"{name} {said[name]}" for name in ("python", "numpy", "blas", "cores") if name in said)
    yield ok("invoke", f"answered in {seconds * 1000:.0f} ms: {told}")
    yield from _check_answer(said, deployment)


def _check_answer(said: dict[str, Any], deployment: Deployment) -> Iterator[Check]:
    if said["version"] != deployment.version:
        yield fail("invoke", f"it runs lambdarray {said['version']}, not {deployment.version}", _again(deployment))
    error = said.get("store_error") or said.get("error")
    if error:
        yield fail("scratch", f"the function cannot use {deployment.store}: {error}", _again(deployment))
    elif "store" in said:
        yield ok("scratch", f"the function wrote and read an object below {deployment.store}")


def _again(deployment: Deployment) -> str:
    return f"run: {deployment.target().command(deployment.region)}"


def _error_line(said: Any) -> str:
    if not isinstance(said, dict):
        return str(said)[:300]
    return f"the function failed: {said.get('errorType', 'error')}: {said.get('errorMessage', '')}"[:300]


def _log_tail(answer: dict[str, Any], deployment: Deployment) -> str:
    import base64

    tail = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    return f"its log's end:\n{tail}" if tail else _again(deployment)
