"""A store in a directory: one file for each object."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ..errors import AccessError, MissingTileError, StoreError
from .atomic import TEMPORARY, AtomicFiles
from .base import ByteStore, Head, check_key
from .format import Parts, empty_bytes

# A mapped file costs a few system calls and one file handle, a copy costs fresh memory: from the page cache
# 32 MiB come mapped at 20 GB/s, copied at 4 GB/s, verified both; below a megabyte a copy is as fast.
MAP_NBYTES = 1 << 20


class DirectoryStore(ByteStore):
    """Tiles as files under a directory of a local disk or a shared file system.

    Readers never see a part of a file, and of several writers of a key one wins: see `AtomicFiles`, whose `way` may
    be given. What a killed writer leaves, if anything, is named `.lambdarray-tmp-*`, is never listed, and goes with
    `delete_prefix`. Nothing is synced to disk: after a power failure tiles may be missing or damaged, and both are
    noticed.
    """

    def __init__(self, path: str | os.PathLike[str], way: str = "unnamed") -> None:
        self.root = os.path.abspath(os.path.expanduser(os.fspath(path)))
        self.url = self.root
        self.files = AtomicFiles(way)

    def _path(self, key: str) -> str:
        return f"{self.root}/{check_key(key)}"

    def put_parts(self, key: str, parts: Parts, create: bool) -> bool:
        """Write a file, whole or not at all."""
        path = self._path(key)
        with self._errors(key):
            if not create:
                self.files.replace(path, parts)
                return True
            return not os.path.exists(path) and self.files.create(path, parts)

    def get_bytes(self, key: str, *, immutable: bool = False) -> memoryview:
        """A whole file; mapped where it is large and never changed in place."""
        with self._errors(key), open(self._path(key), "rb", buffering=0) as file:
            nbytes = os.fstat(file.fileno()).st_size
            if immutable and nbytes >= MAP_NBYTES:
                return _map(file.fileno(), nbytes)
            return _read(file.fileno(), 0, nbytes)

    def get_ranges(
        self, key: str, ranges: Sequence[tuple[int, int]], *, immutable: bool = False
    ) -> Sequence[memoryview]:
        """Parts of a file."""
        with self._errors(key), open(self._path(key), "rb", buffering=0) as file:
            if immutable and sum(stop - start for start, stop in ranges) >= MAP_NBYTES:
                whole = _map(file.fileno(), os.fstat(file.fileno()).st_size)
                return [whole[start:stop] for start, stop in ranges]
            return [_read(file.fileno(), start, stop - start) for start, stop in ranges]

    def head(self, key: str) -> Head | None:
        """Length, and time and length as version."""
        with self._errors(key):
            try:
                found = os.stat(self._path(key))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Head(key, found.st_size, f"{found.st_mtime_ns}-{found.st_size}")

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return self.head(key) is not None

    def heads(self, prefix: str = "") -> Iterator[Head]:
        """Walk through the directory; files that vanish meanwhile are left out."""
        return (found for key in self.list(prefix) if (found := self.head(key)) is not None)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Walk through the directory without asking for lengths."""
        folders = [prefix.strip("/")]
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                key = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(key)
                elif not entry.name.startswith(TEMPORARY):
                    yield key

    def _entries(self, folder: str) -> Sequence[os.DirEntry[str]]:
        path = self._path(folder) if folder else self.root
        with self._errors(folder):
            try:
                with os.scandir(path) as found:
                    return list(found)
            except (FileNotFoundError, NotADirectoryError):
                return []

    def delete(self, key: str) -> None:
        """Remove a file."""
        with self._errors(key):
            self.files.remove(self._path(key))

    def delete_prefix(self, prefix: str) -> None:
        """Remove a directory, all in it, and those above that are empty then; what others write meanwhile may stay."""
        prefix = prefix.strip("/")
        with self._errors(prefix):
            self._remove_tree(self._path(prefix) if prefix else self.root, keep=not prefix)
            while prefix := prefix.rpartition("/")[0]:
                try:
                    os.rmdir(self._path(prefix))
                except OSError:  # there is more in it
                    break

    def _remove_tree(self, path: str, keep: bool) -> None:
        """Remove a directory from its leaves up; others may write into it and delete from it at the same time."""

        def unless_gone(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise error

        for folder, _, names in os.walk(path, topdown=False, onerror=unless_gone):
            for name in names:
                self.files.remove(f"{folder}/{name}")
            if folder != path or not keep:
                with suppress(OSError):
                    os.rmdir(folder)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Say in one line what the system's error means."""
        try:
            yield
        except FileNotFoundError as error:
            raise MissingTileError(f"there is no {key} in {self.root}") from error
        except PermissionError as error:
            raise AccessError(f"{self.root}/{key}: {error.strerror}; check who owns the directory") from error
        except (StoreError, AccessError):
            raise
        except OSError as error:
            raise StoreError(f"{self.root}/{key}: {error.strerror or error}") from error


def _map(handle: int, nbytes: int) -> memoryview:
    """The file's pages in the page cache; a copy where it cannot be mapped."""
    import mmap

    try:
        mapped = mmap.mmap(handle, nbytes, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return _read(handle, 0, nbytes)
    if hasattr(mmap, "MADV_WILLNEED"):
        mapped.madvise(mmap.MADV_WILLNEED)
    return memoryview(mapped)


def _read(handle: int, start: int, nbytes: int) -> memoryview:
    """Bytes of a file from `start` on, at most `nbytes`."""
    view = empty_bytes(nbytes)
    os.lseek(handle, start, os.SEEK_SET)
    done = 0
    while done < nbytes:
        got = os.readv(handle, [view[done:]])
        if got == 0:
            break
        done += got
    return view[:done].toreadonly()
