"""The Runtime API of one environment: what awslambdaric talks to, on a port of its own.

Source: "Using the Lambda runtime API for custom runtimes" in the AWS Lambda developer guide.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from lambdarray.cloud.events import Answered, Event, Failed, Invocation, Next, platform_error
from lambdarray.cloud.limits import SYNC_RESPONSE_BYTES
from lambdarray.cloud.wire import Request, Response

PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = Response(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"})
_JSON = {"Content-Type": "application/json"}


class RuntimeApi:
    """Turns the runtime's requests into events, and an invocation into the answer to `next`."""

    def __init__(self, post: Callable[[Event], None]) -> None:
        self._post = post
        self._asking: asyncio.Future[Response] | None = None
        self._current: Invocation | None = None

    def offer(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand an invocation to the runtime, which must be asking for one; the deadline is Unix time."""
        assert self._asking is not None, "the runtime has not asked for an invocation"
        asking, self._asking = self._asking, None
        self._current = invocation
        asking.set_result(Response(200, invocation.payload, _next_headers(invocation, deadline_ms)))

    def close(self) -> None:
        """The environment has ended: nobody waits for an invocation any more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def handle(self, request: Request) -> Response:
        """Answer one request of the runtime."""
        path = request.path.removeprefix(PREFIX)
        if request.method == "GET" and path == "invocation/next":
            return await self._next()
        if request.method == "POST" and path == "init/error":
            self._post(_reported(request))
            return _ACCEPTED
        if request.method == "POST" and path.startswith("invocation/"):
            return self._finish(request, path.split("/"))
        return Response(404, b'{"errorMessage":"no such operation","errorType":"NotFound"}', _JSON)

    async def _next(self) -> Response:
        self._asking = asyncio.get_running_loop().create_future()
        self._post(Next())
        try:
            return await self._asking
        except asyncio.CancelledError:
            return Response(410)

    def _finish(self, request: Request, parts: list[str]) -> Response:
        current, action = self._current, parts[-1]
        if current is None or len(parts) != 3 or parts[1] != current.request_id:
            return Response(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}', _JSON)
        self._current = None
        if len(request.body) > SYNC_RESPONSE_BYTES:
            self._post(_too_large(current.request_id))
            body = b'{"errorMessage":"Exceeded maximum allowed payload size","errorType":"RequestEntityTooLarge"}'
            return Response(413, body, _JSON)
        self._post(_reported(request) if action == "error" else Answered(request.body))
        return _ACCEPTED


def _next_headers(invocation: Invocation, deadline_ms: int) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        "Lambda-Runtime-Trace-Id": f"Root=1-00000000-{invocation.request_id.replace('-', '')[:24]};Sampled=0",
    }
    if invocation.client_context:
        headers["Lambda-Runtime-Client-Context"] = invocation.client_context
    return headers


def _reported(request: Request) -> Failed:
    error_type = request.headers.get("lambda-runtime-function-error-type")
    if not error_type:
        try:
            error_type = str(json.loads(request.body)["errorType"])
        except (ValueError, KeyError, TypeError):
            error_type = "Unhandled"
    return Failed(request.body, error_type)


def _too_large(request_id: str) -> Failed:
    error = platform_error("Function.ResponseSizeTooLarge", "", request_id)
    message = f"Response payload size exceeded maximum allowed payload size ({SYNC_RESPONSE_BYTES} bytes)."
    body = {"errorType": error.error_type, "errorMessage": message}
    return Failed(json.dumps(body).encode(), error.error_type)
