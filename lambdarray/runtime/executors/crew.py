"""The worker processes that wait for a next run of this process: for a while, and no more than a run has workers."""

from __future__ import annotations

import atexit
import os
import threading
from time import monotonic

from .process import Process, Settings

# Starting Python with NumPy costs a third of a second.
IDLE_S = 60.0


class Crew:
    """Lends processes: `take` gives one that is idle, or a new one where there is none."""

    _idle: list[tuple[float, Process]]  # and since when
    _all: set[Process]
    _timer: threading.Timer | None

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s, self._registered = idle_s, False
        self.forget()

    def warm(self, settings: Settings, count: int) -> None:
        """Have `count` processes idle or starting, and end those with other settings."""
        with self._lock:
            self._end([process for _, process in self._idle if process.settings != settings or not process.alive])
            new = [(monotonic(), self._start(settings)) for _ in range(count - len(self._idle))]
            self._idle = new + self._idle
            self._watch(self._idle_s)

    def take(self, settings: Settings) -> Process:
        """A process with these settings, for the caller alone."""
        with self._lock:
            for n, (_, process) in reversed(list(enumerate(self._idle))):
                if process.settings == settings and process.alive:
                    del self._idle[n]
                    return process
            return self._start(settings)

    def give(self, process: Process, most: int) -> None:
        """Take a process back that is to wait, unless `most` do already."""
        with self._lock:
            if len(self._idle) >= most or not process.alive:
                self._end([process])
                return
            self._idle.append((monotonic(), process))
            self._watch(self._idle_s)

    def end(self, process: Process) -> None:
        """End a process that was taken."""
        with self._lock:
            self._end([process])

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._end(list(self._all))

    def forget(self) -> None:
        """Begin with no process."""
        self._idle, self._all = [], set()
        self._lock, self._timer = threading.Lock(), None

    def leave(self) -> None:
        """In a forked child: the processes are the parent's, which must be the only one at their pipes."""
        for process in self._all:
            process.forget()
        self.forget()

    def _start(self, settings: Settings) -> Process:
        if not self._registered:
            self._registered = True
            atexit.register(self.close)
        process = Process(settings)
        self._all.add(process)
        return process

    def _end(self, processes: list[Process]) -> None:
        self._idle = [(since, process) for since, process in self._idle if process not in processes]
        self._all.difference_update(processes)
        for process in processes:
            process.close()

    def _watch(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            self._timer = None
            due = monotonic() - self._idle_s
            self._end([process for since, process in self._idle if since <= due])
            if self._idle:
                self._watch(min(since for since, _ in self._idle) - due)


crew = Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=crew.leave)
