"""A worker process, from without: started, sent to, heard and ended by its parent. `runtime.child` is its other end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ...errors import DeploymentError
from ...store.shared import shared_place
from ...task import TaskReport

START_S = 60.0
LOG_NBYTES = 1 << 16
BLAS_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
CODE = "from lambdarray.runtime.child import main; main({pipe}, {log}, {handles})"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is started with and keeps: one that was started with anything else is of no use."""

    executable: str
    path: tuple[str, ...]
    folder: str
    blas_threads: int

    @classmethod
    def here(cls, blas_threads: int) -> Settings:
        """A process that finds the modules and files that this one finds."""
        folder = os.getcwd()
        return cls(sys.executable, tuple(os.path.join(folder, p) for p in sys.path), folder, blas_threads)

    def environ(self) -> dict[str, str]:
        """This process's own, but for the threads of BLAS; and what a task runs by itself starts no processes."""
        blas = dict.fromkeys(BLAS_THREADS, str(self.blas_threads))
        return {**os.environ, **blas, "LAMBDARRAY_EXECUTOR": "threads"}


class Process:
    """A worker process in a process group of its own, with a pipe to it.

    `receive` raises EOFError, and `send` OSError, where it has ended; `ending` then says how.
    """

    def __init__(self, settings: Settings) -> None:
        from multiprocessing.connection import Pipe
        from tempfile import TemporaryFile

        self.settings = settings
        self.programs: set[str] = set()
        self._run: str | None = None
        self._ready = False
        self._pipe, theirs = Pipe()
        self._sending = Lock()
        self._log = TemporaryFile()  # noqa: SIM115 - it is open for as long as the process lives
        handles = (theirs.fileno(), self._log.fileno(), shared_place().handle)
        code = CODE.format(pipe=handles[0], log=handles[1], handles=list(handles[2:]))
        environ = {**settings.environ(), "PYTHONPATH": os.pathsep.join(settings.path)}
        try:
            self._popen = subprocess.Popen(
                [settings.executable, "-u", "-P", "-c", code],
                stdin=subprocess.DEVNULL,
                env=environ,
                cwd=settings.folder,
                pass_fds=handles,
                process_group=0,
            )
        finally:
            theirs.close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def begin(self, run: Mapping[str, Any]) -> None:
        """Have it take part in a run, once it is ready. Raises DeploymentError where it cannot start."""
        if not self._ready:
            self._wait_until_ready()
        self.programs.clear()
        self.send(json.dumps({"begin": run}).encode())

    def _wait_until_ready(self) -> None:
        with suppress(EOFError):
            self._ready = self.receive(START_S) is not None
        if not self._ready:
            _, text = self.ending()
            raise DeploymentError(
                f"a worker process of {self.settings.executable} cannot start: {text}; its standard error says more"
            )

    def send(self, message: bytes) -> None:
        """Send a message, from any thread."""
        with self._sending:
            self._pipe.send_bytes(message)

    def receive(self, timeout_s: float) -> list[TaskReport] | None:
        """The next reports, None where there are none in this time."""
        try:
            if not self._pipe.poll(timeout_s):
                return None
            return [TaskReport.from_json(report) for report in json.loads(self._pipe.recv_bytes())]
        except OSError as error:
            raise EOFError from error

    def kill(self) -> None:
        """End it now, with what it has started; returns when it is gone."""
        if self.alive:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def ending(self) -> tuple[str, str]:
        """How it ended, as a report's status and in words; it is ended first where that is not so yet."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(1)
        self.kill()
        code = self._popen.returncode
        if code >= 0:
            return "crashed", f"exit status {code}"
        text = f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
        return "memory" if -code == signal.SIGKILL else "crashed", text

    def log(self) -> str:
        """What it said of a crash: where each of its threads was."""
        return os.pread(self._log.fileno(), LOG_NBYTES, 0).decode(errors="replace")

    def close(self) -> None:
        """End it and let go of it."""
        self.kill()
        self.forget()

    def forget(self) -> None:
        """Let go of it without ending it, as a forked child must."""
        if self._popen.returncode is None:
            self._popen.returncode = 0
        self._pipe.close()
        self._log.close()
