"""Regions that several tasks read, kept between them within the memory that the tasks leave."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from threading import Lock
from typing import Any


class Reading:
    """A read that is under way, or has just ended: what it got, for those that wait for it."""

    __slots__ = ("lock", "value")

    def __init__(self) -> None:
        self.lock = Lock()
        self.value: Any = None


class ReadCache:
    """What was read, by key, shared by the workers of a process.

    Each worker says how much of its memory it may take (`allow`). Two that ask for one key at once read it once, also
    where nothing can be kept. What the next task reads too (`soon`) stays for longest, of that what was used last; all
    else goes first, and what was asked for as often as a plan does at once.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Any, float]] = OrderedDict()  # what goes first is first; uses to come
        self._reading: dict[Hashable, Reading] = {}
        self._allowed: dict[Hashable, float] = {}
        self._lock = Lock()
        self.nbytes = 0

    def allow(self, worker: Hashable, nbytes: float) -> None:
        """Let the cache take this much of a worker's memory, from now on."""
        with self._lock:
            self._allowed[worker] = nbytes
            self._shrink()

    def clear(self) -> None:
        """Keep nothing, until a worker allows it again."""
        with self._lock:
            self._allowed.clear()
            self._shrink()

    def get(self, key: Hashable, read: Callable[[], Any], soon: bool = True, uses: float = inf) -> tuple[Any, bool]:
        """The array of a key, which is asked for `uses` times in all, and whether it had to be read for that."""
        with self._lock:
            if key in self._kept:
                return self._found(key, soon), False
            reading = self._reading.setdefault(key, Reading())
        with reading.lock:
            with self._lock:
                if key in self._kept:
                    return self._found(key, soon), False
            if reading.value is not None:
                return reading.value, False
            value = reading.value = read()
            with self._lock:
                self._reading.pop(key, None)
                if uses > 1:
                    self._kept[key] = value, uses - 1
                    self._kept.move_to_end(key, last=soon)
                    self.nbytes += value.nbytes
                self._shrink()
        return value, True

    def _found(self, key: Hashable, soon: bool) -> Any:
        value, left = self._kept[key]
        if left > 1:
            self._kept[key] = value, left - 1
            self._kept.move_to_end(key, last=soon)
        else:
            del self._kept[key]
            self.nbytes -= value.nbytes
        return value

    def _shrink(self) -> None:
        while self._kept and self.nbytes > sum(self._allowed.values()):
            self.nbytes -= self._kept.popitem(last=False)[1][0].nbytes
