"""One execution environment: a frozen or running awslambdaric with a Runtime API of its own."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lambdarray.cloud import events
from lambdarray.cloud.events import Answered, Event, Exited, Failed, Invocation, Next, TimedOut
from lambdarray.cloud.functions import Version
from lambdarray.cloud.limits import INIT_SECONDS, MIB
from lambdarray.cloud.logs import LogPipe, Measured
from lambdarray.cloud.processes import Process
from lambdarray.cloud.runtime_api import RuntimeApi
from lambdarray.cloud.times import stream_date
from lambdarray.cloud.wire import listen, port_of, serve_http

# Starts the process: the environment, the address of its Runtime API, its log, what to call at its end.
Launch = Callable[["Environment", str, LogPipe, Callable[[int], None]], Process]


READY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to: the answer or the error, and the log from START to REPORT."""

    result: Answered | Failed
    log: str


class Environment:
    """Runs one invocation at a time; after a crash, a time-out or too much memory it is `dead`."""

    def __init__(self, version: Version, launch: Launch) -> None:
        self.version, self._launch = version, launch
        self.stream = f"{stream_date()}/[$LATEST]{time.time_ns():032x}"
        self.idle_since = time.monotonic()
        self.busy, self.dead, self.retired = False, False, False
        self._init_seconds: float | None = None
        self._peak_bytes = 0
        self._out_of_memory = False
        self._starts = 0
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._process: Process | None = None
        self._log: LogPipe | None = None
        self._server: asyncio.Server | None = None
        self._api: RuntimeApi | None = None

    @property
    def cold(self) -> bool:
        """True until the runtime has asked for its first invocation."""
        return self._process is None

    # Waiting: events arrive in order; whoever needs the next one waits for it, for a bounded time.

    def _post(self, start: int, event: Event) -> None:
        if start != self._starts:
            # The end of a process that this environment has already replaced.
            return
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _expect(self, seconds: float) -> Event:
        if not self._events:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(max(seconds, 0.0), self._post, self._starts, TimedOut())
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self._events.popleft()

    # Init

    async def _start(self, seconds: float) -> Event:
        """Start the process; Next when it is ready, else what went wrong."""
        began = time.monotonic()
        self._starts += 1
        self._events.clear()
        self._out_of_memory = False
        post = partial(self._post, self._starts)
        self._log = LogPipe()
        self._api = RuntimeApi(post)
        listening = listen()
        self._server = await serve_http(self._api.handle, listening)
        address = f"127.0.0.1:{port_of(listening)}"
        self._process = self._launch(self, address, self._log, lambda status: post(Exited(status)))
        event = await self._expect(seconds)
        self._init_seconds = time.monotonic() - began
        return event

    async def _init(self) -> tuple[Event, str]:
        """The init phase; when it fails Lambda tries once more, in the time of the invocation itself."""
        text = f"INIT_START Runtime Version: {self.version.runtime}.local\n"
        event = await self._start(INIT_SECONDS)
        if isinstance(event, Next):
            return event, text
        text += self._end_process() + self._init_report(event)
        event = await self._start(self.version.timeout_seconds)
        self._init_seconds = None
        return event, text

    def _init_report(self, event: Event) -> str:
        status = "timeout" if isinstance(event, TimedOut) else "error"
        kind = event.error_type if isinstance(event, Failed) else "Runtime.ExitError"
        tail = "" if status == "timeout" else f"\tError Type: {kind}"
        duration = 1000 * (self._init_seconds or 0.0)
        return f"INIT_REPORT Init Duration: {duration:.2f} ms\tPhase: init\tStatus: {status}{tail}\n"

    # Invoke

    async def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation to its end, whatever the end is."""
        text, init = "", None
        first: Event = Next()
        if self.cold:
            first, text = await self._init()
            init = self._init_seconds
        began = time.monotonic()
        text += f"{self._take_log()}START RequestId: {invocation.request_id} Version: $LATEST\n"
        result = await self._run(invocation) if isinstance(first, Next) else self._judge(first, invocation)
        seconds = min(time.monotonic() - began, float(self.version.timeout_seconds))
        text += await self._settle(result)
        measured = self._measure(seconds, init, result)
        text += events.error_lines(result, invocation.request_id) if isinstance(result, Failed) else ""
        text += f"END RequestId: {invocation.request_id}\n{measured.report(invocation.request_id)}"
        return Outcome(result, text)

    async def _run(self, invocation: Invocation) -> Answered | Failed:
        assert self._process is not None
        assert self._api is not None
        process, seconds = self._process, self.version.timeout_seconds
        process.thaw()
        self._api.offer(invocation, int(1000 * (time.time() + seconds)))
        event = await self._expect(seconds)
        self._note_memory(process.peak_bytes())
        return self._judge(event, invocation)

    def _judge(self, event: Event, invocation: Invocation) -> Answered | Failed:
        """What an event means for the invocation."""
        if isinstance(event, TimedOut):
            self.dead = True
            return events.timeout_error(self.version.timeout_seconds, invocation.request_id)
        if self._out_of_memory:
            # 9 is SIGKILL: so ends a process that needs more memory than there is.
            self.dead = True
            return events.exit_error(9, invocation.request_id)
        if isinstance(event, Exited):
            self.dead = True
            return events.exit_error(event.status, invocation.request_id)
        assert isinstance(event, Answered | Failed), event
        return event

    async def _settle(self, result: Answered | Failed) -> str:
        """Wait until the runtime is ready again and freeze it, or end it; the last of the log."""
        if not self.dead:
            # The runtime asks for the next invocation at once, unless it crashes after the answer.
            ready = isinstance(await self._expect(READY_SECONDS), Next)
            self.dead = not ready
        text = self._take_log()
        if self.dead:
            return text + self._end_process()
        assert self._process is not None
        self._process.freeze()
        return text

    def _measure(self, seconds: float, init: float | None, result: Answered | Failed) -> Measured:
        failed = isinstance(result, Failed) and self.dead
        return Measured(
            seconds,
            self.version.memory_mib,
            -(-self._peak_bytes // MIB),
            init,
            result.status if isinstance(result, Failed) and failed else "",
            result.error_type if isinstance(result, Failed) else "",
        )

    # Memory

    def check_memory(self, *, family: bool) -> None:
        """Kill the processes when they hold more than the function's memory; children count with `family`."""
        if self._process is not None and self.busy:
            self._note_memory(self._process.resident_bytes(family=family))

    def _note_memory(self, held_bytes: int) -> None:
        self._peak_bytes = max(self._peak_bytes, held_bytes)
        if held_bytes > self.version.memory_mib * MIB and not self._out_of_memory:
            self._out_of_memory = True
            assert self._process is not None
            self._process.kill()

    # End

    def _take_log(self) -> str:
        return self._log.take() if self._log is not None else ""

    def _end_process(self) -> str:
        """Kill what runs and close its log and its port; what it had still said."""
        text = self._take_log()
        if self._process is not None:
            self._process.kill()
            self._process = None
        if self._api is not None:
            self._api.close()
        if self._server is not None:
            self._server.close()
        if self._log is not None:
            self._log.close()
        return text

    def close(self) -> None:
        """End the environment; nothing of it is left."""
        self.dead = True
        self._end_process()
