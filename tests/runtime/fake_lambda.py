"""A server on 127.0.0.1 that answers Invoke as AWS Lambda does, in a thread of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections import deque
from urllib.parse import unquote


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
        self.in_flight = self.most_in_flight = 0
        self._gate = 0
        self._started = threading.Event()
        self._connections = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._started.wait(30)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def hold(self, count):
        """Answer nothing until `count` invocations are in flight."""
        self._gate = count

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _run(self):
        self._loop, self._stop, self._full = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        server = await self._loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        await self._turns()  # what clients began last becomes a connection: asyncio loses it in a closed server
        server.close()
        for connection in list(self._connections):
            connection.transport.abort()
        await self._turns()  # and all of them close

    @staticmethod
    async def _turns():
        for _ in range(8):
            await asyncio.sleep(0)

    async def answer(self, path, headers, body):
        """The answer to a request, None to drop the connection."""
        event = json.loads(body)
        self.events.append(event)
        self.requests.append((unquote(path.split("/")[3]), headers, body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self._gate:
                if self.in_flight >= self._gate:
                    self._full.set()
                await self._full.wait()
            planned = self.script.popleft() if self.script else None
            if planned == "drop":
                return None
            return planned or (200, {}, await asyncio.to_thread(self.function, event))
        finally:
            self.in_flight -= 1


class Connection(asyncio.Protocol):
    """One kept-alive connection: a request, its answer, the next request."""

    def __init__(self, cloud):
        self.cloud, self.received, self.tasks = cloud, bytearray(), set()

    def connection_made(self, transport):
        self.transport = transport
        self.cloud._connections.add(self)

    def connection_lost(self, error):
        self.cloud._connections.discard(self)
        for task in self.tasks:
            task.cancel()

    def data_received(self, data):
        self.received += data
        head, separator, rest = bytes(self.received).partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        if separator and len(rest) == int(headers["Content-Length"]):
            self.received.clear()
            task = asyncio.get_running_loop().create_task(self.respond(lines[0].split()[1], headers, rest))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def respond(self, path, headers, body):
        answer = await self.cloud.answer(path, headers, body)
        if answer is None:
            self.transport.abort()
            return
        status, headers, said = answer
        body = json.dumps(said).encode()
        lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items()), f"Content-Length: {len(body)}"]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def done(event):
    """What the handler says of a bundle that went well."""
    reports = [
        {"task": id_, "attempt": number, "status": "done", "retry": True} for *_, id_, number in event["attempts"]
    ]
    return {"version": event["version"], "worker": "w", "cold": False, "reports": reports}
