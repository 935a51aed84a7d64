from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from lambdarray.cloud.limits import API_REQUEST_BYTES
from lambdarray.cloud.wire import MalformedRequest, Request, Response, body_length, listen, port_of, serve_http


async def echo(request: Request) -> Response:
    if request.path == "/broken":
        raise RuntimeError("the handler is broken")
    return Response(200, request.method.encode() + b" " + request.body)


@contextlib.asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    listening = listen()
    server = await serve_http(echo, listening)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(listening))
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()
        server.close()


async def exchange(data: list[bytes]) -> bytes:
    async with connection() as (reader, writer):
        for piece in data:
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return await reader.read()


def test_requests_on_one_connection_are_answered_in_order() -> None:
    requests = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n"
    answer = asyncio.run(exchange([requests]))
    assert answer.index(b"POST abc") < answer.index(b"GET ")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_a_request_may_arrive_byte_by_byte() -> None:
    request = b"PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"
    answer = asyncio.run(exchange([bytes([byte]) for byte in request]))
    assert answer.endswith(b"Content-Length: 9\r\n\r\nPUT abcde")


def test_a_client_that_waits_for_continue_is_told_to_continue() -> None:
    request = b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
    assert asyncio.run(exchange([request])).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_failing_handler_is_answered_with_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = asyncio.run(exchange([b"GET /broken HTTP/1.1\r\n\r\n"]))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert "the handler is broken" in caplog.text


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n", 413),
    ],
)
def test_a_malformed_request_ends_the_connection(request_bytes: bytes, status: int) -> None:
    assert asyncio.run(exchange([request_bytes])).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_somewhat_too_large_is_read_so_that_the_operation_can_refuse_it() -> None:
    assert body_length(Request("POST", "/", {"content-length": str(API_REQUEST_BYTES + 1)}))
    with pytest.raises(MalformedRequest):
        body_length(Request("POST", "/", {"content-length": str(3 * API_REQUEST_BYTES)}))
