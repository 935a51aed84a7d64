"""The directory that tiles spill into: removed at the end, or by the next process where this one was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable

PREFIX = "lambdarray-spill-"
LOCK = ".lock"


def spill_directory(root: str | None = None) -> tuple[str, Callable[[], None]]:
    """A new directory for spilled tiles under `root`, and what removes it; left-over ones are removed first.

    Without a root it is TMPDIR, or /var/tmp, since /tmp lies in memory on many systems.
    """
    root = root or os.environ.get("TMPDIR") or ("/var/tmp" if os.access("/var/tmp", os.W_OK) else tempfile.gettempdir())
    os.makedirs(root, exist_ok=True)
    _sweep(root)
    path, lock = _locked(root)
    while not os.path.exists(f"{path}/{LOCK}"):  # swept away by another process before we had the lock
        os.close(lock)
        path, lock = _locked(root)
    owner = os.getpid()

    def remove() -> None:
        # A forked child shares the directory with its parent, to whom it belongs.
        if os.getpid() == owner:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)

    return path, remove


def _locked(root: str) -> tuple[str, int]:
    path = tempfile.mkdtemp(prefix=PREFIX, dir=root)
    lock = os.open(f"{path}/{LOCK}", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return path, lock


def _sweep(root: str) -> None:
    """Remove the directories whose process is gone: the system has given their locks back."""
    with os.scandir(root) as found:
        paths = [entry.path for entry in found if entry.name.startswith(PREFIX)]
    for path in paths:
        try:
            lock = os.open(f"{path}/{LOCK}", os.O_RDWR)
        except OSError:
            # Not ours to open, or just being made by somebody else.
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
