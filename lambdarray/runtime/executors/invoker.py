"""Sends thousands of invocations at once: one asyncio loop in a thread of its own, one connection each."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from io import BytesIO
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import Attempt
from .answers import Answer
from .signer import Signer
from .tls import small_buffers, ssl_context

if TYPE_CHECKING:
    import aiohttp

Bundle = Sequence[Attempt]
Request = tuple[Bundle, bytes]
# An invocation lasts at most 900 s, and its answer must still be waited for.
TOTAL_TIMEOUT_S = 960.0
CONNECT_TIMEOUT_S = 60.0
# Idle connections are cut after 350 s by NAT gateways; keep-alive packets are no traffic for Lambda.
KEEPALIVE_S = 60
# aiohttp warns of longer bodies given as bytes, which it writes in one go.
BODY_LIMIT = 1 << 20


class Invoker:
    """Posts requests to one URL and hands over each answer, or what went wrong, from its own thread.

    `answered(bundle, answer)` and `lost(bundle, error, sent)` are called for each request; with `sent` False no
    connection came about, so that the function has not run.
    """

    def __init__(
        self,
        url: str,
        signer: Signer,
        connections: int,
        answered: Callable[[Bundle, Answer], None],
        lost: Callable[[Bundle, Exception, bool], None],
    ) -> None:
        self._url, self._signer, self._connections = url, signer, connections
        self._answered, self._lost = answered, lost
        self._outbox: list[Request] = []
        self._wakes = False
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._serve, name="lambdarray-invoker", daemon=True)
        self._thread.start()

    def send(self, requests: Sequence[Request]) -> None:
        """Send these soon; returns at once."""
        with self._lock:
            self._outbox += requests
            wake, self._wakes = not self._wakes, True
        if wake:
            self._loop.call_soon_threadsafe(self._send_outbox)

    def close(self) -> None:
        """Drop all connections; requests under way are neither answered nor lost."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        with small_buffers if self._url.startswith("https:") else nullcontext():
            try:
                loop.run_forever()
            finally:
                loop.run_until_complete(self._end())
                loop.close()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        # Transports close in the turns of the loop that follow.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _send_outbox(self) -> None:
        with self._lock:
            requests, self._outbox, self._wakes = self._outbox, [], False
        for bundle, body in requests:
            task = self._loop.create_task(self._post(bundle, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, bundle: Bundle, body: bytes) -> None:
        import aiohttp

        try:
            session = self._session or self._open_session()
            headers = self._signer.headers(body)
            headers["X-Amz-Log-Type"] = "Tail"
            headers["Content-Type"] = "application/json"
            sent_s = time()
            data: Any = body if len(body) < BODY_LIMIT else BytesIO(body)
            async with session.post(self._target, data=data, headers=headers, proxy=self._proxy) as answer:
                found = Answer(answer.status, answer.headers, await answer.read(), sent_s)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self._lost(bundle, error, False)
        except Exception as error:
            self._lost(bundle, error, True)
        else:
            self._answered(bundle, found)

    def _open_session(self) -> aiohttp.ClientSession:
        import aiohttp
        from yarl import URL

        self._target, self._proxy = URL(self._url, encoded=True), find_proxy(self._url)
        connector = aiohttp.TCPConnector(
            limit=self._connections, ttl_dns_cache=300, ssl=ssl_context(self._url), socket_factory=keepalive_socket
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=TOTAL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self._session


def keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket whose connection stays open through a NAT while a function computes."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with suppress(OSError, AttributeError):  # the interval has other names, or none, outside of Linux
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_S)
    return made


def find_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL; None where there is none."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)
