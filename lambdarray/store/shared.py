"""Tiles that processes of this machine share: files in memory, which they map, and on disk what does not fit there."""

from __future__ import annotations

import errno
import itertools
import logging
import os
import subprocess
import weakref
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from .atomic import AtomicFiles, again
from .directory import DirectoryStore
from .format import Parts
from .memory import machine_nbytes
from .spill import spill_directory

SHM = "/dev/shm"
SCHEME = "shared://"
FULL = (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT)
# With less room than this the user is told.
SMALL_NBYTES = 1 << 30


class SharedFiles(AtomicFiles):
    """Files of a folder in memory that may hold `limit_nbytes`, whoever put them there.

    A file above that is written under `disk`, and a link in its place in the folder leads there: whoever makes the
    link first has made the file.
    """

    def __init__(self, folder: str, disk: str, limit_nbytes: int) -> None:
        super().__init__()
        self._folder, self._disk, self._limit = folder, disk, limit_nbytes
        self._count = itertools.count()

    def create(self, path: str, parts: Parts) -> bool:
        """Write a new file, in memory or on disk; False where the path is taken."""
        if not self._disk:
            return super().create(path, parts)
        if self._has_room(sum(len(part) for part in parts)):
            try:
                return super().create(path, parts)
            except OSError as error:
                if error.errno not in FULL:
                    raise
        return self._create_on_disk(path, parts)

    def replace(self, path: str, parts: Parts) -> None:
        """Write a file in the place of what is there."""
        target = _link(path)
        super().replace(path, parts)
        if target:
            super().remove(target)

    def remove(self, path: str) -> None:
        """Remove a file, and what it is a link to."""
        target = _link(path)
        super().remove(path)
        if target:
            super().remove(target)

    def _has_room(self, nbytes: int) -> bool:
        # What all processes have put there is asked of the system: no account of ours could go wrong.
        used, free = room(self._folder)
        return nbytes <= min(free, self._limit - used)

    def _create_on_disk(self, path: str, parts: Parts) -> bool:
        target = f"{self._disk}/{os.getpid()}-{self._token}-{next(self._count)}"
        super().create(target, parts)
        made = again(lambda: _make_link(target, path))
        if not made:
            super().remove(target)
        return made


def _link(path: str) -> str:
    """What a link leads to; empty where there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _make_link(target: str, path: str) -> bool:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        os.symlink(target, path)
    except FileExistsError:
        return False
    return True


class SharedStore(DirectoryStore):
    """Tiles in files of `folder`, which lies in memory, and of `disk` where the folder's limit is reached.

    Any process of the machine opens it by its URL. It ends with the process that made it, so that it is not durable.
    Only the process that opened it deletes: a forked child does not take its parent's tiles away.
    """

    durable = False

    def __init__(self, folder: str, disk: str = "", limit_nbytes: int = 0) -> None:
        super().__init__(folder)
        self.files = SharedFiles(self.root, disk, limit_nbytes)
        self.url = SCHEME + quote(self.root) + "?" + urlencode({"disk": disk, "limit": limit_nbytes})
        self._owner = os.getpid()

    @classmethod
    def from_url(cls, url: str) -> SharedStore:
        """The store that another process has made."""
        parts = urlsplit(url)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return cls(unquote(parts.path), given.get("disk", ""), int(given.get("limit", 0)))

    def delete(self, key: str) -> None:
        """Remove a file."""
        if os.getpid() == self._owner:
            super().delete(key)

    def delete_prefix(self, prefix: str) -> None:
        """Remove a directory and all in it."""
        if os.getpid() == self._owner:
            super().delete_prefix(prefix)


class SharedPlace:
    """The folders of this process's shared stores, which go when it ends, in whatever way.

    Where it is killed, a shell removes them once neither this process nor a worker holds `handle` open.
    """

    def __init__(self, memory: str = SHM, disk: str | None = None, limit_nbytes: int | None = None) -> None:
        self._disk, remove = spill_directory(disk)
        self._limit = machine_nbytes() // 2 if limit_nbytes is None else limit_nbytes
        self._stores: dict[str, SharedStore] = {}
        removes, folders = [remove], [self._disk]
        if os.path.isdir(memory) and os.access(memory, os.W_OK | os.X_OK):
            self._folder, remove = spill_directory(memory)
            removes.append(remove)
            folders.append(self._folder)
        else:
            self._folder, self._disk = self._disk, ""
        self._tell(memory)
        self.handle, guard = _guarded(folders)
        self._close = weakref.finalize(self, _end, os.getpid(), removes, self.handle, guard)

    def store(self, name: str) -> SharedStore:
        """The store of this name."""
        if name not in self._stores:
            self._stores[name] = SharedStore(f"{self._folder}/{len(self._stores)}", self._disk, self._limit)
            os.makedirs(self._stores[name].root)
        return self._stores[name]

    def close(self) -> None:
        """Remove the folders."""
        self._close()

    def _tell(self, memory: str) -> None:
        log = logging.getLogger(__name__)
        if not self._disk:
            log.warning("there is no %s to share tiles in: they go to %s", memory, self._folder)
            return
        used, free = room(self._folder)
        nbytes = min(free, self._limit - used)
        if nbytes < min(SMALL_NBYTES, self._limit):
            where = f"{memory} has room for {max(0, nbytes) >> 20} MiB of shared tiles"
            log.warning("%s: the others go to %s (Docker: --shm-size)", where, self._disk)


def room(folder: str) -> tuple[int, int]:
    """The bytes that a file system holds, and those that it has left."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bavail * found.f_frsize


def _guarded(folders: Sequence[str]) -> tuple[int, subprocess.Popen[bytes]]:
    """A handle, and the shell that removes the folders once nobody has the handle open any more."""
    read, write = os.pipe()
    command = ["/bin/sh", "-c", 'read -r _; exec rm -rf -- "$@"', "sh", *folders]
    silent = subprocess.DEVNULL
    try:
        guard = subprocess.Popen(command, stdin=read, stdout=silent, stderr=silent, cwd="/", start_new_session=True)
    except OSError:
        os.close(write)
        raise
    finally:
        os.close(read)
    return write, guard


def _end(owner: int, removes: Sequence[Callable[[], None]], handle: int, guard: subprocess.Popen[bytes]) -> None:
    if os.getpid() != owner:
        return
    for remove in removes:
        remove()
    os.close(handle)
    try:
        guard.wait(1)
    except subprocess.TimeoutExpired:
        # A forked child has the handle too: the shell ends with it.
        guard.returncode = 0


_places: dict[int, SharedPlace] = {}


def shared_place() -> SharedPlace:
    """This process's place for shared tiles, made when first asked for; a forked child has one of its own."""
    place = _places.get(os.getpid())
    if place is None:
        place = _places[os.getpid()] = SharedPlace()
    return place
