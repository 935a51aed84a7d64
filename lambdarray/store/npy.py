"""NumPy's own files: mapped to be read, written in place of what was there once they are whole, and stacks of them."""

from __future__ import annotations

import errno
import io
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorruptTileError, StoreError
from ..tiling import Cuts


@contextmanager
def new_file(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[np.ndarray]:
    """A mapped array to fill, which becomes the file at `path` when all went well, and nothing else."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    try:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=dtype, shape=shape)
        _reserve(temporary)
        yield array
        array.flush()
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _reserve(path: Path) -> None:
    """Have the disk's blocks now: where a mapped page finds none, the process is killed."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # not every file system can
                    raise


class NpyStack:
    """A directory as Dask's `to_npy_stack` writes it: `0.npy`, `1.npy` and so on, one after the other along an axis.

    A file is opened when a part of it is read, so that a stack may have more of them than a process may hold open.
    """

    def __init__(self, path: Path, chunks: tuple[tuple[int, ...], ...], dtype: np.dtype[Any], axis: int) -> None:
        self.path, self.chunks, self.dtype, self.axis = path, chunks, np.dtype(dtype), axis
        self.shape = tuple(map(sum, chunks))
        # Files of no elements are files too, which `Cuts` would leave out.
        self._bounds = np.concatenate([[0], np.cumsum(chunks[axis], dtype=np.int64)])

    @classmethod
    def open(cls, path: Path) -> NpyStack:
        """The stack in a directory; raises StoreError where what it says of itself is not as it must be."""
        found = _read_info(path / "info")
        try:
            return cls(path, found["chunks"], found["dtype"], found["axis"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StoreError(f"{path / 'info'} does not describe a stack of .npy files: {error!r}") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NpyStack) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def write_info(self) -> None:
        """Say what the files are, as Dask does."""
        info = {"chunks": self.chunks, "dtype": self.dtype, "axis": self.axis}
        (self.path / "info").write_bytes(pickle.dumps(info))

    def __setitem__(self, key: tuple[slice, ...], tile: np.ndarray) -> None:
        """Write one file: its place along the axis is the tile's."""
        number = int(np.searchsorted(self._bounds, key[self.axis].start))
        with new_file(self.path / f"{number}.npy", tile.shape, self.dtype) as array:
            array[...] = tile

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        """Read a region, of as many files as it lies in."""
        lo, hi, _ = key[self.axis].indices(self.shape[self.axis])
        cuts = Cuts(self.shape[self.axis], 0, self._bounds)
        first, last = cuts.tiles(lo, hi)
        parts = []
        for number in range(first, last) if hi > lo else (0,):
            start, stop = cuts.span(number)
            local = slice(max(lo - start, 0), min(hi, stop) - start) if hi > lo else slice(0, 0)
            parts.append(self._file(number)[(*key[: self.axis], local, *key[self.axis + 1 :])])
        return parts[0] if len(parts) == 1 else np.concatenate(parts, self.axis)

    def _file(self, number: int) -> np.ndarray:
        path = self.path / f"{number}.npy"
        found: np.ndarray = np.load(path, mmap_mode="r")
        expected = list(self.shape)
        expected[self.axis] = self.chunks[self.axis][number]
        if found.shape != tuple(expected) or found.dtype != self.dtype:
            raise CorruptTileError(f"{path} holds {found.dtype} {found.shape}, not {self.dtype} {tuple(expected)}")
        return found


class _InfoUnpickler(pickle.Unpickler):
    """Makes dtypes, and refuses everything else that a pickle may ask for."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "numpy" and name == "dtype":
            return np.dtype
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _read_info(path: Path) -> Mapping[str, Any]:
    try:
        found = _InfoUnpickler(io.BytesIO(path.read_bytes())).load()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, IndexError) as error:
        raise StoreError(f"{path} does not describe a stack of .npy files: {error}") from error
    if not isinstance(found, dict):
        raise StoreError(f"{path} does not describe a stack of .npy files: it holds {type(found).__name__}")
    return found
