"""Files that appear whole or not at all, and once: three ways, for what file systems can do."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from contextlib import suppress

from .format import Parts

TEMPORARY = ".lambdarray-tmp-"
UNSUPPORTED = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EISDIR)
HANDLES = "/proc/self/fd"
TRIES = 100


class AtomicFiles:
    """Writes files so that readers never see a part of one, and of several writers of a path one wins.

    "unnamed": a file without a name, then linked to its path, which fails where that is taken (Linux; a
    killed writer leaves nothing). "link": a file of a temporary name in the same directory,
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
            way = self._ways[self.way]
            try:
                return again(lambda way=way: way(path, parts))  # type: ignore[misc]
            except OSError as error:
                if error.errno not in UNSUPPORTED or self.way == "rename":
                    raise
            self.way = "link" if self.way == "unnamed" else "rename"

    def replace(self, path: str, parts: Parts) -> None:
        """Write a file in the place of what is there."""
        again(lambda: self._replace(path, parts))

    def remove(self, path: str) -> None:
        """Remove a file, where there is one."""
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            os.unlink(path)

    def _replace(self, path: str, parts: Parts) -> bool:
        temporary = self._write_temporary(path, parts)
        try:
            os.replace(temporary, path)
        except OSError:
            _unlink(temporary)
            raise
        return True

    def _write_temporary(self, path: str, parts: Parts) -> str:
        name = f"{TEMPORARY}{os.getpid()}-{self._token}-{next(self._names)}"
        temporary = f"{os.path.dirname(path)}/{name}"
        handle = _open(path, temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        try:
            _write(handle, parts)
        except OSError:
            _unlink(temporary)
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
            _unlink(temporary)
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
            _unlink(temporary)
            raise
        finally:
            os.close(folder)
        if taken:
            _unlink(temporary)
        return not taken


def again(write: Callable[[], bool]) -> bool:
    """Write once more where the directory was removed meanwhile, as happens to a late attempt of a finished run.

    That it exists is what `os.makedirs` says where it is removed just after it was found.
    """
    for _ in range(TRIES - 1):
        try:
            return write()
        except (FileNotFoundError, FileExistsError):
            continue
    return write()


def _unlink(temporary: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(temporary)


def _create_unnamed(path: str, parts: Parts) -> bool:
    handle = _open(path, os.path.dirname(path), os.O_TMPFILE | os.O_WRONLY)
    try:
        _write(handle, parts)
        try:
            # With a directory handle, which an absolute path does not use, Python follows the link as linkat can.
            os.link(f"{HANDLES}/{handle}", path, src_dir_fd=handle, follow_symlinks=True)
        except FileExistsError:
            return False
        except FileNotFoundError as error:
            if os.path.isdir(HANDLES):
                raise
            raise OSError(errno.ENOTSUP, f"there is no {HANDLES}") from error
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
    for part in parts:
        view = memoryview(part)
        while len(view):
            view = view[os.write(handle, view) :]
