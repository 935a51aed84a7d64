"""Invoke: synchronous, asynchronous with retries and duplicates, and dry."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import time
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from lambdarray.cloud import limits
from lambdarray.cloud.environments import Outcome
from lambdarray.cloud.events import Answered, Failed, Invocation
from lambdarray.cloud.faults import Fault, invalid
from lambdarray.cloud.functions import Function, FunctionRegistry
from lambdarray.cloud.logs import log_tail
from lambdarray.cloud.pool import EnvironmentPool
from lambdarray.cloud.sinks import LogSink
from lambdarray.cloud.wire import Request, Response

# Lambda backs off from 1 s to 5 minutes while a function is throttled; nobody waits that long here.
THROTTLE_SECONDS = (0.02, 0.5)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How asynchronous events are delivered: seconds before each retry, probability of a second delivery."""

    retry_seconds: tuple[float, float]
    duplicates: float
    seed: int


class Invoker:
    """Runs functions in environments of the pool."""

    def __init__(self, functions: FunctionRegistry, pool: EnvironmentPool, delivery: Delivery, sink: LogSink) -> None:
        self._functions, self._pool, self._delivery, self._sink = functions, pool, delivery, sink
        self._random = random.Random(delivery.seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def invoke(self, request: Request, name: str) -> Response:
        """The Invoke operation."""
        function = self._functions.find(name, request.query.get("Qualifier"))
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Response(204)
        if kind not in ("RequestResponse", "Event"):
            raise invalid(f"InvocationType must be RequestResponse, Event or DryRun, not {kind}")
        invocation = _invocation(request, function, kind)
        _require_active(function)
        if kind == "Event":
            self._accept(function, invocation)
            return Response(202, headers={"x-amzn-RequestId": invocation.request_id})
        outcome = await self._run(function, invocation)
        wants_log = request.headers.get("x-amz-log-type") == "Tail"
        return _response(outcome, invocation.request_id, wants_log=wants_log)

    async def _run(self, function: Function, invocation: Invocation) -> Outcome:
        environment = self._pool.acquire(function)
        try:
            outcome = await environment.invoke(invocation)
        finally:
            self._pool.release(environment)
        self._sink.write(function.name, environment.stream, outcome.log)
        return outcome

    def _accept(self, function: Function, invocation: Invocation) -> None:
        """Deliver an event at least once, in the background."""
        self._start(self._deliver(function, invocation))
        if self._random.random() < self._delivery.duplicates:
            self._start(self._deliver(function, invocation))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, function: Function, invocation: Invocation) -> None:
        """Try an event, and again after each error, as often as the function's configuration says."""
        config = function.event_config or {}
        expires = time.monotonic() + config.get("MaximumEventAgeInSeconds", limits.EVENT_AGE_SECONDS[1])
        retries = config.get("MaximumRetryAttempts", limits.RETRY_ATTEMPTS[1])
        for attempt in range(retries + 1):
            outcome = await self._run_when_free(function, invocation, expires)
            if outcome is None or isinstance(outcome.result, Answered):
                return
            if attempt < retries:
                await asyncio.sleep(self._delivery.retry_seconds[attempt])
        _log.warning("event %s of %s failed %d times", invocation.request_id, function.name, retries + 1)

    async def _run_when_free(self, function: Function, invocation: Invocation, expires: float) -> Outcome | None:
        """Wait for concurrency; None when the event grew too old or the function is gone."""
        pause, longest = THROTTLE_SECONDS
        while time.monotonic() < expires:
            try:
                return await self._run(self._functions.find(function.name), invocation)
            except Fault as fault:
                if fault.code != "TooManyRequestsException":
                    _log.warning("event %s of %s dropped: %s", invocation.request_id, function.name, fault)
                    return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)
        _log.warning("event %s of %s grew too old", invocation.request_id, function.name)
        return None

    def close(self) -> None:
        """Drop the events that are still to be delivered."""
        for task in self._tasks:
            task.cancel()


def _require_active(function: Function) -> None:
    if function.pending and function.created:
        raise Fault(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        )


def _invocation(request: Request, function: Function, kind: str) -> Invocation:
    limit = limits.SYNC_REQUEST_BYTES if kind == "RequestResponse" else limits.ASYNC_REQUEST_BYTES
    size = len(request.body)
    if size > limit:
        message = f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        raise Fault("RequestTooLargeException", message)
    context = request.headers.get("x-amz-client-context")
    decoded = base64.b64decode(context).decode() if context else None
    return Invocation(str(uuid.uuid4()), function.arn, _json_payload(request.body), decoded)


def _json_payload(body: bytes) -> bytes:
    """The payload, which must be JSON; none at all is an empty object."""
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        raise Fault("InvalidRequestContentException", f"Could not parse request body into json: {error}") from None
    return body or b"{}"


def _response(outcome: Outcome, request_id: str, *, wants_log: bool) -> Response:
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": "$LATEST",
        "x-amzn-RequestId": request_id,
    }
    if isinstance(outcome.result, Failed):
        headers["X-Amz-Function-Error"] = "Unhandled"
    if wants_log:
        headers["X-Amz-Log-Result"] = log_tail(outcome.log)
    return Response(200, outcome.result.payload, headers)
