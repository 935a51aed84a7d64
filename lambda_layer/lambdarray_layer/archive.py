"""Zip files whose bytes depend on their contents alone: sorted names, one time stamp, one mode."""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

# The oldest time that a zip can hold; .pyc files are checked by hash, or not at all, so none is needed.
_TIME = (1980, 1, 1, 0, 0, 0)


def write_zip(target: Path, files: Iterable[tuple[PurePosixPath, Path]], compress: bool = True, level: int = 6) -> None:
    """Write `files` (name in the zip, file on disk) to `target`, all or nothing.

    The same files give the same bytes. Without `compress` they do so whatever the zlib.
    """
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(partial, "w", method, compresslevel=level if compress else None) as archive:
        for name, path in sorted(files, key=lambda item: str(item[0])):
            info = zipfile.ZipInfo(str(name), _TIME)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = (0o100755 if path.suffix == ".so" else 0o100644) << 16
            archive.writestr(info, path.read_bytes())
    partial.replace(target)


def code_sha256(path: Path) -> str:
    """The hash of a zip as Lambda states it: SHA-256 in base 64."""
    return base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def unzipped_bytes(path: Path) -> int:
    """The bytes that a zip's files take when Lambda has unpacked it."""
    with zipfile.ZipFile(path) as archive:
        return sum(info.file_size for info in archive.infolist())
