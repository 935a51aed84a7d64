"""Building the layer: install the pins for the function's machine, cut what it does not need, compile, zip.

    pip install --target  ->  prune  ->  .pyc  ->  a zip whose bytes depend on its contents alone

A build is kept under `$XDG_CACHE_HOME/lambdarray/layers/<key>/` and made once.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambdarray.errors import ConfigError

from .archive import unzipped_bytes, write_zip
from .bytecode import BuildError, compile_folder, interpreter, run_tool, running_python
from .requirements import ARCHES, PYTHONS, Pin, is_kept, layer_key, read_pins

UNZIPPED_LIMIT_BYTES = 250 * 2**20
DIRECT_LIMIT_BYTES = 50 * 2**20

# pip takes each platform by its exact name: a list that lacks one silently falls back to an older release.
_MANYLINUX = ("2_34", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17")
_MACHINE = {"x86_64": "x86_64", "arm64": "aarch64"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Layer:
    """A built layer: its zip, the key of its contents, and whether it has `.pyc` files."""

    path: Path
    key: str
    arch: str
    python: str
    compiled: bool

    @property
    def zip_bytes(self) -> int:
        """The size of the zip."""
        return self.path.stat().st_size

    @property
    def unzipped_bytes(self) -> int:
        """The size when unpacked, which Lambda limits to 250 MB together with the function's package."""
        return unzipped_bytes(self.path)

    def summary(self) -> str:
        """One line for people."""
        pyc = "with .pyc" if self.compiled else f"without .pyc (no python{self.python} on PATH: slower cold starts)"
        sizes = f"{self.unzipped_bytes / 2**20:.1f} MiB unzipped, {self.zip_bytes / 2**20:.1f} MiB zipped"
        return f"layer for {self.arch}, Python {self.python}: {sizes}, {pyc}"


def build_layer(arch: str = "x86_64", python: str | None = None, say: Say = lambda line: None) -> Layer:
    """The layer for a function of `arch` and minor version `python` (the running one); built, or from the cache.

    Raises ConfigError for an architecture or a Python that Lambda lacks, BuildError where pip fails or the layer
    outgrows Lambda's 250 MB.
    """
    python = python or default_python()
    check_target(arch, python)
    pins = read_pins()
    key = layer_key(pins, arch, python)
    compiled = interpreter(python) is not None
    path = cache_folder() / key / ("layer.zip" if compiled else "layer-source.zip")
    if not path.exists():
        say(f"building the layer for {arch}, Python {python} ...")
        _build(path, pins, arch, python)
    layer = Layer(path, key, arch, python, compiled)
    _check_size(layer)
    return layer


def default_python() -> str:
    """The minor version that runs, which a user's own functions need on both sides."""
    return running_python()


def check_target(arch: str, python: str) -> None:
    """Raise ConfigError unless Lambda has this architecture and Python.

    >>> check_target("arm64", "3.13")
    """
    if arch not in ARCHES:
        raise ConfigError(f"arch={arch!r}: Lambda has {' and '.join(ARCHES)}")
    if python not in PYTHONS:
        have = f"lambdarray runs on Lambda's Python {PYTHONS[0]} to {PYTHONS[-1]}"
        raise ConfigError(f"python={python!r}: {have}; say --python with one of {', '.join(PYTHONS)}")


def cache_folder() -> Path:
    """Where builds are kept: `$XDG_CACHE_HOME/lambdarray/layers`, or the same under `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "lambdarray" / "layers"


def _build(target: Path, pins: tuple[Pin, ...], arch: str, python: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lambdarray-layer-") as scratch:
        folder = Path(scratch) / "python"
        _install(folder, pins, arch, python)
        prune(folder, pins)
        compile_folder(folder, python)
        files = [(PurePosixPath("python", p.relative_to(folder)), p) for p in folder.rglob("*") if p.is_file()]
        write_zip(target, files, level=9)


def _install(folder: Path, pins: tuple[Pin, ...], arch: str, python: str) -> None:
    # --no-deps, because pip resolves markers for the Python it runs under, not for the target's.
    command = [sys.executable, "-P", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-input"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", "--target", str(folder)]
    command += [*_platform(arch, python), *(pin.requirement for pin in pins)]
    # A configured --user would clash with --target.
    done = run_tool(command, {"PIP_USER": "0"}, timeout_s=900)
    if "No module named pip" in done.stderr:
        raise BuildError(f"{sys.executable} has no pip, which fetches the layer's wheels; run: python -m ensurepip")
    if done.returncode != 0:
        raise BuildError(f"pip could not get the layer's wheels for {arch}, Python {python}:\n{done.stderr.strip()}")


def _platform(arch: str, python: str) -> list[str]:
    tag = f"cp{python.replace('.', '')}"
    machine = _MACHINE[arch]
    names = [f"manylinux_{glibc}_{machine}" for glibc in _MANYLINUX] + [f"manylinux2014_{machine}"]
    out = ["--implementation", "cp", "--python-version", python]
    for abi in (tag, "abi3", "none"):
        out += ["--abi", abi]
    for name in names:
        out += ["--platform", name]
    return out


def prune(folder: Path, pins: tuple[Pin, ...]) -> None:
    """Delete what the layer does not need from an installed `folder`, and folders left empty."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif not is_kept(PurePosixPath(path.relative_to(folder)), pins):
            path.unlink()


def _check_size(layer: Layer) -> None:
    size = layer.unzipped_bytes
    if size > UNZIPPED_LIMIT_BYTES:
        raise BuildError(
            f"the layer takes {size / 2**20:.0f} MiB unzipped and Lambda allows {UNZIPPED_LIMIT_BYTES / 2**20:.0f} "
            f"with the function's package; cut more in {layer.path.parent} or its pins"
        )


def copy_layer(layer: Layer, target: Path) -> Path:
    """Copy the built zip to `target`, a file or a folder, and return where it went."""
    if target.is_dir():
        target = target / f"lambdarray-layer-{layer.arch}-py{layer.python.replace('.', '')}.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(layer.path, target)
    return target
