"""Profiles: machines in TOML files that a person can read, shipped with the package or measured by `calibrate`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ConfigError
from .constants import read_table
from .machine import ARCHITECTURES, Machine

THREADS = "threads"
PRICES = "prices"
SHIPPED = "lambdarray.profiles"


@cache
def names() -> tuple[str, ...]:
    """The names of the shipped profiles.

    >>> names()
    ('lambda-arm64', 'lambda-x86_64', 'threads')
    """
    found = (Path(entry.name) for entry in files(SHIPPED).iterdir())
    return tuple(sorted(p.stem for p in found if p.suffix == ".toml" and p.stem != PRICES))


def profile(name: str) -> Machine:
    """The machine of a shipped profile, by name, or of a file; ConfigError where there is none or it cannot be.

    >>> profile("lambda-arm64").functions.architecture
    'arm64'
    """
    if name in names():
        return _shipped(name)
    path = Path(name).expanduser()
    try:
        return _read(str(path), path.stat().st_mtime_ns)
    except OSError as error:
        raise ConfigError(
            f"profile={name!r} is none of the shipped ones ({', '.join(names())}), nor a file that can be read "
            f"({error.strerror or error}); 'lambdarray calibrate --out FILE' writes one"
        ) from None


def of_architecture(architecture: str) -> Machine:
    """The shipped profile of functions of an architecture; ConfigError for an unknown one.

    >>> of_architecture("x86_64").name
    'lambda-x86_64'
    """
    if architecture not in ARCHITECTURES:
        raise ConfigError(f"architecture={architecture!r} is not one of {', '.join(map(repr, ARCHITECTURES))}")
    return _shipped(f"lambda-{architecture}")


def machine_here(config: Config) -> Machine:
    """What a worker of this machine is: the settings' profile where that is of such, else the shipped one."""
    found = profile(config.profile) if config.profile else None
    return _shipped(THREADS) if found is None or found.remote else found


def machine_there(config: Config, architecture: str = ARCHITECTURES[0]) -> Machine:
    """What a function is: the settings' profile where that is of functions, else the architecture's."""
    found = profile(config.profile) if config.profile else None
    return found if found is not None and found.remote else of_architecture(architecture)


def machine_of(config: Config) -> Machine:
    """What a worker of the settings' executor is."""
    return machine_here(config) if config.local else machine_there(config)


def from_toml(text: str, file: str) -> Machine:
    """The machine that the text of a profile describes; errors name `file`.

    Where it is of functions it has the shipped prices, but those that its own table `prices` has.
    """
    table = {"name": Path(file).stem, **_parsed(text, file)}
    if isinstance(functions := table.get("functions"), dict):
        table["prices"] = {**_prices(functions.get("architecture")), **table.get("prices", {})}
    return read_table(Machine, table, f"profile {file}")


def _parsed(text: str, file: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"profile {file}: it is not TOML: {error}") from None


def _prices(architecture: Any) -> dict[str, Any]:
    """The shipped prices, of which memory has one for each architecture."""
    table = _parsed(_shipped_text(PRICES), PRICES)
    by_architecture = table.pop("dollars_per_gib_s")
    return {**table, "dollars_per_gib_s": by_architecture.get(architecture, by_architecture[ARCHITECTURES[0]])}


def _shipped_text(name: str) -> str:
    return files(SHIPPED).joinpath(f"{name}.toml").read_text(encoding="utf-8")


@cache
def _shipped(name: str) -> Machine:
    return from_toml(_shipped_text(name), f"{name}.toml")


@cache
def _read(path: str, modified_ns: int) -> Machine:
    return from_toml(Path(path).read_text(encoding="utf-8"), path)
