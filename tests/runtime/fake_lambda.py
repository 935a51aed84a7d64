"""A server on 127.0.0.1 that answers Invoke as AWS Lambda does, in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import deque

from aiohttp import web

PATH = "/2015-03-31/functions/{name}/invocations"


def error(status, kind, message):
    """An answer that is an error of the service."""
    return status, {"x-amzn-ErrorType": kind}, {"message": message}


def function_error(kind, message, log="", trace=()):
    """An answer that is an error of the function."""
    body = {"errorMessage": message, "errorType": kind, "stackTrace": list(trace)}
    return 200, {"X-Amz-Function-Error": "Unhandled", **log_header(log)}, body


def log_header(log):
    return {"X-Amz-Log-Result": base64.b64encode(log.encode()).decode()}


class Context:
    def __init__(self, seconds=900.0):
        self.seconds = seconds

    def get_remaining_time_in_millis(self):
        return int(1000 * self.seconds)


class FakeLambda:
    """Answers each invocation with the next of `script`, and then with `function(event)`.

    An entry of the script is (status, headers, body), or "drop" to end the connection without an answer.
    """

    def __init__(self, function=None):
        self.function = function or done
        self.script = deque()
        self.events = []
        self.requests = []
        self.gate = None
        self.in_flight = self.most_in_flight = 0
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._started.wait(30)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def hold(self, count):
        """Answer nothing until `count` invocations are in flight."""
        self.gate = count

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    def _serve(self):
        asyncio.run(self._run())

    async def _run(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._full = asyncio.Event()
        app = web.Application(client_max_size=8 << 20)
        app.router.add_post(PATH, self._invoke)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _invoke(self, request):
        body = await request.read()
        event = json.loads(body)
        self.events.append(event)
        self.requests.append((request.match_info["name"], dict(request.headers), body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.gate:
                if self.in_flight >= self.gate:
                    self._full.set()
                await self._full.wait()
            planned = self.script.popleft() if self.script else None
            if planned == "drop":
                request.transport.abort()
                return web.Response()
            status, headers, said = planned or (200, {}, await asyncio.to_thread(self.function, event))
            return web.Response(status=status, headers=headers, body=json.dumps(said).encode())
        finally:
            self.in_flight -= 1


def done(event):
    """What the handler says of a bundle that went well."""
    reports = [
        {"task": id_, "attempt": number, "status": "done", "retry": True} for *_, id_, number in event["attempts"]
    ]
    return {"version": event["version"], "worker": "w", "cold": False, "reports": reports}
