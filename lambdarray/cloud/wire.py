"""HTTP/1.1 on asyncio, as little of it as the Lambda API and the Runtime API need.

Connections are kept alive. A response is one write of head and body on a socket with TCP_NODELAY (asyncio's
default): two writes would wait for the peer's delayed acknowledgement, 40 ms and more.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs

from lambdarray.cloud.limits import API_REQUEST_BYTES
from lambdarray.errors import LambdarrayError

MAX_HEAD_BYTES = 1 << 20
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: `target` is the raw path and query, header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The raw path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The first value of each query parameter."""
        return {name: values[0] for name, values in self._parsed().items()}

    def query_values(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return self._parsed().get(name, [])

    def _parsed(self) -> dict[str, list[str]]:
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer: status, body, headers; the length is added."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The response in one piece."""
        lines = [f"HTTP/1.1 {self.status} {_PHRASES.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.status != 204:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


Handler = Callable[[Request], Awaitable[Response]]


class MalformedRequest(LambdarrayError, ValueError):  # noqa: N818
    """Bytes that are no request that this server takes; carries the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class HttpConnection(asyncio.Protocol):
    """One client's connection: requests are answered one after the other, in order.

    A request that was begun is finished even when its client has gone, as Lambda does.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._buffer = bytearray()
        self._head: Request | None = None
        self._length = 0
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport; a request under way goes on without it."""
        self._transport = None

    def eof_received(self) -> bool:
        """The client sends no more; what it has asked for is still answered."""
        self._ended = True
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        """Collect bytes until a request is whole."""
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        if self._task is not None:
            return
        try:
            request = self._next_request()
        except MalformedRequest as error:
            self._write(Response(error.status, headers={"Connection": "close"}))
            if self._transport is not None:
                self._transport.close()
            return
        if request is None and self._ended and self._transport is not None:
            self._transport.close()
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            response = await self._handler(request)
        except Exception:
            _log.exception("the handler of %s %s failed", request.method, request.path)
            response = Response(500, b'{"message": "the local cloud failed; its log says why"}')
        self._task = None
        self._write(response)
        self._advance()

    def _write(self, response: Response) -> None:
        if self._transport is not None:
            self._transport.write(response.encode())

    def _next_request(self) -> Request | None:
        if self._head is None and not self._read_head():
            return None
        if len(self._buffer) < self._length or self._head is None:
            return None
        head, self._head = self._head, None
        body = bytes(memoryview(self._buffer)[: self._length])
        del self._buffer[: self._length]
        return Request(head.method, head.target, head.headers, body)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise MalformedRequest(431)
            return False
        self._head = parse_head(bytes(memoryview(self._buffer)[:end]))
        del self._buffer[: end + 4]
        self._length = body_length(self._head)
        if "expect" in self._head.headers and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True


def parse_head(head: bytes) -> Request:
    """The request line and the headers.

    >>> parse_head(b"GET /a?b=c HTTP/1.1\\r\\nHost: x").query
    {'b': 'c'}
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MalformedRequest(400)
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(words[0], words[1], headers)


def body_length(head: Request) -> int:
    """The length of the body in bytes; a body without a length is refused."""
    if "transfer-encoding" in head.headers:
        raise MalformedRequest(411)
    text = head.headers.get("content-length", "0")
    if not text.isdigit():
        raise MalformedRequest(400)
    # Somewhat more than any operation takes, so that the operation itself can answer what is too large.
    if int(text) > 2 * API_REQUEST_BYTES:
        raise MalformedRequest(413)
    return int(text)


def listen(port: int = 0) -> socket.socket:
    """A socket on 127.0.0.1 at this port, or at any free one."""
    return socket.create_server(("127.0.0.1", port), backlog=4096)


async def serve_http(handler: Handler, listening: socket.socket) -> asyncio.Server:
    """Answer the requests that come to a socket."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: HttpConnection(handler), sock=listening, backlog=4096)


def port_of(listening: socket.socket) -> int:
    """The port that a socket listens on."""
    return int(listening.getsockname()[1])
