"""An endpoint of Lambda's on the loopback whose functions do nothing for a while, to see what a client keeps busy.

    python benchmarks/loopback_server.py --service-s 5 --concurrency 1000 --step 1000 --every-s 10

It prints its port. Invocations are answered after `--service-s` for each attempt. More than `--concurrency` at once are
refused with 429, and `--step` more are let through every `--every-s` seconds from the first on, as AWS does it.
`GET /counts?workers=N` says what was seen so far.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import ssl
import sys
from bisect import bisect
from itertools import accumulate
from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

REFUSAL = b'{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'
THROTTLED = (
    b"HTTP/1.1 429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException\r\nContent-Length: %d\r\n\r\n%s"
)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"


class Ramp:
    """How many may run at once, by seconds since the first."""

    def __init__(self, concurrency: int, step: int, every_s: float) -> None:
        self.concurrency, self.step, self.every_s = concurrency, step, every_s

    def allowed(self, seconds: float) -> float:
        """The invocations that may run at once."""
        return self.concurrency + self.step * (seconds // self.every_s) if self.concurrency else float("inf")

    def allowed_until(self, seconds: float, workers: int) -> float:
        """Worker seconds that `workers` could have worked until then."""
        total, at = 0.0, 0.0
        while at < seconds:
            until = min(seconds, (at // self.every_s + 1) * self.every_s) if self.concurrency else seconds
            total += min(workers, self.allowed(at)) * (until - at)
            at = until
        return total


class Service:
    """Counts what comes; `starts` and `ends` are the times of the invocations that ran."""

    def __init__(self, service_s: float, ramp: Ramp) -> None:
        self.service_s, self.ramp = service_s, ramp
        self.running = self.most = self.refused = self.connections = self.most_connections = 0
        self.starts: list[float] = []
        self.ends: list[float] = []

    def begin(self) -> bool:
        """Whether one more may run."""
        now = asyncio.get_running_loop().time()
        if self.starts and self.running >= self.ramp.allowed(now - self.starts[0]):
            self.refused += 1
            return False
        self.starts.append(now)
        self.running += 1
        self.most = max(self.most, self.running)
        return True

    def end(self) -> None:
        """One has run."""
        self.running -= 1
        self.ends.append(asyncio.get_running_loop().time())

    def counts(self, workers: int) -> dict[str, Any]:
        """What was seen, with `workers` as what is to run at once."""
        first, last = self.starts[0], self.starts[-1]
        full = self._full(workers)
        worked = self._worked(full, last)
        return {
            "in_flight": self.most,
            "invocations": len(self.starts),
            "refused": self.refused,
            "connections": self.most_connections,
            "launch_s": full - first,
            "launch_share": self._worked(first, full) / (self.ramp.allowed_until(full - first, workers) or 1.0),
            "busy_share": worked / (workers * (last - full)) if last > full else 0.0,
            "steady_s": last - full,
            "seconds": self.ends[-1] - first,
            "each_second": self._each_second(),
        }

    def _full(self, workers: int) -> float:
        """When for the first time that many ran at once; the end where they never did."""
        changes = sorted([(t, 1) for t in self.starts] + [(t, -1) for t in self.ends])
        running = accumulate(change for _, change in changes)
        return next((t for (t, _), n in zip(changes, running, strict=True) if n >= workers), self.ends[-1])

    def _each_second(self) -> list[int]:
        """How many ran after each second."""
        starts, ends, first = sorted(self.starts), sorted(self.ends), self.starts[0]
        seconds = range(1, int(ends[-1] - first) + 1)
        return [bisect(starts, first + s) - bisect(ends, first + s) for s in seconds]

    def _worked(self, begin: float, end: float) -> float:
        """Worker seconds between two times."""

        def within(times: list[float]) -> float:
            return sum(min(max(t, begin), end) for t in times)

        unfinished = len(self.starts) - len(self.ends)
        return within(self.ends) + unfinished * end - within(self.starts)


class Connection(asyncio.Protocol):
    """One kept-alive connection: a request, its answer, the next request."""

    def __init__(self, service: Service) -> None:
        self.service, self.received, self.wanted = service, bytearray(), 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.service.connections += 1
        self.service.most_connections = max(self.service.most_connections, self.service.connections)

    def connection_lost(self, error: Exception | None) -> None:
        self.service.connections -= 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.wanted and (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.received[:end]).decode().split("\r\n")
            lengths = [line.split(":")[1] for line in head if line.lower().startswith("content-length:")]
            self.target, self.begin = head[0].split()[1], end + 4
            self.wanted = self.begin + int(lengths[0] if lengths else 0)
        if self.wanted and len(self.received) >= self.wanted:
            body = bytes(self.received[self.begin : self.wanted])
            del self.received[: self.wanted]
            self.wanted = 0
            self.respond(body)

    def respond(self, body: bytes) -> None:
        """Answer now, or when the function has run."""
        parts = urlsplit(self.target)
        if parts.path == "/counts":
            self.answer(json.dumps(self.service.counts(int(parse_qs(parts.query)["workers"][0]))).encode())
        elif self.service.begin():
            event = json.loads(body)
            seconds = self.service.service_s * len(event["attempts"])
            asyncio.get_running_loop().call_later(seconds, self.ran, event["version"], event["attempts"], time())
        else:
            self.transport.write(THROTTLED % (len(REFUSAL), REFUSAL))

    def ran(self, version: str, attempts: list[Any], begin: float) -> None:
        """The function has run all of its attempts."""
        self.service.end()
        seconds, made = self.service.service_s, {"status": "done", "retry": True, "worker": "loopback"}
        reports = [
            {"task": task, "attempt": number, **made, "total_s": seconds, "compute_s": seconds, "started_s": begin}
            for *_, task, number in attempts
        ]
        self.answer(json.dumps({"version": version, "worker": "loopback", "reports": reports}).encode())

    def answer(self, body: bytes) -> None:
        """Send what is good."""
        self.transport.write(GOOD % (len(body), body))


async def serve(service: Service, certificate: str) -> None:
    """Serve until standard input ends, which it does with the client."""
    loop, context = asyncio.get_running_loop(), None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=4096, ssl=context)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--service-s", type=float, default=5.0)
    add("--concurrency", type=int, default=0, help="0: no limit")
    add("--step", type=int, default=1000)
    add("--every-s", type=float, default=10.0)
    add("--certificate", default="", help="a PEM file with key and certificate, to serve TLS")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ramp = Ramp(options.concurrency, options.step, options.every_s)
    asyncio.run(serve(Service(options.service_s, ramp), options.certificate))


if __name__ == "__main__":
    main()
