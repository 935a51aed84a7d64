"""The server's side of the warden: start a process in a sandbox, learn of its end, kill it, freeze it, measure it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lambdarray.cloud.limits import OPEN_FILES, THREADS
from lambdarray.cloud.logs import LogPipe
from lambdarray.cloud.sandbox import Interpreter, Step
from lambdarray.errors import LambdarrayError

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_log = logging.getLogger(__name__)


class SandboxError(LambdarrayError, RuntimeError):
    """An environment's process could not be started."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What the warden needs to start a process; see its docstring."""

    argv: list[str]
    env: dict[str, str]
    isolation: str
    root: str
    steps: list[Step]
    user: int
    cwd: str
    cores: list[int]
    files: int = OPEN_FILES
    threads: int = THREADS


class Process:
    """One environment's process, in a session of its own."""

    def __init__(self, kill: Callable[[], None], on_exit: Callable[[int], None]) -> None:
        self.kill, self._on_exit = kill, on_exit
        self.pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._signalable = 0

    def started(self, pid: int) -> None:
        """The warden has forked it."""
        self._signalable = pid
        if not self.pid.done():
            self.pid.set_result(pid)

    def ended(self, status: int) -> None:
        """The warden has reaped it."""
        self._signalable = 0
        if not self.pid.done():
            self.pid.cancel()
        self._on_exit(status)

    def freeze(self) -> None:
        """Stop all its processes, as Lambda does between invocations."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._signalable:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._signalable, number)

    def resident_bytes(self, *, family: bool) -> int:
        """The memory that its first process holds now, or with `family` all of its processes."""
        return sum(_resident_bytes(pid) for pid in (self._family() if family else [self._signalable]))

    def peak_bytes(self) -> int:
        """The most memory that its first process ever held, as the kernel counted it."""
        try:
            with open(f"/proc/{self._signalable}/status", "rb") as file:
                lines = [line for line in file if line.startswith(b"VmHWM:")]
        except OSError:
            return 0
        return int(lines[0].split()[1]) << 10 if lines else 0

    def _family(self) -> list[int]:
        found = [self._signalable] if self._signalable else []
        for pid in found:
            found += _children(pid)
        return found


def _resident_bytes(pid: int) -> int:
    if not pid:
        return 0
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    return found


class Warden:
    """The process that starts the others; when this server ends, it ends them and itself."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._socket, theirs = socket.socketpair()
        script = str(Path(__file__).with_name("warden.py"))
        command = [interpreter.executable, "-I", "-S", script, str(theirs.fileno())]
        self._popen = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self._processes: dict[int, Process] = {}
        self._last_id, self._pending = 0, b""
        asyncio.get_running_loop().add_reader(self._socket, self._on_readable)

    def spawn(self, spec: ProcessSpec, log: LogPipe, on_exit: Callable[[int], None]) -> Process:
        """Start a process whose output goes to a log."""
        self._last_id += 1
        identifier = self._last_id
        process = Process(lambda: self._kill(identifier), on_exit)
        self._processes[identifier] = process
        message = json.dumps({"op": "spawn", "id": identifier, **asdict(spec)}).encode() + b"\n"
        try:
            sent = socket.send_fds(self._socket, [message], [log.write_end])
            self._socket.sendall(message[sent:])
        except OSError as error:
            raise SandboxError(f"the local cloud's warden has ended ({error}); start the local cloud again") from error
        finally:
            log.sent()
        return process

    def _kill(self, identifier: int) -> None:
        if identifier in self._processes:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._socket.sendall(json.dumps({"op": "kill", "id": identifier}).encode() + b"\n")

    def _on_readable(self) -> None:
        data = self._socket.recv(1 << 16)
        if not data:
            self._lost()
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "pid" in message:
                self._processes[message["id"]].started(message["pid"])
            else:
                self._processes.pop(message["id"]).ended(message["status"])

    def _lost(self) -> None:
        _log.error("the local cloud's warden has ended; its environments are gone")
        asyncio.get_running_loop().remove_reader(self._socket)
        for process in list(self._processes.values()):
            process.ended(signal.SIGKILL)
        self._processes.clear()

    def close(self) -> None:
        """End every process; returns when they are gone."""
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        try:
            self._popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            _log.error("the local cloud's warden does not end; killing it")
            self._popen.kill()
            self._popen.wait()


async def probe(warden: Warden, spec: ProcessSpec) -> str | None:
    """Try a sandbox; None when it works, else why not."""
    log = LogPipe()
    exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    warden.spawn(spec, log, exited.set_result)
    status = await asyncio.wait_for(exited, 30)
    text = log.take().strip()
    log.close()
    return None if status == 0 else text or f"it ended with status {status}"


def usable_cores() -> list[int]:
    """The cores that this process may run on; empty where the system does not say."""
    if sys.platform.startswith("linux"):
        return sorted(os.sched_getaffinity(0))
    return []
