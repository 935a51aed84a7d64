"""Daemon threads that are kept between runs: the first run makes them, and the next finds them waiting."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = Callable[[], object]


class Pool:
    """Lends threads: `lend(work)` calls `work` on an idle thread, or on a new one where none is idle."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Work]] = []

    def lend(self, work: Work) -> None:
        """Call `work()` on a thread of its own; the thread comes back when that returns."""
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,), name="lambdarray-worker", daemon=True).start()
        inbox.put(work)

    def _serve(self, inbox: SimpleQueue[Work]) -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)

    def forget(self) -> None:
        """Take all threads for gone, as they are in a forked child."""
        self._idle = []


pool = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.forget)
