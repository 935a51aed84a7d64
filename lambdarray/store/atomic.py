"""Files that appear whole or not at all, and once: three ways, for what file systems can do."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Sequence

TEMPORARY = ".lambdarray-tmp-"
UNSUPPORTED = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EISDIR)
Parts = Sequence[bytes | memoryview]


class AtomicFiles:
    """Writes files so that readers never see a part of one, and of several writers of a path one wins.

    "unnamed": a file without a name, then linked to its path, which fails where that is taken (Linux; it costs a
    fifth of the next, and a killed writer leaves nothing). "link": a file of a temporary name in the same directory,
    linked and then unlinked. "rename": where there are no links, the writer locks the directory (flock), looks
    whether the path is taken, and renames. The first way that the file system knows is taken, and kept to.
    """

    def __init__(self, way: str = "unnamed") -> None:
        self._ways: dict[str, Callable[[str, Parts], bool]] = {
            "unnamed": _create_unnamed,
            "link": self._create_linked,
            "rename": self._create_renamed,
        }
        self.way = way if way != "unnamed" or hasattr(os, "O_TMPFILE") else "link"
        self._names = itertools.count()
        self._token = os.urandom(6).hex()

    def create(self, path: str, parts: Parts) -> bool:
        """Write a new file; False where the path is taken."""
        while True:
            way = self.way
            try:
                return self._ways[way](path, parts)
            except OSError as error:
                if error.errno not in UNSUPPORTED or way == "rename":
                    raise
            self.way = "link" if way == "unnamed" else "rename"

    def replace(self, path: str, parts: Parts) -> None:
        """Write a file in the place of what is there."""
        temporary = self._write_temporary(path, parts)
        try:
            os.replace(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise

    def _write_temporary(self, path: str, parts: Parts) -> str:
        name = f"{TEMPORARY}{os.getpid()}-{self._token}-{next(self._names)}"
        temporary = f"{os.path.dirname(path)}/{name}"
        handle = _open(path, temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            _write(handle, parts)
        except OSError:
            os.unlink(temporary)
            raise
        finally:
            os.close(handle)
        return temporary

    def _create_linked(self, path: str, parts: Parts) -> bool:
        temporary = self._write_temporary(path, parts)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True

    def _create_renamed(self, path: str, parts: Parts) -> bool:
        import fcntl

        temporary = self._write_temporary(path, parts)
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            # The system gives the lock back when its holder dies.
            fcntl.flock(folder, fcntl.LOCK_EX)
            taken = os.path.exists(path)
            if not taken:
                os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
        finally:
            os.close(folder)
        if taken:
            os.unlink(temporary)
        return not taken


def _create_unnamed(path: str, parts: Parts) -> bool:
    handle = _open(path, os.path.dirname(path), os.O_TMPFILE | os.O_WRONLY)
    try:
        _write(handle, parts)
        try:
            # With a directory handle, which an absolute path does not use, Python follows the link as linkat can.
            os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=handle, follow_symlinks=True)
        except FileExistsError:
            return False
        except FileNotFoundError as error:
            raise OSError(errno.ENOTSUP, "there is no /proc") from error
        return True
    finally:
        os.close(handle)


def _open(path: str, name: str, flags: int) -> int:
    """Open for writing, making the directory of `path` where that is not there yet."""
    try:
        return os.open(name, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(name, flags, 0o666)


def _write(handle: int, parts: Parts) -> None:
    views = [memoryview(part) for part in parts if len(part)]
    while views:
        written = os.writev(handle, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views:
            views[0] = views[0][written:]
