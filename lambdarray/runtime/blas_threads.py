"""BLAS threads for the time of a run: set for the whole process, and as they were when the last run ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol


class Library(Protocol):
    """A loaded BLAS, as threadpoolctl controls it."""

    filepath: str

    def get_num_threads(self) -> int | None:
        """The threads that it uses now."""

    def set_num_threads(self, num_threads: int, /) -> object:
        """Use so many from now on."""


def loaded_libraries() -> Sequence[Library]:
    """Every BLAS in this process whose threads can be set; takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    libraries: Sequence[Library] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries


class BlasThreads:
    """The requests of the runs that go on, and what every library had before the first of them."""

    def __init__(self, find: Callable[[], Sequence[Library]] = loaded_libraries) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._requests: dict[object, int] = {}  # oldest first
        self._libraries: dict[str, Library] = {}
        self._before: dict[str, int] = {}
        self._current = 0  # 0: not ours
        self._modules = 0

    @contextmanager
    def __call__(self, count: int) -> Iterator[None]:
        """Let every BLAS in this process use `count` threads inside the block.

        Runs may overlap: of those that go on, the one that began last decides, and the values from before the first
        come back when the last ends. Where the count is what it was, this takes microseconds.
        """
        if count < 1:
            raise ValueError(f"blas_threads({count}): a BLAS needs at least 1 thread")
        request = object()
        try:
            with self._lock:
                self._requests[request] = count
                self._apply()
            yield
        finally:
            with self._lock:
                self._requests.pop(request, None)
                self._apply()

    def refresh(self) -> None:
        """Set the threads of a BLAS that was loaded since the run began; microseconds where none was."""
        with self._lock:
            if self._requests:
                self._apply()

    def _apply(self) -> None:
        wanted = next(reversed(self._requests.values())) if self._requests else 0
        # With nothing going on there is nothing to set in a library that has just come.
        if (not wanted or not self._look()) and wanted == self._current:
            return
        for path, library in self._libraries.items():
            if wanted:
                self._before.setdefault(path, library.get_num_threads() or 1)
                library.set_num_threads(wanted)
            elif path in self._before:
                library.set_num_threads(self._before[path])
        if not wanted:
            self._before.clear()
        self._current = wanted

    def _look(self) -> bool:
        """Look for libraries if modules were imported since the last time; whether we looked.

        Any module may bring a BLAS of its own (scipy.special does), and looking takes milliseconds.
        """
        if self._modules == len(sys.modules):
            return False
        for library in self._find():
            self._libraries.setdefault(library.filepath, library)
        self._modules = len(sys.modules)
        return True


blas_threads = BlasThreads()
