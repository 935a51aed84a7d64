"""What the layer holds: one readable file a dependency under `pins/`, with its version and what is cut away."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

PINS = Path(__file__).parent / "pins"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ARCHES = ("x86_64", "arm64")

# Cut from every dependency: a function needs no stubs, headers, static libraries or installer records. METADATA
# stays, for importlib.metadata.
CUT_EVERYWHERE = (
    "**/*.pyi", "**/*.pxd", "**/*.pyx", "**/*.h", "**/*.c", "**/*.a", "**/*.pyc", "**/py.typed", "bin",
    "*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED", "*.dist-info/WHEEL",
    "*.dist-info/direct_url.json", "*.dist-info/entry_points.txt", "*.dist-info/top_level.txt", "*.dist-info/sboms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pin:
    """A dependency of the layer at one version.

    `cut` lists glob patterns of files and folders to drop; where `keep` is set, all that it does not match is dropped.

    >>> Pin("numpy", "2.4.6").requirement
    'numpy==2.4.6'
    """

    name: str
    version: str
    keep: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """The line that pip takes."""
        return f"{self.name}=={self.version}"


def read_pins(folder: Path = PINS) -> tuple[Pin, ...]:
    """The layer's dependencies, by name.

    >>> [pin.name for pin in read_pins()]
    ['cloudpickle', 'crc32c', 'numpy', 'obstore', 'scipy', 'threadpoolctl']
    """
    return tuple(_read_pin(path) for path in sorted(folder.glob("*.toml")))


def _read_pin(path: Path) -> Pin:
    import tomllib

    data = tomllib.loads(path.read_text("utf-8"))
    return Pin(path.stem, data["version"], tuple(data.get("keep", ())), tuple(data.get("cut", ())))


def layer_key(pins: tuple[Pin, ...], arch: str, python: str) -> str:
    """What names a layer's contents: a hash of its pins, what is cut, its architecture and Python.

    Two builds of one key hold the same modules, whoever built them; the bytes may differ with the `.pyc` files.
    """
    parts = [[p.name, p.version, p.keep, p.cut] for p in pins]
    text = json.dumps([parts, CUT_EVERYWHERE, arch, python], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_kept(path: PurePosixPath, pins: tuple[Pin, ...]) -> bool:
    """Whether the file at `path`, relative to the installed folder, belongs in the layer.

    >>> pins = read_pins()
    >>> is_kept(PurePosixPath("scipy/linalg/_basic.py"), pins), is_kept(PurePosixPath("scipy/stats/qmc.py"), pins)
    (True, False)
    """
    name = str(path)
    if _matches(name, CUT_EVERYWHERE):
        return False
    for pin in pins:
        if path.parts[0] in (pin.name, f"{pin.name}.libs"):
            kept = not pin.keep or _matches(name, pin.keep)
            return kept and not _matches(name, pin.cut)
    return True


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(_regex(pattern).match(name) for pattern in patterns)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    # A pattern that names a folder covers all below it; "*" stays within one folder, "**/" is any number of them.
    text = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"/\*\*", "/.*").replace(r"\*", "[^/]*")
    return re.compile(f"(?:{text})(?:/.*)?$")
