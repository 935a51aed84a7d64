"""A progress bar on standard error: tasks done, their share, and the seconds that are left."""

from __future__ import annotations

import sys
from time import monotonic

from ..config import Config

WIDTH = 30
SHOWN_AFTER_S = 0.5
EVERY_S = 0.1


class Progress:
    """Shows a bar once a run has taken half a second; `done, total` are told as they change."""

    def __init__(self) -> None:
        self._begin, self._last, self._shown = monotonic(), 0.0, False

    def __call__(self, done: int, total: int) -> None:
        now = monotonic()
        if now - self._begin < SHOWN_AFTER_S or (now - self._last < EVERY_S and done < total):
            return
        self._last, self._shown = now, True
        full = WIDTH * done // max(total, 1)
        left = (now - self._begin) * (total - done) / done if done else 0.0
        bar = "#" * full + "-" * (WIDTH - full)
        sys.stderr.write(f"\r[{bar}] {done:,}/{total:,} tasks, {now - self._begin:.0f} s, about {left:.0f} s left ")
        sys.stderr.flush()

    def close(self) -> None:
        """End the bar's line."""
        if self._shown:
            sys.stderr.write("\n")
            sys.stderr.flush()


def progress_for(config: Config) -> Progress | None:
    """A bar where the settings ask for one, or leave it open and standard error is a terminal."""
    wanted = sys.stderr.isatty() if config.progress is None else config.progress
    return Progress() if wanted else None
