"""The function's own package: the modules of lambdarray that a worker may need, in a deterministic zip.

Client and function must be of one version. It is the release and a hash of the sources shipped, so that two checkouts
of one release that differ are told apart; the function has it as LAMBDARRAY_VERSION.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from .archive import code_sha256, write_zip
from .build import cache_folder
from .bytecode import BuildError, compile_folder, interpreter

HANDLER = "lambdarray.runtime.handler.handler"
KEEP_COUNT = 8
PACKAGES = ("lambdarray", "lambdarray_kernels")

# Parts that only a client runs: a change there must not ask for a new deployment.
_CLIENT_ONLY = (
    "lambdarray/cloud/",
    "lambdarray/cli.py",
    "lambdarray/__main__.py",
    "lambdarray/demo.py",
    "lambdarray/scratch.py",
)


@dataclass(frozen=True, slots=True)
class Package:
    """A built function package: its zip, the version of its sources, and whether it has `.pyc` files."""

    path: Path
    version: str
    compiled: bool

    @property
    def code_sha256(self) -> str:
        """The hash of the zip, as Lambda states a function's CodeSha256."""
        return code_sha256(self.path)


@cache
def package_version() -> str:
    """The version that a function must have to work with this client: the release and a hash of the sources shipped.

    It costs a few milliseconds once a process.

    >>> package_version() == package_version()
    True
    """
    from lambdarray._version import __version__

    digest = hashlib.sha256()
    for name, path in sorted(_sources()):
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return f"{__version__}+{digest.hexdigest()[:12]}"


def build_package(python: str, folder: Path | None = None) -> Package:
    """The function's zip for minor version `python`, in `folder` (the cache).

    It is not compressed: so its bytes, and with them Lambda's CodeSha256, do not hang on the zlib at hand.
    """
    version = package_version()
    compiled = interpreter(python) is not None
    target = (folder or cache_folder().parent / "packages") / f"{version}-py{python}{'' if compiled else '-source'}.zip"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        _build(target, python)
        _drop_old(target.parent)
    return Package(target, version, compiled)


def _build(target: Path, python: str) -> None:
    with tempfile.TemporaryDirectory(prefix="lambdarray-package-") as scratch:
        root = Path(scratch) / "package"
        for name, path in _sources():
            copy = root / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        compile_folder(root, python)
        write_zip(target, [(PurePosixPath(p.relative_to(root)), p) for p in _files(root)], compress=False)


def _drop_old(folder: Path) -> None:
    """Keep the newest packages only: each edit of a checkout makes another."""
    by_age = sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime)
    for path in by_age[:-KEEP_COUNT]:
        path.unlink(missing_ok=True)


def _sources() -> Iterator[tuple[str, Path]]:
    """Every file that is shipped: its name in the zip and its path."""
    for package in PACKAGES:
        root = _package_folder(package)
        for path in _files(root):
            name = f"{package}/{path.relative_to(root).as_posix()}"
            if not name.startswith(_CLIENT_ONLY) and not _is_litter(path):
                yield name, path


def _is_litter(path: Path) -> bool:
    """Whether a file is no part of the sources: bytecode, and what editors leave."""
    return "__pycache__" in path.parts or path.name.startswith(".") or path.name.endswith((".pyc", "~"))


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BuildError(f"{package} is not installed as a folder; install lambdarray with pip")
    return Path(spec.submodule_search_locations[0])
